"""Offers that serve a territory: the same however many lots are looked at together, and whatever was measured."""

import msgspec
import pytest

from bench.suppliers import ON, suppliers
from domain.needs.need import Need, TerritoryRequest
from domain.suppliers.supplier import Point
from matching.engine import match_json
from matching.index import Index, LiveIndex
from matching.index_tables import IndexTables, built
from matching.reference import Reference
from tests.factories import REDON, RENNES, VANNES, around, codes, lot, need, place, square, supplier

LOTS = (
    lot("pr-locaux", id="1"),
    lot("pr-locaux", "ev-entretien", id="2"),
    lot("de-5flux", "pr", id="3", support_segments=("ev-entretien",)),
    lot("ev-elagage", "de-bio", "pr-locaux", id="4", reserved=("handicap", "iae")),
)
TERRITORIES = {
    "departement": codes("departement:35"),
    "radius": around(REDON, 40),
    "radius around a commune": around("35238", 15),
    "drawn": TerritoryRequest(geometry=square(VANNES, 0.2)),
}


@pytest.fixture(scope="module")
def tables(reference: Reference) -> IndexTables:
    """Some hundred suppliers of a region."""
    made = suppliers(600, reference, departements={"35", "56", "44"})
    return built(made, reference.taxonomy, reference.cpv, reference.geography)


def fresh(tables: IndexTables, reference: Reference) -> LiveIndex:
    """An index of them of which nothing is cached."""
    return LiveIndex(Index(tables, reference.taxonomy, reference.cpv, reference.geography), 1)


def measured(ours: LiveIndex, asked: Need, reference: Reference) -> LiveIndex:
    """The index once everybody near the territory was measured."""
    assert asked.territory is not None
    territory = reference.geography.territory(asked.territory)
    for _ in ours.base.distances(territory.shape).measure():
        pass
    return ours


def answers(ours: LiveIndex, asked: Need, reference: Reference) -> bytes:
    return match_json(asked, ours, reference, ON, "fr")


@pytest.mark.parametrize("territory", TERRITORIES)
@pytest.mark.parametrize("sites", [(), (RENNES,), (RENNES, VANNES)], ids=["no site", "one", "several"])
def test_lots_together_are_answered_as_each_alone(
    tables: IndexTables, reference: Reference, territory: str, sites: tuple[Point, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = [place(sites[number % len(sites)]) if sites else None for number in range(len(LOTS))]
    lots = [msgspec.structs.replace(each, site=site) for each, site in zip(LOTS, placed, strict=True)]
    asked = need(*lots, territory=TERRITORIES[territory])
    together = answers(fresh(tables, reference), asked, reference)
    monkeypatch.setattr("matching.engine.LOTS_AT_ONCE", 1)
    assert answers(fresh(tables, reference), asked, reference) == together
    monkeypatch.setattr("matching.engine.LOTS_AT_ONCE", 8)
    monkeypatch.setattr("matching.selection.MOST_OFFERS", 600)
    assert answers(fresh(tables, reference), asked, reference) == together


@pytest.mark.parametrize("territory", TERRITORIES)
def test_whoever_is_measured_is_served_as_before(tables: IndexTables, reference: Reference, territory: str) -> None:
    """Also those who come later, of whom nobody is measured."""
    asked = need(*LOTS, territory=TERRITORIES[territory])
    later = [supplier(f"later {number}", at=at) for number, at in enumerate((RENNES, REDON, VANNES, None))]
    before, after = (fresh(tables, reference) for _ in range(2))
    measured(after, asked, reference)
    assert answers(after, asked, reference) == answers(before, asked, reference)
    before, after = (ours.after(later, [], 2) for ours in (before, after))
    assert answers(after, asked, reference) == answers(before, asked, reference)
    fresh_after = measured(fresh(tables, reference).after(later, [], 2), asked, reference)
    assert answers(fresh_after, asked, reference) == answers(before, asked, reference)
