"""The rules of campaigns: what may be asked, when it may change, when it is sent and when it may be sent again."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import ceil

from msgspec.structs import asdict

from domain.campaigns.campaign import (
    CHARACTERS_OF_LINE,
    MOST_LINES,
    MOST_RECIPIENTS,
    Campaign,
    CampaignRequest,
    Counts,
    Status,
    StoredCampaign,
)
from domain.errors import Conflict, InvalidContent, Problem, control_character_problem, pointer
from domain.exchanges.rules import contact_problems
from domain.text.bilingual import PARIS, Text, is_one_line, is_plain_text, long_date, said_by, time_of_day

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
