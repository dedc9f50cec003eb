"""Titles of real contracts with the segments a person read in them, to measure readers of titles.

`bench/title_labels.csv` names the titles, which stay in `../shared/data`: lots of the notices by notice and lot,
objects of the awards by the digest of their text. A label without segments is a title that says another trade; titles
that say none are left out. Half of them (by the digest of the id) is held back: what is tuned looks at the others only.
"""

import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LABELS = Path(__file__).with_name("title_labels.csv")
# A notice of 149 lots says one thing: of each no more lots than these count.
MOST_LOTS = 12


class Labelled(NamedTuple):
    """A title, the title of the need it belongs to, and the segments it means, () for another trade."""

    source: str
    title: str
    need: str
    segments: tuple[str, ...]
    held_back: bool


def labelled(data: Path) -> list[Labelled]:
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
                held_back = _held_back(row["id"])
                titles.append(Labelled(row["source"], title or need, need if title else "", segments, held_back))
    return titles


def ess_awards(data: Path) -> list[Labelled]:
    """The objects of awards that inclusion structures won, labelled in `ess_awards.csv`; nothing is tuned to them."""
    with (data / "awards" / "ess_awards.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [Labelled("ess", row["object"], "", tuple(row["segments"].split()), True) for row in rows]


def award_objects(data: Path) -> dict[str, str]:
    """The objects of all awards with the CPV code most of those of that object have, "" where they have none."""
    codes: dict[str, Counter[str]] = {}
    with gzip.open(data / "awards" / "awards_2016_2024.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if text := row["object"].strip():
                codes.setdefault(text, Counter())[row["cpv"]] += 1
    return {text: counts.most_common(1)[0][0] for text, counts in codes.items()}


def digest(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()[:16]


def _held_back(label_id: str) -> bool:
    return int(hashlib.sha1(f"split{label_id}".encode()).hexdigest(), 16) % 2 == 1


def _lots(data: Path) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """The titles of need and lot, by notice and lot."""
    for line in (data / "notices" / "notices_ted_fr_sample.ndjson").read_text("utf-8").splitlines():
        notice = json.loads(line)
        for lot in notice["lots"] or [{"id": "", "title": ""}]:
            yield (notice["notice_id"], lot["id"] or ""), (notice["title"] or "", lot.get("title") or "")
