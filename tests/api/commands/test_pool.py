"""`vivier pool`, in this process: it needs neither a database nor a server."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.cli import main
from domain.reference import taxonomy
from domain.suppliers.source import Batch, RowError
from sources.file_reader import CacheKey, reader_versions, write_through
from sources.pool.download import FetchedFile
from sources.pool.manifest import PublishedFile, published_files, sha256_of
from tests.api.commands.conftest import Within, load_once
from tests.sources.pool.published_samples import establishment, unit, write


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference data is loaded once for all that is built."""
    load_once(monkeypatch)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    units = write(tmp_path / "units.csv", "units", [unit("100000001"), unit("200000002")])
    places = {"100000001": "35238", "200000002": "44109"}
    rows = (establishment(siren + "00011", codeCommuneEtablissement=place) for siren, place in places.items())
    establishments = write(tmp_path / "establishments.csv", "establishments", rows)
    out = str(tmp_path / "pool")
    return ["pool", "build", "--out", out, "--units", str(units), "--establishments", str(establishments)]


def test_a_report_and_what_to_do_next(arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A region is its departements."""
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert f"vivier pool update {tmp_path / 'pool'}" in shown
    assert "With a trade (more than staff lent): 0 of 2 suppliers, 0.0%" in shown
    day = datetime.fromtimestamp((tmp_path / "units.csv").stat().st_mtime, UTC).date()
    assert f"INSEE, répertoire Sirene ({day})" in shown
    for area, kept in ((["--region", "53"], 1), (["--departement", "44"], 1), ([], 2)):
        assert main([*arguments, *area, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        (report,) = (report for report in told["files"] if report["id"] == "establishments")
        assert told["trades"]["suppliers"] == kept
        assert report | {"read": 2, "unreadable": 0, "kept": kept, "suppliers": kept, "made": "sirene.csv"} == report


def test_what_is_wrong_is_said(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kept, more, status, message in (
        (None, ["--region", "999"], 2, "there is no region 999"),
        (None, ["--ess", "missing.csv"], 1, "cannot read missing.csv: no such file"),
        (-4, [], 2, "--units and --establishments are needed (or --fetch)"),
        (1, ["update", "."], 2, "holds no pool that vivier pool build made"),
    ):
        assert main([*arguments[:kept], *more]) == status
        assert message in capsys.readouterr().err
    monkeypatch.setattr("api.commands.pool.find_spec", lambda _: None)
    assert main(arguments) == 1
    assert 'pip install "duckdb>=2"' in capsys.readouterr().err


def test_what_is_not_given_is_fetched(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the operator allows it: all that can be."""
    assert main([*arguments, "--fetch", str(tmp_path)]) == 2
    assert "set VIVIER_POOL_FETCH=true" in capsys.readouterr().err
    monkeypatch.setenv("VIVIER_POOL_FETCH", "true")

    def fetch(file: PublishedFile, into: Path, _: object) -> FetchedFile:
        return FetchedFile(file.id, write(into / f"{file.id}-fetched.csv", file.id, []), 1, True, "checksum")

    monkeypatch.setattr("api.commands.pool.fetch", fetch)
    assert main([*arguments, "--fetch", str(tmp_path), "--json"]) == 0
    given = {source["id"]: source["name"] for source in json.loads(capsys.readouterr().out)["sources"]}
    assert (given["units"], given["awards"]) == ("units.csv", "awards-fetched.csv")
    assert given.keys() == {file.id for file in published_files() if file.catalogue}


def test_where_the_files_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pool", "sources"]) == 0
    shown = capsys.readouterr().out
    assert [file.address for file in published_files() if file.address not in shown] == []
    assert main(["pool", "sources", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(published_files())


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., Path]:
    """Builds a pool of one ESAT, called by `name`, and of the other files given."""
    units = write(tmp_path / "units.csv", "units", [])
    establishments = write(tmp_path / "establishments.csv", "establishments", [])
    files = ["--units", str(units), "--establishments", str(establishments)]

    def build(name: str, *more: str) -> Path:
        out = tmp_path / "pool"
        row = {"finess_et": f"{tmp_path.name}-1", "name": name, "commune_insee": "56089"}
        esat = write(tmp_path / "esat.csv", "esat", [row])
        assert main(["pool", "build", "--out", str(out), *files, "--esat", str(esat), *more]) == 0
        return out

    return build


def updated(within: Within, folder: Path, *more: str) -> dict[str, Any]:
    """What the update of a folder said, by source."""
    done = within("pool", "update", str(folder), "--json", *more)
    assert done.status == 0, done.err
    return {said["source"]: said for said in map(json.loads, done.out.splitlines())}


def test_what_was_built_is_imported(within: Within, built: Callable[..., Path], tmp_path: Path) -> None:
    """Each file into the source called as its format; again only what changed since, or what is asked for again.

    A file of an earlier build is left alone: of a source that it filled, it is said that its records stay.
    """
    folder = built("ESAT du Blavet", "--geiq", str(write(tmp_path / "geiq-given.csv", "geiq", [])))
    assert updated(within, folder, "--dry-run", "--force")["esat"]["dry_run"]
    first = updated(within, folder, "--force")
    assert set(first) == {"sirene", "esat", "geiq"}
    assert (first["esat"]["format"], first["esat"]["mode"], first["esat"]["added"]) == ("esat", "snapshot", 1)
    assert "esat.csv did not change" in updated(within, folder)["esat"]["skipped"]
    assert updated(within, folder, "--again")["esat"]["unchanged"] == 1

    # the file is the same, and another import took its records out of the database
    other = write(folder / "other.csv", "esat", [{"finess_et": "other", "name": "ESAT", "commune_insee": "56089"}])
    within("import", "esat", str(other), "--format", "esat", "--mode", "snapshot", "--force")
    assert updated(within, folder, "--force")["esat"]["added"] == 1

    built("ESAT de l'Oust")
    changed = updated(within, folder)
    assert (changed["esat"]["changed"], "skipped" in changed["sirene"]) == (1, True)
    assert (folder / "geiq.csv").exists()
    assert "geiq.csv is no part of this pool any more" in changed["geiq"]["skipped"]

    (folder / "esat.csv").write_text("finess_et\n")
    done = within("pool", "update", str(folder))
    assert (done.status, "is not what vivier pool build made" in done.err) == (1, True)


def test_rows_kept_by_the_build_are_imported(within: Within, built: Callable[..., Path]) -> None:
    """While they are of this file and program; else the file is read."""
    folder = built("ESAT du Blavet")
    path = folder / "esat.csv"
    assert (folder / "esat.csv.checked").exists()
    origin = CacheKey(sha256_of(path), reader_versions(taxonomy.load()), "esat")
    rejected = Batch((), (RowError(2, "1", "", "test", "kept"),))
    list(write_through(path, msgspec.structs.replace(origin, reader="another"), [rejected]))
    assert updated(within, folder, "--force", "--again")["esat"]["rejected"] == 0
    list(write_through(path, origin, [rejected]))
    assert updated(within, folder, "--force", "--again")["esat"]["errors"][0]["detail"] == "kept"


def test_what_may_be_fetched(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing, unless the operator says so, and files alone that the table says can be; told as an option of build."""
    path = tmp_path / "units.parquet"
    monkeypatch.setattr("api.commands.pool.fetch", lambda f, *_: FetchedFile(f.id, path, 2_000_000, True, "checksum"))
    for allowed, name, message in (
        ("", "units", "set VIVIER_POOL_FETCH=true"),
        ("true", "geiq", "geiq is not fetched: see https://www.lesgeiq.fr"),
        ("true", "unit", "there is no file unit; those that can be fetched: units, establishments"),
    ):
        monkeypatch.setenv("VIVIER_POOL_FETCH", allowed)
        assert main(["pool", "fetch", name, "--into", str(tmp_path / "given")]) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "given").exists()
    assert main(["pool", "fetch", "units", "--into", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"--units {path}  (2.0 MB, fetched, its checksum is right)\n"
