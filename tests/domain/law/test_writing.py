"""How advice is written, over needs and days that bring out its rarer sentences."""

from collections.abc import Iterator
from datetime import date

import pytest

from domain.law.findings import LegalAdvice
from domain.needs.need import Lot, Need
from tests.domain.law.samples import TODAY, need, review, services, works

DAYS = (date(2019, 6, 1), date(2021, 6, 1), date(2026, 8, 21), TODAY, date(2027, 1, 1), date(2028, 3, 1))
SERVICES, WORKS, CARE, TRANSPORT = "90919200", "45442100", "85312000", "60112000"


def lots(*described: tuple[str, float], **fields: object) -> Need:
    """A need of lots by CPV and value."""
    made = (Lot(id=str(n), cpv=(cpv,), value_eur=value) for n, (cpv, value) in enumerate(described, 1))
    return need(*made, **fields)  # type: ignore[arg-type]


NEEDS = {
    "markets apart": lots((SERVICES, 250_000), (SERVICES, 50_000), (WORKS, 400_000), (WORKS, 70_000)),
    "one market": lots((SERVICES, 221_000), (SERVICES, 79_000), (WORKS, 300_000)),
    "light services and works": lots((CARE, 1_000_000), (WORKS, 200_000)),
    "works of 2027": works(120_000, 95_000, 600_000),
    "light services of an unknown buyer": lots((CARE, 800_000), buyer=None),
    "concession of transport": lots((TRANSPORT, 9_000_000), contract="concession"),
    "concession of transport and care": lots((TRANSPORT, 9_000_000), (CARE, 9_000), contract="concession"),
    "concession without value": services(None, contract="concession"),
    "total below": services(60_000, estimated_total_eur=50_000),
    "direct awards": works(30_000, 45_000),
    "renewals": need(
        Lot(id="1", segments=("pr-locaux",), value_eur=60_000, duration_months=12),
        Lot(id="2", value_eur=60_000, duration_months=12, renewal_months=12, value_covers="all"),
        Lot(id="3", segments=("pr-locaux",), value_eur=60_000, duration_months=12, renewal_months=12),
        Lot(id="4", value_eur=60_000, duration_months=12, renewal_months=5, options_eur=1_000.50),
    ),
    "renewals of a concession": need(
        Lot(id="1", value_eur=60_000, duration_months=12, renewal_months=1), contract="concession"
    ),
    "renewals of very many lots": need(
        *(Lot(id=str(n), value_eur=20_000, duration_months=12, renewal_months=12) for n in range(20))
    ),
    "renewals without duration": need(Lot(id="1", value_eur=60_000, renewal_months=12), Lot(id="2", value_eur=1)),
    "framework": need(Lot(id="1", duration_months=49), buyer=None, technique="framework_agreement"),
    "reserved": need(Lot(id="1", reserved=("iae",), value_eur=60_000), Lot(id="2", reserved=("ess",))),
    "innovative": need(Lot(id="1", nature="supplies", value_eur=140_000, innovative=True)),
}


def told(asked: Need) -> Iterator[LegalAdvice]:
    for on in DAYS:
        found = review(asked, on)
        yield from found.advice
        for lot in found.lots.values():
            yield from lot.advice


@pytest.mark.parametrize("name", NEEDS)
def test_advice_ends_with_its_article_and_owns_its_doubt_once(name: str) -> None:
    """In both languages, with no place left unfilled and nothing said twice in a row."""
    for item in told(NEEDS[name]):
        for message, doubt in zip(item.message, ("à vérifier", "to be checked"), strict=True):
            assert message.endswith(f"({item.article})"), message
            assert message.count(doubt) <= 1, message
            assert item.confidence != "low" or doubt in message, message
            assert not {"{", "}"} & set(message), message
            assert "  " not in message, message
            assert message[0] == message[0].upper(), message


@pytest.mark.parametrize("name", NEEDS)
def test_advice_names_lots_of_the_need(name: str) -> None:
    """Each set once, and none where all is meant."""
    known = {lot.id for lot in NEEDS[name].lots}
    for item in told(NEEDS[name]):
        assert all(names and known.issuperset(names) for names in item.lots)
        assert len(set(item.lots)) == len(item.lots)
