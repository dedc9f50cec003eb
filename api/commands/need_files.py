"""The needs in a file: a body of POST /match, a notice in XML, or records of the BOAMP API; told by their content."""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from api.commands.errors import CommandFailed
from api.web.problems import Refusal
from api.web.request_body import JsonBody
from domain.errors import InvalidContent
from domain.needs.need import Need, NeedAndProcedure
from domain.reference import cpv, territory
from sources.notices import boamp
from sources.notices.element import MalformedNotice
from sources.notices.need_of_notice import need_in_xml, need_of_record
from sources.notices.notice import Unread

AnyNeed = TypeVar("AnyNeed", bound=Need)
Read = TypeVar("Read")
GZIP, BYTE_ORDER_MARK = b"\x1f\x8b", b"\xef\xbb\xbf"
XML_BEGINNINGS = (b"<", b"\xff\xfe<", b"\xfe\xff\x00<")
"""With the marks of UTF-16, too."""
MOST_BYTES = 256 << 20
"""A file that is longer, once decompressed, is none of notices."""


class ReadNeed(NamedTuple):
    """A need to be matched, where it comes from, and what of its notice was not read; () where it was no notice."""

    name: str
    need: NeedAndProcedure
    unread: tuple[Unread, ...]


def needs_in(name: str) -> Iterator[ReadNeed | CommandFailed]:
    """The needs in a file, which may be compressed by gzip, or on standard input for `-`, and what is wrong with some.

    Raises CommandFailed where the file cannot be read, or has one need only, which is wrong.
    """
    raw = _bytes_of(name)
    if raw.lstrip()[:4].startswith(XML_BEGINNINGS):
        yield _read(name, lambda: ReadNeed(name, *need_in_xml(raw, territory.load(), cpv.load())))
        return
    notices = _notices_in(raw)
    if not notices:
        yield _read(name, lambda: ReadNeed(name, JsonBody(NeedAndProcedure).decode(raw), ()))
    for at, notice in notices:
        where = f"{name}{at}" if len(notices) > 1 else name
        try:
            yield _read(where, partial(_of_notice, where, at, notice))
        except CommandFailed as failed:
            if len(notices) == 1:
                raise
            yield failed


def read_need(name: str, kind: type[AnyNeed]) -> AnyNeed:
    """The need in a file of JSON, or on standard input for `-`; raises CommandFailed where it is none."""
    return _read(name, lambda: JsonBody(kind).decode(_bytes_of(name)))


def _of_notice(name: str, at: str, notice: Mapping[str, Any]) -> ReadNeed:
    return ReadNeed(name, *need_of_record(notice, at, territory.load(), cpv.load()))


def faulty(name: str, invalid: InvalidContent) -> CommandFailed:
    """The failure of a command because of what a file holds, a line for each problem."""
    return CommandFailed("\n".join(f"{name}: {p.pointer or '/'}: {p.detail.en}" for p in invalid.problems))


def _read(name: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except InvalidContent as invalid:
        raise faulty(name, invalid) from None
    except (Refusal, MalformedNotice) as refusal:
        raise CommandFailed(f"{name}: {refusal.detail.en}") from None


def _bytes_of(name: str) -> bytes:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        if raw.startswith(GZIP):
            raw = _decompressed(name, raw)
    except OSError as error:
        raise CommandFailed(f"cannot read {name}: {error.strerror}") from None
    return raw.removeprefix(BYTE_ORDER_MARK)


def _decompressed(name: str, raw: bytes) -> bytes:
    member = zlib.decompressobj(wbits=31)
    try:
        content = member.decompress(raw, MOST_BYTES)
    except zlib.error:
        raise CommandFailed(f"{name}: the gzip compression is broken") from None
    if not member.eof:
        wrong = f"larger than {MOST_BYTES >> 20} MiB" if len(content) == MOST_BYTES else "cut short"
        raise CommandFailed(f"{name}: the compressed file is {wrong}")
    return content


def _notices_in(raw: bytes) -> list[tuple[str, Mapping[str, Any]]]:
    """The records of notices in JSON, in one document or one a line; none where it is something else."""
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            document = [msgspec.json.decode(line) for line in raw.splitlines() if line.strip()]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return []
    return list(boamp.records_in(document))
