"""The form of a need that is stored already: filled in with what it says, and saved as its next version."""

from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from litestar import Response

from api.desk.form_of_need import form_of_need
from api.desk.need_form import read_need_form
from api.desk.need_page import need_form_page
from api.desk.needs_page import refused_form
from api.desk.page import page
from api.desk.stored_need import changed_need, own_need_of
from api.desk.understood_need import understand, understood_beside
from api.desk.visit import Visit
from api.desk.written_once import id_in
from api.needs.edit_need import NeedChange, NeedDocument, need_document
from domain.errors import InvalidContent
from domain.needs.need import Buyer, Lot, Need, NeedAndProcedure
from domain.needs.status import NO_NEED, OPEN
from matching.reference import Reference

T = TypeVar("T", bound=msgspec.Struct)


@page("GET", "/besoins/{need_id}/changer", scope="needs")
async def show_change_form(visit: Visit, need_id: str) -> Response[bytes]:
    """The form, filled in with what the need says."""
    need = await own_need_of(visit, need_id)
    if need.status not in OPEN:
        return visit.redirect(f"/besoins/{need.id}")
    form = form_of_need(need.content, keep_ids=True)
    form = msgspec.structs.replace(form, need_id=str(need.id), known=need_document(need).etag)
    understood = await understood_beside(visit, form)
    # what the form cannot say of the need is no mistake yet
    return need_form_page(visit, understood.form, understood._replace(mistakes=()))


@page("POST", "/besoins/{need_id}/changer", scope="needs")
async def save_changed_need(visit: Visit, need_id: str) -> Response[bytes]:
    """The way to the need as the form changes it; the form again where something in it is to be corrected."""
    form = msgspec.structs.replace(read_need_form(visit.fields), need_id=str(id_in(need_id, NO_NEED)))
    await own_need_of(visit, need_id)
    understood = await understood_beside(visit, form)
    said = understood.need
    if said is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)

    def edit(before: NeedDocument) -> NeedChange:
        return taken_over(before, said, visit.services.reference)

    try:
        return await changed_need(visit, need_id, edit, "change")
    except InvalidContent as invalid:
        return refused_form(visit, understood, invalid)


def taken_over(before: NeedDocument, said: NeedAndProcedure, reference: Reference) -> NeedChange:
    """The need with what its form says otherwise than before; what the form cannot say stays as it is."""
    as_shown = understand(form_of_need(before, keep_ids=True), reference).need
    changes = _changes(before, as_shown, said, NeedAndProcedure)
    return msgspec.structs.replace(before, **changes | {"lots": tuple(_lots(before, as_shown, said))})


def _lots(before: Need, as_shown: Need | None, said: Need) -> list[Lot]:
    stored = {lot.id: lot for lot in before.lots}
    shown = {lot.id: lot for lot in as_shown.lots} if as_shown else {}
    return [_lot(stored[lot.id], shown.get(lot.id), lot) if lot.id in stored else lot for lot in said.lots]


def _lot(before: Lot, as_shown: Lot | None, said: Lot) -> Lot:
    changes = _changes(before, as_shown, said, Lot)
    if "title" in changes:
        # other words were read anew: the trades of the old ones are not theirs
        changes["segments"] = said.segments
    return msgspec.structs.replace(before, **changes)


def _changes(before: Any, as_shown: Any, said: Any, kind: type[T]) -> dict[str, Any]:
    """The fields that the form says otherwise than it was shown; all that it says, where it could not be shown."""
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "lots":
            continue
        new = getattr(said, field.name)
        shown = field.default if as_shown is None else getattr(as_shown, field.name)
        if new != shown:
            changes[field.name] = _value(getattr(before, field.name), shown, new)
    return changes


def _value(before: Any, shown: Any, new: Any) -> Any:
    """A field as it is to be stored: of the buyer, what the form does not say stays."""
    if isinstance(new, Buyer) and isinstance(before, Buyer):
        return msgspec.structs.replace(before, **_changes(before, shown, new, Buyer))
    return new


PAGES = (show_change_form, save_changed_need)
