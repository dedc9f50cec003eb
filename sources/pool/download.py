"""Download of published files: one that broke off is resumed, and a file appears only when it is whole.

What is not whole yet is `<id>.part`; beside it, and beside the file that it becomes, stands in `.json` which state of
the file the publisher had sent. Digests are those of the publisher's catalogue.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from sources.pool.manifest import PublishedFile

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".zip", ".json", ".json.gz")
ATTEMPTS = 5
"""Times in a row that a connection may break, each after it brought something, before the file is given up."""
_TIMEOUT_SECONDS = 60.0
_SPARE_BYTES = 100 << 20
"""Room on the disk that is left for others."""
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

Observe = Callable[[str, float | None], None]


class NotFetched(Exception):
    """Raised for a file that could not be fetched; the message says why. An earlier copy of the file stays."""


class Checksum(msgspec.Struct, frozen=True):
    """The digest of a file as its publisher states it, and its algorithm."""

    type: str
    value: str


class _StatedFile(msgspec.Struct, frozen=True):
    """The publisher's description of a file. `url`: its present address, whose ending tells how the file is packed."""

    url: str
    checksum: Checksum | None = None


class _CatalogueEntry(msgspec.Struct, frozen=True):
    resource: _StatedFile


class _SentState(msgspec.Struct, frozen=True):
    """The HTTP headers that identify the state of a file that was sent, with its address and its size where known."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    size: int | None = None

    @property
    def validator(self) -> str | None:
        """The value of `If-Range` for the rest of the file: the strong ETag, else the date of change."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


class FetchedFile(msgspec.Struct, frozen=True):
    """A published file in the folder; `is_new` is False where the copy from before is still up to date."""

    id: str
    path: Path
    bytes: int
    is_new: bool
    checked: Literal["checksum", "size", "nothing"]


def fetch(published: PublishedFile, folder: Path, observe: Observe) -> FetchedFile:
    """Fetch a file that has a `catalogue` into the folder. Raises NotFetched.

    `observe` is called with its id and the share that is there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with httpx.Client(follow_redirects=True, timeout=_TIMEOUT_SECONDS, headers=_PLAIN) as client:
            return _Download(client, published, folder, observe).run()
    except httpx.HTTPStatusError as error:
        raise NotFetched(f"{published.id}: {error.request.url} answers {error.response.status_code}") from None
    except httpx.HTTPError as error:
        raise NotFetched(f"{published.id}: {str(error) or type(error).__name__}; try again to go on") from None
    except OSError as error:
        raise NotFetched(f"{published.id}: cannot write in {folder}: {error.strerror}") from None


_PLAIN = {"Accept-Encoding": "identity", "User-Agent": "vivier"}


class _Download:
    """The download of one published file."""

    def __init__(self, client: httpx.Client, published: PublishedFile, folder: Path, observe: Observe) -> None:
        self._client, self._published, self._folder, self._observe = client, published, folder, observe
        self._part = folder / f"{published.id}.part"
        answer = client.get(published.catalogue or "")
        answer.raise_for_status()
        try:
            self._stated = msgspec.json.decode(answer.content, type=_CatalogueEntry).resource
        except msgspec.DecodeError as error:
            raise NotFetched(f"{published.id}: {answer.url} is not a catalogue's description: {error}") from None
        # the ending of a file's name tells how it is packed
        name = PurePosixPath(unquote(urlsplit(self._stated.url).path)).name.lower()
        suffixes = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
        if not suffixes:
            raise NotFetched(f"{published.id}: {self._stated.url} is none of {', '.join(SUFFIXES)}")
        self._path = folder / (published.id + max(suffixes, key=len))
        stated = self._stated.checksum
        self._digest = stated if stated is not None and stated.type in _DIGESTS else None

    def run(self) -> FetchedFile:
        """Download the file unless the folder has an up-to-date copy; returns it either way."""
        if self._path.is_file() and self._digest is not None and _has_digest(self._path, self._digest):
            return self._checked_file(self._path, is_new=False)
        failures = 0
        while True:
            before = _size(self._part)
            try:
                if not self._transfer():
                    return self._checked_file(self._path, is_new=False)
                break
            except httpx.TransportError:
                failures = failures + 1 if _size(self._part) > before else ATTEMPTS
                if failures >= ATTEMPTS:
                    raise
        done = self._checked_file(self._part, is_new=True)
        state = _read_state(self._part)
        self._part.replace(self._path)
        _state_path(self._part).replace(_state_path(self._path))
        if state is not None and state.last_modified:
            with suppress(ValueError):
                moment = parsedate_to_datetime(state.last_modified).timestamp()
                os.utime(self._path, (moment, moment))
        return msgspec.structs.replace(done, path=self._path)

    def _transfer(self) -> bool:
        """Download what is missing of the file; False where the copy in the folder is still up to date."""
        state, there = _read_state(self._part), _size(self._part)
        headers = {}
        if state is not None and there and state.validator:
            headers = {"Range": f"bytes={there}-", "If-Range": state.validator}
        elif self._digest is None and (whole := _read_state(self._path)) is not None and whole.etag:
            headers = {"If-None-Match": whole.etag}
        with self._client.stream("GET", self._published.address, headers=headers) as answer:
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return False
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                # all of it is there, or more than the publisher has now: the checks tell
                if state is not None and state.size == there:
                    return True
                self._part.unlink()
                return self._transfer()
            answer.raise_for_status()
            self._receive(answer, there)
        return True

    def _receive(self, answer: httpx.Response, received: int) -> None:
        """Write the answer's bytes to disk: after the `received` bytes where it continues them, else from the start."""
        goes_on = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        start = received if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0
        if start and (goes_on is None or int(goes_on[1]) != start):
            raise NotFetched(f"{self._published.id}: {answer.url} sends another part than was asked for")
        length = answer.headers.get("Content-Length")
        size = start + int(length) if length and length.isdecimal() else None
        free = shutil.disk_usage(self._folder).free
        if size is not None and size - start + _SPARE_BYTES > free:
            needs = f"needs {(size - start) / 1e6:,.0f} MB, and {self._folder} has {free / 1e6:,.0f} MB free"
            raise NotFetched(f"{self._published.id}: {needs}")
        state = _SentState(str(answer.url), answer.headers.get("ETag"), answer.headers.get("Last-Modified"), size)
        _state_path(self._part).write_bytes(msgspec.json.encode(state))
        with self._part.open("ab" if start else "wb") as part:
            for chunk in answer.iter_raw():
                part.write(chunk)
                start += len(chunk)
                self._observe(self._published.id, start / size if size else None)

    def _checked_file(self, path: Path, *, is_new: bool) -> FetchedFile:
        """Check the size and digest of a file; returns it. Raises NotFetched if one is wrong, and deletes a `.part`."""
        state, size = _read_state(path), _size(path)
        checked: Literal["checksum", "size", "nothing"] = "nothing"
        if state is not None and state.size is not None:
            checked = "size"
            if size != state.size:
                raise self._discard(path, f"{size:,} bytes came of {state.size:,}")
        if self._digest is not None:
            checked = "checksum"
            if not _has_digest(path, self._digest):
                raise self._discard(path, f"its {self._digest.type} is not the one that the publisher states")
        return FetchedFile(self._published.id, path, size, is_new, checked)

    def _discard(self, path: Path, reason: str) -> NotFetched:
        """Remove an unfinished file that is wrong, and return the error to raise."""
        if path == self._part:
            path.unlink(missing_ok=True)
            _state_path(path).unlink(missing_ok=True)
        return NotFetched(f"{self._published.id}: {reason}; it may just have been published anew: try again")


_DIGESTS = {"sha1": "sha1", "sha2": "sha256", "sha256": "sha256", "md5": "md5"}


def _has_digest(path: Path, checksum: Checksum) -> bool:
    """Whether the file's digest is the one that the publisher states."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _DIGESTS[checksum.type]).hexdigest() == checksum.value.lower()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _state_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _read_state(path: Path) -> _SentState | None:
    try:
        return msgspec.json.decode(_state_path(path).read_bytes(), type=_SentState)
    except (OSError, msgspec.DecodeError):
        return None
