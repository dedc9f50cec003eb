"""The generated pool: plainly made up, repeatable, like the real files in what it holds; and the need asked of it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import islice
from uuid import UUID

import msgspec
import pytest
import shapely
from stdnum.fr import siret

from api.sample.generate import MARK, SAMPLE_DEPARTEMENTS, SAMPLE_SEED, SAMPLE_SIZE, GeneratedRecord, generate_records
from domain.needs.need import Need
from domain.reference import cpv, taxonomy, territory
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import ServiceArea, SupplierRecord
from matching.engine import match
from matching.geo.record_placement import find_placements
from matching.geo.territory import outlines
from matching.index.live_index import Index, LiveIndex
from tests.factories import reference as load_reference

ON = date(2026, 11, 24)
COUNT = 2_000


def pool(
    count: int, seed: int = 1, on: date = ON, departements: tuple[str, ...] | None = None
) -> Iterator[GeneratedRecord]:
    return generate_records(count, seed, load_reference(), on, departements)


@pytest.fixture(scope="module")
def records() -> list[SupplierRecord]:
    return [one.record for one in pool(COUNT)]


def test_repeatable(records: list[SupplierRecord]) -> None:
    """The same seed gives the same pool, and a larger pool begins with the smaller one; another seed another pool.

    Each record would be accepted as a row of an import, byte for byte.
    """
    assert list(pool(50)) == list(islice(pool(1_000_000), 50))
    assert list(pool(50, seed=2)) != list(pool(50))
    assert len({one.external_id for one in pool(500)}) == 500
    assert msgspec.json.decode(msgspec.json.encode(records), type=list[SupplierRecord]) == records


def test_records_are_plainly_generated_and_of_known_places_and_trades(records: list[SupplierRecord]) -> None:
    """The mark is in the name, which every list shows; nothing leads to a real firm, mailbox, site or telephone.

    Communes are drawn by population: Paris has some 3 % of it, and overseas departements are not forgotten.
    """
    territories, segments, codes, shapes = territory.load(), taxonomy.load(), cpv.load(), outlines("commune")
    communes: Counter[str] = Counter()
    fiction = ("01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98")
    for record in records:
        assert (record.name.endswith(MARK), "généré" in record.labels) == (True, True)
        assert record.contact
        assert (record.contact.email or "").endswith(".example.org")
        assert (record.contact.website or "https://x.example.org").endswith(".example.org")
        assert (record.contact.phone or fiction[0]).startswith(fiction)
        assert record.contact.person is None
        assert record.siret is None or (siret.is_valid(record.siret) and record.siret.startswith("0"))
        assert record.address
        commune = record.address.commune or ""
        communes[commune] += 1
        ordinal = territories.commune_ordinal(commune)
        assert ordinal is not None
        place = record.location
        assert place is None or shapely.contains_xy(shapes[ordinal], place.lon, place.lat)
        for offer in record.offers:
            assert offer.segments or offer.cpv
            assert all(segments.known(code) for code in offer.segments)
            assert all(codes.known(code) and segments.of_cpv(code) for code in offer.cpv)
            for code in offer.service_area.codes or () if offer.service_area else ():
                assert territories.area(code).communes
    assert 0.02 * COUNT < communes["75056"] < 0.045 * COUNT
    assert any(code.startswith("974") for code in communes)
    numbers = [record.siret for record in records if record.siret]
    assert len(numbers) == len(set(numbers)) > COUNT * 0.9
    assert COUNT * 0.95 < sum(record.location is not None for record in records) < COUNT


def test_a_name_that_says_a_trade_is_of_a_supplier_that_does_nothing_else(records: list[SupplierRecord]) -> None:
    """And ESAT and sheltered enterprises are named as what they are."""
    says = {
        "Jardins": "ev",
        "Paysages": "ev",
        "Propreté": "pr",
        "Compost": "de",
        "Recyclerie": "re",
        "Blanchisserie": "lt",
    }
    named = [(family, one) for one in records for word, family in says.items() if word in one.name]
    assert {family for family, _ in named} == set(says.values())
    for family, one in named:
        offered = [code for offer in one.offers for code in offer.segments]
        assert {code.split("-")[0] for code in offered} <= {family}, one.name
    for one in records:
        kinds = {each.kind for each in one.approvals or ()}
        assert "ESAT" not in kinds or one.name.startswith("ESAT "), one.name
        assert "EA" not in kinds or one.name.startswith(("EA ", "Entreprise adaptée ")), one.name


def test_departements_bound_the_pool() -> None:
    chosen = [one.record.address for one in pool(300, departements=SAMPLE_DEPARTEMENTS)]
    assert {address.commune[:2] for address in chosen if address and address.commune} == set(SAMPLE_DEPARTEMENTS)
    with pytest.raises(ValueError, match="no inhabited commune"):
        next(pool(1, departements=("975",)))


def test_frequencies(records: list[SupplierRecord]) -> None:
    """Kinds by the real files, areas as stated, and every case that the law treats apart is there."""
    kinds = Counter(approval.kind for record in records for approval in record.approvals or ())
    assert [kind for kind, _ in kinds.most_common(2)] == ["ACI", "ESAT"]
    assert {"EI", "AI", "ETTI", "GEIQ", "EA", "SEP", "TIH", "ESUS"} <= set(kinds)
    areas = [offer.service_area or ServiceArea() for record in records for offer in record.offers]
    sorts = {
        "radius": sum(area.radius_km is not None for area in areas),
        "codes": sum(bool(area.codes) for area in areas),
        "national": sum(bool(area.national) for area in areas),
        "absent": sum(area == ServiceArea() for area in areas),
    }
    shares = {sort: number / len(areas) for sort, number in sorts.items()}
    assert shares == pytest.approx({"radius": 0.6, "codes": 0.25, "national": 0.05, "absent": 0.1}, abs=0.04)
    forms = {"association", "cooperative", "commercial_company", "public_body"}
    assert {record.legal_form for record in records} >= forms
    assert {record.ess for record in records} == {True, False, None}
    assert all(record.in_prison for record in records if "SEP" in {each.kind for each in record.approvals or ()})
    assert 0.02 < sum(record.approvals is None for record in records) / COUNT < 0.15
    assert sum(offer.basis == "inferred" for record in records for offer in record.offers) > 0
    assert all(1 <= len(record.offers) <= 5 for record in records)
    families = {family.id for family in taxonomy.load().families}
    assert any(families & set(offer.segments) for record in records for offer in record.offers)


def test_approvals_are_dated_around_the_day() -> None:
    """Most in force, some lapsed, some about to expire, some without bounds; another day moves them all."""
    dated, later = (
        [approval for one in pool(1_000, on=on) for approval in one.record.approvals or ()]
        for on in (ON, ON + timedelta(days=10))
    )
    ends = [approval.valid_until for approval in dated]
    assert 0.03 < sum(end is not None and end < ON for end in ends) / len(ends) < 0.12
    assert 0.04 < sum(end is not None and ON <= end < ON + timedelta(days=90) for end in ends) / len(ends) < 0.15
    assert 0.04 < sum(end is None for end in ends) / len(ends) < 0.15
    for before, after in zip(dated, later, strict=True):
        assert before.valid_from is None or after.valid_from == before.valid_from + timedelta(days=10)


def test_what_a_newcomer_sees_first_is_worth_seeing() -> None:
    """Supply is good for some lots and tense for one; reservations and distances refuse some; all was understood."""
    reference = load_reference()
    generated = list(generate_records(SAMPLE_SIZE, SAMPLE_SEED, reference, ON, SAMPLE_DEPARTEMENTS))
    placements = find_placements([one.record for one in generated], reference.geography)
    then = datetime(2026, 11, 24, tzinfo=UTC)
    pool = []
    for number, (one, placement) in enumerate(zip(generated, placements, strict=True)):
        supplier = UUID(int=number)
        stored = StoredRecord("sample", one.external_id, one.record, placement, supplier, then, then)
        pool.append(assemble(supplier, [stored]))
    index = Index.build(pool, reference.taxonomy, reference.cpv, reference.geography)
    sent = (files("api") / "sample" / "need.json").read_bytes()
    lots = match(msgspec.json.decode(sent, type=Need), LiveIndex(index, 1), reference, ON, "fr").lots
    assert all(lot.total > 0 and lot.near_misses for lot in lots)
    levels = {lot.tension.level for lot in lots}
    assert "good" in levels
    assert {"low", "critical"} & levels
    assert {miss.excluded_by for lot in lots for miss in lot.near_misses} >= {"reservation", "distance"}
    assert any(lot.alternatives.reserved["none"] > lot.total for lot in lots)
    codes = {advice.code for lot in lots for advice in lot.advice}
    assert not codes & {"CPV_UNMAPPED", "KEYWORD_UNKNOWN", "RISK_INFRUCTUEUX"}
    assert all(lot.reservation.outcome != "INELIGIBLE" for lot in lots)
