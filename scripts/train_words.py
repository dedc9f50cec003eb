"""Trains the word model: `python -m scripts.train_words [DATA]` writes `domain/data/words.npz`.

DATA is the folder of real records (default `../shared/data`); SOURCES.md names what is read of it. Only weights of
words are written, no text. No network, no random numbers: the same files give the same weights.

1. Objects of awards count for the segments of their CPV code; where the code is general, for those that phrases name;
   where it stands for none, as another trade. Labels of CPV and ROME codes, synonyms, sector names and what buyers are
   known to write (`title_phrases.toml`) count as well.
2. A softmax regression on words, their beginnings and pairs of neighbouring words is fitted to them.
3. As codes of awards are often wrong, half of what an award counts for is what the model makes of it; fitted again.
4. From there the model is adapted to the titles that people labelled, those not held back, and to the phrases again.
5. What phrases and the model are worth together is fitted to the same titles, each read by a model that was adapted to
   the others (in folds): a model knows the titles it was fitted to better than it will know any other. Titles that were
   labelled because of how they were read teach words alone: they are not what titles usually are.
6. So is what they say of whether a title says a trade of the taxonomy at all, on what they are then worth.

`python -m bench.reading.title_folds` trains it on some folds of the labelled titles and measures it on the others.
"""

import csv
import math
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.reading.titles import LabelledTitle, award_objects, ess_awards, fold_of, labelled, sibling
from domain.reference import cpv, taxonomy, territory
from domain.text.normalise import fold, stem
from matching.words.title_reader import TitleClues, TitleReader, TradeClues
from matching.words.titles import stems
from matching.words.word_model import ENDING, REST, WordModel, features_of

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "domain" / "data" / "words.npz"
PHRASES = Path(__file__).with_name("title_phrases.toml")
ROUNDS, RATE, DECAY = 100, 0.1, 1e-5
# How many sums are made at once.
BLOCK = 256
# Rounds of a model that is fitted again, at the lower rate.
MORE_ROUNDS = 40
# Rounds of one that is adapted to labelled titles, and how strongly it is held to what it was.
ADAPTING_ROUNDS, HOLD = 100, 3e-5
# The weight from which a text is a phrase, and what one counts beside a labelled title, so that it is not forgotten.
PHRASE, KEPT = 2.0, 0.3
# How much an award counts for what the model makes of it, the rest for its code.
DOUBT = 0.5
# A word is kept from so many texts on, a pair from one more; words of the taxonomy always.
RARE = 2
# An end that more words share ("…ation") tells nothing of them.
MOST_ENDS = 40
# A word that stands in small letters so often is more than the name of a place.
COMMON = 2
OTHER = "other"

Targets = dict[str, float]
Floats = npt.NDArray[np.float32]
# Weights, a row per feature and a column per class, and the biases of the classes.
Fitted = tuple[Floats, Floats]

# Codes so wide that they tell neither a segment nor another trade.
_WIDE = re.compile(
    r"..000000|45000|50[07]0|503[24]|5030|7[0159]00|790|7930|7990|9[0258]00|905[01]|9051[01]|9090|85[03]|8531|75[0123]|851"
    r"|60[01]|39[12]0"
)
_MUTE = frozenset(("75231240", "85312510"))
_LABEL_BREAK = re.compile(r"[,;()/-]|\bet\b")


@dataclass
class Texts:
    """The training texts: features, the segments each counts for, its weight, and whether that is doubtful."""

    features: list[tuple[str, ...]] = field(default_factory=list)
    targets: list[Targets] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    doubtful: list[bool] = field(default_factory=list)

    def add(
        self, parts: Iterable[Sequence[str]], target: Iterable[str], weight: float, *, doubtful: bool = False
    ) -> None:
        """Add a text; its weight is divided among the segments in `target`."""
        names = tuple(target)
        if names and (features := features_of(parts)):
            self.features.append(features)
            self.targets.append({name: 1 / len(names) for name in names})
            self.weights.append(weight)
            self.doubtful.append(doubtful)

    def phrases(self) -> "Texts":
        """The texts that are phrases of the taxonomy."""
        rows = [row for row, weight in enumerate(self.weights) if weight >= PHRASE]
        features, targets = [self.features[row] for row in rows], [self.targets[row] for row in rows]
        return Texts(features, targets, [KEPT] * len(rows), [False] * len(rows))

    def doubt(self, classes: Sequence[str], chances: Floats) -> None:
        """Let each doubtful text count for a model's chances of the classes as well."""
        for at in np.flatnonzero(self.doubtful).tolist():
            mixed = {name: (1 - DOUBT) * share for name, share in self.targets[at].items()}
            for name, chance in zip(classes, chances[at].tolist(), strict=True):
                mixed[name] = mixed.get(name, 0.0) + DOUBT * chance
            self.targets[at] = mixed


class Trainer:
    """Trains word models on the reference data and on the files in the folder `data`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.taxonomy, self.cpv, self.territories = taxonomy.load(), cpv.load(), territory.load()
        self.classes = (*self.taxonomy.segments, OTHER)
        self.objects = award_objects(data)
        self.common = _common_words(self.objects)
        self.reader = self.reader_of(self._model([], _zero_fit(0, len(self.classes)), []))
        texts = self.texts = self._texts()
        self.features = self._features(texts)
        fitting = Fitting(texts, self.features, self.classes)
        fitted = fitting.fit(_zero_fit(len(self.features), len(self.classes)), ROUNDS)
        texts.doubt(self.classes, fitting.chances(fitted))
        self.fitted = Fitting(texts, self.features, self.classes).fit(fitted, MORE_ROUNDS, again=True)

    def train(self, titles: Sequence[LabelledTitle]) -> WordModel:
        """The model of all texts, adapted to some labelled titles."""
        numbers = sorted(set(map(fold_of, titles)))
        usual = [title for title in titles if not title.selected]
        folds = [[title for title in usual if fold_of(title) == number] for number in numbers]
        unseen = [self._adapted(title for title in titles if fold_of(title) != number) for number in numbers]

        def readers_by_fold(trust: Sequence[float]) -> Iterator[tuple[TitleReader, list[LabelledTitle]]]:
            for group, fitted in zip(folds, unseen, strict=True):
                yield self.reader_of(self._model(self.features, fitted, trust)), group

        trust = _trust(each for reader, group in readers_by_fold([]) for each in _clues(reader, group))
        trade_trust = _trust(each for reader, group in readers_by_fold(trust) for each in _trade_clues(reader, group))
        return self._model(self.features, self._adapted(titles), trust, trade_trust)

    def reader_of(self, model: WordModel) -> TitleReader:
        """A reader of titles with that model."""
        return TitleReader(self.taxonomy, self.territories, model)

    def _adapted(self, titles: Iterable[LabelledTitle]) -> Fitted:
        """Weights and biases adapted to labelled titles and phrases; weights of features that no text has stay."""
        texts = self.texts.phrases()
        for title in titles:
            texts.add(self._parts(title.title, title.need), title.segments or (OTHER,), 0.5 if title.selected else 1.0)
        weights, biases = self.fitted
        rows_of = {name: row for row, name in enumerate(self.features)}
        names = sorted({feature for features in texts.features for feature in features if feature in rows_of})
        rows = [rows_of[name] for name in names]
        adapted = weights.copy()
        adapted[rows], biases = Fitting(texts, names, self.classes).adapt((weights[rows], biases))
        return adapted, biases

    def _parts(self, title: str, need: str = "") -> tuple[tuple[str, ...], ...]:
        """The parts of a title, with what completes them where none has a word of the taxonomy."""
        explained = self.reader.explain(title, need)
        own = {word for phrase, segments in explained.phrases for word in phrase.split() if segments}
        said = any(word in own for part in explained.title.parts for word in part)
        return explained.title.parts if said else explained.title.parts + explained.title.context

    def _texts(self) -> Texts:
        texts = Texts()
        labels = {sibling(title.title) for title in [*labelled(self.data), *ess_awards(self.data)]}
        for text, code in self.objects.items():
            if sibling(text) not in labels:
                texts.add(self._parts(text), self._segments_of_award(text, code), 1.0, doubtful=True)
        for code in self.cpv:
            target = self.taxonomy.of_cpv(code) or (() if _WIDE.match(code) else (OTHER,))
            texts.add(map(stems, _LABEL_BREAK.split(self.cpv.label(code) or "")), target, 0.5)
        self._add_phrases(texts)
        for code, label in _rows(self.data / "rome" / "rome_labels.csv"):
            jobs = self.taxonomy.of_rome(code)
            texts.add(map(stems, _LABEL_BREAK.split(label)), jobs or (OTHER,), 1.0 if jobs else 0.3)
        for name, sectors in _sectors():
            texts.add([stems(name)], [sector for sector in sectors if sector in self.taxonomy.segments], 1.0)
        return texts

    def _add_phrases(self, texts: Texts) -> None:
        """Add the phrases of the taxonomy and those that buyers are known to write."""
        vague = frozenset(map(self.reader.stems, self.taxonomy.vocabulary.vague))
        for segment in self.taxonomy.segments.values():
            for phrase in (*segment.synonyms, segment.label):
                if (words := self.reader.stems(phrase)) not in vague:
                    texts.add([words], (segment.id,), 2.0)
        for phrase in self.taxonomy.vocabulary.outside:
            texts.add([self.reader.stems(phrase)], (OTHER,), 3.0)
        written = tomllib.loads(PHRASES.read_text("utf-8"))
        for name, phrases in written["phrases"].items():
            for phrase in phrases:
                texts.add([self.reader.stems(phrase)], (name,), 3.0)
        for name, (heads, complements) in written["combinations"].items():
            meant = name if name in self.taxonomy.segments else OTHER
            for head, complement in product(heads, complements):
                texts.add([self.reader.stems(f"{head} {complement}")], (meant,), 1.0)

    def _segments_of_award(self, text: str, code: str) -> Sequence[str]:
        """The segments that an award's object counts for."""
        found: dict[str, int] = {}
        for phrase, segments in self.reader.explain(text).phrases:
            for segment in segments:
                found[segment] = max(found.get(segment, 0), len(phrase.split()))
        stated = [segment for segment, length in found.items() if length > 1]
        segments = self.taxonomy.of_cpv(code)
        if segments:
            both = [segment for segment in segments if segment in found]
            if both or not self.taxonomy.is_general_cpv(code):
                return both or segments
            return (stated or list(found))[:3] or (segments if code.startswith(("4521", "4545")) else ())
        return stated if len(code) != 8 or code in _MUTE or _WIDE.match(code) else (OTHER,)

    def _features(self, texts: Texts) -> list[str]:
        """The features that the model keeps, in alphabetical order."""
        kept = Counter(feature for features in texts.features for feature in features)
        phrases = [p for s in self.taxonomy.segments.values() for p in (*s.synonyms, s.label)]
        stated = {feature for phrase in phrases for feature in features_of([stems(phrase)])}
        ends = Counter(REST + word[-ENDING:] for word in kept if " " not in word and REST not in word)
        return sorted(f for f, n in kept.items() if (n >= RARE + (" " in f) or f in stated) and ends[f] <= MOST_ENDS)

    def _model(
        self, names: Sequence[str], fitted: Fitted, trust: Sequence[float], trade_trust: Sequence[float] = ()
    ) -> WordModel:
        weights, biases = fitted
        scales = np.maximum(np.abs(weights).max(axis=0, initial=0.0), 1e-6) / 127
        return WordModel(
            segments=self.classes[:-1],
            features=names,
            weights=np.round(weights / scales).astype(np.int8),
            scales=scales,
            biases=biases,
            common=sorted(self.common),
            trust=trust or [0.0] * (len(TitleClues._fields) + 1),
            trade_trust=trade_trust,
        )


class Fitting:
    """A softmax regression of texts' features on the classes that they count for."""

    def __init__(self, texts: Texts, names: Sequence[str], classes: Sequence[str]) -> None:
        rows_of = {name: row for row, name in enumerate(names)}
        pairs = [(at, rows_of[f]) for at, features in enumerate(texts.features) for f in features if f in rows_of]
        self._text_of, self._feature_of = np.array(pairs).T
        self._count = len(texts.features)
        sizes = np.bincount(self._text_of, minlength=self._count).clip(1)
        self._value = (1 / np.sqrt(sizes))[self._text_of].astype(np.float32)[:, None]
        self._wanted = np.zeros((self._count, len(classes)), np.float32)
        places = {name: place for place, name in enumerate(classes)}
        for at, target in enumerate(texts.targets):
            for name, share in target.items():
                self._wanted[at, places[name]] += share
        self._counting = (np.array(texts.weights) / sum(texts.weights)).astype(np.float32)[:, None]
        order = np.argsort(self._feature_of, kind="stable")
        self._text_by_feature, self._value_by_feature = self._text_of[order], self._value[order]
        self._feature_starts = np.flatnonzero(np.diff(self._feature_of[order], prepend=-1))
        self._known_features = self._feature_of[order][self._feature_starts]
        self._text_starts = np.flatnonzero(np.diff(self._text_of, prepend=-1))

    def chances(self, fitted: Fitted) -> Floats:
        """The chances of the classes for each text."""
        weights, biases = fitted
        sums = np.tile(biases, (self._count, 1))
        known = self._text_of[self._text_starts]
        sums[known] += _sums_of_runs(self._text_starts, len(self._text_of), weights, self._feature_of, self._value)
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        chances: Floats = powers / powers.sum(axis=1, keepdims=True)
        return chances

    def fit(self, start: Fitted, rounds: int, *, again: bool = False) -> Fitted:
        """Weights and biases fitted from `start` on; `again`: at the lower rate throughout."""
        high = 0 if again else math.ceil(0.6 * rounds) - 1
        rates = [RATE] * high + [RATE * 0.3] * (rounds - high)
        return self._descend(start, rates, _zero_fit(*start[0].shape)[0], DECAY)

    def adapt(self, start: Fitted) -> Fitted:
        """Weights and biases fitted from `start` on, with the weights pulled towards those of `start`."""
        return self._descend(start, [RATE * 0.3] * ADAPTING_ROUNDS, start[0], HOLD)

    def _descend(self, start: Fitted, rates: Iterable[float], held: Floats, hold: float) -> Fitted:
        """Full-batch Adam from `start` on, a round for each rate, the weights pulled to `held` with force `hold`."""
        weights, biases = start[0].copy(), start[1].copy()
        moments = [np.zeros_like(values) for values in (weights, weights, biases, biases)]
        by_feature = self._text_by_feature, self._value_by_feature
        for turn, rate in enumerate(rates, 1):
            error = (self.chances((weights, biases)) - self._wanted) * self._counting
            slope = hold * (weights - held)
            slope[self._known_features] += _sums_of_runs(self._feature_starts, len(self._text_of), error, *by_feature)
            _adam_step(weights, slope, moments[0], moments[1], rate, turn)
            _adam_step(biases, error.sum(axis=0), moments[2], moments[3], rate, turn)
        return weights, biases


def _sums_of_runs(
    starts: npt.NDArray[np.int64], end: int, rows: Floats, numbers: npt.NDArray[np.int64], factors: Floats
) -> Floats:
    """The sums, from each start to the next, of the rows with these numbers, each times its factor.

    Made block by block, so that what is summed stays in the processor's cache.
    """
    sums = np.empty((len(starts), rows.shape[1]), np.float32)
    bounds = [*starts[::BLOCK].tolist(), end]
    for first, (low, high) in zip(range(0, len(starts), BLOCK), pairwise(bounds), strict=True):
        counted = rows[numbers[low:high]] * factors[low:high]
        sums[first : first + BLOCK] = np.add.reduceat(counted, starts[first : first + BLOCK] - low)
    return sums


def _zero_fit(features: int, classes: int) -> Fitted:
    return np.zeros((features, classes), np.float32), np.zeros(classes, np.float32)


def _adam_step(values: Floats, slope: Floats, mean: Floats, square: Floats, rate: float, turn: int) -> None:
    """Change `values` by a step of Adam down the slope, and its two moments (`mean`, `square`) too."""
    mean += 0.1 * (slope - mean)
    square += 0.01 * (slope * slope - square)
    values -= rate * (mean / (1 - 0.9**turn)) / (np.sqrt(square / (1 - 0.99**turn)) + 1e-6)


def _clues(reader: TitleReader, titles: Iterable[LabelledTitle]) -> Iterator[tuple[TitleClues, bool]]:
    """Yield the clues to each segment that a title may mean, and whether it means that one."""
    for title in titles:
        for segment, clues in reader.clues(title.title, title.need).items():
            yield clues, segment in title.segments


def _trade_clues(reader: TitleReader, titles: Iterable[LabelledTitle]) -> Iterator[tuple[TradeClues, bool]]:
    """Yield the clues to whether a title names any trade of the taxonomy, and whether it does."""
    for title in titles:
        yield reader.trade_clues(title.title, title.need), bool(title.segments)


def _trust(clues: Iterable[tuple[Sequence[float], bool]]) -> list[float]:
    """The weights, bias first, by which clues tell what is right: a logistic regression on clues with the answer."""
    rows, right = zip(*clues, strict=True)
    known = np.array([[1.0, *map(float, each)] for each in rows])
    meant = np.array(right, dtype=float)
    weights = np.zeros(known.shape[1])
    for _ in range(40):
        chance = 1 / (1 + np.exp(-known @ weights))
        curve = (known * (chance * (1 - chance))[:, None]).T @ known + np.eye(len(weights))
        weights += np.linalg.solve(curve, known.T @ (meant - chance))
    return [float(weight) for weight in weights.round(3)]


def _common_words(texts: Iterable[str]) -> frozenset[str]:
    """The stems of words that stand in small letters in texts not written in capitals."""
    counts: Counter[str] = Counter()
    for text in texts:
        if sum(map(str.isupper, text)) < len(text) / 2:
            counts.update(stem(fold(word)) for word in re.findall(r"(?<![\w�])[a-zà-ÿ]{2,}(?![\w�])", text))
    return frozenset(word for word, count in counts.items() if count >= COMMON)


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the code and the label of each row of a CSV file."""
    with path.open(encoding="utf-8", newline="") as lines:
        yield from ((row["code"], row["label"]) for row in csv.DictReader(lines))


def _sectors() -> Iterator[tuple[str, list[str]]]:
    """Yield the words of each sector of le marché de l'inclusion, and the segments it stands for."""
    table = tomllib.loads((ROOT / "domain" / "data" / "lemarche_sectors.toml").read_text("utf-8"))
    for slug, segments in table["sectors"].items():
        yield re.sub(r"-\d+$", "", slug).replace("-", " "), segments


def write(model: WordModel) -> None:
    """Write the model's arrays to TARGET, texts as bytes."""
    arrays = model.arrays()
    with TARGET.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    model = Trainer(data).train([title for title in labelled(data) if not title.held_back])
    write(model)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")
    for fields, weights in ((TitleClues._fields, model.trust), (TradeClues._fields, model.trade_trust)):
        print(", ".join(f"{name} {value}" for name, value in zip(("bias", *fields), weights, strict=True)))


if __name__ == "__main__":
    main()
