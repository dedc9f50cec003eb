"""The status of a stored need, from draft to closed or abandoned, and what each status allows.

Its next step is the thing that its buyer has to do before anything else.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.errors import Conflict
from domain.needs.need import PlannedNeed
from domain.text.bilingual import Text
from domain.text.labels import NEED_REFUSALS, NEXT_STEPS, STATUSES

NO_NEED = Text("Ce besoin n'existe pas, ou vous n'y avez pas accès", "There is no such need, or none of yours")

Status = Literal["draft", "sourcing", "published", "closed", "abandoned"]

MOVES: dict[Status, tuple[Status, ...]] = {
    "draft": ("sourcing", "abandoned"),
    "sourcing": ("published", "abandoned"),
    "published": ("closed", "abandoned"),
    "closed": (),
    "abandoned": (),
}
"""From each status, those that may follow it."""

OPEN: frozenset[Status] = frozenset(("draft", "sourcing"))
"""The statuses that allow exchanges: once the notice is published, all suppliers have only what the notice says."""

AFTER_PUBLICATION = frozenset(("reference", "title", "description"))
"""The fields that may still change once the notice is published: names, not content."""


class StoredNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A stored need. `version` counts its changes, `shortlists` the frozen versions of its shortlist."""

    id: UUID
    status: Status
    version: int
    content: PlannedNeed
    shortlists: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None = None
    ended_at: datetime | None = None


def require_move(before: Status, after: Status) -> None:
    """Raises Conflict (`illegal_move`), naming the allowed moves, where a need cannot go from `before` to `after`."""
    if after == before or after in MOVES[before]:
        return
    in_french = ", ".join(f"{STATUSES[each].fr} ({each})" for each in MOVES[before]) or "—"
    allowed = Text(in_french, ", ".join(MOVES[before]) or "—")
    raise _refusal("illegal_move", old=STATUSES[before], new=STATUSES[after], allowed=allowed)


def require_open(status: Status) -> None:
    """Raises Conflict (`after-publication`) once the notice is published, or the need has ended (R2111-1, L3)."""
    if status not in OPEN:
        raise _refusal("after-publication", status=STATUSES[status])


def _refusal(code: str, **values: Text | str) -> Conflict:
    """The refusal of a change to a need, in the words of `code`."""
    return Conflict(code, NEED_REFUSALS[code].filled(**values))


def changed_fields(before: PlannedNeed, after: PlannedNeed) -> tuple[str, ...]:
    """The names of the fields in which two needs differ."""
    names = PlannedNeed.__struct_fields__
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def require_change(status: Status, fields: Sequence[str]) -> None:
    """Raises Conflict (`need_is_published`, `need_has_ended`) where these fields cannot change any more."""
    refused = [name for name in fields if name not in AFTER_PUBLICATION]
    if status == "published" and refused:
        allowed = ", ".join(sorted(AFTER_PUBLICATION))
        raise _refusal("need_is_published", named=", ".join(refused), allowed=allowed)
    if fields:
        require_not_ended(status)


def require_not_ended(status: Status) -> None:
    """Raises Conflict (`need_has_ended`) for a need that is closed or abandoned: nothing in it changes."""
    if not MOVES[status]:
        raise _refusal("need_has_ended", status=STATUSES[status])


StepCode = Literal[
    "read", "answer", "freeze", "widen", "decide", "contact", "deliver", "begin", "publish", "award", "close", "none"
]

NAMES = AFTER_PUBLICATION | {
    *("procedure", "social_considerations", "environmental_considerations"),
    *("answers_by", "answers_url", "answers_email"),
}
"""The fields that name a need or plan its procedure: another one is no reason to look for suppliers again."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of work done on a need so far.

    `frozen`: the need as its latest shortlist has it; `listed`: the lots for which that lists somebody, `decided` those
    with a decision; `exchanges`: the number of them, `meetings` that of those that were not cancelled; `unread`,
    `questions`: the numbers of suppliers' messages that nobody has read, and of questions without an answer;
    `to_deliver`: that of messages that the buyer is to bring to recipients and has not confirmed, nor any answer shown
    to have arrived; `awarded`: the lots with an award.
    """

    frozen: PlannedNeed | None = None
    listed: frozenset[str] = frozenset()
    decided: frozenset[str] = frozenset()
    exchanges: int = 0
    meetings: int = 0
    unread: int = 0
    questions: int = 0
    to_deliver: int = 0
    awarded: frozenset[str] = frozenset()


class NextStep(msgspec.Struct, frozen=True):
    """The next thing for a buyer to do, as a code and in words. `first_lot`: the position, from 1, of its first lot."""

    code: StepCode
    words: Text
    first_lot: int = 1


def state_in_words(need: StoredNeed, progress: Progress) -> Text:
    """The state of a need as its status says it; that it is awarded, or in part, once that was noted."""
    awarded = sum(lot.id in progress.awarded for lot in need.content.lots)
    if not awarded or not MOVES[need.status]:
        return STATUSES[need.status]
    return NEXT_STEPS["awarded" if awarded == len(need.content.lots) else "awarded_some"]


def next_step(need: StoredNeed, progress: Progress) -> NextStep:
    """The next step of a need: to answer suppliers, else to freeze and contact, else to decide, publish and award."""
    if not MOVES[need.status]:
        return _step("none")
    lots = [lot.id for lot in need.content.lots]
    if need.status not in OPEN:
        to_award = [lot for lot in lots if lot not in progress.awarded]
        return _step_for_lots("award", to_award, lots) if to_award else _step("close")
    if progress.unread or progress.questions:
        return _step("read", progress.unread) if progress.unread else _step("answer", progress.questions)
    is_awarded = progress.awarded.issuperset(lots)
    if is_awarded or progress.frozen is None or changed_criteria(progress.frozen, need.content):
        return NextStep("publish", NEXT_STEPS["publish_awarded"]) if is_awarded else _step("freeze")
    if not progress.exchanges and not progress.meetings:
        return _step("contact" if progress.listed else "widen")
    return _step("deliver", progress.to_deliver) if progress.to_deliver else _step_after_contact(need, progress)


def _step_after_contact(need: StoredNeed, progress: Progress) -> NextStep:
    """The next step once suppliers were asked: to note who is retained, else to change the status."""
    lots = [lot.id for lot in need.content.lots]
    undecided = [lot for lot in lots if lot in progress.listed and lot not in progress.decided]
    if undecided:
        return _step_for_lots("decide", undecided, lots)
    return _step("begin" if need.status == "draft" else "publish")


def _step(code: StepCode, number: int = 1) -> NextStep:
    """The step in words, for one thing or for `number` of them."""
    words = NEXT_STEPS[code] if number == 1 else NEXT_STEPS[f"{code}_many"].filled(number=number)
    return NextStep(code, words)


def _step_for_lots(code: StepCode, open_lots: list[str], lots: list[str]) -> NextStep:
    """The step still to be taken for `open_lots`, in words that count them where the need has several lots."""
    if len(lots) == 1:
        return _step(code)
    many, of_all = "s" if len(open_lots) > 1 else "", len(lots)
    counted = Text(f"{len(open_lots)} lot{many} sur {of_all}", f"{len(open_lots)} of {of_all} lots")
    return NextStep(code, NEXT_STEPS[f"{code}_some"].filled(lots=counted), lots.index(open_lots[0]) + 1)


def changed_criteria(before: PlannedNeed, after: PlannedNeed) -> tuple[str, ...]:
    """The names of the fields in which two needs differ, without fields that name a need or plan its procedure."""
    return tuple(name for name in changed_fields(before, after) if name not in NAMES)
