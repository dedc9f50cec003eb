"""The rules as readers browse them, the guide for buyers, and what a maintainer is told to look at, and when."""

import re
from datetime import date, datetime
from unittest.mock import Mock, call

import msgspec
import pytest

from api.commands.law import due_lines, due_rules
from domain.errors import NotFound
from domain.law import documents
from domain.law.documents import explanations_by_rule
from domain.law.law_files import LawFile
from domain.law.rules import LAW_FILE, Rules, load
from tests import conftest
from tests.conftest import ROOT
from tests.domain.law.samples import rule, rules

PAGE, GUIDE = ROOT / "docs" / "law.md", ROOT / "docs" / "achat.md"


def test_every_rule_is_applied_by_a_function_or_said_to_be_informative() -> None:
    """No number sits in the file without effect, and no function applies a rule that is not there."""
    informative = {
        rule.id for rule in msgspec.toml.decode(LAW_FILE.read_bytes(), type=LawFile).rule if rule.informative
    }
    applied = set(explanations_by_rule(load()))
    assert applied | informative == set(load().ids)
    assert not applied & informative


def test_no_article_of_the_code_is_served_as_law_before_the_code() -> None:
    """The Code de la commande publique is in force from 2019-04-01; before, articles are those of older texts."""
    of_the_code = re.compile(r"[LR](3|\d{4}-\d+(-\d+)?)")
    law = load()
    for row in (row for rule_id in law.ids for row in law.history(rule_id)):
        if row.status == "in_force" and row.article and of_the_code.fullmatch(row.article):
            assert row.valid_from is not None, row.id
            assert row.valid_from >= date(2019, 4, 1), row.id


def test_history_shows_every_period_and_its_explanation() -> None:
    """What held, from when to when; `GET /rules/{id}` answers 404 for an unknown one."""
    rows = documents.documents_of_rule(load(), "direct_award_supplies_services", "en")
    assert [row.value for row in rows] == [None, 25_000, 25_000, 25_000, 40_000, 60_000]
    assert [str(row.valid_from) for row in rows[-2:]] == ["2020-01-01", "2026-04-01"]
    assert (
        rows[-1].message == "Supplies and services: no publicity or competition below €60,000 excluding tax (R2122-8)"
    )
    assert "Below the amount of the date" in (rows[-1].explanation or "")
    with pytest.raises(NotFound):
        documents.documents_of_rule(load(), "nothing", "fr")


CHANGE = (
    "{valid_until=2026-12-31, value=100000, source='s', confidence='high'},"
    "{valid_from=2027-01-01, value=140000, source='read the law', confidence='low'}"
)
CHECK = "{value=1, source='s', confidence='high', check_by=2026-12-15}"


def dated(*periods: str) -> Rules:
    """A rule for each of these lists of periods, called rule_0, rule_1 and so on."""
    return rules(*(rule(each, name=f"rule_{place}") for place, each in enumerate(periods)))


def told(law: Rules, on: date, within: int = 90) -> list[str]:
    return [due_lines(each, on)[0] for each in due_rules(law, on, within)]


def test_what_is_due_from_when_to_when() -> None:
    """A change from ninety days before its day; a check until it is done."""
    for on, expected in [(date(2026, 10, 2), 0), (date(2026, 10, 3), 1), (date(2027, 1, 1), 0)]:
        assert len(told(dated(CHANGE), on)) == expected
    for on, expected in [(date(2026, 9, 15), 0), (date(2026, 9, 16), 1), (date(2030, 1, 1), 1)]:
        assert len(told(dated(CHECK), on)) == expected
    on = date(2026, 11, 26)
    first, second = due_rules(dated(CHANGE, CHECK), on, 90)
    assert due_lines(first, on)[0] == "2026-12-15  rule_1: check by 2026-12-15, now €1"
    assert due_lines(second, on) == (
        "2027-01-01  rule_0: on 2027-01-01: €100,000 → €140,000",
        "            R1; confidence high → low; read the law",
    )
    assert due_lines(first, date(2026, 12, 16))[0] == "2026-12-15  rule_1: check by 2026-12-15 (past), now €1"
    law = dated(CHANGE.replace("confidence='low'", "confidence='low', check_by=2026-12-15"))
    line = "2026-12-15  rule_0: check by 2026-12-15, on 2027-01-01: €100,000 → €140,000"
    assert told(law, date(2026, 11, 26)) == [line]
    law = dated(CHANGE.replace("confidence='high'", "confidence='high', check_by=2026-12-01"))
    assert len(told(law, date(2026, 12, 31))) == 2
    assert told(law, date(2027, 1, 1)) == []
    assert told(dated(CHANGE), date.max) == []


def test_runs_of_these_tests_end_with_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other runs say nothing of it."""
    monkeypatch.setattr(conftest, "datetime", Mock(now=lambda _: datetime(2026, 11, 26)))  # noqa: DTZ001
    monkeypatch.setattr(conftest, "load", lambda: dated(CHANGE))
    for path, calls in (
        ("tests/matching/test_engine.py", []),
        (
            "tests/domain/law/test_documents.py",
            [
                call.section("rules of law to look at (see `vivier law due`)"),
                call.write_line("2027-01-01  rule_0: on 2027-01-01: €100,000 → €140,000"),
            ],
        ),
    ):
        terminal = Mock(stats={"passed": [Mock(nodeid=f"{path}::test")]})
        conftest.pytest_terminal_summary(terminal)
        assert terminal.mock_calls == calls
