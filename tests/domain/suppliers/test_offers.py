"""Offers of one supplier from several records."""

from datetime import date

from domain.suppliers.offers import EVIDENCE_KEPT, strength, unite
from domain.suppliers.supplier import Evidence, Offer
from tests.factories import based_on, offer


def award(year: int, *places: str, segment: str = "pr-locaux") -> Offer:
    one = offer(segment, basis="awarded", **({"codes": places} if places else {}))
    return based_on(one, Evidence("award", f"Marché de {year}", date(year, 5, 2), "decp", str(year)))


def test_the_stronger_kind_of_evidence_comes_first_then_the_later() -> None:
    found = [Evidence("words"), Evidence("award"), Evidence("award", on=date(2024, 1, 1)), Evidence("sector")]
    assert [each.kind for each in sorted(found, key=strength)] == ["sector", "award", "award", "words"]
    assert sorted(found, key=strength)[1].on == date(2024, 1, 1)


def test_offers_that_say_the_same_are_one_with_the_evidence_and_the_places_of_all() -> None:
    (one,) = unite([award(2022, "departement:35"), award(2024, "departement:56", "departement:35")])
    assert [each.reference for each in one.evidence] == ["2024", "2022"]
    assert one.service_area is not None
    assert one.service_area.codes == ("departement:35", "departement:56")


def test_a_hundred_contracts_leave_the_latest_few() -> None:
    (one,) = unite(award(year) for year in range(1920, 2020))
    assert [each.reference for each in one.evidence] == [str(2019 - back) for back in range(EVIDENCE_KEPT)]


def test_what_was_declared_stays_as_it_was_declared() -> None:
    declared = [offer(), offer(radius_km=30), offer()]
    assert unite([*declared, award(2024)]) == (offer(), offer(radius_km=30), award(2024))


def test_other_segments_bases_and_kinds_of_area_are_other_offers() -> None:
    some = (award(2024), award(2024, segment="ev-entretien"), award(2024, "departement:35"), offer(basis="inferred"))
    assert unite(some) == some
