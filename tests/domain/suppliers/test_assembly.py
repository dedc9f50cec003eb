"""One supplier from several records. A trade is more than staff lent, and rests on its strongest evidence."""

from datetime import date
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from domain.reference import cpv, taxonomy
from domain.suppliers.assembly import EVIDENCE_KEPT, StoredRecord, assemble, strength, unite_offers
from domain.suppliers.known_trades import (
    STAFF_LENT,
    TRADE_EVIDENCE,
    EvidenceTrades,
    KindTrades,
    count_trades,
    is_trade,
    trade_evidence,
)
from domain.suppliers.supplier import (
    DECLARATIONS,
    EVIDENCE_KINDS,
    Approval,
    Contact,
    DeclaredBy,
    Evidence,
    Flag,
    Offer,
    Placement,
    PlacesSize,
    Point,
    PublicAward,
    Shares,
    SizeInEuros,
    SourceRef,
    StaffSize,
    Supplier,
    SupplierRecord,
    SupplierSize,
    name_by_number,
)
from tests.db.suppliers.samples import LATER, NOW, record
from tests.factories import based_on, offer


def sized(source: str, **fields: Any) -> StoredRecord:
    return StoredRecord(source, source, SupplierRecord(name="Jardin", **fields), Placement(), UUID(int=1), NOW, NOW)


def test_each_part_of_a_size_comes_from_the_first_record_that_knows_it_with_its_source() -> None:
    won = (
        PublicAward(value_eur=90_000.0, duration_months=12),
        PublicAward(value_eur=200_000.0, notified_on=date(2024, 5, 2), duration_months=48),
        PublicAward(value_eur=9_000_000.0, in_group=True),
        PublicAward(value_eur=8_000_000.0, is_framework=True),
    )
    band = SupplierSize(staff=StaffSize(10, 19, date(2023, 12, 31)), places=PlacesSize(30))
    records = [sized("annuaire", employees=12), sized("decp", public_awards=won), sized("sirene", size=band)]
    records += [sized("sirene", size=SupplierSize(places=PlacesSize(count))) for count in (45, 3)]
    size = assemble(UUID(int=1), records).size
    assert size.staff == StaffSize(12, 12, None, "annuaire")
    assert size.places == PlacesSize(45, None, "sirene")
    assert size.turnover_eur is None
    assert size.largest_award_eur == SizeInEuros(90_000.0, None, "decp", 12)
    assert assemble(UUID(int=1), [sized("annuaire")]).size == SupplierSize()


def award(year: int, *places: str, segment: str = "pr-locaux") -> Offer:
    one = offer(segment, basis="awarded", **({"codes": places} if places else {}))
    return based_on(one, Evidence("award", f"Marché de {year}", date(year, 5, 2), "decp", str(year)))


def test_the_stronger_kind_of_evidence_comes_first_then_the_later() -> None:
    found = [Evidence("words"), Evidence("award"), Evidence("award", on=date(2024, 1, 1)), Evidence("sector")]
    assert [each.kind for each in sorted(found, key=strength)] == ["sector", "award", "award", "words"]
    assert sorted(found, key=strength)[1].on == date(2024, 1, 1)


def test_offers_that_say_the_same_are_one_with_the_evidence_and_the_places_of_all() -> None:
    (one,) = unite_offers([award(2022, "departement:35"), award(2024, "departement:56", "departement:35")])
    assert [each.reference for each in one.evidence] == ["2024", "2022"]
    assert one.service_area is not None
    assert one.service_area.codes == ("departement:35", "departement:56")


def test_a_hundred_contracts_leave_the_latest_few() -> None:
    (one,) = unite_offers(award(year) for year in range(1920, 2020))
    assert [each.reference for each in one.evidence] == [str(2019 - back) for back in range(EVIDENCE_KEPT)]


def test_what_was_declared_stays_as_it_was_declared() -> None:
    declared = [offer(), offer(radius_km=30), offer()]
    assert unite_offers([*declared, award(2024)]) == (offer(), offer(radius_km=30), award(2024))


WORDS: list[tuple[DeclaredBy, int]] = [("buyer", 2026), ("network", 2026), ("supplier", 2024), ("supplier", 2025)]


def test_of_one_offer_the_best_word_stays_and_of_these_the_latest() -> None:
    said = [Offer(("pr-locaux",), declared_by=who, declared_on=date(year, 1, 1)) for who, year in WORDS]
    for some in (said, said[::-1]):
        assert unite_offers(some) == (Offer(("pr-locaux",), declared_by="supplier", declared_on=date(2025, 1, 1)),)


@pytest.mark.parametrize(
    ("source", "sent", "told"),
    [
        ("annuaire", None, "network"),
        ("annuaire", "supplier", "network"),
        ("annuaire", "buyer", "buyer"),
        (DECLARATIONS, None, "supplier"),
        (DECLARATIONS, "network", "supplier"),
    ],
)
def test_who_declared_is_as_the_source_may_say(source: str, sent: DeclaredBy | None, told: DeclaredBy) -> None:
    said = record(offers=(Offer(("pr-locaux",), declared_by=sent), offer("ev-entretien", basis="inferred")))
    stored = StoredRecord(source, "1", said, Placement(), ID, received_at=LATER, changed_at=NOW)
    assert [each.declared_by for each in assemble(ID, [stored]).offers] == [told, None]


def test_other_segments_bases_and_kinds_of_area_are_other_offers() -> None:
    some = (award(2024), award(2024, segment="ev-entretien"), award(2024, "departement:35"), offer(basis="inferred"))
    assert unite_offers(some) == some


ID = UUID(int=7)
GREEN = Offer(segments=("ev-entretien",), declared_by="network")
CLEAN = Offer(segments=("pr-locaux",), declared_by="network")
ACI = Approval("ACI", valid_until=date(2027, 12, 31))
ESAT = Approval("ESAT")


def together(
    *records: SupplierRecord, placements: tuple[Placement, ...] = (), adding: tuple[SupplierRecord, ...] = ()
) -> Supplier:
    """The supplier that the records describe; those that are `adding` make none by themselves."""
    placed = placements or (Placement(),) * len(records)
    stored = [
        StoredRecord(
            f"source-{rank}", "1", each, place, None if each in adding else ID, received_at=LATER, changed_at=NOW
        )
        for rank, (each, place) in enumerate(zip(records, placed, strict=True))
    ]
    return assemble(ID, stored)


def bare(**fields: Any) -> SupplierRecord:
    return record(offers=fields.pop("offers", ()), **fields)


def test_a_single_record_is_the_supplier() -> None:
    place = Placement(Point(48.07, -2.97), "56178", (Flag("placed_at_commune", "56178"),))
    only = bare(approvals=(ACI,), offers=(GREEN,), shares=Shares(disadvantaged=0.7), labels=("RSEi",), active=False)
    assert together(only, placements=(place,)) == Supplier(
        id=ID,
        name=only.name,
        kinds=("ACI",),
        approvals=(ACI,),
        shares=Shares(disadvantaged=0.7),
        commune="56178",
        location=Point(48.07, -2.97),
        offers=(GREEN,),
        labels=("RSEi",),
        active=False,
        flags=place.flags,
        sources=(SourceRef("source-0", "1", LATER),),
        updated_at=NOW,
    )


def test_offers_approvals_and_labels_are_united() -> None:
    whole = together(
        bare(offers=(GREEN,), approvals=(ACI,), labels=("RSEi",)),
        bare(offers=(CLEAN, GREEN), approvals=(ESAT, ACI), labels=("RSEi", "ISO 26000")),
    )
    assert (whole.offers, whole.approvals, whole.labels) == ((GREEN, CLEAN), (ACI, ESAT), ("RSEi", "ISO 26000"))
    assert whole.kinds == ("ACI", "ESAT")


def test_approvals_stay_unknown_while_no_record_knows_any() -> None:
    """Unknown and none are different answers."""
    assert together(bare(), bare()).approvals is None
    assert together(bare(), bare(approvals=())).approvals == ()


def test_an_approval_without_dates_yields_to_dated_ones_of_its_kind() -> None:
    """A list that only says "ACI" must not keep alive what another knows to have ended."""
    whole = together(bare(approvals=(Approval("ACI"), ESAT)), bare(approvals=(ACI,)))
    assert whole.approvals == (ESAT, ACI)


def test_a_list_of_approvals_never_names_or_places_who_another_record_describes() -> None:
    """Whichever came first. A list makes no supplier: that it adds to one is told by the supplier it lacks."""
    siret = "22560001400016"
    listed = SupplierRecord(name=name_by_number(siret), siret=siret, approvals=(ACI,))
    named = SupplierRecord(name="JARDINS BLAVET (ASSOC)", siret=siret, approvals=(ESAT,))
    described = bare(siret=siret, name="Les Jardins du Blavet", offers=(GREEN,), active=False)
    for order in permutations((listed, named, described)):
        whole = together(*order, adding=(listed,))
        assert (whole.name, whole.active) == ("Les Jardins du Blavet", False)
        assert set(whole.approvals or ()) == {ACI, ESAT}
    assert together(listed, named, adding=(listed,)).name == "JARDINS BLAVET (ASSOC)"


def test_other_fields_come_from_the_first_that_knows_them() -> None:
    whole = together(
        bare(siret=None, ess=False, contact=Contact(email="a@blavet.fr"), shares=Shares(disabled=0.1)),
        bare(siret="22560001400016", ess=True, contact=Contact("b@blavet.fr", "02"), shares=Shares(detained=0.2)),
    )
    assert (whole.siret, whole.ess) == ("22560001400016", False)
    assert (whole.contact, whole.shares) == (Contact("a@blavet.fr", "02"), Shares(disabled=0.1, detained=0.2))


def test_the_place_is_taken_whole_from_the_first_that_has_a_location() -> None:
    """A commune of one record and a point of another might lie far apart."""
    nowhere = Placement(None, "35238", (Flag("no_place", ""),))
    somewhere = Placement(Point(48.07, -2.97), "56178", (Flag("placed_at_commune", "56178"),))
    whole = together(bare(), bare(), placements=(nowhere, somewhere))
    assert (whole.location, whole.commune, whole.flags) == (somewhere.location, "56178", somewhere.flags)


def test_flags_that_no_longer_hold_for_the_whole_are_dropped() -> None:
    doubtful = Placement(None, "56178", (Flag("no_offer", ""), Flag("siret_check_failed", "123")))
    whole = together(bare(siret="1", offers=(GREEN,)), bare(siret="2"), placements=(Placement(), doubtful))
    assert (whole.commune, whole.flags) == ("56178", ())


def test_every_category_without_a_segment_stays_flagged() -> None:
    first, second = (Placement(flags=(Flag("unmapped_category", name),)) for name in ("10430", "autre"))
    whole = together(bare(), bare(), placements=(first, second))
    assert [flag.detail for flag in whole.flags] == ["10430", "autre"]


STAFF = offer(STAFF_LENT)


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ((), False),
        ((STAFF,), False),
        ((offer(cpv=["79620000-6"]),), False),
        ((Offer(label="Divers"),), False),
        ((offer(cpv=["79622000"]),), True),
        ((offer(STAFF_LENT, "pr-locaux"),), True),
        ((STAFF, offer("pr")), True),
    ],
)
def test_staff_lent_is_no_trade(offers: tuple[Offer, ...], expected: bool) -> None:
    """Nor is an offer that says neither segment nor code."""
    assert any(map(is_trade, offers)) is expected


def test_codes_of_staff_are_those_of_the_taxonomy() -> None:
    read = taxonomy.load()
    for code in cpv.load():
        if segments := read.of_cpv(code):
            assert is_trade(offer(cpv=[code])) == (segments != (STAFF_LENT,)), code


def test_evidence_is_ranked_between_what_is_declared_and_what_nobody_says() -> None:
    assert ("declared", *EVIDENCE_KINDS, "unknown") == TRADE_EVIDENCE


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ((STAFF,), None),
        ((offer(basis="awarded"),), "award"),
        ((offer(basis="inferred"),), "unknown"),
        (
            (offer(basis="inferred"), based_on(offer(basis="inferred"), Evidence("words"), Evidence("register"))),
            "register",
        ),
        (
            (based_on(offer(basis="awarded"), Evidence("award")), based_on(offer(basis="inferred"), Evidence("job"))),
            "job",
        ),
        ((STAFF, based_on(offer(basis="inferred"), Evidence("kind"))), "kind"),
        ((based_on(offer(basis="inferred"), Evidence("sector")), offer()), "declared"),
    ],
)
def test_a_trade_rests_on_its_strongest_evidence(offers: tuple[Offer, ...], expected: str | None) -> None:
    """That of staff lent does not count."""
    assert trade_evidence(offers) == expected


def test_a_supplier_of_two_kinds_counts_in_each_and_once_in_all() -> None:
    found = count_trades([(("EI", "ACI"), "award", 2), (("ACI",), None, 1), ((), "declared", 3), (("EI",), "award", 0)])
    assert (found.suppliers, found.with_trade, found.share) == (6, 5, 0.8333)
    assert found.by_kind == (KindTrades("EI", 2, 2), KindTrades("ACI", 3, 2), KindTrades("none", 3, 3))
    assert found.by_evidence == (EvidenceTrades("declared", 3), EvidenceTrades("award", 2))


def test_of_nobody_no_share_is_known() -> None:
    assert count_trades(()).share is None
