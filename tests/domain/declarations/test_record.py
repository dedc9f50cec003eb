"""What a supplier says of itself is laid over what others say: it never tells who it is, and leaves no trace."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.declarations.declaration import Declaration, DeclaredContact, DeclaredOffer, YearlyCapacity
from domain.declarations.record import placement_of, record_of
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import (
    DECLARATIONS,
    Approval,
    Contact,
    Offer,
    Placement,
    Point,
    ServiceArea,
    Supplier,
    SupplierRecord,
)

ID, NOW, TODAY = UUID(int=7), datetime(2026, 11, 30, 12, tzinfo=UTC), date(2026, 11, 30)
UNTIL = TODAY + timedelta(days=365)
OTHERS_SAY = {
    "contact", "employees", "flags", "no_offer_until", "offers", "provenance", "size", "sources", "updated_at",
}  # fmt: skip
"""What the supplier's own word may change; all else is others'."""

segments = st.lists(st.sampled_from(["ev-entretien", "pr-locaux", "de-bio"]), min_size=1, max_size=3).map(tuple)
areas = st.none() | st.builds(ServiceArea, radius_km=st.floats(1, 500))
said_offers = st.lists(st.builds(DeclaredOffer, segments, st.none() | st.just("tonte"), areas), max_size=3).map(tuple)
contacts = st.none() | st.builds(DeclaredContact, email=st.none() | st.just("a@esat.example"))
declarations = st.builds(
    Declaration,
    offers=said_offers,
    yearly_capacity_eur=st.none() | st.builds(YearlyCapacity, max=st.none() | st.floats(0, 1e6)),
    staff=st.none() | st.integers(0, 500),
    contact=contacts,
) | st.builds(Declaration, no_offer=st.just(True), contact=contacts)
others = st.builds(
    SupplierRecord,
    name=st.sampled_from(["Atelier", "Jardins"]),
    siret=st.none() | st.just("13002526500013"),
    approvals=st.none() | st.just((Approval("ESAT"),)),
    ess=st.none() | st.booleans(),
    offers=st.lists(
        st.builds(Offer, segments, basis=st.sampled_from(["declared", "awarded", "inferred"])), max_size=2
    ).map(tuple),
    contact=st.none() | st.builds(Contact, email=st.none() | st.just("b@esat.example"), phone=st.just("0297000000")),
    employees=st.none() | st.integers(0, 9),
    active=st.booleans(),
)


def stored(record: SupplierRecord, source: str, placement: Placement, hours: int) -> StoredRecord:
    at = NOW + timedelta(hours=hours)
    return StoredRecord(source, "1", record, placement, ID, at, at)


def with_own_word(known: list[StoredRecord], said: Declaration) -> tuple[Supplier, Supplier]:
    """The supplier before and after it said something."""
    before = assemble(ID, known)
    record = record_of(said, before, UNTIL, TODAY)
    return before, assemble(ID, [*known, stored(record, DECLARATIONS, placement_of(before), 99)])


known_records = st.lists(others, min_size=1, max_size=3).map(
    lambda some: [
        stored(each, f"annuaire-{at}", Placement(Point(48.0 + at / 1_000, -2.9), "56178"), at)
        for at, each in enumerate(some)
    ]
)


@given(known_records, declarations)
def test_a_supplier_never_says_who_it_is(known: list[StoredRecord], said: Declaration) -> None:
    before, after = (msgspec.structs.asdict(each) for each in with_own_word(known, said))
    assert {name for name, value in before.items() if value != after[name]} <= OTHERS_SAY
    assert assemble(ID, known) == with_own_word(known, said)[0]


@given(known_records, declarations)
def test_its_own_word_goes_first_and_others_stay(known: list[StoredRecord], said: Declaration) -> None:
    before, after = with_own_word(known, said)
    own = [each for each in after.offers if each.declared_by == "supplier"]
    assert {each.segments for each in own} == {tuple(dict.fromkeys(each.segments)) for each in said.offers}
    assert all(each.offered_until == UNTIL for each in own)
    assert all(each in after.offers for each in before.offers if not (said.no_offer and each.basis == "inferred"))
    assert after.no_offer_until == (UNTIL if said.no_offer else None)
    assert after.contact.email == ((said.contact and said.contact.email) or before.contact.email)
    assert after.provenance is not None
    assert after.provenance["name"] != DECLARATIONS


@given(known_records, declarations)
def test_alone_it_keeps_the_name_and_the_place_and_no_approval(known: list[StoredRecord], said: Declaration) -> None:
    before = assemble(ID, known)
    record = record_of(said, before, UNTIL, TODAY)
    alone = assemble(ID, [stored(record, DECLARATIONS, placement_of(before), 99)])
    assert (alone.name, alone.location, alone.commune) == (before.name, before.location, before.commune)
    assert alone.approvals is None
    assert alone.siret == (None if "ESAT" in before.kinds else before.siret)
