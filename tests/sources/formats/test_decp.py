"""Public contracts awarded, as French buyers publish them."""

import gzip
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import PublicAward
from sources.file_reader import CSV, JSON, NDJSON, read_rows
from tests.sources.formats.conftest import CONTEXT, SAMPLES, outcome, read

BUYER, SIRET, OTHER = "22560001400016", "80746931700018", "91310933600010"
CONTRACT: dict[str, Any] = SAMPLES["decp"]["contract"]
HEADER = (
    "uid,acheteur_id,acheteur_nom,titulaire_id,titulaire_typeIdentifiant,objet,codeCPV,dateNotification,montant,"
    "lieuExecution_code,lieuExecution_typeCode,modification_id"
)


def in_2022(*contracts: dict[str, Any]) -> bytes:
    return json.dumps({"marches": {"marche": contracts}}).encode()


def one(**fields: Any) -> Any:
    data = io.BytesIO(in_2022(CONTRACT | fields))
    (row,) = read_rows("decp", data, JSON, replace(CONTEXT, today=date(2026, 11, 24)))
    assert isinstance(row, Row), row
    return row


def test_a_contract_and_its_winner_are_a_record_that_makes_no_supplier() -> None:
    row = one()
    assert (row.external_id, row.joins, row.record.siret) == (f"{BUYER}2025-12-00/{SIRET}", SIRET, SIRET)
    assert row.record.public_awards == (
        PublicAward(
            BUYER,
            "Entretien des espaces verts des collèges",
            "77310000",
            84000,
            date(2025, 3, 18),
            "Morbihan",
            None,
            False,
        ),
    )
    around, there = row.record.offers
    assert (around.segments, around.basis, around.service_area) == (("ev-entretien",), "awarded", None)
    assert there.service_area.codes == ("departement:56",)
    assert row.record.offers[0].evidence[0].reference == "2025-12-00"


def test_before_2024_buyers_had_names_and_winners_were_not_wrapped() -> None:
    older = CONTRACT | SAMPLES["decp"]["of_2019"]
    (row,) = read(json.dumps({"marches": [older]}).encode(), JSON, "decp")
    assert row.external_id == f"{BUYER}2025-12-00/{SIRET}"
    assert row.record.public_awards[0].buyer == "DEPARTEMENT DU MORBIHAN"
    assert row.record.public_awards[0].place == "Vannes"
    assert "MARTIN" not in str(row)


def test_each_winner_is_a_record_seen_in_a_group_and_one_without_siret_is_rejected() -> None:
    winners = [
        {"titulaire": {"typeIdentifiant": "SIRET", "id": SIRET}},
        {"titulaire": {"typeIdentifiant": "SIRET", "id": OTHER}},
        {"titulaire": {"typeIdentifiant": "TVA", "id": "IT00802230151"}},
        {"titulaire": {"typeIdentifiant": "SIRET", "id": "1234567890"}},
    ]
    first, second, foreign, test_row = read(in_2022(CONTRACT | {"titulaires": winners}), JSON, "decp")
    assert (first.joins, second.joins) == (SIRET, OTHER)
    assert str(first.record.offers[0].evidence[0].label).endswith("(en groupement)")
    assert first.record.public_awards[0].in_group
    assert one(dureeMois=48).record.public_awards[0].duration_months == 48
    assert one(dureeMois=0).record.public_awards[0].duration_months is None
    assert (foreign.code, test_row.code) == ("winner_without_siret", "invalid_siret")


@pytest.mark.parametrize(
    ("said", "is_framework"),
    [
        ({"nature": "ACCORD-CADRE"}, True),
        ({"nature": "Marché", "techniques": {"technique": ["Accord-cadre"]}}, True),
        ({"nature": "Marché subséquent", "techniques": {"technique": ["Accord-cadre"]}}, False),
        ({"nature": "Marché", "techniques": {"technique": ["Accord-cadre"]}, "idAccordCadre": "P245"}, False),
        ({"nature": "Marché", "techniques": {"technique": ["Sans objet"]}}, False),
        ({"nature": None, "techniques": None}, None),
    ],
)
def test_the_value_of_a_framework_agreement_is_a_maximum(said: dict[str, Any], is_framework: bool | None) -> None:
    assert one(**{"modalitesExecution": None, **said}).record.public_awards[0].is_framework is is_framework


@pytest.mark.parametrize("titulaires", [[], None, {}])
def test_a_contract_without_a_winner_or_a_number_is_rejected(titulaires: Any) -> None:
    rows = read(in_2022(CONTRACT | {"titulaires": titulaires}, CONTRACT | {"id": None}), JSON, "decp")
    assert [(row.code, row.pointer) for row in rows if isinstance(row, RowError)] == [
        ("missing_field", "/titulaires"),
        ("missing_field", "/id"),
    ]


@pytest.mark.parametrize(
    ("place", "name", "departement"),
    [
        ({"code": "56", "typeCode": "CODE DEPARTEMENT"}, "Morbihan", "56"),
        ({"code": "1", "typeCode": "Code département"}, "Ain", "01"),
        ({"code": "1 3", "typeCode": "Code département"}, "Bouches-du-Rhône", "13"),
        ({"code": "2A", "typeCode": "code département"}, "Corse-du-Sud", "2A"),
        ({"code": "56300", "typeCode": "Code postal"}, "56300", "56"),
        ({"code": "97410", "typeCode": "Code postal"}, "97410", "974"),
        ({"code": "56178", "typeCode": "Code commune"}, "Pontivy", "56"),
        ({"code": "0902", "typeCode": "Code postal"}, "0902", None),
        ({"code": "DEP", "typeCode": "Code commune"}, "DEP", None),
        ({"code": "FR", "typeCode": "Code pays"}, "FR", None),
        ({"code": "53", "typeCode": "Code région"}, "53", None),
        ({"code": "", "typeCode": ""}, None, None),
        (None, None, None),
    ],
)
def test_places_are_read_as_they_are_really_written(place: Any, name: str | None, departement: str | None) -> None:
    record = one(lieuExecution=place).record
    assert record.public_awards[0].place == name
    areas = [offer.service_area.codes for offer in record.offers if offer.service_area]
    assert areas == ([(f"departement:{departement}",)] if departement else [])


@pytest.mark.parametrize(
    ("fields", "award"),
    [
        ({"codeCPV": "77310000-6"}, {"cpv": "77310000"}),
        ({"codeCPV": "3142300"}, {"cpv": "03142300"}),
        ({"codeCPV": "INX 28213700-5"}, {"cpv": None}),
        ({"codeCPV": "SUP 77310000-6"}, {"cpv": "77310000"}),
        ({"codeCPV": "99999999"}, {"cpv": None}),
        ({"codeCPV": ""}, {"cpv": None}),
        ({"montant": -5, "dateNotification": "0018-13-01"}, {"value_eur": None, "notified_on": None}),
        ({"dateNotification": "2026-12-01"}, {"notified_on": date(2026, 12, 1)}),
        ({"dateNotification": "2925-01-01"}, {"notified_on": None}),  # far ahead of the day of the import
    ],
)
def test_cells_are_read_as_they_are_really_written(fields: dict[str, Any], award: dict[str, Any]) -> None:
    found = one(**fields).record.public_awards[0]
    assert {name: getattr(found, name) for name in award} == award


def test_lost_accents_are_guessed_for_reading_and_shown_as_they_came() -> None:
    text = "Entretien d�espaces verts r�serv� � un op�rateur"
    record = one(objet=text, codeCPV="").record
    assert record.offers[0].segments == ("ev-entretien",)
    assert record.public_awards[0].object == text


def test_texts_longer_than_a_record_holds_stop_no_other_contract() -> None:
    """A place lists a hundred communes; an object is a whole page."""
    long_place = CONTRACT | {"lieuExecution": {"nom": "Pontivy, " * 100}}
    long_object = CONTRACT | {"id": "2", "objet": "Tonte " * 5_000}
    placed, refused = read(in_2022(long_place, long_object), JSON, "decp")
    assert str(placed.record.public_awards[0].place).startswith("Pontivy, Pontivy")
    msgspec.convert(msgspec.to_builtins(placed.record), type(placed.record))
    assert (refused.code, refused.pointer) == ("wrong_length", "/public_awards/0/object")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, "trial /public_awards/0/object") for text in ("TEST PES", "Test_DUME - lot 1", "Le marche noir")),
        ("envoi pour Json test 2", "trial /public_awards/0/object"),
        *((text, {"siret": SIRET}) for text in ("Tests de dépistage", "Test d'étanchéité du lot 1", "Lot 1", "")),
        ("Marché noir", {"siret": SIRET}),
    ],
)
def test_trials_of_publishing_are_rejected_and_contracts_about_tests_are_none(
    text: str, expected: str | dict[str, Any]
) -> None:
    (row,) = read(in_2022(CONTRACT | {"objet": text}), JSON, "decp")
    assert outcome(row, expected) == expected


def test_a_winner_that_may_be_a_person_is_not_named_in_its_reject() -> None:
    winner = {"titulaire": {"typeIdentifiant": "HORS-UE", "id": "Jean Dupont"}}
    data = f"{HEADER}\n{BUYER}M1,{BUYER},X,Jean Dupont,HORS-UE,Nettoyage,,2025-03-18,1,56,,0\n"
    in_json = read(in_2022(CONTRACT | {"titulaires": [winner]}), JSON, "decp")
    for row in (*in_json, *read(data.encode(), CSV, "decp")):
        assert isinstance(row, RowError)
        assert "Dupont" not in str(row)


def test_lines_and_concessions_are_read_too() -> None:
    both = json.dumps(
        {"marches": {"marche": [CONTRACT], "contrat-concession": [SAMPLES["decp"]["concession"]]}}
    ).encode()
    for data, media_type in ((both, JSON), (both, NDJSON), (json.dumps(CONTRACT).encode(), NDJSON)):
        rows = [row for row in read(data, media_type, "decp") if isinstance(row, Row)]
        assert [row.joins for row in rows] == [SIRET, OTHER][: len(rows)]
    assert len(read(both, JSON, "decp")) == 2


def test_the_consolidated_table_has_a_row_per_contract_and_winner() -> None:
    """Its modifications are passed over, numbers have their first zeros again, it may be as spreadsheets save it."""
    row = f"{BUYER}M1,{BUYER},DEPARTEMENT DU MORBIHAN,%s,SIRET,Nettoyage des locaux,90919200,2025-03-18,1000.5,56,,%s\n"
    data = f"{HEADER}\n" + row % (SIRET, 0) + row % (SIRET, 1) + row % (OTHER, 0) + row % ("", 0)
    first, second, third = read(data.encode(), CSV, "decp")
    assert (first.external_id, first.joins, second.joins) == (f"{BUYER}M1/{SIRET}", SIRET, OTHER)
    assert first.record.public_awards[0].value_eur == 1000.5
    assert (third.line, third.code) == (5, "winner_without_siret")
    row = "%s,5580501400101,,5580501400101,SIRET,Miel,3142100,45734,84 000 €,1053,Code commune,0\n"
    whole, spoiled = read(f"{HEADER}\n{row % 'M1'}{row % '2.25600014E+25'}".encode(), CSV, "decp")
    award, expected = whole.record.public_awards[0], ("03142100", 84000, date(2025, 3, 18), 3, "/uid")
    assert (whole.external_id, award.buyer) == ("05580501400101M1/05580501400101", "05580501400101")
    assert (award.cpv, award.value_eur, award.notified_on, spoiled.line, spoiled.pointer) == expected
    row = f"{BUYER}M1,{BUYER},X,{SIRET},SIRET,Tonte à Béziers,,2025-03-18,1,56,,0"
    saved = f"{HEADER}\n{row}\n".replace(",", ";").replace("\n", "\r\n").encode("cp1252")
    (found,) = read(saved, CSV, "decp")
    assert found.record.public_awards[0].object == "Tonte à Béziers"


@pytest.mark.parametrize(
    ("file", "received", "refused", "offering"),
    [
        ("decp_v2022_dematis", 1276, {"winner_without_siret": 2}, 926),
        ("decp_v2019_pes", 1248, {"winner_without_siret": 8, "trial": 3}, 672),
    ],
)
def test_real_files_are_read_to_the_last_contract(
    shared_data: Path, file: str, received: int, refused: dict[str, int], offering: int
) -> None:
    """`offering`: contracts whose winner gets an offer; it may rise and fall with the words and codes that are read."""
    rows = read(gzip.decompress((shared_data / "awards" / f"{file}.json.gz").read_bytes()), JSON, "decp")
    codes = Counter(row.code for row in rows if isinstance(row, RowError))
    assert (len(rows), codes) == (received, refused)
    offers = sum(bool(row.record.offers) for row in rows if isinstance(row, Row))
    assert offers == pytest.approx(offering, rel=0.4)
