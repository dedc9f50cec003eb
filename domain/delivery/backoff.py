"""When what could not be delivered is attempted again, and when it is given up."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

DeliveryStatus = Literal["waiting", "delivered", "given_up", "cancelled"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Growing pauses between attempts, for so many attempts and so long.

    The first pause is `first`, each later one `factor` times the one before, none longer than `longest`. After
    `attempts` attempts, or where the next one would be more than `age` after it was queued, a delivery is given up.
    """

    first: timedelta
    factor: float
    longest: timedelta
    attempts: int
    age: timedelta

    def pause(self, attempts: int, jitter: float = 0.0) -> timedelta:
        """How long to wait after that many attempts (from 1), lengthened by the share `jitter`.

        A jitter that differs from one delivery to the next keeps those that failed together from coming back together.
        """
        pause = self.first
        for _ in range(attempts - 1):
            if pause >= self.longest:
                break
            pause *= self.factor
        return min(pause, self.longest) * (1 + jitter)

    def due_again(
        self,
        attempts: int,
        queued_at: datetime,
        now: datetime,
        *,
        jitter: float = 0.0,
        asked: timedelta = timedelta(0),
    ) -> datetime | None:
        """When to attempt it again after that many attempts, all of which failed; None: it is given up.

        `asked`: the pause the receiver asked for; a longer one than `longest` is not granted.
        """
        due = now + max(self.pause(attempts, jitter), min(asked, self.longest))
        return due if attempts < self.attempts and due - queued_at <= self.age else None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt.

    `failure`: a stable word for why it failed; None: it was delivered. `code`: what the receiver answered (an HTTP or
    SMTP status), if it did. `final`: it would fail again however often it were attempted. `pause`: how long the
    receiver asked to be left alone.
    """

    failure: str | None = None
    code: int | None = None
    final: bool = False
    pause: timedelta = timedelta(0)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that ended at `at`, and what is to become of the delivery: `due_at` where it is attempted again."""

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
    """What is to become of a delivery after its attempt number `attempts`, whose start and end are `moments`."""
    started_at, at = moments
    if outcome.failure is None:
        return Result(outcome=outcome, status="delivered", due_at=None, started_at=started_at, at=at)
    due = None if outcome.final else schedule.due_again(attempts, queued_at, at, jitter=jitter, asked=outcome.pause)
    status: DeliveryStatus = "waiting" if due else "given_up"
    return Result(outcome=outcome, status=status, due_at=due, started_at=started_at, at=at)
