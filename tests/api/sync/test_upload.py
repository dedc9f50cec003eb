"""Large uploads over a real connection."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.api.refusals import assert_refused
from tests.api.sync.factories import NDJSON, RECORD, Client

MIB = 1 << 20
LIMIT_MIB = 64
ROWS = 250
ROW_BYTES = 200_000


def row(number: int) -> bytes:
    """A record and many blanks: large on the way, small in memory."""
    written = json.dumps({"external_id": str(number), **RECORD, "name": f"Atelier {number}"}).encode()
    return written.ljust(ROW_BYTES) + b"\n"


async def stream(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield row(number)


def peak_memory(*, anew: bool = False) -> int:
    """The most memory this process held, in bytes; `anew`: since now."""
    try:
        if anew:
            Path("/proc/self/clear_refs").write_text("5")
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    except OSError:
        pytest.skip("this system does not tell how much memory a process took")


async def test_a_large_body_is_spooled_and_stored_and_one_beyond_the_limit_refused(
    served: Client, address: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty megabytes, in pieces and unannounced, take a small part of that in memory; more are counted as they arrive.

    The server goes on after that.
    """
    services = served.services
    monkeypatch.setattr(services, "settings", replace(services.settings, import_limit=LIMIT_MIB * MIB))
    headers = {**served.headers, "Content-Type": NDJSON}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
        await client.post(f"/sources/{source}/imports", content=stream(20))
        before = peak_memory(anew=True)
        answer = await client.post(f"/sources/{source}-large/imports", content=stream(ROWS))
        assert (answer.status_code, answer.json()["added"]) == (200, ROWS)
        assert peak_memory() - before < ROWS * ROW_BYTES / 2
        beyond = LIMIT_MIB * MIB // ROW_BYTES + 1
        refused = await client.post(f"/sources/{source}-larger/imports", content=stream(beyond))
        assert_refused(refused, 413, "body-too-large")
        assert (await client.get(f"/suppliers?source={source}-larger")).json()["items"] == []
