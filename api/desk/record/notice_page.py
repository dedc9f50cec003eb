"""The page of a need's notice of consultation: what is missing in the need, or the notice to read and to download."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Response

from api.desk.frame import form as forms
from api.desk.frame.form import Field, Mistake
from api.desk.frame.layout import CODE_WORDS, SAID
from api.desk.frame.page import page
from api.desk.frame.visit import FormOutcome, Visit, acting_at, id_in, write_once
from api.desk.record.stored_need import own_need_of, stored_need_page
from api.needs.notice import EXTENSIONS, PLAIN, make_notice, note_publication, written_notice
from api.needs.shortlists import notices_of
from api.runtime.actor import Acting
from db.core.engine import Connection, transaction
from domain.errors import InvalidContent, NotFound, Problem
from domain.needs.need import PlannedNeed
from domain.needs.status import NO_NEED, StoredNeed
from domain.text.bilingual import Text
from domain.text.labels import NEED_FIELDS

MEDIA_TYPES = {f"consultation.{extension}": media for media, extension in EXTENSIONS.items()}
IN_DETAILS = ("/title", "/description", "/buyer", "/answers")
"""What the form of the need's details has; all else is changed where the need is."""


@page("GET", "/besoins/{need_id}/avis", scope="needs")
async def show_notice(visit: Visit, need_id: str) -> Response[bytes]:
    """The text of a need's notice and its files, or what the need has to say first."""
    return await _notice_page(visit, await own_need_of(visit, need_id))


async def _notice_page(visit: Visit, need: StoredNeed, mistakes: Sequence[Mistake] = ()) -> Response[bytes]:
    """The page of a need's notice, with the mistakes in the form that says where it was published."""
    text, missing = "", list[tuple[Text, Text, bool]]()
    try:
        text = (await written_notice(acting_at(visit), need, PLAIN)).decode()
    except InvalidContent as invalid:
        for problem in invalid.problems:
            in_details = problem.pointer.startswith(IN_DETAILS)
            missing.append((_place_in_words(problem, need.content), problem.detail, in_details))
    shown: dict[str, Any] = {"text": text, "missing": missing, "files": MEDIA_TYPES, "today": visit.services.today()}
    async with transaction(visit.services.database) as connection:
        notices = await notices_of(connection, visit.organisation_id, need.id)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else None
    published = [each for each in notices if each.published_on]
    return stored_need_page(visit, "record/notice.html", need, status, mistakes, **shown, published=published)


class PublicationForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields that say when and where a notice was published."""

    on: Annotated[str, Field("jour", "on", forms.required(forms.DAY, SAID["no_day"]))] = ""
    where: Annotated[str, Field("support", "where", forms.WORDS)] = ""


@page("POST", "/besoins/{need_id}/avis", scope="needs")
async def note_notice_published(visit: Visit, need_id: str) -> Response[bytes]:
    """Note when and where the notice was published, and redirect to it; the page again where that is wrong."""
    need, form = await own_need_of(visit, need_id), forms.read_form(PublicationForm, visit.fields)
    mistakes: list[Mistake] = []
    said = forms.request_parts(form, mistakes)
    if said["where"] not in CODE_WORDS["notice_places"]:
        mistakes.append(Mistake("support", SAID["no_choice"]))
    if mistakes:
        return await _notice_page(visit, need, mistakes)

    async def note_day(connection: Connection, acting: Acting) -> FormOutcome:
        await note_publication(connection, acting, need.id, said["on"], said["where"])
        return FormOutcome(f"/besoins/{need.id}/avis?fait=1")

    try:
        return await write_once(visit, note_day)
    except InvalidContent as wrong:
        return await _notice_page(visit, need, forms.field_mistakes(wrong, PublicationForm))


@page("GET", "/besoins/{need_id}/avis/{name}", scope="needs")
async def get_notice_file(visit: Visit, need_id: str, name: str) -> Response[bytes]:
    """The notice of a need as a file: `consultation.xml` or `consultation.txt`."""
    if name not in MEDIA_TYPES:
        raise NotFound(SAID["no_consultation_file"])
    answer = await make_notice(acting_at(visit), id_in(need_id, NO_NEED), MEDIA_TYPES[name])
    disposition = answer.headers["content-disposition"]
    answer.headers["content-disposition"] = disposition.replace("inline", "attachment", 1)
    return answer


def _place_in_words(problem: Problem, need: PlannedNeed) -> Text:
    """The part of a need that a problem is about: a lot by its title, else the field."""
    _, field, *rest = problem.pointer.split("/")
    if field == "lots":
        lot = need.lots[int(rest[0])]
        name = lot.title or lot.id
        return Text(f"Lot « {name} »", f"Lot “{name}”")
    return NEED_FIELDS[field].capitalised()
