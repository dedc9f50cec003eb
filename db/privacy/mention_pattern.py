"""Regular expressions for PostgreSQL that match a person's full name, address or number in a text, and nothing else.

Every case and accent is spelt out: what the server takes for a letter depends on the locale it was set up with.
"""

from collections.abc import Iterable
from itertools import pairwise

from sqlalchemy import ColumnElement, Text, func

from domain.privacy.data_subject import Identifiers
from domain.text.normalise import fold

_SPACE = "\\s\u00a0\u202f"
_LETTER = "0-9A-Za-z\u00c0-\u024f"
_ACCENTS = "[\u0300-\u036f]*"
# In the text of a JSON document a line break is written \n. Quotation marks end a text there, and a mention with it.
_BREAK = r"\\[nrt]"
_BETWEEN_WORDS = rf"(?:[{_SPACE},.'’-]|{_BREAK}){{1,3}}"
_BETWEEN_DIGITS = f"[{_SPACE}./()-]{{0,3}}"
_FRENCH = rf"(?:(?:\+|00)33{_BETWEEN_DIGITS}(?:0{_BETWEEN_DIGITS})?|0)"
# One lookaround for all alternatives: PostgreSQL takes fifty times as long with one for each.
_WORDS = rf"(?:({_BREAK})|(?<![{_LETTER}]))(?:{{}})(?![{_LETTER}])"
_ADDRESSES = rf"(?:({_BREAK})|(?<![{_LETTER}_.+-]))(?:{{}})(?![{_LETTER}_-]|\.[{_LETTER}])"

_LIGATURES = {"oe": "œŒ", "ae": "æÆ"}
_SPELLINGS: dict[str, str] = {}
for _sign in map(chr, range(ord("0"), 0x180)):
    if len(_folded := fold(_sign)) == 1:
        _SPELLINGS[_folded] = _SPELLINGS.get(_folded, "") + _sign


def mention_pattern(identifiers: Identifiers, *, with_phones: bool = True) -> str | None:
    """Matches each mention in a text; None where there is nothing to look for: a name of one word is too common.

    What it captures, a line break before the mention, is no part of it: see `masked`.
    """
    phones = map(_in_digits, sorted(identifiers.phones)) if with_phones else ()
    words = "|".join((*_spellings(name for name in identifiers.names if " " in name), *phones))
    addresses = "|".join(map(_in_any_case, sorted(identifiers.emails)))
    parts = (_WORDS.format(words) if words else "", _ADDRESSES.format(addresses) if addresses else "")
    return "|".join(filter(None, parts)) or None


def masked(text: ColumnElement[str], pattern: str, mask: str) -> ColumnElement[str]:
    """The text with `mask` in the place of each mention."""
    return func.regexp_replace(text, pattern, rf"\1\2{mask}", "g", type_=Text)


def name_pattern(names: Iterable[str]) -> str:
    """Matches a text that is one of these folded names and nothing else."""
    return f"^[^{_LETTER}]*(?:{'|'.join(_spellings(names))})[^{_LETTER}]*$"


def _spellings(names: Iterable[str]) -> list[str]:
    """A pattern per name and order of its words: as given, or with the last ones first ("Le Goff Anne")."""
    orders = {tuple(words[at:] + words[:at]) for words in map(str.split, names) for at in range(len(words))}
    return [_BETWEEN_WORDS.join(map(_in_any_spelling, words)) for words in sorted(orders)]


def _in_any_spelling(word: str) -> str:
    letters = [f"[{_SPELLINGS.get(sign, sign + sign.upper())}]{_ACCENTS}" for sign in word]
    for at, pair in enumerate(pairwise(word)):
        if ligature := _LIGATURES.get("".join(pair)):
            letters[at : at + 2] = [f"(?:[{ligature}]|{letters[at]}{letters[at + 1]})", ""]
    return "".join(letters)


def _in_any_case(email: str) -> str:
    return "".join(f"[{sign}{sign.upper()}]" if sign.isalnum() else f"\\{sign}" for sign in email)


def _in_digits(phone: str) -> str:
    national = phone.removeprefix("0")
    return (_FRENCH if national != phone else "") + _BETWEEN_DIGITS.join(national)
