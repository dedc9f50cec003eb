"""Our own record as JSON: one per line (NDJSON) or in one array; each with the source's own `external_id`."""

import re
from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, BinaryIO

import msgspec

from domain.decoding.explain import explain
from domain.decoding.strict_json import repeated_key
from domain.errors import Problem
from domain.suppliers.rows import LONGEST_EXTERNAL_ID, Reject, Row, reject
from domain.suppliers.supplier import SupplierRecord
from domain.text.bilingual import Text
from sources.formats.json_array import elements
from sources.formats.lines import TOO_LONG, lines
from sources.rows import Context

ExternalId = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_EXTERNAL_ID)]


class RecordRow(SupplierRecord, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A record as a bulk import sends it."""

    external_id: ExternalId


class _Identified(msgspec.Struct):
    """As much of a faulty row as is needed to say whose it is."""

    external_id: str | None = None


_decoder = msgspec.json.Decoder(RecordRow)
_id_decoder = msgspec.json.Decoder(_Identified)
_contents = attrgetter(*SupplierRecord.__struct_fields__)

_NOT_UTF8 = Problem("", "not_utf8", Text("Ce texte n'est pas en UTF-8", "This text is not UTF-8"))


def read_ndjson(stream: BinaryIO, context: Context) -> Iterator[Row | Reject]:
    """One JSON object per line; blank lines are no rows."""
    for line in lines(stream):
        if line.data is None or line.data.strip():
            yield _row(line.number, line.data, context)


def read_json(stream: BinaryIO, context: Context) -> Iterator[Row | Reject]:
    """One JSON array of objects; raises UnreadableFile for anything else."""
    for element in elements(stream):
        yield _row(element.line, element.data, context)


def record_of(row: RecordRow) -> SupplierRecord:
    """The row without what only an import needs."""
    return SupplierRecord(*_contents(row))


def _row(line: int, data: bytes | None, context: Context) -> Row | Reject:
    if data is None:
        return reject(line, None, (TOO_LONG,), context.language)
    try:
        row = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return reject(line, _external_id(data), (decoding_problem(error, RecordRow),), context.language)
    if problem := repeated_key(data):
        known = None if problem.pointer == "/external_id" else row.external_id
        return reject(line, known, (problem,), context.language)
    return Row(line, row.external_id, record_of(row))


def decoding_problem(error: Exception, kind: object) -> Problem:
    """What is wrong with JSON that raised `error` while it was decoded as `kind`."""
    if isinstance(error, msgspec.ValidationError):
        return explain(error, kind)
    if isinstance(error, UnicodeDecodeError):
        return _NOT_UTF8
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
