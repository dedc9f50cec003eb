"""Suppliers' names read for comparison: their own words, apart from legal forms, kinds and articles."""

from functools import lru_cache
from typing import NamedTuple

from domain.text.normalise import fold, stem

_ARTICLES = ("le", "la", "les", "l", "de", "du", "des", "d", "et", "en", "a", "au", "aux", "un", "une")
_SAINTS = {"st": "saint", "ste": "sainte"}
# ETTI and GEIQ are not here: the law makes each a legal person of its own, beside the association that founded it.
_KINDS = ("esat", "ea", "eatt", "ei", "aci", "ai")
_FORMS = {
    **dict.fromkeys(("association", "assoc", "asso", "ass"), "association"),
    **dict.fromkeys(("sarl", "eurl", "sas", "sasu", "sa", "snc"), "company"),
    **dict.fromkeys(("scop", "scic"), "cooperative"),
}
# What a word that is not the supplier's own says: a legal form, a kind, or nothing.
_STATED: dict[str, str] = {**dict.fromkeys(_ARTICLES, ""), **{kind: kind for kind in _KINDS}, **_FORMS}
SLIP_LENGTH = 5
"""A slip of the pen is only seen in a word of so many letters: "aita" and "eita" are two names."""


class Name(NamedTuple):
    """A name as it is compared.

    `words`: the words that tell it from others, in the singular and sorted. `forms` and `kinds`: legal forms, and kinds
    such as "esat", that it states. `whole`: all of it, folded.
    """

    words: tuple[str, ...]
    forms: frozenset[str]
    kinds: frozenset[str]
    whole: str


def read_name(text: str) -> Name:
    """Read a name: "ESAT Les Jardins de St-Éloi" → words eloi, jardin, saint; kinds esat.

    A letter at the end is no article: "Atelier A" is not "Atelier D".
    """
    whole = fold(text)
    found = whole.split()
    own = [stem(_SAINTS.get(word, word)) for word in found if word not in _STATED]
    if found and len(found[-1]) == 1 and found[-1] in _STATED:
        own.append(found[-1])
    stated = {_STATED[word] for word in found if word in _STATED}
    kinds = stated.intersection(_KINDS)
    return Name(tuple(sorted(own)), frozenset(stated - kinds - {""}), frozenset(kinds), whole)


def name_key(name: Name) -> str | None:
    """The blocking key that spellings of one name share, unless a first letter differs; None: no word of its own.

    Short words and those with digits, which must be the same, are whole in it; of the others, the first letter.
    """
    return " ".join(sorted(map(_head, name.words))) or None


def text_key(text: str) -> str | None:
    """The `name_key` of a name that need not be read for anything else."""
    found = fold(text).split()
    heads = [head for word in found if (head := _head_of(word))]
    if found and len(found[-1]) == 1 and found[-1] in _STATED:
        heads.append(found[-1])
    return " ".join(sorted(heads)) or None


@lru_cache(maxsize=1 << 16)  # the words of names are few
def _head_of(word: str) -> str:
    return "" if word in _STATED else _head(stem(_SAINTS.get(word, word)))


def may_slip(word: str) -> bool:
    """Whether a word is long enough, and without digits, so that one letter amiss does not make it another word."""
    return len(word) >= SLIP_LENGTH and word.isalpha()


def _head(word: str) -> str:
    return word[0] if may_slip(word) else word
