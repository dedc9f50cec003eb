"""Routes and use cases of frozen shortlists, the buyer's decisions on them, and equal treatment of suppliers.

A decision is about a supplier of a version, for one lot.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.match import MATCH_PROBLEMS, CandidateFeatureCollection, candidate_map
from api.needs.freeze_shortlist import (
    compare_versions,
    freeze_shortlist,
    frozen_body,
    input_of_own_need,
    match_before_storing,
    own_need,
    unknown_lot,
    version_of,
)
from api.needs.routes import NEED_PROBLEMS, answer_page_of_need, needs_creation, needs_endpoint
from api.runtime.actor import Acting, acting_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, etag_response, require_match
from api.runtime.idempotency import answer_once, created_answer, is_answered
from api.web.content_negotiation import GEOJSON, JSON
from api.web.pagination import Page, Paging, answer_page
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import exchanges_of
from db.idempotency import Answer
from db.journal.content import stored_name
from db.journal.entries import entries, write_entry
from db.meetings import meetings_of
from db.needs.shortlists import (
    earlier_decisions,
    remove_decision,
    select_decisions,
    select_shortlist,
    select_shortlists,
    write_decision,
)
from db.suppliers.write import survivors
from domain.equal_treatment.acts import SupplierActs, supplier_acts
from domain.equal_treatment.matrix import (
    NOTICE_MADE,
    NOTICE_PUBLISHED,
    EqualTreatment,
    NoticeStep,
    equal_treatment,
)
from domain.errors import InvalidContent, NotFound, Problem, pointer, require_found
from domain.journal import Detail
from domain.needs.need import Code
from domain.needs.status import NO_NEED, require_not_ended
from domain.shortlists.diff import ShortlistDiff
from domain.shortlists.shortlist import Shortlist
from domain.shortlists.version import Decision, DecisionCode, DecisionKey, FrozenShortlist, ShortlistVersion
from domain.text.bilingual import Language, Text, said_by

NO_SUPPLIER = Text("Ce fournisseur n'est pas dans cette version", "This supplier is not in this version")


class DecisionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision on a supplier, for one lot. Fields that are left out stay."""

    lot_id: Code
    """A lot of the version"""
    decision: DecisionCode | msgspec.UnsetType | None = msgspec.UNSET
    """`kept`, or `set_aside`: left out where an exchange is opened with `shortlist`; null withdraws the decision"""
    reason: Annotated[str, msgspec.Meta(max_length=4_000)] | msgspec.UnsetType | None = msgspec.UNSET
    """In words; null: none"""


class DecisionDocument(DecisionKey, frozen=True):
    """The buyer's decision on a supplier for a lot."""

    decision: DecisionCode | None
    """`kept` or `set_aside`; null: none, or it was withdrawn"""
    reason: str | None
    """In words; null: none given"""
    decided_at: datetime | None
    """The moment it was last changed; null without a decision"""


@needs_creation("/needs/{id}/shortlists", answers=Shortlist, problems=("conflict", "storage-quota", *NEED_PROBLEMS))
async def create_shortlist(call: Call, id: UUID) -> Response[bytes]:
    """Match a need again, as it is now, and freeze the answer as its next version.

    Takes no body. `Location` names the version. Decisions on earlier versions stay with them. 409 once the need is
    closed or abandoned.
    """
    services, acting, shortlist = call.services, acting_of(call), b""
    async with services.matches.slot_of(str(acting.organisation_id)):
        matched = await match_before_storing(acting, partial(input_of_own_need, need_id=id), partial(is_answered, call))
        async with transaction(services.database) as connection:

            async def store_shortlist() -> Answer:
                nonlocal shortlist
                number, shortlist = await freeze_shortlist(connection, acting, id, matched)
                answer = created_answer(None, f"/needs/{id}/shortlists/{number}", etag_of(shortlist))
                # it is stored as a version, and not once more under an Idempotency-Key
                return msgspec.structs.replace(answer, body=b"")

            async def add_shortlist(answer: Answer) -> Answer:
                number = int(answer.headers["location"].rpartition("/")[2])
                body = shortlist or await frozen_body(connection, acting, id, number)
                return msgspec.structs.replace(answer, body=body)

            return await answer_once(call, connection, b"", store_shortlist, completed=add_shortlist)


@needs_endpoint("GET", "/needs/{id}/shortlists", answers=Page[ShortlistVersion])
async def list_shortlists(call: Call, id: UUID, query: Paging, connection: Connection) -> Response[bytes]:
    """The versions of a need's shortlist, the latest first, each with its stamp and its numbers of candidates."""
    number = attrgetter("number")
    return await answer_page_of_need(
        call, connection, query, id, "shortlists", select_shortlists, position_type=int, key=number
    )


@needs_endpoint(
    "GET",
    "/needs/{id}/shortlists/{n}",
    answers={JSON: Shortlist, GEOJSON: CandidateFeatureCollection},
    file="candidats",
    status=(200, 304),
    headers=IF_NONE_MATCH,
)
async def get_shortlist(call: Call, id: UUID, n: str) -> Response[bytes]:
    """A version, byte for byte as it was first answered, with the suppliers as they were.

    `latest` in the place of the number: the last one.
    """
    async with transaction(call.services.database) as connection:
        frozen = await version_of(connection, call.bearer.organisation_id, id, n)
    if call.media_type == GEOJSON:
        return conditional_get(call, await asyncio.to_thread(candidate_map, frozen.shortlist), GEOJSON)
    return conditional_get(call, frozen.body)


@needs_endpoint(
    "PATCH",
    "/needs/{id}/shortlists/{n}/suppliers/{supplier_id}",
    answers=DecisionDocument,
    patch=DecisionChange,
    headers=IF_MATCH,
    problems=("conflict", "stale-version"),
    example="decision",
)
async def update_decision(
    call: Call, id: UUID, n: str, supplier_id: UUID, body: DecisionChange, connection: Connection
) -> Response[bytes]:
    """Keep a supplier of a version, or set it aside, with a reason.

    For one lot, of which it is a candidate, a near miss or of unknown trade. A new decision without a `reason` has
    none; `decision` null withdraws it. The version itself does not change, nor do decisions on other versions. Earlier
    decisions are in the journal, without their reasons. 409 once the need is closed or abandoned.
    """
    key = DecisionKey(body.lot_id, supplier_id)

    def require_known_decision(decisions: Mapping[DecisionKey, Decision]) -> None:
        """Raise Refusal (412) where the decision is no longer the one that `If-Match` names."""
        before = decisions.get(key)
        require_match(call, None if before is None else etag_of(_decision_document(key, before)))

    (decided,) = await change_decisions(
        connection, acting_of(call), id, n, [(supplier_id, body)], require_known_decision
    )
    return etag_response(_decision_document(key, decided))


@needs_endpoint("GET", "/needs/{id}/shortlists/{n}/decisions", answers=Page[Decision])
async def list_decisions(call: Call, id: UUID, n: str, query: Paging, connection: Connection) -> Response[bytes]:
    """The decisions on the suppliers of a version, by lot."""
    number = (await version_of(connection, call.bearer.organisation_id, id, n)).number
    fetch = partial(select_decisions, connection, call.bearer.organisation_id, id, number)
    return await answer_page(call, query, f"decisions/{id}/{number}", DecisionKey, fetch, key=decision_key)


@needs_endpoint("GET", "/needs/{id}/shortlists/{n}/diff/{m}", answers=ShortlistDiff, problems=MATCH_PROBLEMS)
async def compare_shortlists(call: Call, id: UUID, n: str, m: str) -> ShortlistDiff:
    """The differences between two versions.

    From version `n` to version `m`, lot by lot: who came, who left and who moved, near misses refused for another
    reason, and what was decided otherwise; for whoever came or left, why it is not on the other version. What a version
    does not say itself is found with its need and day and the data of today: the message says so where these have
    changed since. Any two versions can be compared, in either direction; `latest` names the last.
    """
    return await compare_versions(acting_of(call), id, n, m)


def decision_key(decision: Decision) -> DecisionKey:
    """The lot and the supplier of a decision."""
    return DecisionKey(decision.lot_id, decision.supplier_id)


def _decision_document(key: DecisionKey, decision: Decision | None) -> DecisionDocument:
    if decision is None:
        return DecisionDocument(key.lot_id, key.supplier_id, None, None, None)
    return msgspec.convert(decision, DecisionDocument, from_attributes=True)


async def change_decisions(
    connection: Connection,
    acting: Acting,
    need_id: UUID,
    number: str,
    changes: Sequence[tuple[UUID, DecisionChange]],
    require_known: Callable[[Mapping[DecisionKey, Decision]], None] = lambda _: None,
) -> list[Decision | None]:
    """Store changes of decisions on a version, each with its supplier's id; returns the decision after each.

    `number`: of the version, or "latest". All are stored, or none if `require_known` raises: where the decisions so
    far are not those that the caller knows. Raises NotFound, Conflict once the need has ended, InvalidContent for a
    reason without a decision and a supplier that is not in the lot. The journal notes each change without its reason.
    """
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    version = await version_of(connection, acting.organisation_id, need_id, number)
    await asyncio.to_thread(_require_listed, version, changes)
    require_not_ended(need.status)
    so_far = {decision_key(each): each for each in version.decisions}
    require_known(so_far)
    made: list[Decision | None] = []
    latest: dict[DecisionKey, Decision | None] = {**so_far}
    for supplier_id, change in changes:
        key, now = DecisionKey(change.lot_id, supplier_id), acting.now()
        before = latest.get(key)
        after = latest[key] = _decision_after(key, before, change, now)
        made.append(after)
        if after == before:
            continue
        if after is None:
            await remove_decision(connection, need_id, version.number, key)
        else:
            await write_decision(connection, need_id, version.number, after)
        detail: Detail = {
            "number": version.number,
            "lot_id": key.lot_id,
            "supplier_id": str(supplier_id),
            "decision": _decision_code(after),
            "before": _decision_code(before),
        }
        name, about = f"need:{need_id}", (stored_name("decision", need_id, version.number, supplier_id, key.lot_id),)
        await write_entry(connection, acting.actor, "decision.made", name, now, detail=detail, about=about)
    return made


async def repeat_decisions(connection: Connection, acting: Acting, need_id: UUID) -> int:
    """Copy the last decisions on earlier versions to the latest version; returns how many were copied.

    Only of suppliers that the latest lists for the same lot, without a decision yet. Raises as `change_decisions`.
    """
    organisation = acting.organisation_id
    await own_need(connection, organisation, need_id, lock=True)
    version = await version_of(connection, organisation, need_id, "latest")
    repeated = repeatable_decisions(version, await earlier_decisions(connection, organisation, need_id, version.number))
    changes = [(each.supplier_id, DecisionChange(each.lot_id, each.decision, each.reason)) for each in repeated]
    return len(await change_decisions(connection, acting, need_id, str(version.number), changes))


def repeatable_decisions(version: FrozenShortlist, earlier: Iterable[Decision]) -> list[Decision]:
    """The last of the `earlier` decisions on each supplier that the version lists without a decision."""
    listed = {DecisionKey(lot.id, each.id) for lot in version.shown_lots for each in lot.listed}
    left = listed - set(map(decision_key, version.decisions))
    return [each for key, each in {decision_key(each): each for each in earlier}.items() if key in left]


def _require_listed(version: FrozenShortlist, changes: Sequence[tuple[UUID, DecisionChange]]) -> None:
    """Raises NotFound for a supplier in no lot of the version, InvalidContent for one not in the lot of its change."""
    lots = {lot.id: {each.id for each in lot.listed} for lot in version.shown_lots}
    for supplier_id, change in changes:
        listed_in = [lot for lot, listed in lots.items() if supplier_id in listed]
        if not listed_in:
            raise NotFound(NO_SUPPLIER)
        if change.lot_id not in lots:
            raise InvalidContent((unknown_lot(change.lot_id, lots, "lot_id"),))
        if change.lot_id not in listed_in:
            named = ", ".join(listed_in)
            detail = said_by(__name__)["in_other_lots"].filled(named=named)
            raise InvalidContent((Problem(pointer("lot_id"), "not_in_lot", detail),))


def _decision_after(
    key: DecisionKey, before: Decision | None, change: DecisionChange, now: datetime
) -> Decision | None:
    """The decision after a change of the present one (`before`); None where the change withdraws it."""
    verdict = _decision_code(before) if change.decision is msgspec.UNSET else change.decision
    if verdict is None:
        if change.decision is msgspec.UNSET:
            detail = Text("Une décision est attendue : kept ou set_aside", "A decision is expected: kept or set_aside")
            raise InvalidContent((Problem(pointer("decision"), "missing_field", detail),))
        return None
    if before is None or before.decision != verdict:
        reason = None if change.reason is msgspec.UNSET else change.reason
        return Decision(key.lot_id, key.supplier_id, verdict, reason, now)
    # another reason for the same decision leaves its date: a supplier is set aside since the first of them
    return before if change.reason is msgspec.UNSET else msgspec.structs.replace(before, reason=change.reason)


def _decision_code(decision: Decision | None) -> DecisionCode | None:
    """The code of a decision; None without one."""
    return None if decision is None else decision.decision


@endpoint("GET", "/needs/{id}/equal-treatment", tag="Exchanges", scope="needs", answers=EqualTreatment)
async def get_equal_treatment(call: Call, id: UUID, connection: Connection) -> EqualTreatment:
    """Equal treatment of the suppliers of a need's latest shortlist: the matrix, and the gaps.

    For each supplier: whether and why it was contacted, what it was told and when, what it answered, where it was met,
    and its gaps. Those contacted or met beside the shortlist come last. A gap of the document is one thing with all who
    lack it: `not_contacted`, `missed_information`, `missed_answer`, `missed_correction`, `answer_not_shared`,
    `not_delivered`, `late_information` (more than a week after the first), `question_unanswered`, `not_invited`. A
    supplier lacks nothing that is about lots of others, or that came after it was set aside; one that nobody wrote to
    lacks a contact, not each message. To close a gap, send the same words; what is said to one supplier and is of no
    use to others is sent `confidential`.

    For the buyer alone: `published` marks questions whose author suppliers must not learn, `to_one` what was told to
    one, `confidential` what others must not read.
    """
    return await treatment_of(connection, call.bearer.organisation_id, id, call.language)


async def treatment_of(connection: Connection, organisation: UUID, need_id: UUID, language: Language) -> EqualTreatment:
    """The equal-treatment matrix of the organisation's need, with its sentences in `language`. Raises NotFound."""
    version = require_found(await select_shortlist(connection, organisation, need_id, None), NO_NEED)
    exchanges = await exchanges_of(connection, organisation, need_id)
    meetings = await meetings_of(connection, organisation, need_id)
    listed = {each.supplier.id for lot in version.shown_lots for each in lot.candidates}
    written_to = {each.supplier_id for exchange in exchanges for each in exchange.recipients}
    joined = {other: who.supplier_id for each in exchanges for who in each.recipients for other in who.joined}
    met = {each.supplier_id for meeting in meetings for each in meeting.participants if each.supplier_id}
    living = await survivors(connection, listed | written_to | met | joined.keys())
    for other, to in joined.items():  # whose letter it was, too
        if other not in written_to:
            living[other] = living[living.get(other, other)] = living.get(to, to)
    earlier = await earlier_decisions(connection, organisation, need_id, version.number)
    treated = await asyncio.to_thread(equal_treatment, version, exchanges, meetings, language, living, earlier)
    return msgspec.structs.replace(treated, notices=await notices_of(connection, organisation, need_id))


MOST_NOTICES = 100


async def notices_of(connection: Connection, organisation: UUID, need_id: UUID) -> tuple[NoticeStep, ...]:
    """The notices of the need that were made, and those that were published, as the journal has them."""
    found = []
    for action in (NOTICE_MADE, NOTICE_PUBLISHED):
        for entry in await entries(connection, organisation, f"need:{need_id}", 0, MOST_NOTICES, action=action):
            said = {"at": entry.at, "published_on": entry.detail.get("on"), **entry.detail}
            found.append(msgspec.convert(said, NoticeStep, strict=False))
    return tuple(sorted(found, key=lambda each: each.at))


async def acts_with_suppliers(connection: Connection, acting: Acting, need_id: UUID) -> list[SupplierActs]:
    """The acts with each supplier of a need's latest shortlist, then with others that were written to or met.

    Raises NotFound.
    """
    organisation = acting.organisation_id
    treatment = await treatment_of(connection, organisation, need_id, acting.language)
    decisions = await select_decisions(connection, organisation, need_id, treatment.shortlist, None, None)
    return supplier_acts(treatment, decisions)
