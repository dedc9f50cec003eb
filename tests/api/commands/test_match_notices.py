"""`vivier match` on notices: from a file to its shortlists in one command."""

import gzip
import json
from pathlib import Path

import pytest

from tests.api.commands.conftest import Server, Within
from tests.sources.notices.conftest import (
    FNSIMPLE,
    MAPA,
    boamp,
    eforms,
    eforms_lot,
    project,
    reserved,
    ted_2013,
)

NOTICE = eforms(eforms_lot("LOT-0001", reserved("res-ws") + project()))


@pytest.fixture
def notice(tmp_path: Path) -> Path:
    path = tmp_path / "notice.xml"
    path.write_bytes(NOTICE)
    return path


def test_a_notice_is_matched_and_what_was_not_read_is_told(server: Server, within: Within, notice: Path) -> None:
    done = within("match", str(notice))
    assert (done.status, done.err) == (0, "")
    assert "le lot est lu comme ouvert aux deux" in " ".join(done.out.split())
    assert "Sans place dans un besoin : Contact, AwardingTerms\n" in done.out
    assert "Lot LOT-0001 · Nettoyage des locaux" in done.out


def test_json_is_the_answer_of_the_server_alone(server: Server, within: Within, notice: Path) -> None:
    done = within("match", str(notice), "--json")
    read = json.loads(server.ask("POST", "/notices", notice.read_bytes(), **{"Content-Type": "application/xml"}).body)
    served = json.loads(server.ask("POST", "/match", json.dumps(read["need"]).encode()).body)
    assert json.loads(done.out) == served
    assert "ouvert aux deux" in " ".join(done.err.split())


def test_the_trail_of_a_notice_is_shown(server: Server, within: Within, notice: Path) -> None:
    assert within("match", str(notice), "--explain").status == 0


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
def test_the_content_tells_what_a_file_is(
    server: Server, within: Within, tmp_path: Path, content: bytes, lots: list[int]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    done = within("match", str(path), "--json")
    assert done.status == 0, done.err
    assert [len(json.loads(line)["lots"]) for line in done.out.splitlines()] == lots


def test_one_wrong_record_stops_no_other(server: Server, within: Within, tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps([boamp({}, objet=""), boamp(MAPA)]))
    done = within("match", str(path), "--json")
    assert (done.status, len(done.out.splitlines())) == (1, 1)
    assert f"vivier: {path}/0: /: This notice has no lot whose object can be read" in done.err


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
def test_what_cannot_be_read_is_told(server: Server, within: Within, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    done = within("match", str(path))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"vivier: {path}: {said}")


def test_the_real_notices_are_matched_in_one_command(server: Server, within: Within, shared_data: Path) -> None:
    done = within("match", str(shared_data / "notices" / "boamp_api_eforms_2025.json.gz"), "--json")
    assert done.status == 0, done.err
    assert [len(json.loads(line)["lots"]) for line in done.out.splitlines()] == [1, 1, 2, 1]
