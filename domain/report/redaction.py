"""Persons taken out of texts, where a document may not tell of them."""

import re
from collections.abc import Collection, Iterable

# Suppliers without an account write these texts, so the time that a pattern takes grows as their length and no faster.
# A run of the characters that an address may begin with is read once, whether a domain follows it or not.
EMAIL = re.compile(r"[\w.+-]+(?P<domain>@[\w-]+(?:\.[\w-]+)+)?")
# Each group takes all digits that it can and gives none back, or a long number would be cut in every possible way.
PHONE = re.compile(
    r"(?<![\w+.,-])(?:"
    r"(?:\+|00)(?P<abroad>[1-9](?:\d{1,2}+\)?)?(?:[\s.-]?\(?\d{1,4}+\)?){0,6})"
    r"|0[1-9](?:[\s.-]?\d{2}){4}"
    r")(?![\w-])"
)
FEWEST_DIGITS_ABROAD = 4
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
        text = PHONE.sub(_without_phone, EMAIL.sub(_without_email, text))
        for names in (self._whole, self._surnames):
            if names is not None:
                text = names.sub(MARK, text)
        return text

    def optional(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def personal(self, text: str | None) -> str | None:
        """A text that is a person's own; None where it is left out as a whole."""
        return None if self.redacted else text


def _without_email(found: re.Match[str]) -> str:
    return found[0] if found["domain"] is None else MARK


def _without_phone(found: re.Match[str]) -> str:
    abroad = found["abroad"]
    return MARK if abroad is None or len(re.findall(r"\d", abroad)) >= FEWEST_DIGITS_ABROAD else found[0]


def _any_of(names: Collection[str], flags: int) -> re.Pattern[str] | None:
    """Any of the names as whole words, the longest first, whatever the spaces between their words."""
    if not names:
        return None
    written = (r"\s+".join(map(re.escape, name.split())) for name in sorted(names, key=lambda name: (-len(name), name)))
    return re.compile(rf"(?<!\w)(?:{'|'.join(written)})(?!\w)", flags)
