"""How many winners of real contracts could be found.

Of contracts whose winner is in the files of suppliers, under the same SIRET and with segments that a person read, those
count whose winner has an offer in one of these segments: by the files of suppliers alone, and with the other contracts
that it won.
"""

from collections import defaultdict
from itertools import chain
from pathlib import Path

from bench.reading import files
from bench.reading.files import segments_of
from domain.suppliers.source import Row


def measure_winners(data: Path) -> None:
    """Print in how many contracts the winner has an offer that answers the need."""
    context = files.load_context()
    offered: dict[str, set[str]] = defaultdict(set)
    for row in chain(files.siae(data, context), files.esat(data, context)):
        if row.record.siret:
            offered[row.record.siret] |= segments_of([row])
    won: dict[str, list[Row]] = defaultdict(list)
    for row in files.decp(data, context):
        won[row.joins or ""].append(row)
    every = files.table(data / "awards" / "ess_awards.csv")
    labelled = [award for award in every if award["exact_siret"] == "1" and award["segments"]]
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
