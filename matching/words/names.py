"""Names: territories by what people type, and whether two names of suppliers are spellings of one.

A territory is found by its name or the beginning of it, with slips, an INSEE, SIREN or NUTS code, a postal code.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from domain.reference.territory import Area, Territories, TerritoryKind, UnknownTerritory
from domain.suppliers.deduplication import Name, may_slip
from domain.text.normalise import fold

LONGEST_QUERY = 100
# How a territory answers a query, best first.
EXACT, BEGINNING, WORD_BEGINNING, ALL_WORDS, NEAR = range(5)
# Letters that may differ in a name of at least so many.
SLIPS = ((4, 1), (8, 2), (14, 3))
NEAREST = 50
# More than any area has inhabitants: ranks are compared by how they answer, then by inhabitants.
EVERYONE = 10**10
# Where one ground has several names, as Paris does, the one most people mean comes first.
KINDS: tuple[TerritoryKind, ...] = ("commune", "departement", "epci", "region", "country", "nuts")
# The spellings of one area that may begin alike: its codes and names, from every word on.
MOST_SPELLINGS = 16

Counts = NDArray[np.int64]

_NUTS_CODE = re.compile(r"fr[a-z0-9]{1,3}")
_SIREN = re.compile(r"[0-9]{9}")
_ARTICLES = frozenset(("l", "la", "le", "les"))
_EMPTY = _ARTICLES | frozenset(("d", "de", "des", "du", "en", "et", "sous", "sur"))
_SHORT_FORMS = {"st": "saint", "ste": "sainte", "agglo": "agglomeration"}
_LONG_FORMS = (("communaute de communes", "cc"), ("communaute d agglomeration", "ca"), ("communaute urbaine", "cu"))
_AFTER_EVERY_LETTER = "\U0010ffff"


class FoundArea(NamedTuple):
    """A territory that a query may mean: `how` they match (the lower, the better), letters that differ, population."""

    how: int
    slips: int
    population: int
    area: Area

    @property
    def sort_key(self) -> tuple[int, int, int, int, str]:
        return (self.how, self.slips, -self.population, KINDS.index(self.area.kind), self.area.code)


class Gazetteer:
    """Searches all territories by name or code; immutable."""

    def __init__(self, territories: Territories) -> None:
        self._territories = territories
        self._tables = {kind: _SpellingTable(territories.areas(kind), territories) for kind in KINDS}

    def search(self, q: str, kind: TerritoryKind | None = None, limit: int = 20, near: bool = True) -> tuple[Area, ...]:
        """The territories that `q` may mean, best first, at most `limit`; () for a text that names none.

        Codes and names alike: exact, then beginning with `q`, then with a word that does, then with all words of `q`
        in any order; where there is nothing else, names a few slips away (`near`). More inhabitants come first. Retired
        codes give their successor. NUTS areas are found by name only if asked for by `kind`.
        """
        named, colon, code = q.strip().partition(":")
        if colon and named in KINDS and kind in (None, named):
            return self._find_areas(code.strip(), (named,), limit, near)
        return self._find_areas(q.strip(), (kind,) if kind else KINDS, limit, near)

    def _find_areas(self, q: str, kinds: tuple[TerritoryKind, ...], limit: int, near: bool) -> tuple[Area, ...]:
        query = _normalise(q[:LONGEST_QUERY])
        if not query:
            return ()
        asked = [kind for kind in kinds if kind != "nuts" or len(kinds) == 1 or _NUTS_CODE.fullmatch(query)]
        tables = [self._tables[kind] for kind in asked]
        found = [item for table in tables for item in table.find(query, limit)]
        # the area that a code of a commune, an EPCI or a NUTS area stands for, which may be retired
        ordinal = self._territories.commune_ordinal(q.upper())
        if ordinal is not None and "commune" in asked:
            found.append(FoundArea(EXACT, 0, 0, self._territories.areas("commune")[ordinal]))
        for kind, written in (("epci", _SIREN), ("nuts", _NUTS_CODE)):
            if kind in asked and written.fullmatch(q.lower()):
                with suppress(UnknownTerritory):
                    found.append(FoundArea(EXACT, 0, 0, self._territories.area(f"{kind}:{q.upper()}")))
        if near and not found:
            found = [item for table in tables for item in table.near(query)]
        ranked = dict.fromkeys(item.area for item in sorted(found, key=lambda item: item.sort_key))
        return tuple(ranked)[:limit]


class _SpellingTable:
    """The sorted spellings of the areas of one kind: codes, postal codes, and names from each of their words on."""

    def __init__(self, areas: Sequence[Area], territories: Territories) -> None:
        self._areas = areas
        self._communes = territories.communes
        self._names = [_normalise(area.label) for area in areas]
        inhabitants = [commune.population for commune in territories.communes]
        counts = [sum(inhabitants[ordinal] for ordinal in area.communes) for area in areas]
        self._populations = np.array(counts, dtype=np.int64)
        self._texts, owners, are_whole = zip(*sorted(self._spellings()), strict=True)
        self._owners = np.array(owners, dtype=np.int64)
        hows = np.where(are_whole, BEGINNING, WORD_BEGINNING)
        self._ranks = hows * EVERYONE - self._populations[self._owners]

    def find(self, query: str, limit: int) -> list[FoundArea]:
        """The best areas with a spelling that begins with the query, or with one for each word of the query."""
        matching = self._rows_beginning_with(query)
        ranks = self._ranks[matching]
        exact = np.arange(len(ranks)) < bisect_right(self._texts, query) - matching.start
        ranks = np.where(exact & (ranks <= BEGINNING * EVERYONE), ranks - (BEGINNING - EXACT) * EVERYONE, ranks)
        owners = self._owners[matching]
        words = [word for word in query.split() if word not in _EMPTY]
        if len(words) > 1:
            holders = (set(self._owners[self._rows_beginning_with(word)].tolist()) for word in words)
            scattered = np.array(sorted(set.intersection(*holders)), dtype=np.int64)
            owners = np.concatenate([owners, scattered])
            ranks = np.concatenate([ranks, ALL_WORDS * EVERYONE - self._populations[scattered]])
        # the owners of the lowest ranks, each once with its lowest: enough of them, however many spellings each has
        enough = limit * MOST_SPELLINGS
        if len(ranks) > enough:
            kept = np.argpartition(ranks, enough)[:enough]
            owners, ranks = owners[kept], ranks[kept]
        best: dict[int, int] = {}
        for place in np.argsort(ranks, kind="stable").tolist():
            best.setdefault(int(owners[place]), int(ranks[place]))
        found = []
        for owner, rank in best.items():
            how = -(-rank // EVERYONE)
            found.append(FoundArea(how, 0, how * EVERYONE - rank, self._areas[owner]))
        return found[:limit]

    def near(self, query: str) -> Iterator[FoundArea]:
        """The areas whose name differs from the query by a few slips of the keyboard."""
        slips = max((allowed for letters, allowed in SLIPS if len(query) >= letters), default=0)
        if not slips:
            return
        matches = process.extract(query, self._names, scorer=OSA.distance, score_cutoff=slips, limit=NEAREST)
        for _, differing, owner in matches:
            yield FoundArea(NEAR, int(differing), int(self._populations[owner]), self._areas[owner])

    def _rows_beginning_with(self, beginning: str) -> slice:
        return slice(bisect_left(self._texts, beginning), bisect_left(self._texts, beginning + _AFTER_EVERY_LETTER))

    def _spellings(self) -> Iterator[tuple[str, int, bool]]:
        """Each spelling, the position of its area, and whether it is the whole name (articles aside) or a code."""
        for owner, area in enumerate(self._areas):
            names = {self._names[owner]} if area.label == area.name else {self._names[owner], _normalise(area.name)}
            for name in names:
                words, is_whole = name.split(), True
                for place, word in enumerate(words):
                    yield " ".join(words[place:]), owner, is_whole
                    is_whole = is_whole and word in _ARTICLES
            yield area.code.lower(), owner, True
            if area.kind == "commune":
                yield from ((code, owner, True) for code in self._communes[area.communes[0]].postal_codes)


def _normalise(text: str) -> str:
    """A name folded, with one form for the short and long forms of a word ("st brieuc", "communauté de…")."""
    folded = " ".join(_SHORT_FORMS.get(word, word) for word in fold(text).split())
    for long, short in _LONG_FORMS:
        folded = folded.replace(long, short)
    return folded


def name_similarity(one: Name, other: Name) -> float:
    """The similarity of two spellings of one name, at most 1; 0 where they are different names.

    Their own words are the same in any order, but for one slip (a letter more, less, other, or swapped with the next)
    in one longer word. A word more is another name: neighbours at one address are called "… Services" and "… Intérim".
    So are names that state different legal forms ("association", "SARL") or kinds ("AI", "ACI"); one may be silent.
    """
    for mine, theirs in ((one.forms, other.forms), (one.kinds, other.kinds)):
        if mine and theirs and mine.isdisjoint(theirs):
            return 0.0
    if not one.words:
        return 0.0
    if one.words != other.words:
        left, others = list(one.words), list(other.words)
        for word in one.words:
            if word in others:
                left.remove(word)
                others.remove(word)
        if not (len(left) == len(others) == 1 and may_slip(left[0]) and may_slip(others[0])):
            return 0.0
        if OSA.distance(*left, *others) != 1:
            return 0.0
    return fuzz.token_sort_ratio(one.whole, other.whole) / 100
