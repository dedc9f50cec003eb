"""Deduplication: the partition of records into suppliers.

Links are honoured from the strongest to the weakest, each unless it would put together what is kept apart:

1. records that a person has merged;
2. records with the same SIRET: those outside prisons, and of no ESAT, first, then nearest first;
3. records with near-same names, one of which has no SIRET at least, whose own points are at most 200 m apart: the most
   alike first, then nearest first. They join a record without SIRET to one supplier at most: of two neighbours with
   different SIRETs it joins the one it is linked to more strongly, and never merges the two.

Kept apart: records that a person has split, whatever links them; workshops in prisons more than 1 km apart, or one of
which nobody knows where it is, unless a person has merged them; ESAT of one source more than 1 km apart: FINESS numbers
each site, and repeats the SIRET of the seat. Records with the same SIRET, names, place and
`in_prison` are united first, where they have a SIRET or a name and no decision is about them.
The outcome depends on the records and on what people decided, not on the order in which they came.
Names are read for comparison: their own words, apart from legal forms, kinds and articles. Suppliers' ids are assigned
when records are grouped anew.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, combinations, product
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.suppliers.supplier import Point, SupplierRecord
from domain.text.normalise import fold, stem

_ARTICLES = ("le", "la", "les", "l", "de", "du", "des", "d", "et", "en", "a", "au", "aux", "un", "une")
_SAINTS = {"st": "saint", "ste": "sainte"}
# ETTI and GEIQ are not here: the law makes each a legal person of its own, beside the association that founded it.
_KINDS = ("esat", "ea", "eatt", "ei", "aci", "ai")
_FORMS = {
    **dict.fromkeys(("association", "assoc", "asso", "ass"), "association"),
    **dict.fromkeys(("sarl", "eurl", "sas", "sasu", "sa", "snc"), "company"),
    **dict.fromkeys(("scop", "scic"), "cooperative"),
}
# What a word that is not the supplier's own says: a legal form, a kind, or nothing.
_STATED: dict[str, str] = {**dict.fromkeys(_ARTICLES, ""), **{kind: kind for kind in _KINDS}, **_FORMS}
SLIP_LENGTH = 5
"""A slip of the pen is only seen in a word of so many letters: "aita" and "eita" are two names."""


class Name(NamedTuple):
    """A supplier's name, split for comparison into words, legal forms and kinds.

    `words`: the words that tell it from others, in the singular and sorted. `forms` and `kinds`: legal forms, and kinds
    such as "esat", that it states. `whole`: all of it, folded.
    """

    words: tuple[str, ...]
    forms: frozenset[str]
    kinds: frozenset[str]
    whole: str


def read_name(text: str) -> Name:
    """Read a name: "ESAT Les Jardins de St-Éloi" → words eloi, jardin, saint; kinds esat.

    A letter at the end is no article: "Atelier A" is not "Atelier D".
    """
    whole = fold(text)
    found = whole.split()
    own = [_singular(word) for word in found if word not in _STATED]
    if found and len(found[-1]) == 1 and found[-1] in _STATED:
        own.append(found[-1])
    stated = {_STATED[word] for word in found if word in _STATED}
    kinds = stated.intersection(_KINDS)
    return Name(tuple(sorted(own)), frozenset(stated - kinds - {""}), frozenset(kinds), whole)


def name_key(name: Name) -> str | None:
    """The key that spellings of one name share if first letters agree; None for a name of common words only.

    Short words and those with digits, which must be the same, are whole in it; of the others, the first letter.
    """
    return " ".join(sorted(word[0] if may_slip(word) else word for word in name.words)) or None


@lru_cache(maxsize=1 << 16)  # the words of names are few
def _singular(word: str) -> str:
    return stem(_SAINTS.get(word, word))


def may_slip(word: str) -> bool:
    """Whether a word may be misspelt by one letter: it has at least `SLIP_LENGTH` of them, and no digits."""
    return len(word) >= SLIP_LENGTH and word.isalpha()


NAMES_WITHIN_M = 200.0
PRISONS_APART_M = SITES_APART_M = 1_000.0
BAND_DEGREES = 0.0019
"""A difference of latitude that is at least `NAMES_WITHIN_M`, anywhere."""

_EQUATOR_M = 6_378_137.0
_ECCENTRICITY2 = 0.00669437999014

NameSimilarity = Callable[[Name, Name], float]
"""The similarity of two names, at most 1; 0: they are different names. The order of the two does not matter."""

Link = Literal["decision", "siret", "name"]


class RecordKey(NamedTuple):
    """The identity of a record: the source, and the identifier there."""

    source: str
    external_id: str


class RecordReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record, by the identifier that its source gives it."""

    source: str
    """The name of a source"""
    external_id: str
    """The record's identifier in that source"""


class IdentityFacts(msgspec.Struct, frozen=True, gc=False):
    """The facts by which a record is identified.

    `names`: as `read_name` reads them, for records with a point of their own; empty where the place is only a commune,
    or doubtful. `place`: where the record stands, however well that is known. `is_site`: as `is_site_of_several`.
    """

    key: RecordKey
    siret: str | None = None
    names: tuple[Name, ...] = ()
    place: Point | None = None
    in_prison: bool = False
    is_site: bool = False


def is_site_of_several(record: SupplierRecord) -> bool:
    """Whether a record may be of one of several sites of one SIRET: it is of an ESAT, and FINESS numbers each site."""
    return any(approval.kind == "ESAT" for approval in record.approvals or ())


class Decisions(msgspec.Struct, frozen=True):
    """Decisions of people on records: sets that are one supplier, the earliest first; pairs that are two suppliers."""

    merged: Sequence[Collection[RecordKey]] = ()
    split: Collection[tuple[RecordKey, RecordKey]] = ()


NO_DECISIONS = Decisions()


def partition(
    facts: Iterable[IdentityFacts], similarity: NameSimilarity, decisions: Decisions = NO_DECISIONS
) -> list[list[RecordKey]]:
    """The records of each supplier, in their order; a record that nothing links is alone.

    Records that nothing links to any of these may be left out: the outcome for the others is the same.
    """
    groups = _Groups(sorted(facts, key=lambda each: each.key), decisions)
    alone = list(_unite_identical(groups))
    for merged in decisions.merged:
        _unite_each(groups, [groups.facts[key] for key in sorted(merged) if key in groups.facts], "decision")
    _unite_by_siret(groups, alone)
    _unite_by_name(groups, alone, similarity)
    return groups.members()


def metres(one: Point, other: Point) -> float:
    """The metres between two points on the WGS 84 ellipsoid, right to 1 m up to a few kilometres, rough beyond."""
    phi = math.radians((one.lat + other.lat) / 2)
    curvature = 1 - _ECCENTRICITY2 * math.sin(phi) ** 2
    north = math.radians(one.lat - other.lat) * _EQUATOR_M * (1 - _ECCENTRICITY2) / curvature**1.5
    turn = (one.lon - other.lon + 180) % 360 - 180
    east = math.radians(turn) * _EQUATOR_M / math.sqrt(curvature) * math.cos(phi)
    return math.hypot(north, east)


class _Group:
    """Records united so far into one supplier, and the facts that may keep them apart from other groups."""

    def __init__(self, facts: IdentityFacts, split: Collection[RecordKey]) -> None:
        self.keys = [facts.key]
        self.has_siret = facts.siret is not None
        self.prisons = [facts.place] if facts.in_prison else []
        self.sites = [(facts.key.source, facts.place)] if facts.is_site and facts.place else []
        self.split = [facts.key] if facts.key in split else []

    def absorb(self, other: "_Group") -> None:
        self.keys += other.keys
        self.has_siret |= other.has_siret
        self.prisons += [place for place in other.prisons if place not in self.prisons]
        self.sites += [site for site in other.sites if site not in self.sites]
        self.split += other.split


class _Groups:
    """The groups of records united so far, and what forbids uniting two of them."""

    def __init__(self, facts: Sequence[IdentityFacts], decisions: Decisions) -> None:
        self.facts = {each.key: each for each in facts}
        self.split: dict[RecordKey, set[RecordKey]] = {}
        for one, other in decisions.split:
            self.split.setdefault(one, set()).add(other)
            self.split.setdefault(other, set()).add(one)
        self.decided = {key for merged in decisions.merged for key in merged} | set(self.split)
        self._group_of = {each.key: _Group(each, self.split) for each in facts}

    def unite(self, one: RecordKey, other: RecordKey, by: Link) -> bool:
        """Unite the groups of two records; False if something keeps the groups apart."""
        mine, theirs = self._group_of[one], self._group_of[other]
        if mine is theirs:
            return True
        if self._are_apart(mine, theirs, by):
            return False
        into, absorbed = sorted((mine, theirs), key=lambda group: -len(group.keys))
        self._group_of |= dict.fromkeys(absorbed.keys, into)
        into.absorb(absorbed)
        return True

    def members(self) -> list[list[RecordKey]]:
        """The records of each group, in their order."""
        found: dict[_Group, list[RecordKey]] = {}
        for key, group in self._group_of.items():
            found.setdefault(group, []).append(key)
        return list(found.values())

    def _are_apart(self, mine: _Group, theirs: _Group, by: Link) -> bool:
        """Whether facts or decisions keep two groups apart that a link of this kind would unite."""
        if by == "name" and mine.has_siret and theirs.has_siret:
            return True
        sites = ((one, other) for (source, one), (of, other) in product(mine.sites, theirs.sites) if source == of)
        pairs = chain(product(mine.prisons, theirs.prisons), sites)
        if by != "decision" and any(not one or not other or metres(one, other) > SITES_APART_M for one, other in pairs):
            return True
        fewer, more = sorted((mine, theirs), key=lambda group: len(group.split))
        return any(self._group_of.get(other) is more for key in fewer.split for other in self.split[key])


def _unite_identical(groups: _Groups) -> Iterator[IdentityFacts]:
    """Unite records of the same facts unless an admin ruled on them; yields one of each group for the later steps."""
    seen: dict[tuple[object, ...], IdentityFacts] = {}
    for each in groups.facts.values():
        tells_nothing = not (each.siret or each.names) or (each.in_prison and each.place is None)
        if tells_nothing or each.key in groups.decided:
            yield each
            continue
        said = (each.siret, each.names, each.place, each.in_prison, each.is_site)
        if said not in seen:
            seen[said] = each
            yield each
        groups.unite(seen[said].key, each.key, "siret" if each.siret else "name")


def _unite_by_siret(groups: _Groups, facts: Iterable[IdentityFacts]) -> None:
    same: dict[str, list[IdentityFacts]] = {}
    for each in facts:
        if each.siret is not None:
            same.setdefault(each.siret, []).append(each)
    pairs: list[tuple[IdentityFacts, IdentityFacts]] = []
    for holders in same.values():
        plain, special = list[IdentityFacts](), list[IdentityFacts]()
        for each in holders:
            (special if each.in_prison or each.is_site or each.key in groups.split else plain).append(each)
        _unite_each(groups, plain, "siret")
        pairs += combinations(special, 2)
        pairs += product(special, plain)
    for one, other in sorted(pairs, key=_distance_key):
        groups.unite(one.key, other.key, "siret")


def _unite_each(groups: _Groups, members: Sequence[IdentityFacts], by: Link) -> None:
    """Unite each record with the first earlier group that accepts it."""
    before: list[RecordKey] = []
    for each in members:
        if not any(groups.unite(key, each.key, by) for key in before):
            before.append(each.key)


def _distance_key(pair: tuple[IdentityFacts, IdentityFacts]) -> tuple[float, RecordKey, RecordKey]:
    """The sort key of a pair of records: nearer pairs first."""
    one, other = pair
    away = math.inf if one.place is None or other.place is None else metres(one.place, other.place)
    return away, min(one.key, other.key), max(one.key, other.key)


def _unite_by_name(groups: _Groups, facts: Iterable[IdentityFacts], similarity: NameSimilarity) -> None:
    """Unite records by name, pair after pair: by similarity, ties by distance, then pairs without any SIRET first."""
    links: dict[tuple[RecordKey, RecordKey], tuple[float, float, bool]] = {}
    for one, name, other, other_name in _name_pairs(facts):
        away = metres(one.place, other.place) if one.place and other.place else math.inf
        if away <= NAMES_WITHIN_M and (alike := similarity(name, other_name)) > 0:
            pair = min(one.key, other.key), max(one.key, other.key)
            strength = (-alike, away, one.siret is not None or other.siret is not None)
            links[pair] = min(strength, links.get(pair, strength))
    for pair in sorted(links, key=lambda pair: (links[pair], pair)):
        groups.unite(*pair, "name")


def _name_pairs(facts: Iterable[IdentityFacts]) -> Iterator[tuple[IdentityFacts, Name, IdentityFacts, Name]]:
    """The pairs of names to compare: of records in one band of latitude, at least one without SIRET."""
    blocks: dict[str | None, list[tuple[IdentityFacts, Name]]] = {}
    for each in facts:
        for name in each.names:
            blocks.setdefault(name_key(name), []).append((each, name))
    for block in blocks.values():
        block.sort(key=lambda item: item[0].place.lat if item[0].place else 0.0)
        for position, (one, name) in enumerate(block):
            for other, other_name in block[position + 1 :]:
                if one.place is None or other.place is None or other.place.lat - one.place.lat > BAND_DEGREES:
                    break
                if one.key != other.key and (one.siret is None or other.siret is None):
                    yield one, name, other, other_name


class Member(NamedTuple):
    """A record first stored at `since`, and the supplier that it described so far; `changed`: it is new or changed."""

    key: RecordKey
    supplier_id: UUID
    since: datetime
    changed: bool


def assign_ids(
    groups: Sequence[Sequence[Member]], fresh: Collection[UUID], make_id: Callable[[Sequence[Member]], UUID]
) -> tuple[list[UUID], dict[UUID, UUID]]:
    """One supplier id for each group; and by each id given up, the id that replaces it. `fresh`: ids nobody saw yet.

    Every record of a supplier that may keep its id must be in one of the groups.
    A supplier's records that part: those that stayed as they were keep its id, so that one whose SIRET changes leaves
    the others in place; among them the oldest decides. A group that may keep several ids keeps the oldest (ids sort by
    age), and one that nobody has seen yet (`fresh`) only if there is no other. Another gets that of `make_id`.
    """
    heirs: dict[UUID, tuple[tuple[bool, datetime, RecordKey], int]] = {}
    for number, group in enumerate(groups):
        for holder in group:
            claim = ((holder.changed, holder.since, holder.key), number)
            heirs[holder.supplier_id] = min(claim, heirs.get(holder.supplier_id, claim))
    kept: list[list[UUID]] = [[] for _ in groups]
    for supplier_id, (_, number) in heirs.items():
        kept[number].append(supplier_id)
    ids = [
        min(own, key=lambda one: (one in fresh, one)) if own else make_id(group)
        for own, group in zip(kept, groups, strict=True)
    ]
    absorbed = {gone: stays for own, stays in zip(kept, ids, strict=True) for gone in own if gone != stays}
    return ids, absorbed
