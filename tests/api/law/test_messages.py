"""How the law is told: each code where the contract puts it, its rule served, its article cited, its doubt owned.

A battery of needs is asked on several days, in both languages, of suppliers of some of their trades; then needs of
Breton buyers, with assumed numbers. The amounts and days of the law are those of tests/domain/law.
"""

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any, Literal, NamedTuple

import pytest
from litestar.testing import AsyncTestClient

from domain.text.bilingual import Language
from tests.api.law.asking import LOCAL, TODAY, Json, ask, by_code, lot, need, pool, shop, sort, values

Level = Literal["reservation", "supplier", "lot", "need"]

# those of the contract and those added since; ESS_AWARD_BAR needs past awards, which POST /match does not know
CODES: dict[Level, str] = {
    "reservation": """
        COMBINATION_FORBIDDEN TYPE_NOT_IN_FORCE NOT_LISTED LISTED_DESCENDANT NOT_EXCLUSIVE ESS_MAX_3Y
        ESS_PUBLIC_SERVICE_MISSION BUYER_NOT_POUVOIR_ADJUDICATEUR EXECUTION_OUTSIDE_PRISON INELIGIBLE_OBJECT
        TYPE_NOT_ESTABLISHED SHARE_NOT_FIXED CPV_MISSING DURATION_UNKNOWN BUYER_STATUS_UNKNOWN
        NOT_IN_TRANSPORT_CONCESSION NOT_IN_DEFENCE""",
    "supplier": """
        SHARE_LT_50 NOT_IN_PRISON APPROVAL_LAPSED KIND_NOT_ELIGIBLE KIND_REVIEW NOT_ESS PROOF_MISSING DATA_MISSING
        PRESUMED_SHARE""",
    "lot": """
        SMALL_LOT_OK RISK_INFRUCTUEUX CAPABILITY_WARNING OBJECT_IS_INSERTION INNOVATION_REVIEW COUNTS_TOWARDS_QUOTA
        CPV_UNMAPPED KEYWORD_UNKNOWN CPV_AND_TITLE_DIFFER RESERVATION_POSSIBLE APPROVALS_EXPIRING
        RESERVATION_NOT_OPEN RESERVED_PROOFS STAFF_TRANSFER EGALIM LAWYER_SERVICES""",
    "need": """
        PROC_FORMALISEE MAPA GRE_A_GRE LIGHT_REGIME SMALL_LOT_SETS SOCIAL_CONSIDERATION ENVIRONMENTAL_CONSIDERATION
        SPASER VALUE_UNKNOWN ESTIMATED_VALUE CONCESSION_OVER_5Y
        BUYER_KIND_UNKNOWN THRESHOLD_UNKNOWN CONCESSION_SIMPLIFIED TOTAL_BELOW_LOTS MIXED_OBJECT MIXED_SERVICES
        ALLOTMENT FRAMEWORK_MAX_4Y TIME_LIMITS DIRECT_AWARD_FILE SUSTAINABLE_SPECIFICATIONS PME_SHARE FINANCIAL_TERMS
        BOOKS_DIRECT_AWARD YEARLY_LIST DISTANCE_SOURCING_ONLY ENERGY_SOBRIETY YOUNG_INNOVATIVE_COMPANIES
        TRANSPORT_CONCESSION DEFENCE DEFENCE_UNKNOWN BUYER_BODY_UNKNOWN PAYMENT_DAYS ESSENTIAL_DATA""",
}
NOT_LAW = {"CPV_UNMAPPED", "KEYWORD_UNKNOWN", "CPV_AND_TITLE_DIFFER"}
COUNSEL = {"RISK_INFRUCTUEUX", "RESERVATION_POSSIBLE", "APPROVALS_EXPIRING"}
DATES = (date(2015, 1, 1), date(2019, 6, 1), date(2022, 11, 1), date(2026, 8, 21), TODAY, date(2028, 1, 1))


def needs_of_other_kinds() -> Iterator[Json]:
    """Needs of particular buyers and objects, which have rules of their own."""
    yield need(lot(cpv=["60112000"], reserved=["handicap"]), contract="concession")
    yield need(lot(cpv=["65111000"], value_eur=8e6), lot(id="2", cpv=["65130000"]), contract="concession")
    yield values(150_000, buyer={"kind": "state"})
    for body in ("central_authority", "social_housing", "hospital", "public_undertaking"):
        yield values(300_000, 100_000, buyer={"body": body})
    armed = {"body": "central_authority", "defence": True}
    yield need(lot(segments=["so-insertion"], reserved=["ess"], value_eur=300_000, innovative=True), buyer=armed)
    yield need(lot(segments=["pr-locaux"], reserved=["iae"], value_eur=90_000), buyer=armed)
    yield need(*(lot(id=n, segments=["lt-epi"], innovative=True, value_eur=40_000) for n in "12"))
    yield need(lot(cpv=["45442100"], value_eur=6_000_000, duration_months=5))
    yield need(lot(segments=["rs-collective"], cpv=["79110000"], value_eur=300_000))
    yield need(lot(cpv=["85312000"]), lot(id="2", cpv=["71000000"]), contract="concession", estimated_total_eur=9e6)


def battery() -> Iterator[Json]:
    """Needs that between them bring out everything there is to say."""
    ess = {"reserved": ["ess"], "segments": ["so-insertion"]}
    prison = {"reserved": ["penitentiary"], "segments": ["in-conditionnement"]}
    utility = {"kind": "utility", "contracting_authority": False}
    yield values(320_000, 240_000, 79_999)
    yield values(30_000, 30_000, buyer=LOCAL | {"annual_purchases_eur": 60_000_000})
    yield values(200_000, buyer=None)
    yield values(100_000, None)
    yield values(100_000, estimated_total_eur=50_000)
    yield values(1_000, contract="concession")
    yield need(lot(duration_months=61, segments=["pr-locaux"]), contract="concession")
    yield values(6_000_000, contract="concession")
    yield values(99_999, nature="works")
    yield need(lot(id="w", cpv=["45442100"], value_eur=90_000), lot(id="s", cpv=["55524000"], value_eur=50_000))
    yield need(lot(id="c", cpv=["55524000"], value_eur=200_000), lot(id="o", cpv=["90919200"], value_eur=300_000))
    yield need(lot(cpv=["80110000"], value_eur=6_000_000), contract="concession")
    yield need(lot(segments=["pr-locaux"], reserved=["handicap", "iae"], duration_months=60))
    yield need(lot(segments=["pr-locaux"], reserved=["penitentiary"]))
    yield need(lot(segments=["pr-locaux"], duration_months=60), technique="framework_agreement")
    yield need(lot(cpv=["22113000"], value_eur=80_000, duration_months=12))
    yield values(39_000)
    yield need(lot(**prison, site={"commune": "22278"}))
    yield need(lot(**prison, nature="works"))
    yield need(lot(**prison | {"reserved": ["penitentiary", "iae"]}))
    yield need(lot(**ess, cpv=["85312510"], value_eur=800_000, duration_months=37))
    yield need(lot(**ess, cpv=["85312510", "77310000"], duration_months=12), buyer=utility)
    yield need(lot(**ess, cpv=["92511000"]), buyer=None)
    yield need(lot(**ess))
    yield need(lot(**ess, cpv=["90919200"]))
    yield need(lot(**ess), contract="concession")
    yield need(lot(segments=["de-dangereux"], cpv=["14000000"]))
    yield need(lot(segments=["lt-epi"], innovative=True, value_eur=50_000, nature="supplies"))
    yield need(lot(segments=["re-mobilier"], keywords=["xyzzy plugh"], innovative=True))
    yield need(lot(segments=[], cpv=["90919200"], title="Tonte des pelouses"))
    yield need(lot(segments=["re-mobilier"]), technique="dynamic_purchasing_system", estimated_total_eur=300_000)
    yield values(250_000, 50_000, 400_000, 70_000)
    yield values(120_000, 95_000, 600_000, nature="works")
    yield need(lot(id="c", cpv=["85312000"], value_eur=1_000_000), lot(id="w", cpv=["45442100"], value_eur=200_000))
    yield need(lot(id="t", cpv=["60112000"], value_eur=9e6), lot(id="c", cpv=["85312000"]), contract="concession")
    year = {"segments": ["pr-locaux"], "value_eur": 60_000, "duration_months": 12, "renewal_months": 12}
    yield need(lot(**year, options_eur=1_000.5), lot(**year | {"id": "2", "renewal_months": 5}))
    yield need(*(lot(**year | {"id": str(number)}) for number in range(20)), contract="concession")
    yield need(lot(**year | {"duration_months": None}), lot(**year | {"id": "2", "value_eur": None}))
    yield from needs_of_other_kinds()


class Said(NamedTuple):
    """Something told, where, in which language, and of a need with which lots."""

    level: Level
    item: Json
    language: Language
    lots: frozenset[str]


@cache
def everything() -> tuple[Said, ...]:
    """All that is said on all of these needs, on several days, in both languages."""
    trades = "pr-locaux", "in-conditionnement", "so-insertion", "re-mobilier"
    lapsed, ending = sort("EA", until=date(2014, 12, 31)), sort("EI", until=date(2028, 6, 30))
    supplied = (*pool(*trades), shop("lapsed", *trades, **lapsed), shop("ending", *trades, **ending))
    return tuple(
        said
        for asked in battery()
        for on in DATES
        for language in ("fr", "en")
        for said in _said(ask(asked | {"near_misses": 50}, *supplied, on=on, language=language), language)
    )


def _said(answer: Json, language: Language) -> Iterator[Said]:
    lots = frozenset(shown["id"] for shown in answer["lots"])
    yield from (Said("need", item, language, lots) for item in answer["advice"])
    for shown in answer["lots"]:
        yield from (Said("lot", item, language, lots) for item in shown["advice"])
        yield from (Said("reservation", item, language, lots) for item in shown["reservation"]["findings"])
        yield from (Said("reservation", item, language, lots) for item in shown["alternatives"]["forbidden"].values())
        for row in (*shown["candidates"], *shown["near_misses"]):
            yield from (Said("supplier", item, language, lots) for item in row["eligibility"])


@pytest.mark.parametrize("level", CODES)
def test_each_code_is_told_where_the_contract_puts_it(level: Level) -> None:
    """All of them, and no other that is not on the list of those added."""
    told = {said.item["code"] for said in everything() if said.level == level} - {None}
    assert told == set(CODES[level].split())


@pytest.mark.parametrize("level", CODES)
def test_what_is_told_cites_its_article_and_owns_its_doubt(level: Level) -> None:
    """A message ends with its article; weakly sourced, it says "à vérifier". Counsel has none, and says what it is."""
    marks = {"fr": ("à vérifier", "Conseil :"), "en": ("to be checked", "Counsel:")}
    for item, language in ((said.item, said.language) for said in everything() if said.level == level):
        check, counsel = marks[language]
        if item["code"] in NOT_LAW:
            assert (item["article"], item.get("rule")) == (None, None)
        elif item["code"] in COUNSEL:
            assert item["article"] is None
            assert item["message"].startswith(counsel)
        else:
            assert item["message"].endswith(f"({item['article']})")
            assert (check in item["message"]) == (item["confidence"] == "low"), item


def test_a_sentence_is_whole_and_asks_once_to_check() -> None:
    """No place is left unfilled; the sets of lots that it names are the need's, each once."""
    marks = {"fr": ("à vérifier", "vérifier"), "en": ("to be checked", "check")}
    for _, item, language, lots in everything():
        (doubt, word), message = marks[language], item["message"]
        assert doubt not in message or message.count(word) == 1, message
        assert not {"{", "}"} & set(message), message
        assert "  " not in message, message
        assert message[0] == message[0].upper(), message
        named = [tuple(each) for each in item.get("lots", ())]
        assert len(set(named)) == len(named), named
        assert all(each and lots.issuperset(each) for each in named), named


@pytest.mark.parametrize("level", CODES)
def test_the_language_changes_the_words_alone(level: Level) -> None:
    french, english = (
        [said.item for said in everything() if said.level == level and said.language == language]
        for language in ("fr", "en")
    )
    for fr, en in zip(french, english, strict=True):
        assert fr["message"] != en["message"]
        same = fr.keys() - {"message", "missing", "suggestions"}
        assert {name: fr[name] for name in same} == {name: en[name] for name in same}


def test_an_uncertain_law_is_never_a_refusal_for_want_of_data() -> None:
    """UNKNOWN and DATA_MISSING go together, and name what to bring."""
    for level, item, *_ in everything():
        if level == "supplier":
            assert (item["outcome"] == "UNKNOWN") == (item["code"] == "DATA_MISSING")
            wanted = item["outcome"] in {"UNKNOWN", "ELIGIBLE_IF", "REVIEW"}
            # a refusal by a law that was not read is for a person to judge, whatever is brought
            assert bool(item["missing"]) == (wanted and item["code"] not in {"KIND_NOT_ELIGIBLE", "SHARE_LT_50"})


async def test_every_rule_quoted_is_served(client: AsyncTestClient[Any]) -> None:
    """With its periods, and the article and the explanation of what was told."""
    quoted = {(said.item["rule"], said.item["article"]) for said in everything() if said.item.get("rule")}
    for rule, article in quoted:
        answer = await client.get(f"/rules/{rule}")
        assert answer.status_code == 200
        periods = answer.json()["items"]
        assert all(period["id"] == rule and period["explanation"] for period in periods)
        if rule != "share_presumption":  # which quotes the article of the reservation that it presumes
            assert article in {period[key] for period in periods for key in ("article", "concession_article")}


CLEANING = need(
    lot(id="1", segments=["pr-locaux"], cpv=["90919300"], value_eur=320_000, duration_months=48),
    lot(id="2", segments=["pr-locaux"], cpv=["90919200"], value_eur=240_000, reserved=["handicap", "iae"]),
    lot(id="3", segments=["pr-specialise"], cpv=["90911300"], value_eur=79_999.99, duration_months=48),
)


def verdicts(asked: Json, *suppliers: Any, on: date = TODAY) -> dict[str, tuple[str, str | None]]:
    """Supplier → its best outcome and code for the first lot, refused suppliers included."""
    shown = ask(asked | {"limit": 100, "near_misses": 50}, *suppliers, on=on)["lots"][0]
    order = ("ELIGIBLE", "ELIGIBLE_IF", "UNKNOWN", "REVIEW", "INELIGIBLE")
    found = {}
    for row in (*shown["candidates"], *shown["near_misses"]):
        best = min(row["eligibility"], key=lambda verdict: order.index(verdict["outcome"]))
        found[row["supplier"]["name"]] = best["outcome"], best["code"]
    return found


def those(found: dict[str, tuple[str, str | None]], outcome: str) -> set[str]:
    """The suppliers with this outcome."""
    return {name for name, (reached, _) in found.items() if reached == outcome}


def test_cleaning_of_offices() -> None:
    """A formal procedure with its considerations, a small lot, and what each lot might be reserved to."""
    answer = ask(CLEANING)
    told = by_code(answer["advice"])
    assert (told["PROC_FORMALISEE"]["severity"], told["PROC_FORMALISEE"]["article"]) == ("warning", "L2124-1")
    assert told["SOCIAL_CONSIDERATION"]["severity"] == told["ENVIRONMENTAL_CONSIDERATION"]["severity"] == "warning"
    assert told["SMALL_LOT_SETS"]["lots"] == [["3"]]
    assert by_code(answer["lots"][2]["advice"])["SMALL_LOT_OK"]["article"] == "R2123-1"
    forbidden = [
        {option: finding["code"] for option, finding in shown["alternatives"]["forbidden"].items()}
        for shown in answer["lots"]
    ]
    outside, longer = {"penitentiary": "INELIGIBLE_OBJECT"}, {"ess": "ESS_MAX_3Y"}
    assert forbidden == [outside | longer, outside, outside | longer]


def test_suppliers_of_cleaning_for_handicap_and_insertion() -> None:
    found = verdicts(need(CLEANING["lots"][1]), *pool("pr-locaux"))
    assert those(found, "ELIGIBLE") == {"EI", "ACI", "ESAT", "EA", "EA in prison", "ETTI", "EI, share unknown"}
    assert those(found, "REVIEW") == {"GEIQ", "TIH", "EITI"}
    assert those(found, "INELIGIBLE") == {"EA 45 %", "SCIC", "association", "SAS", "SEP"}
    assert found["EA 45 %"][1] == "SHARE_LT_50"
    assert found["EI, share unknown"][1] == "PRESUMED_SHARE"


SUPPLY = (
    *(shop(f"EI {n}", **sort("EI", form="association", disadvantaged=0.7)) for n in range(3)),
    *(shop(f"ESAT {n}", **sort("ESAT", disabled=0.9)) for n in range(2)),
    shop("EA without share or dates", **sort("EA")),
    shop("EA lapsed", **sort("EA", until=date(2026, 1, 1))),
    shop("unknown", approvals=None, in_prison=False),
    shop("SAS", **sort(form="commercial_company", ess=False)),
)
OFFICES: Json = {"segments": ["pr-locaux"], "cpv": ["90919200"]}


def test_another_reservation_is_told_with_what_it_would_leave() -> None:
    """The counts, the certain ones, and what the law forbids, side by side; each count is what reserving so gives."""
    found = ask(need(lot(**OFFICES, duration_months=48)), *SUPPLY)["lots"][0]
    counts = {"none": 9, "handicap": 5, "iae": 4, "handicap_iae": 8, "penitentiary": 0, "ess": 8}
    assert found["alternatives"]["reserved"] == counts
    closed = found["alternatives"]["forbidden"]["ess"]
    told = by_code(found["advice"])
    assert told["RESERVATION_POSSIBLE"]["message"].split(". ") == [
        "Conseil : une réservation est possible",
        "Aux EA et ESAT : 5 fournisseurs potentiels, éligibilité établie pour 3",
        "Aux SIAE : 4 fournisseurs potentiels, éligibilité établie pour 3",
        "Aux EA, ESAT et SIAE : 8 fournisseurs potentiels, éligibilité établie pour 6",
        "L'offre repérée est limitée",
    ]
    assert told["RESERVATION_NOT_OPEN"]["message"] == (
        "La réservation aux entreprises de l'ESS n'est pas proposée pour ce lot. " + closed["message"]
    )
    for option, count in counts.items():
        types = [] if option == "none" else ["handicap", "iae"] if option == "handicap_iae" else [option]
        assert ask(need(lot(**OFFICES, reserved=types)), *SUPPLY)["lots"][0]["total"] == count
