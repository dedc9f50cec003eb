"""Days and instants as people name them in queries, as the database compares them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def first_moment(day: date | None) -> datetime | None:
    """When a day begins in France; None for the first there is, which has no beginning in other places."""
    return None if day is None or day == date.min else datetime.combine(day, time(), PARIS)


def end_of(day: date | None) -> datetime | None:
    """When the day after begins in France; None for the last there is."""
    return None if day is None or day == date.max else first_moment(day + timedelta(days=1))


def in_utc(instant: datetime | None) -> datetime | None:
    """The instant in UTC; where its offset leads beyond the years there are, the first or last instant of them."""
    if instant is None:
        return None
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        early = instant.year == date.min.year
        return datetime.min.replace(tzinfo=UTC) if early else datetime.max.replace(tzinfo=UTC)
