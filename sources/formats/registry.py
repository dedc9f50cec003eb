"""The formats a source's file may have, by name. Adding one is a module with a reader, its test, and a line here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from domain.suppliers.rows import Reject, Row
from sources.formats import conventions, esat, gogocarto, le_marche, recherche_entreprises, siae, vivier, vivier_csv
from sources.rows import Context, Reader, checked

CSV = "text/csv"
JSON = "application/json"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Format:
    """A format's readers, by the media type that the file is sent as."""

    readers: Mapping[str, Reader]

    def read(self, stream: BinaryIO, media_type: str, context: Context) -> Iterator[Row | Reject]:
        """Every row of the file, as a record whose content is in order or as a reject; blank lines are none.

        Lazy: the file is read as rows are asked for, in bounded memory. Raises UnreadableFile, at the first row or
        later, where the file cannot be read by rows at all; KeyError for a media type without a reader.
        """
        return _lazily(self.readers[media_type], stream, context)


def _lazily(reader: Reader, stream: BinaryIO, context: Context) -> Iterator[Row | Reject]:
    """Not even the file's beginning is read before the first row is asked for, by a thread that may wait for it."""
    yield from checked(reader(stream, context), context)


FORMATS: Mapping[str, Format] = {
    "vivier": Format({NDJSON: vivier.read_ndjson, JSON: vivier.read_json, CSV: vivier_csv.read_csv}),
    "siae": Format({CSV: siae.read}),
    "esat": Format({CSV: esat.read}),
    "conventions": Format({CSV: conventions.read}),
    "gogocarto": Format({JSON: gogocarto.read_json, NDJSON: gogocarto.read_ndjson}),
    "le-marche": Format({JSON: le_marche.read_json, NDJSON: le_marche.read_ndjson}),
    "recherche-entreprises": Format({JSON: recherche_entreprises.read_json, NDJSON: recherche_entreprises.read_ndjson}),
}
