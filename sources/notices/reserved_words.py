"""To whom a lot is reserved, as the words of a notice tell: its fields do not tell handicap and insertion apart."""

import re

from domain.needs.need import RESERVED_TYPES, Reserved
from domain.text.normalise import fold

_ARTICLES: dict[str, tuple[Reserved, ...]] = {
    "l2113 12": ("handicap",),
    "l2113 13": ("iae",),
    "l2113 13 1": ("penitentiary",),
    "l2113 14": ("handicap", "iae"),
    "l2113 15": ("ess",),
    "l2113 16": ("ess",),
}
_ARTICLE = re.compile(r"\bl ?2113 1[2-6](?: 1\b(?! \d))?")
_NAMES: tuple[tuple[re.Pattern[str], Reserved], ...] = (
    (
        re.compile(
            r"\bentreprises? adaptees?\b|\besat\b|\baide par le travail\b|\btravailleurs? handicapes?\b"
            r"|\bpersonnes handicapees\b|\bateliers? proteges?\b"
        ),
        "handicap",
    ),
    (
        re.compile(
            r"\binsertion par l activite economique\b|\bsiae\b|\bstructures? d insertion\b|\bchantiers? d insertion\b"
            r"|\bentreprises? d insertion\b|\btravailleurs? defavorises?\b|\bassociations? intermediaires?\b"
        ),
        "iae",
    ),
    (re.compile(r"\bpenitentiaires?\b|\bdetenus\b|\btravail en prison\b"), "penitentiary"),
)
_SENTENCE = re.compile(r"[.;\n:]")
_RESERVES = re.compile(r"\breserv(?:e|es|ee|ees|ation|ations)\b")


def reserved_in(words: str, *, marked: bool) -> tuple[Reserved, ...]:
    """The types of reservation that a text names, in the order of the law; () where it names none.

    `marked`: a field says that the lot is reserved. Else only an article of the code that reserves, or a sentence that
    says both "réservé" and to whom, counts: a social clause names the same structures.
    """
    found: set[Reserved] = set()
    whole = fold(words)
    for article in _ARTICLE.findall(whole):
        found.update(_ARTICLES["l" + article[1:].strip()])
    sentences = (whole,) if marked else tuple(filter(_RESERVES.search, map(fold, _SENTENCE.split(words))))
    if not found:
        found.update(kind for text in sentences for pattern, kind in _NAMES if pattern.search(text))
    return tuple(kind for kind in RESERVED_TYPES if kind in found)
