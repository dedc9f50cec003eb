"""`vivier pool`, in this process: it needs neither a database nor a server."""

import json
from pathlib import Path

import pytest

from api.cli import main
from sources.pool.published_files import published_files
from tests.api.commands.conftest import Within
from tests.sources.pool.published_samples import establishment, unit, write


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    units = write(tmp_path / "units.csv", "units", [unit("100000001"), unit("200000002")])
    places = {"100000001": "35238", "200000002": "44109"}
    rows = (establishment(siren + "00011", codeCommuneEtablissement=place) for siren, place in places.items())
    establishments = write(tmp_path / "establishments.csv", "establishments", rows)
    out = str(tmp_path / "pool")
    return ["pool", "build", "--out", out, "--units", str(units), "--establishments", str(establishments)]


def test_a_report_and_what_to_do_next(arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert f"vivier pool update {tmp_path / 'pool'}" in shown
    assert f"vivier import sirene {tmp_path / 'pool' / 'sirene.csv'} --format sirene --mode snapshot" in shown
    assert "INSEE, répertoire Sirene" in shown


@pytest.mark.parametrize(("area", "kept"), [(["--region", "53"], 1), (["--departement", "44"], 1), ([], 2)])
def test_a_region_is_its_departements(
    arguments: list[str], area: list[str], kept: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *area, "--json"]) == 0
    reports = {report["id"]: report for report in json.loads(capsys.readouterr().out)}
    assert reports["establishments"] == {
        "id": "establishments", "read": 2, "unreadable": 0, "kept": kept, "suppliers": kept, "made": "sirene.csv",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["--region", "999"], 2, "there is no region 999"),
        (["--ess", "missing.csv"], 1, "cannot read missing.csv: no such file"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], more: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *more]) == status
    assert message in capsys.readouterr().err


def test_without_duckdb(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.commands.pool.find_spec", lambda _: None)
    assert main(arguments) == 1
    assert 'pip install "vivier[pool]"' in capsys.readouterr().err


def test_where_the_files_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pool", "sources"]) == 0
    shown = capsys.readouterr().out
    assert [file.address for file in published_files() if file.address not in shown] == []
    assert main(["pool", "sources", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(published_files())


def test_what_was_built_is_imported(within: Within, tmp_path: Path) -> None:
    """Each file into the source called as its format; a second time nothing changes."""
    header = "finess_et,siret,name,operator,operator_legal_form,address,post_code,commune_insee,commune,capacity"
    (tmp_path / "esat.csv").write_text(f"{header}\n1,,ESAT du Blavet,,,,56650,56089,Inzinzac-Lochrist,\n")
    first = json.loads(within("pool", "update", str(tmp_path), "--json").out)
    again = json.loads(within("pool", "update", str(tmp_path), "--json").out)
    assert (first["source"], first["format"], first["mode"], first["added"]) == ("esat", "esat", "snapshot", 1)
    assert (again["added"], again["unchanged"]) == (0, 1)


def test_a_folder_that_nothing_was_built_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pool", "update", str(tmp_path)]) == 2
    assert "holds no file that vivier pool build makes" in capsys.readouterr().err
