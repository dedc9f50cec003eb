"""The pages of meetings: planned, changed, held or cancelled; who came, what was said; calendars."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec
from litestar import Response

from api.campaigns.invitations import InvitationRequest, plan_invitations
from api.declarations.page_form import known_areas
from api.desk.frame.form import Mistake, WrongForm, field_mistakes
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import (
    SENT_FIELD,
    FormOutcome,
    Visit,
    acting_at,
    document_of_submission,
    id_in,
    submission_name,
    write_once,
)
from api.desk.talk.meeting_form import (
    FORMAT_CODES,
    MOST_OTHERS,
    MeetingForm,
    candidates_by_lot,
    fields_of_meeting,
    fields_of_new_meeting,
    meeting_request,
    row_numbers,
    timed_agenda,
    with_candidates_of_lots,
    with_template,
)
from api.desk.talk.new_exchange_page import find_in_directory, supplier_choices
from api.meetings.calendar import CALENDAR, SHOWN_SINCE, address_of_seed, calendar_of_one, make_address, revoke_address
from api.meetings.routes import NO_MEETING, change_meeting, own_meeting, plan_meeting
from api.needs.freeze_shortlist import own_need
from api.needs.routes import begin_sourcing
from api.reports.badges import badges_of
from api.reports.routes import PDF
from api.runtime.actor import Acting
from api.web.content_negotiation import CSV
from api.web.html_pages import Fields
from db.campaigns.campaigns import suppliers_not_to_ask
from db.core.engine import Connection, transaction
from db.meetings import MeetingFilters, feed_made_at, meetings_of, select_meetings
from db.needs.needs import select_need_names
from db.needs.shortlists import select_shortlist
from db.suppliers.read import living_suppliers
from domain.errors import InvalidContent, NotFound
from domain.meetings.meeting import Meeting, MeetingStatus
from domain.needs.need import TerritoryRequest
from domain.needs.status import NO_NEED, OPEN
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import Text
from matching.inspection.supply import SupplySearch, suppliers_to_ask

KNOWN_TRADE, UNKNOWN_TRADE = "connus", "inconnus"
"""The groups of a territory's suppliers that are invited as a whole."""
MOST_LISTED, MOST_NEEDS, MOST_INVITED = 500, 100, 500
TOO_MANY = Text(
    "Une rencontre compte 500 invités au plus : choisissez un métier, ou écrivez à tous par une campagne",
    "A meeting has 500 guests at most: choose a trade, or write to all by a campaign",
)
UNSAVED = ("modele", "chercher")
"""The buttons that change the form alone."""
STATUS_OF: dict[str, MeetingStatus] = {"tenue": "held", "annuler": "cancelled"}
"""The status that a button gives."""


@page("GET", "/rencontres", scope="needs")
async def list_all_meetings(visit: Visit) -> Response[bytes]:
    """All meetings of the organisation, those to come first, and the address of its calendar."""
    acting, now = acting_at(visit), visit.services.now()
    async with transaction(visit.services.database) as connection:
        filters = MeetingFilters(after=now - SHOWN_SINCE)
        found = await select_meetings(connection, acting.organisation_id, filters, None, MOST_LISTED)
        seed = await document_of_submission(visit, connection, "/rencontres")
        url = await address_of_seed(connection, acting, seed.decode()) if seed else None
        made_at = await feed_made_at(connection, visit.call.bearer.id)
    to_come = [each for each in found if each.ends_at >= now and each.status == "planned"]
    past = [each for each in reversed(found) if each not in to_come]
    return visit.page("talk/meetings.html", to_come=to_come, past=past, url=url, made_at=made_at)


@page("POST", "/rencontres", scope="needs")
async def change_calendar_address(visit: Visit) -> Response[bytes]:
    """Make or revoke the address of the organisation's calendar, and redirect to the meetings."""
    key_id = visit.call.bearer.id

    async def change_address(connection: Connection, acting: Acting) -> FormOutcome:
        if visit.text("faire") == "retirer":
            await revoke_address(connection, acting, key_id)
            return FormOutcome("/rencontres#agenda")
        seed = await make_address(connection, acting, key_id)
        return FormOutcome(f"/rencontres?{SENT_FIELD}={submission_name(visit)}#agenda", seed.encode())

    return await write_once(visit, change_address)


@page("GET", "/besoins/{id}/rencontres", scope="needs")
async def list_meetings(visit: Visit, id: str) -> Response[bytes]:
    """The meetings about a need."""
    organisation, need_id = visit.organisation_id, id_in(id, NO_NEED)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, organisation, need_id)
        found = await meetings_of(connection, organisation, need_id)
    return visit.page("talk/need_meetings.html", need=need, found=found)


@page("GET", "/besoins/{id}/rencontres/nouvelle", scope="needs")
async def show_new_meeting(visit: Visit, id: str) -> Response[bytes]:
    """The form of a meeting to be planned, with the usual agenda of its format."""
    fields = {**fields_of_new_meeting(visit.text("forme")), "fournisseur": visit.fields.get("inviter", [])}
    return await _meeting_form_page(visit, id, fields=fields)


@page("GET", "/rencontres/nouvelle", scope="needs")
async def show_new_meeting_of_territory(visit: Visit) -> Response[bytes]:
    """The form of a meeting of the territories that the query names (`territoire`), before there is any need."""
    if not any(visit.fields.get("territoire", ())):
        return visit.redirect("/territoires")
    about = {name: visit.fields.get(name, []) for name in ("territoire", "metier")}
    return await _meeting_form_page(visit, fields=fields_of_new_meeting("half_day") | about)


async def _save_meeting(visit: Visit, id: str = "", meeting_id: str = "") -> Response[bytes]:
    """Plan or change the meeting and redirect to it; the form again where a button changes it, or something is wrong.

    `id`: of its need, empty for a meeting of a territory; `meeting_id`: empty for a new meeting.
    """
    need_id, act = id_in(id, NO_NEED) if id else None, visit.text("faire")
    home = f"/besoins/{need_id}/rencontres" if need_id else "/rencontres"
    if act in UNSAVED:
        fields = with_template(visit.fields) if act == "modele" else visit.fields
        return await _meeting_form_page(visit, id, meeting_id, fields)
    stored = id_in(meeting_id, NO_MEETING) if meeting_id else None

    async def store_meeting(connection: Connection, acting: Acting) -> FormOutcome:
        organisation = acting.organisation_id
        before = await own_meeting(connection, organisation, stored, lock=True) if stored else None
        if before is not None and visit.text("version") != str(before.version):
            raise WrongForm([Mistake("titre", SAID["changed"])])
        version = await select_shortlist(connection, organisation, need_id, None) if need_id else None
        fields = with_candidates_of_lots(visit.fields, version)
        if need_id is None:
            fields = await with_suppliers_of_territory(acting, fields)
        request = meeting_request(fields, need_id, before, acting.services.reference, acting.now())
        if before is None:
            meeting = await plan_meeting(connection, acting, request)
            if need_id is not None:
                await begin_sourcing(connection, acting, need_id)
            return FormOutcome(f"{home}/{meeting.id}?ecrit=1")
        if act == "tenue" and request.starts_at > acting.now():
            raise WrongForm([Mistake("jour", SAID["not_begun"])])
        request = msgspec.structs.replace(request, status=STATUS_OF.get(act, before.status))
        await change_meeting(connection, acting, before, request)
        return FormOutcome(f"{home}/{stored}?ecrit=1")

    try:
        return await write_once(visit, store_meeting)
    except InvalidContent as wrong:
        mistakes = field_mistakes(wrong, MeetingForm, otherwise="titre")
        return await _meeting_form_page(visit, id, meeting_id, visit.fields, mistakes)


plan_new_meeting = page("POST", "/besoins/{id}/rencontres/nouvelle", scope="needs")(_save_meeting)
change_planned_meeting = page("POST", "/besoins/{id}/rencontres/{meeting_id}", scope="needs")(_save_meeting)
plan_meeting_of_territory = page("POST", "/rencontres/nouvelle", scope="needs")(_save_meeting)
change_meeting_of_territory = page("POST", "/rencontres/{meeting_id}", scope="needs")(_save_meeting)


@page("GET", "/rencontres/{meeting_id}", scope="needs")
async def show_meeting_of_territory(visit: Visit, meeting_id: str) -> Response[bytes]:
    """The page of a meeting of a territory; a redirect to that of its first need, where it is about one."""
    async with transaction(visit.services.database) as connection:
        meeting = await own_meeting(connection, visit.organisation_id, id_in(meeting_id, NO_MEETING))
    if meeting.need_ids:
        return visit.redirect(f"/besoins/{meeting.need_ids[0]}/rencontres/{meeting.id}")
    return await _meeting_form_page(visit, meeting_id=meeting_id)


@page("POST", "/rencontres/{meeting_id}/inviter", scope="needs")
async def write_invitations(visit: Visit, meeting_id: str) -> Response[bytes]:
    """Draw up the invitation of a meeting's suppliers, and redirect to that campaign, which sends it."""

    async def store_invitations(connection: Connection, acting: Acting) -> FormOutcome:
        meeting = await own_meeting(connection, acting.organisation_id, id_in(meeting_id, NO_MEETING), lock=True)
        campaign = await plan_invitations(connection, acting, meeting, InvitationRequest())
        return FormOutcome(f"/campagnes/{campaign.id}")

    return await write_once(visit, store_invitations)


@page("GET", "/rencontres/{meeting_id}/badges", scope="needs")
async def get_badges(visit: Visit, meeting_id: str) -> Response[bytes]:
    """The badges of a meeting, as PDF; as CSV where the query's `forme` says so."""
    async with transaction(visit.services.database) as connection:
        meeting = await own_meeting(connection, visit.organisation_id, id_in(meeting_id, NO_MEETING))
    return await badges_of(visit.call, meeting, CSV if visit.text("forme") == "csv" else PDF)


async def suppliers_of_territory(acting: Acting, fields: Fields) -> dict[str, list[UUID]]:
    """The suppliers of the territory and trades that a form names, of known and of unknown trade.

    Without those that asked the organisation to ask them no more.
    """
    services, segments = acting.services, [each for each in fields.get("metier", ()) if each]
    codes = tuple(filter(None, fields.get("territoire", ())))
    live, reference, today = services.directory.index, services.reference, services.today()
    segments = [each for each in segments if reference.taxonomy.known(each)]

    def find_suppliers() -> dict[str, list[UUID]]:
        search = SupplySearch(live, reference.geography.territory(TerritoryRequest(codes)), today, reference.rules)
        every = suppliers_to_ask(search, (), segments, only_unknown_trade=False)
        unknown = {*suppliers_to_ask(search, (), segments, only_unknown_trade=True)}
        asked = [each for each in every if each not in refused]
        known, others = ([each for each in asked if (each in unknown) is among] for among in (False, True))
        return {KNOWN_TRADE: known, UNKNOWN_TRADE: others}

    async with transaction(services.database) as connection:
        refused = await suppliers_not_to_ask(connection, acting.organisation_id)
    try:
        return await asyncio.to_thread(find_suppliers)
    except InvalidContent:  # which the check of the meeting tells
        return {}


async def with_suppliers_of_territory(acting: Acting, fields: Fields) -> Fields:
    """The fields with the suppliers of every group that is ticked as a whole (`tous`) added to the ticked suppliers."""
    wanted = [each for each in fields.get("tous", ()) if each]
    if not wanted:
        return fields
    groups = await suppliers_of_territory(acting, fields)
    listed = [str(each) for group in wanted for each in groups.get(group, ())]
    if len(listed) > MOST_INVITED:
        raise WrongForm([Mistake("invites", TOO_MANY)])
    return {**fields, "fournisseur": list(dict.fromkeys((*fields.get("fournisseur", ()), *listed)))}


async def _meeting_about(connection: Connection, organisation: UUID, need_id: UUID | None, meeting_id: str) -> Meeting:
    """The organisation's meeting with this id, if it is about the need, or about none. Raises NotFound."""
    meeting = await own_meeting(connection, organisation, id_in(meeting_id, NO_MEETING))
    if need_id not in (meeting.need_ids or (None,)):
        raise NotFound(NO_MEETING)
    return meeting


async def _meeting_form_page(
    visit: Visit, id: str = "", meeting_id: str = "", fields: Fields | None = None, mistakes: Sequence[Mistake] = ()
) -> Response[bytes]:
    """The page of a stored or new meeting's form; suppliers that the query's `inviter` names are ticked too.

    `id`: of its need, empty for one of a territory; `fields`: as they were typed; else those of the meeting.
    """
    organisation, need_id = visit.organisation_id, id_in(id, NO_NEED) if id else None
    reference = visit.reference
    more = [*(fields or {}).get("fournisseur", []), *visit.fields.get("inviter", [])]
    ticked = [id_in(each, NO_SUPPLIER) for each in more if each]
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, organisation, need_id) if need_id else None
        meeting = await _meeting_about(connection, organisation, need_id, meeting_id) if meeting_id else None
        version = await select_shortlist(connection, organisation, need_id, None) if need_id else None
        about = meeting.need_ids if meeting else ()
        own = (need_id, *about) if need_id else ()
        needs = await select_need_names(connection, organisation, OPEN, own, MOST_NEEDS) if own else ()
        named = await living_suppliers(connection, ticked)
        sought = (fields or {}).get("cherche", [""])[-1]
        found = await find_in_directory(visit, connection, sought)
    if fields is None and meeting is not None:
        fields = fields_of_meeting(meeting, reference)
    shown = dict(fields or {})
    if meeting is not None:
        shown["version"] = [str(meeting.version)]
    areas = known_areas([each for each in shown.get("territoire", ()) if each], reference)
    here = await suppliers_of_territory(acting_at(visit), shown) if areas else {}
    return visit.page(
        "talk/meeting.html",
        need=need,
        meeting=meeting,
        parts=list(timed_agenda(meeting)) if meeting else [],
        fields=shown,
        ticked={str(named[each].id) for each in ticked if each in named},
        other_needs=[each for each in needs if each.id != need_id],
        about=about,
        choices=supplier_choices(version, named, found),
        areas=areas,
        here={group: len(some) for group, some in here.items()},
        trades=visit.reference.taxonomy.segments,
        trade_label=visit.reference.taxonomy.label,
        whole_lots=candidates_by_lot(version) if version else {},
        lot_titles={lot.id: lot.title or "" for lot in need.content.lots} if need else {},
        invited=[each.supplier_id for each in meeting.participants if each.supplier_id] if meeting else [],
        rows=row_numbers,
        others=range(1, MOST_OTHERS + 1),
        formats=FORMAT_CODES,
        mistakes=mistakes,
    )


show_meeting = page("GET", "/besoins/{id}/rencontres/{meeting_id}", scope="needs")(_meeting_form_page)


async def _calendar_file(visit: Visit, meeting_id: str, id: str = "") -> Response[bytes]:
    """A meeting as an iCalendar file. `id`: of the need that it is about; empty for one of a territory."""
    organisation, need_id = visit.organisation_id, id_in(id, NO_NEED) if id else None
    async with transaction(visit.services.database) as connection:
        meeting = await _meeting_about(connection, organisation, need_id, meeting_id)
    content = calendar_of_one(meeting, visit.reference.territories)
    name = f"rencontre-{meeting.starts_at:%Y-%m-%d}.ics"
    return Response(content, media_type=CALENDAR, headers={"content-disposition": f'attachment; filename="{name}"'})


get_calendar_file = page("GET", "/besoins/{id}/rencontres/{meeting_id}/agenda.ics", scope="needs")(_calendar_file)
get_calendar_file_of_territory = page("GET", "/rencontres/{meeting_id}/agenda.ics", scope="needs")(_calendar_file)
