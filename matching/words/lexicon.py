"""The words and phrases of the taxonomy, and how much of each a French text says."""

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from domain.reference.taxonomy import Taxonomy
from domain.text.normalise import fold, stem

FILLER_WEIGHT = 0.3
# A word found in every segment weighs this much less than one found in a single segment.
COMMONNESS = 0.5
# Letters that may differ, by length of the word: one from four letters on, two in long words; never the first.
ONE_SLIP_FROM, TWO_SLIPS_FROM = 4, 11
# One slip in a shorter word makes it another word as often as not ("chaine", "chaise").
SHORT, SHORT_SLIP_LIKENESS = 6, 0.75
DOUBLING_LIKENESS = 0.95
# The parts of words written as one ("espacesverts") have at least so many letters.
SHORTEST_PART = 4
NEAREST = 5
CACHED = 8192

_DOUBLED = re.compile(r"([a-z])\1")
_LABEL_PART = re.compile(r"[,:()]")
_CLAUSE = re.compile(r"[,;:/+&()|•\n]|\b(?:et|ou)\b", re.IGNORECASE)


class Word(NamedTuple):
    """A word of a text, as a stem.

    `complement`: it completes what stands before it ("nettoyage de *locaux*"); `depth`: how far it stands from the head
    of its clause, 0 up to the first complement, which has 1.
    """

    stem: str
    complement: bool
    depth: int


class Phrase(NamedTuple):
    """A label or synonym as stems; `segment` None: a phrase known to be another trade."""

    words: tuple[str, ...]
    segment: str | None


class Match(NamedTuple):
    """The part of a phrase that a text says (0 to 1), by how many and which of its words (a bit per word)."""

    phrase: Phrase
    share: float
    words: int
    mask: int


class Lexicon:
    """Every phrase of a taxonomy, by word; immutable but for its caches."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        vocabulary = taxonomy.vocabulary
        self._forms = {stem(form): stem(word) for form, word in vocabulary.forms.items()}
        self._linking, self._ignored = vocabulary.linking, vocabulary.linking | vocabulary.empty
        self.filler = frozenset(stem(word) for word in vocabulary.filler)
        stated = ((self._stems(text), segment) for text, segment in self._phrase_texts(taxonomy))
        self.phrases = tuple(Phrase(words, segment) for words, segment in dict.fromkeys(stated))
        self._weights = _weights(self.phrases, self.filler)
        self._totals = tuple(sum(map(self.weight, phrase.words)) for phrase in self.phrases)
        self._containing: dict[str, list[int]] = {}
        for place, phrase in enumerate(self.phrases):
            for word in phrase.words:
                self._containing.setdefault(word, []).append(place)
        self._vocabulary = tuple(self._containing)
        self._undoubled = tuple(map(_undoubled, self._vocabulary))
        self.near = functools.lru_cache(CACHED)(self._near)
        self.completed = functools.lru_cache(CACHED)(self._completed)

    def weight(self, word: str) -> float:
        """The weight of a word for the activity, at most 1; a word of no phrase says as much as a rare one."""
        return self._weights.get(word, FILLER_WEIGHT if word in self.filler else 1.0)

    def words(self, text: str) -> tuple[Word, ...]:
        """The words of a text that mean something, each once: no articles, no bare numbers; split words are mended."""
        found: dict[str, Word] = {}
        for clause in _CLAUSE.split(text):
            depth = 0
            for place, (word, linked) in enumerate(self._rejoined(list(self._linked(clause)))):
                complement = linked and place > 0
                depth += complement or depth > 0
                found.setdefault(word, Word(word, complement, depth))
        return tuple(found.values())

    def matches(self, likenesses: Sequence[Mapping[str, float]]) -> list[Match]:
        """The phrases that share a word with a text, given for each of its words the like words of the lexicon."""
        found: dict[int, dict[str, float]] = {}
        masks: Counter[int] = Counter()
        for place, alike in enumerate(likenesses):
            for word, likeness in alike.items():
                for entry in self._containing[word]:
                    likenesses_of = found.setdefault(entry, {})
                    likenesses_of[word] = max(likenesses_of.get(word, 0.0), likeness)
                    masks[entry] |= 1 << place
        matches = []
        for entry, alike_words in found.items():
            weight = sum(self.weight(word) * likeness for word, likeness in alike_words.items())
            match = Match(self.phrases[entry], weight / self._totals[entry], len(alike_words), masks[entry])
            matches.append(match)
        return matches

    def _phrase_texts(self, taxonomy: Taxonomy) -> Iterator[tuple[str, str | None]]:
        """Labels, their parts of several words (a part of one word is in the synonyms if it says enough), synonyms."""
        for segment in taxonomy.segments.values():
            parts = (part for part in _LABEL_PART.split(segment.label) if len(self._stems(part)) > 1)
            yield from ((text, segment.id) for text in (segment.label, *parts, *segment.synonyms))
        yield from ((text, None) for text in taxonomy.vocabulary.outside)

    def _linked(self, text: str) -> Iterator[tuple[str, bool]]:
        """The words that have a meaning, with whether a linking word stands before."""
        linked = False
        for word in fold(text).split():
            if word not in self._ignored:
                yield word, linked
            linked = word in self._linking or (linked and word in self._ignored)

    def _stems(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._known_form(word) for word, _ in self._linked(text)))

    def _known_form(self, word: str) -> str:
        return self._forms.get(stem(word), stem(word))

    def _rejoined(self, words: list[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
        """The words with those written in two ("bio déchets") joined and those written as one parted."""
        place = 0
        while place < len(words):
            word, complement = words[place]
            joined = self._known_form(word + words[place + 1][0]) if place + 1 < len(words) else ""
            if joined in self._containing:
                yield joined, complement
                place += 2
                continue
            place += 1
            yield from ((part, complement) for part in self._parts(word))

    def _parts(self, word: str) -> tuple[str, ...]:
        known = self._known_form(word)
        if known in self._containing:
            return (known,)
        for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
            parts = self._known_form(word[:cut]), self._known_form(word[cut:])
            if not set(self._containing.get(parts[0], ())).isdisjoint(self._containing.get(parts[1], ())):
                return parts
        return () if word.isdigit() else (known,)

    def _near(self, word: str) -> dict[str, float]:
        """The words of the lexicon that `word` may be a slip of, with their likeness (1: the same)."""
        if word in self._containing:
            return {word: 1.0}
        if word in self.filler:
            return {}
        slips = (len(word) >= ONE_SLIP_FROM) + (len(word) >= TWO_SLIPS_FROM)
        spelt = _undoubled(word)
        if not slips:
            return {}
        found = process.extract(spelt, self._undoubled, scorer=OSA.distance, score_cutoff=slips, limit=NEAREST)
        return {self._vocabulary[p]: _likeness(spelt, slip) for known, slip, p in found if known[0] == word[0]}

    def _completed(self, start: str) -> dict[str, float]:
        """The words of the lexicon that begin with `start`, one slip allowed if it is long, with their likeness."""
        found = {word: 0.7 + 0.3 * len(start) / len(word) for word in self._vocabulary if word.startswith(start)}
        if not found and len(start) >= ONE_SLIP_FROM:
            found = {word: 0.6 for word in self._vocabulary if _begins_nearly(word, start)}
        return found | self._near(start)


def _begins_nearly(word: str, start: str) -> bool:
    lengths = range(len(start) - 1, len(start) + 2)
    return word[0] == start[0] and any(OSA.distance(start, word[:length], score_cutoff=1) <= 1 for length in lengths)


def _undoubled(word: str) -> str:
    """`word` with its double letters single: the commonest slip of French ("netoyage", "maconerie")."""
    return _DOUBLED.sub(r"\1", word)


def _likeness(word: str, slips: float) -> float:
    if not slips:
        return DOUBLING_LIKENESS
    return SHORT_SLIP_LIKENESS if len(word) <= SHORT else 1 - slips / len(word)


def _weights(phrases: Iterable[Phrase], filler: frozenset[str]) -> dict[str, float]:
    owners: dict[str, set[str | None]] = {}
    for phrase in phrases:
        for word in phrase.words:
            owners.setdefault(word, set()).add(phrase.segment)
    everywhere = math.log(max(2, len({phrase.segment for phrase in phrases})))
    return {
        word: FILLER_WEIGHT if word in filler else 1 - COMMONNESS * math.log(len(segments)) / everywhere
        for word, segments in owners.items()
    }
