"""A file that an integrator chooses: how it is encoded, and which of the formats reads it."""

from io import BytesIO
from itertools import islice
from typing import NamedTuple

from domain.errors import InvalidContent, Problem
from domain.suppliers.rows import Row
from domain.suppliers.source import SourceMapping
from domain.text.bilingual import Language, Text
from matching.reference import Reference
from sources.formats.registry import CSV, FORMATS, JSON, NDJSON, read_rows
from sources.rows import Context, UnreadableFile

ROWS_TRIED = 20
MEDIA_TYPES = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".geojson": JSON}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
GZIP = b"\x1f\x8b"


class ReadAs(NamedTuple):
    """The layout of a file, and the media type that it is read as."""

    format: str
    media_type: str


def read_as(reference: Reference, name: str, content: bytes, wanted: str, language: Language) -> ReadAs:
    """The wanted format; without one, the format that reads most of the first rows, `vivier` where others do no better.

    Raises InvalidContent for a file that none can read, or that the wanted one cannot.
    """
    media_type = _media_type(name, content)
    candidates = [wanted] if wanted in FORMATS else list(FORMATS)
    fitting = [each for each in candidates if media_type in FORMATS[each]]
    if not fitting:
        raise _wrong("wrong_media_type", NOT_SO_ENCODED)
    if len(fitting) == 1:
        return ReadAs(fitting[0], media_type)
    context = Context(reference.territories, reference.taxonomy, reference.cpv, SourceMapping(), language)
    read = {each: _rows_read(each, content, media_type, context) for each in fitting}
    return ReadAs(max(fitting, key=lambda each: read[each]), media_type)


def _rows_read(name: str, content: bytes, media_type: str, context: Context) -> int:
    """The number of the first rows that a format reads as records."""
    try:
        return sum(
            isinstance(row, Row) for row in islice(read_rows(name, BytesIO(content), media_type, context), ROWS_TRIED)
        )
    except UnreadableFile:
        return -1


def _media_type(name: str, content: bytes) -> str:
    """The media type by the name of the file, else by how it begins. Raises InvalidContent for what is no text."""
    if not content.strip():
        raise _wrong("empty", EMPTY)
    if content.startswith(WORKBOOKS):
        raise _wrong("workbook", WORKBOOK)
    if content.startswith(GZIP):
        raise _wrong("compressed", COMPRESSED)
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if suffix in MEDIA_TYPES:
        return MEDIA_TYPES[suffix]
    beginning = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return JSON if beginning == b"[" or suffix == ".json" else NDJSON if beginning == b"{" else CSV


def _wrong(code: str, detail: Text) -> InvalidContent:
    return InvalidContent((Problem("", code, detail),))


EMPTY = Text("Ce fichier est vide", "This file is empty")
WORKBOOK = Text(
    "C'est un classeur de tableur : enregistrez la feuille au format CSV, puis choisissez ce fichier-là",
    "This is a workbook: save the sheet as CSV, then choose that file",
)
COMPRESSED = Text("Ce fichier est compressé : décompressez-le d'abord", "This file is compressed: uncompress it first")
NOT_SO_ENCODED = Text(
    "Ce format ne se lit pas dans un fichier de ce genre (CSV, JSON ou JSON par ligne)",
    "This format is not read from a file of this sort (CSV, JSON or JSON by line)",
)
