"""What follows the procedure found: time limits and publicity, or the file of a direct award."""

from datetime import date

import pytest

from domain.law.findings import LegalAdvice
from domain.needs.need import Buyer, BuyerKind, Lot, Need
from tests.domain.law.samples import LOCAL, TODAY, buyer, need, review, services, works

STEPS = {"TIME_LIMITS", "DIRECT_AWARD_FILE"}
SOCIAL = "85312510"


def step(asked: Need, on: date = TODAY) -> LegalAdvice | None:
    """The need's advice on what follows: one, or none."""
    found = [item for item in review(asked, on).advice if item.code in STEPS]
    assert len(found) <= 1
    return found[0] if found else None


def said(asked: Need, on: date = TODAY) -> tuple[str, str]:
    """Its code and its French words; empty where there is none."""
    found = step(asked, on)
    return (found.code, found.message.fr) if found else ("", "")


def social(value: float, **more: object) -> Need:
    return need(Lot(id="1", cpv=(SOCIAL,), value_eur=value), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (services(59_999.99), "DIRECT_AWARD_FILE"),
        (services(60_000.00), "TIME_LIMITS"),
        (services(20_000, 20_000, 20_000), "TIME_LIMITS"),
        (works(99_999.99), "DIRECT_AWARD_FILE"),
        (services(216_000), "TIME_LIMITS"),
        (services(None), ""),
        (services(200_000, buyer=None), ""),
        (services(1_000, contract="concession"), "TIME_LIMITS"),
    ],
)
def test_one_advice_for_the_procedure_found(asked: Need, code: str) -> None:
    """A direct award has its file, the others their time limits; where no procedure was found, nothing."""
    assert said(asked)[0] == code


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
    [(89_999.99, False), (90_000.00, True)],
)
def test_publicity_of_an_adapted_procedure(value: float, national: bool) -> None:
    """National from the amount itself; free for buyers that are neither State nor local."""
    message = said(services(value))[1]
    assert message.startswith("Avis au BOAMP ou dans un journal" if national else "Publicité libre")
    assert ("documents sur le profil d'acheteur (R2132-2)" in message) == national
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


def test_both_time_limits_where_the_buyer_is_not_known() -> None:
    """Above all the thresholds the procedure is known, the kind of buyer not."""
    message = said(services(500_000, buyer=Buyer()))[1]
    assert "(pouvoir adjudicateur, R2161-6" in message
    assert "(entité adjudicatrice, R2161-6" in message


def test_time_limits_of_a_dynamic_system() -> None:
    message = said(services(300_000, technique="dynamic_purchasing_system"))[1]
    assert "10 jours pour les offres de chaque marché spécifique (R2162-50)" in message
    assert message.endswith("30 jours pour les premières candidatures (R2162-44)")


@pytest.mark.parametrize(("value", "published"), [(749_999.99, "R2131-14"), (750_000.00, "R2131-15")])
def test_publicity_of_social_services(value: float, published: str) -> None:
    """In OJEU from their own threshold on."""
    code, message = said(social(value))
    assert code == "TIME_LIMITS"
    assert f"({published})" in message
    assert ("JOUE" in message) == (published == "R2131-15")


@pytest.mark.parametrize(
    ("value", "published", "last"),
    [(5_403_999.99, "R3126-4", "R3126-8"), (5_404_000.00, "R3122-2", "R3123-14")],
)
def test_publicity_of_concessions(value: float, published: str, last: str) -> None:
    found = step(services(value, contract="concession"))
    assert found is not None
    assert f"({published})" in found.message.fr
    assert found.article == last


def test_the_strictest_part_of_a_need_has_its_lots_named() -> None:
    """Services in a formal procedure beside works in an adapted one."""
    found = step(
        need(
            Lot(id="a", cpv=("45442100",), nature="works", value_eur=200_000),
            Lot(id="b", cpv=("90919200",), nature="services", value_eur=300_000),
        )
    )
    assert found is not None
    assert found.lots == (("b",),)
    assert "R2161-3" in found.message.fr


def test_it_is_no_surer_than_the_total() -> None:
    """An estimated total below the sum of the lots leaves all doubtful."""
    found = step(services(300_000, estimated_total_eur=250_000))
    assert found is not None
    assert found.confidence == "low"
    assert found.message.fr.endswith("; à vérifier (R2161-3)")


@pytest.mark.parametrize(("on", "code"), [(date(2019, 3, 31), ""), (date(2019, 4, 1), "TIME_LIMITS")])
def test_nothing_is_said_of_the_time_before_the_code(on: date, code: str) -> None:
    assert said(services(300_000, buyer=LOCAL), on)[0] == code
