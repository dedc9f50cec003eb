"""Retention periods, and what is due for removal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

Kind = Literal["needs", "persons", "reply_links", "import_errors", "answers", "deliveries"]

LEAST_YEARS_OF_NEEDS = 3
"""Awards feed the bar on contracts reserved to the ESS for three years (L2113-16): they go with their needs."""


class RetentionPeriods(msgspec.Struct, frozen=True, kw_only=True):
    """Periods for which things are kept, where they can be chosen."""

    needs_years: int = 5
    persons_years: int = 3
    reply_links_days: int = 90
    import_errors_days: int = 365


class RetentionBounds(msgspec.Struct, frozen=True, kw_only=True):
    """The instant at which, or before which, each kind must have ended to be removed."""

    needs: datetime
    persons: datetime
    reply_links: datetime
    import_errors: datetime
    answers: datetime
    deliveries: datetime


class RetentionNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A need whose time is over, with all that goes with it. `last_at`: the last thing that happened to it.

    `meetings`: those about no other need that is kept.
    """

    id: UUID
    organisation_id: UUID
    organisation: str
    ended_at: datetime
    last_at: datetime
    shortlists: int
    exchanges: int
    awards: int
    meetings: int


class RetentionCount(msgspec.Struct, frozen=True):
    """The number of things of a kind that are due; `organisation` null: of what all share."""

    kind: Kind
    organisation: str | None
    count: int
    before: datetime


class RetentionPlan(msgspec.Struct, frozen=True):
    """Things due for removal at `at`: needs one by one, the rest by number."""

    at: datetime
    periods: RetentionPeriods
    bounds: RetentionBounds
    needs: Sequence[RetentionNeed]
    others: Sequence[RetentionCount]


def bounds_of(periods: RetentionPeriods, now: datetime, answers: timedelta, deliveries: timedelta) -> RetentionBounds:
    """The bounds at `now`; `answers`, `deliveries`: the periods for which those are kept."""
    return RetentionBounds(
        needs=years_before(now, periods.needs_years),
        persons=years_before(now, periods.persons_years),
        reply_links=now - timedelta(days=periods.reply_links_days),
        import_errors=now - timedelta(days=periods.import_errors_days),
        answers=now - answers,
        deliveries=now - deliveries,
    )


def years_before(moment: datetime, years: int) -> datetime:
    """The same day and time so many years before; of a 29 February that was none, the day before it."""
    try:
        return moment.replace(year=moment.year - years)
    except ValueError:
        return moment.replace(year=moment.year - years, day=28)
