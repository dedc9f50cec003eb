"""Use cases of awards: a lot awarded to a supplier, and an award withdrawn that was entered by mistake."""

import asyncio
from uuid import UUID

import msgspec

from api.needs.own_need import lock_own_need, unknown_lot
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.journal.entries import write_entry
from db.needs.awards import insert_award, mark_award_withdrawn
from db.needs.shortlists import select_listed_supplier
from db.suppliers.read import living_suppliers
from domain.audit import Detail
from domain.errors import InvalidContent, NotFound, Problem, pointer
from domain.needs.need import Award, AwardRequest, Lot
from domain.needs.status import StoredNeed
from domain.shortlists.frozen import Named
from domain.text.bilingual import Text

NO_AWARD = Text("Aucune attribution de cet identifiant", "No award with this id")
NO_SUPPLIER = Text(
    "Aucun fournisseur de cet identifiant, ni dans l'annuaire ni dans les listes de ce besoin",
    "No supplier with this id, neither in the directory nor on the shortlists of this need",
)


async def award_lot(connection: Connection, acting: Acting, need_id: UUID, request: AwardRequest) -> Award:
    """Store an award of a lot. Raises NotFound, InvalidContent with everything wrong in the request."""
    need = await lock_own_need(connection, acting.organisation_id, need_id)
    award = await _award(connection, acting, need, request)
    await insert_award(connection, acting.organisation_id, award)
    detail: Detail = {"award_id": str(award.id), "lot_id": award.lot_id, "supplier_id": str(award.supplier_id)}
    now, about = award.created_at, (f"award:{award.id}",)
    await write_entry(connection, acting.actor, "award.noted", f"need:{need_id}", now, detail=detail, about=about)
    return award


async def withdraw_award(connection: Connection, acting: Acting, need_id: UUID, award_id: UUID) -> None:
    """Withdraw an award that was entered by mistake. Raises NotFound where there is none that stands."""
    now = acting.now()
    if not await mark_award_withdrawn(connection, acting.organisation_id, need_id, award_id, now):
        raise NotFound(NO_AWARD)
    detail: Detail = {"award_id": str(award_id)}
    about = (f"award:{award_id}",)
    await write_entry(connection, acting.actor, "award.withdrawn", f"need:{need_id}", now, detail=detail, about=about)


async def _award(connection: Connection, acting: Acting, need: StoredNeed, request: AwardRequest) -> Award:
    problems: list[Problem] = []
    lot = next((lot for lot in need.content.lots if lot.id == request.lot_id), None)
    if lot is None:
        problems.append(unknown_lot(request.lot_id, (each.id for each in need.content.lots), "lot_id"))
    supplier = await _supplier(connection, acting, need.id, request.supplier_id)
    if supplier is None:
        problems.append(Problem(pointer("supplier_id"), "unknown_supplier", NO_SUPPLIER))
    if lot is None or supplier is None:
        raise InvalidContent(tuple(problems))
    now = acting.now()
    reserved = request.reserved if request.reserved is not msgspec.UNSET else lot.reserved or ()
    return Award(
        id=new_id(now),
        need_id=need.id,
        lot_id=lot.id,
        supplier_id=supplier.id,
        supplier_name=supplier.name,
        supplier_siret=supplier.siret,
        segments=await _object_segments(acting, need, lot),
        awarded_on=request.awarded_on,
        value_eur=request.value_eur,
        reserved=tuple(dict.fromkeys(reserved)),
        duration_months=request.duration_months,
        direct=need.content.procedure == "direct_award",
        created_at=now,
    )


async def _supplier(connection: Connection, acting: Acting, need_id: UUID, supplier_id: UUID) -> Named | None:
    """The supplier of the directory that the id stands for, else as the latest shortlist of the need lists it."""
    found = (await living_suppliers(connection, {supplier_id})).get(supplier_id)
    if found is not None:
        return Named(found.id, found.name, found.siret)
    return await select_listed_supplier(connection, acting.organisation_id, need_id, supplier_id)


async def _object_segments(acting: Acting, need: StoredNeed, lot: Lot) -> tuple[str, ...]:
    """The segments of the lot's object."""
    read = acting.services.reference.reader.objects_beside_others
    return await asyncio.to_thread(read, need.content.matched, lot)
