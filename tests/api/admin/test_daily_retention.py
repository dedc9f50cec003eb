"""What has been kept for its time goes by itself where that is asked for, and only then."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from api.admin import daily_retention
from api.admin.daily_retention import remove_due
from api.runtime.auth import Keys
from api.runtime.metrics import Metrics
from api.runtime.services import Services
from api.settings import BadSetting, Settings, read_settings
from db.core.engine import Engine, Subject, lock, transaction
from db.schema.need_tables import needs
from matching.reference import Reference
from tests.db.exchanges.samples import exchange
from tests.db.suppliers.samples import NOW

LONG_AFTER = NOW + timedelta(days=6 * 366)


async def ended(engine: Engine) -> UUID:
    """A need that ended long ago."""
    need_id = (await exchange(engine)).need_id
    async with transaction(engine) as connection:
        query = text("UPDATE needs SET status = 'closed', ended_at = :now WHERE id = :id")
        await connection.execute(query, {"now": NOW, "id": need_id})
    return need_id


@pytest.fixture
def services(engine: Engine, tmp_path: Path, reference: Reference) -> Services:
    known = Services(
        settings=Settings(home=tmp_path, retention="daily"),
        reference=reference,
        metrics=Metrics(),
        keys=Keys(None, 0.0),
        engine=engine,
    )
    known.now = lambda: LONG_AFTER
    return known


async def left(engine: Engine) -> list[UUID]:
    async with transaction(engine) as connection:
        return list((await connection.execute(select(needs.c.id))).scalars())


async def test_what_is_due_goes_and_what_is_spared_stays(engine: Engine, services: Services, tmp_path: Path) -> None:
    gone, spared = await ended(engine), await ended(engine)
    services.settings = Settings(home=tmp_path, retention="daily", retention_spare=(spared,))
    done = await remove_due(services)
    assert done is not None
    assert [each.id for each in done.needs] == [gone]
    assert await left(engine) == [spared]
    async with transaction(engine) as connection:
        noted = await connection.execute(text("SELECT object, means FROM audit_entries WHERE action = 'need.purged'"))
        assert noted.all() == [(f"need:{gone}", "server")]


async def test_one_process_does_it_at_a_time(engine: Engine, services: Services) -> None:
    need = await ended(engine)
    async with transaction(engine) as connection:
        await lock(connection, Subject.IMPORT, "retention")
        assert await remove_due(services) is None
    assert await left(engine) == [need]


@pytest.mark.parametrize(("retention", "runs"), [("daily", 1), ("manual", 0)])
async def test_a_server_does_it_where_it_is_asked_to(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retention: Any, runs: int
) -> None:
    """At its start, and it goes on when that fails."""
    services.settings = Settings(home=tmp_path, retention=retention)
    seen: list[Services] = []

    async def fail(given: Services) -> None:
        seen.append(given)
        raise OSError

    monkeypatch.setattr(daily_retention, "remove_due", fail)
    async with daily_retention.daily_retention(services):
        await asyncio.sleep(0)
    assert seen == [services] * runs


@pytest.mark.parametrize("text", ["weekly", "on"])
def test_another_word_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="manual, daily"):
        read_settings({"VIVIER_RETENTION": text})


def test_ids_are_separated_by_commas() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert read_settings({"VIVIER_RETENTION_SPARE": f"{one}, {two}"}).retention_spare == (one, two)
    with pytest.raises(BadSetting, match="VIVIER_RETENTION_SPARE"):
        read_settings({"VIVIER_RETENTION_SPARE": "need"})
