"""The rules that change soon, and those that a maintainer should look at again."""

from datetime import date, timedelta
from itertools import pairwise

import msgspec

from domain.law.rules import RuleRow, Rules, state

LONG_LIST = 4


class DueRule(msgspec.Struct, frozen=True):
    """A period of a rule to look at by `day`, the first of the day it begins and its `check_by`.

    `before`: the period that it follows, or the period itself where it is in force already.
    """

    day: date
    before: RuleRow
    row: RuleRow


def due_rules(rules: Rules, on: date, within: int) -> tuple[DueRule, ...]:
    """The periods that begin, or whose `check_by` comes, at most `within` days after `on`, earliest first.

    A `check_by` that has passed stays due until its period is over.
    """
    last = on + timedelta(days=min(within, (date.max - on).days))
    found = []
    for rule_id in rules.ids:
        history = rules.history(rule_id)
        for before, row in pairwise((history[0], *history)):
            if row.valid_until is not None and row.valid_until < on:
                continue
            begins = row.valid_from if row.valid_from and row.valid_from > on else None
            days = [day for day in (begins, row.check_by) if day is not None and day <= last]
            if days:
                found.append(DueRule(min(days), before if begins else row, row))
    return tuple(sorted(found, key=lambda due: due.day))


def due_lines(due: DueRule, on: date) -> tuple[str, str]:
    """Two lines on what is due: the day, the rule and its change; then its article, confidence and source."""
    row, now = due.row, _value(due.before)
    parts = []
    if row.check_by is not None:
        parts.append(f"check by {row.check_by}" + (" (past)" if row.check_by < on else ""))
    if due.before is row:
        parts.append(f"now {now}")
    else:
        parts.append(f"on {row.valid_from}: {now} → {_value(row)}")
    surer = "" if due.before.confidence == row.confidence else f"{due.before.confidence} → "
    about = (row.article, f"confidence {surer}{row.confidence}", row.source)
    return f"{due.day}  {row.id}: {', '.join(parts)}", f"            {'; '.join(filter(None, about))}"


def _value(row: RuleRow) -> str:
    """The value as a maintainer reads it, in English; of a long list its length."""
    found = state(row, LONG_LIST)
    return found.en if found else f"{len(row.value) if isinstance(row.value, tuple) else 0} codes"
