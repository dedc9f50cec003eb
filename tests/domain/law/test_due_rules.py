"""What a maintainer of the law is told to look at, and when."""

from datetime import date, datetime, tzinfo

import pytest

from domain.law.due_rules import due_lines, due_rules
from domain.law.rules import Rules, load, parse
from tests import conftest

RULE = """
vintage = 2026-11-26
[[rule]]
id = "{id}"
theme = "thresholds"
article = "R1"
unit = "eur"
message.fr = "Plafond de {{value}}"
message.en = "Ceiling of {{value}}"
periods = [{periods}]
"""
CHANGE = (
    "{valid_until=2026-12-31, value=100000, source='s', confidence='high'},"
    "{valid_from=2027-01-01, value=140000, source='read the law', confidence='low'}"
)
CHECK = "{value=1, source='s', confidence='high', check_by=2026-12-15}"


def rules(*periods: str) -> Rules:
    blocks = [RULE.format(id=f"rule_{place}", periods=text) for place, text in enumerate(periods)]
    return parse("".join([blocks[0], *(block.replace("vintage = 2026-11-26", "") for block in blocks[1:])]).encode())


def told(law: Rules, on: date, within: int = 90) -> list[str]:
    return [due_lines(each, on)[0] for each in due_rules(law, on, within)]


@pytest.mark.parametrize(("on", "expected"), [(date(2026, 10, 2), 0), (date(2026, 10, 3), 1), (date(2027, 1, 1), 0)])
def test_a_change_is_due_from_ninety_days_before_it(on: date, expected: int) -> None:
    """Once the day has come, the rule is what it says."""
    assert len(told(rules(CHANGE), on)) == expected


@pytest.mark.parametrize(("on", "expected"), [(date(2026, 9, 15), 0), (date(2026, 9, 16), 1), (date(2030, 1, 1), 1)])
def test_what_is_to_be_checked_stays_due_until_it_is_done(on: date, expected: int) -> None:
    assert len(told(rules(CHECK), on)) == expected


def test_a_check_of_a_period_that_is_over_is_history() -> None:
    law = rules(CHANGE.replace("confidence='high'", "confidence='high', check_by=2026-12-01"))
    assert len(told(law, date(2026, 12, 31))) == 2
    assert told(law, date(2027, 1, 1)) == []


def test_each_says_what_changes_and_where_to_look_earliest_first() -> None:
    on = date(2026, 11, 26)
    first, second = due_rules(rules(CHANGE, CHECK), on, 90)
    assert due_lines(first, on)[0] == "2026-12-15  rule_1: check by 2026-12-15, now €1"
    assert due_lines(second, on) == (
        "2027-01-01  rule_0: on 2027-01-01: €100,000 → €140,000",
        "            R1; confidence high → low; read the law",
    )
    assert due_lines(first, date(2026, 12, 16))[0] == "2026-12-15  rule_1: check by 2026-12-15 (past), now €1"


def test_a_period_that_begins_and_is_to_be_checked_is_told_once() -> None:
    law = rules(CHANGE.replace("confidence='low'", "confidence='low', check_by=2026-12-15"))
    line = "2026-12-15  rule_0: check by 2026-12-15, on 2027-01-01: €100,000 → €140,000"
    assert told(law, date(2026, 11, 26)) == [line]


def test_the_end_of_the_calendar_is_no_failure() -> None:
    assert told(rules(CHANGE), date.max) == []


def test_what_is_due_in_november_2026() -> None:
    """The works threshold, the two readings of innovation, the EITI experiment and the steps of 2027."""
    due = {each.row.id: each for each in due_rules(load(), date(2026, 11, 26), 90)}
    assert {
        "direct_award_works",
        "direct_award_lot_works",
        "innovative_need",
        "innovative_lot_works",
        "simplification_law",
        "eiti_experiment",
        "agec_furniture_reuse",
    } <= due.keys()
    assert (due["eiti_experiment"].row.check_by, due["eiti_experiment"].row.valid_from) == (
        date(2026, 12, 8),
        date(2026, 12, 23),
    )
    assert "€100,000 → €140,000" in due_lines(due["direct_award_works"], date(2026, 11, 26))[0]
    assert "eu_local" not in due
    assert "eu_local" in {each.row.id for each in due_rules(load(), date(2027, 10, 1), 90)}


class Terminal:
    """As much of pytest's reporter as the summary needs."""

    def __init__(self, nodeid: str) -> None:
        report = type("Report", (), {"nodeid": nodeid})
        self.stats = {"passed": [report()]}
        self.lines: list[str] = []

    def section(self, title: str) -> None:
        self.lines.append(title)

    def write_line(self, line: str) -> None:
        self.lines.append(line)


class Clock:
    """A clock that stands still."""

    @staticmethod
    def now(_: tzinfo) -> datetime:
        return datetime(2026, 11, 26)  # noqa: DTZ001


def test_runs_of_these_tests_end_with_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other runs say nothing of it."""
    monkeypatch.setattr(conftest, "datetime", Clock)
    monkeypatch.setattr(conftest, "load", lambda: rules(CHANGE))
    here, elsewhere = (
        Terminal("tests/domain/law/test_due_rules.py::test"),
        Terminal("tests/matching/test_engine.py::test"),
    )
    for terminal in (here, elsewhere):
        conftest.pytest_terminal_summary(terminal)  # type: ignore[arg-type]
    assert elsewhere.lines == []
    assert here.lines == [
        "rules of law to look at (see `vivier law due`)",
        "2027-01-01  rule_0: on 2027-01-01: €100,000 → €140,000",
    ]
