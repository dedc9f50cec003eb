"""Answers of the State's search of the business register."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Address, Approval, Flag, Point
from sources.formats.registry import JSON, NDJSON, read_rows
from tests.sources.formats.conftest import new_context

CONTEXT = new_context()
PLACE = {
    "siret": "80746931700018", "etat_administratif": "A", "activite_principale": "56.21Z", "nom_commercial": None,
    "liste_enseignes": ["BALUCHON"], "adresse": "RUE MADELEINE ODRU 93230 ROMAINVILLE", "code_postal": "93230",
    "commune": "93063", "libelle_commune": "ROMAINVILLE", "latitude": "48.88053", "longitude": "2.431955",
    "est_siege": False, "tranche_effectif_salarie": "12", "statut_diffusion_etablissement": "O",
}  # fmt: skip
SEAT = PLACE | {
    "complement_adresse": "BATIMENT B", "numero_voie": "9", "indice_repetition": "B", "type_voie": "RUE",
    "libelle_voie": "MADELEINE ODRU", "coordonnees": "48.1,2.1", "est_siege": True,
}  # fmt: skip
RESULT = {
    "siren": "807469317", "nom_complet": "a table citoyens (BALUCHON)", "nom_raison_sociale": "A TABLE CITOYENS",
    "nombre_etablissements": 3, "nombre_etablissements_ouverts": 1, "siege": SEAT, "activite_principale": "88.99B",
    "etat_administratif": "A", "nature_juridique": "5499", "matching_etablissements": [PLACE],
    "dirigeants": [{"nom": "Dupont", "prenoms": "Jeanne"}], "finances": {"2021": {"ca": 10, "resultat_net": 1}},
    "complements": {"est_ess": True, "est_siae": True, "type_siae": "['EI']", "est_association": False},
}  # fmt: skip
OTHER = PLACE | {"siret": "80746931700026", "libelle_commune": "PARIS 15", "commune": "75115"}


def read(document: Any, media_type: str = JSON) -> list[Row | RowError]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(read_rows("recherche-entreprises", io.BytesIO(data), media_type, CONTEXT))


def found(**fields: Any) -> list[Row]:
    rows = read({"results": [RESULT | fields], "total_results": 1, "page": 1, "per_page": 10, "total_pages": 1})
    assert all(isinstance(row, Row) for row in rows), rows
    return [row for row in rows if isinstance(row, Row)]


def one(**fields: Any) -> Row:
    (row,) = found(**fields)
    return row


def test_an_establishment_becomes_a_record_of_its_legal_person() -> None:
    row = one()
    assert (row.external_id, row.record.siret) == ("80746931700018", "80746931700018")
    assert (row.record.name, row.record.trade_name) == ("A TABLE CITOYENS", "BALUCHON")
    assert (row.record.legal_form, row.record.ess, row.record.turnover_eur) == ("commercial_company", True, 10)
    assert row.record.approvals == (Approval("EI"),)
    assert row.record.location == Point(48.88053, 2.431955)
    assert [(offer.segments, offer.basis) for offer in row.record.offers] == [(("rs-traiteur",), "inferred")]
    assert (row.record.active, row.record.employees, row.record.contact) == (True, None, None)
    assert "Dupont" not in str(row)


@pytest.mark.parametrize(
    ("place", "person", "segments"),
    [
        (("56.21Z", "56.21Y"), ("88.99B", "88.99H"), ("rs-traiteur",)),
        (("56.21Y", None), ("88.99B", None), ("rs-traiteur",)),  # as Sirene may write it from 2027 on
        (("95.29Z", "95.29G"), (None, None), ("lo-vehicules",)),  # only the new code says what is repaired
        (("88.99B", "88.99H"), ("56.21Z", "56.21Y"), None),  # the establishment's says nothing, and is its own
        ((None, None), ("88.99B", "56.21Y"), ("rs-traiteur",)),
        ((None, "56.21Y"), (None, None), ("rs-traiteur",)),
    ],
)
def test_the_trade_is_read_from_either_vintage_of_naf(
    place: tuple[str | None, str | None], person: tuple[str | None, str | None], segments: tuple[str, ...] | None
) -> None:
    names = "activite_principale", "activite_principale_naf25"
    of_place, of_person = dict(zip(names, place, strict=True)), dict(zip(names, person, strict=True))
    site = PLACE | {"liste_enseignes": None} | of_place
    row = one(siege=site, matching_etablissements=[site], nom_raison_sociale="ESPOIR", complements=None, **of_person)
    assert [offer.segments for offer in row.record.offers or ()] == ([segments] if segments else [])


def test_the_seat_says_more_of_its_address() -> None:
    assert one().record.address == Address("BATIMENT B, 9 B RUE MADELEINE ODRU", "93230", "ROMAINVILLE", "93063")
    (row,) = found(matching_etablissements=[OTHER])
    assert row.record.address == Address("RUE MADELEINE ODRU", "93230", "PARIS 15", "75115")


def test_the_establishments_found_are_records_and_else_the_seat() -> None:
    assert [row.external_id for row in found(matching_etablissements=[OTHER])] == ["80746931700026"]
    assert [row.external_id for row in found(matching_etablissements=[PLACE, OTHER])] == [
        "80746931700018",
        "80746931700026",
    ]
    assert one(matching_etablissements=[]).external_id == "80746931700018"


def test_kinds_of_a_legal_person_are_not_those_of_each_establishment() -> None:
    """Which of several holds the convention is not said: approvals stay unknown, and the description tells."""
    row = one(nombre_etablissements_ouverts=2)
    assert row.record.approvals is None
    assert row.record.description is not None
    assert "EI" in row.record.description
    single = one(complements={"type_siae": "['ACI', 'AI']"})
    assert single.record.approvals == (Approval("ACI"), Approval("AI"))
    assert {code for offer in single.record.offers for code in offer.segments} == {"so-mad", "rs-traiteur"}


@pytest.mark.parametrize("kinds", ["", None, "[]"])
def test_no_kind_is_no_knowledge(kinds: str | None) -> None:
    assert one(complements={"type_siae": kinds, "est_siae": False}).record.approvals is None
    assert one(complements={"type_siae": kinds, "est_siae": True}).record.description is not None


def test_a_kind_that_is_none_of_ours_is_flagged() -> None:
    assert one(complements={"type_siae": "['OPCS']"}).flags == (Flag("unmapped_category", "OPCS"),)


@pytest.mark.parametrize("complements", [{"est_ess": False}, {"est_ess": None}, {}, None])
def test_not_being_on_a_list_of_ess_says_nothing(complements: dict[str, Any] | None) -> None:
    assert one(complements=complements).record.ess is None


def test_what_is_closed_is_not_active_and_holds_nothing() -> None:
    closed = one(matching_etablissements=[PLACE | {"etat_administratif": "F"}], siege=None)
    assert (closed.record.active, closed.record.approvals) == (False, None)
    assert not one(etat_administratif="C").record.active


def test_who_opposed_the_use_of_his_data_is_not_active_and_nowhere() -> None:
    row = one(statut_diffusion="P", siege=None, matching_etablissements=[PLACE | {"latitude": "[NON-DIFFUSIBLE]"}])
    assert (row.record.active, row.record.location) == (False, None)
    assert row.record.address == Address(commune="93063")


@pytest.mark.parametrize(
    ("place", "point"),
    [
        ({"latitude": None, "longitude": None, "coordonnees": "48.5, 2.5"}, Point(48.5, 2.5)),
        ({"latitude": "", "longitude": "", "coordonnees": None}, None),
        ({"latitude": 48.5, "longitude": 2.5}, Point(48.5, 2.5)),
    ],
)
def test_points_come_in_several_shapes(place: dict[str, Any], point: Point | None) -> None:
    assert one(siege=SEAT | place).record.location == point


def test_a_person_without_a_name_is_called_by_its_siret() -> None:
    assert one(nom_complet=None, nom_raison_sociale=None).record.name == "SIRET 80746931700018"


@pytest.mark.parametrize(
    ("finances", "turnover"),
    [(None, None), ({"2020": {"ca": 5}, "2022": {"ca": None}}, 5), ({"2020": {"ca": 5}, "2021": {"ca": -1}}, 5)],
)
def test_the_turnover_is_the_latest_that_is_told(finances: dict[str, Any] | None, turnover: float | None) -> None:
    assert one(finances=finances).record.turnover_eur == turnover


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"siege": None, "matching_etablissements": None}, "missing_field /matching_etablissements"),
        ({"siege": SEAT | {"latitude": "48°"}}, "wrong_format /location/lat"),
        ({"siege": SEAT | {"longitude": None}}, "missing_field /location/lon"),
        ({"siege": SEAT | {"commune": "99999"}}, "unknown_code /address/commune"),
        ({"siege": {"etat_administratif": "A"}}, "missing_field /siege/siret"),
    ],
)
def test_a_faulty_result_is_rejected_at_its_place(fields: dict[str, Any], fault: str) -> None:
    (row,) = read([RESULT | fields])
    assert isinstance(row, RowError)
    assert f"{row.code} {row.pointer}" == fault


def test_answers_come_by_line_too() -> None:
    data = json.dumps({"results": [RESULT]}).encode() + b"\n\n" + json.dumps(RESULT).encode()
    assert [row.line for row in read(data, NDJSON)] == [1, 3]


def test_the_real_answer_comes_in(shared_data: Path) -> None:
    path = shared_data / "peers" / "recherche-entreprises" / "search_response_example_from_openapi.json"
    (row,) = read(path.read_bytes())
    assert isinstance(row, Row)
    assert (row.external_id, row.record.name, row.record.legal_form) == (
        "35600000000048",
        "LA POSTE",
        "commercial_company",
    )
    assert row.record.location == Point(48.83002, 2.275688)
    assert (row.record.ess, row.record.approvals, row.record.offers, row.record.active) == (None, None, (), True)
