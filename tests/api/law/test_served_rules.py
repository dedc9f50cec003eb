"""The rules as GET /rules serves them, and what becomes of them when somebody edits the file they are in."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from domain.law.rules import LAW_FILE, load, parse
from domain.needs.need import Need
from matching.engine import match
from tests.api.law.asking import TODAY, Json, ask, by_code, values
from tests.conftest import ROOT
from tests.factories import live, reference

LAW = LAW_FILE.read_text(encoding="utf-8")
FIELDS = """id theme article concession_article value unit valid_from valid_until status source confidence
quote quote_from stood_since version url"""


async def rules(client: AsyncTestClient[Any], on: date, language: str = "fr") -> list[Json]:
    items: list[Json] = (await client.get(f"/rules?on={on}", headers={"Accept-Language": language})).json()["items"]
    return items


@pytest.mark.parametrize("on", [date(2019, 6, 1), date(2022, 10, 20), date(2022, 10, 21), TODAY, date(2028, 1, 1)])
async def test_rules_in_force_are_those_of_the_day(client: AsyncTestClient[Any], on: date) -> None:
    """Each with all its fields; with a value; in the period that its own history holds for the day."""
    items = await rules(client, on)
    assert len({rule["id"] for rule in items}) == len(items) > 60
    for rule in items:
        assert rule.keys() == {*FIELDS.split(), "message", "explanation"}
        assert rule["value"] is not None
        assert rule["status"] == "in_force"
        assert rule["source"]
        assert (rule["valid_from"] or "0") <= str(on) <= (rule["valid_until"] or "9")
        assert (rule["article"] is None) <= (rule["theme"] == "counsel")
        assert rule in (await client.get(f"/rules/{rule['id']}")).json()["items"]


async def test_the_day_and_the_language_are_those_asked_for(app: Litestar, client: AsyncTestClient[Any]) -> None:
    """Without a date, the day it is in France: at half past eleven in the evening UTC, tomorrow."""
    for fr, en in zip(await rules(client, TODAY), await rules(client, TODAY, "en"), strict=True):
        assert fr["message"] != en["message"]
        assert fr | {"message": None} == en | {"message": None}
    for nonsense in ("2026-02-30", "today", ""):
        assert (await client.get(f"/rules?on={nonsense}")).status_code == 422
    services = app.state.services
    before, services.now = services.now, lambda: datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    try:
        assert (await client.get("/rules")).json()["on"] == "2026-11-25"
    finally:
        services.now = before


async def test_one_rule_through_time(client: AsyncTestClient[Any]) -> None:
    """Oldest period first; that the law had no such rule is not that nobody knows; an unknown rule is 404."""
    names = "reserved_penitentiary", "eu_local", "ess_award_bar_months"
    penitentiary, local, bar = [(await client.get(f"/rules/{name}")).json()["items"] for name in names]
    for periods in (penitentiary, local, bar):
        assert periods == sorted(periods, key=lambda period: period["valid_from"] or "")
    assert [period["status"] for period in penitentiary] == ["absent", "in_force"]
    assert local[-1] | {"status": "unknown", "value": None} == local[-1]
    # also of one that only past awards bring into play
    assert len(bar) > 1
    assert all("previous 36 months" in period["explanation"] for period in bar)
    assert (await client.get("/rules/no_such_rule")).status_code == 404


def test_a_jurist_changes_a_threshold_by_the_rows_that_contributing_shows() -> None:
    """The example of CONTRIBUTING.md, put in place of the row that says nothing is known, is the law of 2028."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"```toml\n(\{valid_from = 2028-01-01.*?)```", guide, re.DOTALL)
    assert shown is not None
    start = LAW.index("{valid_from = 2028-01-01", LAW.index('id = "eu_local"'))
    edited = LAW[:start] + shown[1] + LAW[LAW.index("\n", start) :]
    changed = replace(reference(), rules=parse(edited.encode()))

    def told(value: float) -> set[str]:
        asked = msgspec.convert(values(value), Need)
        return {advice.code for advice in match(asked, live(), changed, date(2028, 1, 1), "fr").advice}

    assert "THRESHOLD_UNKNOWN" in by_code(ask(values(300_000), on=date(2028, 1, 1))["advice"])
    assert "MAPA" in told(218_999.99)
    assert "PROC_FORMALISEE" in told(219_000)
    assert changed.rules.version != load().version
