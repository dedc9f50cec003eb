"""Measures how well titles of real contracts are read: `python -m bench.supply titles [DATA]`.

DATA is the folder of real records, by default `../shared/data`; see `bench/titles.py`.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.titles import Labelled, ess_awards, labelled
from domain.reference import taxonomy, territory
from matching.words import word_model
from matching.words.title_reader import TITLE_FLOOR, Reading, TitleReader

DATA = Path(__file__).parents[2] / "shared" / "data"
STEPS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def measure_titles(data: Path) -> None:
    """Prints how many titles are read rightly, how many trades are invented, what a confidence means, and the time."""
    reader = TitleReader(taxonomy.load(), territory.load(), word_model.load())
    titles = [*labelled(data), *ess_awards(data)]
    print("titles               readable  first three  first    readings  others  invented")
    for name, chosen in (
        ("tuned on", [title for title in titles if not title.held_back]),
        ("held back", [title for title in titles if title.held_back and title.source != "ess"]),
        ("- of these notices", [title for title in titles if title.held_back and title.source == "notice"]),
        ("- of these awards", [title for title in titles if title.held_back and title.source == "award"]),
        ("ess_awards.csv", [title for title in titles if title.source == "ess"]),
    ):
        print(f"{name:20} {_figures(chosen, reader.read)}")
    print("readings of those held back with a confidence of at least c, and the share of them that is right")
    given = [
        (reading.confidence, reading.segment in title.segments)
        for title in titles
        if title.held_back
        for reading in reader.explain(title.title, title.need).readings
    ]
    for low, high in zip(STEPS, (*STEPS[1:], 1.01), strict=True):
        right = [meant for confidence, meant in given if confidence >= low]
        between = [meant for confidence, meant in given if low <= confidence < high]
        share = f"{sum(between) / len(between):.0%} of {len(between)}" if between else "-"
        print(f"c {low}: {sum(right) / len(right):.0%} of {len(right)}; from there to the next: {share}")
    _print_time(reader, titles)


def _figures(titles: Sequence[Labelled], read: Callable[[str, str], tuple[Reading, ...]]) -> str:
    meant = [title for title in titles if title.segments]
    others = [title for title in titles if not title.segments]
    answers = [[reading.segment for reading in read(title.title, title.need)] for title in meant]
    among = _share(bool({*answer[:3]} & {*title.segments}) for answer, title in zip(answers, meant, strict=True))
    first = _share(
        answer[:1] != [] and answer[0] in title.segments for answer, title in zip(answers, meant, strict=True)
    )
    each = sum(map(len, answers)) / len(answers)
    invented = _share(bool(read(title.title, title.need)) for title in others) if others else "-"
    return f"{len(meant):8}  {among:>11}  {first:>5}  {each:10.2f}  {len(others):6}  {invented:>8}"


def _share(found: Iterable[object]) -> str:
    values = [bool(one) for one in found]
    return f"{sum(values) / len(values):.1%}"


def _print_time(reader: TitleReader, titles: Sequence[Labelled]) -> None:
    begun = time.process_time()
    for title in titles:
        reader.explain(title.title)
    print(f"{(time.process_time() - begun) / len(titles) * 1e6:.0f} µs a title, floor {TITLE_FLOOR}")


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] != "titles":
        sys.exit(__doc__)
    measure_titles(Path(sys.argv[2]) if len(sys.argv) > 2 else DATA)


if __name__ == "__main__":
    main()
