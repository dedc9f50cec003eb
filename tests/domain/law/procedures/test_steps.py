"""What follows the procedure found: time limits and publicity, or the file of a direct award."""

from datetime import date

import pytest

from domain.law.findings import LegalAdvice
from domain.needs.need import Buyer, Lot, Need
from tests.domain.law.samples import CLEANING, TODAY, WORKS, buyer, law, lots, need, review, services, the, works

STEPS = {"TIME_LIMITS", "DIRECT_AWARD_FILE"}
SOCIAL = "85312510"


def steps(asked: Need, on: date = TODAY) -> list[LegalAdvice]:
    """The need's advice on what follows."""
    return [item for item in review(asked, on).advice if item.code in STEPS]


def social(value: float, **more: object) -> Need:
    return need(Lot(id="1", cpv=(SOCIAL,), value_eur=value), **more)  # type: ignore[arg-type]


FREE, NATIONAL = "Publicité libre", "Avis au BOAMP ou dans un journal"
NO_MINIMUM = "Aucun délai minimal"
FORMAL = ("Avis au JOUE, et au BOAMP pour l'État", "appel d'offres ouvert, 30 jours (R2161-3)")
LIMITS = "(R2161-6, R2161-8, R2161-12 et R2161-15)"
DAJ = "d'après la DAJ, trois devis ne sont pas exigés"
NURSERY = "80110000"


def nursery(value: float) -> Need:
    return lots({"1": (NURSERY, value)}, contract="concession")


@pytest.mark.parametrize(
    ("asked", "on", "article", "words", "others"),
    [
        # the file of a direct award, which is counsel; in writing from an amount on
        (services(24_999.99), TODAY, "R2122-8", ("Conseil : garder 5 ans (R2184-12) la comparaison", DAJ), ("écrit",)),
        (services(25_000), TODAY, "R2122-8", ("contrat écrit à partir de 25 000 € (R2112-1)",), ()),
        (services(59_999.99), TODAY, "R2122-8", (DAJ,), ()),
        (works(99_999.99), TODAY, "R2122-8", (DAJ,), ()),
        # adapted: national from the amount itself, free for buyers that are neither State nor local
        (services(60_000), TODAY, "R2151-1", (FREE, NO_MINIMUM, "R2131-13", "; si un avis est publié, documents"), ()),
        (services(20_000, 20_000, 20_000), TODAY, "R2151-1", (FREE,), ()),
        (
            services(89_999.99),
            TODAY,
            "R2151-1",
            (FREE, "; si un avis est publié, documents sur le profil"),
            (NATIONAL,),
        ),
        (services(90_000), TODAY, "R2151-1", (NATIONAL, "; documents sur le profil d'acheteur (R2132-2)"), (FREE,)),
        (services(215_999.99), TODAY, "R2151-1", (NATIONAL, NO_MINIMUM, "R2131-13"), ("si un avis",)),
        # a formal one: the days are the electronic ones; a utility has its own, both are told of an unknown buyer
        (
            services(216_000),
            TODAY,
            "R2161-3",
            (*FORMAL, "30 jours pour les candidatures puis 25", LIMITS),
            ("restreint, ",),
        ),
        (services(500_000, buyer=buyer("state")), TODAY, "R2161-3", (*FORMAL, LIMITS), ("adjudic",)),
        (
            services(500_000, buyer=buyer("utility")),
            TODAY,
            "R2161-3",
            (*FORMAL, "15 jours pour les candidatures puis 10", "(R2161-6, R2161-10, R2161-21 et R2161-22)"),
            ("puis 25",),
        ),
        (
            services(500_000, buyer=Buyer()),
            TODAY,
            "R2161-3",
            ("(pouvoir adjudicateur, R2161-6", "(entité adjudicatrice, R2161-6"),
            (),
        ),
        (
            services(300_000, technique="dynamic_purchasing_system"),
            TODAY,
            "R2162-50",
            ("30 jours pour les premières candidatures (R2162-44)", "10 jours pour les offres de chaque marché"),
            (),
        ),
        (services(300_000), date(2019, 4, 1), "R2161-3", (), ()),
        # social services: in OJEU from their own threshold on
        (social(749_999.99), TODAY, "R2151-1", ("(R2131-14)",), ("JOUE",)),
        (social(750_000), TODAY, "R2151-1", ("(R2131-15)", "JOUE"), ()),
        # concessions; of light services whose threshold is not known, both sides are said instead of the lower one
        (services(1_000, contract="concession"), TODAY, "R3126-8", ("(R3126-4)",), ("JOUE",)),
        (services(5_403_999.99, contract="concession"), TODAY, "R3126-8", ("(R3126-4)",), ()),
        (services(5_404_000, contract="concession"), TODAY, "R3124-2", ("(R3122-2)",), ()),
        (nursery(1_000_000), TODAY, "R3126-8", (), ("JOUE",)),
        (nursery(9_000_000), TODAY, "R3126-8", ("JOUE",), ()),
        (
            nursery(9_000_000),
            date(2028, 3, 1),
            "R3126-8",
            ("ou dans un journal d'annonces légales (R3126-4), et au JOUE à partir du seuil européen (R3126-5)",),
            (),
        ),
    ],
)
def test_what_follows_a_procedure(
    asked: Need, on: date, article: str, words: tuple[str, ...], others: tuple[str, ...]
) -> None:
    (found,) = steps(asked, on)
    assert (found.article, found.severity, found.lots) == (article, "info", ())
    assert found.code == ("DIRECT_AWARD_FILE" if article == "R2122-8" else "TIME_LIMITS")
    assert found.message.fr.endswith(f"({article})")
    assert [each for each in words if each not in found.message.fr] == []
    assert [each for each in others if each in found.message.fr] == []


def test_nothing_follows_where_no_procedure_was_found_or_before_the_code() -> None:
    asked = ((services(None), TODAY), (services(200_000, buyer=None), TODAY), (services(300_000), date(2019, 3, 31)))
    assert [steps(*each) for each in asked] == [[], [], []]


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
    (found,) = steps(services(300_000, estimated_total_eur=250_000))
    assert found.confidence == "low"
    assert found.message.fr.endswith("; à vérifier (R2161-3)")
