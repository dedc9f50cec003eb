"""The route of the sourcing report of a need: as data, as a page, as a PDF."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.reports.make_report import PDF, make_report
from api.runtime.actor import acting_of
from api.runtime.endpoint import Call, endpoint
from api.web.content_negotiation import HTML, JSON
from domain.report.model import Report

Version = Annotated[
    str, msgspec.Meta(pattern=r"^(latest|[1-9][0-9]{0,8})$", description="Number of a shortlist, or latest")
]


class ReportQuery(msgspec.Struct, frozen=True):
    """Which report: about a version of the shortlist, full or redacted."""

    shortlist: Version = "latest"
    redacted: Annotated[bool, msgspec.Meta(description="Without confidential answers and without personal data")] = (
        False
    )


@endpoint(
    "GET",
    "/needs/{id}/report",
    tag="Reports",
    scope="needs",
    answers={JSON: Report, HTML: str, PDF: bytes},
    problems=("too-many-requests",),
)
async def get_report(call: Call, id: UUID, query: ReportQuery) -> Response[bytes]:
    """The sourcing report of a need: what a buyer puts on file about how it prepared a contract.

    Who was found and why, who was contacted and met, what was learnt, which barriers, what was decided, whether all
    were treated alike, and by which rules. As data, as a page or as a PDF, in French or English; page and PDF hold all
    they need. It never says who asked a question. `redacted=true` leaves out confidential answers, names of persons,
    e-mail addresses, telephone numbers and minutes of meetings. The journal notes the SHA-256 of what was answered.
    """
    file = await make_report(acting_of(call), id, query.shortlist, call.media_type, redacted=query.redacted)
    return Response(file.content, headers=file.headers)


ROUTES = (get_report,)
