"""Reserving a lot to ESS: the list, exclusivity, duration, buyer and mission."""

import msgspec
import pytest

from domain.law.rules import load
from domain.needs.need import Buyer, Lot
from domain.reference import cpv
from domain.reference.cpv import listing
from tests.domain.law.samples import LOCAL, TODAY, buyer, findings, need, review

CLEAN = Lot(
    id="1", segments=("so-insertion",), cpv=("85312510",), duration_months=36, reserved=("ess",), value_eur=90_000
)
LISTED = load().at(TODAY).codes("ess_listed_cpv")


def changed(**fields: object) -> dict[str, str]:
    return findings(need(msgspec.structs.replace(CLEAN, **fields)))


def test_clean_lot_leaves_only_the_mission_to_show() -> None:
    """A listed service for three years, by a local authority."""
    assert changed() == {"ESS_PUBLIC_SERVICE_MISSION": "ELIGIBLE_IF"}


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
        ("92000000", ("NOT_LISTED", "INELIGIBLE")),
        ("80540000", ("NOT_LISTED", "INELIGIBLE")),
        ("80500000", ("NOT_LISTED", "INELIGIBLE")),
        ("80510000", ("NOT_LISTED", "INELIGIBLE")),
        ("92312100", ("NOT_LISTED", "INELIGIBLE")),
        ("90919200", ("NOT_LISTED", "INELIGIBLE")),
    ],
)
def test_main_cpv_against_the_list(code: str, expected: tuple[str, str] | None) -> None:
    """Exact codes pass, narrower ones are judged, broader and other ones fail."""
    found = changed(cpv=(code,), segments=())
    assert {key: found[key] for key in ("LISTED_DESCENDANT", "NOT_LISTED") if key in found} == (
        dict([expected]) if expected else {}
    )
    assert found["ESS_PUBLIC_SERVICE_MISSION"] == ("REVIEW" if expected else "ELIGIBLE_IF")


@pytest.mark.parametrize(
    ("code", "near"),
    [("92312100", "92500000, 92600000"), ("80540000", "80511000, 80520000, 80590000"), ("90919200", None)],
)
def test_an_unlisted_code_is_told_of_its_listed_neighbours(code: str, near: str | None) -> None:
    """Which are for the buyer to choose, if they say what is bought; no code is changed for it."""
    lot = msgspec.structs.replace(CLEAN, cpv=(code,), segments=())
    message = review(need(lot)).lots["1"].reservation[0].message.fr
    assert (f"les plus proches : {near})" in message) if near else ("proches" not in message)
    assert "liste de l'article 77 de la directive 2014/24, à comparer à l'avis annexé au code" in message


def test_list_has_115_codes_and_29_narrower_ones() -> None:
    """17 single codes and every code of health and social work; the narrower ones are those known not to be listed."""
    known = tuple(cpv.load()._labels)
    standing = [listing(code, LISTED) for code in known]
    assert len(LISTED) == standing.count("listed") == 115
    assert standing.count("descendant") == 29
    assert {code for code in known if "85000000" <= code <= "85323000"} <= LISTED


def test_without_cpv_the_list_cannot_be_checked() -> None:
    """Unless no code of the activity is on it at all: then it is said, with doubt."""
    assert changed(cpv=())["CPV_MISSING"] == "UNKNOWN"
    found = review(need(msgspec.structs.replace(CLEAN, cpv=(), segments=("pr-locaux",)))).lots["1"].reservation
    assert [(item.code, item.confidence) for item in found if item.code == "NOT_LISTED"] == [("NOT_LISTED", "low")]


def test_only_listed_services() -> None:
    """An unlisted additional code excludes; a narrower one, or an activity off the list, is judged."""
    assert changed(cpv=("85312510", "90511000"))["NOT_EXCLUSIVE"] == "INELIGIBLE"
    assert changed(cpv=("85312510", "92511000"))["NOT_EXCLUSIVE"] == "REVIEW"
    assert changed(segments=("so-insertion", "de-bio"))["NOT_EXCLUSIVE"] == "REVIEW"
    assert "NOT_EXCLUSIVE" not in changed(cpv=("85312510", "85321000"))


def test_what_is_asked_for_beside_the_main_code_is_judged_however_it_is_named() -> None:
    """Green spaces beside the code of work integration are off the list, whether or not the lot names both."""
    for segments in (("ev-entretien",), ("so-insertion", "ev-entretien"), ("ev-entretien", "so-insertion")):
        assert changed(segments=segments)["NOT_EXCLUSIVE"] == "REVIEW"


def test_supporting_activity_is_judged() -> None:
    """Accessory support or separate object? A person decides."""
    found = changed(cpv=("85312510", "77310000"), support_segments=("ev-entretien",))
    assert found["NOT_EXCLUSIVE"] == "REVIEW"


@pytest.mark.parametrize(
    ("duration", "renewal", "expected"),
    [
        (36, None, None),
        (36, 0, None),
        (24, 12, None),
        (37, None, "INELIGIBLE"),
        (36, 1, "INELIGIBLE"),
        (36, 12, "INELIGIBLE"),
        (1, 36, "INELIGIBLE"),
        (None, 37, "INELIGIBLE"),
    ],
)
def test_three_years_renewals_included(duration: int | None, renewal: int | None, expected: str | None) -> None:
    """36 months pass, 37 do not."""
    assert changed(duration_months=duration, renewal_months=renewal).get("ESS_MAX_3Y") == expected


def test_what_is_missing_is_asked_for_and_not_refused() -> None:
    """Each is named: no CPV, no duration, no buyer."""
    assert changed(duration_months=None)["DURATION_UNKNOWN"] == "UNKNOWN"
    assert findings(need(Lot(id="1", segments=("so-domicile",), reserved=("ess",)), buyer=None)) == {
        "CPV_MISSING": "UNKNOWN",
        "DURATION_UNKNOWN": "UNKNOWN",
        "BUYER_STATUS_UNKNOWN": "UNKNOWN",
        "ESS_PUBLIC_SERVICE_MISSION": "REVIEW",
    }


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (LOCAL, {}),
        (Buyer(kind="state"), {}),
        (Buyer(kind="local"), {}),
        (buyer("utility"), {}),
        (Buyer(kind="utility", contracting_authority=False), {"BUYER_NOT_POUVOIR_ADJUDICATEUR": "INELIGIBLE"}),
        (Buyer(kind="utility"), {"BUYER_STATUS_UNKNOWN": "UNKNOWN"}),
        (None, {"BUYER_STATUS_UNKNOWN": "UNKNOWN"}),
    ],
)
def test_only_a_contracting_authority(who: Buyer | None, expected: dict[str, str]) -> None:
    """A public undertaking may not reserve to ESS; an undescribed buyer is not refused."""
    found = findings(need(CLEAN, buyer=who))
    assert {code: outcome for code, outcome in found.items() if code.startswith("BUYER")} == expected


def test_concession_says_only_that_the_type_does_not_exist() -> None:
    """The conditions of a type that is not provided would be noise."""
    assert findings(need(CLEAN, contract="concession")) == {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}
