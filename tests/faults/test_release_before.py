"""The release before and this one, on one database: both serve, each reads what the other wrote and follows it."""

import asyncio
import json
import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from api.web.content_negotiation import MERGE_PATCH
from tests.api.commands.conftest import Server, decoded, until
from tests.api.sync.factories import path_of, record
from tests.api.test_isolation import Party, party, paths_of
from tests.api.test_next_release import MATCHED, serving, whose_client
from tests.conftest import ROOT
from tests.factories import reference
from tests.faults.postgres import Cluster

BEFORE = "ca5e051ed3209ca2e25aabf1174b5cc7959a8508"
"""Its commit."""
ROOMS = ("api", "db", "domain", "matching", "sources", "openapi")


@pytest.fixture
def before(start: Callable[..., Server], cluster: Cluster, tmp_path: Path) -> Callable[[], Server]:
    """Starts a server of the release before, from its sources in the repository."""
    packed = subprocess.run(["git", "archive", BEFORE, *ROOMS], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip("the repository does not go back to the release before")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(tmp_path / "before", filter="data")
    return lambda: start(DATABASE_URL=cluster.url(), PYTHONPATH=str(tmp_path / "before")).ready()


def readable_paths(server: Server, whose: Party) -> list[str]:
    """The paths that a server says it reads, with a party's ids."""
    routes = decoded(server.ask("GET", "/openapi.json"))["paths"]
    filled = (path for route in routes if "get" in routes[route] for path in paths_of(route, whose, whose))
    return [path for path in dict.fromkeys(filled) if path != "/suppliers/changes"]  # which waits


def read_all(server: Server, paths: list[str], whose: Party) -> dict[str, int]:
    key = whose.member.headers["Authorization"].removeprefix("Bearer ")
    return {path: server.ask("GET", path, key=key).status for path in paths}


async def test_they_serve_side_by_side(before: Callable[[], Server], cluster: Cluster, tmp_path: Path) -> None:
    server = await asyncio.to_thread(before)
    async with serving(cluster.url(), tmp_path / "this", reference()) as client:
        whose = await party(client, "neuf")
        source, need = whose.ids["source"], whose.ids["need"]
        member = whose_client(client, whose)
        paths = await asyncio.to_thread(readable_paths, server, whose)
        read = await asyncio.to_thread(read_all, server, paths, whose)
        here = {path: (await member.get(path)).status_code for path in paths}
        assert read == here
        assert list(read.values()).count(200) > 50

        put = path_of(source, "ancien")
        sent = json.dumps(record(put, name="Jardins d'avant")).encode()
        stored = await asyncio.to_thread(lambda: server.ask("PUT", put, sent))
        assert stored.status == 201, stored.body
        patching = member.headers | {"Content-Type": MERGE_PATCH}
        patching["If-Match"] = (await member.get(f"/needs/{need}")).headers["ETag"]
        change = b'{"title": "avant"}'
        changed = await asyncio.to_thread(lambda: server.ask("PATCH", f"/needs/{need}", change, **patching))
        assert changed.status == 200, changed.body
        await client.services.directory.wait_beyond(decoded(stored)["data_version"] - 1, 60)
        assert "Jardins d'avant" in (await client.post("/match", json=MATCHED)).text
        assert (await member.get(f"/needs/{need}")).json()["title"] == "avant"
        assert {path: (await member.get(path)).status_code for path in paths} == here

        put = path_of(source, "nouveau")
        await client.put(put, json=record(put, name="Jardins de maintenant"))
        asked = json.dumps(MATCHED).encode()
        await asyncio.to_thread(
            lambda: until(lambda: b"Jardins de maintenant" in server.ask("POST", "/match", asked).body)
        )
        again = await asyncio.to_thread(before)
        assert await asyncio.to_thread(read_all, again, paths, whose) == read
