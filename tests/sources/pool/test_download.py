"""Published files as their table lists them, and downloads from a server that breaks off, changes its mind, or lies."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from sources.pool.download import ATTEMPTS, FetchedFile, NotFetched, fetch
from sources.pool.manifest import PublishedFile, published_files

CONTENT = bytes(range(256)) * 4_000


class Publisher:
    """What the server sends, and what it was asked for."""

    def __init__(self) -> None:
        self.content, self.etag = CONTENT, '"1"'
        self.checksum: dict[str, str] | None = {"type": "sha1", "value": hashlib.sha1(CONTENT).hexdigest()}
        self.breaks_after: list[int] = []
        self.knows_ranges, self.status = True, 200
        self.name = "stock.parquet"
        self.asked: list[str | None] = []
        self.port = 0

    def fetch(self, folder: Path) -> FetchedFile:
        here = f"http://127.0.0.1:{self.port}"
        units = next(file for file in published_files() if file.id == "units")
        published: PublishedFile = msgspec.structs.replace(
            units, address=f"{here}/stable", catalogue=f"{here}/catalogue"
        )
        return fetch(published, folder, lambda *_: None)


class _Handler(BaseHTTPRequestHandler):
    """Sends what the publisher holds."""

    publisher: Publisher

    def do_GET(self) -> None:
        if self.path == "/catalogue":
            url = f"http://127.0.0.1:{self.publisher.port}/{self.publisher.name}"
            self._send(200, json.dumps({"resource": {"url": url, "checksum": self.publisher.checksum}}).encode())
        elif self.path == "/stable":
            self.send_response(302)
            self.send_header("Location", f"/{self.publisher.name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send_file()

    def _send_file(self) -> None:
        self.publisher.asked.append(self.headers["Range"])
        if self.headers["If-None-Match"] == self.publisher.etag:
            self._send(304, b"")
            return
        status, start = self._part()
        headers = {"ETag": self.publisher.etag, "Last-Modified": "Sun, 01 Nov 2026 05:00:00 GMT"}
        if status == 206:
            last = len(self.publisher.content) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{len(self.publisher.content)}"
        body = self.publisher.content[start:]
        breaks = self.publisher.breaks_after.pop(0) if self.publisher.breaks_after else len(body)
        self._send(status, body, breaks, **headers)

    def _part(self) -> tuple[int, int]:
        """The status of the answer, and where its content begins."""
        wanted, when = self.headers["Range"], self.headers["If-Range"]
        if self.publisher.status == 200 and self.publisher.knows_ranges and wanted and when == self.publisher.etag:
            return 206, int(wanted.removeprefix("bytes=").removesuffix("-"))
        return self.publisher.status, 0

    def _send(self, status: int, body: bytes, breaks: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:breaks])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: who tests does not read it."""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    state = Publisher()
    handler = type("Handler", (_Handler,), {"publisher": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def test_a_file_is_whole_and_dated_as_its_publisher_dates_it(publisher: Publisher, tmp_path: Path) -> None:
    fetched = publisher.fetch(tmp_path)
    assert fetched == FetchedFile("units", tmp_path / "units.parquet", len(CONTENT), is_new=True, checked="checksum")
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.path.stat().st_mtime == 1_793_509_200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["units.parquet", "units.parquet.json"]


def test_a_connection_that_breaks_is_taken_up_again(publisher: Publisher, tmp_path: Path) -> None:
    """From the start, where the server knows no ranges."""
    publisher.breaks_after = [1_000, 50_000]
    assert publisher.fetch(tmp_path).path.read_bytes() == CONTENT
    assert publisher.asked == [None, "bytes=1000-", "bytes=51000-"]
    publisher.knows_ranges, publisher.breaks_after = False, [1_000]
    assert publisher.fetch(tmp_path / "again").path.read_bytes() == CONTENT


def test_a_part_is_taken_up_by_the_next_run(publisher: Publisher, tmp_path: Path) -> None:
    """Where the connection broke too often, or brought nothing any more."""
    publisher.breaks_after = [1_000] * (ATTEMPTS - 1) + [0]
    with pytest.raises(NotFetched, match="try again to go on"):
        publisher.fetch(tmp_path)
    assert not (tmp_path / "units.parquet").exists()
    publisher.asked.clear()
    assert publisher.fetch(tmp_path).path.read_bytes() == CONTENT
    assert publisher.asked == [f"bytes={1_000 * (ATTEMPTS - 1)}-"]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(publisher: Publisher, tmp_path: Path) -> None:
    publisher.breaks_after = [1_000, 0]
    with pytest.raises(NotFetched):
        publisher.fetch(tmp_path)
    publisher.content, publisher.etag = CONTENT[::-1], '"2"'
    publisher.checksum = {"type": "sha256", "value": hashlib.sha256(CONTENT[::-1]).hexdigest()}
    assert publisher.fetch(tmp_path).path.read_bytes() == CONTENT[::-1]


def test_another_checksum_leaves_what_was_there(publisher: Publisher, tmp_path: Path) -> None:
    """And nothing of what came."""
    publisher.fetch(tmp_path)
    publisher.content = b"something else"
    publisher.checksum = {"type": "sha1", "value": "0" * 40}
    with pytest.raises(NotFetched, match="its sha1 is not the one that the publisher states"):
        publisher.fetch(tmp_path)
    assert (tmp_path / "units.parquet").read_bytes() == CONTENT
    assert not (tmp_path / "units.part").exists()


def test_what_was_damaged_here_is_fetched_again_and_what_did_not_change_is_not(
    publisher: Publisher, tmp_path: Path
) -> None:
    """As its checksum says or, where the publisher states none, its tag."""
    publisher.fetch(tmp_path).path.write_bytes(b"damaged")
    assert publisher.fetch(tmp_path).path.read_bytes() == CONTENT
    publisher.fetch(tmp_path)
    publisher.asked.clear()
    assert not publisher.fetch(tmp_path).is_new
    assert publisher.asked == []
    publisher.checksum = None
    again = publisher.fetch(tmp_path)
    assert (again.is_new, again.checked) == (False, "size")
    publisher.etag, publisher.content = '"2"', b"newer"
    assert publisher.fetch(tmp_path).path.read_bytes() == b"newer"


def test_no_room_and_no_folder(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "given").write_text("a file")
    with pytest.raises(NotFetched, match=r"cannot write in .*given: File exists"):
        publisher.fetch(tmp_path / "given")
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000)
    monkeypatch.setattr("sources.pool.download.shutil.disk_usage", lambda _: usage)
    with pytest.raises(NotFetched, match="needs 1 MB"):
        publisher.fetch(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": 404}, "stock.parquet answers 404"),
        ({"name": "stock.exe"}, "stock.exe is none of .parquet"),
        ({"checksum": "none"}, "is not a catalogue's description"),
        ({"port": 9}, "try again to go on"),
    ],
)
def test_what_cannot_be_fetched(publisher: Publisher, tmp_path: Path, change: dict[str, object], message: str) -> None:
    vars(publisher).update(change)
    with pytest.raises(NotFetched, match=message):
        publisher.fetch(tmp_path)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".json"] == []


@pytest.mark.parametrize("file", published_files(), ids=lambda file: file.id)
def test_a_file_says_where_it_is_and_whom_to_credit(file: PublishedFile) -> None:
    """What can be fetched is described in the catalogue's entry of the very file that the stable address leads to."""
    assert file.address.startswith("https://")
    assert all((file.name, file.publisher, file.licence, file.rhythm, file.credit, file.required))
    assert not file.fields or set(file.required) <= set(file.fields)
    if file.catalogue is not None:
        number = file.address.removeprefix("https://www.data.gouv.fr/datasets/r/")
        assert file.catalogue == f"https://www.data.gouv.fr/api/2/datasets/resources/{number}/"


def test_no_column_is_of_a_person() -> None:
    """Names, sex and contacts of persons, and names of winners, have no column that is read; FINESS has a place's."""
    personal = "prenom|nomUniteLegale|nomUsage|sexe|pseudonyme|mail|courriel|telephone|phone|adrg_|titulaire_nom$"
    columns = {name for file in published_files() for name in (*file.required, *file.optional, *file.fields)
               if (file.id, name) != ("esat", "telephone")}  # fmt: skip
    assert [name for name in columns if re.search(personal, name)] == []
