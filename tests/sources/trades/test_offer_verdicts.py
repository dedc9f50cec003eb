"""Inferred and awarded offers of real suppliers, drawn at random and judged by a person.

`offer_verdicts.csv`: 150 offers of 1,987 that the formats `siae`, `esat`, `sirene` and `decp` made of the real files of
November 2026, drawn with the seed 20261226, less those of staff that the kind alone tells; one offer of those with the
same evidence and segments of a record. `right` says whether the supplier does what the segments are, as far as its
name, code, description or contract tell; what is doubtful is wrong. Three wrong ones (NAF 88.91B, 38.21Z, a name) were
put right after the draw.
"""

import csv
from pathlib import Path

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.rows import Row
from sources.formats.registry import CSV, read_rows
from sources.rows import Context

VERDICTS = list(csv.DictReader((Path(__file__).parent / "offer_verdicts.csv").read_text("utf-8").splitlines()))
PRECISION = 0.9


def test_nine_of_ten_offers_are_right() -> None:
    assert len(VERDICTS) == 150
    assert sum(row["right"] == "1" for row in VERDICTS) / len(VERDICTS) >= PRECISION
    assert {segment for row in VERDICTS for segment in row["segments"].split()} <= taxonomy.load().segments.keys()


def test_what_was_right_is_still_found(shared_data: Path) -> None:
    context = Context(territory.load(), taxonomy.load(), cpv.load())
    with (shared_data / "suppliers" / "siae_2020_iae.csv").open("rb") as stream:
        rows = [row for row in read_rows("siae", stream, CSV, context) if isinstance(row, Row)]
    offered = {row.external_id: {segment for offer in row.record.offers for segment in offer.segments} for row in rows}
    right = [row for row in VERDICTS if row["format"] == "siae" and row["right"] == "1"]
    found = [row for row in right if set(row["segments"].split()) <= offered[row["external_id"]]]
    assert len(found) >= 0.95 * len(right)
