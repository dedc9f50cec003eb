"""Campaigns: one question of an organisation to many suppliers of a territory, most often to those of unknown trade.

Each recipient gets a link to its own page, by e-mail or in a letter, and what it says there is in the directory of all.
The rules: what may be asked, when it may change, when it is sent and when it may be sent again.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import ceil
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from domain.errors import Conflict, InvalidContent, Problem, control_character_problem, pointer
from domain.exchanges.exchange import NamedContact
from domain.exchanges.rules import contact_problems
from domain.needs.need import Codes, ShortText, TerritoryRequest
from domain.suppliers.supplier import Kind
from domain.text.bilingual import PARIS, Text, is_one_line, is_plain_text, long_date, said_by, time_of_day

Way = Literal["email", "letter", "none"]
Status = Literal["draft", "sending", "sent"]
Purpose = Literal["question", "reminder"]
RecipientState = Literal[
    "draft", "queued", "to_post", "sent", "opened", "declared", "withdrawn", "declined", "undeliverable"
]
WAYS: tuple[Way, ...] = ("email", "letter", "none")

MOST_RECIPIENTS = 20_000
LONGEST_BODY, MOST_LINES, CHARACTERS_OF_LINE = 2_500, 32, 105
"""Characters and lines of a text that still fits on the one page of a letter."""

LetterBody = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=LONGEST_BODY,
        pattern=r"\S",
        description="A text that is not blank, and that fits on one page",
        extra={"fr": "un texte qui ne soit pas que du blanc"},
    ),
]
Kinds = Annotated[tuple[Kind, ...], msgspec.Meta(max_length=20)]


class CampaignRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question to be asked, and of whom."""

    title: ShortText
    """The name that the organisation gives it; recipients do not see it"""
    territory: TerritoryRequest
    """The suppliers that stand in it are asked"""
    subject: ShortText
    """One line, of the e-mail and of the letter"""
    body: LetterBody
    """Plain text; the link, the code and the contact are added to it"""
    kinds: Kinds = ()
    """Suppliers with an approval of one of these; empty: all"""
    segments: Codes = ()
    """Segments or families: those likely to answer them, by what others of their kind offer; empty: all"""
    only_unknown_trade: bool = True
    """Whether those are left out of which an offer is known"""
    reply_by: date | None = None
    """The day by which an answer is asked for; null: none is named"""
    contact: NamedContact | None = None
    """Whom to ask; null: nobody is named"""
    sender_address: Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=4)] = ()
    """The lines of the sender's postal address, to which letters return; empty: not printed"""


class WayCounts(msgspec.Struct, frozen=True):
    """The recipients of a campaign by the way in which they are written to."""

    email: int = 0
    """Those with an e-mail address on file"""
    letter: int = 0
    """Those without one, with a postal address"""
    none: int = 0
    """Those of whom neither is known: the buyer may call them, with a link of `POST /campaigns/{id}/links`"""


class LeftOut(msgspec.Struct, frozen=True):
    """The suppliers that a campaign would have asked, by the reason for which it does not."""

    ask_again: int = 0
    """Those that asked this organisation to write to them no more"""
    no_offer: int = 0
    """Those that declared that they offer nothing"""
    joined: int = 0
    """Those of a legal unit and address with a recipient, or one supplier with it, whose message is for them too"""
    inactive: int = 0
    """Those that are no longer active"""


class Counts(msgspec.Struct, frozen=True):
    """The counts of a campaign: `declared`, `declined`, `undeliverable`, `silent` and `waiting` make `recipients`."""

    recipients: int = 0
    """All of them"""
    sent: int = 0
    """Those whose e-mail was taken by the mail server, or whose letter left"""
    opened: int = 0
    """Those that did something on the page of their link: to read its address is not enough"""
    declared: int = 0
    """Those that have said what they offer since it was made"""
    declined: int = 0
    """Those that offer nothing of it, or asked to be written to no more, or took back what they said"""
    withdrawn: int = 0
    """Those of `declined` that had said what they offer, and took it back since"""
    undeliverable: int = 0
    """Those whose e-mail failed for good, and those of no known address, unless they answered"""
    silent: int = 0
    """Those that were sent it and have not answered"""
    waiting: int = 0
    """Those whose e-mail or letter has not left"""


class StoredCampaign(CampaignRequest, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A campaign as it is stored. `started_at`: when it was first sent or its links were made; null: a draft."""

    id: UUID
    """UUID, given when it was made"""
    version: int
    """Grows with each change"""
    by_way: WayCounts
    """Recipients by way"""
    left_out: LeftOut
    """Suppliers that are not asked, by reason"""
    created_at: datetime
    """The moment it was made"""
    updated_at: datetime
    """The moment it was last changed"""
    started_at: datetime | None = None
    """The moment it was first sent or its links were made, from which recipients stay; null: a draft"""
    sent_at: datetime | None = None
    """The moment e-mails were last queued; null: never"""
    posted_at: datetime | None = None
    """The moment it was last said that letters left; null: never"""
    reminded_at: datetime | None = None
    """The moment of the reminder; null: none so far"""


class Campaign(StoredCampaign, frozen=True, kw_only=True):
    """A campaign with what became of it."""

    recipients: int
    """The suppliers that it asks: of a draft, as it was last made"""
    counts: Counts
    """What became of it"""
    status: Status
    """`draft`; `sending` while e-mails or letters wait; `sent`"""


class CampaignRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier that a campaign asks, as it was known then, and how far that has come."""

    supplier_id: UUID
    """UUID, as in `GET /suppliers/{id}`"""
    name: str
    """Its legal or usual name"""
    siret: str | None
    """14 digits; null: not known"""
    kinds: tuple[Kind, ...]
    """The kinds of its approvals, such as `ESAT`"""
    commune: str | None
    """The current INSEE code; null: not known"""
    way: Way
    """The way in which it is written to"""
    email: str | None
    """Null where none is known, or it was erased"""
    address: tuple[str, ...]
    """The lines of its postal address below its name; empty: not known"""
    joined: tuple[UUID, ...] = ()
    """Others of its legal unit and address, for whom the message is too"""
    state: RecipientState
    """How far it has come; `opened` and what follows are the recipient's doing"""
    sent_at: datetime | None = None
    """The moment the e-mail was taken or the letter left; null: neither so far"""
    failure: str | None = None
    """A stable word for the fault of its last e-mail; null: none"""


_SAID = said_by(__name__)

REMINDED_AFTER = timedelta(days=7)
AUDIENCE = frozenset({"territory", "kinds", "segments", "only_unknown_trade"})
"""The fields that decide whom a campaign asks."""
ALWAYS_OPEN = frozenset({"title", "reply_by", "contact", "sender_address"})
"""The fields that may change once it was sent."""

NO_CAMPAIGN = Text("Aucune campagne de cet identifiant", "No campaign with this id")
_ONE_LINE_FIELDS = ("title", "subject")
_TOO_MANY_LINES = _SAID["too_many_lines"].filled(most_lines=MOST_LINES)


def request_problems(request: CampaignRequest, today: date, before: CampaignRequest | None = None) -> Iterator[Problem]:
    """The problems of a campaign, but those of codes, each with its JSON pointer; `before`: as it was, if stored."""
    for name in _ONE_LINE_FIELDS:
        text: str = getattr(request, name)
        if not is_one_line(text) or not text.strip():
            yield control_character_problem(pointer(name))
    for position, line in enumerate(request.sender_address):
        if not is_one_line(line) or not line.strip():
            yield control_character_problem(pointer("sender_address", position))
    if not is_plain_text(request.body):
        yield control_character_problem(pointer("body"), one_line=False)
    lines = (max(1, ceil(len(line) / CHARACTERS_OF_LINE)) for line in request.body.splitlines())
    if sum(lines) > MOST_LINES:
        yield Problem(pointer("body"), "too_many_lines", _TOO_MANY_LINES)
    is_new_day = before is None or before.reply_by != request.reply_by
    is_new_contact = before is None or before.contact != request.contact
    yield from contact_problems(
        request.reply_by if is_new_day else None, request.contact if is_new_contact else None, today
    )


def changed_fields(before: CampaignRequest, after: CampaignRequest) -> list[str]:
    """The names of the fields whose values differ."""
    return [name for name in CampaignRequest.__struct_fields__ if getattr(before, name) != getattr(after, name)]


def require_change(campaign: StoredCampaign, changed: list[str]) -> None:
    """Raises Conflict (`campaign_sent`) where a field changes that stays once the campaign was sent."""
    if campaign.started_at is not None and not ALWAYS_OPEN.issuperset(changed):
        raise Conflict("campaign_sent", _SAID["sent"])


def require_draft(campaign: StoredCampaign) -> None:
    """Raises Conflict (`campaign_sent`) where the campaign is no draft any more."""
    if campaign.started_at is not None:
        raise Conflict("campaign_sent", _SAID["sent_stays"])


def require_somebody(campaign: StoredCampaign) -> None:
    """Raises Conflict (`nobody_to_ask`) where the campaign has no recipient."""
    if not sum(asdict(campaign.by_way).values()):
        raise Conflict("nobody_to_ask", _SAID["nobody"])


def require_started(campaign: StoredCampaign) -> None:
    """Raises Conflict (`not_sent`) where nothing of the campaign was sent and no link made."""
    if campaign.started_at is None:
        raise Conflict("not_sent", _SAID["not_sent"])


def require_reminder(campaign: StoredCampaign, now: datetime) -> None:
    """Raises Conflict: `not_sent`, `already_reminded`, `too_early` until seven whole days after the last sending."""
    earliest = first_reminder(campaign)
    if earliest is None:
        raise Conflict("not_sent", _SAID["not_sent"])
    if campaign.reminded_at is not None:
        raise Conflict("already_reminded", _SAID["reminded"])
    if now < earliest:
        local = earliest.astimezone(PARIS)
        early = Text("Rappel possible à partir du {day} à {time}", "A reminder is possible from {day}, {time} on")
        time = Text(time_of_day(local, "fr"), time_of_day(local, "en"))
        raise Conflict("too_early", early.filled(day=long_date(local.date()), time=time))


def first_reminder(campaign: StoredCampaign) -> datetime | None:
    """The first moment at which the silent may be reminded: seven days after the last sending; None before any."""
    sent = [each for each in (campaign.sent_at, campaign.posted_at) if each is not None]
    return max(sent) + REMINDED_AFTER if sent else None


def require_few(number: int) -> None:
    """Raises InvalidContent (`too_many_recipients`) where a campaign would have more recipients than it may."""
    if number > MOST_RECIPIENTS:
        detail = _SAID["too_many_recipients"].filled(number=number, most_recipients=MOST_RECIPIENTS)
        raise InvalidContent((Problem(pointer("territory"), "too_many_recipients", detail),))


def campaign_of(stored: StoredCampaign, counts: Counts) -> Campaign:
    """The campaign as it is shown, with what became of it."""
    status: Status = "draft" if stored.started_at is None else "sending" if counts.waiting else "sent"
    return Campaign(**asdict(stored), recipients=counts.recipients, counts=counts, status=status)
