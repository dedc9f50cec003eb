"""What follows the procedure found: time limits and publicity, or the file of a direct award."""

from datetime import date

import pytest

from domain.law.findings import LegalAdvice
from domain.needs.need import Buyer, BuyerKind, Lot, Need
from tests.domain.law.samples import CLEANING, LOCAL, TODAY, WORKS, buyer, law, lots, need, review, services, the, works

STEPS = {"TIME_LIMITS", "DIRECT_AWARD_FILE"}
SOCIAL = "85312510"


def steps(asked: Need, on: date = TODAY) -> list[LegalAdvice]:
    """The need's advice on what follows."""
    return [item for item in review(asked, on).advice if item.code in STEPS]


def step(asked: Need, on: date = TODAY) -> LegalAdvice | None:
    """The only one, or none."""
    found = steps(asked, on)
    assert len(found) <= 1
    return found[0] if found else None


def said(asked: Need, on: date = TODAY) -> tuple[str, str]:
    """Its code and its French words; empty where there is none."""
    found = step(asked, on)
    return (found.code, found.message.fr) if found else ("", "")


def social(value: float, **more: object) -> Need:
    return need(Lot(id="1", cpv=(SOCIAL,), value_eur=value), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "code", "article"),
    [
        (services(59_999.99), "DIRECT_AWARD_FILE", "R2122-8"),
        (services(60_000.00), "TIME_LIMITS", "R2151-1"),
        (services(20_000, 20_000, 20_000), "TIME_LIMITS", "R2151-1"),
        (works(99_999.99), "DIRECT_AWARD_FILE", "R2122-8"),
        (services(215_999.99), "TIME_LIMITS", "R2151-1"),
        (services(216_000), "TIME_LIMITS", "R2161-3"),
        (services(None), None, None),
        (services(200_000, buyer=None), None, None),
        (services(1_000, contract="concession"), "TIME_LIMITS", "R3126-8"),
    ],
)
def test_one_advice_for_the_procedure_found(asked: Need, code: str | None, article: str | None) -> None:
    """A direct award has its file, the others their time limits; where no procedure was found, nothing."""
    found = step(asked)
    assert (found and found.code, found and found.article) == (code, article)


def test_the_file_of_a_direct_award() -> None:
    """It says what to keep, and that quotes are doctrine; it is counsel."""
    found = step(services(24_999.99))
    assert found is not None
    assert found.severity == "info"
    assert found.message.fr.startswith("Conseil : garder 5 ans (R2184-12) la comparaison faite")
    assert "d'après la DAJ, trois devis ne sont pas exigés" in found.message.fr
    assert found.message.fr.endswith("(R2122-8)")


@pytest.mark.parametrize(("value", "written"), [(24_999.99, False), (25_000.00, True)])
def test_a_contract_in_writing(value: float, written: bool) -> None:
    """From the amount itself."""
    assert ("contrat écrit à partir de 25 000 € (R2112-1)" in said(services(value))[1]) == written


@pytest.mark.parametrize(
    ("value", "national"),
    [(60_000.00, False), (89_999.99, False), (90_000.00, True)],
)
def test_publicity_of_an_adapted_procedure(value: float, national: bool) -> None:
    """National from the amount itself; free for buyers that are neither State nor local."""
    message = said(services(value))[1]
    assert message.startswith("Avis au BOAMP ou dans un journal" if national else "Publicité libre")
    assert ("; documents sur le profil d'acheteur (R2132-2)" in message) == national
    assert ("; si un avis est publié, documents sur le profil d'acheteur (R2132-2)" in message) != national
    assert "R2131-13" in message
    assert "Aucun délai minimal" in message


@pytest.mark.parametrize(
    ("kind", "days", "articles"),
    [
        ("local", "30 jours pour les candidatures puis 25 pour les offres", "R2161-6, R2161-8, R2161-12 et R2161-15"),
        ("state", "30 jours pour les candidatures puis 25 pour les offres", "R2161-6, R2161-8, R2161-12 et R2161-15"),
        ("utility", "15 jours pour les candidatures puis 10", "R2161-6, R2161-10, R2161-21 et R2161-22"),
    ],
)
def test_time_limits_of_a_formal_procedure(kind: BuyerKind, days: str, articles: str) -> None:
    """They are the electronic ones; a utility has its own."""
    message = said(services(500_000, buyer=buyer(kind)))[1]
    assert message.count("jours pour les candidatures") == 1
    assert f"{days}" in message
    assert f"({articles})" in message
    assert "Avis au JOUE, et au BOAMP pour l'État" in message
    assert message.endswith("appel d'offres ouvert, 30 jours (R2161-3)")


def test_time_limits_of_unknown_buyers_and_dynamic_systems() -> None:
    """Both kinds of buyer have their own, above all thresholds; of a system, first applications and each contract."""
    message = said(services(500_000, buyer=Buyer()))[1]
    assert "(pouvoir adjudicateur, R2161-6" in message
    assert "(entité adjudicatrice, R2161-6" in message
    message = said(services(300_000, technique="dynamic_purchasing_system"))[1]
    assert "30 jours pour les premières candidatures (R2162-44)" in message
    assert message.endswith("10 jours pour les offres de chaque marché spécifique (R2162-50)")
    asked = need(Lot(id="1", cpv=("80110000",), value_eur=9_000_000), contract="concession")
    assert "JOUE" in said(asked)[1]
    words = "au BOAMP ou dans un journal d'annonces légales (R3126-4), et au JOUE à partir du seuil européen (R3126-5)"
    assert words in said(asked, date(2028, 3, 1))[1]
    small = need(Lot(id="1", cpv=("80110000",), value_eur=1_000_000), contract="concession")
    assert "JOUE" not in said(small)[1]


@pytest.mark.parametrize(("value", "published"), [(749_999.99, "R2131-14"), (750_000.00, "R2131-15")])
def test_publicity_of_social_services(value: float, published: str) -> None:
    """In OJEU from their own threshold on."""
    code, message = said(social(value))
    assert code == "TIME_LIMITS"
    assert f"({published})" in message
    assert ("JOUE" in message) == (published == "R2131-15")


@pytest.mark.parametrize(
    ("value", "published", "last"),
    [(5_403_999.99, "R3126-4", "R3126-8"), (5_404_000.00, "R3122-2", "R3124-2")],
)
def test_publicity_of_concessions(value: float, published: str, last: str) -> None:
    found = step(services(value, contract="concession"))
    assert found is not None
    assert f"({published})" in found.message.fr
    assert found.article == last


@pytest.mark.parametrize(
    ("cpv", "of_services", "of_works", "expected"),
    [
        ("90919200", 300_000, 200_000, {"s": "appel d'offres ouvert", "w": "Avis au BOAMP"}),
        ("85312000", 1_000_000, 200_000, {"s": "Avis au JOUE (R2131-15)", "w": "Avis au BOAMP"}),
        ("90919200", 70_000, 150_000, {"s": "Publicité libre", "w": "Avis au BOAMP"}),
        ("90919200", 30_000, 150_000, {"s": "trois devis ne sont pas exigés", "w": "Avis au BOAMP"}),
        ("90919200", None, 150_000, {"w": "Avis au BOAMP"}),
    ],
)
def test_each_part_of_a_need_is_told_its_own_step(
    cpv: str, of_services: float | None, of_works: float, expected: dict[str, str]
) -> None:
    """Works apart from the rest, as the procedure is; a part without procedure is told nothing."""
    found = {item.lots: item.message.fr for item in steps(lots({"s": (cpv, of_services), "w": (WORKS, of_works)}))}
    assert found.keys() == {((lot,),) for lot in expected}
    for lot, words in expected.items():
        assert words in found[((lot,),)]


@pytest.mark.parametrize(("of_services", "of_works"), [(100_000, 150_000), (300_000, 6_000_000), (10_000, 20_000)])
def test_what_both_parts_are_told_is_told_once(of_services: float, of_works: float) -> None:
    (found,) = steps(lots({"s": (CLEANING, of_services), "w": (WORKS, of_works)}))
    assert found.lots == ()


def test_steps_are_no_surer_than_what_they_rest_on() -> None:
    """The amount from which social services are published counts, and a total below the sum of the lots."""
    weak = law(("eu_social_services", 'confidence = "high"', 'confidence = "low"'))
    told = [the("TIME_LIMITS", review(social(800_000), TODAY, rules).advice) for rules in (None, weak)]
    assert [item.confidence == "low" for item in told] == [False, True]
    found = step(services(300_000, estimated_total_eur=250_000))
    assert found is not None
    assert found.confidence == "low"
    assert found.message.fr.endswith("; à vérifier (R2161-3)")


@pytest.mark.parametrize(("on", "code"), [(date(2019, 3, 31), ""), (date(2019, 4, 1), "TIME_LIMITS")])
def test_nothing_is_said_of_the_time_before_the_code(on: date, code: str) -> None:
    assert said(services(300_000, buyer=LOCAL), on)[0] == code
