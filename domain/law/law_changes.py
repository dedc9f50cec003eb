"""The law on a need on two days, compared: what the day of its publication changes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import zip_longest
from typing import NamedTuple

from domain.law.findings import (
    STATEMENTS,
    LegalAdvice,
    LegalFinding,
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


class _Point(NamedTuple):
    """One statement of the law, with its subject; `grave`: more than information."""

    subject: str
    message: Text
    confidence: Confidence
    grave: bool


class _Change(NamedTuple):
    """A statement that comes, leaves or changes between two days: `was` on the first, `now` on the second.

    `confidence`: that of the second day, where it has the statement.
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
    for change in _changes(_points(before.advice), _points(after.advice), on, planned):
        lots_of[change] = []
    for lot_id, review in after.lots.items():
        for change in _changes(_points_of_lot(before.lots[lot_id]), _points_of_lot(review), on, planned):
            lots_of.setdefault(change, []).append(lot_id)
    if not lots_of:
        return None
    changes = sorted(lots_of, key=lambda change: change.rank)
    # of advice that the planned day does not have: its procedure needs it no more, or is not known
    is_open = any(each.code == "THRESHOLD_UNKNOWN" for each in after.advice)
    gone = sentence(view, "still_to_be_established" if is_open else "no_longer_to_be_noted")
    told = [
        _in_words(each, () if len(lots_of[each]) == len(after.lots) else lots_of[each], gone, view)
        for each in changes[:MOST_TOLD]
    ]
    if left := len(changes) - len(told):
        told.append(sentence(view, "other_changes", left=left, many="s" if left > 1 else ""))
    sure = weakest(view["value_moment"].confidence, *(each.confidence for each in changes))
    name = "minor_law_changes" if changes[0].rank == (True, True) else "law_changes"
    day, today, listed = days(planned), days(on), join_texts(told)
    return advice(view, name, sure=sure, day=day, today=today, listed=listed)


def _points(given: Iterable[LegalAdvice]) -> list[_Point]:
    return [
        _Point(
            PROCEDURE if each.code in ON_PROCEDURE else each.code,
            each.message,
            each.confidence,
            each.severity != "info",
        )
        for each in given
    ]


def _points_of_lot(review: LotReview) -> list[_Point]:
    """The advice on a lot, and the findings on its actual and possible reservations, each once."""
    forbidden = (each for each in review.forbidden.values() if each is not None)
    findings: Iterable[LegalFinding] = dict.fromkeys((*review.reservation, *forbidden))
    return [
        *_points(review.advice),
        *(_Point(f"{each.code} {each.rule}", each.message, each.confidence, grave=True) for each in findings),
    ]


def _changes(before: Sequence[_Point], after: Sequence[_Point], on: date, planned: date) -> Iterator[_Change]:
    """The points that differ, paired by subject. A message that only names the other day is no difference."""
    if before == after:
        return
    said = {each.message for each in before} | {_with_other_day(each.message, on, planned) for each in before}
    says = {each.message for each in after}
    was = [each for each in before if says.isdisjoint((each.message, _with_other_day(each.message, on, planned)))]
    now = [each for each in after if each.message not in said]
    for subject in dict.fromkeys(each.subject for each in (*now, *was)):
        sides = ([each for each in side if each.subject == subject] for side in (was, now))
        for one, other in zip_longest(*sides):
            known = [side for side in (other, one) if side]
            before_, after_ = (side and side.message for side in (one, other))
            yield _Change(subject, before_, after_, known[0].confidence, any(side.grave for side in known))


def _with_other_day(message: Text, on: date, planned: date) -> Text:
    """A message with the one day replaced by the other."""
    before, after = days(on), days(planned)
    return Text(message.fr.replace(before.fr, after.fr), message.en.replace(before.en, after.en))


def _in_words(change: _Change, lots: Sequence[str], gone: Text, view: InForce) -> Text:
    """A sentence that quotes both sides of a change; `gone` is said of a statement without a second side."""
    where = bracketed_lots(tuple(lots))
    was, now = change.was or NOTHING, change.now or NOTHING
    before, after = (Text(*map(_brief, one, other)) for one, other in ((was, now), (now, was)))
    if not change.was:
        return sentence(view, "statement_comes", where=where, after=after)
    if not change.now:
        return sentence(view, "statement_leaves", gone=gone, where=where, before=before)
    return sentence(view, "statement_changes", where=where, before=before, after=after)


def _brief(words: str, others: str) -> str:
    """The words from shortly before the first difference from `others`, cut where they are long."""
    same = next((place for place, (one, other) in enumerate(zip(words, others, strict=False)) if one != other), 0)
    start = words.rfind(" ", 0, max(same - LEAD, 0)) + 1
    part = ("…" if start else "") + words[start:]
    return part if len(part) <= LONGEST else part[: part.rfind(" ", 0, LONGEST)].rstrip(" ,;:(«") + "…"
