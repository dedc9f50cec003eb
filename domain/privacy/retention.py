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
    """Years after a need ended"""
    persons_years: int = 3
    """Years after the last meeting that names them, or after they last signed in"""
    reply_links_days: int = 90
    """Days after a link expired"""
    import_errors_days: int = 365
    """Days after the import"""


class RetentionBounds(msgspec.Struct, frozen=True, kw_only=True):
    """The instant at which, or before which, each kind must have ended to be removed."""

    needs: datetime
    """Of ended needs, with all that goes with them"""
    persons: datetime
    """Of persons whose last meeting ended, and who last signed in, by then"""
    reply_links: datetime
    """Of expired reply links"""
    import_errors: datetime
    """Of rejected rows"""
    answers: datetime
    """Of answers kept for `Idempotency-Key`"""
    deliveries: datetime
    """Of deliveries of webhooks that ended"""


class RetentionNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A need whose time is over, with all that goes with it."""

    id: UUID
    """That of the need"""
    organisation_id: UUID
    """The organisation whose need it is"""
    organisation: str
    """The name of whose it is"""
    ended_at: datetime
    """The moment it was closed or abandoned"""
    last_at: datetime
    """The last thing that happened to it"""
    shortlists: int
    """The number of versions that go with it"""
    exchanges: int
    """The number that go with it"""
    awards: int
    """The number that go with it"""
    meetings: int
    """Those about no other need that is kept"""


class RetentionCount(msgspec.Struct, frozen=True):
    """The number of things of a kind that are due."""

    kind: Kind
    """The kind of thing, as in `bounds`"""
    organisation: str | None
    """The name of whose they are; null: of what all share"""
    count: int
    """The number of things that are due"""
    before: datetime
    """Those that ended at this moment or earlier"""


class RetentionPlan(msgspec.Struct, frozen=True):
    """Things due for removal."""

    at: datetime
    """The moment of the plan"""
    periods: RetentionPeriods
    """Chosen by the operator"""
    bounds: RetentionBounds
    """The moments that these periods give at that moment"""
    needs: Sequence[RetentionNeed]
    """The needs that are due, one by one"""
    others: Sequence[RetentionCount]
    """The other things that are due, by kind"""


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
