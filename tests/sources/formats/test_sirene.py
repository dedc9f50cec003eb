"""The business register: its stock with legal units beside, answers of the State's search, legal categories."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from domain.suppliers.source import Row
from domain.suppliers.supplier import Address, Approval, Flag, Point
from sources.formats.registry import CSV, JSON, NDJSON, read_rows
from sources.formats.sirene import legal_form_of
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import SAMPLES, Read, new_context

UNIT: dict[str, Any] = SAMPLES["sirene"]["unit"]
ESTABLISHMENT: dict[str, Any] = SAMPLES["sirene"]["establishment"]


def table(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def one(read: Read, **cells: str) -> Any:
    (row,) = read(table(UNIT | ESTABLISHMENT | cells), CSV, "sirene")
    return row


def made(read: Read, **cells: str) -> Any:
    row = one(read, **cells)
    assert isinstance(row, Row), row
    return row


def test_an_establishment_is_a_record_with_what_its_legal_unit_is(read: Read) -> None:
    row = made(read)
    record = row.record
    assert (row.external_id, row.joins, record.siret) == ("80746931700018", None, "80746931700018")
    assert (record.name, record.trade_name) == ("LES JARDINS DU BLAVET", "LA RESSOURCERIE")
    assert (record.legal_form, record.ess, record.active) == ("association", True, True)
    assert record.address == Address("6 RUE DU PONT", "35000", "RENNES", "35238")
    assert (round(record.location.lat, 2), round(record.location.lon, 2)) == (48.11, -1.69)
    assert [offer.segments for offer in record.offers] == [("re-ressourcerie",)]


@pytest.mark.parametrize(
    ("cells", "naf"),
    [
        ({"activitePrincipaleEtablissement": "81.21Z"}, "81.21Z"),
        ({"activitePrincipaleNAF25Etablissement": "81.21Y"}, "81.21Y"),
        ({"activitePrincipaleEtablissement": "", "activitePrincipaleUniteLegale": "81.21Z"}, "81.21Z"),
    ],
)
def test_either_vintage_tells_the_trade_and_the_legal_unit_where_the_establishment_has_no_code(
    read: Read, cells: dict[str, str], naf: str
) -> None:
    offer = made(read, enseigne1Etablissement="", **cells).record.offers[0]
    assert (offer.segments, offer.evidence[0].reference) == (("pr-locaux",), naf)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"statutDiffusionEtablissement": "P"}, "withheld"),
        ({"statutDiffusionUniteLegale": "P"}, "withheld"),
        ({"denominationUniteLegale": "[ND]"}, "withheld"),
        ({"categorieJuridiqueUniteLegale": "1000"}, "natural_person"),
        ({"denominationUniteLegale": "", "enseigne1Etablissement": ""}, "wrong_length"),
    ],
)
def test_persons_and_what_is_withheld_are_rejected_without_their_names(
    read: Read, cells: dict[str, str], code: str
) -> None:
    row = one(read, **cells)
    assert row.code == code
    assert "BLAVET" not in row.detail


def test_what_is_closed_is_not_active_and_no_flag_is_unknown(read: Read) -> None:
    assert made(read, etatAdministratifEtablissement="F").record.active is False
    assert made(read, etatAdministratifUniteLegale="C").record.active is False
    assert made(read, economieSocialeSolidaireUniteLegale="").record.ess is None
    assert made(read, economieSocialeSolidaireUniteLegale="N").record.ess is False
    assert made(read, societeMissionUniteLegale="O").record.labels == ("Société à mission",)


def test_withheld_cells_are_unknown_and_degrees_go_before_metres(read: Read) -> None:
    bare = made(
        read, libelleVoieEtablissement="[ND]", coordonneeLambertAbscisseEtablissement="[ND]", enseigne1Etablissement=""
    ).record
    assert (bare.location, bare.trade_name) == (None, None)
    assert made(read, y_latitude="48.1", x_longitude="-1.7").record.location == Point(48.1, -1.7)
    overseas = made(
        read,
        codeCommuneEtablissement="97411",
        coordonneeLambertAbscisseEtablissement="338000",
        coordonneeLambertOrdonneeEtablissement="7692000",
    ).record.location
    assert round(overseas.lat, 1) == -20.9


def test_a_file_without_the_legal_unit_is_unreadable(read: Read) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(table(ESTABLISHMENT), CSV, "sirene")
    assert {problem.pointer for problem in raised.value.problems} == {
        "/categorieJuridiqueUniteLegale",
        "/denominationUniteLegale",
    }


def test_the_real_stock_comes_in(read: Read, shared_data: Path) -> None:
    """With the words and codes of the taxonomy a quarter of the ESS has a trade, at the least."""
    folder = shared_data / "sirene"
    units = {row["siren"]: row for row in _rows(folder / "StockUniteLegale_transcoded.csv.gz")}
    both = [units[row["siren"]] | row for row in _rows(folder / "StockEtablissement_transcoded.csv.gz")]
    rows = [row for row in read(table(*both), CSV, "sirene") if isinstance(row, Row)]
    assert (len(rows), sum(row.record.active for row in rows)) == (1765, 1415)
    assert sum(bool(row.record.offers) for row in rows) >= 450


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("category", "form"),
    [
        ("9220", "association"),
        ("9222", "association"),
        ("9240", "other"),
        ("9150", "other"),
        ("9300", "foundation"),
        ("5458", "cooperative"),
        ("5560", "cooperative"),
        ("6317", "cooperative"),
        ("5499", "commercial_company"),
        ("5710", "commercial_company"),
        ("8210", "mutual"),
        ("7361", "public_body"),
        ("4140", "public_body"),
        ("1000", "other"),
        ("6540", "other"),
    ],
)
def test_a_category_stands_for_a_form(category: str, form: str) -> None:
    assert legal_form_of(category) == form


@pytest.mark.parametrize("category", ["", "92", "92200", "92A0", "²²²²"])
def test_what_is_no_category_stands_for_none(category: str) -> None:
    assert legal_form_of(category) is None


def test_titles_agree_with_the_forms(shared_data: Path) -> None:
    """Every category of the official list has a form; those that call themselves cooperative are."""
    listed = json.loads((shared_data / "peers" / "recherche-entreprises" / "natures-juridiques.json").read_bytes())
    assert [category for category in listed if legal_form_of(category) is None] == []
    cooperative = {category for category, title in listed.items() if "coopérativ" in title.lower()}
    assert {legal_form_of(category) for category in cooperative} == {"cooperative"}
    assert {legal_form_of(category) for category, title in listed.items() if title.startswith("Association déc")} == {
        "association"
    }


CONTEXT = new_context()
PLACE: dict[str, Any] = SAMPLES["sirene"]["place"]
SEAT: dict[str, Any] = SAMPLES["sirene"]["seat"]
RESULT: dict[str, Any] = SAMPLES["sirene"]["result"]
OTHER = PLACE | {"siret": "80746931700026", "libelle_commune": "PARIS 15", "commune": "75115"}


def read(document: Any, media_type: str = JSON) -> list[Any]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(read_rows("recherche-entreprises", io.BytesIO(data), media_type, CONTEXT))


def found(**fields: Any) -> list[Any]:
    rows = read({"results": [RESULT | fields], "total_results": 1, "page": 1, "per_page": 10, "total_pages": 1})
    assert all(isinstance(row, Row) for row in rows), rows
    return [row for row in rows if isinstance(row, Row)]


def one_found(**fields: Any) -> Any:
    (row,) = found(**fields)
    return row


def test_an_establishment_becomes_a_record_of_its_legal_person() -> None:
    row = one_found()
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
    row = one_found(
        siege=site, matching_etablissements=[site], nom_raison_sociale="ESPOIR", complements=None, **of_person
    )
    assert [offer.segments for offer in row.record.offers or ()] == ([segments] if segments else [])


def test_the_seat_says_more_of_its_address() -> None:
    assert one_found().record.address == Address("BATIMENT B, 9 B RUE MADELEINE ODRU", "93230", "ROMAINVILLE", "93063")
    (row,) = found(matching_etablissements=[OTHER])
    assert row.record.address == Address("RUE MADELEINE ODRU", "93230", "PARIS 15", "75115")


def test_the_establishments_found_are_records_and_else_the_seat() -> None:
    assert [row.external_id for row in found(matching_etablissements=[OTHER])] == ["80746931700026"]
    assert [row.external_id for row in found(matching_etablissements=[PLACE, OTHER])] == [
        "80746931700018",
        "80746931700026",
    ]
    assert one_found(matching_etablissements=[]).external_id == "80746931700018"


def test_kinds_of_a_legal_person_are_not_those_of_each_establishment() -> None:
    """Which of several holds the convention is not said: approvals stay unknown, and the description tells."""
    row = one_found(nombre_etablissements_ouverts=2)
    assert row.record.approvals is None
    assert row.record.description is not None
    assert "EI" in row.record.description
    single = one_found(complements={"type_siae": "['ACI', 'AI']"})
    assert single.record.approvals == (Approval("ACI"), Approval("AI"))
    assert {code for offer in single.record.offers for code in offer.segments} == {"so-mad", "rs-traiteur"}


@pytest.mark.parametrize("kinds", ["", None, "[]"])
def test_no_kind_is_no_knowledge(kinds: str | None) -> None:
    assert one_found(complements={"type_siae": kinds, "est_siae": False}).record.approvals is None
    assert one_found(complements={"type_siae": kinds, "est_siae": True}).record.description is not None


def test_a_kind_that_is_none_of_ours_is_flagged() -> None:
    assert one_found(complements={"type_siae": "['OPCS']"}).flags == (Flag("unmapped_category", "OPCS"),)


@pytest.mark.parametrize("complements", [{"est_ess": False}, {"est_ess": None}, {}, None])
def test_not_being_on_a_list_of_ess_says_nothing(complements: dict[str, Any] | None) -> None:
    assert one_found(complements=complements).record.ess is None


def test_what_is_closed_is_not_active_and_holds_nothing() -> None:
    closed = one_found(matching_etablissements=[PLACE | {"etat_administratif": "F"}], siege=None)
    assert (closed.record.active, closed.record.approvals) == (False, None)
    assert not one_found(etat_administratif="C").record.active


def test_who_opposed_the_use_of_his_data_is_not_active_and_nowhere() -> None:
    row = one_found(
        statut_diffusion="P", siege=None, matching_etablissements=[PLACE | {"latitude": "[NON-DIFFUSIBLE]"}]
    )
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
    assert one_found(siege=SEAT | place).record.location == point


def test_a_person_without_a_name_is_called_by_its_siret() -> None:
    assert one_found(nom_complet=None, nom_raison_sociale=None).record.name == "SIRET 80746931700018"


@pytest.mark.parametrize(
    ("finances", "turnover"),
    [(None, None), ({"2020": {"ca": 5}, "2022": {"ca": None}}, 5), ({"2020": {"ca": 5}, "2021": {"ca": -1}}, 5)],
)
def test_the_turnover_is_the_latest_that_is_told(finances: dict[str, Any] | None, turnover: float | None) -> None:
    assert one_found(finances=finances).record.turnover_eur == turnover


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
    assert f"{row.code} {row.pointer}" == fault


def test_answers_come_by_line_too() -> None:
    data = json.dumps({"results": [RESULT]}).encode() + b"\n\n" + json.dumps(RESULT).encode()
    assert [row.line for row in read(data, NDJSON)] == [1, 3]


def test_the_real_answer_comes_in(shared_data: Path) -> None:
    path = shared_data / "peers" / "recherche-entreprises" / "search_response_example_from_openapi.json"
    (row,) = read(path.read_bytes())
    assert (row.external_id, row.record.name, row.record.legal_form) == (
        "35600000000048",
        "LA POSTE",
        "commercial_company",
    )
    assert row.record.location == Point(48.83002, 2.275688)
    assert (row.record.ess, row.record.approvals, row.record.offers, row.record.active) == (None, None, (), True)
