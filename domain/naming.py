"""What a supplier's name says of who it is: its own words, apart from what any supplier may be called."""

from typing import NamedTuple

from domain.folding import fold, stem

_ARTICLES = frozenset(("le", "la", "les", "l", "de", "du", "des", "d", "et", "en", "a", "au", "aux", "un", "une"))
_SAINTS = {"st": "saint", "ste": "sainte"}
# ETTI and GEIQ are not here: the law makes each a legal person of its own, beside the association that founded it.
_KINDS = frozenset(("esat", "ea", "eatt", "ei", "aci", "ai"))
_FORMS = {
    **dict.fromkeys(("association", "assoc", "asso", "ass"), "association"),
    **dict.fromkeys(("sarl", "eurl", "sas", "sasu", "sa", "snc"), "company"),
    **dict.fromkeys(("scop", "scic"), "cooperative"),
}
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

    The last word is no article: "Atelier A" is not "Atelier D".
    """
    whole = fold(text)
    found = whole.split()
    words, forms, kinds = [], set(), set()
    for position, word in enumerate(found, 1):
        if word in _FORMS:
            forms.add(_FORMS[word])
        elif word in _KINDS:
            kinds.add(word)
        elif word not in _ARTICLES or position == len(found):
            words.append(stem(_SAINTS.get(word, word)))
    return Name(tuple(sorted(words)), frozenset(forms), frozenset(kinds), whole)


def name_key(name: Name) -> str | None:
    """What two spellings of one name share, unless the slip is in the first letter of a word; None: it tells nothing.

    Short words and those with digits, which must be the same, are whole in it; of the others, the first letter.
    """
    return " ".join(sorted(map(_head, name.words))) or None


def may_slip(word: str) -> bool:
    """Whether a word is long enough, and without digits, so that one letter amiss does not make it another word."""
    return len(word) >= SLIP_LENGTH and word.isalpha()


def _head(word: str) -> str:
    return word[0] if may_slip(word) else word
