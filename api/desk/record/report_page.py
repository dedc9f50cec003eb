"""The page of a need's sourcing report: to be read there, printed and downloaded, whole and redacted."""

from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import acting_at, id_in
from api.desk.record.stored_need import own_need_of, stored_need_page
from api.reports.make_report import PDF, make_report
from api.web.content_negotiation import HTML
from db.core.engine import transaction
from db.needs.shortlists import select_shortlists
from domain.errors import NotFound
from domain.needs.status import NO_NEED
from domain.text.bilingual import Text

VARIANTS_IN_PATHS = {"integral": False, "expurge": True}
MEDIA_TYPES = {"html": HTML, "pdf": PDF}
MOST_VERSIONS = 200


@page("GET", "/besoins/{need_id}/rapport", scope="needs")
async def show_report_page(visit: Visit, need_id: str) -> Response[bytes]:
    """The versions and variants of the report; one of them, where the query asks for it."""
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        organisation = visit.call.bearer.organisation_id
        versions = await select_shortlists(connection, organisation, need.id, None, MOST_VERSIONS)
    numbers = [str(each.number) for each in versions]
    number = visit.text("version") if visit.text("version") in numbers else numbers[0]
    variant = visit.text("lire") if visit.text("lire") in VARIANTS_IN_PATHS else None
    return stored_need_page(visit, "record/report.html", need, versions=versions, number=number, variant=variant)


@page("GET", "/besoins/{need_id}/rapport/{number}/{name}", scope="needs")
async def get_report_file(visit: Visit, need_id: str, number: str, name: str) -> Response[bytes]:
    """The report on a version, as `integral.html`, `integral.pdf`, `expurge.html` or `expurge.pdf`."""
    variant, _, format_ = name.partition(".")
    if variant not in VARIANTS_IN_PATHS or format_ not in MEDIA_TYPES:
        raise NotFound(NO_FILE)
    redacted, media_type = VARIANTS_IN_PATHS[variant], MEDIA_TYPES[format_]
    file = await make_report(acting_at(visit), id_in(need_id, NO_NEED), number, media_type, redacted=redacted)
    headers = dict(file.headers)
    if "content-security-policy" in headers:
        own = headers["content-security-policy"]
        headers["content-security-policy"] = own.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    if visit.text("telecharger") and "content-disposition" in headers:
        headers["content-disposition"] = headers["content-disposition"].replace("inline", "attachment", 1)
    return Response(file.content, headers=headers)


NO_FILE = Text(
    "Les documents de ce rapport : integral.html, integral.pdf, expurge.html, expurge.pdf",
    "The files of this report: integral.html, integral.pdf, expurge.html, expurge.pdf",
)

PAGES = (show_report_page, get_report_file)
