"""Terms of the contract: specifications, small firms' share, advance and retention."""

from datetime import date

import msgspec
import pytest

from domain.needs.need import Buyer, Lot, Need
from tests.domain.law.samples import LOCAL, advice, buyer, need, review, services, the, works

CENT = 0.01
BEFORE, FROM = date(2026, 8, 21), date(2026, 8, 22)


def cleaning(
    value: float | None = 60_000, months: int | None = 12, *, who: Buyer | None = LOCAL, **more: object
) -> Need:
    lot = Lot(id="1", segments=("pr-locaux",), cpv=("90919200",), value_eur=value, duration_months=months)
    return need(lot, buyer=who, **more)


def terms(asked: Need, on: date = FROM) -> str:
    """What is said of advance and retention."""
    return the("FINANCIAL_TERMS", review(asked, on).advice).message.fr


def test_specifications_take_sustainable_development_into_account() -> None:
    """From 2026-08-22, whatever the amount; a direct award is not told."""
    assert "SUSTAINABLE_SPECIFICATIONS" not in advice(services(640_000), BEFORE)
    found = the("SUSTAINABLE_SPECIFICATIONS", review(services(60_000), FROM).advice)
    assert (found.severity, found.confidence, found.article) == ("warning", "high", "L2111-2")
    assert "SUSTAINABLE_SPECIFICATIONS" not in advice(services(60_000 - CENT), FROM)
    assert "SUSTAINABLE_SPECIFICATIONS" in advice(services(None), FROM)
    concession = the("SUSTAINABLE_SPECIFICATIONS", review(services(1_000, contract="concession"), FROM).advice)
    assert concession.article == "L3111-2"


@pytest.mark.parametrize(
    ("asked", "on", "expected"),
    [
        (services(216_000), BEFORE, False),
        (services(216_000), FROM, True),
        (services(216_000 - CENT), FROM, False),
        (services(216_000, buyer=None), FROM, False),
        (services(432_000, buyer=None), FROM, True),
        (services(6_000_000, contract="concession"), FROM, False),
        (services(None), FROM, False),
        (works(5_404_000), FROM, True),
    ],
)
def test_reasons_for_an_exception_are_kept_where_the_condition_is_required(
    asked: Need, on: date, expected: bool
) -> None:
    """A clause of the duty itself, and as sure."""
    told = [item for item in review(asked, on).advice if item.code == "SOCIAL_CONSIDERATION"]
    assert ["dont les raisons sont à conserver selon le III" in item.message.fr for item in told if expected] == [
        True
    ] * expected
    assert expected or not any("raisons" in item.message.fr for item in told)
    assert "SOCIAL_EXCEPTION_REASONS" not in advice(asked, on)


@pytest.mark.parametrize(("on", "share"), [(date(2024, 12, 31), "10 %"), (date(2025, 1, 1), "20 %")])
def test_a_concession_may_require_a_share_for_small_firms(on: date, share: str) -> None:
    """It may, so it is no warning; markets are not told, for global contracts are not known as such."""
    found = the("PME_SHARE", review(services(1_000, contract="concession"), on).advice)
    assert (found.severity, found.article) == ("info", "R3114-5")
    assert share in found.message.fr
    assert "PME_SHARE" not in advice(services(1_000), on)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (cleaning(50_000), False),
        (cleaning(50_000 + CENT), True),
        (cleaning(months=2), False),
        (cleaning(months=3), True),
        (cleaning(None), False),
        (cleaning(months=None), False),
        (cleaning(None, estimated_total_eur=60_000), True),
        (cleaning(who=buyer("utility")), False),
        (cleaning(contract="concession"), False),
        (cleaning(technique="framework_agreement"), False),
    ],
)
def test_an_advance_is_due_above_an_amount_and_a_duration(asked: Need, expected: bool) -> None:
    assert ("FINANCIAL_TERMS" in advice(asked)) == expected


RENEWED = Lot(id="1", segments=("pr-locaux",), value_eur=60_000, duration_months=12, renewal_months=12)
ALL = msgspec.structs.replace(RENEWED, value_covers="all")


def test_the_amount_is_that_of_the_first_duration() -> None:
    """Renewals and options add to the estimated value, not to the amount by which an advance is due."""
    assert "à vérifier" not in terms(need(RENEWED))
    assert "FINANCIAL_TERMS" not in advice(need(msgspec.structs.replace(RENEWED, value_eur=50_000, options_eur=9_000)))


@pytest.mark.parametrize(
    "lot",
    [
        ALL,
        msgspec.structs.replace(ALL, renewal_months=None, options_eur=10_000),
        msgspec.structs.replace(ALL, value_eur=110_000, options_eur=10_000),
    ],
)
def test_an_amount_of_all_that_only_renewals_or_options_reach_is_to_be_checked(lot: Lot) -> None:
    """60 000 € in all over 12 months and 12 of renewal are 30 000 € for the first duration."""
    assert "à vérifier" in terms(need(lot))
    assert "à vérifier" not in terms(need(msgspec.structs.replace(lot, value_eur=150_000)))
    alone = msgspec.structs.replace(lot, value_eur=None)
    assert "à vérifier" in terms(need(alone, estimated_total_eur=lot.value_eur))


@pytest.mark.parametrize(
    ("kind", "on", "words"),
    [
        (
            "state",
            date(2022, 12, 31),
            "avance d'au moins 20 % et retenue d'au plus 3 % si l'acheteur est l'État",
        ),
        (
            "state",
            date(2023, 1, 1),
            "avance d'au moins 30 % et retenue d'au plus 3 % si l'acheteur est l'État",
        ),
        ("local", date(2019, 12, 31), "d'au plus 5 % d'après l'article R2191-33 ; les acheteurs"),
        ("local", date(2020, 1, 1), "pour une PME, avance d'au moins 10 % si les dépenses réelles de fonctionnement"),
        ("local", date(2024, 12, 31), "avance d'au moins 10 % si"),
        ("local", date(2025, 1, 1), "avance d'au moins 10 % et retenue d'au plus 3 % si"),
    ],
)
def test_a_small_firm_has_better_rates(kind: str, on: date, words: str) -> None:
    assert words in terms(cleaning(who=Buyer(kind=kind)), on)  # type: ignore[arg-type]


def test_rates_are_not_guessed() -> None:
    """Neither from an unknown buyer nor from annual purchases, which are no operating expenses."""
    assert "les taux d'une PME dépendent de l'acheteur" in terms(cleaning(who=None))
    rich = Buyer(kind="local", annual_purchases_eur=90_000_000)
    assert "si les dépenses réelles de fonctionnement de l'acheteur dépassent 60 000 000 €" in terms(cleaning(who=rich))


def test_the_terms_of_a_direct_award_are_no_warning() -> None:
    found = [the("FINANCIAL_TERMS", review(cleaning(value)).advice).severity for value in (59_999.99, 60_000)]
    assert found == ["info", "warning"]


def test_the_lots_above_are_named() -> None:
    lots = [
        Lot(id=str(n), segments=("pr-locaux",), value_eur=value, duration_months=months)
        for n, (value, months) in enumerate(((60_000, 12), (40_000, 12), (60_000, 2), (90_000, 6)), 1)
    ]
    found = the("FINANCIAL_TERMS", review(need(*lots)).advice)
    assert found.lots == (("1", "4"),)
    assert found.message.fr.startswith("Plus de 50 000 € HT et de 2 mois (lots 1 et 4) : une avance d'au moins 5 %")


def test_a_lot_that_needs_its_renewals_is_named_beside_a_sure_one() -> None:
    """60 000 € in all over 12 months and 12 of renewal may be 30 000 €: it is not left out, but to be checked."""
    lots = [
        Lot(id="1", segments=("pr-locaux",), value_eur=60_000, duration_months=12),
        msgspec.structs.replace(ALL, id="2"),
    ]
    found = the("FINANCIAL_TERMS", review(need(*lots)).advice)
    assert found.lots == (("1", "2"),)
    assert (
        "(lots 1 et 2), pour le lot 2 seulement si reconductions ou options comptent, à vérifier : une"
        in found.message.fr
    )
    assert found.message.fr.count("à vérifier") == 1
    assert found.confidence != "low"


def test_the_only_lot_has_its_own_value_before_the_stated_total() -> None:
    """The total counts what comes beyond the lot; it stands in where the lot has no value."""
    assert "FINANCIAL_TERMS" not in advice(cleaning(40_000, estimated_total_eur=60_000))
    assert "FINANCIAL_TERMS" in advice(cleaning(None, estimated_total_eur=60_000))


def test_nothing_is_said_of_terms_before_the_code() -> None:
    assert "FINANCIAL_TERMS" not in advice(cleaning(), date(2019, 3, 31))
    assert "FINANCIAL_TERMS" in advice(cleaning(), date(2019, 4, 1))
