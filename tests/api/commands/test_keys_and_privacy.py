"""`vivier keys`, `privacy` and `retention` beside a running server, and what that server's log says of whom."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.commands.conftest import ADMIN_KEY, Server, Within, decoded, in_database, until

NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'


def test_the_life_of_a_key(server: Server, within: Within) -> None:
    """Created, used at once, listed without its secret, revoked, refused."""
    create = ("keys", "create", "--name", "Achats", "--organisation", "Ville [de] Rennes", "--scope", "match")
    key = within(*create).out.splitlines()[-1]
    assert server.ask("POST", "/match", NEED, key=key).status == 200
    listed = within("keys", "list").out
    assert "Achats" in listed
    assert key not in listed
    assert within("keys", "revoke", key[:15]).status == 0
    assert server.ask("POST", "/match", NEED, key=key).status == 401
    assert within("keys", "revoke", key[:15]).status == 1


def test_a_key_may_end_and_have_a_quota_and_sources(within: Within) -> None:
    """The end is that of the day in France; a key that could write nothing, or works no more, is a slip.

    An organisation is named by its id, or a new one by words: else there were two that one id stands for.
    """
    create = ("keys", "create", "--name", "Relais", "--organisation", "o", "--scope")
    assert within(*create, "match", "--expires", "2099-06-30", "--rate", "600").status == 0
    listed = within("keys", "list").out
    assert "2099-06-30" in listed
    assert "600/min" in listed
    assert within(*create, "sync", "--source", "a").status == 0
    for wrong in (
        ("match", "--expires", "2020-01-01"),
        ("match", "--rate", "0"),
        ("sync",),
        ("match", "--source", "a"),
    ):
        assert within(*create, *wrong).status == 2
    refused = within(*create, "match", "--organisation", "01a21b0d-0723-7687-bfc3-066c8dd7d12f")
    assert (refused.status, "words are expected" in refused.err) == (2, True)


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
    """What cannot be asked is a slip."""
    told = json.loads(within("privacy", "export", "--email", anne.email, "--json").out)
    held = {"contact.email": anne.email, "contact.phone": "02 97 00 00 00", "contact.person": anne.name}
    assert {each["field"]: each["text"] for each in told["holdings"]} == held
    shown = within("privacy", "export", "--name", anne.name)
    assert shown.status == 0
    assert f"record:cli/{anne.family}" in shown.out
    assert anne.name in shown.out
    assert within("privacy", "export").status == 1
    assert within("privacy", "export", "--email", "nobody").status == 1
    assert within("privacy", "erase", "--name", "Anne Le Goff", "--organisation", "unknown", "--yes").status == 2


def test_an_erasure_is_told_and_lasts(anne: Somebody, within: Within) -> None:
    """It shows what it would change first; without a terminal to ask at, it takes nothing for a yes. It is noted."""
    rehearsed = within("privacy", "erase", "--email", anne.email, "--dry-run")
    assert rehearsed.status == 0
    assert "contact.person" in rehearsed.out
    for answer in ("", "no\n"):
        done = within("privacy", "erase", "--email", anne.email, stdin=answer)
        assert (done.status, "nothing was changed" in done.err) == (1, True)
    assert anne.contact["person"] == anne.name
    agreed = within("privacy", "erase", "--email", anne.email, stdin="yes\n")
    assert (agreed.status, agreed.err) == (0, "")
    assert "3 erased" in agreed.out
    (reference,) = re.findall(r"in the journal: person:(\S+)", agreed.out)
    (entry,) = decoded(anne.server.ask("GET", f"/audit?object=person:{reference}"))["items"]
    assert (entry["means"], entry["action"]) == ("command", "person.erased")
    assert entry["detail"] == {"persons": [], "records": 1}
    assert within("audit", "verify").status == 0
    assert anne.put().status == 200
    assert anne.contact == {"email": None, "phone": None, "person": None, "website": None}
    again = json.loads(within("privacy", "erase", "--email", anne.email, "--yes", "--json").out)
    assert (again["changed"], again["reference"]) == ([], None)


def test_no_log_line_says_who(anne: Somebody) -> None:
    """Neither where it is done, nor refused, nor where it fails in the middle."""
    server, who = anne.server, {"email": anne.email, "name": anne.name}

    def ask(**more: Any) -> int:
        return server.ask("POST", "/privacy/erase", json.dumps(who | more).encode()).status

    assert (ask(unknown=1), ask(dry_run=True)) == (422, 200)
    in_database(server, "ALTER TABLE suppressions RENAME TO elsewhere")
    try:
        assert ask() == 500
    finally:
        in_database(server, "ALTER TABLE elsewhere RENAME TO suppressions")
    assert ask() == 200
    # a request is logged once its answer is out
    until(lambda: server.log.count('"/privacy/erase"') >= 4)
    log = server.log
    assert "unhandled exception" in log
    assert anne.family.casefold() not in log.casefold()


def test_what_is_shown_is_removed_once_somebody_agrees(
    server: Server, within: Within, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A need that ended ten years ago, unless it is spared or needs are kept longer."""
    old: str = decoded(server.ask("POST", "/needs", NEED))["need"]["id"]
    headers = {"Content-Type": "application/merge-patch+json"}
    assert server.ask("PATCH", f"/needs/{old}", b'{"status":"abandoned"}', ADMIN_KEY, **headers).status == 200
    in_database(server, "UPDATE needs SET ended_at = now() - interval '10 years' WHERE id = :id", id=UUID(old))

    def due(*more: str) -> list[str]:
        return [each["id"] for each in json.loads(within("retention", "show", "--json", *more).out)["needs"]]

    assert due() == [old]
    assert due("--spare", old) == []
    monkeypatch.setenv("VIVIER_KEEP_NEEDS_YEARS", "11")
    assert due() == []
    monkeypatch.delenv("VIVIER_KEEP_NEEDS_YEARS")
    shown = within("retention", "show")
    assert shown.status == 0
    assert f"need:{old} (default)" in shown.out
    assert "would be removed" in shown.out
    refused = within("retention", "purge", stdin="")
    assert (refused.status, "nothing was removed" in refused.err) == (1, True)
    assert server.ask("GET", f"/needs/{old}").status == 200

    done = within("retention", "purge", stdin="yes\n")
    assert (done.status, done.err) == (0, "")
    assert server.ask("GET", f"/needs/{old}").status == 404
    journal = decoded(server.ask("GET", f"/audit?object=need:{old}"))["items"]
    assert (journal[-1]["action"], journal[-1]["means"]) == ("need.purged", "command")
    assert within("audit", "verify").status == 0
    assert json.loads(within("retention", "purge", "--yes", "--json").out)["needs"] == []
