"""Persons taken out of texts, where a document may not tell of them."""

import re
from collections.abc import Collection, Iterable

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(
    r"(?<![\w+.,-])(?:(?:\+|00)[1-9]\d{0,2}(?:[\s.-]?\(?\d{1,4}\)?){3,6}|0[1-9](?:[\s.-]?\d{2}){4})(?![\w-])"
)
MARK = "[…]"
SHORTEST_NAME = 3


class Redaction:
    """Takes out of texts the e-mail addresses, the telephone numbers and the persons that are known by name.

    A person is also taken out by what follows the first word of the name, written with a capital: "Mme Le Goff".
    Where `redacted` is false, texts stay as they are.
    """

    def __init__(self, redacted: bool, names: Iterable[str] = ()) -> None:
        self.redacted = redacted
        known = {" ".join(name.split()) for name in names}
        known = {name for name in known if len(name) >= SHORTEST_NAME}
        surnames = {name.partition(" ")[2] for name in known}
        self._whole = _any_of(known, re.IGNORECASE)
        self._surnames = _any_of({s for s in surnames if len(s) >= SHORTEST_NAME and s[0].isupper()}, 0)

    def text(self, text: str) -> str:
        """The text, with a mark in the place of what was taken out."""
        if not self.redacted:
            return text
        for pattern in (EMAIL, PHONE, self._whole, self._surnames):
            if pattern is not None:
                text = pattern.sub(MARK, text)
        return text

    def optional(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def personal(self, text: str | None) -> str | None:
        """A text that is a person's own; None where it is left out as a whole."""
        return None if self.redacted else text


def _any_of(names: Collection[str], flags: int) -> re.Pattern[str] | None:
    """Any of the names as whole words, the longest first, whatever the spaces between their words."""
    if not names:
        return None
    written = (r"\s+".join(map(re.escape, name.split())) for name in sorted(names, key=lambda name: (-len(name), name)))
    return re.compile(rf"(?<!\w)(?:{'|'.join(written)})(?!\w)", flags)
