"""Legal verdicts on suppliers, findings on lots and advice, in the vocabulary of the HTTP contract.

They are made and worded here: the sentences of `domain/data/law_sentences.toml`, dates and names of lots as messages
write them, and the registry of the functions that apply rules, whose docstrings are served as the explanation of the
rules.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from importlib.resources import files
from inspect import cleandoc
from typing import TypeVar

import msgspec

from domain.law.rules import RuleRow, cite
from domain.needs.need import Reserved
from domain.shortlists.shortlist import Confidence, Outcome, Severity
from domain.text.bilingual import NOTHING, Text, listed

OUTCOMES: tuple[Outcome, ...] = ("ELIGIBLE", "ELIGIBLE_IF", "UNKNOWN", "REVIEW", "INELIGIBLE")
_SURENESS: tuple[Confidence, ...] = ("low", "medium", "high")
_RANK = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}
READABLE = 12
"""The most names that a sentence lists."""
_Function = TypeVar("_Function", bound=Callable[..., object])
_EXPLANATIONS: dict[str, str] = {}


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """A supplier's standing for one reserved type. `missing`: the proofs to ask for. `rule`: an id of `Rules`."""

    reserved: Reserved
    outcome: Outcome
    code: str | None
    missing: tuple[Text, ...]
    rule: str
    article: str
    confidence: Confidence
    message: Text


class LegalFinding(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """A legal condition of reserving a lot that is not met or not certain; the message says how to meet it."""

    code: str
    outcome: Outcome
    rule: str
    article: str
    confidence: Confidence
    message: Text


class LegalAdvice(msgspec.Struct, frozen=True, gc=False):
    """A legal consequence, or counsel (`article` null), for the buyer; `lots`: the sets of lots it concerns."""

    code: str
    severity: Severity
    rule: str
    article: str | None
    confidence: Confidence
    message: Text
    lots: tuple[tuple[str, ...], ...] = ()


class LotReview(msgspec.Struct, frozen=True, eq=False):
    """Findings and advice on one lot; compared and hashed by identity, so that what is made of it is found quickly.

    `reservation`: the findings on its own reservation. `outcome`: the worst of theirs.
    `forbidden`: for each reservation it might have (keys of `review.OPTIONS`), the finding that forbids it, or None.
    `doubtful`: of those that nothing forbids, the ones that a person must judge first, or for which data is missing.
    """

    reservation: tuple[LegalFinding, ...]
    advice: tuple[LegalAdvice, ...]
    forbidden: Mapping[str, LegalFinding | None]
    doubtful: frozenset[str]
    outcome: Outcome = "ELIGIBLE"


class NeedReview(msgspec.Struct, frozen=True):
    """Findings and advice on a need: per lot id, and on the whole."""

    lots: dict[str, LotReview]
    advice: tuple[LegalAdvice, ...]


def least_sure(*rows: RuleRow, doubtful: bool = False) -> Confidence:
    """The confidence of what rests on all these rules: that of the weakest; low where the facts are `doubtful`."""
    if doubtful:
        return "low"
    return _SURENESS[min([_SURENESS.index(row.confidence) for row in rows], default=-1)]


def weakest(*confidences: Confidence) -> Confidence:
    """The least of these confidences."""
    return min(confidences, key=_SURENESS.index)


def surest(*confidences: Confidence) -> Confidence:
    """The greatest of these confidences."""
    return max(confidences, key=_SURENESS.index)


def as_one_set(lots: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The `lots` of advice on these lots together; empty where it names none."""
    return (lots,) if lots else ()


def best_of(verdicts: Iterable[Verdict]) -> Verdict:
    """A supplier's verdict on a lot reserved to several types: its best outcome counts, the first of equals."""
    return min(verdicts, key=lambda verdict: _RANK[verdict.outcome])


def worst_outcome(findings: Iterable[LegalFinding]) -> Outcome:
    """The outcome of a lot's reservation: the worst of its findings, ELIGIBLE where there is none."""
    return max((finding.outcome for finding in findings), key=_RANK.__getitem__, default="ELIGIBLE")


def verdict(
    row: RuleRow,
    reserved: Reserved,
    outcome: Outcome,
    code: str | None,
    message: Text,
    missing: tuple[Text, ...] = (),
    confidence: Confidence | None = None,
) -> Verdict:
    """A verdict that quotes this rule, as sure as the rule unless `confidence` says otherwise."""
    article, sure = row.article or "", confidence or row.confidence
    return Verdict(reserved, outcome, code, missing, row.id, article, sure, cite(message, article, sure))


def finding(
    code: str, outcome: Outcome, row: RuleRow, message: Text, confidence: Confidence | None = None
) -> LegalFinding:
    """A finding that quotes this rule, as sure as the rule unless `confidence` says otherwise."""
    article, sure = row.article or "", confidence or row.confidence
    return LegalFinding(code, outcome, row.id, article, sure, cite(message, article, sure))


def advice(
    code: str,
    severity: Severity,
    row: RuleRow,
    message: Text,
    lots: tuple[tuple[str, ...], ...] = (),
    confidence: Confidence | None = None,
) -> LegalAdvice:
    """Advice that quotes this rule, as sure as the rule unless `confidence` says otherwise."""
    sure = confidence or row.confidence
    return LegalAdvice(code, severity, row.id, row.article, sure, cite(message, row.article, sure), lots)


def days(day: date) -> Text:
    """A date as people write it: 22/12/2026 in French, ISO 8601 in English."""
    return Text(f"{day.day:02d}/{day.month:02d}/{day.year}", day.isoformat())


def listed_briefly(names: tuple[str, ...]) -> Text:
    """Names joined for reading: "1, 3 et 4"; of very many the first ones, and how many more there are."""
    if len(names) <= READABLE:
        return listed(names)
    head, more = ", ".join(names[:READABLE]), len(names) - READABLE
    return Text(f"{head} et {more} autre{'s' if more > 1 else ''}", f"{head} and {more} more")


def bracketed_lots(names: tuple[str, ...]) -> Text:
    """ " (lots 1 et 2)", to stand behind what is said of them; nothing without names."""
    if not names:
        return NOTHING
    many, (fr, en) = "s" if len(names) > 1 else "", listed_briefly(names)
    return Text(f" (lot{many} {fr})", f" (lot{many} {en})")


def applies(*rule_ids: str) -> Callable[[_Function], _Function]:
    """Mark a function as the one that applies these rules; it must have a docstring, and a rule has one function."""

    def mark(function: _Function) -> _Function:
        if not function.__doc__:
            raise ValueError(f"{function.__qualname__} applies rules and needs a docstring")
        for rule_id in rule_ids:
            if rule_id in _EXPLANATIONS:
                raise ValueError(f"two functions apply {rule_id}")
            _EXPLANATIONS[rule_id] = cleandoc(function.__doc__)
        return function

    return mark


def explained() -> dict[str, str]:
    """Rule id → docstring, of the modules imported so far (`domain.law.documents.rule_documents` imports them all)."""
    return dict(_EXPLANATIONS)


SENTENCES = msgspec.convert(
    tomllib.loads((files("domain") / "data" / "law_sentences.toml").read_text("utf-8")), dict[str, Text]
)


def sentence(name: str, /, **values: Text | str | int | None) -> Text:
    """The sentence of this name, its places filled, each value in its language."""
    text = SENTENCES[name]
    french, english = {}, {}
    for place, value in values.items():
        french[place], english[place] = value if isinstance(value, Text) else (value, value)
    return Text(text.fr.format_map(french), text.en.format_map(english)) if values else text
