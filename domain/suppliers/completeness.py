"""Gaps and expired approvals of a record, for whoever looks after its source."""

from collections.abc import Iterable
from datetime import date

from domain.suppliers.supplier import Approval, Flag, Kind, Placement, SupplierRecord

NO_SIRET, NO_EMAIL = "no_siret", "no_email"
NO_FLAGS = frozenset((NO_SIRET, NO_EMAIL))
"""Gaps that are no flags: many records have none of these for good reasons."""


def shortcomings(record: SupplierRecord, placement: Placement) -> list[str]:
    """The codes of the record's gaps (`no_siret`, `no_email`) and of its flags, each once and sorted."""
    found = {flag.code for flag in placement.flags}
    expected = ((NO_SIRET, record.siret), (NO_EMAIL, record.contact.email if record.contact else None))
    return sorted(found | {code for code, known in expected if not (known and known.strip())})


def approved_until(approvals: Iterable[Approval] | None) -> date | None:
    """The last day on which no kind has expired; None: none of them will."""
    return min(_last_days(approvals).values(), default=None) if approvals else None


def expired(approvals: Iterable[Approval] | None, on: date) -> tuple[Flag, ...]:
    """`approval_expired` for each kind all of whose approvals ended before `on`, with the last day of the last one.

    An older period that a later one follows has not expired, nor has one that is still to begin.
    """
    ended = ((kind, last) for kind, last in _last_days(approvals).items() if last < on)
    return tuple(Flag("approval_expired", f"{kind} {last.isoformat()}") for kind, last in ended)


def _last_days(approvals: Iterable[Approval] | None) -> dict[Kind, date]:
    """The last day of each kind that has one."""
    last: dict[Kind, date] = {}
    for approval in approvals or ():
        last[approval.kind] = max(approval.valid_until or date.max, last.get(approval.kind, date.min))
    return {kind: day for kind, day in last.items() if day != date.max}
