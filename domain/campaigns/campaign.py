"""Campaigns: one question of an organisation to many suppliers of a territory, most often to those of unknown trade.

Each recipient gets a link to its own page, by e-mail or in a letter, and what it says there is in the directory of all.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.exchanges.exchange import NamedContact
from domain.needs.need import Codes, ShortText, TerritoryRequest
from domain.suppliers.supplier import Kind

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
    """Those that opened their link"""
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
