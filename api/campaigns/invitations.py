"""Invitations to a meeting of a territory: a campaign to the suppliers invited, each with the link to its own page."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec

from api.campaigns.run_campaign import plan_campaign
from api.meetings.routes import own_meeting
from api.runtime.actor import Acting, acting_of
from api.runtime.endpoint import Call
from api.runtime.etag import etag_of
from api.runtime.idempotency import carried_out_once, created_answer, creation
from db.core.engine import Connection
from db.idempotency import Answer
from domain.campaigns.campaign import LONGEST_BODY, Campaign, CampaignRequest, LetterBody
from domain.errors import Conflict
from domain.exchanges.exchange import NamedContact
from domain.meetings.meeting import Meeting
from domain.needs.need import ShortText
from domain.reference.territory import Territories
from domain.text.bilingual import Language, Text, day, said_by, time_of_day

_SAID = said_by(__name__)

MOST_PARTS, LONGEST_PART, LONGEST_SUBJECT = 8, 120, 400


class InvitationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An invitation in words; where none are given, its meeting says when, where and the programme."""

    subject: ShortText | None = None
    """One line; null: the title and day of the meeting"""
    body: LetterBody | None = None
    """Plain text; null: when, where and the programme"""
    reply_by: date | None = None
    """The day by which an answer is asked for; null: none is named"""
    contact: Annotated[NamedContact | None, msgspec.Meta(description="Whom to ask; null: nobody is named")] = None


@creation(
    "/meetings/{id}/invitations", tag="Meetings", scope="needs", answers=Campaign,
    problems=("conflict", "storage-quota", "not-ready"),
)  # fmt: skip
@carried_out_once
async def create_invitations(call: Call, id: UUID, body: InvitationRequest, connection: Connection) -> Answer:
    """Draw up the invitation to a meeting of a territory, as a campaign to the suppliers that it invites.

    Nothing is sent yet: `POST /campaigns/{id}/send` e-mails those with an address, and letters are made for the others.
    Each gets the link of its own page beside the invitation, to say beforehand what it does. 409 for a meeting about
    needs alone, of nobody, or that is over.
    """
    acting = acting_of(call)
    meeting = await own_meeting(connection, acting.organisation_id, id, lock=True)
    campaign = await plan_invitations(connection, acting, meeting, body)
    return created_answer(campaign, f"/campaigns/{campaign.id}", etag_of(campaign))


async def plan_invitations(
    connection: Connection, acting: Acting, meeting: Meeting, request: InvitationRequest
) -> Campaign:
    """Store the campaign that invites a meeting's suppliers. Raises Conflict, and as `plan_campaign`."""
    suppliers = [each.supplier_id for each in meeting.participants if each.supplier_id and each.attended is not False]
    if meeting.territory is None:
        raise Conflict("no_territory", _SAID["not_of_a_territory"])
    if meeting.status != "planned":
        raise Conflict("not_planned", _SAID["not_planned"])
    if not suppliers:
        raise Conflict("nobody_invited", _SAID["nobody_invited"])
    language = acting.language
    on = day(meeting.starts_at, language)
    written = Text(f"Invitation le {on} : {meeting.title}", f"Invitation on {on}: {meeting.title}").to(language)
    subject = "".join(each if each.isprintable() else " " for each in written)[:LONGEST_SUBJECT]
    campaign = CampaignRequest(
        title=subject,
        territory=meeting.territory,
        subject=request.subject or subject,
        body=request.body or invitation(meeting, acting.services.reference.territories, language),
        segments=meeting.segments,
        only_unknown_trade=False,
        reply_by=request.reply_by,
        contact=request.contact,
    )
    return await plan_campaign(connection, acting, campaign, suppliers)


def invitation(meeting: Meeting, territories: Territories, language: Language) -> str:
    """The text that invites to a meeting: its title, when, where and the programme."""
    hours = (time_of_day(each, language) for each in (meeting.starts_at, meeting.ends_at))
    on, begin, end = day(meeting.starts_at, language), *hours
    place, where = meeting.place, meeting.url or ""
    if place is not None:
        town = territories.commune_name(place.commune) if place.commune else None
        where = ", ".join(filter(None, (place.name, town, meeting.url)))
    at = f", {where}" if where else ""
    parts = [f"– {each.title[:LONGEST_PART]}" for each in (meeting.agenda or ())[:MOST_PARTS]]
    programme = Text("Au programme :", "The programme:").to(language)
    paragraphs = (
        Text("Bonjour,", "Good day,").to(language),
        _SAID["we_invite_you"].filled(title=meeting.title, on=on, begin=begin, end=end, at=at).to(language),
        "\n".join((programme, *parts)) if parts else "",
        _SAID["buyers_come"].to(language),
    )
    return "\n\n".join(filter(None, paragraphs))[:LONGEST_BODY]
