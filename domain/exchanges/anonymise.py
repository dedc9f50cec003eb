"""Detection and redaction of text that identifies the supplier who asks."""

import re
import unicodedata
from collections.abc import Iterator

from domain.exchanges.exchange import Recipient
from domain.text.normalise import fold

LEFT_OUT = "[…]"
_SIREN_DIGITS = 9
_WORD = re.compile(r"[^\W_]+")

Span = tuple[int, int]


def identifying_text(asker: Recipient, text: str) -> str | None:
    """The first name, e-mail address, SIREN or SIRET of the asker in the text, as written there; None without any.

    A name of one word counts only as it is written, capitals and all: not "Envie" in "si vous avez envie".
    """
    text = unicodedata.normalize("NFC", text)
    spans = [span for span in _identifying_spans(asker, text) if not _is_common_word(asker, text[slice(*span)])]
    return text[slice(*min(spans))] if spans else None


def redacted(asker: Recipient, text: str) -> str:
    """The text with "[…]" in the place of all that identifies the asker, a name of one word also in other letters."""
    text = unicodedata.normalize("NFC", text)
    parts, end = [], 0
    for first, last in sorted(_identifying_spans(asker, text)):
        if first >= end:
            parts += [text[end:first], LEFT_OUT]
        end = max(end, last)
    return "".join((*parts, text[end:]))


def _identifying_spans(asker: Recipient, text: str) -> Iterator[Span]:
    if asker.email:
        yield from (found.span() for found in re.finditer(re.escape(asker.email), text, re.IGNORECASE))
    if asker.siret:
        siren, rest = asker.siret[:_SIREN_DIGITS], asker.siret[_SIREN_DIGITS:]
        number = r"\s*".join(siren) + r"(?:\s*" + r"\s*".join(rest) + ")?"
        yield from (found.span() for found in re.finditer(number, text))
    words = [(fold(found.group()), found.span()) for found in _WORD.finditer(text)]
    for name in _names(asker):
        sought = fold(name).split()
        for place in range(len(words) - len(sought) + 1) if sought else ():
            if [word for word, _ in words[place : place + len(sought)]] == sought:
                yield words[place][1][0], words[place + len(sought) - 1][1][1]


def _names(asker: Recipient) -> tuple[str, str]:
    """The registered name, and the same without the brackets at its end."""
    return asker.name, asker.name.partition("(")[0]


def _is_common_word(asker: Recipient, found: str) -> bool:
    alike = [name.strip() for name in _names(asker) if fold(name) == fold(found)]
    return len(fold(found).split()) == 1 and bool(alike) and found not in alike
