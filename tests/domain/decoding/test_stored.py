"""Stored documents that a later release wrote, and one that this release writes in their place."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decoding.stored import read_row, read_stored, with_later_members
from domain.meetings.meeting import AgendaItem
from domain.needs.need import Lot, Need, Place, PlannedNeed, TerritoryRequest
from domain.organisation import Client
from domain.reference.territory import Polygon
from domain.suppliers.supplier import Approval, Evidence, Flag, Offer, Point, SourceRef, Supplier, SupplierRecord
from tests.later_release import ADDED, with_a_field_more

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SQUARE = Polygon((((0, 0), (0, 1), (1, 1), (0, 0)),))
SUPPLIER = Supplier(
    id=UUID(int=1),
    name="Les Jardins du Blavet",
    kinds=("ACI",),
    approvals=(Approval("ACI"), Approval("EI")),
    location=Point(48.07, -2.97),
    offers=(Offer(("ev-entretien",), evidence=(Evidence("job", "jardinier"),)), Offer(("pr-locaux",))),
    flags=(Flag("no_offer", ""),),
    sources=(SourceRef("cress", "1", NOW),),
    provenance={"siret": "cress"},
    updated_at=NOW,
)
NEED = PlannedNeed(
    (Lot("1", site=Place(commune="56178")), Lot("2", reserved=("iae",))), territory=TerritoryRequest(geometry=SQUARE)
)


def as_json(value: Any, **changed: Any) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(value) | changed)


@pytest.mark.parametrize("value", [SUPPLIER, NEED], ids=["supplier", "need"])
def test_fields_of_a_later_release_are_passed_over_and_kept_at_every_level(value: Supplier | PlannedNeed) -> None:
    stored = msgspec.json.encode(with_a_field_more(msgspec.json.decode(msgspec.json.encode(value))))
    assert read_stored(stored, type(value)) == value
    written = with_later_members(msgspec.json.encode(value), stored, type(value))
    assert msgspec.json.decode(written) == msgspec.json.decode(stored)


def test_objects_that_correspond_keep_what_was_added_to_them() -> None:
    """Lots are told by their ids, others by being the same or by their first field, unless two have one name."""
    stored = msgspec.json.encode(with_a_field_more(msgspec.json.decode(msgspec.json.encode(NEED))))
    changed = msgspec.structs.replace(NEED, lots=(Lot("2", title="Entretien"), Lot("3")), territory=None)
    whole = msgspec.json.decode(with_later_members(msgspec.json.encode(changed), stored, PlannedNeed))
    assert [ADDED in each for each in (whole, *whole["lots"])] == [True, True, False]
    assert whole["territory"] is None

    agenda = (AgendaItem("Accueil", 10), AgendaItem("Échanges", 60))
    stored = msgspec.json.encode([{**msgspec.to_builtins(each), "room": at} for at, each in enumerate(agenda)])
    moved = (AgendaItem("Échanges", 90), AgendaItem("Pause", 10), AgendaItem("Accueil", 10))
    kept = msgspec.json.decode(with_later_members(msgspec.json.encode(moved), stored, tuple[AgendaItem, ...]))
    assert [each.get("room") for each in kept] == [1, None, 0]
    stored = b'[{"title":"Pause","minutes":10,"room":1},{"title":"Pause","minutes":20,"room":2}]'
    written = b'[{"title":"Pause","minutes":15},{"title":"Pause","minutes":20}]'
    kept = msgspec.json.decode(with_later_members(written, stored, tuple[AgendaItem, ...]))
    assert [each.get("room") for each in kept] == [None, 2]
    written = msgspec.json.encode(msgspec.structs.replace(NEED, title="Autre"))
    assert with_later_members(written, msgspec.json.encode(NEED), PlannedNeed) == written
    changed = msgspec.structs.replace(NEED, title="Entretien")
    stored = as_json(NEED, contract="barter", added=1)
    assert with_later_members(msgspec.json.encode(changed), stored, PlannedNeed) == as_json(changed, added=1)


@given(name=st.text(min_size=1, max_size=20), value=st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_whatever_a_later_release_adds_is_read_over_and_kept(name: str, value: Any) -> None:
    """Under any name that this release has not."""
    record = SupplierRecord("Ferme", offers=(Offer(("ev-entretien",)),))
    added = {name: value} if name not in SupplierRecord.__struct_fields__ else {}
    stored = as_json(record, **added)
    assert read_stored(stored, SupplierRecord) == record
    changed = msgspec.structs.replace(record, name="Ferme du Blavet")
    assert with_later_members(msgspec.json.encode(changed), stored, SupplierRecord) == as_json(changed, **added)


def test_values_that_a_closed_list_has_not() -> None:
    """Null where that says not known, else what holds them is left out."""
    approvals = [{"kind": "ACI"}, {"kind": "ACI+"}]
    offers = [{"segments": ["a"]}, {"segments": ["b"], "basis": "guessed"}, {"segments": ["c"], "presta_types": ["X"]}]
    stored = as_json(SUPPLIER, kinds=["ACI", "ACI+"], approvals=approvals, legal_form="commons", offers=offers)
    found = read_stored(stored, Supplier)
    assert (found.kinds, found.approvals, found.legal_form) == (("ACI",), (Approval("ACI"),), None)
    assert found.offers == (Offer(("a",)), Offer(("c",)))
    stored = as_json(SUPPLIER, kinds=["ACI", "ACI+"], legal_form="commons", name="Avant")
    written = msgspec.json.decode(with_later_members(msgspec.json.encode(SUPPLIER), stored, Supplier))
    assert (written["kinds"], written["legal_form"], written["name"]) == (["ACI", "ACI+"], "commons", SUPPLIER.name)
    changed = msgspec.structs.replace(SUPPLIER, legal_form="association")
    written = msgspec.json.decode(with_later_members(msgspec.json.encode(changed), stored, Supplier))
    assert written["legal_form"] == "association"


def test_what_cannot_be_read_is_refused() -> None:
    """A reserved lot without its reservation would be open to all."""
    lots = [{"id": "1"}, {"id": "2", "reserved": ["x"]}]
    others: tuple[dict[str, Any], ...] = ({"technique": "lottery"}, {"contract": "barter"}, {"lots": lots})
    for changed in others:
        with pytest.raises(msgspec.ValidationError):
            read_stored(as_json(NEED, **changed), PlannedNeed)
    for broken in (as_json(NEED, lots="none"), as_json(NEED, title=5), b"{"):
        with pytest.raises(msgspec.DecodeError):
            read_stored(broken, Need)


def test_a_row_is_read_without_a_right_that_this_release_does_not_know() -> None:
    class Row:
        id = organisation_id = UUID(int=1)
        organisation, scopes, sources = "Morbihan", ["needs", "archive"], ["cress"]

    assert read_row(Row(), Client) == Client(UUID(int=1), UUID(int=1), "Morbihan", ("needs",), ("cress",))
