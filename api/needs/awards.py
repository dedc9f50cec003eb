"""What was awarded of a need: remembered, for later shortlists of the same organisation."""

import asyncio
from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.needs.freeze_shortlist import matchable
from api.needs.routes import NO_NEED, TAG, held, object_of
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import HEADERS, once
from api.web.content_negotiation import JSON
from api.web.pagination import Page, Paging, paged
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.idempotency import Answer
from db.needs.awards import create_award, get_award, list_awards, withdraw_award
from db.needs.needs import get_need
from db.needs.shortlists import last_listed
from db.suppliers.read import living_suppliers
from domain.audit import Detail
from domain.decoding.explain import near
from domain.errors import InvalidContent, NotFound, Problem, pointer
from domain.needs.award import Award, AwardRequest
from domain.needs.need import Lot
from domain.needs.status import StoredNeed
from domain.shortlists.frozen import Named
from domain.text.bilingual import Text

NO_AWARD = Text("Aucune attribution de cet identifiant", "No award of this id")
NO_SUPPLIER = Text(
    "Aucun fournisseur de cet identifiant, ni dans l'annuaire ni dans les listes de ce besoin",
    "No supplier of this id, neither in the directory nor on the shortlists of this need",
)


@endpoint(
    "POST",
    "/needs/{id}/awards",
    tag=TAG,
    scope="needs",
    answers=Award,
    status=201,
    headers=HEADERS,
    example="award",
)
async def note_award(call: Call, id: UUID, body: AwardRequest) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """Note to whom a lot of a need was awarded.

    Allowed in every status. From `awarded_on` on, it counts in the shortlists that the organisation freezes, also in
    those of this need: a supplier awarded an ESS-reserved contract is barred from another for three years; the third
    award of a segment to one supplier within 36 months, and one that weighs much beside a supplier's turnover, are
    told. `POST /match` knows of none. The id of a supplier that was merged stands for the one it is part of.
    """
    services, organisation = call.services, call.bearer.organisation_id
    async with transaction(services.database) as connection:

        async def carry_out() -> Answer:
            need = await held(call, connection, id)
            award = await _made(call, connection, need, body)
            await create_award(connection, organisation, award)
            detail: Detail = {"award_id": str(award.id), "lot_id": award.lot_id, "supplier_id": str(award.supplier_id)}
            await write_entry(connection, actor_of(call), "award.noted", object_of(id), award.created_at, detail=detail)
            headers = {"content-type": JSON, "location": f"/needs/{id}/awards/{award.id}"}
            return Answer(201, headers, msgspec.json.encode(award))

        return await once(call, connection, msgspec.json.encode(body), carry_out)


@endpoint("GET", "/needs/{id}/awards", tag=TAG, scope="needs", answers=Page[Award])
async def list_need_awards(call: Call, id: UUID, query: Paging) -> Response[bytes]:  # noqa: A002
    """What was awarded of a need, in the order in which it was noted; not what was withdrawn."""
    organisation = call.bearer.organisation_id
    async with transaction(call.services.database) as connection:
        if await get_need(connection, organisation, id) is None:
            raise NotFound(NO_NEED)
        return await paged(call, query, f"awards/{id}", UUID, partial(list_awards, connection, organisation, id))


@endpoint("GET", "/needs/{id}/awards/{award_id}", tag=TAG, scope="needs", answers=Award)
async def show_award(call: Call, id: UUID, award_id: UUID) -> Award:  # noqa: A002
    """An award."""
    async with transaction(call.services.database) as connection:
        award = await get_award(connection, call.bearer.organisation_id, id, award_id)
    if award is None:
        raise NotFound(NO_AWARD)
    return award


@endpoint("DELETE", "/needs/{id}/awards/{award_id}", tag=TAG, scope="needs", answers=None, status=204)
async def withdraw_mistaken_award(call: Call, id: UUID, award_id: UUID) -> None:  # noqa: A002
    """Withdraw an award that was noted by mistake.

    It counts no more in shortlists frozen from now on; those frozen meanwhile stay as they are. The journal keeps both
    entries.
    """
    services, organisation = call.services, call.bearer.organisation_id
    async with transaction(services.database) as connection:
        now = services.now()
        if not await withdraw_award(connection, organisation, id, award_id, now):
            raise NotFound(NO_AWARD)
        detail: Detail = {"award_id": str(award_id)}
        await write_entry(connection, actor_of(call), "award.withdrawn", object_of(id), now, detail=detail)


ROUTES = (note_award, list_need_awards, show_award, withdraw_mistaken_award)


async def _made(call: Call, connection: Connection, need: StoredNeed, body: AwardRequest) -> Award:
    """The award as it is kept. Raises InvalidContent with everything wrong in it."""
    problems: list[Problem] = []
    lot = next((lot for lot in need.content.lots if lot.id == body.lot_id), None)
    if lot is None:
        hint = near(body.lot_id, tuple(lot.id for lot in need.content.lots))
        detail = Text(f"Aucun lot « {body.lot_id} »{hint.fr}", f"No lot “{body.lot_id}”{hint.en}")
        problems.append(Problem(pointer("lot_id"), "unknown_lot", detail))
    supplier = await _supplier(call, connection, need.id, body.supplier_id)
    if supplier is None:
        problems.append(Problem(pointer("supplier_id"), "unknown_supplier", NO_SUPPLIER))
    if lot is None or supplier is None:
        raise InvalidContent(tuple(problems))
    now = call.services.now()
    reserved = body.reserved if body.reserved is not msgspec.UNSET else lot.reserved or ()
    return Award(
        id=new_id(now),
        need_id=need.id,
        lot_id=lot.id,
        supplier_id=supplier.id,
        supplier_name=supplier.name,
        supplier_siret=supplier.siret,
        segments=await _segments(call, need, lot),
        awarded_on=body.awarded_on,
        value_eur=body.value_eur,
        reserved=tuple(dict.fromkeys(reserved)),
        duration_months=body.duration_months,
        direct=need.content.procedure == "direct_award",
        created_at=now,
    )


async def _supplier(call: Call, connection: Connection, need_id: UUID, supplier_id: UUID) -> Named | None:
    """The supplier of the directory that the id stands for, else as the need's shortlists knew it."""
    found = (await living_suppliers(connection, {supplier_id})).get(supplier_id)
    if found is not None:
        return Named(found.id, found.name, found.siret)
    return await last_listed(connection, call.bearer.organisation_id, need_id, supplier_id)


async def _segments(call: Call, need: StoredNeed, lot: Lot) -> tuple[str, ...]:
    """What the lot asks for as its object, read as a match reads it."""
    alone = msgspec.structs.replace(matchable(need.content), lots=(lot,))
    (query,) = await asyncio.to_thread(call.services.reference.reader.read, alone)
    return tuple(wanted.segment for wanted in query.objects)
