"""Reserving a lot: types and combinations by date, proofs to ask for, what may be reserved to prison and to ESS."""

from datetime import date

import msgspec
import pytest

from domain.law.findings import LegalAdvice, worst_outcome
from domain.law.reservations.reservation import review_types
from domain.law.rules import Rules, load
from domain.needs.need import Buyer, ContractKind, Lot, Place, Reserved
from domain.reference import cpv
from domain.reference.cpv import listing
from domain.shortlists.listed_suppliers import Confidence
from tests.domain.law.samples import LOCAL, TODAY, buyer, findings, law, need, review, review_read


def codes(on: date, *reserved: Reserved, contract: ContractKind = "market") -> list[str]:
    return [finding.code for finding in review_types(frozenset(reserved), contract, on, load().view(on))]


def test_combinations_of_types() -> None:
    """Handicap with insertion since the loi ASAP; prison with no other; ESS not opened by the code."""
    for on, expected in [
        (date(2020, 1, 15), ["COMBINATION_FORBIDDEN"]),
        (date(2020, 12, 8), ["COMBINATION_FORBIDDEN"]),
        (date(2020, 12, 9), []),
        (date(2026, 11, 24), []),
    ]:
        assert codes(on, "handicap", "iae") == expected
    for types in (("penitentiary", "iae"), ("penitentiary", "ess"), ("handicap", "iae", "penitentiary")):
        assert codes(TODAY, *types) == ["COMBINATION_FORBIDDEN"]
    found = review_types(frozenset({"ess", "iae"}), "market", TODAY, load().view(TODAY))
    (finding,) = found
    assert (finding.code, finding.outcome, finding.confidence) == ("COMBINATION_FORBIDDEN", "INELIGIBLE", "high")
    assert "ne prévoit pas" in finding.message.fr
    assert codes(TODAY, "handicap", "iae", contract="concession") == ["COMBINATION_FORBIDDEN"]
    assert codes(TODAY, "handicap", contract="concession") == []
    assert codes(TODAY, "ess", contract="concession") == ["TYPE_NOT_IN_FORCE"]
    assert codes(date(2022, 6, 1), "penitentiary", contract="concession") == ["TYPE_NOT_IN_FORCE"]
    assert (worst_outcome(()), worst_outcome(found)) == ("ELIGIBLE", "INELIGIBLE")
    on = date(2015, 1, 1)
    assert [f.outcome for f in review_types(frozenset({"iae"}), "market", on, load().view(on))] == ["REVIEW"]
    asked = need(Lot(id="1", cpv=("90919200",), duration_months=48, reserved=("ess", "iae")), contract="concession")
    assert set(findings(asked)) == {"TYPE_NOT_IN_FORCE", "COMBINATION_FORBIDDEN"}


def proofs(
    *reserved: Reserved, on: date = TODAY, contract: ContractKind = "market", rules: Rules | None = None, **more: object
) -> LegalAdvice | None:
    fields = {"cpv": ("85312510",), "duration_months": 12} | more
    asked = need(Lot(id="1", reserved=reserved, **fields), contract=contract)  # type: ignore[arg-type]
    found = [item for item in review(asked, on, rules).lots["1"].advice if item.code == "RESERVED_PROOFS"]
    return found[0] if found else None


def said(*reserved: Reserved, on: date = TODAY) -> str:
    found = proofs(*reserved, on=on)
    return found.message.fr if found else ""


@pytest.mark.parametrize(
    ("reserved", "asked"),
    [
        (("handicap",), ("agrément (EA)", "autorisation (ESAT)", "au moins 50 % de travailleurs handicapés")),
        (("iae",), ("convention avec l'État (EI, ETTI, AI, ACI)", "au moins 50 % de travailleurs défavorisés")),
        (("handicap", "iae"), ("agrément (EA)", "convention", "50 % de travailleurs handicapés ou défavorisés")),
        (("ess",), ("statuts", "mission de service public")),
    ],
)
def test_each_type_has_its_proofs(reserved: tuple[Reserved, ...], asked: tuple[str, ...]) -> None:
    message = said(*reserved)
    assert [words for words in asked if words not in message] == []
    assert ". Conseil : prévoir aussi ce qui vaut pour les groupements, les sous-traitants" in message
    assert message.endswith("en cours de marché (R2142-1)")
    assert "le code n'a pas" not in message
    assert message.count(". ") == 1


def test_proofs_follow_the_day_and_the_contract() -> None:
    """Temporary work has an approval of its own since 2024; nothing is said of the time before the code."""
    assert "at least 50% of disabled or disadvantaged workers" in proofs("handicap", "iae").message.en  # type: ignore[union-attr]
    found = proofs("penitentiary", cpv=("79920000",))
    assert found is not None
    assert "contrat d'implantation en prison" in found.message.fr
    assert "structure équivalente" not in found.message.fr
    assert said() == ""
    assert said("ess", "iae") == ""
    assert proofs("ess", contract="concession") is None
    found = proofs("iae", contract="concession")
    assert found is not None
    assert found.article == "R3123-5"
    assert "en cours de concession" in found.message.fr
    assert "à annoncer dans l'avis de concession (R3113-1) : " in found.message.fr
    for on, known in [(date(2024, 2, 11), False), (date(2024, 2, 12), True)]:
        assert ("(EATT)" in said("handicap", on=on)) == known
    for on, known in [(date(2019, 3, 31), False), (date(2019, 4, 1), True)]:
        assert bool(said("iae", on=on)) == known


def test_what_an_equivalent_structure_proves_rests_on_its_rules() -> None:
    """Where the rule on such structures is weakly sourced, so is the advice; where there is none, none is said."""
    weak = law(("equivalent_structures", 'confidence = "high"', 'confidence = "low"'))
    assert proofs("iae", rules=weak).confidence == "low"  # type: ignore[union-attr]
    assert proofs("ess", rules=weak).confidence == "high"  # type: ignore[union-attr]
    silent = law(("equivalent_structures", "value = true", "value = false"))
    assert "équivalente" not in proofs("iae", rules=silent).message.fr  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("reserved", "value", "words"),
    [
        (("iae",), 59_999.99, "à demander : "),
        (("iae",), 60_000, "à demander, à annoncer dans l'avis ou les documents ("),
        (("iae",), 60_000, "(R2113-7) : "),
        (("ess",), 60_000, "(R2113-8) : "),
        (("ess",), 60_000, "documents, qui renvoient aux articles L2113-15 et L2113-16 ("),
    ],
)
def test_a_direct_award_announces_nothing(reserved: tuple[Reserved, ...], value: float, words: str) -> None:
    """Elsewhere the notice or the documents announce the reservation and the proofs."""
    found = proofs(*reserved, value_eur=value)
    assert found is not None
    assert words in found.message.fr
    assert ("annoncer" in found.message.fr) == (value >= 60_000)


KITS = Lot(id="1", segments=("in-conditionnement",), cpv=("79920000",), duration_months=12, reserved=("penitentiary",))


def changed(on: date = date(2026, 11, 24), **fields: object) -> dict[str, str]:
    return findings(need(msgspec.structs.replace(KITS, **fields)), on)


def test_what_can_be_done_inside_a_prison() -> None:
    """Between the ordinance and its decree a person must judge, as of a service on premises; works are refused."""
    for on, expected in [
        (date(2022, 10, 20), {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}),
        (date(2022, 10, 21), {"SHARE_NOT_FIXED": "REVIEW"}),
        (date(2022, 12, 29), {"SHARE_NOT_FIXED": "REVIEW"}),
        (date(2022, 12, 30), {}),
    ]:
        assert changed(on) == expected
    assert changed(nature="works") == {"EXECUTION_OUTSIDE_PRISON": "INELIGIBLE"}
    assert changed(cpv=("45442100",), segments=("in-metal",)) == {"EXECUTION_OUTSIDE_PRISON": "INELIGIBLE"}
    asked = need(msgspec.structs.replace(KITS, segments=("pr-locaux",), cpv=()), contract="concession")
    (found,) = review(asked).lots["1"].reservation
    assert (found.code, found.article) == ("INELIGIBLE_OBJECT", "L3113-2-1")
    assert found.message.fr.endswith("(L3113-2-1)")
    assert changed(site=Place(commune="22278")) == {"EXECUTION_OUTSIDE_PRISON": "REVIEW"}
    cleaning = Lot(id="1", segments=("pr-locaux",), reserved=("penitentiary",))
    for place, outcome, words in (
        (Place(commune="22278"), "INELIGIBLE", "retirer ce lieu s'il est lui-même l'établissement"),
        (None, "REVIEW", "le lieu d'exécution n'est pas indiqué"),
    ):
        (found,) = review(need(msgspec.structs.replace(cleaning, site=place))).lots["1"].reservation
        assert (found.outcome, words in found.message.fr) == (outcome, True)
    assert changed(segments=("ev-entretien",), cpv=("77310000",)) == {"INELIGIBLE_OBJECT": "REVIEW"}
    assert changed(segments=("ev-creation",), cpv=(), nature="supplies") == {"INELIGIBLE_OBJECT": "REVIEW"}
    assert changed(segments=("bt-menuiserie",), cpv=()) == {"INELIGIBLE_OBJECT": "REVIEW"}
    assert changed(segments=("pr-locaux", "in-conditionnement"), cpv=()) == {"INELIGIBLE_OBJECT": "REVIEW"}
    assert changed(date(2022, 6, 1), reserved=("penitentiary", "iae")) == {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}
    assert changed(reserved=("penitentiary", "iae")) == {"COMBINATION_FORBIDDEN": "INELIGIBLE"}


@pytest.mark.parametrize(("sure", "told"), [("high", "medium"), ("medium", "medium"), ("low", "low")])
def test_a_reservation_is_refused_by_no_list_of_this_project(sure: Confidence, told: Confidence) -> None:
    """A finding is no surer than the list and than what was read in words; what is low bars no proposal either."""
    lot = Lot(id="1", keywords=("nettoyage",), reserved=("penitentiary",))
    reviewed = review_read(need(lot), sure, "pr-locaux").lots["1"]
    (found,) = reviewed.reservation
    assert (found.code, found.outcome, found.confidence) == ("INELIGIBLE_OBJECT", "REVIEW", told)
    assert ("penitentiary" in reviewed.doubtful) == (told == "low")
    by_trade = msgspec.structs.replace(KITS, cpv=(), segments=("bt-peinture",))
    assert findings(need(by_trade))["EXECUTION_OUTSIDE_PRISON"] == "REVIEW"


CLEAN = Lot(
    id="1", segments=("so-insertion",), cpv=("85312510",), duration_months=36, reserved=("ess",), value_eur=90_000
)
LISTED = load().view(TODAY).codes("ess_listed_cpv")


def of_ess(**fields: object) -> dict[str, str]:
    return findings(need(msgspec.structs.replace(CLEAN, **fields)))


def test_a_clean_lot_and_one_of_which_little_is_said() -> None:
    """A listed service for three years by a local authority leaves the mission to show."""
    assert of_ess() == {"ESS_PUBLIC_SERVICE_MISSION": "ELIGIBLE_IF"}
    assert of_ess(duration_months=None)["DURATION_UNKNOWN"] == "UNKNOWN"
    assert findings(need(Lot(id="1", segments=("so-domicile",), reserved=("ess",)), buyer=None)) == {
        "CPV_MISSING": "UNKNOWN",
        "DURATION_UNKNOWN": "UNKNOWN",
        "BUYER_STATUS_UNKNOWN": "UNKNOWN",
        "ESS_PUBLIC_SERVICE_MISSION": "REVIEW",
    }
    assert findings(need(CLEAN, contract="concession")) == {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("85000000", None),
        ("85323000", None),
        ("92500000", None),
        ("85312510-1", None),
        ("92500000-6", None),
        ("92511000", ("LISTED_DESCENDANT", "REVIEW")),
        ("92511000-6", ("LISTED_DESCENDANT", "REVIEW")),
        ("92610000", ("LISTED_DESCENDANT", "REVIEW")),
        ("80310000", ("LISTED_DESCENDANT", "REVIEW")),
        ("98133100", ("LISTED_DESCENDANT", "REVIEW")),
        ("92000000", ("NOT_LISTED", "REVIEW")),
        ("80540000", ("NOT_LISTED", "REVIEW")),
        ("80500000", ("NOT_LISTED", "REVIEW")),
        ("80510000", ("NOT_LISTED", "REVIEW")),
        ("92312100", ("NOT_LISTED", "REVIEW")),
        ("90919200", ("NOT_LISTED", "REVIEW")),
    ],
)
def test_main_cpv_against_the_list(code: str, expected: tuple[str, str] | None) -> None:
    """Exact codes pass; others are judged, as the list is not that of the notice itself."""
    found = of_ess(cpv=(code,), segments=())
    assert {key: found[key] for key in ("LISTED_DESCENDANT", "NOT_LISTED") if key in found} == (
        dict([expected]) if expected else {}
    )
    assert found["ESS_PUBLIC_SERVICE_MISSION"] == ("REVIEW" if expected else "ELIGIBLE_IF")


def test_the_list_of_ess_services() -> None:
    """17 single codes and every code of health and social work; an unlisted one is told of its neighbours."""
    known = tuple(cpv.load()._labels)
    standing = [listing(code, LISTED) for code in known]
    assert len(LISTED) == standing.count("listed") == 115
    assert standing.count("descendant") == 29
    assert {code for code in known if "85000000" <= code <= "85323000"} <= LISTED
    assert of_ess(cpv=())["CPV_MISSING"] == "UNKNOWN"
    found = review(need(msgspec.structs.replace(CLEAN, cpv=(), segments=("pr-locaux",)))).lots["1"].reservation
    assert [(item.code, item.confidence) for item in found if item.code == "NOT_LISTED"] == [("NOT_LISTED", "low")]
    for code, near in [
        ("92312100", "92500000, 92600000"),
        ("80540000", "80511000, 80520000, 80590000"),
        ("90919200", None),
    ]:
        lot = msgspec.structs.replace(CLEAN, cpv=(code,), segments=())
        message = review(need(lot)).lots["1"].reservation[0].message.fr
        assert (f"les plus proches : {near})" in message) if near else ("proches" not in message)
        assert "liste de l'article 77 de la directive 2014/24, à comparer à l'avis annexé au code" in message


def test_only_listed_services() -> None:
    """An additional code off the list, a narrower one, an activity, or what supports is judged."""
    assert of_ess(cpv=("85312510", "90511000"))["NOT_EXCLUSIVE"] == "REVIEW"
    assert of_ess(cpv=("85312510", "92511000"))["NOT_EXCLUSIVE"] == "REVIEW"
    assert of_ess(segments=("so-insertion", "de-bio"))["NOT_EXCLUSIVE"] == "REVIEW"
    assert "NOT_EXCLUSIVE" not in of_ess(cpv=("85312510", "85321000"))
    for segments in (("ev-entretien",), ("so-insertion", "ev-entretien"), ("ev-entretien", "so-insertion")):
        assert of_ess(segments=segments)["NOT_EXCLUSIVE"] == "REVIEW"
    found = of_ess(cpv=("85312510", "77310000"), support_segments=("ev-entretien",))
    assert found["NOT_EXCLUSIVE"] == "REVIEW"


def test_who_may_reserve_for_how_long() -> None:
    """36 months pass with renewals, 37 do not; a public undertaking may not reserve."""
    for duration, renewal, outcome in [
        (36, None, None),
        (36, 0, None),
        (24, 12, None),
        (37, None, "INELIGIBLE"),
        (36, 1, "INELIGIBLE"),
        (36, 12, "INELIGIBLE"),
        (1, 36, "INELIGIBLE"),
        (None, 37, "INELIGIBLE"),
    ]:
        assert of_ess(duration_months=duration, renewal_months=renewal).get("ESS_MAX_3Y") == outcome
    for who, expected in [
        (LOCAL, {}),
        (Buyer(kind="state"), {}),
        (Buyer(kind="local"), {}),
        (buyer("utility"), {}),
        (Buyer(kind="utility", contracting_authority=False), {"BUYER_NOT_POUVOIR_ADJUDICATEUR": "INELIGIBLE"}),
        (Buyer(kind="utility"), {"BUYER_STATUS_UNKNOWN": "UNKNOWN"}),
        (None, {"BUYER_STATUS_UNKNOWN": "UNKNOWN"}),
    ]:
        found = findings(need(CLEAN, buyer=who))
        assert {code: outcome for code, outcome in found.items() if code.startswith("BUYER")} == expected
