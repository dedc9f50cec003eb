"""`vivier audit`, `keys`, `people`, `privacy` and `retention` beside a server, and what its log says of whom."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.journal.send_heads import signed_line
from api.journal.signing_key import JournalKey, journal_key
from api.settings import read_settings
from db.core.engine import engine, transaction
from db.journal.entries import journals, write_entry
from domain.journal import Actor, JournalHead, JournalHeads
from tests.api.commands.conftest import ADMIN_KEY, Server, Within, decoded, environment, in_database, until

NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'


@pytest.fixture
def organisation(server: Server, within: Within) -> Iterator[str]:
    """An organisation with a journal of three entries: its key, and a need with its shortlist. Mended afterwards."""
    name = f"Hôpital {uuid4().hex}"
    create = ("keys", "create", "--name", "Achats", "--organisation", name, "--scope", "needs")
    key = within(*create).out.splitlines()[-1]
    assert server.ask("POST", "/needs", NEED, key=key).status == 201
    yield name
    for table in ("needs", "api_keys", "persons", "audit_entries"):
        tamper(server, f"DELETE FROM {table}", name)


def tamper(server: Server, statement: str, organisation: str, table: str = "audit_entries") -> None:
    """Do it to the organisation's entries, as a superuser may, who can take the guard off."""
    own = "organisation_id = (SELECT id FROM organisations WHERE name = :name)"
    joined = f"{statement} {'AND' if ' WHERE ' in statement else 'WHERE'} {own}"
    guard = f"ALTER TABLE {table} {{}} TRIGGER append_only"
    in_database(server, guard.format("DISABLE"))
    in_database(server, joined, name=organisation)
    in_database(server, guard.format("ENABLE"))


def write(server: Server, organisation: str, count: int, signer: Callable[[bytes], bytes] | None) -> None:
    """Write entries that follow the last one, as somebody may who has the database and not the key."""

    async def work(url: str) -> None:
        async with transaction(engine(url, pool_size=0, signer=signer)) as connection:
            (owner,) = (id_ for id_, name in await journals(connection) if name == organisation)
            for _ in range(count):
                await write_entry(connection, Actor(owner, "server"), "need.changed", "need:x", datetime.now(UTC))

    asyncio.run(work(server.database_url))


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

    by_id = within("audit", "verify", "--organisation", found["organisation_id"])
    assert (by_id.status, by_id.err) == (0, "")
    assert f"{organisation}: 4 entries, intact" in by_id.out
    assert longer["anchor"] in by_id.out
    assert within("audit", "verify").status == 0


def test_a_draft_of_a_campaign_that_was_deleted_breaks_nothing(server: Server, within: Within) -> None:
    name = f"CRESS {uuid4().hex}"
    key = within("keys", "create", "--name", "x", "--organisation", name, "--scope", "needs").out.splitlines()[-1]
    asked = {"title": "x", "territory": {"codes": ["commune:29083"]}, "subject": "x", "body": "x"}
    made = server.ask("POST", "/campaigns", json.dumps(asked).encode(), key=key)
    assert server.ask("DELETE", f"/campaigns/{json.loads(made.body)['id']}", key=key).status == 204
    assert verdict(within, name)["breaks"] == []


def test_what_was_done_to_it_is_found(server: Server, within: Within, organisation: str) -> None:
    """Status 1, and where it is; the journals of others are not blamed."""
    for statement, code, said in (
        ("UPDATE audit_entries SET action = 'need.changed' WHERE number = 2", "altered_entry", "entry 2 is not what"),
        ("UPDATE audit_entries SET hash = '\\x00' WHERE number = 2", "altered_entry", "entry 2 is not what"),
        ("DELETE FROM audit_entries WHERE number = 2", "gap", "entry 2 is missing before entry 3"),
    ):
        tamper(server, statement, organisation)
        found = verdict(within, organisation, status=1)
        assert (found["status"], code in {each["code"] for each in found["breaks"]}) == ("broken", True)
        done = within("audit", "verify")
        assert done.status == 1
        assert said in done.out
        assert done.out.count("broken\n") == 1


def test_what_no_entry_shows_is_found(server: Server, within: Within, organisation: str) -> None:
    """An end that was cut off by the anchor alone; a shortlist that was altered, since each entry binds its content."""
    within("keys", "create", "--name", "n", "--organisation", organisation, "--scope", "needs")
    anchor = verdict(within, organisation)["anchor"]
    tamper(server, "DELETE FROM audit_entries WHERE number = 4", organisation)
    tamper(server, "DELETE FROM api_keys WHERE name = 'n'", organisation)
    assert verdict(within, organisation)["status"] == "intact"
    assert verdict(within, organisation, "--anchor", anchor, status=1)["breaks"][0]["code"] == "lost_anchor"
    assert "entry 4 was noted and is cut off" in within("audit", "verify", "--anchor", anchor).out
    tamper(server, "UPDATE shortlists SET body = body || '\\x20' FROM needs WHERE needs.id = need_id", organisation)
    (found,) = verdict(within, organisation, status=1)["breaks"]
    assert (found["number"], found["code"], found["about"][:10]) == (3, "altered_content", "shortlist:")
    assert f"altered content: {found['about']} is not as entry 3 says" in within("audit", "verify").out


def test_an_entry_that_was_forged_is_found(server: Server, within: Within, organisation: str) -> None:
    """One that follows the last one as it should, with the signature of another key or without.

    All of them without, unless the operator says that entries were not signed yet on those days, as before an update.
    """
    assert verdict(within, organisation)["signed"] == 3
    write(server, organisation, 1, None)
    write(server, organisation, 1, JournalKey(bytes(32)).sign)
    codes = [each["code"] for each in verdict(within, organisation, status=1)["breaks"]]
    assert codes == ["unsigned_entry", "forged_entry"]
    told = within("audit", "verify", "--organisation", organisation).out
    assert "unsigned entry: entry 4 has no signature" in told
    assert "forged entry: the signature of entry 5" in told
    other = JournalKey(bytes(32)).public
    assert [each["number"] for each in verdict(within, organisation, "--public-key", other, status=1)["breaks"]] == [4]
    for table in ("needs", "api_keys", "persons", "audit_entries"):
        tamper(server, f"DELETE FROM {table}", organisation)
    write(server, organisation, 2, None)
    found = verdict(within, organisation, status=1)
    assert (found["signed"], [each["code"] for each in found["breaks"]]) == (0, ["unsigned_entry"] * 2)
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert verdict(within, organisation, "--signed-since", tomorrow)["status"] == "intact"


def test_a_cut_end_and_a_journal_rewritten_as_a_whole_are_told_by_signed_heads(
    server: Server, within: Within, organisation: str, tmp_path: Path
) -> None:
    """Which a server sends out by itself, and stores."""
    before = verdict(within, organisation)
    key = journal_key(read_settings(environment(server.home)))
    assert key is not None
    assert within("audit", "key").out == f"{key.public}\n"
    noted = JournalHead(UUID(before["organisation_id"]), before["number"], before["hash"])
    heads = tmp_path / "heads.jsonl"
    heads.write_text(signed_line(JournalHeads(datetime.now(UTC), (noted,)), key) + "\n")
    given = ("--heads", str(heads))
    assert verdict(within, organisation, *given)["status"] == "intact"

    tamper(server, "DELETE FROM audit_entries WHERE number = 3", organisation)
    assert "lost_anchor" in {each["code"] for each in verdict(within, organisation, *given, status=1)["breaks"]}
    stored = (
        "INSERT INTO audit_heads (id, queued_at, status, line) VALUES (gen_random_uuid(), now(), 'delivered', :line)"
    )
    in_database(server, stored, line=heads.read_text())
    assert "lost_anchor" in {each["code"] for each in verdict(within, organisation, status=1)["breaks"]}
    in_database(server, "DELETE FROM audit_heads")
    for table in ("needs", "api_keys", "persons", "audit_entries"):
        tamper(server, f"DELETE FROM {table}", organisation)
    write(server, organisation, 4, JournalKey(bytes(32)).sign)
    found = [each["code"] for each in verdict(within, organisation, *given, status=1)["breaks"]]
    assert found == ["forged_entry"] * 4 + ["lost_anchor"]


def test_the_record_of_a_need_is_written_as_a_folder(
    server: Server, within: Within, organisation: str, tmp_path: Path
) -> None:
    """Which the file beside it verifies; into no folder that holds anything, and of no need that is not there."""
    create = ("keys", "create", "--name", "n", "--organisation", organisation, "--scope", "needs")
    need: str = decoded(server.ask("POST", "/needs", NEED, key=within(*create).out.splitlines()[-1]))["need"]["id"]
    folder = tmp_path / "record"
    done = within("audit", "export", need, str(folder))
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("2 entries, 3 documents, 0 earlier heads\n")
    command = shlex.split(done.out.splitlines()[1].partition(": ")[2])
    assert command[0] == "python"
    found = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    for wrong in ((need, str(folder)), (str(uuid4()), str(tmp_path / "other"))):
        assert within("audit", "export", *wrong).status == 2


def test_what_nobody_signed_is_not_believed_and_what_cannot_be_understood_a_slip(
    within: Within, organisation: str, tmp_path: Path
) -> None:
    heads, other = tmp_path / "heads.jsonl", JournalKey(bytes(32))
    heads.write_text(signed_line(JournalHeads(datetime.now(UTC), ()), other))
    assert within("audit", "verify", "--heads", str(heads)).status == 1
    assert within("audit", "verify", "--heads", str(heads), "--public-key", other.public).status == 0
    heads.write_text("{}")
    for wrong in (
        ("--heads", str(heads)),
        ("--heads", str(tmp_path / "nowhere")),
        ("--organisation", "nobody"),
        ("--anchor", f"{organisation}:3:abc"),
        ("--anchor", f"nobody:3:{'0' * 64}"),
    ):
        assert within("audit", "verify", *wrong).status == 2


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


def test_the_life_of_an_invitation(within: Within, organisation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mail server there is none; a person is invited, listed, removed."""
    wanted = ("people", "invite", "anne@exemple.fr", "--organisation", organisation, "--right", "match")
    assert within(*wanted).status == 1
    for name, value in (("SMTP_URL", "smtp://localhost"), ("MAIL_FROM", "a@exemple.fr")):
        monkeypatch.setenv(f"VIVIER_{name}", value)
    monkeypatch.setenv("VIVIER_PUBLIC_URL", "https://vivier.exemple.fr")
    assert within(*("people", "invite", "no address", *wanted[3:])).status == 2
    assert within(*(*wanted[:4], "Nobody", *wanted[5:])).status == 1
    person = re.findall(r"[0-9a-f-]{36}", within(*wanted).out)[0]
    assert person in within("people", "list").out
    assert within("people", "remove", person).status == 0
    assert within("people", "remove", person).status == 1


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


def test_a_copy_and_an_erasure_are_told_and_last(anne: Somebody, within: Within) -> None:
    """It shows what it would change first; without a terminal to ask at, it takes nothing for a yes. It is noted.

    What cannot be asked is a slip.
    """
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
