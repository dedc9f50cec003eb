"""How many winners of real contracts could be found, and how many stand among the first of what an answer lists.

Of contracts whose winner is in the files of suppliers, under the same SIRET and with segments that a person read, those
count whose winner has an offer in one of these segments: by the files of suppliers alone, and with the other contracts
that it won. Then each contract is matched as a need, by its words and its CPV code, against all real suppliers: is its
winner among the first candidates, or the first to ask, where this contract is not known, or none that it won?
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from bench.reading import files
from bench.reading.drawn_lots import award_need, departement_of_award
from bench.reading.files import TODAY, segments_of
from bench.reading.real_pool import read_pool
from domain.shortlists.listed_suppliers import Candidate, UnknownSupplier
from domain.suppliers.source import Row
from domain.suppliers.supplier import Supplier
from matching.engine import match
from matching.reference import load_reference

FIVE, TEN = 5, 10


def measure_winners(data: Path) -> None:
    """Print in how many contracts the winner has an offer that answers the need, and where the lists have it."""
    every = files.table(data / "awards" / "ess_awards.csv")
    labelled = [award for award in every if award["exact_siret"] == "1" and award["segments"]]
    measure_offers(data, labelled)
    measure_places(data, labelled)


def measure_offers(data: Path, labelled: Sequence[Mapping[str, str]]) -> None:
    """Print in how many contracts the winner has an offer of a segment that a person read in it."""
    context = files.load_context()
    offered: dict[str, set[str]] = defaultdict(set)
    for row in chain(files.siae(data, context), files.esat(data, context)):
        if row.record.siret:
            offered[row.record.siret] |= segments_of([row])
    won: dict[str, list[Row]] = defaultdict(list)
    for row in files.decp(data, context):
        won[row.joins or ""].append(row)
    alone = with_others = having_others = gaining = 0
    for award in labelled:
        wanted, siret = set(award["segments"].split()), award["winner_siret"]
        others = segments_of(row for row in won[siret] if award["award_id"] not in row.external_id)
        by_files, by_others = bool(wanted & offered[siret]), bool(wanted & others)
        alone += by_files
        with_others += by_files or by_others
        having_others += bool(others)
        gaining += bool(others) and (by_files or by_others)
    print(f"{len(labelled)} contracts: need and winner meet in {alone}, with its other contracts in {with_others}")
    print(f"of {having_others} whose winner has other contracts that show a trade, in {gaining}")


def measure_places(data: Path, labelled: Sequence[Mapping[str, str]]) -> None:
    """Print how many winners stand among the first five and ten candidates, and among the first to ask."""
    reference = load_reference()
    pool = read_pool(data, reference)
    by_siret = pool.by_siret()
    for known in ("its other contracts", "no contract"):
        places: list[tuple[int, int]] = []
        traded = 0
        for award in labelled:
            departement, winner = departement_of_award(award, reference), by_siret.get(award["winner_siret"])
            if departement is None or winner is None:
                continue
            unaware = winner.without(award["object"]) if known == "its other contracts" else winner.without_contracts()
            live = pool.live.with_changes([unaware], (), 2)
            need = msgspec.structs.replace(
                award_need({"months": "", **award}, departement, reference), limit=TEN, unknown_trade=TEN, near_misses=0
            )
            lot = match(need, live, reference, TODAY, "fr").lots[0]
            places.append((place_of(unaware, lot.candidates), place_of(unaware, lot.unknown_trade.nearest)))
            traded += bool(unaware.offers)
        print(f"{len(places)} contracts with a departement, {known} of the winner known, a trade of {traded} winners:")
        for first in (FIVE, TEN):
            candidates, asked = (sum(place[which] <= first for place in places) for which in (0, 1))
            print(f"  among the first {first}: {candidates} candidates, {asked} to ask, {candidates + asked} of either")


def place_of(supplier: Supplier, rows: Sequence[Candidate | UnknownSupplier]) -> int:
    """The place of a supplier in a list, from 1; past the tenth where it is not listed."""
    return next((place for place, row in enumerate(rows, start=1) if row.supplier.id == supplier.id), TEN + 1)
