"""Measures how well records are told to be one supplier, on pairs labelled by the real files.

    python -m bench.matching.identity [FOLDER]        (default: ../shared/data/suppliers)

Three measurements, each with what was found right and wrong:

- the files as they are: which suppliers the 5,357 records of the SIAE and ESAT lists make;
- neighbours: of every two SIAE within 200 m one is made to forget its SIRET, which says whether joining them was right;
- a second list: every SIAE once more, without SIRET, spelt and placed as another list might, beside the first list.

Pairs of which the rule knows both SIRETs need no measurement. See RESULTS.md for the figures.
"""

import csv
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.suppliers.deduplication import (
    NAMES_WITHIN_M,
    IdentityFacts,
    RecordKey,
    metres,
    name_key,
    partition,
    read_name,
)
from domain.suppliers.supplier import Point
from matching.words.names import name_similarity

FOLDER = Path("../shared/data/suppliers")
SEED = 20_261_124
DOUBTFUL = {"coords_far_from_postcode", "no_coordinates"}


class ListedStructure(NamedTuple):
    """A structure as a file lists it; `place`: its own point where that is known and not doubtful."""

    key: RecordKey
    siret: str | None
    name: str
    trade_name: str
    place: Point | None


def main(folder: Path) -> None:
    """Print what is measured on the real files, on pairs of neighbours and on copies with other spellings."""
    siae, esat = list(read_siae(folder)), list(read_esat(folder))
    print_real_files([*siae, *esat])
    located = [each for each in siae if each.place is not None]
    print_neighbours(located)
    for title, spell in SPELLINGS.items():
        print_second_list(located, title, spell)


def read_siae(folder: Path) -> Iterator[ListedStructure]:
    """The SIAE of 2020; points that the anomalies file knows to be wrong are left out, as imports flag them."""
    with (folder / "known_anomalies.csv").open(newline="") as file:
        wrong = {row["pk"] for row in csv.DictReader(file) if row["anomaly"] in DOUBTFUL}
    with (folder / "siae_2020_iae.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            point = Point(float(row["lat"]), float(row["lon"])) if row["lat"] and row["id"] not in wrong else None
            yield ListedStructure(RecordKey("siae", row["id"]), row["siret"], row["name"], row["brand"], point)


def read_esat(folder: Path) -> Iterator[ListedStructure]:
    """The ESAT of FINESS, which know their commune only."""
    with (folder / "esat_finess.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            yield ListedStructure(RecordKey("esat", row["finess_et"]), row["siret"] or None, row["name"], "", None)


def facts(listed: ListedStructure) -> IdentityFacts:
    """The facts by which a listed structure is identified."""
    names = [read_name(name) for name in (listed.name, listed.trade_name) if name and listed.place]
    return IdentityFacts(listed.key, listed.siret, tuple(name for name in names if name_key(name)), listed.place)


def print_real_files(records: Sequence[ListedStructure]) -> None:
    """Print how many suppliers the files make, and how many of them join two SIRETs or distant homonyms."""
    started = time.process_time()
    groups = partition(map(facts, records), name_similarity)
    spent = time.process_time() - started
    siret = {each.key: each.siret for each in records}
    glued = sum(len({siret[key] for key in group} - {None}) > 1 for group in groups)
    sirets = Counter(each.siret for each in records if each.siret)
    shared = sum(count - 1 for count in sirets.values())
    print(f"{len(records)} records, {shared} of them with the SIRET of another, make {len(groups)} suppliers")
    print(f"  suppliers with two SIRETs: {glued}; {spent:.2f} s of CPU")
    name = Counter(each.name for each in records)
    common = {each for each, count in name.items() if count > 1}
    named = {each.key: each.name for each in records}
    joined = sum(len({siret[key] for key in group}) > 1 for group in groups if {named[key] for key in group} & common)
    print(f"  {len(common)} names that several share: {joined} of their suppliers joined two SIRETs")


def print_neighbours(located: Sequence[ListedStructure]) -> None:
    """Print how many pairs of structures within 200 m are joined when one of the two is stripped of its SIRET."""
    pairs = [(one, other) for one, other in close_pairs(located)]
    joined = [(one, other) for one, other in pairs if are_joined(one, other._replace(siret=None))]
    same = sum(one.siret == other.siret for one, other in joined)
    person = sum(str(one.siret)[:9] == str(other.siret)[:9] for one, other in joined)
    meant = sum(one.siret == other.siret for one, other in pairs)
    spelt = sum(read_name(one.name)[:3] == read_name(other.name)[:3] for one, other in joined)
    print(f"{len(pairs)} pairs of neighbours, {meant} with one SIRET: {len(joined)} joined")
    print(f"  {same} have one SIRET, {person - same} more one SIREN, {len(joined) - person} are other legal persons")
    print(f"  {spelt} of those joined have the very same words in their names")


def are_joined(one: ListedStructure, other: ListedStructure) -> bool:
    """Whether two structures are taken for one supplier where there are no others."""
    return len(partition([facts(one), facts(other)], name_similarity)) == 1


def close_pairs(located: Sequence[ListedStructure]) -> Iterator[tuple[ListedStructure, ListedStructure]]:
    """The pairs of structures within 200 m of each other."""
    ordered = sorted(located, key=lambda each: each.place.lat if each.place else 0.0)
    for position, one in enumerate(ordered):
        for other in ordered[position + 1 :]:
            if one.place is None or other.place is None or other.place.lat - one.place.lat > 0.0019:
                break
            if metres(one.place, other.place) <= NAMES_WITHIN_M:
                yield one, other


def print_second_list(
    located: Sequence[ListedStructure], title: str, spell: Callable[[str, random.Random], str]
) -> None:
    """Print how many copies without SIRET, their names spelt by `spell`, join the structure that they copy."""
    draw = random.Random(SEED)
    copies = {RecordKey("copy", each.key.external_id): each for each in located}
    second = [
        ListedStructure(key, None, spell(each.name, draw), "", moved_point(each.place, draw))
        for key, each in copies.items()
        if each.place is not None
    ]
    groups = partition(map(facts, [*located, *second]), name_similarity)
    siret = {each.key: each.siret for each in located}
    right = wrong = 0
    for group in groups:
        met = {siret[key] for key in group if key.source == "siae"}
        for key in group:
            if key.source == "copy" and met:
                right += copies[key].siret in met
                wrong += copies[key].siret not in met
    found = right + wrong
    print(f"{len(second)} copies, {title}: {right / len(second):.1%} join their own, {wrong} another's")
    print(f"  precision {right / found:.2%}, recall {right / len(second):.1%}")


def moved_point(place: Point, draw: random.Random) -> Point:
    """A point up to 150 m from the given one, as two geocoders differ."""
    away, bearing = draw.uniform(0, 150), draw.uniform(0, 2 * math.pi)
    north, east = away * math.cos(bearing) / 111_195, away * math.sin(bearing) / 111_320
    return msgspec.structs.replace(
        place, lat=place.lat + north, lon=place.lon + east / math.cos(math.radians(place.lat))
    )


def unchanged_name(name: str, draw: random.Random) -> str:  # noqa: ARG001 - one of several spellings
    return name


def restyled_name(name: str, draw: random.Random) -> str:
    """The name in other case, with or without articles and legal form, in another order, with other punctuation."""
    words = [word for word in name.split() if word.upper() not in {"ASSOC", "ASS", "ASSOCIATION", "LE", "LA", "LES"}]
    if draw.random() < 0.2:
        words = words[1:] + words[:1]
    if draw.random() < 0.3:
        words.insert(0, draw.choice(("Association", "Les")))
    return draw.choice((" ", " - ", "-", " ")).join(words or [name]).title()


def mistyped_name(name: str, draw: random.Random) -> str:
    """The name with one letter added, removed, replaced or swapped with the next."""
    at = draw.choice([place for place, letter in enumerate(name) if letter.isalpha()] or [0])
    other = draw.choice("abcdefghijklmnopqrstuvwxyz")
    kind = draw.randrange(4)
    if kind == 0:
        return name[:at] + other + name[at + 1 :]
    if kind == 1:
        return name[:at] + other + name[at:]
    if kind == 2:
        return name[:at] + name[at + 1 :]
    return name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :]


SPELLINGS: dict[str, Callable[[str, random.Random], str]] = {
    "names as written": unchanged_name,
    "names written otherwise": restyled_name,
    "one slip in each name": mistyped_name,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
