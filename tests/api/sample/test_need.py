"""The sample need on the sample pool: what a newcomer sees first is worth seeing."""

from datetime import UTC, date, datetime
from importlib.resources import files
from uuid import UUID

import msgspec
import pytest

from api.sample.generate import SAMPLE_DEPARTEMENTS, SAMPLE_SEED, SAMPLE_SIZE, generate
from domain.needs.need import Need
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.assembly import StoredRecord, assemble
from matching.engine import match
from matching.geo.geocode import place
from matching.index.live_index import Index, LiveIndex
from matching.reference import load_reference

ON = date(2026, 11, 24)


@pytest.fixture(scope="module")
def shortlist() -> Shortlist:
    reference = load_reference()
    generated = list(generate(SAMPLE_SIZE, SAMPLE_SEED, reference, ON, SAMPLE_DEPARTEMENTS))
    placements = place([one.record for one in generated], reference.geography)
    then = datetime(2026, 11, 24, tzinfo=UTC)
    pool = []
    for number, (one, placement) in enumerate(zip(generated, placements, strict=True)):
        supplier = UUID(int=number)
        stored = StoredRecord("sample", one.external_id, one.record, placement, supplier, then, then)
        pool.append(assemble(supplier, [stored]))
    index = Index.build(pool, reference.taxonomy, reference.cpv, reference.geography)
    sent = (files("api") / "sample" / "need.json").read_bytes()
    return match(msgspec.json.decode(sent, type=Need), LiveIndex(index, 1), reference, ON, "fr")


def test_what_a_newcomer_sees_first_is_worth_seeing(shortlist: Shortlist) -> None:
    """Supply is good for some lots and tense for one; reservations and distances refuse some; all was understood."""
    assert all(lot.total > 0 and lot.near_misses for lot in shortlist.lots)
    levels = {lot.tension.level for lot in shortlist.lots}
    assert "good" in levels
    assert {"low", "critical"} & levels
    assert {miss.excluded_by for lot in shortlist.lots for miss in lot.near_misses} >= {"reservation", "distance"}
    assert any(lot.alternatives.reserved["none"] > lot.total for lot in shortlist.lots)
    codes = {advice.code for lot in shortlist.lots for advice in lot.advice}
    assert not codes & {"CPV_UNMAPPED", "KEYWORD_UNKNOWN", "RISK_INFRUCTUEUX"}
    assert all(lot.reservation.outcome != "INELIGIBLE" for lot in shortlist.lots)
