"""`vivier import` and `vivier match` beside a running server, which finds what was imported."""

import gzip
import json
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from api.commands.imports import FLAGS
from domain.suppliers.supplier import Flag
from tests.api.commands.conftest import Server, Within, decoded, until, vivier

JARDINS = {
    "external_id": "1",
    "name": "Jardins \x1b[31mdu Blavet",
    "address": {"commune": "56178"},
    "offers": [{"segments": ["ev-entretien"]}],
    "approvals": [{"kind": "ACI"}],
}
NAMELESS = {"external_id": "2", "name": " "}
IDLE = {"external_id": "3", "name": "Sans activité", "address": {"commune": "56178"}}
NEED = {"territory": {"codes": ["commune:56178"]}, "lots": [{"id": "1", "keywords": ["tonte"], "reserved": ["iae"]}]}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file with one good record, one that is refused and one that offers nothing."""
    path = tmp_path / "rows.ndjson.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, (JARDINS, NAMELESS, IDLE))).encode()))
    return path


def test_a_file_is_imported_and_matched(server: Server, within: Within, rows: Path, tmp_path: Path) -> None:
    """Rejects are told and do not fail the command; the command and the server give the same answer, byte for byte."""
    rehearsal = json.loads(within("import", "cli", str(rows), "--dry-run", "--json").out)
    assert (rehearsal["dry_run"], rehearsal["added"]) == (True, 2)
    done = vivier(server.home, "import", "cli", str(rows))
    assert (done.returncode, done.stderr) == (0, "")
    assert "/name" in done.stdout
    assert "1  say nothing of what they do" in done.stdout

    need = tmp_path / "need.json"
    need.write_text(json.dumps(NEED))
    until(lambda: decoded(server.ask("POST", "/match", need.read_bytes()))["lots"][0]["total"] == 1)
    served = server.ask("POST", "/match", need.read_bytes()).body
    assert vivier(server.home, "match", str(need), "--json").stdout.encode() == served + b"\n"
    shown = vivier(server.home, "match", "-", stdin=need.read_text()).stdout
    assert "Jardins  [31mdu Blavet" in shown
    supply = server.ask("GET", "/supply?territory=commune:56178&segments=ev-entretien").body
    asked = ("supply", "commune:56178", "--segments", "ev-entretien")
    assert within(*asked, "--json").out.encode() == supply + b"\n"
    assert "Sur le territoire : 2 fournisseurs" in within(*asked).out
    unknown = within("supply", "commune:56178", "--segments", "ev-entretein")
    assert (unknown.status, "ev-entretien" in unknown.err) == (1, True)
    trail = within("match", str(need), "--explain").out
    for words in (" suppliers considered", "service_area", "1. eligibility", "ELIGIBLE"):
        assert words in trail


def test_lots_are_proposed(server: Server, within: Within, rows: Path, tmp_path: Path) -> None:
    """The command and the server give the same proposals, byte for byte; tables show them beside the lots as given."""
    done = json.loads(within("import", "allotted", str(rows), "--json").out)
    need = tmp_path / "lots.json"
    lots = [{"id": "1", "title": "Entretien", "segments": ["ev-entretien", "pr-locaux"]}]
    need.write_text(json.dumps({"on": "2026-11-24", "territory": {"codes": ["commune:56178"]}, "lots": lots}))
    # nobody else writes meanwhile: the command reads this version too
    until(
        lambda: (
            decoded(server.ask("POST", "/allotment", need.read_bytes()))["stamp"]["data_version"]
            >= done["data_version"]
        )
    )
    served = server.ask("POST", "/allotment", need.read_bytes()).body
    assert within("allot", str(need), "--json").out.encode() == served + b"\n"
    shown = within("allot", str(need)).out
    for words in ("Tel que demandé", "Proposition 1", "(R2121-1)", "(L2113-10)", "ont été examinées"):
        assert words in shown
    need.write_text(json.dumps({"lots": [{"id": "1", "segments": ["ev-entretien"], "values_eur": {"pr-locaux": 1}}]}))
    refused = within("allot", str(need))
    assert (refused.status, refused.out) == (1, "")
    assert "/lots/0/territory" in refused.err


def test_an_import_by_command_is_in_the_journal(server: Server, within: Within, rows: Path) -> None:
    """In that of the organisation `default`, signed as all entries are."""
    done = json.loads(within("import", "journaled", str(rows), "--json").out)
    (entry,) = decoded(server.ask("GET", "/audit?object=source:journaled"))["items"]
    assert (entry["action"], entry["means"], entry["actor_id"]) == ("source.imported", "command", None)
    assert (entry["detail"]["import"], entry["detail"]["added"]) == (done["id"], 2)
    assert within("audit", "verify", "--organisation", "default").status == 0


def test_every_flag_is_put_into_words() -> None:
    """Of those that an import gives: an approval expires later."""
    codes = set(get_args(get_type_hints(Flag)["code"]))
    assert set(FLAGS) == codes - {"approval_expired"}


@pytest.mark.parametrize(
    ("file", "content", "status", "said"),
    [
        ("a.txt", b"", 2, "the name of a vivier file ends in"),
        ("a.csv", b"nom\nx", 1, "Unknown column"),
        ("a.csv.gz", b"name", 1, "is not a whole gzip file"),
        ("a.csv", None, 1, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read(
    within: Within, tmp_path: Path, file: str, content: bytes | None, status: int, said: str
) -> None:
    """Refused as a whole, in one line."""
    if content is not None:
        (tmp_path / file).write_bytes(content)
    done = within("import", "cli", str(tmp_path / file))
    assert done.status == status
    assert said in done.err
    assert re.fullmatch(r"vivier: .*\n", done.err)


def test_the_same_file_again_is_unchanged(within: Within, rows: Path) -> None:
    """The report as JSON is that of the API."""
    within("import", "twice", str(rows))
    again = json.loads(within("import", "twice", str(rows), "--json").out)
    assert (again["received"], again["unchanged"], again["rejected"]) == (3, 2, 1)
    assert [(error["line"], error["external_id"], error["pointer"]) for error in again["errors"]] == [(2, "2", "/name")]


def test_a_snapshot_that_would_remove_too_much(within: Within, rows: Path, tmp_path: Path) -> None:
    """Is refused with status 1, and taken with --force."""
    within("import", "shrinking", str(rows))
    (tmp_path / "fewer.json").write_text(json.dumps([JARDINS]))
    fewer = ("import", "shrinking", str(tmp_path / "fewer.json"), "--mode", "snapshot")
    refused = within(*fewer)
    assert (refused.status, refused.out) == (1, "")
    assert within(*fewer, "--force").status == 0


def test_a_faulty_need_says_where(within: Within, tmp_path: Path) -> None:
    """Every fault of a need is told with its place; a text that is no JSON too."""
    need = tmp_path / "need.json"
    faulty = {"territory": {"codes": ["departement:99"]}, "lots": [{"id": "1", "segments": ["pr-locau"]}]}
    need.write_text(json.dumps(faulty))
    done = within("match", str(need))
    assert done.status == 1
    assert f"{need}: /territory/codes/0: " in done.err
    assert f"{need}: /lots/0/segments/0: " in done.err
    need.write_text("{")
    assert within("match", str(need)) == (1, "", f"vivier: {need}: The JSON body is cut short\n")
