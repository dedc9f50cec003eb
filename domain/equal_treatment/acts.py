"""The acts between a buyer and each supplier of a need: asked, answered, met; decisions in words that fit them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.equal_treatment.matrix import ContactCode, EqualTreatment, MeetingAttendance, SupplierAnswer
from domain.shortlists.version import Decision
from domain.text.bilingual import Text
from domain.text.labels import DECISIONS, DECISIONS_ON_ASKED

ActCode = Literal["asked", "unconfirmed", "not_reached", "met", "not_asked"]

_ACTS: dict[ContactCode, ActCode] = {
    "contacted": "asked",
    "unconfirmed": "unconfirmed",
    "not_yet_delivered": "unconfirmed",
    "not_delivered": "not_reached",
}


class SupplierActs(msgspec.Struct, frozen=True, kw_only=True):
    """The acts with one supplier. `asked_at`: when a message first reached it; `contact`: that in a sentence.

    `answer`: its last message; `meetings`: those to which it was invited, without cancelled ones; `decisions`: on the
    latest version.
    """

    supplier_id: UUID
    name: str
    on_shortlist: bool
    lots: tuple[str, ...]
    act: ActCode
    contact: str
    asked_at: datetime | None
    answer: SupplierAnswer | None
    meetings: tuple[MeetingAttendance, ...]
    decisions: tuple[Decision, ...]


def supplier_acts(treatment: EqualTreatment, decisions: Iterable[Decision]) -> list[SupplierActs]:
    """The acts with each supplier of the latest list, in its order, then with others written to or met."""
    decided: dict[UUID, list[Decision]] = {}
    for each in decisions:
        decided.setdefault(each.supplier_id, []).append(each)
    found = []
    for one in treatment.suppliers:
        meetings = tuple(each for each in one.meetings if each.status != "cancelled")
        was_met = any(each.status == "held" and each.attended for each in meetings)
        found.append(
            SupplierActs(
                supplier_id=one.supplier_id,
                name=one.name,
                on_shortlist=one.on_shortlist,
                lots=one.lots,
                act=_ACTS.get(one.contact.code) or ("met" if was_met else "not_asked"),
                contact=one.contact.message,
                asked_at=min((each.at for each in one.informations if each.state == "received"), default=None),
                answer=one.answers[-1] if one.answers else None,
                meetings=meetings,
                decisions=tuple(decided.get(one.supplier_id, ())),
            )
        )
    return found


def is_to_be_confirmed(acts: SupplierActs, lot_id: str) -> bool:
    """Whether the supplier was kept for the lot before it was asked, so that it is not retained by that."""
    kept = (each.decided_at for each in acts.decisions if each.lot_id == lot_id and each.decision == "kept")
    return acts.asked_at is not None and any(decided_at < acts.asked_at for decided_at in kept)


def decision_in_words(decision: Decision, asked_at: datetime | None) -> Text:
    """The words of a decision on a supplier that was first asked at `asked_at` (None: never).

    Before that it says whether to ask it; after, whether it is retained.
    """
    if asked_at is None:
        return DECISIONS[decision.decision]
    code = decision.decision if decision.decided_at >= asked_at else f"{decision.decision}_before"
    return DECISIONS_ON_ASKED[code]
