"""Days and instants of queries as instants that the database compares."""

from datetime import UTC, date, datetime, time, timedelta

from domain.text.typography import PARIS


def first_moment(day: date | None) -> datetime | None:
    """The instant a day begins in France; None for `date.min`, which cannot be converted to UTC."""
    return None if day is None or day == date.min else datetime.combine(day, time(), PARIS)


def end_of(day: date | None) -> datetime | None:
    """The instant the next day begins in France; None for `date.max`."""
    return None if day is None or day == date.max else first_moment(day + timedelta(days=1))


def in_utc(instant: datetime | None) -> datetime | None:
    """The instant in UTC; the first or last one that can be written where its offset leads beyond."""
    if instant is None:
        return None
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        early = instant.year == date.min.year
        return datetime.min.replace(tzinfo=UTC) if early else datetime.max.replace(tzinfo=UTC)
