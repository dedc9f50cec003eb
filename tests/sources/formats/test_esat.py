"""The ESAT of the FINESS register."""

from pathlib import Path

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Address, Approval
from sources.formats.registry import CSV, read_rows
from sources.rows import Context
from tests.sources.formats.conftest import Read

HEADER = (
    b"finess_et,siret,name,operator,operator_legal_form,address,post_code,commune_insee,commune,capacity,"
    b"lon_commune,lat_commune\n"
)
ROW = (
    "010008951,,ESAT BLANCHISSERIE,ORSAC,Ass.L.1901 R.U.P., RTE DE LYON,13010,13210,Marseille 10e Arrondissement,9,"
    "5.4,43.2\n"
)


def test_a_row_becomes_a_record_placed_at_its_commune(read: Read) -> None:
    (row,) = read(HEADER + ROW.encode(), CSV, "esat")
    assert isinstance(row, Row)
    assert row.external_id == "010008951"
    assert row.record.siret is None
    assert row.record.legal_form == "association"
    assert row.record.approvals == (Approval("ESAT"),)
    assert row.record.address == Address("RTE DE LYON", "13010", "Marseille 10e Arrondissement", "13210")
    assert row.record.location is None
    assert row.record.description == "Organisme gestionnaire : ORSAC. Capacité autorisée : 9 places."
    assert [offer.segments for offer in row.record.offers] == [("lt-blanchisserie",)]


def test_a_legal_form_that_is_not_listed_stays_unknown(read: Read) -> None:
    (row,) = read(HEADER + ROW.replace("Ass.L.1901 R.U.P.", "Nouvelle forme").encode(), CSV, "esat")
    assert isinstance(row, Row)
    assert row.record.legal_form is None


def test_the_real_file_comes_in(shared_data: Path, context: Context) -> None:
    """1,504 rows; the two SIRETs that lost their leading zero are rejected, with their line."""
    with (shared_data / "suppliers" / "esat_finess.csv").open("rb") as stream:
        rows = list(read_rows("esat", stream, CSV, context))
    rejects = [row for row in rows if isinstance(row, RowError)]
    assert len(rows) == 1504
    assert [(row.line, row.code) for row in rejects] == [(568, "invalid_siret"), (569, "invalid_siret")]
