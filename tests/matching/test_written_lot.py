"""Pieces of answers are written once for all that decides them, and forgotten before they take too much memory."""

from datetime import date
from itertools import product
from random import Random
from typing import Any

import msgspec
import pytest

from domain.needs.need import Need
from domain.text.bilingual import Language
from matching import written_lot as module
from matching.engine import match_json
from matching.reference import Reference
from matching.written_lot import WrittenLot
from tests.factories import (
    ON,
    REDON,
    RENNES,
    VANNES,
    approved,
    codes,
    live,
    lot,
    moved,
    need,
    offer,
    offerless,
    place,
    supplier,
)

SUPPLIERS = (
    *(
        supplier(f"near {n}", offer("pr-locaux"), at=moved(RENNES, east=n / 100), approvals=approved("EI"))
        for n in (1, 2)
    ),
    supplier("same place", offer("pr-locaux"), at=moved(RENNES, east=0.01), approvals=approved("ESAT")),
    supplier("ending", offer("pr-locaux", basis="inferred"), approvals=approved("EI", until=date(2027, 6, 1))),
    supplier("refused", offer("pr-locaux"), approvals=()),
    supplier("elsewhere", offer("pr-locaux", codes=("departement:56",)), at=VANNES),
    supplier("neighbour", offer("pr-specialise"), at=REDON),
    *(offerless(f"unknown {n}") for n in range(4)),
)
ASKED = need(lot("pr-locaux", site=place(RENNES), title="Nettoyage"), territory=codes("departement:35"))
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"reference": "another draw"},
    {"limit": 1},
    {"near_misses": 2},
    {"contract": "concession"},
    {"title": "Nettoyage des locaux"},
    *({"lots": (msgspec.structs.replace(ASKED.lots[0], **fields),)} for fields in (
        {"site": place("35238")},
        {"site": None},
        {"reserved": ("iae",)},
        {"reserved": ("iae",), "duration_months": 48},
        {"reserved": ("iae",), "value_eur": 30_000},
        {"cpv": ("60400000",)},
        {"keywords": ("mot que personne ne connaît",)},
        {"max_distance_km": 10},
        {"title": "Peinture", "cpv": ("90919200",)},
    )),
)  # fmt: skip


@pytest.mark.parametrize(("seed", "array_bytes"), [*product(range(2), (0, 1 << 20))])
def test_what_was_asked_before_changes_no_answer(
    seed: int, array_bytes: int, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any order, twice, and in both languages: as if each need was the first one; also where no array is cached."""
    monkeypatch.setattr("matching.index.ARRAY_BYTES", array_bytes)
    monkeypatch.setattr("matching.index.ARRAY_BYTES_PER_SUPPLIER", 0)
    asked: list[tuple[Need, date, Language]] = [
        (msgspec.structs.replace(ASKED, **changes), on, language)
        for changes in CHANGES
        for on in (ON, date(2027, 7, 1))
        for language in ("fr", "en")
    ]
    alone = [match_json(one, live(*SUPPLIERS), reference, on, language) for one, on, language in asked]
    shared = live(*SUPPLIERS)
    for place_of in Random(seed).choices(range(len(asked)), k=2 * len(asked)):
        one, on, language = asked[place_of]
        assert match_json(one, shared, reference, on, language) == alone[place_of]


def test_a_lot_with_too_many_pieces_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_LOT", 2_000)
    written = WrittenLot("any key")
    for number in range(100):
        written.add_piece(written.rows, number, b"x" * 100, 100)
    assert 0 < sum(map(len, written.rows.values())) <= 2_000
    assert 99 in written.rows
