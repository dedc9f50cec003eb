"""The CPV: codes as buyers write them, the tree they form, and what a wrong one may have meant.

Lists of CPV codes: single codes, ranges, and what is narrower than they are.
"""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.law.law_files import BrokenLaw
from domain.law.rules import load
from domain.reference import cpv
from domain.reference.cpv import Listing, broken_ranges, listing
from tests.domain.law.samples import TODAY, rule, rules

CPV = cpv.load()


def test_a_code_is_its_eight_digits_whatever_the_check_digit() -> None:
    """Anything else is no CPV code; labels are French."""
    for code in ["90911200", "90911200-8", "90911200-0"]:
        assert CPV.normalise(code) == "90911200"
    wrong = "9091120", "909112000", "90911200-", "90911200-88", "90 911 200", "٩٠٩١١٢٠٠", "90911200\n", "nettoyage", ""
    for code in wrong:
        with pytest.raises(ValueError, match="8 digits"):
            CPV.normalise(code)
    assert CPV.label("90911200") == "Services de nettoyage de bâtiments"
    assert CPV.label("90911299") is None
    assert CPV.known("90911200")
    assert not CPV.known("90911299")
    assert all(map(CPV.exists, ("90911200", "90911200-8")))
    assert not any(map(CPV.exists, ("90911299", "9091", "")))


def test_the_parent_is_the_nearest_broader_code_that_exists() -> None:
    """And a wrong code suggests a near one."""
    for code, parent in [
        ("90911200", "90911000"),
        ("90911000", "90910000"),
        ("90910000", "90900000"),
        ("90900000", "90000000"),
        ("90000000", None),
        ("33000000", None),  # though 30000000 exists: divisions stand side by side
        ("99999999", None),
    ]:
        assert CPV.parent(code) == parent
    for wrong, meant in [
        ("90911209", "90911200"),  # last digit
        ("90191200", "90911200"),  # two neighbours swapped
        ("9091120", "90911200"),  # last digit left out
        ("909112008", "90911200"),  # check digit without its dash
        ("90911234", "90911200"),  # no such detail: the broader code
        ("90", "90000000"),
        ("00000000", None),
        ("", None),
    ]:
        assert CPV.nearest(wrong) == meant


@given(st.text(max_size=12))
def test_a_suggestion_is_always_a_code_that_exists(text: str) -> None:
    suggested = CPV.nearest(text)
    assert suggested is None or CPV.known(suggested)


def test_the_nomenclature_is_the_official_one(shared_data: Path) -> None:
    """Every code and label of the list published with eForms, and no other."""
    with (shared_data / "taxonomy" / "eforms_cpv_fr.csv").open(encoding="utf-8", newline="") as lines:
        official = {row["code"]: row["label_fr"] for row in csv.DictReader(lines)}

    def plain(label: str | None) -> str:
        return " ".join((label or "").replace("’", "'").split()).rstrip(".")

    assert len(official) == 9_454
    assert {code: plain(CPV.label(code)) for code in official} == {code: plain(name) for code, name in official.items()}


LISTED = frozenset({"55100000-55410000", "64110000", "98000000"})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("55100000", "listed"),
        ("55321000", "listed"),
        ("55410000", "listed"),
        ("55411000", "descendant"),
        ("55500000", "unlisted"),
        ("55000000", "unlisted"),
        ("64110000", "listed"),
        ("64111000", "descendant"),
        ("64100000", "unlisted"),
        ("98000000", "listed"),
        ("98310000", "unlisted"),
    ],
)
def test_a_code_against_a_list(code: str, expected: Listing) -> None:
    """A range has both its ends; a code narrower than a listed one is near it, unless that is a whole division."""
    assert listing(code, LISTED) == expected


@pytest.mark.parametrize("entry", ["55410000-55100000", "55100000-55100000", "5510000-55410000", "55100000-", "1-2-3"])
def test_what_is_no_range_of_codes_in_order_is_refused(entry: str) -> None:
    assert broken_ranges(["79100000-79140000", "bt-curage", entry]) == [entry]
    period = f"{{value = ['79100000-79140000', '{entry}'], confidence = 'low', source = 'test'}}"
    with pytest.raises(BrokenLaw, match=rf"ceiling: .*{entry}"):
        rules(rule(period, unit=None))


def test_the_light_list_contains_the_one_of_the_ess_reservation() -> None:
    """The 115 codes and more; every code that it names exists."""
    view, nomenclature = load().view(TODAY), cpv.load()
    light = view.codes("light_regime_cpv")
    assert {listing(code, light) for code in view.codes("ess_listed_cpv")} == {"listed"}
    assert all(nomenclature.known(code) for entry in light for code in entry.split("-"))
    assert sum(listing(code, light) == "listed" for code in nomenclature) > 400
