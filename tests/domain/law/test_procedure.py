"""The procedure that a value implies: one cent and one day around every threshold."""

from datetime import date

import msgspec
import pytest

from domain.needs.need import Buyer, BuyerKind, Lot
from tests.domain.law.samples import TODAY, advice, buyer, codes, need, procedure, review, services, the, works

CENT = 0.01


@pytest.mark.parametrize(
    ("value", "on", "expected"),
    [
        (24_999.99, date(2019, 12, 31), "GRE_A_GRE"),
        (25_000.00, date(2019, 12, 31), "MAPA"),
        (39_999.99, date(2020, 1, 1), "GRE_A_GRE"),
        (40_000.00, date(2020, 1, 1), "MAPA"),
        (39_999.99, date(2026, 3, 31), "GRE_A_GRE"),
        (40_000.00, date(2026, 3, 31), "MAPA"),
        (59_999.99, date(2026, 3, 31), "MAPA"),
        (59_999.99, date(2026, 4, 1), "GRE_A_GRE"),
        (60_000.00, date(2026, 4, 1), "MAPA"),
    ],
)
def test_direct_award_of_services(value: float, on: date, expected: str) -> None:
    """The amount itself is not below the threshold."""
    assert procedure(services(value), on) == [expected]


@pytest.mark.parametrize(
    ("value", "on", "expected"),
    [
        (39_999.99, date(2020, 7, 1), "GRE_A_GRE"),
        (40_000.00, date(2020, 7, 1), "MAPA"),
        (69_999.99, date(2020, 10, 1), "GRE_A_GRE"),
        (70_000.00, date(2020, 10, 1), "MAPA"),
        (99_999.99, date(2020, 12, 8), "MAPA"),
        (99_999.99, date(2020, 12, 9), "GRE_A_GRE"),
        (99_999.99, date(2022, 12, 31), "GRE_A_GRE"),
        (99_999.99, date(2024, 12, 31), "GRE_A_GRE"),
        (99_999.00, date(2025, 12, 31), "GRE_A_GRE"),
        (99_999.00, date(2026, 1, 1), "GRE_A_GRE"),
        (100_000.00, date(2026, 1, 1), "MAPA"),
        (100_000.00, date(2026, 12, 31), "MAPA"),
        (139_999.99, date(2027, 1, 1), "GRE_A_GRE"),
        (140_000.00, date(2027, 1, 1), "MAPA"),
    ],
)
def test_direct_award_of_works(value: float, on: date, expected: str) -> None:
    """100 000 € by derogation, then for good, 140 000 € by law: works have their own amount."""
    assert procedure(works(value), on) == [expected]


@pytest.mark.parametrize(
    ("kind", "on", "threshold"),
    [
        ("state", date(2025, 12, 31), 143_000),
        ("state", date(2026, 1, 1), 140_000),
        ("local", date(2024, 1, 1), 221_000),
        ("local", date(2025, 12, 31), 221_000),
        ("local", date(2026, 1, 1), 216_000),
        ("local", date(2027, 12, 31), 216_000),
        ("utility", date(2025, 12, 31), 443_000),
        ("utility", date(2026, 1, 1), 432_000),
        ("local", date(2019, 6, 1), 221_000),
        ("state", date(2023, 1, 1), 140_000),
    ],
)
def test_formal_procedure_for_services(kind: BuyerKind, on: date, threshold: int) -> None:
    """State, local authorities and utilities have their own EU thresholds, reached by the amount itself."""
    assert procedure(services(threshold - CENT, buyer=buyer(kind)), on) == ["MAPA"]
    assert procedure(services(threshold, buyer=buyer(kind)), on) == ["PROC_FORMALISEE"]


@pytest.mark.parametrize(("on", "threshold"), [(date(2025, 12, 31), 5_538_000), (date(2026, 1, 1), 5_404_000)])
def test_formal_procedure_for_works(on: date, threshold: int) -> None:
    """One threshold for works, whoever buys."""
    assert procedure(works(threshold - CENT), on) == ["MAPA"]
    assert procedure(works(threshold), on) == ["PROC_FORMALISEE"]


def test_lots_are_added_up() -> None:
    """Three lots of 30 000 € are a need of 90 000 €; cents are added exactly."""
    assert procedure(services(30_000, 30_000, 30_000)) == ["MAPA"]
    assert procedure(services(59_999.90, 0.09)) == ["GRE_A_GRE"]
    assert procedure(services(59_999.90, 0.10)) == ["MAPA"]


def test_estimated_total_stands_for_the_whole_need() -> None:
    """It counts renewals that the lots do not show, and is enough where lots have no value."""
    assert procedure(services(50_000, estimated_total_eur=216_000)) == ["PROC_FORMALISEE"]
    assert procedure(services(None, None, estimated_total_eur=59_999.99)) == ["GRE_A_GRE"]


def test_no_verdict_where_a_value_is_unknown() -> None:
    """The advice names the lots that lack one."""
    found = review(services(10_000, None, 20_000)).advice
    assert procedure(services(10_000, None, 20_000)) == []
    assert "lot 2" in the("VALUE_UNKNOWN", found).message.fr
    assert not {"SMALL_LOT_SETS", "SOCIAL_CONSIDERATION"} & {item.code for item in found}


def test_works_and_services_are_counted_apart() -> None:
    """A dismantling lot follows the amount of works, the furniture beside it that of supplies; each names its lots."""
    lots = (
        Lot(id="a", cpv=("45111300",), value_eur=99_999),
        Lot(id="b", cpv=("39100000",), value_eur=60_000),
    )
    found = review(need(*lots)).advice
    assert the("GRE_A_GRE", found).lots == (("a",),)
    assert the("MAPA", found).lots == (("b",),)


def test_works_and_services_of_one_contract_follow_its_main_object() -> None:
    """Each a direct award apart, together 140 000 €: too much for a contract of works."""
    apart = need(
        Lot(id="w", cpv=("45442100",), value_eur=90_000),
        Lot(id="s", cpv=("90919200",), value_eur=50_000),
    )
    found = the("MIXED_OBJECT", review(apart).advice)
    assert procedure(apart) == ["GRE_A_GRE", "GRE_A_GRE"]
    assert found.lots == (("s",), ("w",))
    assert "140 000 € HT appellent alors une procédure adaptée" in found.message.fr
    assert found.message.fr.endswith("(L1111-5)")


@pytest.mark.parametrize(
    ("of_works", "of_services", "lots"),
    [
        (60_000, 39_999.99, None),
        (60_000, 40_000, (("s",), ("w",))),
        (30_000, 30_000, (("s",), ("w",))),
        (29_999.99, 30_000, None),
        (90_000, 300_000, (("w",),)),
        (5_300_000, 103_999.99, None),
        (5_300_000, 104_000, (("s",), ("w",))),
    ],
)
def test_what_one_contract_would_change(
    of_works: float, of_services: float, lots: tuple[tuple[str, ...], ...] | None
) -> None:
    """Only what is told of separate needs and would not hold for one is pointed out, and of which lots."""
    asked = need(
        Lot(id="w", cpv=("45442100",), value_eur=of_works),
        Lot(id="s", cpv=("90919200",), value_eur=of_services),
    )
    assert next((item.lots for item in review(asked).advice if item.code == "MIXED_OBJECT"), None) == lots


def test_social_services_are_an_exception_to_the_formal_procedure_of_services_alone() -> None:
    """Works and supplies have none."""
    for asked in (works(6_000_000), need(Lot(id="1", cpv=("39100000",), nature="supplies", value_eur=300_000))):
        assert "services sociaux" not in the("PROC_FORMALISEE", review(asked).advice).message.fr
    assert "sauf services sociaux" in the("PROC_FORMALISEE", review(services(300_000)).advice).message.fr


def test_total_beyond_the_lots_lowers_no_threshold() -> None:
    """What cannot be attributed to works or services is counted on both sides."""
    lots = (
        Lot(id="a", cpv=("45111300",), value_eur=90_000),
        Lot(id="b", cpv=("39100000",), value_eur=50_000),
    )
    assert procedure(need(*lots)) == ["GRE_A_GRE", "GRE_A_GRE"]
    assert procedure(need(*lots, estimated_total_eur=150_000)) == ["MAPA", "MAPA"]


def test_total_below_its_lots_is_pointed_out() -> None:
    """The stated total is used, and the contradiction said."""
    assert "TOTAL_BELOW_LOTS" in advice(services(100_000, 100_000, estimated_total_eur=150_000))
    assert "TOTAL_BELOW_LOTS" not in advice(services(100_000, 50_000, estimated_total_eur=150_000))


def test_a_total_below_its_lots_is_never_sure() -> None:
    """The value of a need is that of all its lots: what follows from less is to be checked, and says why."""
    found = the("GRE_A_GRE", review(services(100_000, estimated_total_eur=30_000)).advice)
    assert found.confidence == "low"
    assert "total estimé inférieur à la somme des lots" in found.message.fr
    assert found.message.fr.endswith("à vérifier (R2122-8)")


def test_what_a_total_leaves_open_between_works_and_services_is_said() -> None:
    """Which part is works, or on which side the rest lies, was not stated: the cautious verdict is to be checked."""
    mixed = need(works(None).lots[0], msgspec.structs.replace(services(None).lots[0], id="2"), estimated_total_eur=3e5)
    found = the("PROC_FORMALISEE", review(mixed).advice)
    assert "part des travaux non précisée" in found.message.fr
    assert the("SOCIAL_CONSIDERATION", review(mixed).advice).confidence == found.confidence == "low"
    divided = need(
        works(3_000_000).lots[0],
        msgspec.structs.replace(services(100_000).lots[0], id="2"),
        estimated_total_eur=3_300_000,
    )
    for found in (item for item in review(divided).advice if item.code in {"PROC_FORMALISEE", "MAPA"}):
        assert "dont 200 000 € du total estimé que les lots ne détaillent pas" in found.message.fr
        assert found.confidence == "low"


def test_unknown_buyer_is_judged_only_where_all_thresholds_agree() -> None:
    """Between the State's and the utilities' threshold the buyer's kind decides."""
    for anonymous in (None, Buyer()):
        assert procedure(services(139_999.99, buyer=anonymous)) == ["MAPA"]
        assert procedure(services(432_000, buyer=anonymous)) == ["PROC_FORMALISEE"]
        assert procedure(services(200_000, buyer=anonymous)) == []
        assert "BUYER_KIND_UNKNOWN" in advice(services(200_000, buyer=anonymous))


def test_thresholds_that_are_not_published_yet_give_no_verdict() -> None:
    """From 2028 the EU amounts are not known; the direct-award amount still is."""
    assert procedure(services(300_000), date(2028, 1, 1)) == []
    assert "THRESHOLD_UNKNOWN" in advice(services(300_000), date(2028, 1, 1))
    assert procedure(services(50_000), date(2028, 1, 1)) == ["GRE_A_GRE"]


def test_thresholds_before_the_file_starts_give_no_verdict() -> None:
    """An ancient date is unknown, not free."""
    assert procedure(services(10_000), date(2014, 1, 1)) == []
    assert "THRESHOLD_UNKNOWN" in advice(services(10_000), date(2014, 1, 1))


def test_unknown_nature_takes_the_lower_thresholds_and_says_so() -> None:
    """Keywords only: neither CPV nor nature."""
    found = review(need(Lot(id="1", keywords=("divers",), value_eur=70_000))).advice
    assert "nature non précisée" in the("MAPA", found).message.fr


def test_nature_is_read_from_the_cpv_or_the_activity() -> None:
    """Division 45 is works; painting is works whatever else is known; maintenance may be either."""
    assert procedure(need(Lot(id="1", cpv=("45442100",), value_eur=70_000))) == ["GRE_A_GRE"]
    assert procedure(need(Lot(id="1", segments=("bt-peinture",), value_eur=70_000))) == ["GRE_A_GRE"]
    assert procedure(need(Lot(id="1", segments=("bt-maintenance",), value_eur=70_000))) == ["MAPA"]
    assert procedure(need(Lot(id="1", cpv=("45442100",), nature="services", value_eur=70_000))) == ["MAPA"]


def test_social_services_take_the_light_regime_whatever_the_amount() -> None:
    """A listed main CPV is enough; an unlisted one is an ordinary service."""
    social = Lot(id="1", cpv=("85312510",), value_eur=3_000_000)
    assert procedure(need(social)) == ["MAPA"]
    assert "LIGHT_REGIME" in advice(need(social))
    ordinary = msgspec.structs.replace(social, cpv=("77310000", "85312510"))
    assert procedure(need(ordinary)) == ["PROC_FORMALISEE"]
    assert "LIGHT_REGIME" not in advice(need(ordinary))


def test_procedure_is_as_sure_as_the_amounts_compared() -> None:
    """Between two amounts of which one is weakly sourced, the reader is told to check."""
    early, now = (the("MAPA", review(services(100_000), on).advice) for on in (date(2021, 6, 1), TODAY))
    assert (early.confidence, now.confidence) == ("low", "high")
    assert "à vérifier" in early.message.fr
    assert "à vérifier" not in now.message.fr


def test_light_regime_of_some_lots_names_them() -> None:
    """The other lots keep the procedure of the whole."""
    lots = (Lot(id="s", cpv=("85312510",), value_eur=200_000), Lot(id="o", cpv=("90919200",), value_eur=200_000))
    found = review(need(*lots)).advice
    assert the("LIGHT_REGIME", found).lots == (("s",),)
    assert procedure(need(*lots)) == ["PROC_FORMALISEE"]


def test_concessions_have_their_own_threshold_and_no_direct_award() -> None:
    """Below it, the simplified procedure."""
    assert procedure(services(1_000, contract="concession")) == ["CONCESSION_SIMPLIFIED"]
    assert procedure(services(5_403_999.99, contract="concession")) == ["CONCESSION_SIMPLIFIED"]
    assert procedure(services(5_404_000, contract="concession")) == ["PROC_FORMALISEE"]


def test_a_concession_of_works_and_services_is_one_value() -> None:
    """Its threshold is the same for both: dividing it into lots lowers nothing, and no nature needs to be known."""
    service = Lot(id="2", segments=("pr-locaux",), value_eur=3_000_000)
    asked = need(works(3_000_000).lots[0], service, contract="concession")
    assert procedure(asked) == ["PROC_FORMALISEE"]
    assert "6 000 000 € HT : " in the("PROC_FORMALISEE", review(asked).advice).message.fr
    unknown = need(Lot(id="1", keywords=("navette",), value_eur=1_000_000), contract="concession")
    assert "nature" not in the("CONCESSION_SIMPLIFIED", review(unknown).advice).message.fr


def test_work_integration_as_a_social_service_is_said_of_markets() -> None:
    """There is no adapted procedure for a concession."""
    insertion = need(Lot(id="1", cpv=("85312510",), value_eur=6_000_000), contract="concession")
    assert "OBJECT_IS_INSERTION" not in codes(review(insertion).lots["1"].advice)


@pytest.mark.parametrize(
    ("total", "on", "expected"),
    [
        (200_000, TODAY, "MAPA"),
        (200_000, date(2024, 6, 24), "MAPA"),
        (220_000, date(2025, 12, 31), "MAPA"),
        (220_000, date(2026, 1, 1), "PROC_FORMALISEE"),
    ],
)
def test_dynamic_purchasing_system_counts_its_whole_life(total: int, on: date, expected: str) -> None:
    """At the threshold it follows the rules of the restricted tender."""
    system = services(None, estimated_total_eur=total, technique="dynamic_purchasing_system")
    assert procedure(system, on) == [expected]
    if expected == "PROC_FORMALISEE":
        assert the("PROC_FORMALISEE", review(system, on).advice).article == "R2162-38"


def test_framework_without_total_is_asked_for_its_maximum() -> None:
    """The article is that of framework agreements."""
    unknown = the("VALUE_UNKNOWN", review(services(None, technique="framework_agreement")).advice)
    assert unknown.article == "R2121-8"


def test_a_direct_award_of_works_in_2027_quotes_both_texts() -> None:
    """The amount is that of loi 2026-403, the duties those of the code; an adapted procedure stays lawful."""
    found = the("GRE_A_GRE", review(works(120_000), date(2027, 1, 1)).advice)
    assert found.message.fr.endswith(
        "le même opérateur (R2122-8) ; une procédure adaptée reste possible (loi 2026-403, art. 13)"
    )
    assert "reste possible" not in the("GRE_A_GRE", review(works(90_000)).advice).message.fr
    assert "opérateur" not in the("GRE_A_GRE", review(works(20_000), date(2018, 6, 1)).advice).message.fr
