"""Lists of the ESS."""

import gzip
from pathlib import Path

import pytest

from domain.suppliers.rows import Row, RowError
from sources.formats.registry import CSV
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import Read

HEADER = "SIREN,Nom ou raison sociale de l'entreprise,Famille juridique de l'entreprise,Code postal\n"


def test_a_legal_unit_is_of_the_ess_and_its_siren_has_its_zeros_again(read: Read) -> None:
    first, second, third = read(
        f"{HEADER}5580501,A,Mutuelles,56300\nX,B,,\n807469317,C,,\n".encode(), CSV, "ess-france"
    )
    assert isinstance(first, Row)
    assert (first.external_id, first.joins) == ("005580501", "005580501")
    assert (first.record.ess, first.record.legal_form, first.record.siret) == (True, "mutual", None)
    assert isinstance(second, RowError)
    assert (second.line, second.code) == (3, "invalid_siren")
    assert isinstance(third, Row)
    assert third.record.legal_form is None


def test_semicolons_and_windows_1252_are_read(read: Read) -> None:
    data = HEADER.replace(",", ";").encode() + "807469317;Été;Coopératives;56300\n".encode("cp1252")
    (row,) = read(data, CSV, "ess-france")
    assert isinstance(row, Row)
    assert row.record.legal_form == "cooperative"


def test_a_list_without_siren_is_refused(read: Read) -> None:
    with pytest.raises(UnreadableFile):
        read(b"nom,famille\nA,B\n", CSV, "ess-france")


def test_the_real_list_of_a_region_comes_in(read: Read, shared_data: Path) -> None:
    rows = read(gzip.decompress((shared_data / "ess-list" / "ess_guyane_2022.csv.gz").read_bytes()), CSV, "ess-france")
    found = [row for row in rows if isinstance(row, Row)]
    assert (len(rows), len(found), sum(row.record.legal_form == "cooperative" for row in found)) == (6868, 6868, 55)
