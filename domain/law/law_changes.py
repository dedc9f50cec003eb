"""The law on a need on two days, compared: what the day of its publication changes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import zip_longest
from typing import NamedTuple

from domain.law.findings import (
    STATEMENTS,
    LegalAdvice,
    LotReview,
    NeedReview,
    advice,
    applies,
    bracketed_lots,
    days,
    sentence,
    weakest,
)
from domain.law.rules import InForce
from domain.shortlists.shortlist import Confidence
from domain.text.bilingual import NOTHING, Text, join_texts

LAW_CHANGES = "LAW_CHANGES"
ON_PROCEDURE = frozenset(said.code for said in STATEMENTS.values() if said.on_procedure)
"""The codes of advice on the procedure of a need."""
PROCEDURE = "procedure"
MOST_TOLD, LONGEST, LEAD = 6, 140, 60
"""The changes that are quoted, the characters of a quote, and those it has before the first word that differs."""


class _Change(NamedTuple):
    """A statement that comes, leaves or changes between two days: `was` on the first, `now` on the second.

    A statement of one day alone has it in `now`. `confidence`: that of the second day, where it has the statement;
    `grave`: more than information.
    """

    subject: str
    was: Text | None
    now: Text | None
    confidence: Confidence
    grave: bool

    @property
    def rank(self) -> tuple[bool, bool]:
        """The sort key of a change: those of procedure first, then the grave ones."""
        return self.subject != PROCEDURE, not self.grave


@applies("value_moment")
def law_changes(before: NeedReview, after: NeedReview, on: date, planned: date, view: InForce) -> LegalAdvice | None:
    """The law of the planned day of publication differs for this need from that of the day of evaluation (LAW_CHANGES).

    The value is the one on the day when the notice is sent or the call begins, and new rules apply to what is published
    from their day on: all advice and findings are those of the planned day, be it past or to come. Told are the things
    that come, leave or change between the two days, by lot; a warning where the procedure or a duty is among them. One
    that leaves may still be law that the new procedure does not ask to be told; it is open where thresholds of the
    planned day are not known. It is as sure as the least sure of these, as they are on the planned day.
    """
    lots_of: dict[_Change, list[str]] = {}
    for change in _changes(_statements(before.advice), _statements(after.advice), on, planned):
        lots_of[change] = []
    for lot_id, review in after.lots.items():
        for change in _changes(_statements_on_lot(before.lots[lot_id]), _statements_on_lot(review), on, planned):
            lots_of.setdefault(change, []).append(lot_id)
    if not lots_of:
        return None
    changes = sorted(lots_of, key=lambda change: change.rank)
    # of advice that the planned day does not have: its procedure needs it no more, or is not known
    is_open = any(each.code == "THRESHOLD_UNKNOWN" for each in after.advice)
    gone = sentence(view, "still_to_be_established" if is_open else "no_longer_to_be_noted")
    told = []
    for change in changes[:MOST_TOLD]:
        lots = lots_of[change]
        about = bracketed_lots(() if len(lots) == len(after.lots) else tuple(lots))
        was, now = change.was or NOTHING, change.now or NOTHING
        name = "statement_comes" if not change.was else "statement_changes" if change.now else "statement_leaves"
        quotes = {"before": Text(*map(_brief, was, now)), "after": Text(*map(_brief, now, was))}
        told.append(sentence(view, name, where=about, gone=gone, **quotes))
    if more := len(changes) - len(told):
        told.append(sentence(view, "other_changes", left=more, many="s" if more > 1 else ""))
    sure = weakest(view["value_moment"].confidence, *(each.confidence for each in changes))
    name = "minor_law_changes" if changes[0].rank == (True, True) else "law_changes"
    return advice(view, name, sure=sure, day=days(planned), today=days(on), listed=join_texts(told))


def _statements(given: Iterable[LegalAdvice]) -> list[_Change]:
    """The advice of one day as statements, all of it on the procedure under one subject."""
    subjects = dict.fromkeys(ON_PROCEDURE, PROCEDURE)
    return [
        _Change(subjects.get(each.code, each.code), None, each.message, each.confidence, each.severity != "info")
        for each in given
    ]


def _statements_on_lot(review: LotReview) -> list[_Change]:
    """The advice on a lot, and the findings on its actual and possible reservations, each once."""
    findings = dict.fromkeys((*review.reservation, *filter(None, review.forbidden.values())))
    return _statements(review.advice) + [
        _Change(f"{each.code} {each.rule}", None, each.message, each.confidence, grave=True) for each in findings
    ]


def _changes(before: Sequence[_Change], after: Sequence[_Change], on: date, planned: date) -> Iterator[_Change]:
    """The statements that differ, paired by subject. A message that only names the other day is no difference."""
    if before == after:
        return
    said = {each.now for each in before} | {_with_other_day(each.now, on, planned) for each in before}
    says = {each.now for each in after}
    was = [each for each in before if says.isdisjoint((each.now, _with_other_day(each.now, on, planned)))]
    now = [each for each in after if each.now not in said]
    for subject in dict.fromkeys(each.subject for each in (*now, *was)):
        sides = ([each for each in side if each.subject == subject] for side in (was, now))
        for one, other in zip_longest(*sides):
            known = [side for side in (other, one) if side]
            grave = any(side.grave for side in known)
            yield _Change(subject, one and one.now, other and other.now, known[0].confidence, grave)


def _with_other_day(message: Text | None, on: date, planned: date) -> Text:
    """A message with the day `on` replaced by the day `planned`."""
    message = message or NOTHING
    before, after = days(on), days(planned)
    return Text(message.fr.replace(before.fr, after.fr), message.en.replace(before.en, after.en))


def _brief(words: str, others: str) -> str:
    """The words from shortly before the first difference from `others`, cut where they are long."""
    same = next((place for place, (one, other) in enumerate(zip(words, others, strict=False)) if one != other), 0)
    start = words.rfind(" ", 0, max(same - LEAD, 0)) + 1
    part = ("…" if start else "") + words[start:]
    return part if len(part) <= LONGEST else part[: part.rfind(" ", 0, LONGEST)].rstrip(" ,;:(«") + "…"
