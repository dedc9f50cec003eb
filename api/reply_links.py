"""Reply links as people get them: where they lead, and how long they work."""

from datetime import date, datetime, time, timedelta

from api.endpoint import Call
from api.services import PARIS

PATH = "/replies/"


def address(base: str, token: str) -> str:
    """Where the link of a token leads. `base`: the address under which suppliers reach this server."""
    return f"{base}{PATH}{token}"


def base_of(call: Call) -> str:
    """The configured public address, else the one that this request came to."""
    return call.services.settings.public_url or str(call.base_url).rstrip("/")


def expiry(now: datetime, days: int) -> datetime:
    """When a link made now ends: with the last of so many days, so that a day can be named to people."""
    last = now.astimezone(PARIS).date() + timedelta(days=days)
    return datetime.combine(last + timedelta(days=1), time(), PARIS)


def last_day(expires_at: datetime) -> date:
    """The last day on which a link that ends then still works."""
    return (expires_at.astimezone(PARIS) - timedelta(microseconds=1)).date()
