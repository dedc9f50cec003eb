"""The weight that words, their beginnings, ends and pairs have for each segment: a regression, trained once.

`scripts/train_words.py` makes `domain/data/words.npz` (see SOURCES.md there). It backs the phrases of the taxonomy
where a title says its object in other words, and tells objects of other trades ("réactifs", "maîtrise d'œuvre").
"""

import functools
import math
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# A part of a sum that is no more than this share of the largest is not told as a reason.
TOLD = 0.25
# So many letters are the beginning of a longer word, and so many the end of one of at least eight letters, which
# instruments of a kind share ("…scope", "…metre"); a mark that no word holds stands for the rest.
BEGINNING, ENDING, LONG = 6, 5, 8
REST = "*"
# How many words are remembered with their features.
REMEMBERED = 8192


class Probabilities(NamedTuple):
    """The chance of each segment, which is `likeliest`, and of an `other` trade.

    `known`: the rows of the features found; `sums`: of their weights, 0 where there are none.
    """

    segments: Floats
    likeliest: int
    other: float
    known: tuple[int, ...]
    sums: npt.NDArray[np.int32] | Literal[0]


class WordModel:
    """The weights of words for each segment; immutable. `common`: words that also mean something besides a place."""

    def __init__(
        self,
        *,
        segments: Sequence[str],
        features: Sequence[str],
        weights: npt.NDArray[np.int8],
        scales: npt.NDArray[np.float32],
        biases: npt.NDArray[np.float32],
        common: Iterable[str],
        trust: Sequence[float],
        trade_trust: Sequence[float] = (),
    ) -> None:
        self.segments = tuple(segments)
        self.common = frozenset(common)
        self.trust, self.trade_trust = tuple(trust), tuple(trade_trust)
        self._features = tuple(features)
        self._rows = {feature: row for row, feature in enumerate(features)}
        self._rows_of = functools.lru_cache(REMEMBERED)(self._known_rows)
        self._weights, self._scales, self._biases = weights, scales.astype(np.float64), biases.astype(np.float64)

    def probabilities(self, words: Sequence[Sequence[str]], before: Probabilities | None = None) -> Probabilities:
        """The chance of each segment for a text, given as stems by part, after what was read `before`."""
        found = {} if before is None else dict.fromkeys(before.known)
        counted, sums = len(found), 0 if before is None else before.sums
        for part in words:
            for word in part:
                found.update(self._rows_of(word))
            for one, word in pairwise(part):
                if (row := self._rows.get(f"{one} {word}")) is not None:
                    found[row] = None
        known = tuple(found)
        if rows := known[counted:]:
            sums = sums + np.add.reduce(self._weights.take(rows, axis=0), axis=0, dtype=np.int32)
        scores = self._biases + sums * (self._scales / math.sqrt(len(known))) if known else self._biases
        powers = np.exp(scores - np.maximum.reduce(scores))
        chances = powers / np.add.reduce(powers)
        return Probabilities(chances[:-1], int(chances[:-1].argmax()), float(chances[-1]), known, sums)

    def knows(self, word: str) -> bool:
        """Whether a stem has a weight of its own."""
        return word in self._rows

    def _known_rows(self, word: str) -> dict[int, None]:
        """The rows of the model for the features of a single word, as keys."""
        return {row: None for feature in features_of([(word,)]) if (row := self._rows.get(feature)) is not None}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The model as arrays by name, as `load` reads them; texts are bytes."""
        texts = {"segments": self.segments, "features": tuple(self._rows), "common": tuple(sorted(self.common))}
        return {
            **{name: np.frombuffer("\n".join(lines).encode(), np.uint8) for name, lines in texts.items()},
            "weights": self._weights,
            "scales": self._scales.astype(np.float32),
            "biases": self._biases.astype(np.float32),
            "trust": np.array(self.trust, np.float32),
            "trade_trust": np.array(self.trade_trust, np.float32),
        }

    def reasons(self, known: Sequence[int], segment_position: int, limit: int = 4) -> tuple[str, ...]:
        """The features at the rows `known` that weigh most for a segment of the model, the strongest first."""
        values = self._weights[list(known), segment_position].tolist()
        ranked = sorted(zip(values, known, strict=True), key=lambda pair: -pair[0])
        told = (self._features[row] for value, row in ranked[:limit] if value > TOLD * ranked[0][0] > 0)
        return tuple(feature.replace(REST, "…") for feature in told)


def features_of(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The features of a text, each once: words, pairs of neighbours, beginnings and endings of long words."""
    found: dict[str, None] = {}
    for part in parts:
        found.update(dict.fromkeys(part))
        found.update(dict.fromkeys(map(" ".join, pairwise(part))))
        found.update(dict.fromkeys([word[:BEGINNING] + REST for word in part if len(word) > BEGINNING]))
        found.update(dict.fromkeys([REST + word[-ENDING:] for word in part if len(word) >= LONG]))
    return tuple(found)


@functools.cache
def load() -> WordModel:
    """The model as committed in `domain/data/words.npz`."""
    with (files("domain") / "data" / "words.npz").open("rb") as file, np.load(file) as arrays:
        texts = {name: bytes(arrays[name]).decode().split("\n") for name in ("segments", "features", "common")}
        weights, scales, biases = (arrays[name] for name in ("weights", "scales", "biases"))
        trust, trade_trust = ([float(each) for each in arrays[name]] for name in ("trust", "trade_trust"))
    return WordModel(
        segments=texts["segments"],
        features=texts["features"],
        weights=weights,
        scales=scales,
        biases=biases,
        common=texts["common"],
        trust=trust,
        trade_trust=trade_trust,
    )
