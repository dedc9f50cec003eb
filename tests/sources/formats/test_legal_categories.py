"""INSEE's categories of legal persons."""

import json
from pathlib import Path

import pytest

from sources.formats.legal_categories import legal_form_of


@pytest.mark.parametrize(
    ("category", "form"),
    [
        ("9220", "association"),
        ("9222", "association"),
        ("9240", "other"),
        ("9150", "other"),
        ("9300", "foundation"),
        ("5458", "cooperative"),
        ("5560", "cooperative"),
        ("6317", "cooperative"),
        ("5499", "commercial_company"),
        ("5710", "commercial_company"),
        ("8210", "mutual"),
        ("7361", "public_body"),
        ("4140", "public_body"),
        ("1000", "other"),
        ("6540", "other"),
    ],
)
def test_a_category_stands_for_a_form(category: str, form: str) -> None:
    assert legal_form_of(category) == form


@pytest.mark.parametrize("category", ["", "92", "92200", "92A0", "²²²²"])
def test_what_is_no_category_stands_for_none(category: str) -> None:
    assert legal_form_of(category) is None


def test_titles_agree_with_the_forms(shared_data: Path) -> None:
    """Every category of the official list has a form; those that call themselves cooperative are."""
    listed = json.loads((shared_data / "peers" / "recherche-entreprises" / "natures-juridiques.json").read_bytes())
    assert [category for category in listed if legal_form_of(category) is None] == []
    cooperative = {category for category, title in listed.items() if "coopérativ" in title.lower()}
    assert {legal_form_of(category) for category in cooperative} == {"cooperative"}
    assert {legal_form_of(category) for category, title in listed.items() if title.startswith("Association déc")} == {
        "association"
    }
