"""`vivier import` and `vivier match` beside a running server, which finds what was imported; notices as needs."""

import gzip
import json
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from api.cli import main
from api.commands.imports import FLAGS
from api.commands.match import NeedOfFile, read_needs
from domain.suppliers.supplier import Flag
from tests.api.commands.conftest import Server, Within, decoded, until, vivier
from tests.factories import reference
from tests.sources.file_types.test_workbook import xlsx
from tests.sources.notices.conftest import FNSIMPLE, MAPA, boamp, eforms, eforms_lot, project, reserved, ted_2013

JARDINS = {
    "external_id": "1",
    "name": "Jardins \x1b[31mdu Blavet",
    "address": {"commune": "56178"},
    "offers": [{"segments": ["ev-entretien"]}],
    "approvals": [{"kind": "ACI"}],
}
NAMELESS = {"external_id": "2", "name": " "}
IDLE = {"external_id": "3", "name": "Sans activité", "address": {"commune": "56178"}}
NOTICE = eforms(eforms_lot("LOT-0001", reserved("res-ws") + project()))
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
    assert within("match", str(need), "--json").out.encode() == served + b"\n"
    assert "Jardins  [31mdu Blavet" in within("match", "-", stdin=need.read_text()).out
    supply = server.ask("GET", "/supply?territory=commune:56178&segments=ev-entretien").body
    organisation = f"Ville {tmp_path.name}"
    create = ("keys", "create", "--name", "x", "--organisation", organisation, "--scope", "needs", "--scope", "match")
    key = within(*create).out.splitlines()[-1]
    (idle,) = decoded(server.ask("GET", "/suppliers?q=Sans+activit%C3%A9"))["items"]
    note = json.dumps({"offers": [{"segments": ["ev-entretien"]}]}).encode()
    assert server.ask("PUT", f"/suppliers/{idle['id']}/notes", note, key=key).status == 200
    unreserved = NEED | {"lots": [{"id": "1", "keywords": ["tonte"]}]}
    need.write_text(json.dumps(unreserved))
    until(lambda: decoded(server.ask("POST", "/match", need.read_bytes(), key=key))["lots"][0]["total"] == 2)
    noted = server.ask("POST", "/match", need.read_bytes(), key=key).body
    assert within("match", str(need), "--json", "--organisation", organisation).out.encode() == noted + b"\n"
    assert json.loads(within("match", str(need), "--json").out)["lots"][0]["total"] == 1
    assert server.ask("DELETE", f"/suppliers/{idle['id']}/notes", key=key).status == 204
    need.write_text(json.dumps(NEED))
    asked = ("supply", "commune:56178", "--segments", "ev-entretien")
    assert within(*asked, "--json").out.encode() == supply + b"\n"
    assert "Sur le territoire : 2 fournisseurs" in within(*asked).out
    unknown = within("supply", "commune:56178", "--segments", "ev-entretein")
    assert (unknown.status, "ev-entretien" in unknown.err) == (1, True)
    trail = within("match", str(need), "--explain").out
    for words in (" suppliers considered", "service_area", "1. eligibility", "ELIGIBLE"):
        assert words in trail


def test_a_workbook_is_imported(within: Within, tmp_path: Path) -> None:
    row = "<row>" + '<c t="inlineStr"><is><t>{}</t></is></c>' * 3 + "</row>"
    book = tmp_path / "annuaire.xlsx"
    book.write_bytes(xlsx(row.format("id", "nom", "Couleur") + row.format("1", "Un", "bleu")))
    report = json.loads(within("import", "book", str(book), "--format", "spreadsheet", "--dry-run", "--json").out)
    assert (report["received"], report["added"]) == (1, 1)
    table = tmp_path / "annuaire.csv.gz"
    table.write_bytes(gzip.compress(b"id;nom;Couleur\n1;Un;bleu\n"))
    for file in (book, table):
        assert "not read: Couleur" in within("import", "book", str(file), "--format", "spreadsheet", "--dry-run").out
    refused = within("import", "book", str(book), "--format", "gogocarto")
    assert (refused.status, ".json" in refused.err) == (2, True)


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
    for words in ("Tel que demandé", "Proposition 1", "(R2121-1)", "(L2113-10)", "ont été examinés"):
        assert words in shown
    need.write_text(json.dumps({"lots": [{"id": "1", "segments": ["ev-entretien"], "values_eur": {"pr-locaux": 1}}]}))
    refused = within("allot", str(need))
    assert (refused.status, refused.out) == (1, "")
    assert "/lots/0/territory" in refused.err


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


def test_the_same_file_again_is_unchanged(server: Server, within: Within, rows: Path, tmp_path: Path) -> None:
    """The report as JSON is that of the API; the journal of the organisation `default` has an entry, signed as all are.

    A snapshot that would remove too much is refused with status 1, and taken with --force.
    """
    done = json.loads(within("import", "twice", str(rows), "--json").out)
    (entry,) = decoded(server.ask("GET", "/audit?object=source:twice"))["items"]
    assert (entry["action"], entry["means"], entry["actor_id"]) == ("source.imported", "command", None)
    assert (entry["detail"]["import"], entry["detail"]["added"]) == (done["id"], 2)
    assert within("audit", "verify", "--organisation", "default").status == 0
    again = json.loads(within("import", "twice", str(rows), "--json").out)
    assert (again["received"], again["unchanged"], again["rejected"]) == (3, 2, 1)
    assert [(error["line"], error["external_id"], error["pointer"]) for error in again["errors"]] == [(2, "2", "/name")]
    (tmp_path / "fewer.json").write_text(json.dumps([JARDINS]))
    fewer = ("import", "twice", str(tmp_path / "fewer.json"), "--mode", "snapshot")
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


def test_a_notice_is_matched_and_what_was_not_read_is_told(server: Server, within: Within, tmp_path: Path) -> None:
    """JSON is the answer of the server alone."""
    notice = tmp_path / "notice.xml"
    notice.write_bytes(NOTICE)
    assert within("match", str(notice), "--explain").status == 0
    done = within("match", str(notice))
    assert (done.status, done.err) == (0, "")
    assert "le lot est lu comme ouvert aux deux" in " ".join(done.out.split())
    assert "Sans place dans un besoin : Contact, AwardingTerms\n" in done.out
    assert "Lot LOT-0001 · Nettoyage des locaux" in done.out
    done = within("match", str(notice), "--json")
    read = json.loads(server.ask("POST", "/notices", notice.read_bytes(), **{"Content-Type": "application/xml"}).body)
    served = json.loads(server.ask("POST", "/match", json.dumps(read["need"]).encode()).body)
    assert json.loads(done.out) == served
    assert "ouvert aux deux" in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("content", "lots"),
    [
        (json.dumps(boamp(FNSIMPLE)).encode(), [2]),
        (json.dumps([boamp(FNSIMPLE), boamp(MAPA)]).encode(), [2, 1]),
        (b"\n".join(json.dumps(boamp(each)).encode() for each in (MAPA, FNSIMPLE)), [1, 2]),
        (gzip.compress(json.dumps({"results": [boamp(MAPA)]}).encode()), [1]),
        (b"\xef\xbb\xbf\n" + ted_2013(), [1]),
        (NOTICE.decode().replace("UTF-8", "UTF-16").encode("utf-16"), [1]),
    ],
)
def test_the_content_tells_what_a_file_is(tmp_path: Path, content: bytes, lots: list[int]) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert [len(read.need.lots) for read in read_needs(str(path), reference()) if isinstance(read, NeedOfFile)] == lots


def test_one_wrong_record_stops_no_other(within: Within, tmp_path: Path, shared_data: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps([boamp({}, objet=""), boamp(MAPA)]))
    done = within("match", str(path), "--json")
    assert (done.status, len(done.out.splitlines())) == (1, 1)
    assert f"vivier: {path}/0: /: This notice has no lot whose object can be read" in done.err
    done = within("match", str(shared_data / "notices" / "boamp_api_eforms_2025.json.gz"), "--json")
    assert done.status == 0, done.err
    assert [len(json.loads(line)["lots"]) for line in done.out.splitlines()] == [1, 1, 2, 1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE a><a/>", "/: A document type or an entity declaration is not allowed: a notice has none"),
        (b"<a>", "The body is not XML: line 1, column 4"),
        (b"\x1f\x8b\x00", "the compressed file is cut short"),
        (b"\x1f\x8b" + bytes(20), "the gzip compression is broken"),
        (b'{"lots": []}', "/lots: "),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, content: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any database is opened."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert main(["match", str(path)]) == 1
    done = capsys.readouterr()
    assert (done.out, done.err.startswith(f"vivier: {path}: {said}")) == ("", True)
