"""Disks that are full, really: small file systems in memory, which only root can mount."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from db.embedded.home import find_binaries, prepare_home
from tests.api.commands.conftest import Answer, Server, until
from tests.conftest import open_folder
from tests.faults.postgres import Cluster, program_folder

Start = Callable[..., Server]
SUPPLIER = b'{"name":"Atelier","offers":[{"segments":["pr-locaux"]}]}'
NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","segments":["pr-locaux"]}]}'
MIB = 1 << 20


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """A file system of its own at `folder`, of that size."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=1777", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder with 96 MiB of room."""
    with open_folder() as folder, small_disk(folder, 96):
        yield folder


def fill(folder: Path) -> Path:
    """The file that leaves no room beside it."""
    full = folder / "full"
    with full.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(MIB)):
                pass
        except OSError:
            return full
    raise AssertionError


def slug(answer: Answer) -> str:
    return str(json.loads(answer.body)["type"]).rpartition("/")[2]


@contextmanager
def database_in(folder: Path) -> Iterator[Cluster]:
    """A PostgreSQL whose files are in the folder."""
    home = prepare_home(folder)
    cluster = Cluster(home, find_binaries(program_folder(), home.account).folder)
    try:
        cluster.start_primary()
        yield cluster
    finally:
        cluster.end()


def test_a_full_temporary_folder_refuses_what_is_received_and_keeps_nothing_of_it(disk: Path, start: Start) -> None:
    """An import of more than there is room for: 503, the room is free again, and a smaller one goes through."""
    server = start(TMPDIR=str(disk), VIVIER_IMPORT_LIMIT_MIB="512").ready()
    before = {path.name for path in disk.iterdir()}
    row = b'{"external_id":"%d","supplier":' + SUPPLIER + b"}\n"
    refused = server.ask("POST", "/sources/a/imports", b" " * (200 * MIB), **{"Content-Type": "application/x-ndjson"})
    assert (refused.status, slug(refused)) == (503, "storage-full")
    assert {path.name for path in disk.iterdir()} == before
    assert shutil.disk_usage(disk).free > 90 * MIB
    taken = server.ask("POST", "/sources/a/imports", row % 1, **{"Content-Type": "application/x-ndjson"})
    assert taken.status in {200, 201, 202}, taken.body


def test_a_full_disk_of_the_database_loses_nothing_and_is_left_when_there_is_room(start: Start) -> None:
    """Writes are refused with 503, matches go on from memory, and what was acknowledged is there."""
    with open_folder() as folder, small_disk(folder, 192), database_in(folder) as cluster:
        server = start(DATABASE_URL=cluster.url(), VIVIER_DATABASE_SECONDS="2").ready()
        acknowledged: list[int] = []
        refused: list[int] = []

        def put(number: int) -> bool:
            status = server.ask("PUT", f"/sources/a/suppliers/{number}", SUPPLIER).status
            acknowledged.extend([number] if status < 300 else [])
            refused.extend([status] if status >= 300 else [])
            return status < 300

        assert put(0)
        full = fill(folder)
        numbers = count(1)
        until(lambda: not put(next(numbers)))
        assert set(refused) == {503}
        assert server.ask("POST", "/match", NEED).status == 200
        full.unlink()
        until(lambda: put(next(numbers)))
        assert set(refused) == {503}
        for number in acknowledged:
            assert server.ask("GET", f"/sources/a/suppliers/{number}").status == 200, number
