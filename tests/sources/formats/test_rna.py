"""Purposes of associations, from their national register."""

from pathlib import Path

import pytest

from domain.suppliers.rows import Row, RowError
from sources.formats.registry import CSV
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import Read

HEADER = "id;siret;siren;titre;objet;objet_social1;objet_social2;adrg_libvoie;telephone;email;position\n"


def one(read: Read, **cells: str) -> Row | RowError:
    usual = {
        "id": "W561000001",
        "siret": "",
        "siren": "807469317",
        "titre": "LES PETITS PAS",
        "objet": "gérer une crèche",
        "objet_social1": "021005",
        "objet_social2": "000000",
        "adrg_libvoie": "35 RUE PASCAL",
        "telephone": "0297000000",
        "email": "jeanne@example.org",
        "position": "A",
    }
    (row,) = read((HEADER + ";".join((usual | cells).values())).encode("iso-8859-1"), CSV, "rna")
    return row


def test_a_purpose_is_an_offer_and_a_description_of_who_has_the_number(read: Read) -> None:
    row = one(read)
    assert isinstance(row, Row)
    (offer,) = row.record.offers
    assert (row.external_id, row.joins, row.record.siret) == ("W561000001", "807469317", None)
    assert (offer.segments, offer.basis) == (("so-enfance",), "inferred")
    assert (offer.evidence[0].kind, offer.evidence[0].reference) == ("purpose", "021005")
    assert (row.record.description, row.record.legal_form) == ("gérer une crèche", "association")
    for private in ("PASCAL", "0297000000", "jeanne"):
        assert private not in str(row)


def test_a_siret_goes_before_a_siren(read: Read) -> None:
    row = one(read, siret="80746931700018")
    assert isinstance(row, Row)
    assert row.joins == row.record.siret == "80746931700018"


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"position": "D"}, "not_active /position"),
        ({"siren": ""}, "missing_field /siret"),
        ({"siren": "12"}, "invalid_siren /siren"),
    ],
)
def test_who_is_gone_or_joins_nobody_is_rejected(read: Read, cells: dict[str, str], fault: str) -> None:
    row = one(read, **cells)
    assert isinstance(row, RowError)
    assert f"{row.code} {row.pointer}" == fault


def test_the_real_file_is_read_row_by_row_and_the_other_one_is_refused(read: Read, shared_data: Path) -> None:
    rows = read((shared_data / "rna" / "rna_waldec_sample.csv").read_bytes(), CSV, "rna")
    assert [row.code for row in rows if isinstance(row, RowError)] == ["not_active", "missing_field", "missing_field"]
    with pytest.raises(UnreadableFile):
        read(b"id;titre\n", CSV, "rna")
