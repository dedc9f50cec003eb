"""Gaps in equal treatment: what one supplier of a shortlist did not get and others did, each put into words."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from domain.equal_treatment.disclosures import Information, InformationKind, Receipt, Wording
from domain.exchanges.exchange import ExchangeSummary
from domain.exchanges.questions import Question
from domain.meetings.meeting import Format, Meeting
from domain.text.bilingual import Language, Text, long_date

GapCode = Literal[
    "not_contacted",
    "missed_information",
    "missed_answer",
    "missed_correction",
    "answer_not_shared",
    "not_delivered",
    "late_information",
    "question_unanswered",
    "not_invited",
]

LATE = timedelta(days=7)
"""Who is told later than this after the first one had less time to make something of it."""
PARIS = ZoneInfo("Europe/Paris")
ONE_BY_ONE: frozenset[Format] = frozenset(("one_to_one", "site_visit"))
"""Meetings that are held once with each supplier."""
_MISSING: dict[InformationKind, GapCode] = {
    "opening": "missed_information",
    "message": "missed_information",
    "answer": "missed_answer",
    "reply": "answer_not_shared",
}
_NAMED: dict[InformationKind, Text] = {
    "opening": Text("l'information", "the information"),
    "message": Text("l'information", "the information"),
    "answer": Text("la réponse", "the answer"),
    "reply": Text("la réponse", "the answer"),
}


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier did not get. `others`: how many others did; `confidential`: for the buyer alone to read."""

    supplier_id: UUID
    code: GapCode
    message: str
    others: int
    exchange_id: UUID | None = None
    message_id: UUID | None = None
    meeting_id: UUID | None = None
    confidential: bool = False


class Concerned(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier, and the lots that concern it, each until it was set aside: null where it was not."""

    supplier_id: UUID
    name: str
    lots: dict[str, datetime | None]

    def at(self, moment: datetime, lots: Collection[str] = ()) -> bool:
        """Whether it is concerned by what happens at this moment about these lots, or the whole need without any."""
        return any(until is None or moment < until for lot, until in self.lots.items() if not lots or lot in lots)

    @property
    def kept_lots(self) -> frozenset[str]:
        """The lots for which it was never set aside."""
        return frozenset(lot for lot, until in self.lots.items() if until is None)


class Others(NamedTuple):
    """How many other suppliers got something; of these, how many by a delivery that the buyer has to confirm."""

    number: int
    unconfirmed: int


class Holders:
    """Those to whom something was given, each with the receipt of it."""

    def __init__(self, given: Mapping[UUID, Receipt]) -> None:
        self._given = given
        self._unconfirmed = sum(each.state == "to_be_confirmed" for each in given.values())

    def __contains__(self, supplier_id: UUID) -> bool:
        return supplier_id in self._given

    def besides(self, supplier_id: UUID) -> Others:
        """All but this one."""
        own = self._given.get(supplier_id)
        if own is None:
            return Others(len(self._given), self._unconfirmed)
        return Others(len(self._given) - 1, self._unconfirmed - (own.state == "to_be_confirmed"))


def information_gaps(information: Information, suppliers: Iterable[Concerned], language: Language) -> Iterator[Gap]:
    """Who of the suppliers lacks the information or its last version, did not have it delivered, or was told late."""
    first, last = information.first, information.last
    given: dict[UUID, Receipt] = {}
    for wording in information.wordings:
        given |= wording.given
    anyone, newest = Holders(given), Holders(last.given)
    for supplier in suppliers:
        own = last.receipts.get(supplier.supplier_id)
        missing = own is None and supplier.supplier_id not in anyone
        about, holders = (first, anyone) if missing else (last, newest)
        others = holders.besides(supplier.supplier_id)
        code = _code(information, own, others, missing=missing)
        if code is not None and supplier.at(about.told_at, information.lots):
            yield Gap(
                supplier_id=supplier.supplier_id,
                code=code,
                message=_told(code, supplier.name, information, about, own, others).to(language),
                others=others.number,
                exchange_id=about.exchange_id,
                message_id=about.message_id,
                confidential=not information.shared,
            )


def _code(information: Information, own: Receipt | None, others: Others, *, missing: bool) -> GapCode | None:
    """`own`: what the supplier has of the last version; `missing`: it has none at all."""
    if own is not None and not own.given:
        return "not_delivered"
    if not others.number or not information.shared:
        return None
    if missing:
        return _MISSING[information.kind]
    if own is None:
        return "missed_correction"
    return "late_information" if own.at - information.last.told_at > LATE else None


def contact_gap(supplier: Concerned, others: int, first: ExchangeSummary, language: Language) -> Gap:
    """A supplier that nobody wrote to, though others were about its lots; `first`: the first such exchange."""
    day, were = _day(first.opened_at), _were(others)
    message = Text(
        f"{supplier.name} n'a pas été contacté, alors {were.fr}, la première fois le {day.fr} (« {first.subject} »)",
        f"{supplier.name} was not contacted, though {were.en}, first on {day.en} (“{first.subject}”)",
    )
    return Gap(
        supplier_id=supplier.supplier_id,
        code="not_contacted",
        message=message.to(language),
        others=others,
        exchange_id=first.id,
    )


def question_gap(supplier: Concerned, question: Question, exchange: ExchangeSummary, language: Language) -> Gap:
    """A question that nobody answered."""
    day = _day(question.asked_at)
    message = Text(
        f"La question de {supplier.name} du {day.fr} (« {exchange.subject} ») est restée sans réponse",
        f"The question of {supplier.name} of {day.en} (“{exchange.subject}”) was not answered",
    )
    return Gap(
        supplier_id=supplier.supplier_id,
        code="question_unanswered",
        message=message.to(language),
        others=0,
        exchange_id=exchange.id,
        message_id=question.message_id,
        confidential=question.confidential,
    )


class Invitations(msgspec.Struct, frozen=True):
    """A meeting, and the suppliers invited to it."""

    meeting: Meeting
    suppliers: frozenset[UUID]

    @property
    def at(self) -> datetime:
        """When suppliers were invited at the latest: a meeting may be noted after it was held."""
        return min(self.meeting.created_at, self.meeting.starts_at)


def meeting_gaps(met: Sequence[Invitations], suppliers: Sequence[Concerned], language: Language) -> Iterator[Gap]:
    """Who was not invited where others were, format by format.

    Meetings with one supplier after the other: who had none. Others: who was invited to fewer than somebody else, for
    a session that is held twice with half of the suppliers each is no gap; the ones with most suppliers are named.
    """
    by_format: dict[Format, list[Invitations]] = {}
    for each in met:
        if each.suppliers and each.meeting.status != "cancelled":
            by_format.setdefault(each.meeting.format, []).append(each)
    for kind, some in by_format.items():
        invited = Counter(supplier_id for each in some for supplier_id in each.suppliers)
        due = 1 if kind in ONE_BY_ONE else max(invited.values())
        biggest_first = sorted(some, key=lambda each: (-len(each.suppliers), each.at))
        for supplier in suppliers:
            lacking = due - invited[supplier.supplier_id]
            if lacking <= 0:
                continue
            missed = [
                each for each in biggest_first if supplier.supplier_id not in each.suppliers and supplier.at(each.at)
            ]
            for each in missed[:lacking]:
                others = len(invited) if kind in ONE_BY_ONE else len(each.suppliers)
                yield _meeting_gap(supplier, each.meeting, others, language)


def _meeting_gap(supplier: Concerned, meeting: Meeting, others: int, language: Language) -> Gap:
    day, were = _day(meeting.starts_at), _were(others)
    if meeting.format in ONE_BY_ONE:
        message = Text(
            f"{supplier.name} n'a été invité à aucune rencontre de ce type, alors {were.fr} "
            f"(« {meeting.title} », {day.fr})",
            f"{supplier.name} was invited to no meeting of this kind, though {were.en} (“{meeting.title}”, {day.en})",
        )
    else:
        message = Text(
            f"{supplier.name} n'a pas été invité à la réunion du {day.fr} (« {meeting.title} »), alors {were.fr}",
            f"{supplier.name} was not invited to the meeting of {day.en} (“{meeting.title}”), though {were.en}",
        )
    return Gap(
        supplier_id=supplier.supplier_id,
        code="not_invited",
        message=message.to(language),
        others=others,
        meeting_id=meeting.id,
    )


def _told(
    code: GapCode, name: str, information: Information, about: Wording, own: Receipt | None, others: Others
) -> Text:
    """The gap in words: what, of which day, and how many others have it."""
    named, day, got = _NAMED[information.kind], _day(about.told_at), _that_others_got(others)
    what = Text(f"{named.fr} du {day.fr} (« {about.subject} »)", f"{named.en} of {day.en} (“{about.subject}”)")
    if code == "not_delivered":
        why = f" ({own.failure})" if own and own.failure else ""
        return Text(
            f"{name} : la remise de {what.fr}{got.fr} a échoué{why}",
            f"{name}: {what.en}{got.en} was not delivered{why}",
        )
    if code == "late_information" and own:
        late = _day(own.at)
        return Text(
            f"{name} n'a reçu que le {late.fr} {what.fr}{got.fr}",
            f"{name} received only on {late.en} {what.en}{got.en}",
        )
    if code == "missed_correction":
        return Text(
            f"{name} n'a pas reçu la correction du {day.fr} (« {about.subject} »){got.fr}",
            f"{name} did not receive the correction of {day.en} (“{about.subject}”){got.en}",
        )
    private = (
        Text(", et qui n'est pas publiée", ", and which is not published")
        if code == "answer_not_shared"
        else Text("", "")
    )
    return Text(
        f"{name} n'a pas reçu {what.fr}{got.fr}{private.fr}", f"{name} did not receive {what.en}{got.en}{private.en}"
    )


def _that_others_got(others: Others) -> Text:
    count, unconfirmed = others
    if not count:
        return Text("", "")
    got = Text(" qu'un autre a reçue", " that 1 other received")
    if count > 1:
        got = Text(f" que {count} autres ont reçue", f" that {count} others received")
    if not unconfirmed:
        return got
    share = Text("", "") if unconfirmed == count else Text(f"dont {unconfirmed} ", f"{unconfirmed} of them ")
    return Text(f"{got.fr} ({share.fr}sous réserve de remise)", f"{got.en} ({share.en}if it was delivered)")


def _were(others: int) -> Text:
    if others == 1:
        return Text("qu'un autre l'a été", "1 other was")
    return Text(f"que {others} autres l'ont été", f"{others} others were")


def _day(moment: datetime) -> Text:
    return long_date(moment.astimezone(PARIS).date())
