"""Lists of CPV codes: single codes, ranges, and what is narrower than they are."""

import pytest

from domain.law.cpv_list import Listing, broken_ranges, listing
from domain.law.rules import BrokenLaw, load, parse
from domain.reference import cpv
from tests.domain.law.samples import TODAY

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
    content = f"""
        vintage = 2026-11-24
        [[rule]]
        id = "codes"
        theme = "thresholds"
        message = {{fr = "Codes", en = "Codes"}}
        periods = [{{value = ["79100000-79140000", "{entry}"], confidence = "low", source = "test"}}]
    """
    assert broken_ranges(["79100000-79140000", "bt-curage", entry]) == [entry]
    with pytest.raises(BrokenLaw, match=rf"codes: .*{entry}"):
        parse(content.encode())


def test_the_light_list_contains_the_one_of_the_ess_reservation() -> None:
    """The 115 codes and more; every code that it names exists."""
    view, nomenclature = load().at(TODAY), cpv.load()
    light = view.codes("light_regime_cpv")
    assert {listing(code, light) for code in view.codes("ess_listed_cpv")} == {"listed"}
    assert all(nomenclature.known(code) for entry in light for code in entry.split("-"))
    assert sum(listing(code, light) == "listed" for code in nomenclature) > 400
