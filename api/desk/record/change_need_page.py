"""The form of a need that is stored already: filled in with what it says, and saved as its next version."""

from http import HTTPStatus

import msgspec
from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import id_in
from api.desk.need.form_of_need import form_of_need
from api.desk.need.need_form import read_need_form
from api.desk.need.need_page import need_form_page
from api.desk.need.understood_need import understood_beside
from api.desk.record.need_as_changed import taken_over
from api.desk.record.needs_page import refused_form
from api.desk.record.stored_need import changed_need, own_need_of
from api.needs.edit_need import NeedChange, NeedDocument, need_document
from domain.errors import InvalidContent
from domain.needs.status import NO_NEED, OPEN


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


PAGES = (show_change_form, save_changed_need)
