"""Phrases found in a text, the longest first: one spotter for what buyers write and what suppliers say they do."""

from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from domain.text.normalise import fold, stem

Meaning = TypeVar("Meaning")

# Between the words of a phrase these change nothing: "collecte de papiers", "collecte des papiers".
LINKS = frozenset(
    [
        "a",
        "au",
        "aux",
        "avec",
        "ce",
        "ces",
        "cet",
        "cette",
        "d",
        "dans",
        "de",
        "des",
        "du",
        "elle",
        "en",
        "est",
        "il",
        "l",
        "la",
        "le",
        "les",
        "leur",
        "leurs",
        "n",
        "par",
        "pour",
        "qui",
        "que",
        "s",
        "sa",
        "se",
        "ses",
        "son",
        "sont",
        "sur",
        "un",
        "une",
        "y",
    ]
)


class Spotted(NamedTuple, Generic[Meaning]):
    """A phrase that stands in a text: where its words begin, how many they are, and what it means."""

    start: int
    length: int
    meaning: Meaning


class PhraseSpotter(Generic[Meaning]):
    """Knows phrases as stems and what each means; longer ones hide those inside them."""

    def __init__(self) -> None:
        self._meanings: dict[tuple[str, ...], Meaning] = {}
        # by first word the longest phrase that begins with it, so that most words are passed at one look
        self._longest: dict[str, int] = {}

    def learn(self, words: tuple[str, ...], meaning: Meaning) -> None:
        """Adds a phrase, or gives a known one another meaning."""
        self._meanings[words] = meaning
        self._longest[words[0]] = max(self._longest.get(words[0], 0), len(words))

    def meaning(self, words: tuple[str, ...]) -> Meaning | None:
        return self._meanings.get(words)

    def none_in(self, words: Sequence[str]) -> bool:
        """Whether no word of a text begins a phrase."""
        return self._longest.keys().isdisjoint(words)

    def spot(self, words: Sequence[str]) -> Iterator[Spotted[Meaning]]:
        """The phrases among the stems of a text, from left to right; none overlaps another."""
        at, end, longest = 0, len(words), self._longest
        while at < end:
            if (length := longest.get(words[at], 0)) == 0:
                at += 1
                continue
            length = min(length, end - at)
            while length and (found := self._meanings.get(tuple(words[at : at + length]))) is None:
                length -= 1
            if length and found is not None:
                yield Spotted(at, length, found)
            at += length or 1


def stems(text: str) -> tuple[str, ...]:
    """The stems of a text's words without those that merely link: "Collecte des papiers" → ("collecte", "papier")."""
    return tuple([stem(word) for word in fold(text).split() if word not in LINKS])
