"""The notice of a preliminary market consultation, as a need makes it: XML of eForms, or text for a buyer profile."""

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from litestar import Response

from api.match import MATCH_PROBLEMS
from api.needs.freeze_shortlist import own_need
from api.needs.routes import needs_endpoint
from api.runtime.actor import Acting, acting_of
from api.runtime.endpoint import Call
from api.runtime.processes.match_work import FunctionTask
from api.web.content_negotiation import XML
from db.core.engine import Connection, transaction
from db.journal.entries import write_entry
from domain.equal_treatment.matrix import NOTICE_MADE, NOTICE_PUBLISHED, NoticePlace
from domain.errors import InvalidContent, Problem, pointer
from domain.journal import Detail
from domain.needs.need import Place
from domain.needs.status import StoredNeed
from domain.notices.consultation import LotObject, consultation_of, profile_text
from domain.notices.eforms import SDK, notice_xml
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Area, Territories
from domain.text.bilingual import PARIS, Language, said_by
from matching.lot_query import LotQuery
from matching.reference import Reference

PLAIN = "text/plain"
_SAID = said_by(__name__)
CPV_DIGITS, NUTS_3 = 8, 5
IN_A_THREAD_BYTES = 32 << 10
"""The notice of a larger need is made in another process."""
EXTENSIONS = {XML: "xml", PLAIN: "txt"}


@needs_endpoint("GET", "/needs/{id}/notice", answers={XML: str, PLAIN: str}, problems=MATCH_PROBLEMS[:2])
async def get_notice(call: Call, id: UUID) -> Response[bytes]:
    """The notice of a preliminary market consultation (R2111-1) about a need.

    In XML: eForms, notice type `pmc`, subtype E1, in French, by the version of the SDK that `cbc:CustomizationID`
    names. As plain text, in French or English: what is put on a buyer profile. What is proposed rather than decided is
    said to be so: the CPV code of a lot that has none (that of its trade), and the last day for answers where
    `answers_by` is null (the eve of the planned publication, else 30 days from now).

    422 lists what a notice says and the need does not, with pointers into the need. The journal notes that the notice
    was made, with its SHA-256: whether it was published, and who read it, is not known here.
    """
    return await make_notice(acting_of(call), id, call.media_type)


async def make_notice(acting: Acting, need_id: UUID, media_type: str) -> Response[bytes]:
    """Make the notice of a need, XML or plain text, and note it in the journal. Raises NotFound and InvalidContent."""
    services, now = acting.services, acting.now()
    async with transaction(services.database) as connection:
        need = await own_need(connection, acting.organisation_id, need_id)
    body = await written_notice(acting, need, media_type)
    extension = EXTENSIONS[media_type]
    digest, sdk = sha256(body).hexdigest(), SDK if media_type == XML else None
    detail: Detail = {"format": extension, "sha256": digest, "sdk": sdk}
    name = f"need:{need.id}"
    async with transaction(services.database) as connection:
        await write_entry(connection, acting.actor, NOTICE_MADE, name, now, version=need.version, detail=detail)
    headers = {
        "content-type": f"{media_type}; charset=utf-8",
        "content-disposition": f'inline; filename="consultation-{need.id}.{extension}"',
        "cache-control": "private, no-store",
        "vary": "accept, accept-language",
    }
    return Response(body, headers=headers)


async def note_publication(
    connection: Connection, acting: Acting, need_id: UUID, published_on: date, where: NoticePlace
) -> None:
    """Note in the journal that the notice of a need was published.

    Raises NotFound, and InvalidContent for a day to come.
    """
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    now = acting.now()
    if published_on > now.astimezone(PARIS).date():
        raise InvalidContent((Problem(pointer("on"), "in_the_future", _SAID["in_the_future"]),))
    detail: Detail = {"on": published_on.isoformat(), "where": where}
    name = f"need:{need.id}"
    await write_entry(connection, acting.actor, NOTICE_PUBLISHED, name, now, version=need.version, detail=detail)


async def written_notice(acting: Acting, need: StoredNeed, media_type: str) -> bytes:
    """The notice of a need, as XML or text; noted nowhere. Raises InvalidContent, else as `MatchWork.run`."""
    is_much = len(msgspec.json.encode(need.content)) > IN_A_THREAD_BYTES
    task = FunctionTask(notice_of_need, (need, acting.now(), media_type, acting.language), is_much)
    return await acting.services.match_work.run(task, str(acting.organisation_id), acting.wait_for_disconnect)


def notice_of_need(reference: Reference, need: StoredNeed, now: datetime, media_type: str, language: Language) -> bytes:
    """The notice of a need, made `now`, XML or plain text in UTF-8. Raises InvalidContent."""
    objects = _lot_objects(reference.reader.read(need.content.matched), reference)
    notice = consultation_of(need.content, objects, now)
    if media_type == XML:
        return notice_xml(notice, need.id)
    return profile_text(notice, reference.cpv, language).encode()


def _lot_objects(queries: Sequence[LotQuery], reference: Reference) -> list[LotObject]:
    """The objects of lots in the codes of notices, as the lots were read."""
    territories = reference.territories
    areas = tuple(area for area in territories.areas("nuts") if len(area.code) == NUTS_3)
    found: dict[tuple[int, str | None], tuple[Area, ...]] = {}  # many lots have one territory
    objects = []
    for query in queries:
        lot, site = query.lot, query.lot.site
        trades = [*query.understood.segments]
        commune = site.commune if isinstance(site, Place) else None
        where = id(query.territory), commune
        found[where] = places = found.get(where) or _places(query, territories, commune, areas)
        objects.append(
            LotObject(
                tuple(map(reference.cpv.normalise, lot.cpv)),
                tuple(code for trade in trades for code in cpv_of_trade(trade, reference.taxonomy, reference.cpv)),
                tuple(map(reference.taxonomy.label, trades)),
                places,
                everywhere=len(places) == len(areas),
                site=territories.commune_name(commune),
            )
        )
    return objects


def cpv_of_trade(trade: str, taxonomy: Taxonomy, cpv: Cpv) -> list[str]:
    """The CPV codes of a segment, or of a family's segments, filled up to 8 digits, in the order of the taxonomy."""
    family = taxonomy.family(trade)
    segments = family.segments if family else (taxonomy.segments[trade],)
    codes = [prefix.ljust(CPV_DIGITS, "0") for segment in segments for prefix in segment.cpv]
    return list(filter(cpv.known, codes))


def _places(
    query: LotQuery, territories: Territories, commune: str | None, areas: tuple[Area, ...]
) -> tuple[Area, ...]:
    """The NUTS 3 areas of the commune where a lot is done, else those that share ground with its territory."""
    ordinal = None if commune is None else territories.commune_ordinal(commune)
    if ordinal is not None:
        return tuple(area for area in areas if ordinal in area.communes)
    return tuple(area for area in areas if query.territory.ground[list(area.communes)].any())
