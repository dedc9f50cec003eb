"""The procedure that a value implies: one cent and one day around every threshold."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from domain.needs.need import Buyer, BuyerKind, Lot, Need
from domain.shortlists.listed_suppliers import Confidence
from tests.domain.law.samples import (
    CLEANING,
    TODAY,
    WORKS,
    advice,
    buyer,
    codes,
    lots,
    need,
    procedure,
    review,
    review_read,
    services,
    the,
    works,
)

CENT = 0.01


# first day, amount below which no publicity is needed, the amount of the day before
DIRECT = [
    (services, date(2020, 1, 1), 40_000, 25_000),
    (services, date(2026, 4, 1), 60_000, 40_000),
    (works, date(2020, 1, 1), 40_000, 25_000),
    (works, date(2020, 7, 24), 70_000, 40_000),
    (works, date(2020, 12, 9), 100_000, 70_000),
    (works, date(2023, 1, 1), 100_000, 100_000),
    (works, date(2025, 1, 1), 100_000, 100_000),
    (works, date(2026, 1, 1), 100_000, 100_000),
    (works, date(2027, 1, 1), 140_000, 100_000),
]
# first and last day, EU thresholds of the State, of local authorities, of utilities, and of works
FORMAL = [
    (date(2018, 1, 1), date(2019, 12, 31), 144_000, 221_000, 443_000, 5_548_000),
    (date(2020, 1, 1), date(2021, 12, 31), 139_000, 214_000, 428_000, 5_350_000),
    (date(2022, 1, 1), date(2023, 12, 31), 140_000, 215_000, 431_000, 5_382_000),
    (date(2024, 1, 1), date(2025, 12, 31), 143_000, 221_000, 443_000, 5_538_000),
    (date(2026, 1, 1), date(2027, 12, 31), 140_000, 216_000, 432_000, 5_404_000),
]


@pytest.mark.parametrize(("asked", "first", "amount", "before"), DIRECT)
def test_direct_award(asked: Callable[..., Need], first: date, amount: float, before: float) -> None:
    """The amount itself is not below the threshold; works have their own."""
    for bound, on in ((amount, first), (before, first - timedelta(days=1))):
        assert procedure(asked(bound - CENT), on) == ["GRE_A_GRE"]
        assert procedure(asked(bound), on) == ["MAPA"]


@pytest.mark.parametrize(("first", "last", "state", "local", "utility", "of_works"), FORMAL)
def test_formal_procedure(first: date, last: date, state: int, local: int, utility: int, of_works: int) -> None:
    """From the amount itself on, by kind of buyer for services, whoever buys for works; concessions as works."""
    kinds: dict[BuyerKind, int] = {"state": state, "local": local, "utility": utility}
    for on in (first, last):
        for kind, bound in kinds.items():
            assert procedure(services(bound - CENT, buyer=buyer(kind)), on) == ["MAPA"]
            assert procedure(services(bound, buyer=buyer(kind)), on) == ["PROC_FORMALISEE"]
            assert procedure(works(of_works - CENT, buyer=buyer(kind)), on) == ["MAPA"]
            assert procedure(works(of_works, buyer=buyer(kind)), on) == ["PROC_FORMALISEE"]
        assert procedure(services(of_works - CENT, contract="concession"), on) == ["CONCESSION_SIMPLIFIED"]
        assert procedure(services(of_works, contract="concession"), on) == ["PROC_FORMALISEE"]


CHAIRS = Lot(id="b", cpv=("39100000",), value_eur=60_000)
SYSTEM = {"technique": "dynamic_purchasing_system"}


@pytest.mark.parametrize(
    ("asked", "on", "expected"),
    [
        # lots are added up, cents exactly
        (services(30_000, 29_999.99), TODAY, ["GRE_A_GRE"]),
        (services(30_000, 30_000), TODAY, ["MAPA"]),
        (services(59_999.90, 0.09), TODAY, ["GRE_A_GRE"]),
        (services(59_999.90, 0.10), TODAY, ["MAPA"]),
        # a stated total stands for the whole need, also where lots have no value
        (services(50_000, estimated_total_eur=60_000), TODAY, ["MAPA"]),
        (services(50_000, estimated_total_eur=216_000), TODAY, ["PROC_FORMALISEE"]),
        (services(None, None, estimated_total_eur=59_999.99), TODAY, ["GRE_A_GRE"]),
        (services(None, technique="framework_agreement", estimated_total_eur=216_000), TODAY, ["PROC_FORMALISEE"]),
        (services(None, estimated_total_eur=200_000, **SYSTEM), TODAY, ["MAPA"]),
        (services(None, estimated_total_eur=220_000, **SYSTEM), date(2025, 12, 31), ["MAPA"]),
        (services(None, estimated_total_eur=220_000, **SYSTEM), date(2026, 1, 1), ["PROC_FORMALISEE"]),
        # amounts of 2028 are not published but that of direct award; those of an ancient date are unknown, not free
        (services(50_000), date(2028, 1, 1), ["GRE_A_GRE"]),
        (services(300_000), date(2028, 1, 1), []),
        # but of those not published, none is half of the last one, or twice as high
        (works(200_000), date(2028, 1, 1), ["MAPA"]),
        (works(2_702_000), date(2028, 1, 1), ["MAPA"]),
        (works(2_702_000.01), date(2028, 1, 1), []),
        (works(10_807_999.99), date(2028, 1, 1), []),
        (works(10_808_000), date(2028, 1, 1), ["PROC_FORMALISEE"]),
        (services(10_000), date(2015, 9, 30), []),
        (services(10_000), date(2015, 10, 1), ["GRE_A_GRE"]),
        # nature by the CPV (division 45 is works) or the activity (maintenance may be either), unless it is said
        (need(Lot(id="1", cpv=("45442100",), value_eur=70_000)), TODAY, ["GRE_A_GRE"]),
        (need(Lot(id="1", segments=("bt-peinture",), value_eur=70_000)), TODAY, ["GRE_A_GRE"]),
        (need(Lot(id="1", segments=("bt-maintenance",), value_eur=70_000)), TODAY, ["MAPA"]),
        (need(Lot(id="1", cpv=("45442100",), nature="services", value_eur=70_000)), TODAY, ["MAPA"]),
        # works apart from supplies, each by its own amount; halves of an adapted need stay so
        (need(Lot(id="a", cpv=("45111300",), value_eur=99_999.99), CHAIRS), TODAY, ["MAPA", "GRE_A_GRE"]),
        (services(45_000, 45_000), TODAY, ["MAPA"]),
        # a concession has its own threshold and no direct award; of works and services it is one value
        (services(1_000, contract="concession"), TODAY, ["CONCESSION_SIMPLIFIED"]),
        (services(5_403_999.99, 0, contract="concession"), TODAY, ["CONCESSION_SIMPLIFIED"]),
        (services(5_404_000, 0, contract="concession"), TODAY, ["PROC_FORMALISEE"]),
    ],
)
def test_procedure_by_value_and_date(asked: Need, on: date, expected: list[str]) -> None:
    assert procedure(asked, on) == expected


def test_publicity_below_a_threshold_that_is_not_published_is_as_sure_as_the_procedure() -> None:
    told = review(works(200_000), date(2028, 1, 1)).advice
    assert the("TIME_LIMITS", told).confidence == the("MAPA", told).confidence == "medium"


def test_no_verdict_where_a_value_or_a_threshold_is_unknown() -> None:
    """Not even where the known lots alone would decide: the advice names the lots to complete."""
    for values, lacking in [((None,), "1"), ((10_000, None), "2"), ((None, 300_000), "1"), ((1, None, 2), "2")]:
        found = review(services(*values)).advice
        assert procedure(services(*values)) == []
        assert f"(lot {lacking})" in the("VALUE_UNKNOWN", found).message.fr
        assert not {"SMALL_LOT_SETS", "SOCIAL_CONSIDERATION", "LIGHT_REGIME"} & {item.code for item in found}
    for asked, on in ((services(300_000), date(2028, 1, 1)), (services(10_000), date(2015, 9, 30))):
        told = advice(asked, on)
        assert ("THRESHOLD_UNKNOWN" in told, "SOCIAL_CONSIDERATION" in told) == (True, False)


def test_a_threshold_of_concessions_that_is_not_published_is_not_told() -> None:
    for value, code, words in (
        (50_000, "CONCESSION_SIMPLIFIED", "aussi bas"),
        (20_000_000, "PROC_FORMALISEE", "aussi haut"),
    ):
        told = the(code, review(services(value, contract="concession"), date(2028, 1, 1)).advice)
        assert f"aucun seuil plausible n'est {words}" in told.message.fr
        assert (told.article, "None" in "".join(told.message)) == ("R3126-1", False)
    told = the("BUYER_BODY_UNKNOWN", review(services(300_000, buyer=Buyer(kind="state")), date(2028, 1, 1)).advice)
    assert "le seuil de cette date n'est pas encore publié" in told.message.fr
    free = review(lots({"a": (CLEANING, 0), "b": (CLEANING, 90_000)}), date(2018, 1, 1)).advice
    assert "SMALL_LOT_SETS" not in codes(free)  # before the code, direct awards of lots had no share


def test_a_contract_of_works_and_services() -> None:
    """Each is told its own; what one contract would change is pointed out; a total beyond the lots lowers nothing."""
    apart = lots({"w": (WORKS, 90_000), "s": (CLEANING, 50_000)})
    found = the("MIXED_OBJECT", review(apart).advice)
    assert procedure(apart) == ["GRE_A_GRE", "GRE_A_GRE"]
    assert found.lots == (("s",), ("w",))
    assert "140 000 € HT appellent alors une procédure adaptée" in found.message.fr
    assert found.message.fr.endswith("(L1111-5)")
    # what one contract would not have assumes distinct needs, which is not asked: said, and no surer than that
    heavy = review(lots({"w": (WORKS, 5_000_000), "s": (CLEANING, 500_000)})).advice
    told = {code: the(code, heavy) for code in ("MAPA", "PROC_FORMALISEE")}
    assert [each.confidence for each in told.values()] == ["medium", "high"]
    assert ["si c'est un besoin distinct" in each.message.fr for each in told.values()] == [True, False]
    chairs: dict[str, tuple[str, float | None]] = {"a": ("45111300", 90_000), "b": ("39100000", 50_000)}
    assert procedure(lots(chairs)) == ["GRE_A_GRE", "GRE_A_GRE"]
    assert procedure(lots(chairs, estimated_total_eur=150_000)) == ["MAPA", "MAPA"]
    for of_works, of_services, named in [
        (60_000, 39_999.99, None),
        (60_000, 40_000, (("s",), ("w",))),
        (30_000, 30_000, (("s",), ("w",))),
        (29_999.99, 30_000, None),
        (90_000, 300_000, (("w",),)),
        (5_300_000, 103_999.99, None),
        (5_300_000, 104_000, (("s",), ("w",))),
    ]:
        asked = lots({"w": (WORKS, of_works), "s": (CLEANING, of_services)})
        assert next((item.lots for item in review(asked).advice if item.code == "MIXED_OBJECT"), None) == named
    service = Lot(id="2", segments=("pr-locaux",), value_eur=3_000_000)
    asked = need(works(3_000_000).lots[0], service, contract="concession")
    assert procedure(asked) == ["PROC_FORMALISEE"]
    assert "6 000 000 € HT : " in the("PROC_FORMALISEE", review(asked).advice).message.fr
    unknown = need(Lot(id="1", keywords=("navette",), value_eur=1_000_000), contract="concession")
    assert "nature" not in the("CONCESSION_SIMPLIFIED", review(unknown).advice).message.fr


def test_totals_that_leave_doubt() -> None:
    """Used, and the contradiction or the open part said: what follows is to be checked."""
    told = the("TOTAL_BELOW_LOTS", review(services(100_000, estimated_total_eur=30_000)).advice)
    assert told.severity == "warning"
    assert "TOTAL_BELOW_LOTS" not in advice(services(100_000, 50_000, estimated_total_eur=150_000))
    found = the("GRE_A_GRE", review(services(100_000, estimated_total_eur=30_000)).advice)
    assert found.confidence == "low"
    assert "total estimé inférieur à la somme des lots" in found.message.fr
    assert found.message.fr.endswith("à vérifier (R2122-8)")
    mixed = lots({"1": (WORKS, None), "2": (CLEANING, None)}, estimated_total_eur=300_000)
    found = the("PROC_FORMALISEE", review(mixed).advice)
    assert "part des travaux non précisée" in found.message.fr
    assert the("SOCIAL_CONSIDERATION", review(mixed).advice).confidence == found.confidence == "low"
    divided = lots({"1": (WORKS, 3_000_000), "2": (CLEANING, 100_000)}, estimated_total_eur=3_300_000)
    for found in (item for item in review(divided).advice if item.code in {"PROC_FORMALISEE", "MAPA"}):
        assert "dont 200 000 € du total estimé que les lots ne détaillent pas" in found.message.fr
        assert found.confidence == "low"


def test_unknown_buyer_is_judged_only_where_all_thresholds_agree() -> None:
    """Between the State's and the utilities' threshold its kind decides; exceptions, doubts and articles are said."""
    for anonymous in [None, Buyer(), Buyer(name="Un acheteur")]:
        expected = {59_999.99: ["GRE_A_GRE"], 139_999.99: ["MAPA"], 431_999.99: [], 432_000: ["PROC_FORMALISEE"]}
        assert {value: procedure(services(value, buyer=anonymous)) for value in expected} == expected
        told = the("BUYER_KIND_UNKNOWN", review(services(140_000, buyer=anonymous)).advice)
        assert "indiquer lequel il est" in told.message.fr
    for asked in (works(6_000_000), need(Lot(id="1", cpv=("39100000",), nature="supplies", value_eur=300_000))):
        assert "services sociaux" not in the("PROC_FORMALISEE", review(asked).advice).message.fr
    assert "sauf services sociaux" not in the("PROC_FORMALISEE", review(services(300_000)).advice).message.fr
    asked = need(Lot(id="1", segments=("pr-locaux",), nature="services", value_eur=300_000))
    assert "sauf services sociaux" in the("PROC_FORMALISEE", review(asked).advice).message.fr
    of_words = review(need(Lot(id="1", keywords=("divers",), value_eur=70_000))).advice
    assert "nature non précisée" in the("MAPA", of_words).message.fr
    early, now = (the("MAPA", review(services(100_000), on).advice) for on in (date(2021, 6, 1), TODAY))
    assert (early.confidence, now.confidence) == ("low", "high")
    assert "à vérifier" in early.message.fr
    assert "à vérifier" not in now.message.fr
    of_system = review(services(None, estimated_total_eur=220_000, **SYSTEM)).advice
    assert the("PROC_FORMALISEE", of_system).article == "R2162-38"
    unknown = the("VALUE_UNKNOWN", review(services(None, technique="framework_agreement")).advice)
    assert unknown.article == "R2121-8"
    found = the("GRE_A_GRE", review(works(120_000), date(2027, 1, 1)).advice)
    assert found.message.fr.endswith(
        "le même opérateur (R2122-8) ; une procédure adaptée reste possible (loi 2026-403, art. 13)"
    )
    assert "reste possible" not in the("GRE_A_GRE", review(works(90_000)).advice).message.fr
    assert "opérateur" not in the("GRE_A_GRE", review(works(20_000), date(2018, 6, 1)).advice).message.fr


@pytest.mark.parametrize(
    ("lot", "sure", "segment", "code", "confidence", "words"),
    [
        # the trade that a code names says works, to be confirmed; chosen beside words it does not: paint is bought too
        ({"segments": ("bt-peinture",)}, "high", "bt-peinture", "GRE_A_GRE", "medium", "métier nommé : à confirmer"),
        ({"segments": ("bt-peinture",), "title": "Achat"}, "high", "bt-peinture", "MAPA", "high", "s'il s'agit de"),
        ({"segments": ("bt-peinture",), "keywords": ("x",)}, "high", "bt-peinture", "MAPA", "high", "s'il s'agit de"),
        ({"segments": ("bt-peinture",), "nature": "works"}, "high", "bt-peinture", "GRE_A_GRE", "high", "de travaux"),
        ({"cpv": (WORKS,), "title": "Peinture"}, "high", "bt-peinture", "GRE_A_GRE", "high", "de travaux"),
        ({"keywords": ("peinture",)}, "medium", "bt-peinture", "MAPA", "high", "s'il s'agit de travaux"),
        # services that words surely say have their own thresholds anyway; what is read with doubt says no nature
        ({"keywords": ("nettoyage",)}, "medium", "pr-locaux", "MAPA", "high", "HT : procédure adaptée"),
        ({"keywords": ("propreté",)}, "low", "pr-locaux", "MAPA", "high", "s'il s'agit de travaux"),
    ],
)
def test_a_nature_is_as_sure_as_what_says_it(
    lot: dict[str, Any], sure: Confidence, segment: str, code: str, confidence: str, words: str
) -> None:
    found = the(code, review_read(need(Lot(id="1", value_eur=70_000, **lot)), sure, segment).advice)
    assert found.confidence == confidence
    assert words in found.message.fr


@pytest.mark.parametrize("sure", ["medium", "low"])
def test_a_social_service_that_words_alone_say_is_to_be_checked(sure: Confidence) -> None:
    asked = need(Lot(id="1", keywords=("insertion",), value_eur=300_000))
    told = review_read(asked, sure, "so-insertion")
    assert the("MAPA", told.advice).confidence == sure
    assert the("OBJECT_IS_INSERTION", told.lots["1"].advice).confidence == sure
