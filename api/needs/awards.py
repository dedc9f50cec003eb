"""Routes and use cases of awards: which supplier got a lot, as later shortlists of the organisation count it."""

import asyncio
from uuid import UUID

import msgspec
from litestar import Response

from api.needs.freeze_shortlist import own_need, unknown_lot
from api.needs.routes import answer_page_of_need, needs_creation, needs_endpoint
from api.runtime.actor import Acting, acting_of
from api.runtime.endpoint import Call
from api.runtime.idempotency import carried_out_once, created_answer
from api.web.pagination import Page, Paging
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.idempotency import Answer
from db.journal.entries import write_entry
from db.needs.needs import insert_award, mark_award_withdrawn, select_award, select_awards
from db.needs.shortlists import select_listed_supplier
from db.suppliers.read import living_suppliers
from domain.errors import InvalidContent, NotFound, Problem, pointer, require_found
from domain.journal import Detail
from domain.needs.need import Award, AwardRequest
from domain.shortlists.version import IdAndName
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Text, said_by


@needs_creation("/needs/{id}/awards", answers=Award, example="award")
@carried_out_once
async def create_award(call: Call, id: UUID, body: AwardRequest, connection: Connection) -> Answer:
    """Enter the award of a lot of a need.

    Allowed in every status. From `awarded_on` on, it counts in the shortlists that the organisation freezes, also in
    those of this need: a supplier awarded an ESS-reserved contract is barred from another for three years (to be
    checked where the two needs name buyers of different SIRETs); the third award of a segment to one supplier within
    36 months, and one that weighs much beside a supplier's turnover, are pointed out. `POST /match` knows of none. The
    id of a supplier that was merged stands for the one it is part of.
    """
    award = await award_lot(connection, acting_of(call), id, body)
    return created_answer(award, f"/needs/{id}/awards/{award.id}")


@needs_endpoint("GET", "/needs/{id}/awards", answers=Page[Award])
async def list_awards(call: Call, id: UUID, query: Paging, connection: Connection) -> Response[bytes]:
    """The awards of a need, in the order in which they were entered, without those that were withdrawn."""
    return await answer_page_of_need(call, connection, query, id, "awards", select_awards)


@needs_endpoint("GET", "/needs/{id}/awards/{award_id}", answers=Award)
async def get_award(call: Call, id: UUID, award_id: UUID, connection: Connection) -> Award:
    """An award."""
    return require_found(await select_award(connection, call.bearer.organisation_id, id, award_id), NO_AWARD)


@needs_endpoint("DELETE", "/needs/{id}/awards/{award_id}", answers=None, status=204)
async def delete_award(call: Call, id: UUID, award_id: UUID, connection: Connection) -> None:
    """Withdraw an award that was entered by mistake.

    It counts no more in shortlists frozen from now on; those frozen meanwhile stay as they are. The journal keeps both
    entries.
    """
    await withdraw_award(connection, acting_of(call), id, award_id)


NO_AWARD = Text("Aucune attribution de cet identifiant", "No award with this id")
NO_SUPPLIER = said_by(__name__)["no_supplier"]


async def award_lot(connection: Connection, acting: Acting, need_id: UUID, request: AwardRequest) -> Award:
    """Store the award of a lot. Raises NotFound, InvalidContent with everything wrong in the request."""
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    problems: list[Problem] = []
    lot = next((lot for lot in need.content.lots if lot.id == request.lot_id), None)
    if lot is None:
        problems.append(unknown_lot(request.lot_id, (each.id for each in need.content.lots), "lot_id"))
    # the supplier of the directory that the id stands for, else as the latest shortlist of the need lists it
    supplier: Supplier | IdAndName | None = (await living_suppliers(connection, {request.supplier_id})).get(
        request.supplier_id
    )
    if supplier is None:
        supplier = await select_listed_supplier(connection, acting.organisation_id, need_id, request.supplier_id)
    if supplier is None:
        problems.append(Problem(pointer("supplier_id"), "unknown_supplier", NO_SUPPLIER))
    if lot is None or supplier is None:
        raise InvalidContent(tuple(problems))
    now, read = acting.now(), acting.services.reference.reader.segments_bought_beside_others
    award = Award(
        id=new_id(now),
        need_id=need.id,
        lot_id=lot.id,
        supplier_id=supplier.id,
        supplier_name=supplier.name,
        supplier_siret=supplier.siret,
        segments=await asyncio.to_thread(read, need.content.matched, lot),
        awarded_on=request.awarded_on,
        value_eur=request.value_eur,
        reserved=tuple(dict.fromkeys(lot.reserved or () if request.reserved is msgspec.UNSET else request.reserved)),
        duration_months=request.duration_months,
        direct=need.content.procedure == "direct_award",
        created_at=now,
    )
    await insert_award(connection, acting.organisation_id, award)
    detail: Detail = {"award_id": str(award.id), "lot_id": award.lot_id, "supplier_id": str(award.supplier_id)}
    about = (f"award:{award.id}",)
    await write_entry(connection, acting.actor, "award.noted", f"need:{need_id}", now, detail=detail, about=about)
    return award


async def withdraw_award(connection: Connection, acting: Acting, need_id: UUID, award_id: UUID) -> None:
    """Withdraw an award that was entered by mistake. Raises NotFound where the need has no such award."""
    now = acting.now()
    if not await mark_award_withdrawn(connection, acting.organisation_id, need_id, award_id, now):
        raise NotFound(NO_AWARD)
    detail: Detail = {"award_id": str(award_id)}
    about = (f"award:{award_id}",)
    await write_entry(connection, acting.actor, "award.withdrawn", f"need:{need_id}", now, detail=detail, about=about)
