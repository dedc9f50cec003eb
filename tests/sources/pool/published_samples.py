"""Small files as the State publishes them, with the columns that are read and some that must not be."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sources.pool.manifest import PublishedFile, published_files

Cells = Mapping[str, str]

SAMPLES: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "samples.json").read_text("utf-8"))
FILES: dict[str, PublishedFile] = {file.id: file for file in published_files()}
# What stands in these columns is of persons.
PERSONAL = ("nomUniteLegale", "prenom1UniteLegale", "email", "telephone", "adrg_libvoie")
NEVER = "never-to-be-seen"


def unit(siren: str, **cells: str) -> Cells:
    """An association, active and not withheld."""
    return SAMPLES["unit"] | {"siren": siren, "denominationUniteLegale": f"ASSOCIATION {siren}"} | cells


def establishment(siret: str, **cells: str) -> Cells:
    """An establishment in Rennes, active, not withheld, with staff."""
    return SAMPLES["establishment"] | {"siren": siret[:9], "siret": siret} | cells


def award(siret: str, **cells: str) -> Cells:
    """A contract won."""
    return SAMPLES["award"] | {"titulaire_id": siret} | cells


def write(path: Path, file: str, rows: Iterable[Cells], delimiter: str = ",") -> Path:
    """The rows as CSV, with all columns of the file and those of persons, filled in."""
    columns = [column.split("|")[0] for column in FILES[file].required + FILES[file].optional]
    filled = ({**dict.fromkeys(PERSONAL, NEVER), **row} for row in rows)
    return write_cells(path, list(dict.fromkeys((*columns, *PERSONAL))), filled, delimiter)


def write_cells(path: Path, columns: Sequence[str], rows: Iterable[Cells], delimiter: str = ",") -> Path:
    """The rows as CSV with these columns."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a file that was made."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
