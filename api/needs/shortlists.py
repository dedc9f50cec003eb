"""Shortlists as they were frozen, and what the buyer decided on them."""

import asyncio
import re
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.match import CandidateMap, candidate_map
from api.needs.absences import absences_from
from api.needs.freeze_shortlist import freeze_next
from api.needs.routes import NO_NEED, TAG, held, object_of
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, etag_of, require_match, unless_known
from api.runtime.idempotency import HEADERS, once
from api.web.content_negotiation import GEOJSON, JSON
from api.web.pagination import Page, Paging, paged
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from db.needs.needs import get_need
from db.needs.shortlists import (
    DecisionKey,
    decide,
    get_decision,
    get_shortlist,
    list_decisions,
    list_shortlists,
    withdraw_decision,
)
from domain.audit import Detail
from domain.decoding.explain import near
from domain.errors import InvalidContent, NotFound, Problem, pointer
from domain.needs.need import Code
from domain.needs.status import require_not_ended
from domain.shortlists.diff import ShortlistDiff, compare, unexplained
from domain.shortlists.frozen import Decision, FrozenShortlist, ShortlistVersion, Verdict
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Text

NUMBER = re.compile(r"[1-9][0-9]{0,8}")
NO_VERSION = Text(
    "Aucune version de ce numéro : GET /needs/{id}/shortlists les liste, « latest » est la dernière",
    "No version of this number: GET /needs/{id}/shortlists lists them, “latest” is the last",
)
NO_SUPPLIER = Text("Ce fournisseur n'est pas dans cette version", "This supplier is not in this version")


class DecisionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The buyer's word on a supplier, for one lot: what is left out stays; `decision` null takes it back."""

    lot_id: Code
    decision: Verdict | msgspec.UnsetType | None = msgspec.UNSET
    reason: Annotated[str, msgspec.Meta(max_length=4_000)] | msgspec.UnsetType | None = msgspec.UNSET


class DecisionDocument(msgspec.Struct, frozen=True):
    """What the buyer decided on a supplier for a lot; `decision` null: nothing, or it was taken back."""

    lot_id: str
    supplier_id: UUID
    decision: Verdict | None
    reason: str | None
    decided_at: datetime | None


@endpoint(
    "POST",
    "/needs/{id}/shortlists",
    tag=TAG,
    scope="needs",
    answers=Shortlist,
    status=201,
    headers=HEADERS,
    problems=("conflict", "unknown-territory", "unknown-segment", "outside-france", "not-ready"),
)
async def freeze_shortlist(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """Match a need again, as it is now, and freeze the answer as its next version.

    Takes no body. `Location` names the version. Decisions on earlier versions stay with them. 409 once the need is
    closed or abandoned.
    """
    services = call.services
    async with services.matches.of(str(call.bearer.organisation_id)), transaction(services.database) as connection:

        async def carry_out() -> Answer:
            need = await held(call, connection, id)
            require_not_ended(need.status)
            frozen = await freeze_next(call, connection, need)
            location = f"/needs/{id}/shortlists/{frozen.number}"
            headers = {"content-type": JSON, "location": location, "etag": etag_of(frozen.body)}
            return Answer(201, headers, frozen.body)

        return await once(call, connection, b"", carry_out)


@endpoint("GET", "/needs/{id}/shortlists", tag=TAG, scope="needs", answers=Page[ShortlistVersion])
async def list_versions(call: Call, id: UUID, query: Paging) -> Response[bytes]:  # noqa: A002
    """The versions of a need's shortlist, the latest first: what each rests on, and how many candidates it has."""
    organisation = call.bearer.organisation_id
    async with transaction(call.services.database) as connection:
        if await get_need(connection, organisation, id) is None:
            raise NotFound(NO_NEED)
        fetch = partial(list_shortlists, connection, organisation, id)
        return await paged(call, query, f"shortlists/{id}", int, fetch, key=attrgetter("number"))


@endpoint(
    "GET",
    "/needs/{id}/shortlists/{n}",
    tag=TAG,
    scope="needs",
    answers={JSON: Shortlist, GEOJSON: CandidateMap},
    status=(200, 304),
    headers=IF_NONE_MATCH,
)
async def show_version(call: Call, id: UUID, n: str) -> Response[bytes]:  # noqa: A002
    """A version, byte for byte as it was answered then, with the suppliers as they were.

    `latest` in the place of the number: the last one.
    """
    async with transaction(call.services.database) as connection:
        frozen = await version_of(call, connection, id, n)
    if call.media_type == GEOJSON:
        drawn = await asyncio.to_thread(lambda: msgspec.json.encode(candidate_map(frozen.shortlist)))
        return unless_known(call, drawn, GEOJSON, max_age=None)
    return unless_known(call, frozen.body, JSON, max_age=None)


@endpoint(
    "PATCH",
    "/needs/{id}/shortlists/{n}/suppliers/{supplier_id}",
    tag=TAG,
    scope="needs",
    answers=DecisionDocument,
    patch=DecisionChange,
    headers=IF_MATCH,
    problems=("conflict", "stale-version"),
    example="decision",
)
async def decide_on_supplier(
    call: Call,
    id: UUID,  # noqa: A002
    n: str,
    supplier_id: UUID,
    body: DecisionChange,
) -> Response[bytes]:
    """Keep a supplier of a version, or set it aside, and say why.

    For one lot, of which it is a candidate or a near miss. A new decision without a `reason` has none; `decision` null
    takes it back. The version itself does not change, nor do decisions on other versions. What was decided before is in
    the journal, less the reasons. 409 once the need is closed or abandoned.
    """
    async with transaction(call.services.database) as connection:
        need = await held(call, connection, id)
        frozen = await version_of(call, connection, id, n)
        await asyncio.to_thread(require_listed, frozen, body.lot_id, supplier_id)
        require_not_ended(need.status)
        key = DecisionKey(body.lot_id, supplier_id)
        before = await get_decision(connection, call.bearer.organisation_id, id, frozen.number, key)
        require_match(call, None if before is None else _etag(_told(key, before)))
        after = _decided(key, before, body, call.services.now())
        if after != before:
            await _keep(call, connection, frozen, key, before, after)
    told = _told(key, after)
    return Response(msgspec.json.encode(told), headers={"content-type": JSON, "etag": _etag(told)})


@endpoint("GET", "/needs/{id}/shortlists/{n}/decisions", tag=TAG, scope="needs", answers=Page[Decision])
async def list_version_decisions(call: Call, id: UUID, n: str, query: Paging) -> Response[bytes]:  # noqa: A002
    """What was decided on the suppliers of a version, by lot."""
    async with transaction(call.services.database) as connection:
        frozen = await version_of(call, connection, id, n)
        fetch = partial(list_decisions, connection, call.bearer.organisation_id, id, frozen.number)
        name = f"decisions/{id}/{frozen.number}"
        return await paged(call, query, name, DecisionKey, fetch, key=lambda it: DecisionKey(it.lot_id, it.supplier_id))


@endpoint(
    "GET",
    "/needs/{id}/shortlists/{n}/diff/{m}",
    tag=TAG,
    scope="needs",
    answers=ShortlistDiff,
    problems=("not-ready",),
)
async def compare_versions(call: Call, id: UUID, n: str, m: str) -> ShortlistDiff:  # noqa: A002
    """The differences between two versions.

    From version `n` to version `m`, lot by lot: who came, who left and who moved, near misses refused for another
    reason, and what was decided otherwise; for whoever came or left, why it is not on the other version. What a version
    does not say itself is found with its need and day and the data of today: the message says so where these have
    changed since. Any two versions can be compared, in either direction; `latest` names the last.
    """
    services = call.services
    async with services.matches.of(str(call.bearer.organisation_id)), transaction(services.database) as connection:
        before, after = [await version_of(call, connection, id, number) for number in (n, m)]
        not_before = await absences_from(call, connection, before, unexplained(before, after))
        not_after = await absences_from(call, connection, after, unexplained(after, before))
    return await asyncio.to_thread(compare, before, after, not_before, not_after, call.language)


ROUTES = (freeze_shortlist, list_versions, show_version, list_version_decisions, decide_on_supplier, compare_versions)


async def version_of(call: Call, connection: Connection, need_id: UUID, number: str) -> FrozenShortlist:
    """A version of the organisation's need, "latest": the last. Raises NotFound."""
    frozen = None
    if number == "latest" or NUMBER.fullmatch(number):
        wanted = None if number == "latest" else int(number)
        frozen = await get_shortlist(connection, call.bearer.organisation_id, need_id, wanted)
    if frozen is None:
        raise NotFound(NO_VERSION)
    return frozen


def require_listed(frozen: FrozenShortlist, lot_id: str, supplier_id: UUID) -> None:
    """Raises NotFound for a supplier that is in no lot of the version, InvalidContent where it is not in this one."""
    lots = {lot.id: lot.supplier_ids for lot in frozen.shown}
    if not any(supplier_id in listed for listed in lots.values()):
        raise NotFound(NO_SUPPLIER)
    if lot_id not in lots:
        hint = near(lot_id, tuple(lots))
        detail = Text(f"Aucun lot « {lot_id} »{hint.fr}", f"No lot “{lot_id}”{hint.en}")
        raise InvalidContent((Problem(pointer("lot_id"), "unknown_lot", detail),))
    if supplier_id not in lots[lot_id]:
        named = ", ".join(lot for lot, listed in lots.items() if supplier_id in listed)
        detail = Text(
            f"Ce fournisseur n'est pas dans ce lot ; il est dans : {named}",
            f"This supplier is not in this lot; it is in: {named}",
        )
        raise InvalidContent((Problem(pointer("lot_id"), "not_in_lot", detail),))


def _decided(key: DecisionKey, before: Decision | None, change: DecisionChange, now: datetime) -> Decision | None:
    """The decision after a change. Raises InvalidContent for a reason without a decision."""
    verdict = _verdict(before) if change.decision is msgspec.UNSET else change.decision
    if verdict is None:
        if change.decision is msgspec.UNSET:
            detail = Text("Une décision est attendue : kept ou set_aside", "A decision is expected: kept or set_aside")
            raise InvalidContent((Problem(pointer("decision"), "missing_field", detail),))
        return None
    same = before is not None and before.decision == verdict
    reason = change.reason
    if reason is msgspec.UNSET:
        reason = before.reason if before is not None and same else None
    if before is not None and same and before.reason == reason:
        return before
    # other words for the same decision do not make it a later one: who is set aside is so since then
    decided_at = before.decided_at if before is not None and same else now
    return Decision(key.lot_id, key.supplier_id, verdict, reason, decided_at)


async def _keep(
    call: Call,
    connection: Connection,
    frozen: FrozenShortlist,
    key: DecisionKey,
    before: Decision | None,
    after: Decision | None,
) -> None:
    """Write the decision, and note it in the journal without its reason."""
    need_id = frozen.need_id
    if after is None:
        await withdraw_decision(connection, need_id, frozen.number, key)
    else:
        await decide(connection, need_id, frozen.number, after)
    detail: Detail = {
        "number": frozen.number,
        "lot_id": key.lot_id,
        "supplier_id": str(key.supplier_id),
        "decision": _verdict(after),
        "before": _verdict(before),
    }
    await write_entry(
        connection, actor_of(call), "decision.made", object_of(need_id), call.services.now(), detail=detail
    )


def _verdict(decision: Decision | None) -> Verdict | None:
    return None if decision is None else decision.decision


def _told(key: DecisionKey, decision: Decision | None) -> DecisionDocument:
    if decision is None:
        return DecisionDocument(key.lot_id, key.supplier_id, None, None, None)
    return DecisionDocument(*(getattr(decision, name) for name in DecisionDocument.__struct_fields__))


def _etag(told: DecisionDocument) -> str:
    return etag_of(msgspec.json.encode(told))
