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
from domain.text.bilingual import PARIS, Text, long_date

REMINDED_AFTER = timedelta(days=7)
AUDIENCE = frozenset({"territory", "kinds", "segments", "only_unknown_trade"})
"""The fields that decide whom a campaign asks."""
ALWAYS_OPEN = frozenset({"title", "reply_by", "contact"})
"""The fields that may change once it was sent."""

NO_CAMPAIGN = Text("Aucune campagne de cet identifiant", "No campaign with this id")
_ONE_LINE_FIELDS = ("title", "subject")
_TOO_MANY_LINES = Text(
    f"Au plus {MOST_LINES} lignes : la lettre tient sur une page", f"At most {MOST_LINES} lines: the letter is one page"
)
_SENT = Text(
    "La campagne est partie : seuls son titre, sa date limite et son contact changent encore",
    "The campaign was sent: only its title, its reply-by and its contact may still change",
)
_SENT_STAYS = Text("La campagne est partie : elle ne s'efface plus", "The campaign was sent: it cannot be deleted")
_NOBODY = Text(
    "Cette campagne n'a aucun destinataire : élargir le territoire, les genres ou les métiers",
    "This campaign has no recipient: widen its territory, kinds or segments",
)
_NOT_SENT = Text("Cette campagne n'est pas encore partie", "This campaign was not sent yet")
_REMINDED = Text("Cette campagne a déjà été rappelée, une fois", "This campaign was reminded of already, once")


def request_problems(request: CampaignRequest, today: date, before: CampaignRequest | None = None) -> Iterator[Problem]:
    """The problems of a campaign, but those of codes, each with its JSON pointer; `before`: as it was, if stored."""
    for name in _ONE_LINE_FIELDS:
        text: str = getattr(request, name)
        if not text.isprintable() or not text.strip():
            yield control_character_problem(pointer(name))
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
        raise Conflict("campaign_sent", _SENT)


def require_draft(campaign: StoredCampaign) -> None:
    """Raises Conflict (`campaign_sent`) where the campaign is no draft any more."""
    if campaign.started_at is not None:
        raise Conflict("campaign_sent", _SENT_STAYS)


def require_somebody(campaign: StoredCampaign) -> None:
    """Raises Conflict (`nobody_to_ask`) where the campaign has no recipient."""
    if not sum(asdict(campaign.by_way).values()):
        raise Conflict("nobody_to_ask", _NOBODY)


def require_started(campaign: StoredCampaign) -> None:
    """Raises Conflict (`not_sent`) where nothing of the campaign was sent and no link made."""
    if campaign.started_at is None:
        raise Conflict("not_sent", _NOT_SENT)


def require_reminder(campaign: StoredCampaign, today: date) -> None:
    """Raises Conflict: `not_sent`, `already_reminded`, `too_early` until seven days after the last sending."""
    days = [each for each in (campaign.sent_at, campaign.posted_at) if each is not None]
    if not days:
        raise Conflict("not_sent", _NOT_SENT)
    if campaign.reminded_at is not None:
        raise Conflict("already_reminded", _REMINDED)
    earliest = first_reminder_day(max(days))
    if today < earliest:
        day = long_date(earliest)
        early = Text("Rappel possible à partir du {day}", "A reminder is possible from {day} on")
        raise Conflict("too_early", early.filled(day=day))


def first_reminder_day(sent_at: datetime) -> date:
    """The first day in France on which the silent may be reminded of what was sent at this moment."""
    return (sent_at.astimezone(PARIS) + REMINDED_AFTER).date()


def require_few(number: int) -> None:
    """Raises InvalidContent (`too_many_recipients`) where a campaign would have more recipients than it may."""
    if number > MOST_RECIPIENTS:
        detail = Text(
            f"{number} destinataires : {MOST_RECIPIENTS} au plus ; une campagne par département, par exemple",
            f"{number} recipients: at most {MOST_RECIPIENTS}; one campaign for each departement, say",
        )
        raise InvalidContent((Problem(pointer("territory"), "too_many_recipients", detail),))


def campaign_of(stored: StoredCampaign, counts: Counts) -> Campaign:
    """The campaign as it is shown, with what became of it."""
    status: Status = "draft" if stored.started_at is None else "sending" if counts.waiting else "sent"
    return Campaign(**asdict(stored), recipients=counts.recipients, counts=counts, status=status)
