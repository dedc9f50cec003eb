"""Regular expressions for PostgreSQL that match a person's full name, address or number in a text, and nothing else.

Every case and accent is spelt out: what the server takes for a letter depends on the locale it was set up with.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import ColumnElement, Text, func

from domain.privacy.data_subject import SHORTEST_NAME_WORD, Identifiers
from domain.text.normalise import fold

MOST_WORDS_TURNED = 8
"""Words of the longest name that is also looked for with its last words first."""
# those of word processors too, some of no width; and their hyphens and dashes
_SPACE, _DASH = "\\s\u00a0\u2000-\u200b\u202f\u2060\ufeff", "\u2010-\u2015"
_LETTER = "0-9A-Za-z\u00c0-\u024f"
_ACCENTS = "[\u0300-\u036f]*"
# In the text of a JSON document a line break is written \n. Quotation marks end a text there, and a mention with it.
_BREAK = r"\\[nrt]"
_BETWEEN_WORDS = rf"(?:[{_SPACE}{_DASH},.'’_/()-]|{_BREAK}){{1,3}}"
_BETWEEN_DIGITS = f"[{_SPACE}{_DASH}./()-]{{0,3}}"
_FRENCH = rf"(?:(?:\+|00)33{_BETWEEN_DIGITS}(?:0{_BETWEEN_DIGITS})?|0)"
# One lookaround for all alternatives: PostgreSQL takes fifty times as long with one for each.
_WORDS = rf"(?:({_BREAK})|(?<![{_LETTER}]))(?:{{}})(?![{_LETTER}])"
_ADDRESSES = rf"(?:({_BREAK})|(?<![{_LETTER}_.+-]))(?:{{}})(?![{_LETTER}_-]|\.[{_LETTER}])"
_LOCAL = f"[{_LETTER}_.+-]"
# in addresses of pages an @ is written %40
_AT, _DOMAIN = "(?:@|%40)", rf"[{_LETTER}-]+(?:\.[{_LETTER}-]+)+"
_TOUCHING = rf"((?:[{_SPACE},;:<>()/|_.+–—-]|{_BREAK}|mailto:){{{{0,4}}}})"
_NAME_AND_ADDRESS = rf"(?:({_BREAK})|(?<![{_LETTER}])){{}}{_TOUCHING}{{}}(?![{_LETTER}_-]|\.[{_LETTER}])"
# the name behind an address is not the beginning of another address
_ADDRESS_AND_NAME = rf"(?:({_BREAK})|(?<![{_LETTER}_.+-])){{}}{_TOUCHING}{{}}(?![{_LETTER}]|{_LOCAL}*{_AT})"

_LIGATURES = {"oe": "œŒ", "ae": "æÆ"}
_SPELLINGS: dict[str, str] = {}
for _sign in map(chr, range(ord("0"), 0x180)):
    if len(_folded := fold(_sign)) == 1:
        _SPELLINGS[_folded] = _SPELLINGS.get(_folded, "") + _sign


def mention_pattern(identifiers: Identifiers, *, with_phones: bool = True) -> str | None:
    """Matches each mention in a text; None where there is nothing to look for: a name of one word is too common."""
    return "|".join(mention.pattern for mention in _mentions(identifiers, with_phones=with_phones)) or None


def masked(text: ColumnElement[str], identifiers: Identifiers, mask: str) -> ColumnElement[str]:
    """The text with `mask` in the place of each mention."""
    for mention in _mentions(identifiers):
        text = func.regexp_replace(text, mention.pattern, mention.left.format(mask), "g", type_=Text)
    return text


class _Mention(NamedTuple):
    """Matches one way of mentioning the person; `left`: what is left of it, with `{}` in the place of the mask."""

    pattern: str
    left: str


def _mentions(identifiers: Identifiers, *, with_phones: bool = True) -> Iterator[_Mention]:
    """In the order in which they are masked: a name may be a part of an address, and tell whose the address beside is.

    The person's addresses are those known; those that are the full name (`anne.le.goff@…`); and, where they touch the
    full name, those that have a word of it or are its initials (`a.goff@…`, `alg@…`).
    """
    known = [*map(_in_any_case, sorted(identifiers.emails))]
    names = sorted(name for name in identifiers.names if " " in name)
    own: list[str] = []
    if names:
        name, theirs = _any_of(_spellings(names)), _any_of((*known, *_addresses_beside(names)))
        yield _Mention(_NAME_AND_ADDRESS.format(name, theirs), r"\1{0}\2{0}")
        yield _Mention(_ADDRESS_AND_NAME.format(theirs, name), r"\1{0}\2{0}")
        own = [_address(_any_of(_spellings(names, "[_.+-]")), rf"(?:{_LOCAL}*[_.+-])?", rf"(?:[0-9_.+-]{_LOCAL}*)?")]
    if addresses := (*known, *own):
        yield _Mention(_ADDRESSES.format("|".join(addresses)), r"\1{0}")
    phones = map(_in_digits, sorted(identifiers.phones)) if with_phones else ()
    if words := (*_spellings(names), *phones):
        yield _Mention(_WORDS.format("|".join(words)), r"\1{0}")


def _addresses_beside(names: Iterable[str]) -> Iterator[str]:
    """Matches addresses that are the person's where they touch the name."""
    for name in names:
        words = [_in_any_spelling(word) for word in name.split() if len(word) >= SHORTEST_NAME_WORD]
        if words:
            yield _address(_any_of(words), f"{_LOCAL}*", f"{_LOCAL}*")
        yield _address("[_.-]?".join(_in_any_spelling(word[0]) for word in name.split()))


def _address(local: str, before: str = "", after: str = "") -> str:
    return f"{before}{local}{after}{_AT}{_DOMAIN}"


def name_pattern(names: Iterable[str]) -> str:
    """Matches a text that is one of these folded names and nothing else."""
    return f"^[^{_LETTER}]*(?:{'|'.join(_spellings(names))})[^{_LETTER}]*$"


def _spellings(names: Iterable[str], between: str = _BETWEEN_WORDS) -> list[str]:
    """A pattern per name and order of its words: as given, or with the last ones first ("Le Goff Anne").

    Of a name of many words as given only: PostgreSQL would take minutes to read a pattern of all their orders.
    """
    orders = {
        tuple(words[at:] + words[:at])
        for words in map(str.split, names)
        for at in range(len(words) if len(words) <= MOST_WORDS_TURNED else 1)
    }
    return [between.join(map(_in_any_spelling, words)) for words in sorted(orders)]


def _any_of(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns)})"


def _in_any_spelling(word: str) -> str:
    letters = [f"[{_SPELLINGS.get(sign, sign + sign.upper())}]{_ACCENTS}" for sign in word]
    for at, pair in enumerate(pairwise(word)):
        if ligature := _LIGATURES.get("".join(pair)):
            letters[at : at + 2] = [f"(?:[{ligature}]|{letters[at]}{letters[at + 1]})", ""]
    return "".join(letters)


def _in_any_case(email: str) -> str:
    signs = (f"[{sign}{sign.upper()}]" if sign.isalnum() else f"\\{sign}" for sign in email)
    return "".join(signs).replace(r"\@", _AT)


def _in_digits(phone: str) -> str:
    national = phone.removeprefix("0")
    return (_FRENCH if national != phone else "") + _BETWEEN_DIGITS.join(national)
