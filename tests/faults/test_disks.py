"""Disks that are full, really: small file systems in memory, which only root can mount; or that cannot be written.

As in `deploy/`: a server without any right of the system, on a file system of which it writes nothing but /tmp.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from db.embedded.home import find_binaries, prepare_home
from tests.api.commands.conftest import ADMIN_KEY, KEPT, VIVIER, Answer, Server, decoded, until, vivier
from tests.api.desk.steps import Fields
from tests.conftest import ROOT, open_folder
from tests.faults.postgres import Cluster, free_port, program_folder

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


def sign_in(browser: httpx.Client) -> httpx.Response:
    """The answer to the administrator's key in the form of the page to sign in."""
    browser.cookies.clear()
    fields = Fields(browser.get("/connexion").text).forms["connexion"]
    return browser.post("/connexion", data=fields | {"cle": [ADMIN_KEY]})


def test_a_full_disk_of_the_database_begins_no_session_and_ends_none(start: Start) -> None:
    """Who was signed in reads on; who would sign in is told to come later, and is not half signed in."""
    with open_folder() as folder, small_disk(folder, 192), database_in(folder) as cluster:
        server = start(DATABASE_URL=cluster.url(), VIVIER_DATABASE_SECONDS="2").ready()
        of_browsers = {"base_url": f"http://{server.netloc}", "headers": {"Accept": "text/html"}, "timeout": 60.0}
        with httpx.Client(**of_browsers) as before, httpx.Client(**of_browsers) as late:  # type: ignore[arg-type]
            assert sign_in(before).status_code == 303
            full = fill(folder)
            until(lambda: sign_in(late).status_code == 503)
            assert late.get("/besoins").status_code in {303, 401}, "nobody is signed in by a refusal"
            assert before.get("/besoins").status_code in {200, 503}
            full.unlink()
            until(lambda: sign_in(late).status_code == 303)
            assert [each.get("/besoins").status_code for each in (before, late)] == [200, 200]


def test_an_export_without_room_is_whole_or_refused(disk: Path, start: Start, cluster: Cluster, tmp_path: Path) -> None:
    """The pool as a package, and a need's record as a folder: no half of either is told as the whole."""
    server = start(DATABASE_URL=cluster.url(), TMPDIR=str(disk)).ready()
    need = decoded(server.ask("POST", "/needs", NEED[:-1] + b',"title":"Nettoyage"}'))["need"]["id"]
    server.ask("PUT", "/sources/a", b'{"label":"A","licence":"etalab-2.0"}')
    offers = [{"segments": ["pr-locaux"], "label": "x" * 200}] * 30
    rows = "\n".join(json.dumps({"external_id": str(n), "name": f"Atelier {n}", "offers": offers}) for n in range(500))
    taken = server.ask("POST", "/sources/a/imports", rows.encode(), **{"Content-Type": "application/x-ndjson"})
    assert taken.status == 200, taken.body
    fill(disk)
    try:
        package = server.ask("GET", "/exports/pool.zip")
    except HTTPException:  # cut in its midst, as the reader sees
        package = None
    if package and package.status == 200:
        with ZipFile(BytesIO(package.body)) as whole:
            assert whole.testzip() is None
            assert len(whole.read("offers.csv").splitlines()) == 500 * 30 + 1
    else:
        assert package is None or slug(package) == "storage-full"
    for folder, status in ((disk / "record", 2), (tmp_path / "record", 0)):
        done = vivier(server.home, "audit", "export", need, str(folder), DATABASE_URL=cluster.url())
        assert (done.returncode, "verify:" in done.stdout) == (status, status == 0), done.stderr


CONFINED = """
mount --make-rprivate / && cd "$1" && mount -t tmpfs -o size=256m tmpfs /tmp &&
{ [ -e "$1" ] || { mkdir -p "$1" && mount --no-canonicalize --bind . "$1" && mount -o remount,ro,bind "$1"; }; } &&
mount -o remount,ro,bind / / && ! touch /usr/written "$1/written" 2>/dev/null || exit 9
shift && cd / && exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
"""
"""A shell's words. Their first is this checkout, which is shown again where the empty /tmp has hidden it."""


@pytest.fixture
def port(cluster: Cluster) -> Iterator[int]:
    """The port of such a server."""
    confined = [*("unshare", "--mount", "sh", "-ec"), CONFINED, "sh", str(ROOT)]
    if not (shutil.which("unshare") and shutil.which("setpriv") and os.geteuid() == 0):
        pytest.skip("nothing can be confined here: it takes root, unshare and setpriv")
    if subprocess.run([*confined, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount can be made here")
    port = free_port()
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    settings = {"VIVIER_HOME": "/tmp/vivier", "VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": cluster.url()}
    process = subprocess.Popen(
        [*confined, VIVIER, "serve", "--port", str(port), "--workers", "2"], env=kept | settings, cwd=ROOT
    )
    yield port
    process.terminate()
    assert process.wait(30) == 0


def test_a_server_that_can_write_next_to_nothing_serves(port: int) -> None:
    """It migrates, builds its index, takes an import and answers."""

    def ask(method: str, path: str, body: bytes | None = None, media: str = "application/json") -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": media})
            return connection.getresponse().status
        except OSError:  # not yet
            return 0
        finally:
            connection.close()

    until(lambda: ask("GET", "/health/ready") == 200)
    row = b'{"external_id":"1","name":"Atelier","offers":[{"segments":["pr-locaux"]}]}'
    assert ask("POST", "/sources/a/imports", row, "application/x-ndjson") == 200
    assert ask("POST", "/match", NEED) == 200
    assert ask("GET", "/metrics") == 200
