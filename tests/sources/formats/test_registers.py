"""Registers and lists: inclusion structures, ESAT, GEIQ, the ESS, purposes of associations, and their flags."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import Address, Approval, Contact, Flag, PlacesSize, Point
from sources.file_reader import CSV
from sources.formats.registers import SIAE_COLUMNS
from sources.rows import UnreadableFile
from sources.validation import siret_passes_check
from tests.sources.formats.conftest import SAMPLES, outcome, read

STRUCTURE: dict[str, Any] = SAMPLES["siae"]["structure"]


def structures(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, (*SIAE_COLUMNS, "commune_pip"))
    writer.writeheader()
    writer.writerows(dict.fromkeys(SIAE_COLUMNS, "") | STRUCTURE | row for row in rows)
    return out.getvalue().encode()


def one(**cells: str) -> Any:
    (row,) = read(structures(cells), CSV, "siae")
    return row


def test_a_row_becomes_a_record_with_an_approval_of_unknown_dates() -> None:
    row = one(brand="La Collecterie", address="18 rue Saint-Antoine", website="https://example.org")
    assert (row.line, row.external_id, row.record.name) == (2, "12", "LA COLLECTERIE")
    assert row.record.trade_name == "La Collecterie"
    assert row.record.approvals == (Approval("ACI"),)
    assert row.record.address == Address("18 rue Saint-Antoine", "93100", "Montreuil", "93048")
    assert row.record.location == Point(48.865024, 2.455023)
    assert row.record.contact == Contact(website="https://example.org")
    assert (row.record.legal_form, row.record.ess) == (None, None)
    assert [offer.segments for offer in row.record.offers] == [("re-ressourcerie", "de-encombrants")]
    saved = one(lat="48,865024", lon="2,455023", kind="Ateliers et chantiers d’insertion (ACI)").record
    assert (saved.location, saved.approvals) == (row.record.location, row.record.approvals)
    # the commune is not taken from what was derived from the point
    assert one(city="Nulle-Part", commune_pip="93048").record.address.commune is None


def test_the_real_file_of_structures_comes_in(shared_data: Path) -> None:
    """3,853 rows, at most 3 % rejected; the bad SIRETs and the point on the Greenwich meridian are kept.

    All AI and ETTI make staff available; some 800 rows have a telling NAF code; most others say nothing.
    """
    rows = read((shared_data / "suppliers" / "siae_2020_iae.csv").read_bytes(), CSV, "siae")
    records = [row.record for row in rows if isinstance(row, Row)]
    assert len(rows) == 3853
    assert len(records) >= 3853 * 0.97
    assert sum(record.siret is not None and not siret_passes_check(record.siret) for record in records) == 13
    assert sum(record.location is None for record in records) == 32
    assert any(record.location is not None and record.location.lon == 2.4e-05 for record in records)

    offers = [offer for record in records for offer in record.offers]
    assert {offer.basis for offer in offers} == {"inferred"}
    assert sum("so-mad" in offer.segments for offer in offers) == 620 + 299
    assert 760 <= sum((offer.label or "").startswith("Déduit du code NAF") for offer in offers) <= 840
    assert sum(not record.offers for record in records) > 1500


ESAT_HEADER = (
    b"finess_et,siret,name,operator,operator_legal_form,address,post_code,commune_insee,commune,capacity,"
    b"lon_commune,lat_commune\n"
)
ESAT_ROW = (
    "010008951,,ESAT BLANCHISSERIE,ORSAC,Ass.L.1901 R.U.P., RTE DE LYON,13010,13210,Marseille 10e Arrondissement,9,"
    "5.4,43.2\n"
)


def test_a_row_becomes_a_record_placed_at_its_commune() -> None:
    (row,) = read(ESAT_HEADER + ESAT_ROW.encode(), CSV, "esat")
    assert (row.external_id, row.record.siret, row.record.location) == ("010008951", None, None)
    assert (row.record.legal_form, row.record.approvals) == ("association", (Approval("ESAT"),))
    assert row.record.address == Address("RTE DE LYON", "13010", "Marseille 10e Arrondissement", "13210")
    assert (row.record.description, row.record.size.places) == ("Organisme gestionnaire : ORSAC.", PlacesSize(9))
    assert [offer.segments for offer in row.record.offers] == [("lt-blanchisserie",)]
    (other,) = read(ESAT_HEADER + ESAT_ROW.replace("Ass.L.1901 R.U.P.", "Nouvelle forme").encode(), CSV, "esat")
    assert other.record.legal_form is None
    (mended,) = read(ESAT_HEADER + ESAT_ROW.replace("13210", "99999").encode(), CSV, "esat")
    assert (mended.record.address.commune, mended.flags) == ("13055", (Flag("not_understood", "99999 (13055 ?)"),))
    two = b"10008951.0,,ESAT,,,,1000.0,1053.0,Bourg,9,,\n1,,ESAT,,,,1000,,Bourg en Bresse,9,,\n"
    saved, found = read(ESAT_HEADER + two, CSV, "esat")
    assert (saved.external_id, saved.record.address) == ("010008951", Address(None, "01000", "Bourg", "01053"))
    assert found.record.address.commune == "01053"


@pytest.mark.parametrize(
    ("cell", "phone"), [("04 91 00 00 01", "0491000001"), ("491000001", "0491000001"), ("0691000001", None)]
)
def test_the_telephone_of_an_esat_is_kept_and_a_mobile_one_is_not(cell: str, phone: str | None) -> None:
    header, written = ESAT_HEADER.strip() + b",telephone\n", ESAT_ROW.strip() + f",{cell}\n"
    (row,) = read(header + written.encode(), CSV, "esat")
    assert row.record.contact.phone == phone


def test_a_self_employed_person_is_known_by_the_commune_alone() -> None:
    home = one(kind="TIH", address="3 rue du Bourg", post_code="35000", city="Rennes", lon="-1.68", lat="48.11")
    assert (home.record.address, home.record.location) == (Address(None, "35000", "Rennes", "35238"), None)


def test_the_real_lists_come_in(shared_data: Path) -> None:
    """The two SIRETs of ESAT that lost their leading zero have it again."""
    rows = read((shared_data / "suppliers" / "esat_finess.csv").read_bytes(), CSV, "esat")
    sirets = [row.record.siret for row in rows]
    assert (len(rows), sirets[566:568]) == (1504, ["08628031000102", "08628031000193"])
    rows = read((shared_data / "geiq" / "geiq_label.csv").read_bytes(), CSV, "geiq")
    assert Counter(row.code for row in rows if isinstance(row, RowError)) == {
        "wrong_length": 1, "invalid_siret": 1, "test_row": 7,
    }  # fmt: skip
    placed = sum(bool(row.record.address and row.record.address.commune) for row in rows if isinstance(row, Row))
    assert (len(rows), len({row.external_id for row in rows}), placed) == (440, 440, 415)
    rows = read(gzip.decompress((shared_data / "ess-list" / "ess_guyane_2022.csv.gz").read_bytes()), CSV, "ess-france")
    found = [row for row in rows if isinstance(row, Row)]
    assert (len(rows), len(found), sum(row.record.legal_form == "cooperative" for row in found)) == (6868, 6868, 55)
    rows = read((shared_data / "rna" / "rna_waldec_sample.csv").read_bytes(), CSV, "rna")
    assert [row.code for row in rows if isinstance(row, RowError)] == ["not_active", "missing_field", "missing_field"]


def test_groups_and_branches_are_numbered_apart() -> None:
    """The second list is as a French spreadsheet saves it, with empty columns."""
    data = b"label_id,name,siret,postal_code,city,branch_of\n7,GEIQ BTP 35,,35000,Rennes,\n8,,,35000,Rennes,7\n"
    first, second = read(data, CSV, "geiq")
    assert (first.external_id, first.record.offers) == ("7", ())
    assert (first.record.approvals, first.record.address.commune) == ((Approval("GEIQ"),), "35238")
    assert isinstance(second, RowError)
    saved = (
        ";;label_id;name ;siret;postal_code;city;branch_of\r\n;;99;GEIQ 2SMS;;;;\r\n;;99;Antenne de Béziers;;;;152\r\n"
    )
    group, branch = read(saved.encode("cp1252"), CSV, "geiq")
    assert (group.external_id, branch.external_id, branch.record.name) == ("99", "152/99", "Antenne de Béziers")


def test_a_branch_bears_the_name_of_its_group() -> None:
    rows = "7,GEIQ BTP 35,,35000,Rennes,\n8,Antenne de Redon,,35600,Redon,7\n9,GEIQ BTP 56,,56000,Vannes,7\n"
    found = read(f"label_id,name,siret,postal_code,city,branch_of\n{rows}".encode(), CSV, "geiq")
    assert [row.record.name for row in found] == ["GEIQ BTP 35", "GEIQ BTP 35 – Antenne de Redon", "GEIQ BTP 56"]


ESS_HEADER = "SIREN,Nom ou raison sociale de l'entreprise,Famille juridique de l'entreprise,Code postal\n"


def test_a_legal_unit_is_of_the_ess_and_its_siren_has_its_zeros_again() -> None:
    """Also between semicolons, in Windows-1252."""
    first, second, third = read(
        f"{ESS_HEADER}5580501,A,Mutuelles,56300\nX,B,,\n807469317,C,,\n".encode(), CSV, "ess-france"
    )
    assert (first.external_id, first.joins) == ("005580501", "005580501")
    assert (first.record.ess, first.record.legal_form, first.record.siret) == (True, "mutual", None)
    assert (second.line, second.code, third.record.legal_form) == (3, "invalid_siren", None)
    data = ESS_HEADER.replace(",", ";").encode() + "807469317;Été;Coopératives;56300\n".encode("cp1252")
    (row,) = read(data, CSV, "ess-france")
    assert row.record.legal_form == "cooperative"


@pytest.mark.parametrize(
    ("data", "name", "column"),
    [
        (b"nom,famille\nA,B\n", "ess-france", "SIREN"),
        (b"nom,est_ess\n", "directory", "siret"),
        (b"id;titre\n", "rna", "siret"),
        (structures().replace(b"post_code", b"zip"), "siae", "post_code"),
    ],
)
def test_a_column_that_is_missing_is_named(data: bytes, name: str, column: str) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(data, CSV, name)
    assert column in str([problem.detail for problem in raised.value.problems])


def test_titles_are_known_in_any_case_and_those_of_another_format_are_told() -> None:
    header = ESAT_HEADER.upper().replace(b"_", b" ").strip() + b",T\xe9l\xe9phone\n"
    table = header + ESAT_ROW.strip().encode() + b",0491000001\n"
    (row,) = read(table, CSV, "esat")
    assert (row.external_id, row.record.contact.phone) == ("010008951", "0491000001")
    for data, name, meant in ((table, "siae", "esat"), (b"Nom;SIRET\n", "vivier", "spreadsheet")):
        with pytest.raises(UnreadableFile, match=f"“{meant}”"):
            read(data, CSV, name)


RNA_HEADER = "id;siret;siren;titre;objet;objet_social1;objet_social2;adrg_libvoie;telephone;email;position\n"


def one_association(**cells: str) -> Any:
    (row,) = read(
        (RNA_HEADER + ";".join((SAMPLES["rna"]["association"] | cells).values())).encode("iso-8859-1"), CSV, "rna"
    )
    return row


def test_a_purpose_is_an_offer_and_a_description_of_who_has_the_number() -> None:
    """A SIRET goes before a SIREN."""
    row = one_association()
    (offer,) = row.record.offers
    assert (row.external_id, row.joins, row.record.siret) == ("W561000001", "807469317", None)
    assert (offer.segments, offer.basis) == (("so-enfance",), "inferred")
    assert (offer.evidence[0].kind, offer.evidence[0].reference) == ("purpose", "021005")
    assert (row.record.description, row.record.legal_form) == ("gérer une crèche", "association")
    assert not [private for private in ("PASCAL", "0297000000", "jeanne") if private in str(row)]
    assert one_association(objet_social1="21005").record.offers == (offer,)
    row = one_association(siret="80746931700018")
    assert row.joins == row.record.siret == "80746931700018"


@pytest.mark.parametrize(
    ("read_one", "cells", "fault"),
    [
        (one, {"kind": "ETI"}, "unknown_value /approvals/0/kind"),
        (one, {"lat": ""}, "missing_field /location"),
        (one, {"lat": "48°"}, "wrong_format /location/lat"),
        (one, {"lat": "488.65"}, "out_of_range /location/lat"),
        (one, {"siret": "7518704940002"}, "invalid_siret /siret"),
        (one, {"name": ""}, "wrong_length /name"),
        (one_association, {"position": "D"}, "not_active /position"),
        (one_association, {"siren": ""}, "missing_field /siret"),
        (one_association, {"siren": "", "siret": "9.13109E+13"}, "invalid_siret /siret"),
        (one_association, {"siren": "12"}, "invalid_siren /siren"),
    ],
)
def test_a_row_that_cannot_be_right_is_rejected(
    read_one: Callable[..., Any], cells: dict[str, str], fault: str
) -> None:
    row = read_one(**cells)
    assert (row.line, outcome(row, fault)) == (2, fault)
    assert row.external_id in {"12", "W561000001"}


def test_legal_units_and_establishments_tell_what_they_are_licensed_for() -> None:
    data = (
        b"siren,est_ess,est_siae,est_qualiopi,est_organisme_formation,est_entrepreneur_spectacle,est_societe_mission\n"
        b"807469317,true,true,true,true,false,false\n22560001,False,,,,True,True\n"
    )
    first, second = read(data, CSV, "directory")
    assert (first.joins, first.record.siret, first.record.ess) == ("807469317", None, True)
    assert [first.record.labels, *(each.segments for each in first.record.offers)] == [("Qualiopi",), ("so-formation",)]
    assert (second.joins, second.record.ess) == ("022560001", None)
    labels = second.record.labels
    assert [labels, *(each.segments for each in second.record.offers)] == [("Société à mission",), ("cc-spectacle",)]
    data = b"siret,siren,liste_rge,liste_id_bio\n80746931700018,807469317,\"['8611M10D109']\",[]\n"
    (row,) = read(data, CSV, "directory")
    assert (row.joins, [offer.segments for offer in row.record.offers]) == ("80746931700018", [("bt-energie",)])
