"""`vivier audit verify` beside a running server."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from api.commands.database import attached
from api.settings import read_settings
from db.core.engine import engine, transaction
from tests.api.commands.conftest import Server, Within, environment, vivier

NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'


@pytest.fixture
def organisation(server: Server, within: Within) -> Iterator[str]:
    """An organisation with a journal of three entries: its key, and a need with its shortlist. Mended afterwards."""
    name = f"Hôpital {uuid4().hex}"
    create = ("keys", "create", "--name", "Achats", "--organisation", name, "--scope", "needs")
    key = within(*create).out.splitlines()[-1]
    assert server.ask("POST", "/needs", NEED, key=key).status == 201
    yield name
    tamper(server, "DELETE FROM audit_entries", name)


def tamper(server: Server, statement: str, organisation: str) -> None:
    """Do it to the organisation's entries, as a superuser may, who can take the guard off."""
    own = "organisation_id = (SELECT id FROM organisations WHERE name = :name)"

    async def work(url: str) -> None:
        async with transaction(engine(url, pool_size=0)) as connection:
            await connection.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER append_only"))
            joined = f"{statement} {'AND' if ' WHERE ' in statement else 'WHERE'} {own}"
            await connection.execute(text(joined), {"name": organisation})
            await connection.execute(text("ALTER TABLE audit_entries ENABLE TRIGGER append_only"))

    with attached(read_settings(environment(server.home))) as url:
        asyncio.run(work(url))


def verdict(within: Within, organisation: str, *more: str, status: int = 0) -> dict[str, Any]:
    done = within("audit", "verify", "--json", "--organisation", organisation, *more)
    assert done.status == status, done.err
    (found,) = json.loads(done.out)
    told: dict[str, Any] = found
    return told


def test_an_intact_journal_is_said_to_be(server: Server, within: Within, organisation: str) -> None:
    """With an anchor that holds: for the same journal, and for what it becomes."""
    found = verdict(within, organisation)
    assert (found["status"], found["number"], found["breaks"]) == ("intact", 3, [])
    within("keys", "create", "--name", "n", "--organisation", organisation, "--scope", "needs")
    longer = verdict(within, organisation, "--anchor", found["anchor"])
    assert (longer["status"], longer["number"]) == ("intact", 4)

    by_id = vivier(server.home, "audit", "verify", "--organisation", found["organisation_id"])
    assert (by_id.returncode, by_id.stderr) == (0, "")
    assert f"{organisation}: 4 entries, intact" in by_id.stdout
    assert longer["anchor"] in by_id.stdout
    assert within("audit", "verify").status == 0


@pytest.mark.parametrize(
    ("statement", "code", "said"),
    [
        ("UPDATE audit_entries SET action = 'need.changed' WHERE number = 2", "altered_entry", "entry 2 is not what"),
        ("DELETE FROM audit_entries WHERE number = 2", "gap", "entry 2 is missing before entry 3"),
        ("UPDATE audit_entries SET hash = '\\x00' WHERE number = 2", "broken_link", "the hash of entry 2"),
    ],
)
def test_what_was_done_to_it_is_found(
    server: Server, within: Within, organisation: str, statement: str, code: str, said: str
) -> None:
    """Status 1, and where it is; the journals of others are not blamed."""
    tamper(server, statement, organisation)
    found = verdict(within, organisation, status=1)
    assert (found["status"], [each["code"] for each in found["breaks"]]) == ("broken", [code])
    done = within("audit", "verify")
    assert done.status == 1
    assert said in done.out
    assert done.out.count("broken\n") == 1


def test_an_end_that_was_cut_off_is_told_by_the_anchor_alone(server: Server, within: Within, organisation: str) -> None:
    anchor = verdict(within, organisation)["anchor"]
    tamper(server, "DELETE FROM audit_entries WHERE number = 3", organisation)
    assert verdict(within, organisation)["status"] == "intact"
    assert verdict(within, organisation, "--anchor", anchor, status=1)["breaks"][0]["code"] == "lost_anchor"
    assert "entry 3 was noted and is cut off" in within("audit", "verify", "--anchor", anchor).out


def test_what_cannot_be_understood_is_a_slip(within: Within, organisation: str) -> None:
    assert within("audit", "verify", "--organisation", "nobody").status == 2
    assert within("audit", "verify", "--anchor", f"{organisation}:3:abc").status == 2
    assert within("audit", "verify", "--anchor", f"nobody:3:{'0' * 64}").status == 2
