"""The versions of a need's shortlist: frozen, read again as they were, compared in words, and reported on."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import get_args

import msgspec
from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.words import SAID
from api.desk.frame.written_once import Done, acting_at, id_in, matched_once
from api.desk.need.need_in_words import changed_lines
from api.desk.record.stored_need import own_need_of, parts_of_version, stored_need_page
from api.needs.own_need import version_of
from api.needs.routes import edit_need
from api.needs.shortlist_versions import MatchedNeed, compared, freeze_shortlist, own_need_to_match
from api.reports.routes import PDF, make_report
from api.runtime.actor import Acting
from api.web.content_negotiation import HTML
from db.core.engine import Connection, transaction
from db.needs.shortlists import select_shortlists
from domain.errors import NotFound
from domain.needs.status import MOVES, NO_NEED, OPEN, changed_criteria
from domain.shortlists.shortlist import Advice, Severity

MOST_VERSIONS = 200
SHOWN_BY_LOT = ("20", "50", "100")
"""The numbers of candidates that a version may list for each lot."""


@page("GET", "/besoins/{need_id}/versions", scope="needs")
async def list_versions(visit: Visit, need_id: str) -> Response[bytes]:
    """The versions of a need's shortlist, the latest first; two of them compared where the query names them."""
    organisation, earlier, later = visit.organisation_id, visit.text("de"), visit.text("a")
    need = await own_need_of(visit, need_id)
    difference, lines = None, []
    if earlier and later:
        difference = await compared(acting_at(visit), need.id, earlier, later)
    async with transaction(visit.services.database) as connection:
        versions = await select_shortlists(connection, organisation, need.id, None, MOST_VERSIONS)
        latest = await version_of(connection, organisation, need.id, "latest")
        if difference:
            numbers = (str(difference.before.number), str(difference.after.number))
            was, now = [await version_of(connection, organisation, need.id, number) for number in numbers]
            lines = list(changed_lines(was.need, now.need, visit.reference))
    return stored_need_page(
        visit,
        "record/versions.html",
        need,
        versions=versions,
        changed=changed_criteria(latest.need, need.content),
        can_be_frozen=bool(MOVES[need.status]),
        numbers=tuple(sorted({*map(int, SHOWN_BY_LOT), need.content.limit})) if need.status in OPEN else (),
        totals=latest.totals,
        difference=difference,
        lines=lines,
    )


@page("POST", "/besoins/{need_id}/versions", scope="needs")
async def freeze_next_version(visit: Visit, need_id: str) -> Response[bytes]:
    """Freeze the next version with the suppliers as they are, and redirect to it."""
    own = id_in(need_id, NO_NEED)
    if visit.text("montrer") in SHOWN_BY_LOT:
        shown = partial(msgspec.structs.replace, limit=int(visit.text("montrer")))
        await edit_need(acting_at(visit), own, None, shown)

    async def carry_out(connection: Connection, acting: Acting, matched: MatchedNeed | None) -> Done:
        number, _ = await freeze_shortlist(connection, acting, own, matched)
        return Done(f"/besoins/{own}/versions/{number}?fait=fige")

    return await matched_once(visit, partial(own_need_to_match, need_id=own), carry_out)


@page("GET", "/besoins/{need_id}/versions/{number}", scope="needs")
async def show_version(visit: Visit, need_id: str, number: str) -> Response[bytes]:
    """A version with the suppliers as they were, and what was decided on them."""
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        version = await version_of(connection, visit.organisation_id, need.id, number)
    shortlist = await asyncio.to_thread(lambda: version.shortlist)
    return stored_need_page(
        visit,
        "record/version.html",
        need,
        shortlist=shortlist,
        **parts_of_version(version, shortlist, visit.text("lots")),
        most_grave_first=most_grave_first,
    )


def most_grave_first(points: Iterable[Advice]) -> list[Advice]:
    """The points of law with those that forbid first."""
    gravity: tuple[Severity, ...] = get_args(Severity)
    return sorted(points, key=lambda each: -gravity.index(each.severity))


VARIANTS_IN_PATHS = {"integral": False, "expurge": True}
MEDIA_TYPES = {"html": HTML, "pdf": PDF}


@page("GET", "/besoins/{need_id}/rapport", scope="needs")
async def show_report_page(visit: Visit, need_id: str) -> Response[bytes]:
    """The versions and variants of the report; one of them, where the query asks for it."""
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        organisation = visit.organisation_id
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
        raise NotFound(SAID["no_report_file"])
    redacted, media_type = VARIANTS_IN_PATHS[variant], MEDIA_TYPES[format_]
    answer = await make_report(acting_at(visit), id_in(need_id, NO_NEED), number, media_type, redacted=redacted)
    headers = answer.headers
    if "content-security-policy" in headers:
        own = headers["content-security-policy"]
        headers["content-security-policy"] = own.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    if visit.text("telecharger") and "content-disposition" in headers:
        headers["content-disposition"] = headers["content-disposition"].replace("inline", "attachment", 1)
    return answer


PAGES = (list_versions, freeze_next_version, show_version, show_report_page, get_report_file)
