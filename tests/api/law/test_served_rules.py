"""The rules as GET /rules serves them, and what becomes of them when somebody edits the file they are in."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from domain.law.rules import LAW_FILE, BrokenLaw, load, parse
from domain.needs.need import Need
from matching.engine import match
from tests.api.law.asking import TODAY, Json, procedures, values
from tests.conftest import ROOT
from tests.factories import live, reference

LAW = LAW_FILE.read_text(encoding="utf-8")
FIELDS = {
    "id",
    "theme",
    "article",
    "value",
    "unit",
    "valid_from",
    "valid_until",
    "status",
    "source",
    "concession_article",
    "confidence",
    "message",
    "explanation",
}


async def rules(client: AsyncTestClient[Any], on: date, language: str = "fr") -> list[Json]:
    items: list[Json] = (await client.get(f"/rules?on={on}", headers={"Accept-Language": language})).json()["items"]
    return items


@pytest.mark.parametrize("on", [date(2019, 6, 1), date(2022, 10, 20), date(2022, 10, 21), TODAY, date(2028, 1, 1)])
async def test_rules_in_force_are_those_of_the_day(client: AsyncTestClient[Any], on: date) -> None:
    """Each with all its fields; with a value; in the period that its own history holds for the day."""
    items = await rules(client, on)
    assert len({rule["id"] for rule in items}) == len(items) > 60
    for rule in items:
        assert rule.keys() == FIELDS
        assert rule["value"] is not None
        assert rule["status"] == "in_force"
        assert rule["source"]
        assert (rule["valid_from"] or "0") <= str(on) <= (rule["valid_until"] or "9")
        assert (rule["article"] is None) <= (rule["theme"] == "counsel")
        assert rule in (await client.get(f"/rules/{rule['id']}")).json()["items"]


async def test_a_rule_appears_on_its_first_day(client: AsyncTestClient[Any]) -> None:
    """Before it, nothing speaks of the article that creates prison reservations."""
    for on, expected in (
        (date(2022, 10, 20), set()),
        (
            date(2022, 10, 21),
            {"reserved_penitentiary", "penitentiary_execution", "kinds_penitentiary", "penitentiary_site_segments"},
        ),
    ):
        assert {rule["id"] for rule in await rules(client, on) if rule["article"] == "L2113-13-1"} == expected


async def test_an_amount_changes_on_its_day(client: AsyncTestClient[Any]) -> None:
    for on, amount in ((date(2026, 3, 31), 40_000), (date(2026, 4, 1), 60_000)):
        (rule,) = (rule for rule in await rules(client, on) if rule["id"] == "direct_award_supplies_services")
        assert rule["value"] == amount


async def test_rules_in_english(client: AsyncTestClient[Any]) -> None:
    for fr, en in zip(await rules(client, TODAY), await rules(client, TODAY, "en"), strict=True):
        assert fr["message"] != en["message"]
        assert fr | {"message": None} == en | {"message": None}


@pytest.mark.parametrize("on", ["2026-02-30", "today", ""])
async def test_a_day_that_does_not_exist_is_refused(client: AsyncTestClient[Any], on: str) -> None:
    assert (await client.get(f"/rules?on={on}")).status_code == 422


def bounds() -> Iterator[tuple[re.Match[str], bool]]:
    """Every date of the file, and whether it begins a rule, before which nothing is claimed."""
    for block in re.finditer(r"periods = \[(.*?)\n\]", LAW, re.DOTALL):
        dates = re.compile(r"valid_(from|until) = (\d{4}-\d\d-\d\d)")
        for place, found in enumerate(dates.finditer(LAW, block.start(), block.end())):
            yield found, place == 0 and found[1] == "from"


@pytest.mark.parametrize("days", [-1, 1])
def test_a_date_moved_by_a_day_breaks_an_interval(days: int) -> None:
    """Wherever two periods of the real file meet, and the message names the days."""
    meeting = [found for found, begins in bounds() if not begins]
    assert len(meeting) > 100
    for found in meeting:
        moved = date.fromisoformat(found[2]) + timedelta(days=days)
        with pytest.raises(BrokenLaw, match=r"\d{4}-\d\d-\d\d"):
            parse((LAW[: found.start(2)] + moved.isoformat() + LAW[found.end(2) :]).encode())


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

    assert procedures(values(300_000), date(2028, 1, 1)) == []
    assert "MAPA" in told(218_999.99)
    assert "PROC_FORMALISEE" in told(219_000)
    assert changed.rules.version != load().version
