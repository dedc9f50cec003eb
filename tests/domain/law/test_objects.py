"""What a purchase is of, and for whom, that changes the rules: transport, water, lawyers, canteens, defence, bodies."""

from datetime import date

import msgspec
import pytest

from domain.law.buyers import buyer_classes, buyer_problems
from domain.law.rules import load
from domain.needs.need import Buyer, BuyerBody, BuyerKind, Lot
from tests.domain.law.samples import (
    CARE,
    TODAY,
    advice,
    codes,
    findings,
    lots,
    need,
    procedure,
    review,
    services,
    the,
    works,
)

DUTIES = date(2026, 8, 22)
CENTRAL = Buyer(body="central_authority")


def concession(cpv: str, value: float = 8_000_000, **more: object):  # type: ignore[no-untyped-def]
    return need(Lot(id="1", cpv=(cpv,), value_eur=value, **more), contract="concession")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cpv", "outcome"), [("60112000", "INELIGIBLE"), ("60210000", "INELIGIBLE"), ("60130000", "REVIEW")]
)
def test_concessions_of_transport_have_no_reservation(cpv: str, outcome: str) -> None:
    """Refused where the CPV says public transport; to be judged for school transport; nothing without reservation."""
    assert findings(concession(cpv, reserved=("handicap",))) == {"NOT_IN_TRANSPORT_CONCESSION": outcome}
    assert findings(concession(cpv)) == {}
    reviewed = review(concession(cpv)).lots["1"]
    refused = {option for option, found in reviewed.forbidden.items() if found}
    assert {"handicap", "iae"} <= (refused if outcome == "INELIGIBLE" else reviewed.doubtful)


def test_concessions_of_transport_have_neither_condition_nor_share() -> None:
    asked = concession("60112000")
    assert procedure(asked) == ["CONCESSION_SIMPLIFIED"]
    told = advice(asked)
    assert "le critère" not in the("TRANSPORT_CONCESSION", review(asked, date(2026, 8, 20)).advice).message.fr
    kept = the("TRANSPORT_CONCESSION", review(asked).advice).message.fr
    assert "en revanche, prévoir un critère" in kept
    assert "(R3124-4)" in kept
    assert not {"ENVIRONMENTAL_CONSIDERATION", "PME_SHARE"} & set(told)
    for other in ("60161000", "55524000"):  # parcels and catering
        assert {"ENVIRONMENTAL_CONSIDERATION", "PME_SHARE"} <= set(advice(concession(other)))


@pytest.mark.parametrize("cpv", ["65111000", "41110000", "65130000"])
def test_a_concession_of_drinking_water_is_simplified_whatever_its_value(cpv: str) -> None:
    """Which codes are drinking water is this project's reading."""
    asked = concession(cpv)
    assert procedure(asked) == ["CONCESSION_SIMPLIFIED"]
    found = the("CONCESSION_SIMPLIFIED", review(asked).advice)
    assert (found.article, found.confidence) == ("R3126-1", "medium")
    assert procedure(concession("65210000")) == ["PROC_FORMALISEE"]  # gas


@pytest.mark.parametrize(("value", "sure"), [(1_000_000, "high"), (8_000_000, "medium")])
def test_a_concession_of_a_listed_service_is_as_sure_as_the_list(value: float, sure: str) -> None:
    """A day nursery is one of the 115 codes: their list is not that of the notice itself; small ones need no list."""
    told = review(concession("85312110", value)).advice
    assert the("CONCESSION_SIMPLIFIED", told).confidence == the("TIME_LIMITS", told).confidence == sure


def test_prison_joinery_is_to_be_judged() -> None:
    """A workshop makes it; works are performed where they stay."""
    made = Lot(id="1", segments=("bt-menuiserie",), cpv=("44220000",), nature="supplies", reserved=("penitentiary",))
    assert findings(need(made)) == {"INELIGIBLE_OBJECT": "REVIEW"}
    fitted = Lot(id="1", segments=("bt-menuiserie",), cpv=("45420000",), reserved=("penitentiary",))
    assert findings(need(fitted))["EXECUTION_OUTSIDE_PRISON"] == "INELIGIBLE"


def test_ess_beyond_the_confirmed_list_is_to_be_judged() -> None:
    asked = need(Lot(id="1", cpv=("90919200",), value_eur=24_000, duration_months=12, reserved=("ess",)))
    assert findings(asked)["NOT_LISTED"] == "REVIEW"
    asked = need(Lot(id="1", cpv=(CARE, "90919200"), duration_months=12, reserved=("ess",)))
    assert findings(asked)["NOT_EXCLUSIVE"] == "REVIEW"


def test_innovative_lots_for_young_companies() -> None:
    """From 2026-05-28, below the threshold of central authorities, in a need with lots; the amount is said."""
    values = {"1": 69_999, "2": 70_000}
    asked = need(*(Lot(id=n, cpv=("48000000",), value_eur=value, innovative=True) for n, value in values.items()))
    found = the("YOUNG_INNOVATIVE_COMPANIES", review(asked).advice)
    assert (found.article, found.confidence) == ("L2113-17", "high")
    assert "20 999,85 €" in found.message.fr.replace("\xa0", " ").replace("\u202f", " ")
    assert "YOUNG_INNOVATIVE_COMPANIES" not in advice(asked, date(2026, 5, 27))
    assert "YOUNG_INNOVATIVE_COMPANIES" not in advice(services(69_999, 70_000))
    alone = need(Lot(id="1", cpv=("48000000",), value_eur=80_000, innovative=True))
    assert "YOUNG_INNOVATIVE_COMPANIES" not in advice(alone)
    large = need(*(Lot(id=n, cpv=("48000000",), value_eur=70_000, innovative=True) for n in "12"))
    assert "YOUNG_INNOVATIVE_COMPANIES" not in advice(large)


def test_energy_sobriety_from_the_threshold_and_the_day() -> None:
    assert "ENERGY_SOBRIETY" in advice(services(216_000))
    assert "ENERGY_SOBRIETY" not in advice(services(215_999.99))
    assert "ENERGY_SOBRIETY" in advice(services(221_000), date(2025, 10, 16))
    assert "ENERGY_SOBRIETY" not in advice(services(221_000), date(2025, 10, 15))
    assert "ENERGY_SOBRIETY" not in advice(lots({"1": (CARE, 300_000)}))
    assert "ENERGY_SOBRIETY" not in advice(services(200_000, buyer=None))
    assert "ENERGY_SOBRIETY" not in advice(services(5_403_999.99, contract="concession"))
    told = the("ENERGY_SOBRIETY", review(services(5_404_000, contract="concession")).advice)
    assert (told.article, told.confidence) == ("L3111-1", "high")


def test_a_lawyer_in_proceedings_is_outside_the_code() -> None:
    for cpv, said in (("79110000", True), ("79112000", True), ("79140000", True), ("79130000", False)):
        reviewed = review(lots({"1": (cpv, 100_000)})).lots["1"]
        assert ("LAWYER_SERVICES" in codes(reviewed.advice)) == said


def test_staff_and_food_are_told_of_what_they_concern() -> None:
    for segment in ("pr-locaux", "te-mediation", "rs-collective", "ev-entretien"):
        said = codes(review(need(Lot(id="1", segments=(segment,)))).lots["1"].advice)
        assert ("STAFF_TRANSFER" in said, "EGALIM" in said) == (segment != "ev-entretien", segment == "rs-collective")


@pytest.mark.parametrize(("months", "renewal", "open_here"), [(5, None, True), (6, None, False), (3, 3, False)])
def test_short_works_are_told_of_their_exception(months: int, renewal: int | None, open_here: bool) -> None:
    lot = Lot(id="1", cpv=("45442100",), value_eur=6_000_000, duration_months=months, renewal_months=renewal)
    message = the("SOCIAL_CONSIDERATION", review(need(lot), DUTIES).advice).message.fr
    assert ("ouverte ici" in message) == open_here
    assert "ouverte ici" not in the("SOCIAL_CONSIDERATION", review(services(300_000), DUTIES).advice).message.fr


THRESHOLDS: dict[BuyerBody, float] = {
    "central_authority": 140_000,
    "state_industrial": 216_000,
    "hospital": 216_000,
    "local_authority": 216_000,
    "social_housing": 216_000,
    "other_authority": 216_000,
    "utility_authority": 432_000,
    "public_undertaking": 432_000,
}


@pytest.mark.parametrize("body", THRESHOLDS)
def test_a_body_has_its_threshold(body: BuyerBody) -> None:
    bound = THRESHOLDS[body]
    assert procedure(services(bound - 0.01, buyer=Buyer(body=body))) == ["MAPA"]
    assert procedure(services(bound, buyer=Buyer(body=body))) == ["PROC_FORMALISEE"]


def test_a_body_has_its_publicity_payment_and_advances() -> None:
    told = {}
    for body in THRESHOLDS:
        asked = need(Lot(id="1", cpv=("90919200",), value_eur=100_000, duration_months=12), buyer=Buyer(body=body))
        given = review(asked).advice
        limits = the("TIME_LIMITS", given).message.fr
        published = "libre" if limits.startswith("Publicité libre") else "BOAMP" if "BOAMP" in limits[:14] else limits
        days = "".join(sign for sign in the("PAYMENT_DAYS", given).message.fr.partition("(")[0] if sign.isdigit())
        told[body] = (published.partition(" pour ")[0], days, "FINANCIAL_TERMS" in codes(given))
    assert told["central_authority"] == told["local_authority"] == ("BOAMP", "30", True)
    assert told["state_industrial"] == ("libre", "30", False)  # L2191-1
    # R2100-1: a central authority may be the Caisse des dépôts
    for value, code in ((100_000, "TIME_LIMITS"), (140_000, "TIME_LIMITS"), (100_000, "FINANCIAL_TERMS")):
        lot = Lot(id="1", cpv=("90919200",), value_eur=value, duration_months=12)
        for body, apart in (("central_authority", True), ("local_authority", False)):
            given = review(need(lot, buyer=Buyer(body=body))).advice
            assert ("aisse des dépôts" in the(code, given).message.fr) == apart
    assert told["social_housing"] == ("libre", "30", False)
    assert told["hospital"] == ("BOAMP", "50", True)
    assert told["public_undertaking"] == ("libre", "60", False)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("state", "dans les 30 jours, 50 s'il est un établissement public de santé (R2192-10)"),
        ("local", "dans les 30 jours, 50 s'il est un établissement public de santé (R2192-10)"),
        ("utility", "dans les 30 jours, 60 s'il est une entreprise publique (R2192-10)"),
        (None, None),
    ],
)
def test_a_kind_has_its_days_of_payment_and_those_of_some_bodies(kind: BuyerKind | None, words: str | None) -> None:
    found = [each.message.fr for each in review(services(100_000, buyer=Buyer(kind=kind))).advice]
    told = [message for message in found if "paie dans" in message]
    assert len(told) == (words is not None)
    assert all(message.endswith(words or "") for message in told)


def test_a_body_has_its_quota_and_its_plan() -> None:
    desks = Lot(id="1", segments=("re-mobilier",))
    told = {"central_authority", "hospital", "local_authority", "utility_authority"}
    for body in THRESHOLDS:
        given = codes(review(need(desks, buyer=Buyer(body=body))).lots["1"].advice)
        assert ("COUNTS_TOWARDS_QUOTA" in given) == (body in told)
    known: dict[BuyerBody, bool] = {"local_authority": True, "hospital": False}
    for body, sure in known.items():
        asked = services(1_000, buyer=Buyer(body=body, annual_purchases_eur=60_000_000))
        assert (the("SPASER", review(asked, date(2023, 6, 1)).advice).confidence != "low") == sure


@pytest.mark.parametrize(
    ("value", "told"), [(139_999.99, False), (140_000, True), (215_999.99, True), (216_000, False)]
)
def test_a_state_without_body_is_told_where_it_matters(value: float, told: bool) -> None:
    given = review(services(value, buyer=Buyer(kind="state"))).advice
    assert ("BUYER_BODY_UNKNOWN" in {each.code for each in given}) == told
    sure = {each.confidence for each in given if each.code in {"MAPA", "PROC_FORMALISEE", "TIME_LIMITS"}}
    assert sure == {"medium" if told else "high"}
    assert "BUYER_BODY_UNKNOWN" not in advice(services(value, buyer=CENTRAL))
    # annex 2, I c: supplies alone, by their nature or their CPV, also where the contract is none of defence or security
    for fields in ({"nature": "supplies"}, {"cpv": ("39130000",)}):
        bought = Lot(id="1", segments=("re-mobilier",), value_eur=value, **fields)
        for buyer in (CENTRAL, Buyer(body="central_authority", defence=False)):
            found = [each for each in review(need(bought, buyer=buyer)).advice if each.code == "BUYER_BODY_UNKNOWN"]
            assert [("annexe 2, I c" in each.message.fr, each.confidence) for each in found] == [(True, "high")] * told
    assert "BUYER_BODY_UNKNOWN" not in advice(services(value))


@pytest.mark.parametrize(
    ("kind", "body", "authority", "pointers"),
    [
        ("local", "central_authority", None, ["/buyer/body"]),
        ("utility", "hospital", None, ["/buyer/body"]),
        ("state", "public_undertaking", True, ["/buyer/body", "/buyer/contracting_authority"]),
        ("local", "local_authority", False, ["/buyer/contracting_authority"]),
        ("state", "state_industrial", True, []),
        (None, "public_undertaking", False, []),
    ],
)
def test_a_body_that_contradicts_the_kind_is_told(
    kind: BuyerKind | None, body: BuyerBody, authority: bool | None, pointers: list[str]
) -> None:
    found = buyer_problems(Buyer(kind=kind, body=body, contracting_authority=authority))
    assert [problem.pointer for problem in found] == pointers


def test_classes_name_rules_that_exist() -> None:
    rules = set(load().ids)
    for each in buyer_classes(load()):
        named = (each.threshold, each.threshold_else, each.social_threshold, each.payment, *each.firm_rates)
        assert {rule for rule in named if rule} <= rules
    assert {each.body for each in buyer_classes(load()) if each.body} == set(THRESHOLDS)


def test_the_state_is_told_what_defence_would_change() -> None:
    """Only what it would change here: the procedure between the thresholds, a reservation that it has not, duties."""
    for value, changes in ((50_000, False), (60_000, True), (100_000, False), (140_000, True), (432_000, False)):
        for buyer in (Buyer(kind="state"), CENTRAL):
            told = the("DEFENCE_UNKNOWN", review(services(value, buyer=buyer)).advice).message.fr
            assert ("la procédure change (achat direct à moins de 100 000 €" in told.replace("\u202f", " ")) == changes
            assert "obligations sociales et environnementales" in told
            assert "sauf au handicap" not in told
    lot = Lot(id="1", cpv=("90919200",), value_eur=9, reserved=("iae",))
    assert "sauf au handicap" in the("DEFENCE_UNKNOWN", review(need(lot, buyer=CENTRAL)).advice).message.fr
    said = Buyer(body="central_authority", defence=False)
    for others in (said, Buyer(kind="local"), Buyer(body="hospital"), None):
        assert "DEFENCE_UNKNOWN" not in advice(services(60_000, buyer=others))
    assert "DEFENCE_UNKNOWN" not in advice(services(60_000, buyer=CENTRAL), date(2018, 1, 1))


def test_a_known_body_is_told_nothing_of_other_bodies() -> None:
    """A département reads of its own rules alone; a buyer of which only the kind is said reads on what they depend."""
    lot = Lot(id="1", segments=("re-mobilier",), value_eur=100_000, duration_months=49)
    others = (
        "R2100-1",
        "entité adjudicatrice",
        "établissement public de santé",
        "EPIC",
        "collectivités et leurs groupements",
    )
    lasting = msgspec.structs.replace(lot, duration_months=12)
    bodies: tuple[BuyerBody | None, ...] = ("local_authority", None)
    for body in bodies:
        buyer = Buyer(kind="local", body=body)
        reviewed = review(need(lot, buyer=buyer, technique="framework_agreement"))
        given = (*reviewed.advice, *reviewed.lots["1"].advice, *review(need(lasting, buyer=buyer)).advice)
        small = review(services(70_000, buyer=buyer)).advice
        assert ("R2131-13" in the("TIME_LIMITS", small).message.fr) == (body is None)
        said = " ".join(each.message.fr for each in given)
        assert [words in said for words in others] == [body is None] * len(others), body


def test_defence_has_its_own_thresholds_and_one_reservation() -> None:
    buyer = Buyer(body="central_authority", defence=True)
    expected = {99_999.99: ["GRE_A_GRE"], 100_000: ["MAPA"], 431_999.99: ["MAPA"], 432_000: ["PROC_FORMALISEE"]}
    assert {value: procedure(services(value, buyer=buyer)) for value in expected} == expected
    assert procedure(works(5_404_000, buyer=buyer)) == ["PROC_FORMALISEE"]
    assert "R2122-8" not in the("GRE_A_GRE", review(services(99_999, buyer=buyer)).advice).message.fr
    formal = the("PROC_FORMALISEE", review(services(432_000, buyer=buyer)).advice)
    assert (formal.confidence, "sauf services que l'article R2323-2 ne nomme pas" in formal.message.fr) == (
        "medium",
        True,
    )
    told = advice(services(432_000, buyer=buyer))
    assert {"DEFENCE", "ENERGY_SOBRIETY"} <= set(told)  # L2311-1 refers to L2111-1, not to other duties
    assert not {"SOCIAL_CONSIDERATION", "ENVIRONMENTAL_CONSIDERATION", "TIME_LIMITS", "ALLOTMENT"} & set(told)
    first = Lot(id="1", cpv=("35000000",), value_eur=50_000, innovative=True)
    asked = need(first, msgspec.structs.replace(first, id="2"), buyer=buyer)
    assert the("YOUNG_INNOVATIVE_COMPANIES", review(asked).advice).article == "L2313-5-1"
    assert "YOUNG_INNOVATIVE_COMPANIES" not in advice(asked, date(2026, 5, 27))
    lot = Lot(id="1", cpv=("35000000",), reserved=("iae",))
    assert findings(need(lot, buyer=buyer)) == {"NOT_IN_DEFENCE": "INELIGIBLE"}
    assert findings(need(Lot(id="1", cpv=("35000000",), reserved=("handicap",)), buyer=buyer)) == {}
    refused = {option for option, found in review(need(lot, buyer=buyer)).lots["1"].forbidden.items() if found}
    assert refused == {"iae", "handicap_iae", "penitentiary", "ess"}
    assert "DEFENCE" not in advice(services(432_000, buyer=CENTRAL))
    # a concession has its own articles: no reservation is closed (L3113-1 to -3), the social duty holds (L3114-2-1)
    reviewed = review(need(Lot(id="1", value_eur=6e6, reserved=("iae",)), buyer=buyer, contract="concession"))
    assert (the("DEFENCE", reviewed.advice).article, reviewed.lots["1"].reservation) == ("L3114-2", ())
    assert {"SOCIAL_CONSIDERATION", "ENERGY_SOBRIETY"} <= set(codes(reviewed.advice))
    assert TODAY > DUTIES
