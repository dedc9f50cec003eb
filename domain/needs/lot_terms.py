"""Terms of a lot that its words say besides what is bought: how long, for how much, reserved to whom.

Few ways of saying them are known, those that hardly mean anything else: an age (“de 3 à 6 ans”) is no duration. What
is asked (“réservé aux ESAT ?”) is told from what is said.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

LONGEST_READ = 1_000
REMEMBERED = 1_024
"""Texts whose terms are remembered: a form of many lots is read again at each change."""

TermKind = Literal["months", "renewal", "value", "covers", "reserved"]

_NUMBERS = {"un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6}
_NUMBER = rf"(\d{{1,3}}|{'|'.join(_NUMBERS)})"
_SPAN = rf"{_NUMBER}\s*(ans?|années?|mois)\b"
_BEFORE = r"(?:^|[,;:.(–—]\s*|\b(?:pour|pendant|sur|durée(?: de| ferme de)?|(?:marché|contrat|accord-cadre) de)\s+)"
_DURATION = re.compile(_BEFORE + _SPAN, re.IGNORECASE)
_RENEWS = r"\b(?:renouvelables?|reconductibles?|reconduits?)\s+(?:(?:tacitement|expressément)\s+)?"
_RENEWAL = re.compile(
    rf"{_RENEWS}(?:{_NUMBER}\s+fois\s+)?(?:(?:pour|par périodes? de)\s+)?{_SPAN}|{_RENEWS}{_NUMBER}\s+fois\b",
    re.IGNORECASE,
)
_ALL_IN = re.compile(
    r"\b(?:reconductions?|renouvellements?|options?)(?:\s+et\s+(?:reconductions?|renouvellements?|options?))?"
    r"\s+(?:comprise?s?|incluse?s?)\b",
    re.IGNORECASE,
)
_OF_RENEWALS = re.compile("reconduction|renouvellement", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?<![\d,.])(\d{1,3}(?:[\s.]\d{3})+|\d+(?:,\d{1,2})?)\s*(k€|k euros|€|euros?)(?!\s*(?:TTC|par an|/\s*an|annuel))",
    re.IGNORECASE,
)
_RESERVED = re.compile(r"(?<!non )\br[ée]serv[ée]e?s?\b[^,;.?!:()]*\??", re.IGNORECASE)
_OPEN_TO = {
    "handicap": re.compile(r"\bESATs?\b|\bEA\b|entreprises? adapt|handicap|prot[ée]g[ée]", re.IGNORECASE),
    "iae": re.compile(r"\b(?:S?IAE|EI|ACI|AI|ETTI)\b|insertion", re.IGNORECASE),
    "penitentiary": re.compile(r"p[ée]nitentiaire|d[ée]tenu|prison", re.IGNORECASE),
    "ess": re.compile(r"\bESS\b|[ée]conomie sociale", re.IGNORECASE),
}


class Term(NamedTuple):
    """A term of a lot: months, euros, what the amount covers or a reserved type, as text; and the words that say it.

    `is_asked`: they only ask for it.
    """

    kind: TermKind
    value: str
    words: str
    is_asked: bool = False


def terms_in(text: str) -> tuple[Term, ...]:
    """The terms that the words of a lot say, each kind once, but several reserved types; what is longer is not read."""
    return _remembered(text[:LONGEST_READ])


@lru_cache(REMEMBERED)
def _remembered(text: str) -> tuple[Term, ...]:
    return tuple(_terms(" ".join(text.split())))


def _terms(text: str) -> Iterator[Term]:
    renewal = _RENEWAL.search(text)
    firm = text[: renewal.start()] if renewal else text
    if said := _DURATION.search(firm):
        yield Term("months", str(_months(said[1], said[2])), f"{said[1]} {said[2]}")
    if renewal and renewal[2]:
        times = _number(renewal[1]) if renewal[1] else 1
        yield Term("renewal", str(times * _months(renewal[2], renewal[3])), renewal[0])
    elif renewal and said:  # each as long as the contract at first
        yield Term("renewal", str(_number(renewal[4]) * _months(said[1], said[2])), renewal[0])
    amounts = list(_AMOUNT.finditer(text))
    if len(amounts) == 1:
        (amount,) = amounts
        euros = float(re.sub(r"[\s.]", "", amount[1]).replace(",", "."))
        yield Term("value", f"{euros * (1_000 if amount[2][0] in 'kK' else 1):.2f}", amount[0])
    all_in = _ALL_IN.search(text)
    if amounts and all_in and (not renewal or _OF_RENEWALS.search(all_in[0])):
        yield Term("covers", "tout", all_in[0])
    if reserved := _RESERVED.search(text):
        words = reserved[0].strip()
        for kind, named in _OPEN_TO.items():
            if named.search(words):
                yield Term("reserved", kind, words, words.endswith("?"))


def _months(number: str, unit: str) -> int:
    return _number(number) * (1 if unit.lower() == "mois" else 12)


def _number(word: str) -> int:
    return _NUMBERS.get(word.lower()) or int(word)
