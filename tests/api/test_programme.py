"""POST /programme over HTTP, on a small directory held in memory."""

import csv
import json
from collections.abc import AsyncIterator
from io import BytesIO, StringIO
from typing import Any

import httpx
import pytest
import xlsxwriter
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.settings import Settings
from matching.reference import Reference
from sources.file_types.workbook import XLSX
from tests.api.conftest import portal
from tests.factories import RENNES, VANNES, approved, offer, offerless, supplier

JSON, CSV, NDJSON = "application/json", "text/csv", "application/x-ndjson"
BUYER = {"siret": "22560001400016", "kind": "local", "contracting_authority": True}
POOL = (
    *(supplier(f"locaux {n}", offer("pr-locaux"), at=VANNES, approvals=approved("ESAT")) for n in range(4)),
    *(supplier(f"vert {n}", offer("ev-entretien"), at=RENNES, approvals=approved("ACI")) for n in range(2)),
    *(offerless(f"inconnu {n}", at=VANNES, approvals=approved("EI")) for n in range(3)),
)
TABLE = """Programmation des achats 2027 – Département du Morbihan
;;;;
Objet du marché;Montant estimé HT (€);Lancement;Durée;Lieu d'exécution
Entretien des espaces verts;80 000,00 €;T2;12 mois reconductible 3 fois;Vannes
Nettoyage des locaux administratifs;240 000;mars 2027;3 ans;
;12 000;T1 2027;;
Nettoyage de vitres;douze mille;T1 2027;;
TOTAL;332 000;;;
"""


@pytest.fixture(scope="module")
async def client(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A portal with a key, on a directory of nine suppliers."""
    async with portal(settings, reference, *POOL) as client:
        yield client


async def post(
    client: AsyncTestClient[Litestar], body: Any, media: str = JSON, query: str = "", **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return await client.post(f"/programme{query}", content=content, headers={"Content-Type": media} | headers)


async def test_a_table_is_answered_line_by_line(client: AsyncTestClient[Litestar]) -> None:
    answer = (await post(client, TABLE, CSV)).json()
    cleaning, green = answer["items"]
    assert (cleaning["line"], cleaning["title"]) == (5, "Nettoyage des locaux administratifs")
    assert (cleaning["action"]["code"], cleaning["action"]["reserved"]) == ("reserve", ["handicap", "iae"])
    assert (green["read"]["value_eur"], green["read"]["planned_publication_on"]) == (80000, "2027-04-01")
    assert (green["read"]["duration_months"], green["read"]["renewal_months"]) == (12, 36)
    assert green["read"]["territory"] == {"codes": ["commune:56260"], "label": "Vannes", "from": "place"}
    assert green["action"]["code"] == "ask_first"
    faults = [(each["line"], each["code"]) for each in answer["errors"]]
    assert faults == [(6, "missing_title"), (7, "unreadable_amount")]
    assert answer["summary"]["by_action"] == {"reserve": 1, "divide": 0, "ask_first": 1, "leave": 0}
    (eggs,) = (await post(client, "Objet;Montant;CPV;Lieu\nŒufs;10;3142500;Vannes\n", CSV)).json()["items"]
    assert eggs["read"]["cpv"] == ["03142500"], "with the first zero that a spreadsheet took off"


async def test_counts_are_those_of_a_match(client: AsyncTestClient[Litestar]) -> None:
    body = {"buyer": BUYER, "lines": [{"title": "Nettoyage des locaux", "amount": 240000}]}
    (item,) = (await post(client, body)).json()["items"]
    lot = {"id": "1", "title": "Nettoyage des locaux", "value_eur": 240000}
    need = {"buyer": BUYER, "territory": {"codes": item["read"]["territory"]["codes"]}, "lots": [lot]}
    matched = (await client.post("/match", json=need)).json()
    (found,) = matched["lots"]
    assert item["total"] == found["total"] == 4
    unknown, reserved = found["unknown_trade"]["eligible"], found["alternatives"]["reserved"]
    assert (item["unknown"], item["reserved"]) == (unknown, reserved)
    assert (item["requested"], item["tension"]) == (found["requested"], found["tension"])
    assert item["procedure"] in {each["code"] for each in matched["advice"]}


async def test_a_table_without_amounts_says_its_columns(client: AsyncTestClient[Litestar]) -> None:
    answer = await post(client, "Objet;Couleur\nNettoyage;bleu\n", CSV)
    assert answer.status_code == 422
    assert "« Objet », « Couleur »" in answer.json()["detail"]
    old = await post(client, b"\xd0\xcf\x11\xe0" + bytes(600), CSV)
    assert (old.status_code, old.json()["detail"][:40]) == (422, "Ce classeur est d'un ancien format (.xls")


async def test_a_workbook_of_several_sheets_and_merged_heads(client: AsyncTestClient[Litestar]) -> None:
    written = BytesIO()
    with xlsxwriter.Workbook(written) as book:
        for name in ("Lisez-moi", "Services", "Travaux", "Masquée"):
            sheet = book.add_worksheet(name)
            if name == "Lisez-moi":
                sheet.write(0, 0, "Mode d'emploi")
                continue
            sheet.write(0, 0, "Programme 2027")
            sheet.merge_range(1, 0, 2, 0, "Objet")
            sheet.merge_range(1, 1, 1, 2, "Montant")
            sheet.write_row(2, 1, ["TTC", "HT"])
            sheet.merge_range(1, 3, 2, 3, "Département")
            sheet.write_row(3, 0, ["Nettoyage de locaux", 120_000, 100_000, 56, "urgent"])
            sheet.write_column(4, 0, ["Ensemble", "Source : budget", "FOURNITURES 2027"])
            sheet.write_row(7, 0, ["Papier", "", "2 x 500 €", 56])
            if name == "Masquée":
                sheet.hide()
    answer = (await post(client, written.getvalue(), XLSX)).json()
    read = [(each["line"], each["read"]["value_eur"], each["read"]["nature"]) for each in answer["items"]]
    assert {(4, 100_000, "services"), (4, 100_000, "works"), (8, 1_000, "supplies")} == set(read)
    sheets = answer["summary"]["sheets"]
    assert [each["columns"] == {} for each in sheets] == [True, False, False, True]
    assert (sheets[1]["others"], sheets[1]["rows_left"]) == (["Montant TTC", "colonne 5 sans titre"], [5, 6, 7])


@pytest.mark.parametrize(
    "heads",
    [";Achat;;Calendrier;Lieu\n;Objet;Montant HT;Lancement;", "N°;Objet;Montant;Calendrier;\n;;HT;Lancement;Lieu"],
)
async def test_heads_of_two_rows_of_which_one_is_a_group(client: AsyncTestClient[Litestar], heads: str) -> None:
    """A group such as "Achat" above the heads names no field, and a head that stands above or below alone is read."""
    table = f"Programmation 2027\n{heads}\n1;Nettoyage;10 000;T2 2027;Rennes\n"
    (item,) = (await post(client, table, CSV, "?territory=departement:56")).json()["items"]
    assert item["title"] == "Nettoyage"
    assert (item["read"]["value_eur"], item["read"]["territory"]["label"]) == (10_000, "Rennes")


async def test_a_budget_of_several_years_and_a_departement_as_a_place(client: AsyncTestClient[Litestar]) -> None:
    table = "Besoin;Budget 2027 HT;Budget 2028 HT;Budget 2027 TTC;Lieu\nNettoyage de locaux;10 000;20 000;12 000;56\n"
    (item,) = (await post(client, table, CSV)).json()["items"]
    assert (item["read"]["value_eur"], item["read"]["territory"]["label"]) == (30_000, "Morbihan")
    assert item["read"]["notes"] == ["Somme des colonnes Budget 2027 HT, Budget 2028 HT"]


async def test_the_table_comes_back_with_the_answer(client: AsyncTestClient[Litestar]) -> None:
    answer = await post(client, TABLE, CSV, Accept=CSV)
    rows = list(csv.DictReader(StringIO(answer.text)))
    green, cleaning = "Entretien des espaces verts", "Nettoyage des locaux administratifs"
    told = [(row["Objet du marché"], row["line"], row["action.code"]) for row in rows[:3]]
    assert told == [(green, "4", "ask_first"), (cleaning, "5", "reserve"), ("", "6", "")]
    assert rows[2]["error"]


async def test_lines_are_streamed_as_they_are_answered(client: AsyncTestClient[Litestar]) -> None:
    lines = [{"title": "Nettoyage des locaux", "place": "Vannes"}] * 60 + [{"title": "Nettoyage", "colour": "bleu"}]
    answer = await post(client, {"lines": lines}, Accept=NDJSON)
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert told[0] == {"lines": 61}
    assert told[1]["error"]["pointer"] == "/lines/60/colour"
    assert sum("item" in each for each in told) == 60
    assert told[-1]["summary"]["matched"] == 60


async def test_a_line_of_several_trades_is_to_be_divided(client: AsyncTestClient[Litestar]) -> None:
    """Suppliers of one of its trades make no offer for the whole, however many they are."""
    body = {"buyer": BUYER, "lines": [{"title": "Nettoyage des locaux et blanchisserie", "reserved": "ESAT"}]}
    (item,) = (await post(client, body)).json()["items"]
    assert (item["eligible"], item["action"]["code"]) == (4, "divide")


async def test_a_line_without_a_place_asks_for_one(client: AsyncTestClient[Litestar]) -> None:
    body = {"lines": [{"title": "Nettoyage de locaux", "amount": 1000}]}
    assert (await post(client, body)).json()["errors"][0]["code"] == "no_place"
    (item,) = (await post(client, body, query="?territory=departement:56")).json()["items"]
    assert item["read"]["territory"]["from"] == "request"
