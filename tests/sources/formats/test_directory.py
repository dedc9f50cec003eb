"""Flags of the Annuaire des entreprises."""

import pytest

from domain.suppliers.rows import Row
from sources.formats.registry import CSV
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import Read


def test_a_legal_unit_tells_what_it_is_licensed_for(read: Read) -> None:
    data = (
        b"siren,est_ess,est_siae,est_qualiopi,est_organisme_formation,est_entrepreneur_spectacle,est_societe_mission\n"
        b"807469317,true,true,true,true,false,false\n22560001,False,,,,True,True\n"
    )
    first, second = read(data, CSV, "directory")
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.joins, first.record.siret, first.record.ess) == ("807469317", None, True)
    assert [offer.segments for offer in first.record.offers] == [("so-formation",)]
    assert first.record.labels == ("Qualiopi",)
    assert (second.joins, second.record.ess) == ("022560001", None)
    assert [offer.segments for offer in second.record.offers] == [("cc-spectacle",)]
    assert second.record.labels == ("Société à mission",)


def test_an_establishment_tells_its_certificates(read: Read) -> None:
    data = b"siret,siren,liste_rge,liste_id_bio\n80746931700018,807469317,\"['8611M10D109']\",[]\n"
    (row,) = read(data, CSV, "directory")
    assert isinstance(row, Row)
    assert (row.joins, [offer.segments for offer in row.record.offers]) == ("80746931700018", [("bt-energie",)])


def test_a_table_without_numbers_is_refused(read: Read) -> None:
    with pytest.raises(UnreadableFile):
        read(b"nom,est_ess\n", CSV, "directory")
