"""Large uploads to a server of its own, over a real connection."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import ADMIN_KEY
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NDJSON, RECORD
from tests.conftest import ROOT

MIB = 1 << 20
LIMIT_MIB = 64
ROWS = 1_000
ROW_BYTES = 50_000


@pytest.fixture
def server(database_url: str) -> Iterator[tuple[httpx.AsyncClient, int]]:
    """A client of a server in a process of its own, and that process."""
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "VIVIER_ADMIN_KEY": ADMIN_KEY,
        "VIVIER_IMPORT_LIMIT_MIB": str(LIMIT_MIB),
        "VIVIER_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "api.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address is not None
            headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": NDJSON}
            yield httpx.AsyncClient(base_url=address[0], headers=headers, timeout=60), process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def row(number: int) -> bytes:
    """A record and many blanks: large on the way, small in memory."""
    written = json.dumps({"external_id": str(number), **RECORD, "name": f"Atelier {number}"}).encode()
    return written.ljust(ROW_BYTES) + b"\n"


async def stream(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield row(number)


def peak_memory(pid: int) -> int:
    """The most memory the process ever held, in bytes."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("this system does not tell how much memory a process took")
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024


async def test_a_large_body_is_spooled_and_stored_and_one_beyond_the_limit_refused(
    server: tuple[httpx.AsyncClient, int],
) -> None:
    """Fifty megabytes, in pieces and unannounced, take a small part of that in memory; more are counted as they arrive.

    The server goes on after that.
    """
    client, pid = server
    async with client:
        await client.post("/sources/warm/imports", content=stream(20))
        before = peak_memory(pid)
        answer = await client.post("/sources/large/imports", content=stream(ROWS))
        assert (answer.status_code, answer.json()["added"]) == (200, ROWS)
        assert peak_memory(pid) - before < ROWS * ROW_BYTES / 2
        beyond = LIMIT_MIB * MIB // ROW_BYTES + 1
        assert_refused(await client.post("/sources/larger/imports", content=stream(beyond)), 413, "body-too-large")
        assert (await client.get("/suppliers?source=larger")).json()["items"] == []
