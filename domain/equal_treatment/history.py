"""What is known of the suppliers of a need: what each was told, what it said, where it was met, what was decided."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.equal_treatment.disclosures import told_in
from domain.equal_treatment.gaps import Concerned, Invitations
from domain.exchanges.exchange import Barrier, Channel, Exchange, ExchangeSummary, Message, Stance
from domain.exchanges.questions import Question, questions_of
from domain.meetings.meeting import Format, Meeting, MeetingStatus
from domain.shortlists.frozen import Decision, FrozenShortlist
from domain.shortlists.listed_suppliers import Shortlisted, shortlisted


class SetAside(msgspec.Struct, frozen=True):
    """A lot for which the buyer set a supplier aside; `decided_at`: first, where several versions say so."""

    lot_id: str
    reason: str | None
    decided_at: datetime


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier said. `published`: its question was shared with all, who must not learn who asked it.

    `answered`: of a question; null for anything else.
    """

    message_id: UUID
    exchange_id: UUID
    subject: str
    at: datetime
    channel: Channel
    text: str
    stance: Stance | None
    barriers: tuple[Barrier, ...]
    barriers_note: str | None
    corrects: UUID | None
    confidential: bool
    answered: bool | None
    published: bool


class Met(msgspec.Struct, frozen=True):
    """A meeting to which a supplier was invited; `attended` null: not known."""

    meeting_id: UUID
    title: str
    format: Format
    starts_at: datetime
    status: MeetingStatus
    invited_at: datetime | None
    attended: bool | None


class Treatments:
    """All that is known of a need, by supplier, each under the id that it has now."""

    def __init__(
        self,
        version: FrozenShortlist,
        exchanges: Sequence[Exchange],
        meetings: Sequence[Meeting],
        living: Mapping[UUID, UUID],
        earlier: Iterable[Decision],
    ) -> None:
        self._living = living
        self.exchanges, self.version = exchanges, version
        self.told = told_in(exchanges, living)
        self.questions = [(exchange, each) for exchange in exchanges for each in questions_of(exchange).asked]
        self.listed = self._listed(version)
        self.set_aside = self._set_aside(version, earlier)
        self.answers = self._answers()
        self.met, self.invitations = self._meetings(meetings)
        self.concerned = self._concerned()
        self._reached = self._reach()

    def reached(self, lots: Collection[str]) -> tuple[ExchangeSummary | None, set[UUID]]:
        """Who was written to about these lots or the whole need, and the first exchange in which somebody was."""
        found = [self._reached[lot] for lot in ("", *lots) if lot in self._reached] if lots else []
        first = min((exchange for exchange, _ in found), key=lambda each: (each.opened_at, each.id), default=None)
        return first, {supplier_id for _, some in found for supplier_id in some}

    def now(self, supplier_id: UUID) -> UUID:
        """The supplier that the id stands for now."""
        return self._living.get(supplier_id, supplier_id)

    def _reach(self) -> dict[str, tuple[ExchangeSummary, set[UUID]]]:
        """By lot, "" for the whole need: the first exchange, and to whom something in any was given."""
        given: dict[UUID, set[UUID]] = {}
        for supplier_id, receipts in self.told.receipts.items():
            for receipt in receipts:
                if receipt.given:
                    given.setdefault(receipt.exchange_id, set()).add(supplier_id)
        reached: dict[str, tuple[ExchangeSummary, set[UUID]]] = {}
        for exchange in sorted(self.exchanges, key=lambda each: (each.opened_at, each.id)):
            for lot in exchange.lot_ids or ("",):
                _, some = reached.setdefault(lot, (exchange, set()))
                some.update(given.get(exchange.id, ()))
        return reached

    def _listed(self, version: FrozenShortlist) -> dict[UUID, Shortlisted]:
        listed: dict[UUID, Shortlisted] = {}
        for supplier_id, each in shortlisted(version).items():
            known = listed.get(self.now(supplier_id))
            lots = each.lots if known is None else tuple(dict.fromkeys((*known.lots, *each.lots)))
            listed[self.now(supplier_id)] = msgspec.structs.replace(known or each, lots=lots)
        return listed

    def _set_aside(self, version: FrozenShortlist, earlier: Iterable[Decision]) -> dict[UUID, list[SetAside]]:
        """By supplier, the lots it is set aside for: since an earlier version, where that said so already."""
        since: dict[tuple[UUID, str], datetime] = {}
        for each in (*earlier, *version.decisions):
            if each.decision == "set_aside":
                about = self.now(each.supplier_id), each.lot_id
                since[about] = min(each.decided_at, since.get(about, each.decided_at))
        found: dict[UUID, list[SetAside]] = {}
        for each in version.decisions:
            if each.decision == "set_aside":
                supplier_id = self.now(each.supplier_id)
                aside = SetAside(each.lot_id, each.reason, since[supplier_id, each.lot_id])
                found.setdefault(supplier_id, []).append(aside)
        return found

    def _answers(self) -> dict[UUID, list[Answer]]:
        state = {question.message_id: question for _, question in self.questions}
        found: dict[UUID, list[Answer]] = {}
        for exchange in self.exchanges:
            for message in exchange.messages:
                if message.author == "supplier" and message.supplier_id is not None:
                    answer = _answer(exchange, message, state.get(message.id))
                    found.setdefault(self.now(message.supplier_id), []).append(answer)
        return found

    def _meetings(self, meetings: Sequence[Meeting]) -> tuple[dict[UUID, list[Met]], list[Invitations]]:
        met: dict[UUID, list[Met]] = {}
        invitations = []
        for meeting in meetings:
            invited = {self.now(each.supplier_id): each for each in meeting.participants if each.supplier_id}
            invitations.append(Invitations(meeting, frozenset(invited)))
            for supplier_id, each in invited.items():
                met.setdefault(supplier_id, []).append(
                    Met(
                        meeting.id,
                        meeting.title,
                        meeting.format,
                        meeting.starts_at,
                        meeting.status,
                        each.invited_at,
                        each.attended,
                    )
                )
        return met, invitations

    def _concerned(self) -> dict[UUID, Concerned]:
        """Those on the shortlist, in its order, then those contacted, then those met."""
        names = {supplier_id: each.supplier.name for supplier_id, each in self.listed.items()}
        about: dict[UUID, set[str]] = {}
        every = {lot.id for lot in self.version.need.lots}
        for exchange in self.exchanges:
            every.update(exchange.lot_ids)
        for exchange in self.exchanges:
            for each in exchange.recipients:
                supplier_id = self.now(each.supplier_id)
                names.setdefault(supplier_id, each.name)
                whole = () if supplier_id in self.listed else every
                about.setdefault(supplier_id, set()).update(exchange.lot_ids or whole)
        for invited in self.invitations:
            for participant in invited.meeting.participants:
                if participant.supplier_id is not None:
                    name = participant.organisation or str(participant.supplier_id)
                    names.setdefault(self.now(participant.supplier_id), name)
        return {
            supplier_id: Concerned(supplier_id=supplier_id, name=name, lots=self._lots(supplier_id, about))
            for supplier_id, name in names.items()
        }

    def _lots(self, supplier_id: UUID, about: Mapping[UUID, set[str]]) -> dict[str, datetime | None]:
        """Who was set aside without ever being written to is not concerned at all: the buyer said why."""
        listed = self.listed.get(supplier_id)
        until = {each.lot_id: each.decided_at for each in self.set_aside.get(supplier_id, ())}
        lots = dict.fromkeys((*(listed.lots if listed else ()), *sorted(about.get(supplier_id, ()))))
        written_to = supplier_id in self.told.receipts
        return {lot: until.get(lot) for lot in lots if written_to or lot not in until}


def _answer(exchange: ExchangeSummary, message: Message, question: Question | None) -> Answer:
    return Answer(
        message_id=message.id,
        exchange_id=exchange.id,
        subject=exchange.subject,
        at=message.created_at,
        channel=message.channel,
        text=message.body,
        stance=message.stance,
        barriers=message.barriers,
        barriers_note=message.barriers_note,
        corrects=message.corrects,
        confidential=message.confidential,
        answered=None if question is None else question.answered,
        published=question is not None and question.published,
    )
