"""Rows of a file that are kept as they were read."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from domain.suppliers.source import Batch, SourceMapping
from sources.file_reader import (
    CHECKED,
    CSV,
    CacheKey,
    ReadOptions,
    batches,
    cache_key_of,
    cache_path_of,
    has_cached_rows,
    reader_versions,
    write_through,
)
from tests.factories import reference
from tests.sources.pool.published_samples import Cells, establishment, unit, write_cells

READING = ReadOptions("sirene", CSV, SourceMapping(), "en", source="sirene")
ORIGIN = CacheKey("0" * 64, "1.0", "sirene")


def row(siren: str, **cells: str) -> Cells:
    place = {"coordonneeLambertAbscisseEtablissement": "351000.5", "coordonneeLambertOrdonneeEtablissement": "6789000"}
    named = {
        "activitePrincipaleEtablissement": "43.34Z",
        "enseigne1Etablissement": "",
        "economieSocialeSolidaireUniteLegale": "O",
    }
    return {**establishment(siren + "00011"), **unit(siren), **place, **named, **cells}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Establishments of which some are taken, with flags or without, and some are refused."""
    rows = [row("100000001"), row("200000002", coordonneeLambertAbscisseEtablissement=""), row("300000003", siret="12")]
    rows += [row("400000004", categorieJuridiqueUniteLegale="1000"), row("500000005", denominationUniteLegale="")]
    return write_cells(tmp_path / "sirene.csv", list(rows[0]), rows)


def read(path: Path, reading: ReadOptions = READING) -> list[Batch]:
    with path.open("rb") as stream:
        return list(batches(reading, stream, reference()))


def kept(file: Path) -> list[Batch]:
    return read(cache_path_of(file), msgspec.structs.replace(READING, media_type=CHECKED))


def test_rows_that_are_kept_are_those_of_the_file_and_of_one_origin(file: Path) -> None:
    """Records with their places and flags, and what was rejected with its line and reason."""
    expected = read(file)
    assert [(len(batch.records), len(batch.rejects)) for batch in expected] == [(2, 3)]
    assert list(write_through(file, ORIGIN, iter(expected))) == expected
    assert has_cached_rows(file, ORIGIN)
    assert kept(file) == expected
    list(write_through(file, ORIGIN, read(file)))
    for other in ({"sha256": "1" * 64}, {"reader": "1.1"}, {"source": "register"}, {"language": "fr"}):
        assert not has_cached_rows(file, msgspec.structs.replace(ORIGIN, **other))


@pytest.mark.parametrize(("format_", "settled", "same_day"), [("sirene", True, True), ("decp", False, True)])
def test_what_depends_on_the_day_is_of_that_day(format_: str, settled: bool, same_day: bool) -> None:
    """A contract of more than six years ago says no more of a trade."""
    first, again, later = (cache_key_of(format_, "0" * 64, "1.0", date(2026, 11, day)) for day in (26, 26, 27))
    assert (first == again, first == later) == (same_day, settled)


def test_what_depends_on_the_settings_of_a_source_is_not_kept() -> None:
    assert cache_key_of("le-marche", "0" * 64, "1.0", date(2026, 11, 26)) is None


def test_the_reader_is_the_program_and_the_taxonomy() -> None:
    assert reference().taxonomy.version in reader_versions(reference().taxonomy)


def test_what_is_not_whole_is_not_used(file: Path) -> None:
    list(write_through(file, ORIGIN, read(file)))
    whole = cache_path_of(file).read_bytes()
    for damaged in (whole[:-1], whole[:40], b"", whole[:200] + b"\0" + whole[201:], whole + whole):
        cache_path_of(file).write_bytes(damaged)
        assert not has_cached_rows(file, ORIGIN)
    cache_path_of(file).unlink()
    assert not has_cached_rows(file, ORIGIN)


def test_what_is_not_read_to_its_end_is_not_kept(file: Path) -> None:
    taking = write_through(file, ORIGIN, read(file))
    next(taking)
    taking.close()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
