"""Titles of real contracts with the segments a person read in them, and how many of them are read rightly.

`title_labels.csv` here names the titles, which stay in `../shared/data`: lots of the notices by notice and lot, the
objects of the awards by the digest of their text. A label without segments is a title that says another trade; titles
that say none are left out. Half of them (by the digest of the id) is held back: what is tuned looks at the others only.
Later ones say in `set` which they are: tuned on, one of the exams, which are held back as well, or titles chosen by how
they were read, which teach and are not measured: of which a reader was unsure, or whose lots were given suppliers.
"""

import csv
import gzip
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from domain.reference import taxonomy, territory
from domain.text.normalise import fold
from matching.lot_query import SURE
from matching.words.keywords import Interpreter
from matching.words.title_reader import TITLE_FLOOR, Reading, TitleReader

LABELS = Path(__file__).with_name("title_labels.csv")
# A notice of 149 lots says one thing: of each no more lots than these count.
MOST_LOTS = 12
# Titles drawn and labelled before any reader read them, and read once.
EXAMS = ("exam", "exam2", "exam3", "exam6", "exam7")
# Titles chosen by how they were read: words are learnt from them, but they are not what titles usually are.
SELECTED = ("unsure", "answered")
# Titles that begin alike are siblings: none teaches a reader that another measures.
SIBLING = 40
FOLDS = 5
HEADER = "titles               readable  first three  first    readings  others  invented"
STEPS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class LabelledTitle(NamedTuple):
    """A title, the title of its need, and the segments that a person read in it; () for a trade of no segment.

    `exam`: the exam it belongs to, "" for none; `chosen`: of the first labelled, which left out what is hard to label;
    `selected`: drawn from those of which a reader was unsure whether they say a trade, or whose lots were given
    suppliers; the others were drawn at random.
    """

    source: str
    title: str
    need: str
    segments: tuple[str, ...]
    held_back: bool
    exam: str = ""
    chosen: bool = False
    selected: bool = False


def labelled(data: Path) -> list[LabelledTitle]:
    """The labelled titles of notices and awards."""
    objects = {digest(text): text for text in award_objects(data)}
    lots = dict(_lots(data))
    counted: Counter[str] = Counter()
    titles = []
    with LABELS.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            counted[row["id"]] += 1
            need, title = ("", objects[row["id"]]) if row["source"] == "award" else lots[row["id"], row["lot"]]
            if row["source"] == "award" or counted[row["id"]] <= MOST_LOTS:
                segments = tuple(row["segments"].split())
                exam = row["set"] if row["set"] in EXAMS else ""
                chosen = not row["set"]
                held_back = bool(exam) or (row["set"] in ("", "drawn") and _held_back(row["id"]))
                named = title or need, need if title else ""
                selected = row["set"] in SELECTED
                titles.append(LabelledTitle(row["source"], *named, segments, held_back, exam, chosen, selected))
    return titles


def ess_awards(data: Path) -> list[LabelledTitle]:
    """The titles of awards won by inclusion structures, from `ess_awards.csv`; the reader is not tuned to them."""
    with (data / "awards" / "ess_awards.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [LabelledTitle("ess", row["object"], "", tuple(row["segments"].split()), True) for row in rows]


def award_objects(data: Path) -> dict[str, str]:
    """The most frequent CPV code of awards by their object (title); "" where most have none."""
    codes: dict[str, Counter[str]] = {}
    with gzip.open(data / "awards" / "awards_2016_2024.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if text := row["object"].strip():
                codes.setdefault(text, Counter())[row["cpv"]] += 1
    return {text: counts.most_common(1)[0][0] for text, counts in codes.items()}


def digest(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()[:16]


def sibling(title: str) -> str:
    """The folded beginning of a title, which near-identical titles share."""
    return fold(title)[:SIBLING]


def fold_of(title: LabelledTitle) -> int:
    """The cross-validation fold of a title, 0 to 4; titles that begin alike, and lots of one need, share a fold."""
    return int(hashlib.sha1(f"fold{sibling(title.need or title.title)}".encode()).hexdigest(), 16) % FOLDS


def _held_back(label_id: str) -> bool:
    return int(hashlib.sha1(f"split{label_id}".encode()).hexdigest(), 16) % 2 == 1


def _lots(data: Path) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """The ids of notice and lot, each pair with the titles of need and lot."""
    for line in (data / "notices" / "notices_ted_fr_sample.ndjson").read_text("utf-8").splitlines():
        notice = json.loads(line)
        for lot in notice["lots"] or [{"id": "", "title": ""}]:
            yield (notice["notice_id"], lot["id"] or ""), (notice["title"] or "", lot.get("title") or "")


def measure_titles(data: Path) -> None:
    """Print how many titles are read rightly, as titles and as keywords, how sure confidences are, and the time."""
    interpreter = Interpreter(taxonomy.load(), territory.load())
    reader = interpreter.titles
    titles = [*labelled(data), *ess_awards(data)]
    earlier = [title for title in titles if title.held_back and title.source != "ess" and not title.exam]
    print(HEADER)
    for name, chosen in (
        ("tuned on", [title for title in titles if not title.held_back and not title.selected]),
        ("held back", earlier),
        ("- of these notices", [title for title in earlier if title.source == "notice"]),
        ("- of these awards", [title for title in earlier if title.source == "award"]),
        *((name, [title for title in titles if title.exam == name]) for name in EXAMS),
        ("ess_awards.csv", [title for title in titles if title.source == "ess"]),
    ):
        print(f"{name:20} {figures(chosen, interpreter.read)}")
    exams = [title for title in titles if title.held_back and title.source != "ess"]
    for name, read in (
        ("all held back", interpreter.read),
        ("- as keywords", lambda title, _: interpreter.read(title)),
        ("- sure ones alone", lambda *words: tuple(r for r in interpreter.read(*words) if r.confidence >= SURE)),
    ):
        print(f"{name:20} {figures(exams, read)}")
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


def figures(titles: Sequence[LabelledTitle], read: Callable[[str, str], tuple[Reading, ...]]) -> str:
    """A line of the table under `HEADER`: the shares of titles read rightly and of trades invented."""
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


def _print_time(reader: TitleReader, titles: Sequence[LabelledTitle]) -> None:
    begun = time.process_time()
    for title in titles:
        reader.explain(title.title)
    print(f"{(time.process_time() - begun) / len(titles) * 1e6:.0f} µs a title, floor {TITLE_FLOOR}")
