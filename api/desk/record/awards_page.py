"""The awards of a need: who won which lot, for how much; entered, and withdrawn where that was a mistake."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

from litestar import Response

from api.desk.frame.field_kinds import DAY, NUMBER, bounded_number, required, some_of
from api.desk.frame.form import Field, Mistake, said_by
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.words import SAID
from api.desk.frame.written_once import Done, id_in, written_once
from api.desk.need.need_form import lots_from
from api.desk.record.stored_need import LotEntryForm, own_need_of, read_lot_form, stored_need_page
from api.needs.awards import NO_AWARD, NO_SUPPLIER, award_lot, withdraw_award
from api.needs.own_need import version_of
from api.runtime.actor import Acting
from db.core.engine import Connection, transaction
from db.needs.awards import select_award, select_awards
from db.suppliers.read import Filters, page_of_suppliers
from domain.errors import InvalidContent, NotFound
from domain.needs.need import RESERVED_TYPES, AwardRequest
from domain.needs.status import StoredNeed
from domain.shortlists.frozen import FrozenShortlist, Named

MOST_AWARDS = 500
MOST_EUROS, MOST_MONTHS = 1e12, 1_200
SIRET_DIGITS = 14
OTHER = "autre"
EUROS = bounded_number(NUMBER, SAID["no_number"], most=MOST_EUROS)
MONTHS = bounded_number(NUMBER, SAID["no_award_months"], 1, MOST_MONTHS, whole=True)


class AwardForm(LotEntryForm, frozen=True, kw_only=True):
    """An award as it is filled in. `winner`: an id, or `OTHER`, whose SIRET is said."""

    winner: Annotated[str, Field("titulaire")] = ""
    siret: Annotated[str, Field("siret")] = ""
    on: Annotated[str, Field("date", "awarded_on", required(DAY, SAID["no_day"]))] = ""
    value: Annotated[str, Field("montant", "value_eur", EUROS)] = ""
    months: Annotated[str, Field("duree", "duration_months", MONTHS)] = ""
    reserved: Annotated[tuple[str, ...], Field("reserve", "reserved", some_of(RESERVED_TYPES))] = ()


class Winners(NamedTuple):
    """The suppliers among whom the winner of a lot is likely: those kept, the others that may answer, all others."""

    kept: tuple[Named, ...]
    candidates: tuple[Named, ...]
    others: tuple[Named, ...]


@page("GET", "/besoins/{need_id}/attributions", scope="needs")
async def show_awards(visit: Visit, need_id: str) -> Response[bytes]:
    """The awards of a need, lot by lot, with a form that enters one."""
    return await _awards(visit, await own_need_of(visit, need_id), AwardForm())


@page("POST", "/besoins/{need_id}/attributions", scope="needs")
async def enter_award(visit: Visit, need_id: str) -> Response[bytes]:
    """Store an award and redirect to all; the form again where something in it is wrong."""
    need, form, mistakes = await own_need_of(visit, need_id), read_lot_form(AwardForm, visit), list[Mistake]()
    async with transaction(visit.services.database) as connection:
        winner = await _winner(connection, form, mistakes)
    said = said_by(form, mistakes, form.names)
    if winner is None or mistakes:
        return await _awards(visit, need, form, mistakes)
    request = AwardRequest(form.lot, winner, **said)

    async def carry_out(connection: Connection, acting: Acting) -> Done:
        await award_lot(connection, acting, need.id, request)
        return Done(f"/besoins/{need.id}/attributions?fait=note&lots={form.place}#lot-{form.place}")

    try:
        return await written_once(visit, carry_out)
    except InvalidContent as invalid:
        names = form.names.format(name="titulaire")
        return await _awards(visit, need, form, [Mistake(names, each.detail) for each in invalid.problems])


@page("GET", "/besoins/{need_id}/attributions/{award_id}", scope="needs")
async def ask_for_withdrawal(visit: Visit, need_id: str, award_id: str) -> Response[bytes]:
    """The question whether an award that was entered by mistake is to be withdrawn."""
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        award = await select_award(connection, visit.organisation_id, need.id, id_in(award_id, NO_AWARD))
    if award is None:
        raise NotFound(NO_AWARD)
    return stored_need_page(visit, "record/award_withdrawal.html", need, award=award)


@page("POST", "/besoins/{need_id}/attributions/{award_id}", scope="needs")
async def withdraw(visit: Visit, need_id: str, award_id: str) -> Response[bytes]:
    """Withdraw an award that was entered by mistake, and redirect to the others."""
    need = await own_need_of(visit, need_id)

    async def carry_out(connection: Connection, acting: Acting) -> Done:
        await withdraw_award(connection, acting, need.id, id_in(award_id, NO_AWARD))
        return Done(f"/besoins/{need.id}/attributions?fait=retire")

    return await written_once(visit, carry_out)


async def _awards(
    visit: Visit, need: StoredNeed, form: AwardForm, mistakes: Sequence[Mistake] = (), status: int | None = None
) -> Response[bytes]:
    organisation = visit.organisation_id
    async with transaction(visit.services.database) as connection:
        awards = await select_awards(connection, organisation, need.id, None, MOST_AWARDS)
        version = await version_of(connection, organisation, need.id, "latest")
    shown = lots_from(need.content.lots, form.place or visit.text("lots"))
    return stored_need_page(
        visit,
        "record/awards.html",
        need,
        status,
        mistakes,
        form=form,
        shown=shown,
        awards={lot.id: [each for each in awards if each.lot_id == lot.id] for lot in shown.lots},
        of_former_lots=[each for each in awards if each.lot_id not in {lot.id for lot in need.content.lots}],
        winners=await asyncio.to_thread(_winners, version),
        reserved_types=RESERVED_TYPES,
        other=OTHER,
        today=visit.services.today().isoformat(),
    )


def _winners(version: FrozenShortlist) -> dict[str, Winners]:
    """The suppliers that the latest version lists, by lot."""
    kept = {(each.lot_id, each.supplier_id) for each in version.decisions if each.decision == "kept"}
    found = {}
    for lot in version.shown_lots:
        of_lot = {each.id: each for each in lot.listed}
        chosen = {supplier_id for supplier_id in of_lot if (lot.id, supplier_id) in kept}
        candidates = {row.supplier.id for row in lot.candidates} - chosen
        found[lot.id] = Winners(
            tuple(each for each in of_lot.values() if each.id in chosen),
            tuple(each for each in of_lot.values() if each.id in candidates),
            tuple(each for each in of_lot.values() if each.id not in chosen | candidates),
        )
    return found


async def _winner(connection: Connection, form: AwardForm, mistakes: list[Mistake]) -> UUID | None:
    if form.winner and form.winner != OTHER:
        return id_in(form.winner, NO_SUPPLIER)
    siret = "".join(form.siret.split())
    if not form.winner:
        mistakes.append(Mistake(form.names.format(name="titulaire"), SAID["no_winner"]))
    elif not (siret.isascii() and siret.isdecimal() and len(siret) == SIRET_DIGITS):
        mistakes.append(Mistake(form.names.format(name="siret"), SAID["no_award_siret"]))
    else:
        found = await page_of_suppliers(connection, Filters(siret=siret), None, 1)
        if found:
            return found[0].supplier.id
        mistakes.append(Mistake(form.names.format(name="siret"), SAID["unknown_siret"]))
    return None


PAGES = (show_awards, enter_award, ask_for_withdrawal, withdraw)
