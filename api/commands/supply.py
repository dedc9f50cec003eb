"""`vivier supply`: the supply of a territory, searched in this process among the suppliers in the database."""

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from api.commands.console import console
from api.commands.errors import CommandFailed
from api.commands.supplier_index import load_index
from api.commands.supply_table import write_supply
from api.settings import Settings
from domain.errors import InvalidContent
from domain.needs.need import TerritoryRequest
from domain.reference.taxonomy import Taxonomy
from domain.suppliers.record_check import unknown_segment
from domain.text.typography import PARIS
from matching.supply import SupplySearch


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write the supply of the territories together as a table, or as the JSON of GET /supply."""
    live, reference = load_index(settings)
    segments = _segments(options.segments, reference.taxonomy)
    try:
        territory = reference.geography.territory(TerritoryRequest(codes=tuple(options.territory)))
    except InvalidContent as invalid:
        raise CommandFailed("\n".join(problem.detail.en for problem in invalid.problems)) from None
    on = options.on or datetime.now(UTC).astimezone(PARIS).date()
    found = SupplySearch(live, territory, on, reference.rules).supply(segments, reference.taxonomy, "fr")
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        write_supply(found, reference.taxonomy, console())
    return 0


def _segments(given: str | None, taxonomy: Taxonomy) -> Iterable[str]:
    """The segments named, separated by commas; all without. Raises CommandFailed where one is not known."""
    if given is None:
        return tuple(taxonomy.segments)
    named = tuple(dict.fromkeys(given.split(",")))
    wrong = [unknown_segment(code, taxonomy).en for code in named if not taxonomy.known(code)]
    if wrong:
        raise CommandFailed("\n".join(wrong))
    return named
