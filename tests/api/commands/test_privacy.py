"""`vivier privacy` beside a running server, and what that server's log says of whom."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from api.commands.database import attached
from api.settings import read_settings
from db.core.engine import engine, transaction
from tests.api.commands.conftest import Server, Within, decoded, environment, until, vivier


class Somebody:
    """A contact person of a supplier, whom no other test names."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.family = "Kermarrec" + uuid4().hex[:6].translate(str.maketrans("0123456789", "ghijklmnop"))
        self.name, self.email = f"Anne {self.family}", f"a.{self.family}@esat.example"
        self.path = f"/sources/cli/suppliers/{self.family}"
        self.record = {
            "name": "ESAT du Golfe",
            "contact": {"email": self.email, "phone": "02 97 00 00 00", "person": self.name},
        }
        assert self.put().status == 201

    def put(self) -> Any:
        return self.server.ask("PUT", self.path, json.dumps(self.record).encode())

    @property
    def contact(self) -> dict[str, Any]:
        found: dict[str, Any] = decoded(self.server.ask("GET", self.path))["contact"]
        return found


@pytest.fixture
def anne(server: Server) -> Somebody:
    return Somebody(server)


def test_a_copy_is_written_as_json_or_shown(anne: Somebody, within: Within) -> None:
    told = json.loads(within("privacy", "export", "--email", anne.email, "--json").out)
    assert {each["field"]: each["text"] for each in told["holdings"]} == {
        "contact.email": anne.email,
        "contact.phone": "02 97 00 00 00",
        "contact.person": anne.name,
    }
    shown = within("privacy", "export", "--name", anne.name)
    assert shown.status == 0
    assert f"record:cli/{anne.family}" in shown.out
    assert anne.name in shown.out


def test_nothing_is_erased_before_somebody_agrees(anne: Somebody, within: Within) -> None:
    """It shows what it would change first; without a terminal to ask at, it takes nothing for a yes."""
    rehearsed = within("privacy", "erase", "--email", anne.email, "--dry-run")
    assert rehearsed.status == 0
    assert "contact.person" in rehearsed.out
    for answer in ("", "no\n"):
        done = vivier(anne.server.home, "privacy", "erase", "--email", anne.email, stdin=answer)
        assert (done.returncode, "nothing was changed" in done.stderr) == (1, True)
    assert anne.contact["person"] == anne.name


def test_an_erasure_is_told_and_lasts(anne: Somebody, within: Within) -> None:
    agreed = vivier(anne.server.home, "privacy", "erase", "--email", anne.email, stdin="yes\n")
    assert (agreed.returncode, agreed.stderr) == (0, "")
    assert "3 erased" in agreed.stdout
    assert anne.put().status == 200
    assert anne.contact == {"email": None, "phone": None, "person": None, "website": None}
    again = json.loads(within("privacy", "erase", "--email", anne.email, "--yes", "--json").out)
    assert (again["changed"], again["reference"]) == ([], None)


def test_it_is_noted_in_the_journal(anne: Somebody, within: Within) -> None:
    done = json.loads(within("privacy", "erase", "--name", anne.name, "--yes", "--json").out)
    journal = anne.server.ask("GET", f"/audit?object=person:{done['reference']}")
    (entry,) = decoded(journal)["items"]
    assert (entry["means"], entry["action"], entry["detail"]) == (
        "command",
        "person.erased",
        {"persons": [], "records": 1},
    )
    assert within("audit", "verify").status == 0


def test_what_cannot_be_asked_is_a_slip(within: Within) -> None:
    assert within("privacy", "export").status == 1
    assert within("privacy", "export", "--email", "nobody").status == 1
    assert within("privacy", "erase", "--name", "Anne Le Goff", "--organisation", "unknown", "--yes").status == 2


def test_no_log_line_says_who(anne: Somebody) -> None:
    """Neither where it is done, nor refused, nor where it fails in the middle."""
    server, who = anne.server, {"email": anne.email, "name": anne.name}

    def ask(**more: Any) -> int:
        return server.ask("POST", "/privacy/erase", json.dumps(who | more).encode()).status

    def rename(before: str, after: str) -> None:
        async def work(url: str) -> None:
            async with transaction(engine(url, pool_size=0)) as connection:
                await connection.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))

        with attached(read_settings(environment(server.home))) as url:
            asyncio.run(work(url))

    assert (ask(unknown=1), ask(dry_run=True)) == (422, 200)
    rename("suppressions", "elsewhere")
    try:
        assert ask() == 500
    finally:
        rename("elsewhere", "suppressions")
    assert ask() == 200
    # a request is logged once its answer is out
    until(lambda: server.log.count('"/privacy/erase"') >= 4)
    log = server.log
    assert "unhandled exception" in log
    assert anne.family.casefold() not in log.casefold()
