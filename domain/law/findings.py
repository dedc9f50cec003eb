"""Legal verdicts on suppliers, findings on lots and advice, in the vocabulary of the HTTP contract.

They are made and worded here by the statements of `domain/data/law_sentences.toml`: a function that applies a rule
finds the condition, and names the statement that holds under it. How each rule is applied is told to readers by
`domain/data/law_explanations.toml`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from itertools import accumulate

import msgspec

from domain.law.law_files import BrokenLaw
from domain.law.rules import InForce, RuleRow, Rules, cite, load
from domain.needs.need import ContractKind, Reserved
from domain.shortlists.listed_suppliers import Confidence, Outcome
from domain.shortlists.shortlist import Severity
from domain.text.bilingual import NOTHING, Text, listed

OUTCOMES: tuple[Outcome, ...] = ("ELIGIBLE", "ELIGIBLE_IF", "UNKNOWN", "REVIEW", "INELIGIBLE")
SURENESS: tuple[Confidence, ...] = ("low", "medium", "high")
READABLE, ROOM = 12, 240
"""The most names that a sentence lists, and the most characters of these, but for the first."""


class LegalStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A template of a legal statement: of a verdict or finding (with an `outcome`) or of advice (with a `severity`).

    `rule`: the one that is quoted; `rests_on`: others. The least sure of all of them counts. `missing`: the sentences
    that name the proofs to ask a supplier for.
    `on_procedure`: it is advice on the procedure of a need; `general`: it is said of most contracts, whatever they are.
    `of_segments`, `of_cpv`: the rule that lists the activities, or the beginnings of CPV codes, of which it is said in
    contracts of this kind (`contract`; null: all), where its rules hold. `bars_at`: how sure it bars a proposal too.
    """

    rule: str
    text: Text
    code: str | None = None
    outcome: Outcome = "ELIGIBLE"
    severity: Severity = "info"
    rests_on: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    on_procedure: bool = False
    general: bool = False
    of_segments: str | None = None
    of_cpv: str | None = None
    contract: ContractKind | None = None
    bars_at: Confidence | None = None


SENTENCES_FILE = "law_sentences.toml"
_QUOTED = re.compile(r"{(\w+)(\.article|\.value)?}")


@lru_cache(maxsize=16)
def _read_sentences(law: Rules) -> tuple[dict[str, LegalStatement], dict[str, Text]]:
    said = law.table(SENTENCES_FILE, dict[str, Text | LegalStatement])
    statements = {name: each for name, each in said.items() if isinstance(each, LegalStatement)}
    sentences = {name: each.text if isinstance(each, LegalStatement) else each for name, each in said.items()}
    for name, text in sentences.items():
        if lone := sorted(places_of(text) - places_of(Text(text.fr, ""))):
            right = f"write {{{lone[0]}}} in French too, or leave it out"
            raise BrokenLaw(f"{SENTENCES_FILE}: {name}: {{{lone[0]}}} stands in English alone; {right}")
    return statements, sentences


def places_of(text: Text) -> set[str]:
    """The names in braces of a sentence: what functions fill in, other sentences, rules."""
    return {place[0] for side in text for place in _QUOTED.findall(side)}


def statements_of(law: Rules) -> dict[str, LegalStatement]:
    """The statements of the law, by name; raises BrokenLaw, which says what is wrong where."""
    return _read_sentences(law)[0]


def sentences_of(law: Rules) -> dict[str, Text]:
    """The texts of all sentences of the law, by name; raises as `statements_of`."""
    return _read_sentences(law)[1]


STATEMENTS, SENTENCES = statements_of(load()), sentences_of(load())
"""The statements and sentences delivered: their names and codes are those of any installation."""
ON_PROCEDURE = frozenset(said.code for said in STATEMENTS.values() if said.on_procedure)
"""The codes of advice on the procedure of a need."""
GENERAL = frozenset(said.code for said in STATEMENTS.values() if said.general)
"""The codes of advice that is said of most contracts, whatever they are."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The law's verdict on a supplier for one reserved type. `missing`: proofs to ask for; `rule`: its rule's id."""

    reserved: Reserved
    outcome: Outcome
    code: str | None
    missing: tuple[Text, ...]
    rule: str
    article: str
    confidence: Confidence
    message: Text


class LegalFinding(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """A condition of reserving that is not met or not certain, and how to meet it; `bars`: it is not to be proposed."""

    code: str
    outcome: Outcome
    rule: str
    article: str
    confidence: Confidence
    message: Text
    bars: bool = False


class LegalAdvice(msgspec.Struct, frozen=True, gc=False):
    """Advice to the buyer: a legal consequence, or counsel (`article` null). `lots`: the sets of lots concerned."""

    code: str
    severity: Severity
    rule: str
    article: str | None
    confidence: Confidence
    message: Text
    lots: tuple[tuple[str, ...], ...] = ()


class LotReview(msgspec.Struct, frozen=True, eq=False):
    """The legal findings and advice on one lot; compared and hashed by identity, as a quick key of caches.

    `reservation`: the findings on the lot's own reservation. `outcome`: the worst of theirs.
    `forbidden`: for each reservation it might have (keys of `review.OPTIONS`), the finding that forbids it, or None.
    `doubtful`: of those that nothing forbids, the ones that a person must judge first, or for which data is missing.
    """

    reservation: tuple[LegalFinding, ...]
    advice: tuple[LegalAdvice, ...]
    forbidden: Mapping[str, LegalFinding | None]
    doubtful: frozenset[str]
    outcome: Outcome = "ELIGIBLE"


class NeedReview(msgspec.Struct, frozen=True):
    """The legal review of a need: findings and advice on each lot by id, and advice on the whole need."""

    lots: dict[str, LotReview]
    advice: tuple[LegalAdvice, ...]


@lru_cache(maxsize=8192)
def _filled_sentence(view: InForce, name: str) -> Text:
    """The sentence with this name; references to other sentences and to rules' values and articles are filled in."""

    def text_of_reference(reference: re.Match[str], side: int) -> str:
        """The text that takes the place of a reference, in French (`side` 0) or English (1)."""
        named, what = reference[1], reference[2]
        if named in view.rows:
            row = view[named]
            return row.value_text[side] if what is None else str(row.article if what == ".article" else row.value)
        return _filled_sentence(view, named)[side] if named in sentences else reference[0]

    sentences = sentences_of(view.law)
    fr, en = (
        _QUOTED.sub(lambda reference, side=side: text_of_reference(reference, side), text)  # type: ignore[misc]
        for side, text in enumerate(sentences[name])
    )
    return Text(fr, en)


def sentence(view: InForce, name: str, /, **values: Text | str | int) -> Text:
    """The sentence with this name by the rules of `view`, with `values` filled in, in French and English."""
    text = _filled_sentence(view, name)
    return text.filled(**values) if values else text


def least_sure(*rows: RuleRow, doubtful: bool = False) -> Confidence:
    """The lowest confidence of these rules, for a statement resting on all; low where the facts are `doubtful`."""
    return "low" if doubtful else weakest("high", *[row.confidence for row in rows])


def weakest(*confidences: Confidence) -> Confidence:
    """The lowest of these confidences."""
    return min(confidences, key=SURENESS.index)


def refused_only_when_sure(outcome: Outcome, sure: Confidence) -> Outcome:
    """The outcome; for a refusal that rests on less than the text of the law itself, REVIEW: a person must judge."""
    return "REVIEW" if outcome == "INELIGIBLE" and sure != "high" else outcome


def worst_outcome(findings: Iterable[LegalFinding]) -> Outcome:
    """The outcome of a lot's reservation: the worst of its findings, ELIGIBLE where there is none."""
    return max((finding.outcome for finding in findings), key=OUTCOMES.index, default="ELIGIBLE")


@lru_cache(maxsize=16_384)
def verdict(
    view: InForce,
    name: str,
    reserved: Reserved,
    missing: tuple[Text, ...] = (),
    /,
    *,
    rule: str | None = None,
    sure: Confidence = "high",
    **values: Text | str | int,
) -> Verdict:
    """The verdict of the statement `name`, values filled in, by `rule` instead of its own; `sure`: of the facts."""
    said = statements_of(view.law)[name]
    row, message = view[rule or said.rule], sentence(view, name, **values)
    article, sure = row.article or "", weakest(sure, row.confidence)
    outcome = refused_only_when_sure(said.outcome, sure)
    return Verdict(reserved, outcome, said.code, missing, row.id, article, sure, cite(message, article, sure))


@lru_cache(maxsize=16_384)
def finding(
    view: InForce,
    name: str,
    /,
    *,
    rule: str | None = None,
    outcome: Outcome | None = None,
    sure: Confidence = "high",
    **values: Text | str | int,
) -> LegalFinding:
    """The finding of the statement `name`, by `rule` and `outcome` instead of its own; `sure`: of the facts."""
    said = statements_of(view.law)[name]
    row, message = view[rule or said.rule], sentence(view, name, **values)
    article, sure = row.article or "", weakest(sure, least_sure(row, *map(view.__getitem__, said.rests_on)))
    outcome = refused_only_when_sure(outcome or said.outcome, sure)
    bars = outcome == "INELIGIBLE" or said.bars_at == sure
    return LegalFinding(said.code or "", outcome, row.id, article, sure, cite(message, article, sure), bars)


def advice(
    view: InForce,
    name: str,
    lots: tuple[tuple[str, ...], ...] = (),
    /,
    *,
    rule: str | None = None,
    message: Text | None = None,
    rests_on: Iterable[str] = (),
    doubtful: bool = False,
    sure: Confidence = "high",
    **values: Text | str | int,
) -> LegalAdvice:
    """The advice of the statement `name`, values filled in, on these sets of lots; `rests_on`: ids of further rules.

    What is given besides takes the place of its own, but for the rules that it `rests_on`, which are added to those.
    It is as sure as the least sure of them and of the facts (`sure`), and not at all where these are `doubtful`.
    """
    said = statements_of(view.law)[name]
    row = view[rule or said.rule]
    sure = weakest(sure, least_sure(row, *map(view.__getitem__, (*said.rests_on, *rests_on)), doubtful=doubtful))
    told = cite(message or sentence(view, name, **values), row.article, sure)
    return LegalAdvice(said.code or "", said.severity, row.id, row.article, sure, told, lots)


@lru_cache(maxsize=256)
def advise_if_held(name: str, view: InForce) -> LegalAdvice | None:
    """The advice of the statement `name`; None where its rule is not in force."""
    return advice(view, name) if view.holds(statements_of(view.law)[name].rule) else None


def short_date(day: date) -> Text:
    """A date as people write it: 22/12/2026 in French, ISO 8601 in English."""
    return Text(f"{day.day:02d}/{day.month:02d}/{day.year}", day.isoformat())


def listed_briefly(names: tuple[str, ...]) -> Text:
    """Names joined for reading: "1, 3 et 4"; of very many or long ones, the first and the number of the others."""
    kept = sum(length <= ROOM for length in accumulate(map(len, names[:READABLE]))) or 1
    if len(names) <= kept:
        return listed(names)
    head, more = ", ".join(names[:kept]), len(names) - kept
    return Text(f"{head} et {more} autre{'s' if more > 1 else ''}", f"{head} and {more} more")


def bracketed_lots(names: tuple[str, ...]) -> Text:
    """Names of lots in brackets, to end a phrase: " (lots 1 et 2)"; an empty text without names."""
    if not names:
        return NOTHING
    many, (fr, en) = "s" if len(names) > 1 else "", listed_briefly(names)
    return Text(f" (lot{many} {fr})", f" (lot{many} {en})")
