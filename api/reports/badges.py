"""Badges of a meeting, as a table and as sheets to print and cut, eight on each."""

from importlib.resources import files
from uuid import UUID

import msgspec
from litestar import Response

from api.meetings.routes import own_meeting
from api.reports.html_and_pdf import pdf_of, printable_text
from api.reports.routes import PDF
from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_work import run_in_thread
from api.web.content_negotiation import CSV
from db.core.engine import transaction
from domain.meetings.meeting import Meeting, Participant
from domain.text.bilingual import Language, day
from domain.text.labels import ROLES
from sources.file_types.csv_cells import csv_of

COLUMNS = ("name", "organisation", "role")
TEMPLATE = (files("api.reports") / "badges.typ").read_text(encoding="utf-8")


@endpoint(
    "GET", "/meetings/{id}/badges", tag="Meetings", scope="needs", answers={CSV: str, PDF: bytes},
    problems=("too-many-requests",),
)  # fmt: skip
async def get_badges(call: Call, id: UUID) -> Response[bytes]:
    """The badges of those who are invited to a meeting and not known to stay away.

    As CSV (`name`, `organisation`, `role`), or as PDF, eight on a page of A4, to be cut. A participant without a name
    has a line to write one on.
    """
    async with transaction(call.services.database) as connection:
        meeting = await own_meeting(connection, call.bearer.organisation_id, id)
    return await badges_of(call, meeting, call.media_type)


async def badges_of(call: Call, meeting: Meeting, media_type: str) -> Response[bytes]:
    """The badges of a meeting as CSV or PDF. Raises Refusal (429) where too many documents are being set."""
    present = (each for each in meeting.participants if each.attended is not False)
    coming = sorted(present, key=lambda each: ((each.organisation or "").casefold(), (each.name or "").casefold()))
    name = f'attachment; filename="badges-{meeting.starts_at:%Y-%m-%d}.{"csv" if media_type == CSV else "pdf"}"'
    headers = {"content-type": media_type, "content-disposition": name, "cache-control": "private, no-store"}
    if media_type == CSV:
        rows = ((each.name or "", each.organisation or "", each.role) for each in coming)
        return Response(csv_of(COLUMNS, rows, call.csv), headers=headers | {"content-type": f"{CSV}; charset=utf-8"})
    async with call.services.reports.slot_of(str(call.bearer.organisation_id)):
        pdf = await run_in_thread(None, lambda: badges_pdf(meeting, coming, call.language))
    return Response(pdf, headers=headers)


def badges_pdf(meeting: Meeting, participants: list[Participant], language: Language) -> bytes:
    """The badges of these participants, eight on a page. Raises RuntimeError where they cannot be set."""
    badges = [
        {
            "name": printable_text(each.name or ""),
            "organisation": printable_text(each.organisation or ""),
            "role": ROLES[each.role].to(language),
        }
        for each in participants
    ]
    shown = {
        "title": printable_text(meeting.title),
        "day": day(meeting.starts_at, language),
        "language": language,
        "badges": badges,
    }
    return pdf_of(TEMPLATE, msgspec.json.encode(shown).decode(), int(meeting.updated_at.timestamp()))
