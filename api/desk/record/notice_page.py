"""The page of a need's notice of consultation: what is missing in the need, or the notice to read and to download."""

from litestar import Response

from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, acting_at, id_in
from api.desk.record.stored_need import own_need_of, stored_need_page
from api.needs.notice import EXTENSIONS, PLAIN, make_notice, written_notice
from domain.errors import InvalidContent, NotFound, Problem
from domain.needs.need import PlannedNeed
from domain.needs.status import NO_NEED
from domain.text.bilingual import Text
from domain.text.labels import NEED_FIELDS

MEDIA_TYPES = {f"consultation.{extension}": media for media, extension in EXTENSIONS.items()}
IN_DETAILS = ("/title", "/description", "/buyer", "/answers")
"""What the form of the need's details has; all else is changed where the need is."""


@page("GET", "/besoins/{need_id}/avis", scope="needs")
async def show_notice(visit: Visit, need_id: str) -> Response[bytes]:
    """The text of a need's notice and its files, or what the need has to say first."""
    need, text, missing = await own_need_of(visit, need_id), "", list[tuple[Text, Text, bool]]()
    try:
        text = (await written_notice(acting_at(visit), need, PLAIN)).decode()
    except InvalidContent as invalid:
        for problem in invalid.problems:
            in_details = problem.pointer.startswith(IN_DETAILS)
            missing.append((_place_in_words(problem, need.content), problem.detail, in_details))
    return stored_need_page(visit, "record/notice.html", need, text=text, missing=missing, files=MEDIA_TYPES)


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
