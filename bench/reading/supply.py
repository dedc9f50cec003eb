"""Measure what is known of supply: `python -m bench.reading.supply [titles|winners|asking|trades] [DATA]`; else all.

    trades    how many suppliers of real files have a trade beyond lending staff, by file, kind and evidence
    winners   how many winners of real contracts have an offer of the segments that a person read in the contract
    asking    how many winners of unknown trade are among the first suppliers that a buyer is told to ask
    titles    how many titles of real contracts are read as the segments that a person read in them

DATA is the folder of real records, by default `../shared/data`. All but the first are held against what people read.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.reading.asking import measure_asking
from bench.reading.files import DATA
from bench.reading.titles import measure_titles
from bench.reading.trades import measure_trades
from bench.reading.winners import measure_winners

MEASURES: Mapping[str, Callable[[Path], None]] = {
    "trades": measure_trades,
    "winners": measure_winners,
    "asking": measure_asking,
    "titles": measure_titles,
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
