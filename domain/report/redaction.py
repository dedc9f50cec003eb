"""Persons taken out of texts, where a document may not tell of them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

from domain.exchanges.rules import MARK, folded_words_with_spans, replace_by_marks
from domain.text.normalise import fold

# Suppliers without an account write these texts, so the time that a pattern takes grows as their length and no faster.
# A run of the characters that an address may begin with is read once, whether a domain follows it or not.
_AT = r"(?:@|%40|\s?[\[(]\s?(?i:at|arobase)\s?[\])]\s?)"
EMAIL = re.compile(rf"[\w.+-]+(?P<domain>{_AT}[\w-]+(?:\.[\w-]+)+)?")
# Each group takes all digits that it can and gives none back, or a long number would be cut in every possible way.
PHONE = re.compile(
    r"(?<![\w+.,-])(?:"
    r"(?:\+|00)(?P<abroad>[1-9](?:\d{1,2}+\)?)?(?:[\s.-]?\(?\d{1,4}+\)?){0,6})"
    # in pairs, with the same sign between them, which dates have not; else with spaces anywhere
    r"|(?:\(0[1-9]\)|0[1-9])(?:(?P<between>[\s./–-]?)\d{2}(?:(?P=between)\d{2}){3}|(?:\s?\d){8})"
    r")(?![\w-])"
)
FEWEST_DIGITS_ABROAD = 4
SHORTEST_NAME = 3
LONGEST_GAP = 3
"""The most signs between two words of a name."""
TITLES = {"m", "mr", "mme", "mlle", "dr", "pr", "me", "monsieur", "madame", "mademoiselle", "docteur", "professeur"}

Words = tuple[str, ...]


class Redaction:
    """Takes e-mail addresses, telephone numbers and the names of known persons out of texts.

    A name counts in any order of its words, with or without accents and capitals; what follows its first word, or is in
    capitals in it, also alone where it is written with a capital: "Mme Le Goff", "M. KERMARREC". Where `redacted` is
    false, texts stay as they are.
    """

    def __init__(self, redacted: bool, names: Iterable[str] = ()) -> None:
        self.redacted = redacted
        # by their first words; each with whether it takes a capital
        self._names: dict[str, dict[Words, bool]] = {}
        for name in names:
            for words, with_capital in _ways_to_write(name):
                known = self._names.setdefault(words[0], {})
                known[words] = known.get(words, True) and with_capital

    def text(self, text: str) -> str:
        """The text, with "[…]" in the place of each e-mail address, number and name."""
        if not self.redacted:
            return text
        text = EMAIL.sub(lambda found: MARK if found["domain"] else found[0], text)
        text = PHONE.sub(lambda found: MARK if _is_phone(found["abroad"]) else found[0], text)
        if not self._names:
            return text
        text = unicodedata.normalize("NFC", text)
        return replace_by_marks(text, self._name_spans(text))

    def optional_text(self, text: str | None) -> str | None:
        """The text redacted; None stays None."""
        return None if text is None else self.text(text)

    def personal(self, text: str | None) -> str | None:
        """A text about a single person, unchanged; None in a redacted document."""
        return None if self.redacted else text

    def _name_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans of names in the text, none overlapping; of names that begin at one word, the longest."""
        found, past = folded_words_with_spans(text), 0
        words = [word for word, _ in found]
        is_apart = [after[0] - before[1] > LONGEST_GAP for (_, before), (_, after) in pairwise(found)]
        for at, word in enumerate(words):
            ends = [
                end
                for name, with_capital in self._names.get(word, {}).items()
                if tuple(words[at : (end := at + len(name))]) == name
                and not any(is_apart[at : end - 1])
                and (not with_capital or any(text[first].isupper() for _, (first, _) in found[at:end]))
            ]
            if ends and at >= past:
                past = max(ends)
                yield found[at][1][0], found[past - 1][1][1]


def _is_phone(abroad: str | None) -> bool:
    """Whether what looks like a telephone number is one; `abroad`: its digits after "+" or "00", None without these."""
    return abroad is None or len(re.findall(r"\d", abroad)) >= FEWEST_DIGITS_ABROAD


def _ways_to_write(name: str) -> Iterator[tuple[Words, bool]]:
    """Yield words to look for, and whether one needs a capital: the name begun at each word, then the surname."""
    given = [word for word in name.split() if fold(word)]
    while given and fold(given[0]) in TITLES:
        del given[0]
    words = tuple(" ".join(map(fold, given)).split())
    if len(" ".join(given)) < SHORTEST_NAME:
        return
    for at in range(len(words)):
        yield words[at:] + words[:at], False
    in_capitals = [word for word in given if len(word) > 1 and word.isupper()]
    surname = in_capitals if 0 < len(in_capitals) < len(given) else given[1:]
    if len(" ".join(surname)) >= SHORTEST_NAME:
        yield tuple(" ".join(map(fold, surname)).split()), True
