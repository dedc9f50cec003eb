"""A lot's yearly value against what is known of a supplier's size."""

import re
from datetime import date
from typing import Any, get_args

import pytest

from domain.needs.estimate import yearly_value
from domain.shortlists.listed_suppliers import ReachLevel
from domain.shortlists.reach import (
    NO_SIZE_KNOWN,
    REACH_FIGURES,
    DecidingSize,
    deciding_size,
    reach_of,
    reach_together,
    sector_eur,
)
from domain.suppliers.supplier import Kind, PlacesSize, SizeInEuros, StaffSize, SupplierSize
from tests.conftest import ROOT
from tests.factories import lot

WON = SizeInEuros(400_000.0, date(2025, 3, 1), "decp", 48)
TURNOVER, STAFF, PLACES = SizeInEuros(800_000.0), StaffSize(10, 19), PlacesSize(60)


def of(*kinds: Kind, **parts: object) -> DecidingSize:
    return deciding_size(SupplierSize(**parts), kinds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "most"),
    [
        (of(largest_award_eur=WON, turnover_eur=SizeInEuros(80_000.0), staff=STAFF), 100_000),
        (of(largest_award_eur=WON, turnover_eur=TURNOVER, staff=STAFF), 400_000),
        (of(largest_award_eur=WON, staff=STAFF), 285_000),
        (of(turnover_eur=TURNOVER, places=PLACES, staff=STAFF), 400_000),
        (of("ESAT", places=PLACES, staff=STAFF), 510_000),
        (of(staff=STAFF), 285_000),
        (of("EA", staff=STAFF), 285_000),
        (of("ACI", staff=STAFF), 114_000),
        (of("ACI", "EI", staff=STAFF), 285_000),
        (of(staff=StaffSize(0, 0)), 15_000),
        (of(staff=StaffSize(10_000)), 150_000_000),
    ],
)
def test_the_largest_contract_shows_the_least_and_turnover_else_places_or_staff_decide(
    size: DecidingSize, most: float
) -> None:
    cleaning = sector_eur(["pr-locaux"])
    levels = {value: reach_of(value, size, cleaning, "fr").level for value in (most, most + 1, 2 * most, 2 * most + 1)}
    assert list(levels.values()) == ["within", "stretch", "stretch", "beyond"]


def test_staff_make_what_the_sector_of_the_lot_makes_and_of_several_sectors_the_most() -> None:
    assert sector_eur(["pr-locaux"]) < sector_eur(["ev-entretien"]) < sector_eur(["bt-peinture"])
    assert sector_eur(["pr-locaux", "bt-peinture"]) == sector_eur(["bt"])


def test_one_small_contract_does_not_make_a_supplier_too_small() -> None:
    """Where nothing else is known, up to five times it is at the limit of its reach."""
    size = of(largest_award_eur=WON)
    levels = [reach_of(value, size, 30_000, "fr").level for value in (100_000, 100_001, 500_000, 500_001)]
    assert levels == ["within", "stretch", "stretch", "beyond"]


@pytest.mark.parametrize("size", [of(), of("ESAT", staff=STAFF)])
def test_what_is_not_known_stays_unknown(size: DecidingSize) -> None:
    """The employees of an ESAT lead its workers."""
    assert size == NO_SIZE_KNOWN
    assert reach_of(10.0, size, 30_000, "fr").message == "Sa taille n'est pas connue"
    assert reach_of(None, of(staff=STAFF), 30_000, "fr").message == "La valeur du lot n'est pas connue"


def test_the_message_says_both_sides() -> None:
    assert reach_of(80_000.0, of(largest_award_eur=WON), 30_000, "fr").message == (
        "À sa portée : ce lot vaut au plus 80 000 € par an, son plus grand marché connu 100 000 €"
    )
    assert reach_of(24e6, of("ESAT", places=PLACES), 30_000, "fr").message == (
        "Trop grand pour lui seul : ce lot vaut au plus 24 000 000 € par an, son chiffre d'affaires est estimé à "
        "1 020 000 € (60 places)"
    )


def test_members_of_a_grouping_are_added_up() -> None:
    small = of(turnover_eur=TURNOVER)
    assert reach_of(700_000.0, small, 30_000, "fr").level == "stretch"
    assert reach_together(700_000.0, [small, small], 30_000, "fr").level == "within"
    assert reach_together(700_000.0, [small, NO_SIZE_KNOWN], 30_000, "fr").level == "unknown"
    assert reach_together(300_000.0, [small, NO_SIZE_KNOWN], 30_000, "fr").level == "within"
    won = of(largest_award_eur=WON)
    assert reach_together(1_400_000.0, [small, won], 30_000, "fr").level == "stretch"
    assert reach_together(500_000.0, [small, won], 30_000, "fr").level == "within"
    assert reach_together(None, [small, small], 30_000, "fr").level == "unknown"


@pytest.mark.parametrize(
    ("fields", "yearly"),
    [
        ({"value_eur": 240_000.0, "duration_months": 36, "renewal_months": 12}, 80_000),
        ({"value_eur": 240_000.0, "duration_months": 36, "renewal_months": 12, "value_covers": "all"}, 60_000),
        ({"value_eur": 90_000.0, "duration_months": 24, "options_eur": 10_000.0}, 50_000),
        ({"value_eur": 90_000.0, "duration_months": 3}, 90_000),
        ({"value_eur": 90_000.0}, 90_000),
        ({"value_eur": 90_000.0, "renewal_months": 12}, None),
        ({}, None),
    ],
)
def test_a_lot_is_worth_its_estimated_value_over_its_months(fields: dict[str, Any], yearly: float | None) -> None:
    assert yearly_value(lot(**fields)) == yearly
    assert yearly_value(lot(duration_months=24), 60_000.0) == 30_000


ROW = re.compile(r"^\| .*\(`(\w+)`\) \| ([0-9,\s]+?)(?: €)? \| (.*) \|$", re.MULTILINE)


def test_the_guide_has_every_figure_with_its_source() -> None:
    guide, known = (ROOT / "docs" / "reach.md").read_text(encoding="utf-8"), REACH_FIGURES
    rows = ROW.findall(guide)
    told = {name: (float(re.sub(r"\s", "", value).replace(",", ".")), source) for name, value, source in rows}
    figures = (*known.figures.items(), *known.sectors.items(), *known.kinds.items())
    assert told == {name: (each.value, each.source) for name, each in figures}
    assert all(f"`{level}`" in guide for level in get_args(ReachLevel))
