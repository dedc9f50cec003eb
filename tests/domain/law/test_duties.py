"""Duties and levers beyond the procedure, by date and amount, and the terms of the contract."""

from datetime import date

import msgspec
import pytest

from domain.needs.need import Buyer, Lot, Need
from tests.domain.law.samples import (
    CLEANING,
    LOCAL,
    TODAY,
    WORKS,
    advice,
    buyer,
    codes,
    lots,
    need,
    review,
    services,
    the,
    works,
)

CRITERION = "un critère qui prend en compte les caractéristiques environnementales de l'offre"


@pytest.mark.parametrize(
    ("asked", "on", "severity", "article", "words"),
    [
        (services(100_000), date(2026, 8, 20), "info", "L2112-2", "Il est possible et recommandé, sans obligation"),
        (services(100_000), date(2026, 8, 21), "warning", "R2152-7", f"Prévoir {CRITERION}, obligatoire quel que"),
        (services(100_000), date(2026, 8, 22), "warning", "L2112-2", f"{CRITERION} (R2152-7), obligatoires quel que"),
        (services(50_000), date(2026, 8, 20), "info", "L2112-2", "sans obligation à cette date"),
        (services(50_000), date(2026, 8, 21), "info", "L2112-2", "sans obligation à cette date"),
        (services(50_000), date(2026, 8, 22), "warning", "L2112-2", "obligatoire même sans mise en concurrence"),
        (services(6e6, contract="concession"), date(2026, 8, 20), "info", "L3114-2", "sans obligation à cette date"),
        (services(6e6, contract="concession"), date(2026, 8, 21), "warning", "R3124-4", f"Prévoir {CRITERION}"),
        (services(6e6, contract="concession"), date(2026, 8, 22), "warning", "L3114-2", f"{CRITERION} (R3124-4)"),
    ],
)
def test_environmental_criterion_and_condition_by_date(
    asked: Need, on: date, severity: str, article: str, words: str
) -> None:
    """The criterion is required one day before the condition; a direct award has no criterion."""
    (found,) = (item for item in review(asked, on).advice if item.code == "ENVIRONMENTAL_CONSIDERATION")
    assert (found.severity, found.article, "à vérifier" in found.message.fr) == (severity, article, False)
    assert words in found.message.fr
    assert ("critère" in found.message.fr) == (asked.lots[0].value_eur != 50_000)


def test_social_consideration_by_amount() -> None:
    """By kind of buyer and nature; advised, then required; a concession has two exceptions."""
    for on in (date(2026, 8, 20), date(2026, 8, 22), TODAY):
        assert "SOCIAL_CONSIDERATION" not in advice(services(215_999.99), on)
    assert "SOCIAL_CONSIDERATION" in advice(services(216_000))
    assert "SOCIAL_CONSIDERATION" not in advice(services(216_000, buyer=buyer("utility")))
    assert "SOCIAL_CONSIDERATION" not in advice(works(5_403_999.99))
    assert "SOCIAL_CONSIDERATION" in advice(works(5_404_000))
    assert "ENVIRONMENTAL_CONSIDERATION" in advice(services(100))
    assert "ENVIRONMENTAL_CONSIDERATION" in advice(services(None))
    for value, cpv, sure in ((749_999, "64121100", "low"), (750_000, "64121100", "high"), (7e5, "90919200", "high")):
        found = review(need(Lot(id="1", cpv=(cpv,), value_eur=value))).advice
        assert the("SOCIAL_CONSIDERATION", found).confidence == sure
    lots = Lot(id="1", cpv=("64121100",), value_eur=1_000), Lot(id="2", cpv=("90919200",), value_eur=300_000)
    assert the("SOCIAL_CONSIDERATION", review(need(*lots)).advice).confidence == "high"
    for on, severity in [(date(2024, 6, 24), "info"), (date(2026, 8, 21), "info"), (date(2026, 8, 22), "warning")]:
        for asked in (services(221_000), services(6_000_000, contract="concession")):
            told = the("SOCIAL_CONSIDERATION", review(asked, on).advice)
            assert (told.severity, "à vérifier" in told.message.fr) == (severity, False)
            if severity == "warning":
                assert told.article == ("L3114-2-1" if asked.contract == "concession" else "L2112-2-1")
                assert told.message.fr.startswith("À partir des seuils européens")
                assert ("deux exceptions" in told.message.fr) == (asked.contract == "concession")
            # a clause of the duty itself, and as sure
            reasons = "dont les raisons sont à conserver selon le III" in told.message.fr
            assert reasons == (severity == "warning")


def test_spaser_by_annual_purchases() -> None:
    """More than the amount of the date; of every buyer since the law on green industry."""
    for purchases, on, expected in [
        (50_000_000, TODAY, False),
        (50_000_000.01, TODAY, True),
        (50_000_000.01, date(2023, 1, 1), True),
        (100_000_000, date(2022, 12, 31), False),
        (100_000_000.01, date(2022, 12, 31), True),
        (None, TODAY, False),
    ]:
        who = Buyer(kind="local", annual_purchases_eur=purchases)
        assert ("SPASER" in advice(services(1_000, buyer=who), on)) == expected
    for kind, on, doubtful in [
        ("state", date(2023, 10, 24), True),
        ("state", date(2023, 10, 25), False),
        ("utility", date(2023, 10, 25), False),
        ("local", date(2023, 10, 24), False),
    ]:
        who = Buyer(kind=kind, annual_purchases_eur=6e7)  # type: ignore[arg-type]
        found = the("SPASER", review(services(1_000, buyer=who), on).advice)
        assert ("à vérifier" in found.message.fr) == doubtful


def test_lots_and_hazardous_waste() -> None:
    """A single lot is to be justified, the more where it covers several activities."""
    assert the("ALLOTMENT", review(services(60_000)).advice).severity == "info"
    assert "ALLOTMENT" not in advice(services(59_999.99))
    assert "ALLOTMENT" in advice(services(None))
    wide = Lot(id="1", segments=("pr-locaux", "ev-entretien"))
    assert the("ALLOTMENT", review(need(wide)).advice).severity == "warning"
    assert "ALLOTMENT" not in advice(services(100_000, 100_000))
    found = review(need(Lot(id="1", segments=("de-dangereux",)), Lot(id="2", segments=("de-bio",)))).lots
    assert codes(found["1"].advice) == ["CAPABILITY_WARNING"]
    assert not any(found["1"].forbidden[option] for option in ("handicap", "iae", "handicap_iae"))
    assert "au-delà de 0,1 tonne par chargement, 0,5 tonne" in found["1"].advice[0].message.fr
    assert "above 0.1 tonne a load, 0.5 tonne" in found["1"].advice[0].message.en
    assert codes(found["2"].advice) == []
    partly = review(lots({"w": (WORKS, 90_000), "s": (CLEANING, 70_000)})).advice
    assert CRITERION in the("ENVIRONMENTAL_CONSIDERATION", partly).message.fr


@pytest.mark.parametrize(
    ("who", "renewal", "expected"),
    [
        (buyer("local"), 12, False),
        (buyer("local"), 13, True),
        (buyer("state"), 13, True),
        (buyer("utility"), 13, False),
        (buyer("utility"), 60, False),
        (buyer("utility"), 61, True),
        (None, 12, False),
        (None, 13, True),
    ],
)
def test_framework_lasts_four_years_or_eight(who: Buyer | None, renewal: int, expected: bool) -> None:
    """48 months pass, 49 do not; a utility has 96. A buyer that is not described is told both."""
    lot = Lot(id="1", segments=("pr-locaux",), duration_months=36, renewal_months=renewal)
    asked = need(lot, buyer=who, technique="framework_agreement")
    found = [item for item in review(asked).advice if item.code == "FRAMEWORK_MAX_4Y"]
    assert bool(found) == expected
    assert all("quatre ans (huit ans pour une entité adjudicatrice)" in item.message.fr for item in found)
    unless = ["sauf si l'acheteur est une entité adjudicatrice" in item.message.fr for item in found]
    assert unless == [who is None] * expected
    assert "FRAMEWORK_MAX_4Y" not in advice(need(lot, buyer=who))


def test_a_long_concession_is_justified_by_its_investments() -> None:
    """Sixty months pass, renewals included; passenger transport is outside the article (L3126-3)."""
    for cpv, months, told in (("90511000", 60, False), ("90511000", 61, True), ("60112000", 61, False)):
        lots = [Lot(id=n, cpv=(cpv,), value_eur=9, duration_months=48, renewal_months=months - 48) for n in "12"]
        advised = review(need(*lots, contract="concession")).advice
        found = [each for each in advised if each.code == "CONCESSION_OVER_5Y"]
        assert [(each.article, each.confidence, each.lots) for each in found] == [("R3114-2", "high", ())] * told
    assert "CONCESSION_OVER_5Y" not in advice(need(Lot(id="1", cpv=("90511000",), duration_months=61)))


@pytest.mark.parametrize(
    ("segments", "cpv", "support", "expected"),
    [
        (("so-insertion",), ("85312510", "77310000"), ("ev-entretien",), True),
        (("so-insertion",), (), (), True),
        ((), ("85312300",), (), True),
        (("ev-entretien",), ("77310000", "85312510"), ("so-insertion",), False),
        (("so-insertion",), ("77310000",), (), False),
        (("so-domicile",), ("85312100",), (), False),
    ],
)
def test_object_is_insertion_by_the_main_cpv(
    segments: tuple[str, ...], cpv: tuple[str, ...], support: tuple[str, ...], expected: bool
) -> None:
    """Swapping main and supporting activity makes it an ordinary service; concessions are not told."""
    lot = Lot(id="1", segments=segments, cpv=cpv, support_segments=support)
    assert ("OBJECT_IS_INSERTION" in codes(review(need(lot)).lots["1"].advice)) == expected
    assert "OBJECT_IS_INSERTION" not in codes(review(need(lot, contract="concession")).lots["1"].advice)


@pytest.mark.parametrize(
    ("segment", "on", "words"),
    [
        ("re-mobilier", date(2021, 3, 10), None),
        ("re-mobilier", date(2021, 3, 11), "20 %"),
        ("re-mobilier", date(2024, 7, 1), "en mobilier, dont au moins 20 % doit venir du réemploi"),
        ("re-mobilier", date(2026, 12, 31), "20 %"),
        ("re-mobilier", date(2027, 1, 1), "le palier applicable depuis le 01/01/2027 n'est pas connu ici ; à vérifier"),
        ("lt-epi", date(2024, 6, 30), None),
        ("lt-epi", date(2024, 7, 1), "en textiles, dont au moins 8 %"),
        ("lt-epi", date(2027, 1, 1), "en textiles, dont au moins 15 %"),
        ("lt-epi", date(2030, 1, 1), "15 %"),
        ("pr-locaux", TODAY, None),
    ],
)
def test_reuse_counts_in_the_spending_of_the_year(segment: str, on: date, words: str | None) -> None:
    """Unknown steps are not invented, nor passed over in silence."""
    found = review(need(Lot(id="1", segments=(segment,))), on).lots["1"].advice
    assert [words in item.message.fr for item in found if words] == ([True] if words else [])
    assert ("COUNTS_TOWARDS_QUOTA" in codes(found)) == bool(words)
    # which activities belong to a family is our reading
    assert all("à vérifier" in item.message.fr for item in found if item.code == "COUNTS_TOWARDS_QUOTA")


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


def test_terms_of_other_contracts() -> None:
    """Sustainable specifications whatever the amount, not of a direct award."""
    assert "SUSTAINABLE_SPECIFICATIONS" not in advice(services(640_000), BEFORE)
    found = the("SUSTAINABLE_SPECIFICATIONS", review(services(60_000), FROM).advice)
    assert (found.severity, found.confidence, found.article) == ("warning", "high", "L2111-2")
    assert "SUSTAINABLE_SPECIFICATIONS" not in advice(services(60_000 - CENT), FROM)
    assert "SUSTAINABLE_SPECIFICATIONS" in advice(services(None), FROM)
    concession = the("SUSTAINABLE_SPECIFICATIONS", review(services(1_000, contract="concession"), FROM).advice)
    assert concession.article == "L3111-2"
    for on, share in [(date(2024, 12, 31), "10 %"), (date(2025, 1, 1), "20 %")]:
        found = the("PME_SHARE", review(services(1_000, contract="concession"), on).advice)
        assert (found.severity, found.article) == ("info", "R3114-5")
        assert share in found.message.fr
        assert "PME_SHARE" not in advice(services(1_000), on)


def test_an_advance_is_due_above_an_amount_and_a_duration() -> None:
    """Those of the first duration; of direct awards no warning; rates are not guessed."""
    for asked, expected in [
        (cleaning(50_000), False),
        (cleaning(50_000 + CENT), True),
        (cleaning(months=2), False),
        (cleaning(months=3), True),
        (cleaning(None), False),
        (cleaning(months=None), False),
        (cleaning(None, estimated_total_eur=60_000), True),
        (cleaning(who=Buyer(body="public_undertaking")), False),
        (cleaning(contract="concession"), False),
        (cleaning(technique="framework_agreement"), False),
    ]:
        assert ("FINANCIAL_TERMS" in advice(asked)) == expected
    assert "à vérifier" not in terms(need(RENEWED))
    for who in (Buyer(body="hospital"), buyer("utility"), Buyer(body="utility_authority")):
        told = the("FINANCIAL_TERMS", review(cleaning(who=who)).advice)
        assert {told.confidence == "high", "n'y sont pas tenus" not in told.message.fr} == {who.body == "hospital"}
    assert "FINANCIAL_TERMS" not in advice(need(msgspec.structs.replace(RENEWED, value_eur=50_000, options_eur=9_000)))
    assert "les taux d'une PME dépendent de l'acheteur" in terms(cleaning(who=None))
    rich = Buyer(kind="local", annual_purchases_eur=90_000_000)
    assert "si les dépenses réelles de fonctionnement de l'acheteur dépassent 60 000 000 €" in terms(cleaning(who=rich))
    found = [the("FINANCIAL_TERMS", review(cleaning(value)).advice).severity for value in (59_999.99, 60_000)]
    assert found == ["info", "warning"]
    assert "FINANCIAL_TERMS" not in advice(cleaning(40_000, estimated_total_eur=60_000))
    assert "FINANCIAL_TERMS" not in advice(cleaning(), date(2019, 3, 31))
    assert "FINANCIAL_TERMS" in advice(cleaning(), date(2019, 4, 1))


RENEWED = Lot(id="1", segments=("pr-locaux",), value_eur=60_000, duration_months=12, renewal_months=12)
ALL = msgspec.structs.replace(RENEWED, value_covers="all")


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
        ("state", date(2022, 12, 31), "avance d'au moins 20 % et retenue d'au plus 3 % si l'acheteur est l'État"),
        ("state", date(2023, 1, 1), "avance d'au moins 30 % et retenue d'au plus 3 % si l'acheteur est l'État"),
        ("local", date(2019, 12, 31), "d'au plus 5 % d'après l'article R2191-33 ; la Caisse des dépôts"),
        ("local", date(2020, 1, 1), "pour une PME, avance d'au moins 10 % si les dépenses réelles de fonctionnement"),
        ("local", date(2024, 12, 31), "avance d'au moins 10 % si"),
        ("local", date(2025, 1, 1), "avance d'au moins 10 % et retenue d'au plus 3 % si"),
    ],
)
def test_a_small_firm_has_better_rates(kind: str, on: date, words: str) -> None:
    assert words in terms(cleaning(who=Buyer(kind=kind)), on)  # type: ignore[arg-type]


def test_the_lots_above_are_named() -> None:
    """One that needs its renewals is named beside a sure one: it is not left out, but to be checked."""
    lots = [
        Lot(id=str(n), segments=("pr-locaux",), value_eur=value, duration_months=months)
        for n, (value, months) in enumerate(((60_000, 12), (40_000, 12), (60_000, 2), (90_000, 6)), 1)
    ]
    found = the("FINANCIAL_TERMS", review(need(*lots)).advice)
    assert found.lots == (("1", "4"),)
    assert found.message.fr.startswith("Plus de 50 000 € HT et de 2 mois (lots 1 et 4) : une avance d'au moins 5 %")
    lots = [
        Lot(id="1", segments=("pr-locaux",), value_eur=60_000, duration_months=12),
        msgspec.structs.replace(ALL, id="2"),
    ]
    found = the("FINANCIAL_TERMS", review(need(*lots)).advice)
    assert found.lots == (("1", "2"),)
    words = "(lots 1 et 2), pour le lot 2 seulement si reconductions ou options comptent, à vérifier : une"
    assert words in found.message.fr
    assert found.message.fr.count("à vérifier") == 1
    assert found.confidence != "low"
