"""Our own record as JSON: one per line (NDJSON) or in one array; each with the source's own `external_id`."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from domain.decoding.explain import explain
from domain.decoding.strict_json import decode_once, null_character, repeated_key
from domain.errors import Problem
from domain.suppliers.rows import Row, RowError, reject
from domain.text.bilingual import Text
from sources.formats.json_stream import elements
from sources.formats.lines import NOT_UTF8, TOO_LONG, lines
from sources.rows import Context, RecordRow


class _Identified(msgspec.Struct):
    """The id of a faulty row."""

    external_id: str | None = None


_decoder = msgspec.json.Decoder(RecordRow)
_id_decoder = msgspec.json.Decoder(_Identified)


def read_ndjson(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One JSON object per line; blank lines are no rows."""
    for line in lines(stream):
        if line.data is None or line.data.strip():
            yield _row(line.number, line.data, context)


def read_json(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One JSON array of objects; raises UnreadableFile for anything else."""
    for element in elements(stream):
        yield _row(element.line, element.data, context)


def _row(line: int, data: bytes | None, context: Context) -> Row | RowError:
    if data is None:
        return reject(line, None, (TOO_LONG,), context.language)
    try:
        row, document = decode_once(data, _decoder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return reject(line, _external_id(data), (decoding_problem(error, RecordRow, data),), context.language)
    if problem := null_character(data) or (document is None and repeated_key(data)):
        known = None if problem.pointer == "/external_id" else row.external_id
        return reject(line, known, (problem,), context.language)
    return row.row(line)


def decoding_problem(error: Exception, kind: object, data: bytes) -> Problem:
    """The problem of JSON that raised `error` while it was decoded as `kind`: of its null character, if it has one."""
    if isinstance(error, msgspec.ValidationError):
        return null_character(data) or explain(error, kind)
    if isinstance(error, UnicodeDecodeError):
        return NOT_UTF8
    return Problem("", "malformed_json", _malformed(str(error)))


def _malformed(message: str) -> Text:
    if "truncated" in message:
        return Text("Ce JSON est incomplet", "This JSON is incomplete")
    byte = re.search(r"\(byte ([0-9]+)\)", message)
    fr, en = (f" (octet {byte[1]})", f" (byte {byte[1]})") if byte else ("", "")
    return Text(f"Ce n'est pas du JSON bien formé{fr}", f"This is not well-formed JSON{en}")


def _external_id(data: bytes) -> str | None:
    try:
        return _id_decoder.decode(data).external_id or None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
