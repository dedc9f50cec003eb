"""Titles of lots and contracts → segments, each with the chance that it is meant and the words it rests on.

Phrases of the taxonomy first, a model of single words beside them (`matching/words/word_model.py`); what each is worth
was measured on titles that people labelled, so that of readings with a confidence of 0.7 some seven of ten are right.
Two questions are answered apart: whether a title says a trade of the taxonomy at all, and which.
"""

import functools
import math
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.text.normalise import stem
from matching.words.places import CommuneFinder
from matching.words.titles import LONGEST_TITLE, PhraseSpotter, Title, TitleParser, stems, taxonomy_phrases
from matching.words.word_model import Probabilities, WordModel

# Readings are given of titles that say a trade of the taxonomy with at least this chance: those from this confidence
# on, and from this share of the best one's (chosen on titles drawn at random, read by models that had not seen them).
TRADE_FLOOR, TITLE_FLOOR, BESIDE_BEST = 0.48, 0.1, 0.28
MOST_READINGS = 3
# A title of enough words that the model takes for another trade, and so little for one of the taxonomy, names another:
# of 1,422 such titles that were not held back, eleven name a trade of the taxonomy.
LIKELY_OTHER, LITTLE_TRADE, ENOUGH_WORDS = 0.7, 0.3, 3
# How many segments the model may propose beside those that phrases name, and the least chance of one.
PROPOSED, LEAST_CHANCE = 4, 0.02
# The chance of a segment that the model was not trained for: it speaks neither for nor against it.
UNTRAINED = 0.3
# Added to the score of a trade in a list of trades ("plâtrerie, menuiserie, peinture"): all of them are meant, though a
# model that divides certainty among segments finds none of them likely; so many at most without a sign between them.
LISTED, LISTED_IN_PART = 2.0, 4
# A contract of insertion names the work that carries it ("ayant pour support le nettoyage d'espaces publics").
INSERTION = "so-insertion"
# What a title has studied, by so many of its first words, is only the subject of an advice.
STUDY_WITHIN = 4
# The divisions of the CPV for works, before which those of goods come, and for services of architects and engineers.
WORKS, ENGINEERS = "45", "71"
CACHED = 4096
# How many titles of needs are remembered with their words: the lots of one are read after each other.
NEEDS = 64


class Reading(NamedTuple):
    """A segment that a text means, the chance that it does (0 to 1), and the words that say so, as stems."""

    segment: str
    confidence: float
    words: tuple[str, ...] = ()


class TitleExplanation(NamedTuple):
    """A title read in full: its object, context and words left out (`title`), the phrases found, chances, readings.

    `phrases`: each phrase found with the segments it names, none where it is known to be another trade; `other`: the
    chance of another trade by the model; `trade`: the chance of a trade of the taxonomy by all clues; `readings`: the
    first `given` of them are those that `TitleReader.read` gives.
    """

    title: Title
    phrases: tuple[tuple[str, tuple[str, ...]], ...]
    other: float
    trade: float
    readings: tuple[Reading, ...]
    given: int


class TitleClues(NamedTuple):
    """The features by which a segment of a title is scored; `WordModel.trust` has a weight for each, in this order."""

    chance: float  # logarithm of the model's chance, with what completes the object
    own_chance: float  # the same by the object alone
    other: float  # logarithm of the model's chance of another trade
    phrase: float  # a phrase of several words of the object
    word: float  # one of a single word
    alone: float  # one that is a whole part of the object, as in a list of trades
    completing_phrase: float  # phrases in what completes the object, where that says no segment
    completing_word: float
    completing_beside: float  # either, where the object says another segment
    likeliest: float  # the model's first choice
    first_phrase: float  # the first phrase of the title, of several words
    elsewhere_first: float  # the object says another trade first
    elsewhere_completing: float  # what completes the object says another trade, which itself says none
    unsaid: float  # no phrase of the object names the segment
    bought_elsewhere: float  # goods are bought, and the segment does works or services
    overseen: float  # works are designed, checked or coordinated, and the segment does works
    studied: float  # something is studied, and the segment studies nothing


class TradeClues(NamedTuple):
    """The features that tell whether a title names any trade of the taxonomy, weighed by `WordModel.trade_trust`."""

    other: float  # logarithm of the model's chance of another trade, with what completes the object
    best: float  # log-odds of the best reading
    together: float  # logarithm of the sum of all readings' confidence


class _Phrases:
    """The phrases found in the parts of a title, by segment, and whether one names a trade outside the taxonomy."""

    def __init__(
        self, found: Iterable[tuple[tuple[str, ...], tuple[str, ...]]], parts: Container[tuple[str, ...]]
    ) -> None:
        self.found = list(found)
        self.long: set[str] = set()
        self.short: set[str] = set()
        self.alone: set[str] = set()
        self.others: set[tuple[str, ...]] = set()
        for words, segments in self.found:
            if not segments:
                self.others.add(words)
                continue
            (self.long if len(words) > 1 else self.short).update(segments)
        # parts that say trades alone, one or several ("plâtrerie peinture")
        for start, size in product(range(len(self.found)), range(1, LISTED_IN_PART + 1)):
            run = self.found[start : start + size]
            if all(segments for _, segments in run) and sum((words for words, _ in run), ()) in parts:
                self.alone.update(*(segments for _, segments in run))
        self.named = self.long | self.short
        self.first = set(self.found[0][1]) if self.found else set()
        self.elsewhere_first = bool(self.found) and not self.found[0][1]


class TitleReader:
    """Finds the segments that titles mean; built once and then only read, so that threads may share it."""

    def __init__(self, taxonomy: Taxonomy, territories: Territories, model: WordModel) -> None:
        self._model, self.knows = model, model.knows
        """Whether a stem is one that titles are read by."""
        self._places = {segment: place for place, segment in enumerate(model.segments) if segment in taxonomy.segments}
        self._order = {segment: place for place, segment in enumerate(taxonomy.segments)}
        vocabulary = taxonomy.vocabulary
        self._forms = vocabulary.stemmed_forms()
        self._premises = frozenset(map(self.stems, vocabulary.premises))
        self._running = frozenset(map(stem, vocabulary.running))
        self._vague = frozenset(map(self.stems, vocabulary.vague))
        self._works = frozenset(map(stem, vocabulary.works))
        self._buying = frozenset(map(stem, vocabulary.buying))
        self._studying = frozenset(map(stem, vocabulary.studying))
        self._overseeing = frozenset(map(self.stems, vocabulary.overseeing))
        segments, studying = taxonomy.segments.values(), self._studying
        self._advisers = frozenset(
            s.id for s in segments if any(self.stems(each)[0] in studying for each in s.synonyms)
        )
        self._goods = frozenset(
            segment.id for segment in segments if not segment.works and any(code < WORKS for code in segment.cpv)
        )
        divisions = {segment.id: {code[:2] for code in segment.cpv} for segment in segments}
        self._builders = frozenset(segment for segment, codes in divisions.items() if WORKS in codes)
        self.only_built = frozenset(segment for segment in self._builders if ENGINEERS not in divisions[segment])
        """The segments of works that no services of engineers are of."""
        meanings: dict[tuple[str, ...], dict[str, None]] = {words: {} for words in self._premises}
        for segment_id, words in taxonomy_phrases(taxonomy, self.stems):
            if segment_id is None:
                meanings[words] = {}
            elif words:
                meanings.setdefault(words, {})[segment_id] = None
        self._spotter: PhraseSpotter[tuple[str, ...]] = PhraseSpotter()
        for words, named in meanings.items():
            self._spotter.learn(words, tuple(named))
        known = model.common.union(*meanings)
        self.communes = CommuneFinder(territories, known.__contains__)
        """Finds the communes that texts name."""
        self._parser = TitleParser(self.communes.names, known.__contains__, self._forms)
        self._need = functools.lru_cache(NEEDS)(self._parser.parse)
        self._readings = functools.lru_cache(CACHED)(self._read_uncached)

    def stems(self, phrase: str) -> tuple[str, ...]:
        """The stems of a phrase, each in the form that the taxonomy uses."""
        return tuple(self._forms.get(word, word) for word in stems(phrase))

    def read(self, title: str, context: str = "") -> tuple[Reading, ...]:
        """The segments that a title means, best first, three or all of a list; () where it says no trade of these.

        `context` is the title of the need it is a lot of, which tells where the lot's own does not.
        """
        return self._readings(title[:LONGEST_TITLE], context[:LONGEST_TITLE])[0]

    def names_other_trade(self, title: str) -> bool:
        """Whether a title names a trade outside the taxonomy, by a phrase or likely by the model."""
        return self._readings(title[:LONGEST_TITLE], "")[1]

    def explain(self, title: str, context: str = "") -> TitleExplanation:
        """Read a title in full: the words set aside, the phrases found, and every reading with its words."""
        weighed = self._score_title(title, context)
        phrases = tuple((" ".join(words), segments) for words, segments in weighed.phrases)
        ranked = self._rank_segments(weighed)
        trade = self._trade_chance(weighed, ranked)
        readings = tuple(self._reading(weighed, *each) for each in ranked)
        return TitleExplanation(
            weighed.title, phrases, weighed.whole.other, trade, readings, len(_sure_readings(weighed, ranked, trade))
        )

    def clues(self, title: str, context: str = "") -> dict[str, TitleClues]:
        """By segment that a title may mean, the features it is scored by; `context`: the title of the need."""
        weighed = self._score_title(title, context)
        return {segment: self._segment_clues(weighed, segment) for segment in self._proposed_segments(weighed)}

    def trade_clues(self, title: str, context: str = "") -> TradeClues:
        """The features that tell whether a title names any trade of the taxonomy; `context`: the title of the need."""
        weighed = self._score_title(title, context)
        return _trade_clues(weighed, self._rank_segments(weighed))

    def _segment_clues(self, scored: "_ScoredTitle", segment: str) -> TitleClues:
        """The features by which one segment of a title is scored."""
        own, around, chances = scored.own, scored.around, scored.chances
        said, place = segment in own.named, self._places.get(segment)
        return TitleClues(
            chance=math.log((float(scored.whole.segments[place]) if place is not None else UNTRAINED) + 1e-3),
            own_chance=math.log((float(chances.segments[place]) if place is not None else UNTRAINED) + 1e-3),
            other=math.log(chances.other + 1e-2),
            phrase=segment in own.long,
            word=segment in own.short,
            alone=segment in own.alone,
            completing_phrase=segment in around.long and not own.named,
            completing_word=segment in around.short and not own.named,
            completing_beside=segment in around.named and bool(own.named) and not said,
            likeliest=place is not None and place == chances.likeliest,
            first_phrase=segment in own.first and segment in own.long,
            elsewhere_first=own.elsewhere_first,
            elsewhere_completing=bool(around.others) and not own.others,
            unsaid=not said,
            bought_elsewhere=scored.buys and segment not in self._goods,
            overseen=scored.oversees and segment in self._builders,
            studied=scored.studies and segment not in self._advisers,
        )

    def _read_uncached(self, title: str, context: str) -> tuple[tuple[Reading, ...], bool]:
        """The readings of a title, and whether it names another trade."""
        weighed = self._score_title(title, context)
        ranked = self._rank_segments(weighed)
        trade = self._trade_chance(weighed, ranked)
        readings = tuple(self._reading(weighed, *each) for each in _sure_readings(weighed, ranked, trade))
        says_much = sum(map(len, weighed.title.parts)) >= ENOUGH_WORDS
        is_other = says_much and not readings and weighed.whole.other > LIKELY_OTHER and trade < LITTLE_TRADE
        return readings, is_other or bool(weighed.own.others or weighed.around.others)

    def _score_title(self, title: str, context: str) -> "_ScoredTitle":
        parsed = self._parser.parse(self.communes.without_communes(title))
        if context and context != title:
            around = self._need(self.communes.without_communes(context))
            aside = tuple(dict.fromkeys(parsed.aside + around.aside))
            parsed = Title(parsed.parts, parsed.context + around.parts, aside)
        chances = self._model.probabilities(parsed.parts)
        whole = self._model.probabilities(parsed.context, chances) if parsed.context else chances
        own, around_it = (
            _Phrases(self._spot_phrases(parts), {*parts} - self._premises) for parts in (parsed.parts, parsed.context)
        )
        buys = any(len(part) > 1 and part[0] in self._buying for part in parsed.parts[:2])
        oversees = not self._overseeing.isdisjoint(own.others | around_it.others)
        studies = any(not self._studying.isdisjoint(part[:STUDY_WITHIN]) for part in parsed.parts[:1])
        return _ScoredTitle(parsed, own, around_it, chances, whole, bool(context), buys, oversees, studies)

    def _spot_phrases(self, parts: Sequence[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """The phrases found in the parts of a title, each with the segments that it names.

        Premises name a trade only where they are run, not where something is done to them ("extension de la crèche"),
        vague phrases only where nothing else is said, works only where no other trade's thing is worked on
        ("réhabilitation de l'écluse").
        """
        spotted = [*([] if self._spotter.none_in(part) else list(self._spotter.spot(part)) for part in parts), []]
        for place, part in enumerate(parts):
            for order, (at, length, segments) in enumerate(spotted[place]):
                phrase, after = part[at : at + length], at + length < len(part)
                if self._works.issuperset(phrase):
                    things = spotted[place][order + 1 :] if after else spotted[place + 1]
                    said = all(thing.meaning for thing in things)
                elif phrase in self._vague:
                    said = not after and len(parts) == 1 and self._running.issuperset(part[:at])
                else:
                    said = phrase not in self._premises or (bool(segments) and self._running.issuperset(part[:at]))
                if said:
                    yield phrase, segments

    def _proposed_segments(self, weighed: "_ScoredTitle") -> Iterator[str]:
        """The segments that phrases of the title name or that the model finds likeliest, in no order."""
        named = weighed.own.named | weighed.around.named
        for chances in (weighed.chances, weighed.whole)[: 1 + bool(weighed.title.context)]:
            likely = (chances.segments > LEAST_CHANCE).nonzero()[0].tolist()
            likeliest = sorted(likely, key=chances.segments.__getitem__, reverse=True)[:PROPOSED]
            named |= {self._model.segments[place] for place in likeliest}
        yield from (segment for segment in named if segment in self._order)

    def _rank_segments(self, weighed: "_ScoredTitle") -> list[tuple[str, float]]:
        """The segments that a title may mean, each with its confidence, best first."""
        bias, *weights = self._model.trust
        ranked, listed = [], weighed.listed_segments
        # another trade that the need's title names takes nothing from one that the lot's own names
        kept = weighed.own.named if weighed.in_need and weighed.around.named - weighed.own.named else set()
        for segment in self._proposed_segments(weighed):
            clues = self._segment_clues(weighed, segment)
            if segment in kept:
                clues = clues._replace(chance=max(clues.chance, clues.own_chance))
            score = bias + sum(weight * value for weight, value in zip(weights, clues, strict=True) if value)
            score += LISTED if segment in listed else 0.0
            ranked.append((segment, round(1 / (1 + math.exp(-score)), 3)))
        return sorted(ranked, key=lambda item: (-item[1], self._order[item[0]]))

    def _trade_chance(self, weighed: "_ScoredTitle", ranked: Sequence[tuple[str, float]]) -> float:
        """The chance that a title names a trade of the taxonomy; 1 where the model has no weights for that."""
        bias, *weights = self._model.trade_trust or (math.inf,)
        clues = _trade_clues(weighed, ranked)
        return 1 / (1 + math.exp(-bias - sum(weight * clue for weight, clue in zip(weights, clues, strict=False))))

    def _reading(self, weighed: "_ScoredTitle", segment: str, confidence: float) -> Reading:
        said = [" ".join(words) for words, segments in weighed.phrases if segment in segments]
        place = self._places.get(segment)
        backed = () if said or place is None else self._model.reasons(weighed.whole.known, place)
        return Reading(segment, confidence, tuple(dict.fromkeys((*said, *backed))))


class _ScoredTitle(NamedTuple):
    """A parsed title, phrases of its object (`own`) and context (`around`); `chances` by its object, `whole` by both.

    `in_need`: it was read with the title of its need; `buys`: it buys goods; `oversees`: it has works designed, checked
    or coordinated; `studies`: it has something studied.
    """

    title: Title
    own: _Phrases
    around: _Phrases
    chances: Probabilities
    whole: Probabilities
    in_need: bool
    buys: bool
    oversees: bool
    studies: bool

    @property
    def phrases(self) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        return self.own.found + self.around.found

    @property
    def listed_segments(self) -> set[str]:
        """The segments that are parts of the title's object of their own, or are named beside insertion."""
        carrying = self.own.named - {INSERTION} if INSERTION in self.own.named else set()
        return carrying | (self.own.alone if len(self.own.alone) > 1 else set())


def _trade_clues(weighed: _ScoredTitle, ranked: Sequence[tuple[str, float]]) -> TradeClues:
    best = ranked[0][1] if ranked else 0.0
    return TradeClues(
        other=math.log(weighed.whole.other + 1e-2),
        best=math.log((best + 1e-2) / (1.01 - best)),
        together=math.log(sum(confidence for _, confidence in ranked) + 1e-2),
    )


def _sure_readings(weighed: _ScoredTitle, ranked: list[tuple[str, float]], trade: float) -> list[tuple[str, float]]:
    """The ranked segments with enough confidence to be read in a title; none where the chance of a trade is low."""
    if trade < TRADE_FLOOR or not ranked:
        return []
    floor = max(TITLE_FLOOR, BESIDE_BEST * ranked[0][1])
    return [each for each in ranked[: max(MOST_READINGS, len(weighed.listed_segments))] if each[1] >= floor]
