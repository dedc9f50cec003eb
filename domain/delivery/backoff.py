"""The schedule of attempts: when a failed delivery is attempted again, and when it is given up."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

DeliveryStatus = Literal["waiting", "delivered", "given_up", "cancelled"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Growing pauses between attempts, bounded in number and time.

    The first pause is `first`, each later one `factor` times the one before, none longer than `longest`. A delivery is
    given up after `attempts` attempts, or where the next one would be later than `age` after it was queued.
    """

    first: timedelta
    factor: float
    longest: timedelta
    attempts: int
    age: timedelta

    def pause(self, attempts: int, jitter: float = 0.0) -> timedelta:
        """The pause after that many attempts (from 1), lengthened by the share `jitter`.

        A random jitter keeps deliveries that failed together from coming back together.
        """
        return self.first * min(self.factor ** (attempts - 1), self.longest / self.first) * (1 + jitter)

    def due_again(
        self,
        attempts: int,
        queued_at: datetime,
        now: datetime,
        *,
        jitter: float = 0.0,
        requested: timedelta = timedelta(0),
    ) -> datetime | None:
        """The time of the next attempt after that many failed ones; None: the delivery is given up.

        `requested`: the pause that the receiver asked for, granted up to `longest`.
        """
        due = now + max(self.pause(attempts, jitter), min(requested, self.longest))
        return due if attempts < self.attempts and due - queued_at <= self.age else None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one attempt.

    `failure`: a stable word; None: delivered. `code`: the HTTP or SMTP status of the answer, if there was one. `final`:
    another attempt would fail too. `pause`: the pause that the receiver asked for.
    """

    failure: str | None = None
    code: int | None = None
    final: bool = False
    pause: timedelta = timedelta(0)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that ended at `at`, and the delivery's new status; `due_at` where it is attempted again."""

    outcome: Outcome
    status: DeliveryStatus
    due_at: datetime | None
    started_at: datetime
    at: datetime


def result_of(
    outcome: Outcome,
    schedule: Schedule,
    attempts: int,
    queued_at: datetime,
    moments: tuple[datetime, datetime],
    jitter: float,
) -> Result:
    """The result of attempt number `attempts`, whose start and end are `moments`."""
    started_at, at = moments
    due = None
    if not (outcome.failure is None or outcome.final):
        due = schedule.due_again(attempts, queued_at, at, jitter=jitter, requested=outcome.pause)
    status: DeliveryStatus = "delivered" if outcome.failure is None else "waiting" if due else "given_up"
    return Result(outcome=outcome, status=status, due_at=due, started_at=started_at, at=at)
