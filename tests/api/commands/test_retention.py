"""`vivier retention` beside a running server."""

import asyncio
import json
from uuid import UUID

import pytest
from sqlalchemy import text

from api.commands.database import attached
from api.settings import read_settings
from db.core.engine import engine, transaction
from tests.api.commands.conftest import ADMIN_KEY, Server, Within, decoded, environment, vivier

NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'


@pytest.fixture
def old(server: Server) -> str:
    """A need that was abandoned ten years ago."""
    need: str = decoded(server.ask("POST", "/needs", NEED))["need"]["id"]
    headers = {"Content-Type": "application/merge-patch+json"}
    assert server.ask("PATCH", f"/needs/{need}", b'{"status":"abandoned"}', ADMIN_KEY, **headers).status == 200

    async def work(url: str) -> None:
        async with transaction(engine(url, pool_size=0)) as connection:
            ago = text("UPDATE needs SET ended_at = now() - interval '10 years' WHERE id = :id")
            await connection.execute(ago, {"id": UUID(need)})

    with attached(read_settings(environment(server.home))) as url:
        asyncio.run(work(url))
    return need


def test_what_is_shown_is_removed_once_somebody_agrees(server: Server, within: Within, old: str) -> None:
    shown = within("retention", "show")
    assert shown.status == 0
    assert f"need:{old} (default)" in shown.out
    assert "would be removed" in shown.out
    refused = vivier(server.home, "retention", "purge", stdin="")
    assert (refused.returncode, "nothing was removed" in refused.stderr) == (1, True)
    assert server.ask("GET", f"/needs/{old}").status == 200

    done = vivier(server.home, "retention", "purge", stdin="yes\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert server.ask("GET", f"/needs/{old}").status == 404
    journal = decoded(server.ask("GET", f"/audit?object=need:{old}"))["items"]
    assert (journal[-1]["action"], journal[-1]["means"]) == ("need.purged", "command")
    assert within("audit", "verify").status == 0


def test_a_need_is_spared_or_kept_longer(
    server: Server, within: Within, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def due(*more: str) -> list[str]:
        return [each["id"] for each in json.loads(within("retention", "show", "--json", *more).out)["needs"]]

    assert due() == [old]
    assert due("--spare", old) == []
    monkeypatch.setenv("VIVIER_KEEP_NEEDS_YEARS", "11")
    assert due() == []
    monkeypatch.setenv("VIVIER_KEEP_NEEDS_YEARS", "2")
    assert "VIVIER_KEEP_NEEDS_YEARS" in within("retention", "show").err
    monkeypatch.delenv("VIVIER_KEEP_NEEDS_YEARS")
    done = json.loads(within("retention", "purge", "--yes", "--json").out)
    assert [each["id"] for each in done["needs"]] == [old]
    assert server.ask("GET", f"/needs/{old}").status == 404
