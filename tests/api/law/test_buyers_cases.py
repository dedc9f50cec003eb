"""Real cases of Breton buyers, with assumed numbers, put to POST /match's own function: what each must be told.

Where the contract says otherwise than the first reading of a case, the contract is followed: a share that is not known
is presumed, EITI, GEIQ and TIH are always to be judged, and `/match` knows no past awards.
"""

from datetime import date
from typing import Any

import pytest

from tests.api.law.asking import (
    LOCAL,
    SORTS,
    TODAY,
    ask,
    by_code,
    findings,
    forbidden,
    lot,
    lot_advice,
    need,
    need_advice,
    pool,
    procedures,
    shop,
    those,
    verdicts,
)
from tests.factories import NANTES

BEFORE = date(2024, 6, 24)


def cleaning(windows: float = 80_000, **second: Any) -> dict[str, Any]:
    """CD56: offices in two lots, windows in a third."""
    return need(
        lot(id="1", segments=["pr-locaux"], cpv=["90919300"], value_eur=320_000, duration_months=48),
        lot(id="2", segments=["pr-locaux"], cpv=["90919200"], value_eur=240_000, duration_months=48, **second),
        lot(id="3", segments=["pr-specialise"], cpv=["90911300"], value_eur=windows, duration_months=48),
    )


def test_cleaning_is_a_formal_procedure_with_considerations() -> None:
    told = need_advice(cleaning())
    assert told["PROC_FORMALISEE"]["severity"] == "warning"
    assert told["PROC_FORMALISEE"]["article"] == "L2124-1"
    assert told["SOCIAL_CONSIDERATION"]["severity"] == told["ENVIRONMENTAL_CONSIDERATION"]["severity"] == "warning"


def test_the_same_cleaning_two_years_earlier() -> None:
    """The considerations are only advised, and the threshold was another."""
    told = need_advice(cleaning(), BEFORE)
    assert told["SOCIAL_CONSIDERATION"]["severity"] == told["ENVIRONMENTAL_CONSIDERATION"]["severity"] == "info"
    assert "221 000 €" in told["PROC_FORMALISEE"]["message"]
    assert "216 000 €" in need_advice(cleaning())["PROC_FORMALISEE"]["message"]


@pytest.mark.parametrize(
    ("on", "article", "words"),
    [
        (date(2026, 8, 20), "L2112-2", "Il est possible et recommandé, sans obligation"),
        (date(2026, 8, 21), "R2152-7", "Prévoir un critère qui prend en compte"),
        (date(2026, 8, 22), "L2112-2", "Prévoir une condition d'exécution environnementale et un critère"),
    ],
)
def test_cleaning_around_the_climate_law(on: date, article: str, words: str) -> None:
    """The criterion of the 21st, then the conditions of the 22nd, the social one with them."""
    told = need_advice(cleaning(), on)
    assert told["ENVIRONMENTAL_CONSIDERATION"]["article"] == article
    assert words in told["ENVIRONMENTAL_CONSIDERATION"]["message"]
    assert told["SOCIAL_CONSIDERATION"]["severity"] == ("warning" if on == date(2026, 8, 22) else "info")


def test_windows_are_a_small_lot_one_cent_below() -> None:
    assert "SMALL_LOT_OK" not in lot_advice(cleaning(), at=2)
    assert "SMALL_LOT_SETS" not in need_advice(cleaning())
    assert lot_advice(cleaning(79_999.99), at=2)["SMALL_LOT_OK"]["article"] == "R2123-1"
    assert need_advice(cleaning(79_999.99))["SMALL_LOT_SETS"]["lots"] == [["3"]]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_levers_of_cleaning(at: int) -> None:
    """Handicap and insertion are open; offices are not cleaned from a prison, nor a listed social service."""
    assert forbidden(cleaning(), at=at) == {"penitentiary": "INELIGIBLE_OBJECT", "ess": "NOT_LISTED"}


def test_suppliers_of_cleaning_for_handicap_and_insertion() -> None:
    found = verdicts(need(cleaning(reserved=["handicap", "iae"])["lots"][1]), *pool("pr-locaux"))
    assert those(found, "ELIGIBLE") == {"EI", "ACI", "ESAT", "EA", "EA in prison", "ETTI", "EI, share unknown"}
    assert those(found, "REVIEW") == {"GEIQ", "TIH", "EITI"}
    assert those(found, "INELIGIBLE") == {"EA 45 %", "SCIC", "association", "SAS", "SEP"}
    assert found["EA 45 %"][1] == "SHARE_LT_50"
    assert found["EI, share unknown"][1] == "PRESUMED_SHARE"
    assert {found[name][1] for name in ("GEIQ", "TIH", "EITI")} == {"KIND_REVIEW"}


def test_a_supplier_of_staff_is_said_to_be_one() -> None:
    asked = need(lot(segments=["pr-locaux"], reserved=["iae"]))
    (candidate,) = ask(asked, shop("ETTI", "pr-locaux", **SORTS["ETTI"]))["lots"][0]["candidates"]
    assert "mise à disposition de personnel" in candidate["eligibility"][0]["message"]


STREAMS = (
    ("de-5flux", "90511400", 60_000),
    ("de-bio", "90511100", 90_000),
    ("de-encombrants", "90511300", 40_000),
    ("de-deee", "90514000", 30_000),
    ("de-dangereux", "90524400", 400_000),
)
WASTE = need(
    *(
        lot(id=str(n), segments=[segment], cpv=[cpv], value_eur=value, duration_months=36)
        for n, (segment, cpv, value) in enumerate(STREAMS, 1)
    ),
    territory={"codes": ["commune:56260"]},
)


def test_hospital_waste_gives_the_sets_of_small_lots() -> None:
    """130 000 € of small lots are above 20 % of 620 000 €: which of them, not whether."""
    told = need_advice(WASTE)
    assert "PROC_FORMALISEE" in told
    assert told["SMALL_LOT_SETS"]["lots"] == [["1", "3"], ["1", "4"], ["3", "4"]]
    small = [at for at in range(5) if "SMALL_LOT_OK" in lot_advice(WASTE, at=at)]
    assert small == [0, 2, 3]


def test_medical_waste_may_be_reserved_but_takes_an_authorisation() -> None:
    assert not {"handicap", "iae", "handicap_iae"} & forbidden(WASTE, at=4).keys()
    assert [at for at in range(5) if "CAPABILITY_WARNING" in lot_advice(WASTE, at=at)] == [4]


def test_a_waste_stream_that_nobody_collects_risks_no_offer() -> None:
    papers = pool("de-5flux")
    assert lot_advice(WASTE, *papers, at=4)["RISK_INFRUCTUEUX"]["severity"] == "warning"
    assert "RISK_INFRUCTUEUX" not in lot_advice(WASTE, *papers, at=0)


def test_a_hospital_is_not_held_to_reuse_for_its_waste() -> None:
    assert all("COUNTS_TOWARDS_QUOTA" not in lot_advice(WASTE, at=at) for at in range(5))


SHOW = need(
    lot(segments=["cc-spectacle"], cpv=["92312100"], value_eur=24_000, duration_months=12, reserved=["ess"]),
    territory={"codes": ["commune:35238"]},
)


@pytest.mark.parametrize("on", [date(2019, 6, 1), TODAY])
def test_a_christmas_show_gets_no_plain_yes(on: date) -> None:
    """Not listed, hardly a public service; but so small that it needs no reservation."""
    assert findings(SHOW, on) == {"NOT_LISTED": "INELIGIBLE", "ESS_PUBLIC_SERVICE_MISSION": "REVIEW"}
    assert ask(SHOW, on=on)["lots"][0]["reservation"]["outcome"] == "INELIGIBLE"
    assert procedures(SHOW, on) == ["GRE_A_GRE"]


def test_a_christmas_show_is_told_what_is_listed_nearby() -> None:
    """Other cultural services, if that is what is bought: its own code is not changed for it."""
    shown = ask(SHOW, on=date(2019, 6, 1))["lots"][0]
    assert "92500000" in shown["reservation"]["findings"][0]["message"]
    assert shown["requested"][0]["from"] == ["segment:cc-spectacle", "cpv:92312100"]


def test_suppliers_of_a_christmas_show() -> None:
    """Their own outcomes do not change with what the law says of the lot."""
    found = verdicts(SHOW, *pool("cc-spectacle"), on=date(2019, 6, 1))
    assert found["association"] == found["SCIC"] == ("ELIGIBLE_IF", "PROOF_MISSING")
    assert found["SAS"] == ("INELIGIBLE", "NOT_ESS")


def composting(**fields: Any) -> dict[str, Any]:
    """Dinan: awareness of composting, three years."""
    usual = {"segments": ["de-sensib"], "cpv": ["80540000"], "value_eur": 90_000, "duration_months": 36}
    return need(lot(**usual | {"reserved": ["ess"]} | fields), territory={"codes": ["epci:200068989"]})


@pytest.mark.parametrize(
    ("fields", "code", "outcome"),
    [
        ({}, "NOT_LISTED", "INELIGIBLE"),
        ({}, "ESS_MAX_3Y", None),
        ({"duration_months": 37}, "ESS_MAX_3Y", "INELIGIBLE"),
        ({"renewal_months": 12}, "ESS_MAX_3Y", "INELIGIBLE"),
        ({"duration_months": 24, "renewal_months": 12}, "ESS_MAX_3Y", None),
        ({}, "NOT_EXCLUSIVE", None),
        ({"cpv": ["80540000", "90511000"]}, "NOT_EXCLUSIVE", "INELIGIBLE"),
        ({"segments": ["de-sensib", "de-bio"]}, "NOT_EXCLUSIVE", "REVIEW"),
        ({"cpv": ["80590000"]}, "NOT_LISTED", None),
        ({"cpv": ["80590000"]}, "ESS_PUBLIC_SERVICE_MISSION", "ELIGIBLE_IF"),
    ],
)
def test_awareness_of_composting(fields: dict[str, Any], code: str, outcome: str | None) -> None:
    assert findings(composting(**fields)).get(code) == outcome


def test_awareness_of_composting_has_other_levers() -> None:
    """90 000 € is adapted, and would be at any amount; insertion and handicap are open and have suppliers."""
    assert procedures(composting()) == ["MAPA"]
    assert "LIGHT_REGIME" in need_advice(composting())
    told = lot_advice(composting(), *pool("de-sensib"))
    assert "à l'insertion laisse 6 candidats (4 certains)" in told["RESERVATION_POSSIBLE"]["message"]
    halves = [composting()["lots"][0] | {"id": half, "value_eur": 45_000} for half in "ab"]
    assert procedures(need(*halves)) == ["MAPA"]


def test_suppliers_of_awareness_of_composting() -> None:
    found = verdicts(composting(), *pool("de-sensib"))
    assert {found[name][0] for name in ("SCIC", "ESAT")} == {"ELIGIBLE_IF"}
    assert found["SAS"][0] == "INELIGIBLE"


def kits(*reserved: str, **fields: Any) -> dict[str, Any]:
    """CD22: packing of kits."""
    usual = {"segments": ["in-conditionnement"], "cpv": ["79920000"], "value_eur": 45_000, "duration_months": 12}
    return need(lot(**usual | {"reserved": list(reserved)} | fields), territory={"codes": ["departement:22"]})


def test_suppliers_of_prison_work() -> None:
    found = verdicts(kits("penitentiary"), *pool("in-conditionnement"))
    assert those(found, "ELIGIBLE") == {"SEP", "EA in prison"}
    assert those(found, "INELIGIBLE") == SORTS.keys() - {"SEP", "EA in prison"}
    assert {found[name][1] for name in ("EI", "ACI", "ESAT", "EA", "SCIC", "SAS")} == {"NOT_IN_PRISON"}


@pytest.mark.parametrize(
    ("reserved", "on", "expected"),
    [
        (("penitentiary",), TODAY, {}),
        (("penitentiary", "iae"), TODAY, {"COMBINATION_FORBIDDEN": "INELIGIBLE"}),
        (("handicap", "iae"), date(2020, 1, 15), {"COMBINATION_FORBIDDEN": "INELIGIBLE"}),
        (("handicap", "iae"), date(2020, 12, 8), {"COMBINATION_FORBIDDEN": "INELIGIBLE"}),
        (("handicap", "iae"), date(2020, 12, 9), {}),
        (("penitentiary",), date(2022, 6, 1), {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}),
        (("penitentiary",), date(2022, 10, 20), {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}),
        (("penitentiary",), date(2022, 10, 21), {"SHARE_NOT_FIXED": "REVIEW"}),
        (("penitentiary",), date(2022, 12, 29), {"SHARE_NOT_FIXED": "REVIEW"}),
        (("penitentiary",), date(2022, 12, 30), {}),
    ],
)
def test_types_and_combinations_by_date(reserved: tuple[str, ...], on: date, expected: dict[str, str]) -> None:
    """A need that the law forbids is answered, with its suppliers; only its reservation is refused."""
    asked = kits(*reserved)
    shown = ask(asked, *pool("in-conditionnement"), on=on)["lots"][0]
    assert findings(asked, on) == expected
    assert shown["reservation"]["outcome"] == max(
        expected.values(), default="ELIGIBLE", key=["REVIEW", "INELIGIBLE"].index
    )
    assert shown["total"] > 0


def test_prison_work_is_not_done_on_a_building_site() -> None:
    assert findings(kits("penitentiary", nature="works")) == {"EXECUTION_OUTSIDE_PRISON": "INELIGIBLE"}
    assert findings(kits("penitentiary", site={"commune": "22278"})) == {"EXECUTION_OUTSIDE_PRISON": "REVIEW"}


@pytest.mark.parametrize(("on", "procedure"), [(date(2026, 3, 1), "MAPA"), (TODAY, "GRE_A_GRE")])
def test_prison_work_needs_no_reservation_today(on: date, procedure: str) -> None:
    assert procedures(kits("penitentiary"), on) == [procedure]


def insertion(*reserved: str, **fields: Any) -> dict[str, Any]:
    """Redon: the object is insertion, green spaces only carry it."""
    usual = {
        "segments": ["so-insertion"],
        "support_segments": ["ev-entretien"],
        "cpv": ["85312510", "77310000"],
        "value_eur": 180_000,
        "duration_months": 24,
    }
    return need(lot(**usual | {"reserved": list(reserved)} | fields), territory={"codes": ["epci:243500741"]})


def test_insertion_is_a_social_service_whatever_its_value() -> None:
    assert "OBJECT_IS_INSERTION" in lot_advice(insertion("iae"))
    for value in (180_000, 600_000):
        assert procedures(insertion("iae", value_eur=value)) == ["MAPA"]
        assert "LIGHT_REGIME" in need_advice(insertion("iae", value_eur=value))


@pytest.mark.parametrize(
    ("cpv", "value"),
    [
        ("55524000", 500_000),
        ("55523100-3", 500_000),
        ("79713000", 300_000),
        ("80530000", 400_000),
        ("92000000", 300_000),
    ],
)
def test_school_meals_guarding_training_and_culture_are_light(cpv: str, value: float) -> None:
    """Other specific services: adapted whatever the amount, though ESS may not be the only ones to answer."""
    asked = need(lot(cpv=[cpv], value_eur=value))
    told = need_advice(asked)
    assert procedures(asked) == ["MAPA"]
    assert told["LIGHT_REGIME"]["article"] == "R2123-1"
    assert told["LIGHT_REGIME"]["confidence"] == "low"
    assert "SOCIAL_CONSIDERATION" not in told
    assert forbidden(asked)["ess"] == "NOT_LISTED"
    english = ask(asked, language="en")["advice"]
    assert "adapted procedure possible whatever the amount" in by_code(english)["LIGHT_REGIME"]["message"]


def test_a_nursery_run_under_a_concession_has_the_simplified_procedure() -> None:
    asked = need(lot(cpv=["80110000"], value_eur=6_000_000), contract="concession")
    assert procedures(asked) == ["CONCESSION_SIMPLIFIED"]
    assert procedures(asked | {"lots": [lot(cpv=["90919200"], value_eur=6_000_000)]}) == ["PROC_FORMALISEE"]


def test_meals_and_cleaning_in_one_market_follow_the_greater_part() -> None:
    meals, cleaned = lot(id="m", cpv=["55524000"], value_eur=300_000), lot(id="c", cpv=["90919200"])
    assert procedures(need(meals, cleaned | {"value_eur": 299_999.99})) == ["MAPA"]
    told = need_advice(need(meals, cleaned | {"value_eur": 300_000}))
    assert "PROC_FORMALISEE" in told
    assert "celles des autres prestations" in told["MIXED_SERVICES"]["message"]


def test_small_works_beside_small_services_are_direct_awards_only_if_apart() -> None:
    asked = need(lot(id="w", cpv=["45442100"], value_eur=90_000), lot(id="s", cpv=["90919200"], value_eur=50_000))
    assert procedures(asked) == ["GRE_A_GRE", "GRE_A_GRE"]
    assert need_advice(asked)["MIXED_OBJECT"]["lots"] == [["s"], ["w"]]


@pytest.mark.parametrize(
    ("months", "kind", "long"), [(96, "utility", False), (97, "utility", True), (49, "local", True)]
)
def test_a_framework_agreement_of_a_utility_lasts_eight_years(months: int, kind: str, long: bool) -> None:
    asked = need(
        lot(segments=["pr-locaux"], duration_months=months), buyer={"kind": kind}, technique="framework_agreement"
    )
    assert ("FRAMEWORK_MAX_4Y" in need_advice(asked)) == long


def test_green_spaces_as_the_object_flip_the_answer() -> None:
    swapped = {"segments": ["ev-entretien"], "support_segments": ["so-insertion"], "cpv": ["77310000", "85312510"]}
    assert "OBJECT_IS_INSERTION" not in lot_advice(insertion("iae", **swapped))
    assert "LIGHT_REGIME" not in need_advice(insertion("iae", **swapped))
    assert forbidden(insertion(**swapped))["ess"] == "NOT_LISTED"
    assert procedures(insertion(**swapped, value_eur=216_000)) == ["PROC_FORMALISEE"]


def test_suppliers_of_insertion() -> None:
    found = verdicts(insertion("iae"), *pool("so-insertion"))
    assert {found[name][0] for name in ("EI", "ACI", "ETTI")} == {"ELIGIBLE"}
    assert {found[name] for name in ("ESAT", "EA")} == {("INELIGIBLE", "KIND_NOT_ELIGIBLE")}
    assert verdicts(insertion("iae", "handicap"), *pool("so-insertion"))["ESAT"][0] == "ELIGIBLE"


def test_insertion_for_the_social_economy_is_for_a_person_to_judge() -> None:
    """Listed and short enough; whether green spaces are accessory is not for a machine."""
    assert findings(insertion("ess")) == {"NOT_EXCLUSIVE": "REVIEW", "ESS_PUBLIC_SERVICE_MISSION": "ELIGIBLE_IF"}
    assert "ess" not in forbidden(insertion())
    found = verdicts(insertion("ess"), *pool("so-insertion"))
    assert (found["ACI"][0], found["SAS"][0]) == ("ELIGIBLE_IF", "INELIGIBLE")


def test_a_neighbouring_region_answers_a_territory_that_crosses_into_it() -> None:
    """Eight communes of Redon are in Loire-Atlantique; the structure is known for insertion, not for green spaces."""
    nantes = shop("nantaise", "so-insertion", at=NANTES, **SORTS["ACI"])
    assert ask(insertion("iae"), nantes)["lots"][0]["total"] == 1


FURNITURE = [lot(id=str(n), segments=["re-mobilier"], cpv=[cpv]) for n, cpv in enumerate(("39100000", "31500000"), 1)]


def system(total: float, *lots: dict[str, Any]) -> dict[str, Any]:
    """SBAA: a dynamic purchasing system for reused furniture."""
    fields = {"technique": "dynamic_purchasing_system", "estimated_total_eur": total}
    return need(*(lots or FURNITURE), territory={"codes": ["epci:200069409"]}, **fields)


@pytest.mark.parametrize(
    ("total", "on", "procedure"),
    [
        (25_000, BEFORE, "GRE_A_GRE"),
        (200_000, BEFORE, "MAPA"),
        (200_000, TODAY, "MAPA"),
        (220_000, date(2025, 12, 31), "MAPA"),
        (220_000, date(2026, 1, 1), "PROC_FORMALISEE"),
    ],
)
def test_a_system_counts_all_its_contracts(total: float, on: date, procedure: str) -> None:
    assert procedures(system(total), on) == [procedure]


def test_reused_furniture_counts_and_may_be_reserved() -> None:
    """Supplies too may be reserved to handicap and insertion; they are no listed service."""
    assert "20 %" in lot_advice(system(200_000), on=BEFORE)["COUNTS_TOWARDS_QUOTA"]["message"]
    assert forbidden(system(200_000), BEFORE) == {"ess": "NOT_LISTED"}


def test_a_good_supplier_without_approval_is_a_match_and_not_eligible() -> None:
    resource = shop("SCIC", "re-mobilier", **SORTS["SCIC"])
    assert ask(system(200_000), resource)["lots"][0]["total"] == 1
    reserved = ask(system(200_000, FURNITURE[0] | {"reserved": ["iae"]}), resource)["lots"][0]
    assert reserved["near_misses"][0]["excluded_by"] == "reservation"


def test_dismantling_beside_furniture_follows_the_amount_of_works() -> None:
    dismantling = lot(id="d", segments=["re-materiaux"], cpv=["45111300"], value_eur=99_999.99)
    told = need_advice(need(dismantling, FURNITURE[0] | {"value_eur": 60_000}))
    assert told["GRE_A_GRE"]["lots"] == [["d"]]
    assert told["MAPA"]["lots"] == [["1"]]


def test_upcycled_furniture_may_be_innovative_within_limits() -> None:
    """40 000 € is a fifth of 200 000 €; one cent more is not."""
    for value, words in ((40_000, "dans les limites"), (40_000.01, "dépasse les limites"), (None, "inconnue")):
        new = lot(segments=["re-mobilier"], cpv=["39100000"], nature="supplies", value_eur=value, innovative=True)
        assert words in lot_advice(system(200_000, new))["INNOVATION_REVIEW"]["message"]


def test_a_public_undertaking_cannot_reserve_to_the_social_economy() -> None:
    asked = insertion("ess") | {"buyer": {"kind": "utility", "contracting_authority": False}}
    assert findings(asked)["BUYER_NOT_POUVOIR_ADJUDICATEUR"] == "INELIGIBLE"
    assert forbidden(asked)["ess"] == "BUYER_NOT_POUVOIR_ADJUDICATEUR"


def test_a_concession_is_reserved_to_one_type_only() -> None:
    concession = kits("handicap", "iae") | {"contract": "concession", "buyer": LOCAL}
    assert findings(concession) == {"COMBINATION_FORBIDDEN": "INELIGIBLE"}
    assert findings(kits("handicap", "iae")) == {}
    assert findings(kits("ess") | {"contract": "concession"}) == {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}
