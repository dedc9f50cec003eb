"""What follows the procedure found: time limits and publicity, or the file of a direct award.

Books bought directly, the list of the year's direct awards; innovative purchases: by which reading of the law.
"""

from datetime import date

import msgspec
import pytest

from domain.law.findings import LegalAdvice
from domain.needs.need import Buyer, Lot, Need
from tests.domain.law.samples import (
    CLEANING,
    LOCAL,
    TODAY,
    WORKS,
    advice,
    buyer,
    codes,
    law,
    lots,
    need,
    review,
    services,
    the,
    works,
)

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
    weak = law(("eu_social_services", 'confidence = "medium"', 'confidence = "low"'))
    told = [the("TIME_LIMITS", review(social(800_000), TODAY, rules).advice) for rules in (None, weak)]
    assert [item.confidence == "low" for item in told] == [False, True]
    (found,) = steps(services(300_000, estimated_total_eur=250_000))
    assert found.confidence == "low"
    assert found.message.fr.endswith("; à vérifier (R2161-3)")


CENT = 0.01


def advise_books(value: float | None = 80_000, cpv: str = "22113000", **more: object) -> Need:
    return need(Lot(id="1", cpv=(cpv,), nature="supplies", value_eur=value), **more)  # type: ignore[arg-type]


def test_books_may_be_bought_directly_below_an_amount_of_their_own() -> None:
    """Beside other lots they are named and counted alone."""
    for asked, expected in [
        (advise_books(90_000 - CENT), True),
        (advise_books(90_000), False),
        (advise_books(60_000), True),
        (advise_books(60_000 - CENT), False),  # the general amount is enough
        (advise_books(None), False),
        (advise_books(None, estimated_total_eur=80_000), True),
        (advise_books(cpv="22110000"), True),
        (advise_books(cpv="22111000"), False),  # school books
        (advise_books(cpv="22112000"), False),
        (advise_books(cpv="22211000"), False),
        (advise_books(buyer=buyer("utility")), False),
        (advise_books(buyer=buyer("state")), True),
        (advise_books(contract="concession"), False),
    ]:
        assert ("BOOKS_DIRECT_AWARD" in advice(asked)) == expected
    other = Lot(id="9", cpv=("39130000",), nature="supplies", value_eur=300_000)
    lots = [Lot(id=str(n), cpv=("22113000",), nature="supplies", value_eur=44_999.99) for n in (1, 2)]
    found = the("BOOKS_DIRECT_AWARD", review(need(*lots, other)).advice)
    assert found.lots == (("1", "2"),)
    assert (found.article, found.severity) == ("R2122-9", "info")
    dearer = Lot(id="3", cpv=("22113000",), nature="supplies", value_eur=0.02)
    assert "BOOKS_DIRECT_AWARD" not in advice(need(*lots, dearer, other))


def test_the_list_and_the_essential_data_of_direct_awards() -> None:
    """Each lot is a contract of its own for the list; the essential data are due by the amount of the need."""
    for asked, on, expected in [
        (services(25_000 - CENT), date(2026, 1, 1), False),
        (services(25_000), date(2026, 1, 1), True),
        (services(40_000 - CENT), date(2026, 1, 1), True),
        (services(40_000), date(2026, 1, 1), False),  # no direct award then
        (services(40_000), date(2026, 11, 24), True),
        (works(30_000), date(2026, 1, 1), True),
        (services(25_000), date(2023, 12, 31), False),  # not known before
        (services(25_000), date(2024, 1, 1), True),
        (services(None), date(2026, 1, 1), False),
        (services(None, estimated_total_eur=30_000), date(2026, 1, 1), True),
        (services(20_000, estimated_total_eur=30_000), date(2026, 1, 1), False),  # the lot's own value
        (services(30_000, contract="concession"), date(2026, 1, 1), False),
    ]:
        assert ("YEARLY_LIST" in advice(asked, on)) == expected
    for asked, told_of in [
        (services(39_999.99), ["YEARLY_LIST"]),
        (services(40_000), ["YEARLY_LIST"]),  # the text sets no amount from which the list is not enough
        (services(59_999.99), ["YEARLY_LIST"]),
        (works(30_000, 45_000), ["YEARLY_LIST"]),
        (services(20_000, 19_999.99), []),
        (services(20_000, 20_000), ["ESSENTIAL_DATA"]),
        (services(30_000, 10_000), ["YEARLY_LIST", "ESSENTIAL_DATA"]),
        (services(60_000), ["ESSENTIAL_DATA"]),
        (services(400_000, 20_000), ["ESSENTIAL_DATA"]),  # a small lot as well
    ]:
        found = [item for item in review(asked).advice if item.code in {"YEARLY_LIST", "ESSENTIAL_DATA"}]
        assert [item.code for item in found] == told_of
        assert {item.confidence for item in found} <= {"high"}
    small = the("ESSENTIAL_DATA", review(services(400_000, 20_000)).advice)
    assert "quel que soit le montant du lot, sauf celles" in small.message.fr
    told = the("YEARLY_LIST", review(services(26_000, 26_000, 7_000)).advice)
    assert told.lots == (("1", "2"),)
    assert "(lots 1 et 2)" in told.message.fr
    assert "YEARLY_LIST" not in advice(services(24_000, 24_000, buyer=LOCAL))


@pytest.mark.parametrize(
    ("value", "total", "on", "words"),
    [
        (99_999.99, None, TODAY, "dans les limites"),
        (100_000, None, date(2026, 6, 30), "dépasse les limites"),
        (99_999.99, None, date(2026, 7, 1), "dans les limites, achat"),
        (100_000, None, date(2026, 7, 1), "seconde lecture"),
        (139_999.99, None, TODAY, "seconde lecture"),
        (140_000, None, TODAY, "dépasse les limites"),
        (40_000, 200_000, TODAY, "dans les limites"),
        (40_000.01, 200_000, TODAY, "dépasse les limites"),
        (79_999.99, 400_000, TODAY, "dans les limites"),
        (80_000, 400_000, TODAY, "dépasse les limites"),
        (79_999.99, 399_999.94, TODAY, "dépasse les limites"),
        (50_000, 400_000, date(2021, 12, 15), "dépasse les limites"),
        (50_000, 400_000, date(2021, 12, 16), "dans les limites"),
        (99_999.99, None, date(2018, 12, 25), "dans les limites"),
        (99_999.99, None, date(2018, 12, 24), "pas de règle connue"),
        (None, None, TODAY, "valeur inconnue"),
        (None, 400_000, TODAY, "valeur inconnue"),
    ],
)
def test_innovative_purchase(value: float | None, total: float | None, on: date, words: str) -> None:
    """The whole need, or since 2021-12-16 a small lot within 20 %, by value; a person judges what is innovative."""
    lot = Lot(id="1", segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=True)
    found = review(need(lot, estimated_total_eur=total), on).lots["1"].advice
    assert words in the("INNOVATION_REVIEW", found).message.fr


def test_innovation_between_its_two_readings_is_to_be_checked() -> None:
    """Both amounts are told; a lot of works has both, one of services one; no surer than the total."""
    for value, confidence in [(99_999.99, "medium"), (100_000, "low"), (139_999.99, "low"), (140_000, "low")]:
        lot = Lot(id="1", segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=True)
        told = the("INNOVATION_REVIEW", review(need(lot)).lots["1"].advice)
        assert told.confidence == confidence
        if confidence == "low":
            assert "100 000 €, ou de 140 000 € d'après des sources indirectes sur la loi 2026-403" in told.message.fr
            assert "€100,000, or €140,000 according to indirect sources on loi 2026-403" in told.message.en
            assert told.message.fr.endswith(" ; à vérifier (R2122-9-1)")
    for nature, value, on, words in [
        ("works", 99_999.99, TODAY, "dans les limites, achat"),
        ("works", 120_000, TODAY, "seconde lecture"),
        ("works", 140_000, TODAY, "dépasse les limites"),
        ("works", 120_000, date(2026, 6, 30), "dépasse les limites"),
        ("services", 79_999.99, TODAY, "dans les limites, achat"),
        ("services", 80_000, TODAY, "dépasse les limites"),
    ]:
        lot = Lot(id="1", nature=nature, value_eur=value, innovative=True)  # type: ignore[arg-type]
        told = the("INNOVATION_REVIEW", review(need(lot, estimated_total_eur=1_000_000), on).lots["1"].advice)
        assert words in told.message.fr
    for asked, doubtful in [
        (services(60_000, 60_000, estimated_total_eur=90_000), True),
        (services(60_000, 30_000, estimated_total_eur=90_000), False),
    ]:
        lots = (msgspec.structs.replace(asked.lots[0], innovative=True), *asked.lots[1:])
        found = review(msgspec.structs.replace(asked, lots=lots)).lots["1"].advice
        assert ("à vérifier" in the("INNOVATION_REVIEW", found).message.fr) == doubtful


def test_innovative_lots_are_counted_together() -> None:
    """Each within, together above 20 %."""
    lots = [
        Lot(id=str(place), segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=value < 100_000)
        for place, value in enumerate((70_000.0, 70_000.0, 300_000.0))
    ]
    found = review(need(*lots)).lots
    assert "dépasse les limites" in the("INNOVATION_REVIEW", found["0"].advice).message.fr
    assert "INNOVATION_REVIEW" not in codes(found["2"].advice)
