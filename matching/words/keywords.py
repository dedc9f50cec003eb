"""Free French text → segments of the taxonomy, with a confidence; below a floor the text stays unknown.

A few words are read here, by phrases that they say in whole or in part; longer texts as titles are.
"""

import functools
from collections.abc import Iterable, Sequence

from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.text.normalise import fold
from matching.words import word_model
from matching.words.lexicon import Lexicon, Match, Word
from matching.words.title_reader import Reading, TitleReader

LONGEST_KEYWORD = 400
MOST_WORDS = 32
# A text of more words than that is a sentence or a title.
A_TITLE = 4
# A few words that say no phrase are believed as a title from there on.
SURE = 0.88
# And of so many typed into a search.
A_QUERY = 3
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
SUGGESTED = 0.2
CACHED = 4096


class Interpreter:
    """Reads keywords; built once from a taxonomy and then only read, so that threads may share it."""

    def __init__(self, taxonomy: Taxonomy, territories: Territories) -> None:
        self._lexicon = Lexicon(taxonomy)
        self.titles = TitleReader(taxonomy, territories, word_model.load())
        self._order = {segment: place for place, segment in enumerate(taxonomy.segments)}
        self._readings = functools.lru_cache(CACHED)(self._read)

    def read(self, keyword: str) -> tuple[Reading, ...]:
        """The segments a free French text means, best first; () where nothing is meant with enough confidence.

        Whole phrases count before words, the governing word before its complement ("nettoyage de bibliothèques" is
        cleaning); a text of more than four words is read as a title, and so is one of fewer that says no phrase. One of
        more than 400 characters or 32 words is unknown.
        """
        return self._readings(keyword) if len(keyword) <= LONGEST_KEYWORD else ()

    def suggest(self, keyword: str, limit: int = 5) -> tuple[str, ...]:
        """The segments nearest to a text that `read` leaves unknown, best first; () if no word of it is near any."""
        words = self._lexicon.words(keyword[:LONGEST_KEYWORD])[:MOST_WORDS]
        matches = self._lexicon.matches([self._lexicon.near(word.stem) for word in words])
        scores = ((match, match.share * self._covered(match.mask, words)) for match in matches)
        return tuple(reading.segment for reading in self._best(scores) if reading.confidence >= SUGGESTED)[:limit]

    def search(self, q: str, limit: int) -> tuple[Reading, ...]:
        """The segments that a text being typed may lead to, best first: its last word may be only begun."""
        words = self._lexicon.words(q[:LONGEST_KEYWORD])[:MOST_WORDS]
        if not words and (begun := fold(q[:LONGEST_KEYWORD])):
            words = (Word(begun, False, 0),)
        near = [self._lexicon.near(word.stem) for word in words[:-1]]
        matches = self._lexicon.matches([*near, *(self._lexicon.completed(word.stem) for word in words[-1:])])
        scores = ((match, self._covered(match.mask, words) * (0.5 + 0.5 * match.share)) for match in matches)
        first = self.titles.read(q) if len(words) > A_QUERY else ()
        meant = {reading.segment for reading in first}
        return (*first, *(reading for reading in self._best(scores) if reading.segment not in meant))[:limit]

    def _read(self, keyword: str) -> tuple[Reading, ...]:
        words = self._lexicon.words(keyword)
        if len(words) > MOST_WORDS or all(word.stem in self._lexicon.filler for word in words):
            return ()
        stated = self._stated(words)
        if stated and stated[0].confidence == 1:
            return stated
        as_title = self.titles.read(keyword)
        if len(words) > A_TITLE:
            return as_title
        return stated or tuple(reading for reading in as_title if reading.confidence >= SURE)

    def _stated(self, words: Sequence[Word]) -> tuple[Reading, ...]:
        """The segments whose phrases a few words say, in whole or in part."""
        matches = self._lexicon.matches([self._lexicon.near(word.stem) for word in words])
        matches = _undominated([match for match in matches if _is_meant(match)])
        free = self._free(matches, words)
        meant, known = (functools.reduce(int.__or__, (match.mask for match in some), 0) for some in (free, matches))
        understood = LEAST_COVERED + (1 - LEAST_COVERED) * self._covered(meant, words, known)
        headed = ((match, 1.0 if self._head(match, words) is None else UNKNOWN_HEAD) for match in free)
        readings = self._best((match, match.share * understood * sure) for match, sure in headed)
        return tuple(r for r in readings if r.confidence >= max(FLOOR, readings[0].confidence - NEAR_BEST))

    def _free(self, matches: list[Match], words: Sequence[Word]) -> list[Match]:
        """The matches that do not merely complete another one."""
        stated = [match for match in matches if match.share >= STATED]
        free = []
        for match in matches:
            head = self._head(match, words)
            if head is None or not any(other.mask >> head & 1 for other in stated):
                free.append(match)
        return free

    def _head(self, match: Match, words: Sequence[Word]) -> int | None:
        """The word that the match's first word completes; None if it stands on its own or completes mere filler."""
        content = [place for place, word in enumerate(words) if word.stem not in self._lexicon.filler]
        inside = [place for place in content if match.mask >> place & 1]
        if not inside or not words[inside[0]].complement:
            return None
        return max((place for place in content if place < inside[0]), default=None)

    def _covered(self, mask: int, words: Sequence[Word], known: int = 0) -> float:
        """The share of a text that the words of `mask` make up; those of `known` at least complete them."""
        covered = left = 0.0
        for place, word in enumerate(words):
            weight = self._lexicon.weight(word.stem)
            if mask >> place & 1:
                covered += weight
            else:
                depth = max(word.depth, known >> place & 1)
                left += weight * DEPTH_WEIGHTS[min(depth, len(DEPTH_WEIGHTS) - 1)]
        return covered / (covered + left) if covered else 0.0

    def _best(self, scores: Iterable[tuple[Match, float]]) -> tuple[Reading, ...]:
        best: dict[str, float] = {}
        for match, score in scores:
            if match.phrase.segment is not None:
                best[match.phrase.segment] = max(best.get(match.phrase.segment, 0.0), score)
        ranked = sorted(best.items(), key=lambda item: (-item[1], self._order[item[0]]))
        return tuple(Reading(segment, round(min(score, 1.0), 3)) for segment, score in ranked)


def _is_meant(match: Match) -> bool:
    span = match.mask.bit_length() - (match.mask & -match.mask).bit_length() + 1
    if span > match.words + LOOSENESS:
        return False
    return match.share >= STATED or (match.share >= HINTED and match.words > 1)


def _undominated(matches: list[Match]) -> list[Match]:
    """Without the matches whose words a longer phrase says too: whole phrases before words."""
    stated = [match for match in matches if match.share >= STATED]
    return [
        match
        for match in matches
        if not any(match.mask != other.mask and match.mask & other.mask == match.mask for other in stated)
    ]
