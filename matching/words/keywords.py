"""Free French text → segments of the taxonomy, with a confidence; below a floor the text stays unknown.

The same words mean the same as keywords, as a title and in a search. A few words are read here, by the phrases of the
taxonomy that they say in whole or in part, in spite of slips; longer texts by their sentence (`title_reader.py`).
"""

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from domain.needs.lot_words import without_terms
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.text.normalise import fold, stem
from matching.words import word_model
from matching.words.title_reader import Reading, TitleReader
from matching.words.titles import LONGEST_TITLE, taxonomy_phrases

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
CACHED_WORDS = 8192

_DOUBLED = re.compile(r"([a-z])\1")
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
    """A label or synonym of a segment, as stems; `segment` None: a phrase known to name another trade."""

    words: tuple[str, ...]
    segment: str | None


class PhraseMatch(NamedTuple):
    """A phrase found in a text: the weighted share of it found (0 to 1), how many words of it, and where (`mask`)."""

    phrase: Phrase
    share: float
    words: int
    mask: int

    @property
    def is_meant(self) -> bool:
        """Whether the text says enough of the phrase, in words that stand near each other."""
        span = self.mask.bit_length() - (self.mask & -self.mask).bit_length() + 1
        if span > self.words + LOOSENESS:
            return False
        return self.share >= STATED or (self.share >= HINTED and self.words > 1)


class Lexicon:
    """The phrases of a taxonomy, indexed by word; immutable but for its caches."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        vocabulary = taxonomy.vocabulary
        self._forms = vocabulary.stemmed_forms()
        self._linking, self._ignored = vocabulary.linking, vocabulary.linking | vocabulary.empty
        self.filler = frozenset(stem(word) for word in vocabulary.filler)
        stated = (Phrase(words, segment) for segment, words in taxonomy_phrases(taxonomy, self._phrase_stems))
        self.phrases = tuple(dict.fromkeys(stated))
        self._word_weights = _word_weights(self.phrases, self.filler)
        self._totals = tuple(sum(map(self.weight, phrase.words)) for phrase in self.phrases)
        self._containing: dict[str, list[int]] = {}
        for place, phrase in enumerate(self.phrases):
            for word in phrase.words:
                self._containing.setdefault(word, []).append(place)
        self._vocabulary = tuple(self._containing)
        self._undoubled = tuple(map(_undouble, self._vocabulary))
        self.near = functools.lru_cache(CACHED_WORDS)(self._near)
        self.completed = functools.lru_cache(CACHED_WORDS)(self._words_beginning_with)
        self._parts_of = functools.lru_cache(CACHED_WORDS)(self._split_joined_word)

    def weight(self, word: str) -> float:
        """The weight of a word in naming an activity, at most 1; a word of no phrase weighs like a rare one."""
        return self._word_weights.get(word, FILLER_WEIGHT if word in self.filler else 1.0)

    def words(self, text: str) -> tuple[Word, ...]:
        """The meaningful words of a text, each once, without articles and numbers; words written in two are joined."""
        return tuple(self._words_in_turn(text))

    def _words_in_turn(self, text: str) -> Iterator[Word]:
        seen: set[str] = set()
        for clause in _CLAUSE.split(text):
            depth = 0
            for place, (word, linked) in enumerate(self._mend_split_words(list(self._words_with_links(clause)))):
                complement = linked and place > 0
                depth += complement or depth > 0
                if word not in seen:
                    seen.add(word)
                    yield Word(word, complement, depth)

    def is_sentence(self, text: str) -> bool:
        """Whether a text has more words than A_TITLE, of which some are of no phrase and some are no filler."""
        is_known = is_filler = True
        for count, (word, _, _) in enumerate(self._words_in_turn(text), start=1):
            is_known, is_filler = is_known and word in self._containing, is_filler and word in self.filler
            if count > A_TITLE and not (is_known or is_filler):
                return True
        return False

    def matches(self, likenesses: Sequence[Mapping[str, float]]) -> list[PhraseMatch]:
        """The phrases that share a word with a text; `likenesses`: of each word of the text to known words like it."""
        found: dict[int, dict[str, float]] = {}
        masks: Counter[int] = Counter()
        for place, alike in enumerate(likenesses):
            for word, likeness in alike.items():
                for entry in self._containing[word]:
                    likenesses_of = found.setdefault(entry, {})
                    likenesses_of[word] = max(likenesses_of.get(word, 0.0), likeness)
                    masks[entry] |= 1 << place
        return [
            PhraseMatch(
                self.phrases[entry],
                sum(self.weight(word) * likeness for word, likeness in said.items()) / self._totals[entry],
                len(said),
                masks[entry],
            )
            for entry, said in found.items()
        ]

    def _words_with_links(self, text: str) -> Iterator[tuple[str, bool]]:
        """The meaningful words of a text, each with whether a linking word stands before it."""
        linked = False
        for word in fold(text).split():
            if word not in self._ignored:
                yield word, linked
            linked = word in self._linking or (linked and word in self._ignored)

    def _phrase_stems(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._taxonomy_stem(word) for word, _ in self._words_with_links(text)))

    def _taxonomy_stem(self, word: str) -> str:
        return self._forms.get(stem(word), stem(word))

    def _mend_split_words(self, words: list[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
        """The words, after joining those written in two ("bio déchets") and parting those written as one."""
        place = 0
        while place < len(words):
            word, complement = words[place]
            joined = self._taxonomy_stem(word + words[place + 1][0]) if place + 1 < len(words) else ""
            if joined in self._containing:
                yield joined, complement
                place += 2
                continue
            place += 1
            yield from ((part, complement) for part in self._parts_of(word))

    def _split_joined_word(self, word: str) -> tuple[str, ...]:
        known = self._taxonomy_stem(word)
        if known in self._containing:
            return (known,)
        for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
            parts = self._taxonomy_stem(word[:cut]), self._taxonomy_stem(word[cut:])
            if not set(self._containing.get(parts[0], ())).isdisjoint(self._containing.get(parts[1], ())):
                return parts
        return () if word.isdigit() else (known,)

    def is_known(self, word: str) -> bool:
        """Whether a stem is that of a word of a phrase."""
        return word in self._containing

    def is_unfinished(self, word: str) -> bool:
        """Whether a stem is no known word but begins one."""
        return not self.is_known(word) and any(known.startswith(word) for known in self._vocabulary)

    def _near(self, word: str) -> dict[str, float]:
        """The words of the lexicon that `word` may be a slip of, with their likeness (1: the same)."""
        if word in self._containing:
            return {word: 1.0}
        if word in self.filler:
            return {}
        slips = (len(word) >= ONE_SLIP_FROM) + (len(word) >= TWO_SLIPS_FROM)
        spelt = _undouble(word)
        if not slips:
            return {}
        found = process.extract(spelt, self._undoubled, scorer=OSA.distance, score_cutoff=slips, limit=NEAREST)
        likeness = {0: DOUBLING_LIKENESS} | {
            slip: SHORT_SLIP_LIKENESS if len(spelt) <= SHORT else 1 - slip / len(spelt) for slip in (1, 2)
        }
        return {self._vocabulary[place]: likeness[slip] for known, slip, place in found if known[0] == word[0]}

    def _words_beginning_with(self, start: str) -> dict[str, float]:
        """The words of the lexicon that begin with `start`, one slip allowed if it is long, with their likeness."""
        found = {word: 0.7 + 0.3 * len(start) / len(word) for word in self._vocabulary if word.startswith(start)}
        if not found and len(start) >= ONE_SLIP_FROM:
            lengths = range(len(start) - 1, len(start) + 2)
            alike = [word for word in self._vocabulary if word[0] == start[0]]
            found = {
                word: 0.6
                for word in alike
                if any(OSA.distance(start, word[:length], score_cutoff=1) <= 1 for length in lengths)
            }
        return found | self._near(start)


def _undouble(word: str) -> str:
    """`word` with its double letters single: the commonest slip of French ("netoyage", "maconerie")."""
    return _DOUBLED.sub(r"\1", word)


def _word_weights(phrases: Iterable[Phrase], filler: frozenset[str]) -> dict[str, float]:
    """The weight of each word of the phrases: the less, the more segments it stands for; FILLER_WEIGHT for `filler`."""
    owners: dict[str, set[str | None]] = {}
    for phrase in phrases:
        for word in phrase.words:
            owners.setdefault(word, set()).add(phrase.segment)
    everywhere = math.log(max(2, len({phrase.segment for phrase in phrases})))
    return {
        word: FILLER_WEIGHT if word in filler else 1 - COMMONNESS * math.log(len(segments)) / everywhere
        for word, segments in owners.items()
    }


LONGEST_KEYWORD = 400
# Texts that may say how long, for how much or reserved to whom, which tells nothing of the trade.
_TERMS = re.compile(r"€|\beuros?\b|\d\s*(?:ans?|mois)\b|r[ée]serv|reconduc|renouvel", re.IGNORECASE)
_CONDITION = re.compile(r"(?i)(?: [-–]|[,;(:]|\bavec(?: une| des)?)\s*clauses?(?: sociales?)? d['’]insertion\b[^,;.]*")
MOST_WORDS = 32
# A text of more words than that is a sentence or a title; fewer say little, and are believed from SHORT_FLOOR on, and a
# single word that is no phrase ("entretien") from WORD_FLOOR on.
A_TITLE, SHORT_FLOOR, WORD_FLOOR = 4, 0.5, 0.88
FLOOR = 0.6
# Readings this close to the best one are meant as well.
NEAR_BEST = 0.1
# From STATED on, a text says a phrase; from HINTED on, it may mean it.
STATED, HINTED = 0.8, 0.6
# A complement nobody knows ("nettoyage de la piscine") weighs less than an unknown activity, what follows still less.
DEPTH_WEIGHTS = (1.0, 0.5, 0.3)
# Words that may stand between those of one phrase.
LOOSENESS = 2
# What completes an unknown word is not what the text is about ("construction d'une crèche").
UNKNOWN_HEAD = 0.7
# Confidence where the phrase is all the text says that we know, as part of what a fully understood text gets.
LEAST_COVERED = 0.3
SUGGESTED, SUGGESTED_BESIDE_OTHER = 0.2, 0.7
# Readings of a text that says no trade surely enough are suggested from there on.
LIKELY = 0.3
CACHED = 4096


class Interpreter:
    """Finds the segments that keywords mean; built once from a taxonomy, then only read, so threads may share it."""

    def __init__(self, taxonomy: Taxonomy, territories: Territories) -> None:
        self._lexicon = Lexicon(taxonomy)
        self.titles = TitleReader(taxonomy, territories, word_model.load())
        self._order = {segment: place for place, segment in enumerate(taxonomy.segments)}
        self._readings = functools.lru_cache(CACHED)(self._read_uncached)
        self.suggest = functools.lru_cache(CACHED)(self._suggest_uncached)
        self.names_other_trade = self.titles.names_other_trade

    def read(self, text: str, context: str = "") -> tuple[Reading, ...]:
        """The segments that keywords or a title mean, best first; () where nothing is meant with enough confidence.

        Whole phrases count before words, the governing word before its complement ("nettoyage de bibliothèques" is
        cleaning). `context` is the title of the need it is a lot of, which tells where the lot's own does not.
        """
        return self._readings(text[:LONGEST_TITLE], "" if context == text else context[:LONGEST_TITLE])

    def _suggest_uncached(self, text: str, limit: int = 5) -> tuple[str, ...]:
        """Suggested segments for a text that `read` leaves unknown, best first; () where it is like no phrase."""
        words = self._lexicon.words(self.titles.communes.without_communes(text[:LONGEST_KEYWORD]))[:MOST_WORDS]
        matches = self._lexicon.matches([self._lexicon.near(word.stem) for word in words])
        scores = ((match, match.share * self._covered_share(match.mask, words)) for match in matches)
        least = SUGGESTED_BESIDE_OTHER if self.names_other_trade(text) else SUGGESTED
        like = [reading.segment for reading in self._rank_best(scores) if reading.confidence >= least]
        likely = [each.segment for each in self.titles.explain(text).readings if each.confidence >= LIKELY]
        return tuple(dict.fromkeys((*likely, *like)))[:limit]

    def search(self, q: str, limit: int) -> tuple[Reading, ...]:
        """The segments that a text being typed may mean, best first: those it means as it stands, then those it begins.

        A last word that nobody knows and that begins a known one is taken for unfinished; it is then only completed.
        What a finished text merely resembles is never sure.
        """
        words = self._lexicon.words(q[:LONGEST_KEYWORD])[:MOST_WORDS]
        if not words and (begun := fold(q[:LONGEST_KEYWORD])):
            words = (Word(begun, False, 0),)
        near = [self._lexicon.near(word.stem) for word in words[:-1]]
        matches = self._lexicon.matches([*near, *(self._lexicon.completed(word.stem) for word in words[-1:])])
        is_unfinished = 0 < len(words) <= A_TITLE and self._lexicon.is_unfinished(words[-1].stem)
        sureness = 1.0 if is_unfinished else HINTED
        scores = (
            (match, sureness * self._covered_share(match.mask, words) * (0.5 + 0.5 * match.share)) for match in matches
        )
        first = () if is_unfinished else self.read(q)
        meant = {reading.segment for reading in first}
        return (*first, *(reading for reading in self._rank_best(scores) if reading.segment not in meant))[:limit]

    def _read_uncached(self, text: str, context: str) -> tuple[Reading, ...]:
        if _TERMS.search(text):
            text = without_terms(text) or text
        text = _CONDITION.sub("", text) or text
        if self._lexicon.is_sentence(text):
            return self.titles.read(text, context)
        words = self._lexicon.words(self.titles.communes.without_communes(text))
        if not context and all(word.stem in self._lexicon.filler for word in words):
            return ()
        # a longer text is read by phrases only where it says nothing else, as each label of a segment does
        is_short = len(words) <= A_TITLE
        by_phrases = is_short or (len(words) <= MOST_WORDS and all(self._lexicon.is_known(each.stem) for each in words))
        stated = self._stated_segments(words) if by_phrases else ()
        if stated and stated[0].confidence == 1:
            return stated
        if not is_short:
            return self.titles.read(text, context)
        if stated and any(self._is_slip(word.stem) for word in words):
            return stated
        readings = self.titles.read(text, context)
        meaningful = sum(word.stem not in self._lexicon.filler for word in words)
        floor = WORD_FLOOR if meaningful == 1 and not stated else SHORT_FLOOR
        return readings if context or (readings and readings[0].confidence >= floor) else ()

    def _is_slip(self, word: str) -> bool:
        """Whether a stem is no known word but like one."""
        return not self._lexicon.is_known(word) and not self.titles.knows(word) and bool(self._lexicon.near(word))

    def _stated_segments(self, words: Sequence[Word]) -> tuple[Reading, ...]:
        """The segments whose phrases the words contain in whole or in part, best first."""
        every = self._lexicon.matches([self._lexicon.near(word.stem) for word in words])
        meant = [match for match in every if match.is_meant]
        stated = [match for match in meant if match.share >= STATED]
        # whole phrases before words: those whose words a longer phrase says too are left out
        matches = [
            match
            for match in meant
            if not any(match.mask != other.mask and match.mask & other.mask == match.mask for other in stated)
        ]
        stated = [match for match in matches if match.share >= STATED]
        heads = [(match, self._governing_word(match, words)) for match in matches]
        # and those that merely complete another one
        free = [each for each in heads if each[1] is None or not any(other.mask >> each[1] & 1 for other in stated)]
        said, known = (functools.reduce(int.__or__, (match.mask for match, _ in some), 0) for some in (free, heads))
        understood = LEAST_COVERED + (1 - LEAST_COVERED) * self._covered_share(said, words, known)
        scores = ((match, match.share * understood * (1.0 if head is None else UNKNOWN_HEAD)) for match, head in free)
        readings = self._rank_best(scores)
        return tuple(r for r in readings if r.confidence >= max(FLOOR, readings[0].confidence - NEAR_BEST))

    def _governing_word(self, match: PhraseMatch, words: Sequence[Word]) -> int | None:
        """The position of the word that a match's first word completes; None where it completes no word but filler."""
        content = [place for place, word in enumerate(words) if word.stem not in self._lexicon.filler]
        inside = [place for place in content if match.mask >> place & 1]
        if not inside or not words[inside[0]].complement:
            return None
        return max((place for place in content if place < inside[0]), default=None)

    def _covered_share(self, mask: int, words: Sequence[Word], known: int = 0) -> float:
        """The share of a text's weight in the words of `mask` (a bit per word); others weigh less if in `known`."""
        covered = left = 0.0
        for place, word in enumerate(words):
            weight = self._lexicon.weight(word.stem)
            if mask >> place & 1:
                covered += weight
            else:
                depth = max(word.depth, known >> place & 1)
                left += weight * DEPTH_WEIGHTS[min(depth, len(DEPTH_WEIGHTS) - 1)]
        return covered / (covered + left) if covered else 0.0

    def _rank_best(self, scores: Iterable[tuple[PhraseMatch, float]]) -> tuple[Reading, ...]:
        """The reading of each segment matched, with its best score, best first."""
        best: dict[str, float] = {}
        for match, score in scores:
            if match.phrase.segment is not None:
                best[match.phrase.segment] = max(best.get(match.phrase.segment, 0.0), score)
        ranked = sorted(best.items(), key=lambda item: (-item[1], self._order[item[0]]))
        return tuple(Reading(segment, round(min(score, 1.0), 3)) for segment, score in ranked)
