"""The sourcing report of a need: made and noted in the journal, and answered as data, as a page, as a PDF."""

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from litestar import Response

from api.needs.freeze_shortlist import own_need, version_of
from api.reference import kept_rules
from api.reports.html_and_pdf import POLICY, markup, report_pdf
from api.runtime.actor import Acting, acting_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_work import run_in_thread
from api.web.content_negotiation import HTML, JSON
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import exchanges_of
from db.journal.entries import write_entry
from db.meetings import meetings_of
from db.needs.needs import select_awards
from db.needs.shortlists import earlier_decisions
from db.suppliers.read import living_suppliers
from domain.journal import Detail
from domain.needs.need import PlannedNeed
from domain.report.build import ReportFacts, ReportWriter
from domain.report.model import Report
from domain.shortlists.version import everyone_shown, members_of_groupings
from domain.text.bilingual import PARIS
from matching.geo.map_sheets import map_sheets
from matching.reference import Reference

T = TypeVar("T")
PDF = "application/pdf"
MOST_AWARDS = 10_000

Version = Annotated[
    str, msgspec.Meta(pattern=r"^(latest|[1-9][0-9]{0,8})$", description="Number of a shortlist, or latest")
]


class ReportQuery(msgspec.Struct, frozen=True):
    """Which report: about a version of the shortlist, full or redacted."""

    shortlist: Version = "latest"
    redacted: bool = False
    """Without confidential answers and without personal data"""


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
    return await make_report(acting_of(call), id, query.shortlist, call.media_type, redacted=query.redacted)


async def make_report(
    acting: Acting, need_id: UUID, number: str, media_type: str, *, redacted: bool
) -> Response[bytes]:
    """Make the report of a need about a version of its shortlist (a number, or "latest"), and note it in the journal.

    `media_type`: JSON, HTML or PDF. The journal notes the SHA-256 of what was made. Raises NotFound.
    """
    services, reference = acting.services, acting.services.reference

    def write_report(facts: ReportFacts, now: datetime) -> tuple[Response[bytes], str]:
        """The response that holds the report, and the SHA-256 of its body."""
        writer = ReportWriter(facts, reference.territories, acting.language, redacted=redacted)
        made = writer.report(rules, now)
        answer = _encode_report(made, facts.version.need, reference, media_type)
        return answer, sha256(answer.content).hexdigest()

    # its turn first: what is read of a large need takes hundreds of megabytes
    async with services.reports.slot_of(str(acting.organisation_id)):
        async with transaction(services.database) as connection:
            facts = await _read_facts(acting, connection, need_id, number)
        now, rules = services.now(), await kept_rules(services, facts.version.stamp.rules) or reference.rules
        answer, digest = await run_in_thread(None, lambda: write_report(facts, now))
    detail: Detail = {"number": facts.version.number, "redacted": redacted, "sha256": digest}
    async with transaction(services.database) as connection:
        await write_entry(connection, acting.actor, "report.made", f"need:{need_id}", now, detail=detail)
    return answer


async def _read_facts(acting: Acting, connection: Connection, need_id: UUID, number: str) -> ReportFacts:
    """The facts of a report, read from the database. Raises NotFound."""
    organisation = acting.organisation_id
    need = await own_need(connection, organisation, need_id)
    version = await version_of(connection, organisation, need_id, number)
    exchanges = await exchanges_of(connection, organisation, need_id)
    meetings = await meetings_of(connection, organisation, need_id)
    awards = await select_awards(connection, organisation, need_id, None, MOST_AWARDS)
    listed = await asyncio.to_thread(everyone_shown, version)
    named = {
        *listed,
        *members_of_groupings(version),
        *(recipient.supplier_id for exchange in exchanges for recipient in exchange.recipients),
        *(each.supplier_id for meeting in meetings for each in meeting.participants if each.supplier_id),
        *(award.supplier_id for award in awards),
    }
    return ReportFacts(
        need=need,
        version=version,
        earlier=await earlier_decisions(connection, organisation, need_id, version.number),
        exchanges=exchanges,
        meetings=meetings,
        awards=awards,
        directory=await living_suppliers(connection, named),
        organisation=acting.organisation,
    )


def _encode_report(made: Report, need: PlannedNeed, reference: Reference, media_type: str) -> Response[bytes]:
    """The report in its media type. HTML takes some tenths of a second, a PDF of many lots some seconds."""
    headers = {
        "content-type": "text/html; charset=utf-8" if media_type == HTML else media_type,
        "cache-control": "private, no-store",
        "vary": "accept, accept-language",
        "x-content-type-options": "nosniff",
    }
    if media_type == JSON:
        return Response(msgspec.json.encode(made), headers=headers)
    territories = [territory for lot in need.lots if (territory := lot.territory or need.territory)]
    sites = [lot.site for lot in need.lots if lot.site]
    points = [each.at for each in made.placement.suppliers]
    maps = map_sheets(reference.geography, _distinct(territories), _distinct(sites), points)
    if media_type == HTML:
        page = markup(made, maps, printed=False).encode()
        return Response(page, headers=headers | {"content-security-policy": POLICY})
    named = re.sub(r"[^A-Za-z0-9]+", "-", made.need.reference or str(made.need.id)).strip("-")[:60]
    day = made.generated_at.astimezone(PARIS).date()
    kind = "-expurge" if made.variant == "redacted" else ""
    headers["content-disposition"] = f'inline; filename="sourcing-{named}{kind}-{day}.pdf"'
    return Response(report_pdf(made, maps), headers=headers)


def _distinct(values: Iterable[T]) -> list[T]:
    """The values without repetitions, in the order in which they first come."""
    return list({msgspec.json.encode(value): value for value in values}.values())
