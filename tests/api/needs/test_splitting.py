"""Needs of one organisation, family and year that pass a threshold together, as its frozen shortlists say."""

from typing import Any

import pytest

from tests.api.needs.steps import Buyer, new_buyer
from tests.api.sync.factories import Client


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    return await new_buyer(served)


def of_value(value_eur: float | None, segment: str = "ev-entretien", **fields: Any) -> dict[str, Any]:
    """A need of one lot, planned for 2027."""
    lots = [{"id": "1", "segments": [segment], "value_eur": value_eur}]
    return {"lots": lots, "planned_publication_on": "2027-03-01", "buyer": {"kind": "local"}} | fields


def split(shortlist: dict[str, Any]) -> list[str]:
    return [advice["message"] for advice in shortlist["advice"] if advice["code"] == "NO_SPLIT_TO_EVADE"]


async def warned(organisation: Buyer, **fields: Any) -> list[str]:
    """The warnings on a new need."""
    return split((await organisation.keep(**fields))["shortlist"])


async def test_two_needs_pass_the_threshold_together(buyer: Buyer) -> None:
    """One cent decides; the need that was first says it from its next version on, and its first stays as it was."""
    first = await buyer.keep(**of_value(30_000, reference="PARCS-1"))
    assert split(first["shortlist"]) == []
    assert await warned(buyer, **of_value(29_999.99, reference="PARCS-2", planned_publication_on="2027-12-31")) == []
    need = first["need"]["id"]
    assert split(await buyer.frozen(need)) == []
    (told,) = await warned(buyer, **of_value(0.01, reference="PARCS-3"))
    assert "0,01 € + 30 000 € (réf. PARCS-1) + 29 999,99 € (réf. PARCS-2) = 60 000 € ≥ 60 000 €" in told
    assert "prévus ou engagés en 2027" in told
    assert "(R2121-6)" in told
    assert "(R2121-4)" in told
    assert split((await buyer.get(f"/needs/{need}/shortlists/2")).json()) == []
    assert len(split(await buyer.frozen(need))) == 1
    assert split((await buyer.get(f"/needs/{need}/shortlists/1")).json()) == []


async def test_renewals_and_options_of_other_needs_count(buyer: Buyer) -> None:
    """10 000 € with a year of renewal and 9 999,99 € of options are 29 999,99 €."""
    terms = {"duration_months": 12, "renewal_months": 12, "options_eur": 9_999.99}
    lot = {"id": "1", "segments": ["ev-entretien"], "value_eur": 10_000} | terms
    await buyer.keep(**of_value(None, reference="PARCS-1", lots=[lot]))
    assert await warned(buyer, **of_value(30_000, reference="PARCS-2")) == []
    (told,) = await warned(buyer, **of_value(0.01, reference="PARCS-3"))
    assert "0,01 € + 30 000 € (réf. PARCS-2) + 29 999,99 € (réf. PARCS-1) = 60 000 €" in told


async def test_a_match_never_says_it(buyer: Buyer) -> None:
    """It stores nothing and knows no other need; nor are the lots of one need split."""
    await buyer.keep(**of_value(50_000))
    asked = buyer.need(**of_value(50_000))
    del asked["planned_publication_on"]
    assert split((await buyer.post("/match", asked)).json()) == []
    lots = [{"id": n, "segments": ["ev-entretien"], "value_eur": 30_000} for n in "12"]
    assert split((await buyer.post("/match", buyer.need(lots=lots))).json()) == []
    alone = await new_buyer(buyer.client)
    assert await warned(alone, **of_value(None, lots=lots)) == []


async def test_another_organisations_needs_never_count(buyer: Buyer) -> None:
    other = await new_buyer(buyer.client)
    await other.keep(**of_value(50_000, reference="SECRET"))
    assert await warned(buyer, **of_value(50_000)) == []


async def test_needs_of_another_year_buyer_or_family_and_abandoned_ones_do_not_count(buyer: Buyer) -> None:
    here, there = ({"kind": "local", "siret": siret} for siret in ("22560001400016", "21560260300016"))
    asked = of_value(30_000, buyer=here)
    await buyer.keep(**of_value(50_000, planned_publication_on="2026-12-31"))
    await buyer.keep(**of_value(50_000, planned_publication_on="2028-01-01"))
    await buyer.keep(**of_value(50_000, buyer=there))
    await buyer.keep(**of_value(50_000, "pr-locaux"))
    dropped = (await buyer.keep(**of_value(50_000)))["need"]["id"]
    await buyer.patch(f"/needs/{dropped}", {"status": "abandoned"})
    assert await warned(buyer, **asked) == []
    await buyer.keep(**of_value(50_000, title="Parcs"))
    assert len(await warned(buyer, **asked)) == 1


async def test_a_need_that_is_not_planned_counts_in_the_year_of_its_creation(buyer: Buyer) -> None:
    year = buyer.client.services.today().year
    await buyer.keep(**of_value(50_000, planned_publication_on=None))
    assert await warned(buyer, **of_value(30_000, planned_publication_on=f"{year}-06-01")) != []
    assert await warned(buyer, **of_value(30_000, planned_publication_on=f"{year + 1}-06-01")) == []


async def test_other_needs_are_read_by_their_codes_and_words_too(buyer: Buyer) -> None:
    """As a match reads them."""
    words = [{"id": "1", "keywords": ["tonte de pelouses"], "value_eur": 20_000}]
    codes = [{"id": "1", "cpv": ["77310000-6"], "value_eur": 20_000}]
    for lots in (words, codes):
        await buyer.keep(**of_value(None, lots=lots))
    (told,) = await warned(buyer, **of_value(20_000))
    assert "= 60 000 € ≥ 60 000 €" in told


async def test_needs_that_have_only_titles_are_read_by_these(buyer: Buyer) -> None:
    """The need under review as well as the others; a lot that says where alone is read with its need's title."""
    titled = [{"id": "1", "title": "Tonte des pelouses du stade", "value_eur": 30_000}]
    placed = [{"id": "1", "title": "Secteur nord", "value_eur": 35_000}]
    await buyer.keep(**of_value(None, title="Entretien des espaces verts", lots=placed))
    assert await warned(buyer, **of_value(10_000, "pr-locaux")) == []
    (told,) = await warned(buyer, **of_value(None, title="Stade", lots=titled, reference="STADE"))
    assert "30 000 € + 35 000 € (« Entretien des espaces verts ») = 65 000 € ≥ 60 000 €" in told


async def test_an_award_by_another_buyer_of_the_organisation_is_to_be_checked(buyer: Buyer, source: str) -> None:
    """Its supplier stays a candidate, to be judged; by the same buyer it is barred."""
    supplier = await buyer.supplier(source, "1", legal_form="association", ess=True)
    here, there = ({"siret": siret} for siret in ("22560001400016", "21560260300016"))
    lots = [{"id": "1", "segments": ["ev-entretien"], "reserved": ["ess"]}]
    need = (await buyer.keep(lots=lots, buyer=there))["need"]["id"]
    award = {"lot_id": "1", "supplier_id": supplier, "awarded_on": "2026-01-15"}
    assert (await buyer.post(f"/needs/{need}/awards", award)).status_code == 201
    (candidate,) = (await buyer.keep(lots=lots, buyer=here))["shortlist"]["lots"][0]["candidates"]
    (verdict,) = candidate["eligibility"]
    assert (verdict["outcome"], verdict["code"]) == ("REVIEW", "ESS_AWARD_BAR")
    assert "quel que soit l'acheteur : à vérifier" in verdict["message"]
    for buys in (there, None):
        assert (await buyer.keep(lots=lots, buyer=buys))["shortlist"]["lots"][0]["candidates"] == []
