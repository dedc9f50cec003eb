"""Measure what is known of supply: `python -m bench.reading.supply [NAME] [DATA]`, where NAME is one of these.

    trades     how many suppliers of real files have a trade beyond lending staff, by file, kind and evidence
    winners    how many winners of real contracts have an offer of the segments that a person read in the contract, and
               how many stand among the first candidates or the first to ask
    titles     how many titles of real contracts are read as the segments that a person read in them
    precision  how many of the first five that are named for real lots a buyer would find it sensible to write to
    facts      how many of these registers and published contracts speak against, and of those named for 2,500 others
    contacts   how many suppliers of real files have a telephone, an e-mail address and a postal address, by kind
    learns     how many ordinary lots of Bretagne gain a candidate, and three, when thirty suppliers say what they do

Without a name, all seven. DATA is the folder of real records, by default `../shared/data`. Those from `winners` to
`precision` are held against what people read and judged.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.reading.contacts import measure_contacts
from bench.reading.fact_judge import measure_facts
from bench.reading.files import DATA
from bench.reading.learns import measure_learning
from bench.reading.precision import measure_precision
from bench.reading.titles import measure_titles
from bench.reading.trades import measure_trades
from bench.reading.winners import measure_winners

MEASURES: Mapping[str, Callable[[Path], None]] = {
    "trades": measure_trades,
    "winners": measure_winners,
    "titles": measure_titles,
    "precision": measure_precision,
    "facts": measure_facts,
    "contacts": measure_contacts,
    "learns": measure_learning,
}


def main() -> None:
    """Print the report."""
    given = sys.argv[1:]
    names = (given.pop(0),) if given and given[0] in MEASURES else tuple(MEASURES)
    data = Path(given.pop(0)) if given else DATA
    if given or not data.is_dir():
        sys.exit(__doc__)
    for name in names:
        print(f"== {name}")
        MEASURES[name](data)


if __name__ == "__main__":
    main()
