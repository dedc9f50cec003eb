"""The CPV: codes as buyers write them, the tree they form, and what a wrong one may have meant."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reference import cpv

CPV = cpv.load()


@pytest.mark.parametrize("code", ["90911200", "90911200-8", "90911200-0"])
def test_a_code_is_its_eight_digits_whatever_the_check_digit(code: str) -> None:
    assert CPV.normalise(code) == "90911200"


@pytest.mark.parametrize(
    "code",
    ["", "9091120", "909112000", "90911200-", "90911200-88", "90 911 200", "٩٠٩١١٢٠٠", "90911200\n", "nettoyage"],
)
def test_anything_else_is_no_cpv_code(code: str) -> None:
    with pytest.raises(ValueError, match="8 digits"):
        CPV.normalise(code)


def test_labels_are_french() -> None:
    assert CPV.label("90911200") == "Services de nettoyage de bâtiments"
    assert CPV.label("90911299") is None
    assert CPV.known("90911200")
    assert not CPV.known("90911299")
    assert [CPV.exists(code) for code in ("90911200", "90911200-8", "90911299", "9091", "")] == [True, True] + [
        False
    ] * 3


@pytest.mark.parametrize(
    ("code", "parent"),
    [
        ("90911200", "90911000"),
        ("90911000", "90910000"),
        ("90910000", "90900000"),
        ("90900000", "90000000"),
        ("90000000", None),
        ("33000000", None),  # though 30000000 exists: divisions stand side by side
        ("99999999", None),
    ],
)
def test_the_parent_is_the_nearest_broader_code_that_exists(code: str, parent: str | None) -> None:
    assert CPV.parent(code) == parent


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("90911209", "90911200"),  # last digit
        ("90191200", "90911200"),  # two neighbours swapped
        ("9091120", "90911200"),  # last digit left out
        ("909112008", "90911200"),  # check digit without its dash
        ("90911234", "90911200"),  # no such detail: the broader code
        ("90", "90000000"),
        ("00000000", None),
        ("", None),
    ],
)
def test_a_wrong_code_suggests_a_near_one(wrong: str, meant: str | None) -> None:
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
