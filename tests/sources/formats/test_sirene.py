"""The business register: its stock with legal units beside, answers of the State's search, legal categories."""

import csv
import gzip
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.suppliers.source import Row
from domain.suppliers.supplier import Address, Approval, Flag, Point, SizeInEuros, StaffSize, SupplierSize
from sources.file_reader import CSV, JSON, NDJSON
from sources.formats.sirene import legal_form_of
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import SAMPLES, outcome, read

UNIT: dict[str, Any] = SAMPLES["sirene"]["unit"]
ESTABLISHMENT: dict[str, Any] = SAMPLES["sirene"]["establishment"]


def table(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def one(**cells: str) -> Any:
    (row,) = read(table(UNIT | ESTABLISHMENT | cells), CSV, "sirene")
    return row


def made(**cells: str) -> Any:
    row = one(**cells)
    assert isinstance(row, Row), row
    return row


def test_an_establishment_is_a_record_with_what_its_legal_unit_is() -> None:
    row = made()
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
    cells: dict[str, str], naf: str
) -> None:
    offer = made(enseigne1Etablissement="", **cells).record.offers[0]
    assert (offer.segments, offer.evidence[0].reference) == (("pr-locaux",), naf)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # persons and what is withheld are rejected
        ({"statutDiffusionEtablissement": "P"}, "withheld /statutDiffusionEtablissement"),
        ({"statutDiffusionUniteLegale": "P"}, "withheld /statutDiffusionEtablissement"),
        ({"denominationUniteLegale": "[ND]"}, "withheld /denominationUniteLegale"),
        ({"categorieJuridiqueUniteLegale": "1000"}, "natural_person /categorieJuridiqueUniteLegale"),
        ({"denominationUniteLegale": "", "enseigne1Etablissement": ""}, "wrong_length /name"),
        ({"etatAdministratifEtablissement": "F"}, {"active": False}),
        ({"etatAdministratifUniteLegale": "C"}, {"active": False}),
        ({"economieSocialeSolidaireUniteLegale": ""}, {"ess": None}),
        ({"economieSocialeSolidaireUniteLegale": "N"}, {"ess": False}),
        ({"societeMissionUniteLegale": "O"}, {"labels": ("Société à mission",)}),
        ({"coordonneeLambertAbscisseEtablissement": "[ND]"}, {"location": None}),
        ({"libelleVoieEtablissement": "[ND]", "enseigne1Etablissement": ""}, {"trade_name": None}),
        (
            {"trancheEffectifsEtablissement": "11", "anneeEffectifsEtablissement": "2023"},
            {"size": SupplierSize(staff=StaffSize(10, 19, date(2023, 12, 31)))},
        ),
        (
            {"trancheEffectifsEtablissement": "53", "anneeEffectifsEtablissement": ""},
            {"size": SupplierSize(staff=StaffSize(10_000))},
        ),
        ({"trancheEffectifsEtablissement": "NN", "trancheEffectifsUniteLegale": "53"}, {"size": None}),
        # degrees go before metres
        ({"y_latitude": "48.1", "x_longitude": "-1.7"}, {"location": Point(48.1, -1.7)}),
    ],
)
def test_cells_say_what_they_say_and_who_is_not_to_be_named_is_not(
    cells: dict[str, str], expected: str | dict[str, Any]
) -> None:
    row = one(**cells)
    assert outcome(row, expected) == expected
    assert "BLAVET" not in getattr(row, "detail", "")


def test_metres_are_those_of_the_territory() -> None:
    metres = {"coordonneeLambertAbscisseEtablissement": "338000", "coordonneeLambertOrdonneeEtablissement": "7692000"}
    assert round(made(codeCommuneEtablissement="97411", **metres).record.location.lat, 1) == -20.9


def test_a_file_without_the_legal_unit_is_unreadable() -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(table(ESTABLISHMENT), CSV, "sirene")
    assert {problem.pointer for problem in raised.value.problems} == {
        "/categorieJuridiqueUniteLegale",
        "/denominationUniteLegale",
    }


def test_the_real_stock_comes_in(shared_data: Path) -> None:
    """With the words and codes of the taxonomy nearly a fifth of the ESS has a trade; most employ nobody."""
    folder = shared_data / "sirene"
    units = {row["siren"]: row for row in _rows(folder / "StockUniteLegale_transcoded.csv.gz")}
    both = [units[row["siren"]] | row for row in _rows(folder / "StockEtablissement_transcoded.csv.gz")]
    rows = [row for row in read(table(*both), CSV, "sirene") if isinstance(row, Row)]
    assert (len(rows), sum(row.record.active for row in rows)) == (1765, 1415)
    assert sum(bool(row.record.offers) for row in rows) >= 300


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
        *((no_category, None) for no_category in ("", "92", "92200", "92A0", "²²²²")),
    ],
)
def test_a_category_stands_for_a_form(category: str, form: str | None) -> None:
    assert legal_form_of(category) == form


def test_titles_agree_with_the_forms(shared_data: Path) -> None:
    """Every category of the official list has a form; those that call themselves cooperative are."""
    listed = json.loads((shared_data / "peers" / "recherche-entreprises" / "natures-juridiques.json").read_bytes())
    assert [category for category in listed if legal_form_of(category) is None] == []
    cooperative = {category for category, title in listed.items() if "coopérativ" in title.lower()}
    assert {legal_form_of(category) for category in cooperative} == {"cooperative"}
    assert {legal_form_of(category) for category, title in listed.items() if title.startswith("Association déc")} == {
        "association"
    }


PLACE: dict[str, Any] = SAMPLES["sirene"]["place"]
SEAT: dict[str, Any] = SAMPLES["sirene"]["seat"]
RESULT: dict[str, Any] = SAMPLES["sirene"]["result"]
OTHER = PLACE | {"siret": "80746931700026", "libelle_commune": "PARIS 15", "commune": "75115"}


def answer(document: Any, media_type: str = JSON) -> list[Any]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read(data, media_type, "recherche-entreprises")


def found(**fields: Any) -> list[Any]:
    rows = answer({"results": [RESULT | fields], "total_results": 1, "page": 1, "per_page": 10, "total_pages": 1})
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
    place_after_de, of_person = dict(zip(names, place, strict=True)), dict(zip(names, person, strict=True))
    site = PLACE | {"liste_enseignes": None} | place_after_de
    row = one_found(
        siege=site, matching_etablissements=[site], nom_raison_sociale="ESPOIR", complements=None, **of_person
    )
    assert [offer.segments for offer in row.record.offers or ()] == ([segments] if segments else [])


def test_the_establishments_found_are_records_and_else_the_seat_which_says_more_of_its_address() -> None:
    (row,) = found(matching_etablissements=[OTHER])
    assert (row.external_id, row.record.address) == (
        "80746931700026", Address("RUE MADELEINE ODRU", "93230", "PARIS 15", "75115"),
    )  # fmt: skip
    both = found(matching_etablissements=[PLACE, OTHER])
    assert [row.external_id for row in both] == ["80746931700018", "80746931700026"]
    assert one_found(matching_etablissements=[]).external_id == "80746931700018"
    assert one_found().record.address == Address("BATIMENT B, 9 B RUE MADELEINE ODRU", "93230", "ROMAINVILLE", "93063")


def test_kinds_of_a_legal_person_are_not_those_of_each_establishment() -> None:
    """Which of several holds the convention is not said: approvals stay unknown, and the description tells."""
    row = one_found(nombre_etablissements_ouverts=2)
    assert row.record.approvals is None
    assert row.record.description is not None
    assert "EI" in row.record.description
    assert one_found(complements={"type_siae": "['OPCS']"}).flags == (Flag("unmapped_category", "OPCS"),)
    single = one_found(complements={"type_siae": "['ACI', 'AI']"})
    assert single.record.approvals == (Approval("ACI"), Approval("AI"))
    assert {code for offer in single.record.offers for code in offer.segments} == {"so-mad", "rs-traiteur"}


SIAE = "Signalée comme structure d'insertion, sans que son genre soit précisé."


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        *(({"complements": {"type_siae": each, "est_siae": False}}, {"approvals": None}) for each in ("", None, "[]")),
        *(({"complements": {"type_siae": each, "est_siae": True}}, {"description": SIAE}) for each in ("", None, "[]")),
        # not being on a list of the ESS says nothing
        *(({"complements": each}, {"ess": None}) for each in ({"est_ess": False}, {"est_ess": None}, {}, None)),
        # what is closed is not active and holds nothing
        (
            {"matching_etablissements": [PLACE | {"etat_administratif": "F"}], "siege": None},
            {"active": False, "approvals": None},
        ),
        ({"etat_administratif": "C"}, {"active": False}),
        # nor is who opposed the use of his data, and he is nowhere
        (
            {
                "statut_diffusion": "P",
                "siege": None,
                "matching_etablissements": [PLACE | {"latitude": "[NON-DIFFUSIBLE]"}],
            },
            {"active": False, "location": None, "address": Address(commune="93063")},
        ),
        # of a natural person nothing is told of where he lives
        ({"nature_juridique": "1000"}, {"location": None, "address": Address(commune="93063")}),
        (
            {"siege": SEAT | {"latitude": None, "longitude": None, "coordonnees": "48.5, 2.5"}},
            {"location": Point(48.5, 2.5)},
        ),
        ({"siege": SEAT | {"latitude": "", "longitude": "", "coordonnees": None}}, {"location": None}),
        ({"siege": SEAT | {"latitude": 48.5, "longitude": 2.5}}, {"location": Point(48.5, 2.5)}),
        ({"nom_complet": None, "nom_raison_sociale": None}, {"name": "SIRET 80746931700018"}),
        # the latest turnover that is told
        ({"finances": None}, {"turnover_eur": None}),
        ({"finances": {"2020": {"ca": 5}, "2022": {"ca": None}}}, {"turnover_eur": 5}),
        ({"finances": {"2020": {"ca": 5}, "2021": {"ca": -1}}}, {"turnover_eur": 5}),
        (
            {
                "finances": {"2020": {"ca": 5}},
                "siege": SEAT | {"tranche_effectif_salarie": "03", "annee_tranche_effectif_salarie": "2022"},
            },
            {
                "size": SupplierSize(
                    staff=StaffSize(6, 9, date(2022, 12, 31)), turnover_eur=SizeInEuros(5, date(2020, 12, 31))
                )
            },
        ),
        ({"siege": None, "matching_etablissements": None}, "missing_field /matching_etablissements"),
        ({"siege": SEAT | {"latitude": "48°"}}, "wrong_format /location/lat"),
        ({"siege": SEAT | {"longitude": None}}, "missing_field /location/lon"),
        ({"siege": SEAT | {"commune": "99999", "libelle_commune": "Nulle-Part"}}, "unknown_code /address/commune"),
        ({"siege": {"etat_administratif": "A"}}, "missing_field /siege/siret"),
    ],
)
def test_a_result_says_what_it_says_and_a_fault_is_told_at_its_place(
    fields: dict[str, Any], expected: str | dict[str, Any]
) -> None:
    (row,) = answer([RESULT | fields])
    assert outcome(row, expected) == expected


def test_answers_come_by_line_too() -> None:
    data = json.dumps({"results": [RESULT]}).encode() + b"\n\n" + json.dumps(RESULT).encode()
    assert [row.line for row in answer(data, NDJSON)] == [1, 3]


def test_the_real_answer_comes_in(shared_data: Path) -> None:
    path = shared_data / "peers" / "recherche-entreprises" / "search_response_example_from_openapi.json"
    (row,) = answer(path.read_bytes())
    assert (row.external_id, row.record.name, row.record.legal_form) == (
        "35600000000048",
        "LA POSTE",
        "commercial_company",
    )
    assert row.record.location == Point(48.83002, 2.275688)
    assert (row.record.ess, row.record.approvals, row.record.offers, row.record.active) == (None, None, (), True)
