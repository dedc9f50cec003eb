"""POST /spending over HTTP: tables and JSON in, euros by what each supplier is at the time of its payment out."""

import csv
from io import BytesIO, StringIO
from typing import Any

import httpx
import pytest
import xlsxwriter
from stdnum import luhn

from sources.file_types.workbook import XLSX
from tests.api.needs.steps import Buyer, create
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NDJSON, Client, key, lines, misprinted, path_of, put_record, siret

JSON = "application/json"
NOWHERE = siret("/nobody/knows/it")
NO_SIRET = "12345678901234"


async def post(
    client: Client, body: Any, media: str = "text/csv", path: str = "/spending", **more: str
) -> httpx.Response:
    sent = body.encode() if isinstance(body, str) else body
    return await client.post("/spending", content=sent, headers={"Content-Type": media} | more)


@pytest.fixture
async def paid(served: Client, source: str) -> dict[str, str]:
    """The SIRETs of suppliers that no other test pays."""
    agreed = [{"kind": "EI", "valid_from": "2025-01-01", "valid_until": "2025-12-31"}]
    records: dict[str, dict[str, Any]] = {
        "esat": {"approvals": [{"kind": "ESAT"}], "legal_form": "association"},
        "ei": {"approvals": agreed, "legal_form": "commercial_company"},
        "coop": {"approvals": [], "legal_form": "cooperative"},
        "sa": {"approvals": [], "legal_form": "commercial_company", "ess": False},
        "company": {"approvals": [], "legal_form": "commercial_company"},
        "misprinted": {"approvals": [{"kind": "ESAT"}], "siret": NO_SIRET},
    }
    for name, fields in records.items():
        await put_record(served, source, name, **fields)
    return {name: siret(path_of(source, name)) for name in records}


def sibling(number: str) -> str:
    """Another establishment of the same legal unit."""
    site = f"{number[:9]}0009"
    return site + luhn.calc_check_digit(site)


async def test_a_french_table_with_title_rows(served: Client, paid: dict[str, str]) -> None:
    """Each supplier counts for what it is at the time of its payment; what nobody knows is told apart.

    So is a number that is no SIRET, though the directory has it.
    """
    table = (
        "Ville de Pontivy;;;;\r\n"
        "Mandats 2025;;;;\r\n"
        "Date de mandat;SIRET du tiers;Libellé;Montant TVA;Montant HT (€)\r\n"
        f"15/03/2025;{paid['esat']};Entretien des espaces verts;20,00;1 234,56 €\r\n"
        f"01/02/2025;{paid['ei'][:9]} {paid['ei'][9:]};Nettoyage des locaux;0;100,10\r\n"
        f"01/02/2026;{paid['ei']};Nettoyage des locaux;0;50,05\r\n"
        f"2025;{paid['coop']};Conseil;0;10,01\r\n"
        f"12/12/2025;{paid['sa']};Fournitures;0;-4,02\r\n"
        f"12/12/2025;{NOWHERE};Fournitures;0;7\r\n"
        f"12/12/2025;{NO_SIRET};Fournitures;0;8\r\n"
        "12/12/2025;;Régie;0;9\r\n"
        f"31/02/2025;{NOWHERE};Faux jour;0;5\r\n"
        f"01/02/2025;{NOWHERE};Faux montant;0;abc\r\n"
        "Total;;;;1 414,70\r\n"
    )
    answer = await post(served, table.encode("cp1252"))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    names = "total", "ess", "iae", "handicap", "unknown", "not_ess", "ess_unknown", "by_siren", "undated", "lapsed"
    sums = [found[f"{name}_eur"] for name in names]
    assert sums == [1414.7, 1244.57, 100.1, 1234.56, 74.05, -4.02, 174.15, 0.0, 1234.56, 50.05]
    assert found["by_kind"] == {"ESAT": 1234.56, "EI": 100.1, "unknown": 74.05, "none": 5.99}
    assert found["by_year"] == {"2025": 1364.65, "2026": 50.05}
    assert found["by_segment"]["ev-entretien"] == 1234.56
    assert round(sum(found["by_segment"].values()) * 100) == 141470
    assert (found["lines"], found["lines_unknown"], found["rejected"]) == (8, 4, 3)
    assert found["suppliers"] == {"total": 5, "ess": 2, "iae": 1, "handicap": 1, "unknown": 2}
    assert [(each["line"], each["siret"]) for each in found["not_sirets"]] == [(10, NO_SIRET), (11, "")]
    faults = [(each["line"], each["pointer"], each["code"]) for each in found["errors"]]
    wrong = [(12, "/Date de mandat", "wrong_format"), (13, "/Montant HT (€)", "wrong_format")]
    assert faults == [*wrong, (14, "", "sum_of_others")]
    assert [each["siret"] for each in found["unknown_payees"]] == [paid["ei"], NOWHERE]
    assert found["columns_left"] == ["Montant TVA"]


async def test_indicators_have_their_rule_and_the_target_of_their_year(served: Client, paid: dict[str, str]) -> None:
    day, other = "2025-05-01", {"siret": paid["sa"]}
    sent = [{"siret": paid["esat"], "amount": 30, "date": day, "reserved": ["handicap"]}]
    sent += [other | {"amount": 70, "date": day, "reserved": False}, other | {"amount_eur": 100, "date": "2026-05-01"}]
    told = dict[str, dict[str, tuple[Any, ...]]]()
    for year in (await post(served, lines(sent), NDJSON)).json()["years"]:
        figures = "article", "value", "share", "target"
        told[year["year"]] = {each["code"]: tuple(each[name] for name in figures) for each in year["indicators"]}
    names = "spaser_ess", "spaser_disadvantaged", "spaser_reserved"
    assert {told["2025"][each] for each in names} == {("L2111-3", 30, 0.3, None)}
    assert told["2025"]["pnad_social"] == ("PNAD 2022-2025", 1, 0.5, 0.3)
    assert told["2026"]["pnad_social"][1:] == told["2026"]["spaser_reserved"][1:] == (None, None, None)
    assert told["2025"]["pnad_environmental"][1:] == (None, None, 1.0)


async def test_another_establishment_is_found_by_its_legal_unit(served: Client, paid: dict[str, str]) -> None:
    """Also by a SIREN alone; an unsound SIRET is of no legal unit."""
    other = sibling(paid["esat"])
    sent = [{"siret": each, "amount": 1.1, "date": "2026-01-01"} for each in (other, other[:9], misprinted(other))]
    found = (await post(served, lines(sent), NDJSON)).json()
    assert (found["handicap_eur"], found["by_siren_eur"], found["unknown_eur"]) == (2.2, 2.2, 1.1)
    assert found["suppliers"]["handicap"] == 1


async def test_a_workbook(served: Client, paid: dict[str, str]) -> None:
    written = BytesIO()
    with xlsxwriter.Workbook(written) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Dépenses de l'année"])
        sheet.write_row(2, 0, ["Supplier SIRET", "Amount", "Year"])
        sheet.write_row(3, 0, [float(paid["coop"]), 12.345, 2026])
    found = (await post(served, written.getvalue(), XLSX)).json()
    assert (found["ess_eur"], found["by_year"]) == (12.35, {"2026": 12.35})


async def test_sheets_alike_are_counted_and_others_are_told(served: Client, paid: dict[str, str]) -> None:
    """A sheet that adds the others up would count them twice."""
    written = BytesIO()
    with xlsxwriter.Workbook(written) as book:
        book.add_worksheet("Lisez-moi").write(0, 0, "Export de l'année")
        for name, siret_, amount in (("S1", paid["coop"], 10.01), ("S2", misprinted(NOWHERE), 5), ("S3", "x", "y")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["SIRET", "Montant payé"])
            sheet.write_row(1, 0, [siret_, amount])
        total = book.add_worksheet("Synthèse")
        total.write_row(0, 0, ["SIRET du tiers", "Total payé"])
        total.write_row(1, 0, [paid["coop"], 10.01])
        book.add_worksheet("Masquée").hide()
    found = (await post(served, written.getvalue(), XLSX)).json()
    left = ["Lisez-moi", "Synthèse", "Masquée"]
    assert (found["total_eur"], found["ess_eur"], found["sheets_left"]) == (15.01, 10.01, left)
    assert [(each["sheet"], each["line"]) for each in found["not_sirets"]] == [("S2", 2)]
    assert [(each["external_id"], each["line"]) for each in found["errors"]] == [("S3", 2)]


async def test_a_table_of_figures(served: Client, paid: dict[str, str]) -> None:
    table = f"siret,amount (k€),date,\n{paid['esat']},0.0105,2026-01-02,x\n"
    answer = await post(served, table, Accept="text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = {(row["figure"], row["year"]): row for row in csv.DictReader(StringIO(answer.text))}
    assert rows["handicap_eur", ""]["value_eur"] == "10.5"
    assert (await post(served, table)).json()["columns_left"] == ["colonne 4 sans titre"]
    assert rows["by_kind.ESAT", "2026"]["share"] == "1"
    assert rows["indicators.spaser_ess", ""]["article"] == "L2111-3"


async def test_a_table_without_amounts_or_sirets_is_told_which_columns_were_seen(served: Client) -> None:
    answer = await post(served, "Fournisseur;Objet;Montant TVA\nX;Y;1\n")
    assert_refused(answer, 422, "invalid-content")
    seen = "ne donne un SIRET ni un montant ; colonnes vues : « Fournisseur », « Objet », « Montant TVA »"
    assert seen in answer.json()["detail"]
    assert "est un PDF" in (await post(served, "%PDF-1.4\n")).json()["detail"]
    assert_refused(await post(served, " "), 422, "invalid-content")
    assert_refused(await post(served, "x", "text/plain"), 415, "unsupported-media-type")
    assert_refused(await post(served, "x", Accept="text/html"), 406, "not-acceptable")


async def test_json_says_where_it_is_wrong(served: Client) -> None:
    """A body of JSON is refused as a whole; of lines of JSON, a bad one is listed and stops no other."""
    answer = await post(served, '{"lines": [{"amount": 1}, {"amount": "1"}]}', JSON)
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/lines/1/amount"]
    answer = await post(served, '[{"siret": "1"}]', JSON)
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/0/amount"]
    answer = await post(served, lines([{"amount": 1}, "{", {"amount": 2, "x": 1}]), NDJSON)
    found = answer.json()
    assert (found["total_eur"], [each["line"] for each in found["errors"]]) == (1, [2, 3])


async def test_awards_count_unless_they_are_left_out(served: Client, buyer: Buyer, source: str) -> None:
    supplier = await buyer.supplier(source, "1", approvals=[{"kind": "ESAT"}], legal_form="association")
    need = await create(served, buyer.headers)
    award = {"lot_id": "1", "supplier_id": supplier, "awarded_on": "2026-03-01"}
    sent_to, values = f"/needs/{need['id']}/awards", ({"value_eur": 1000.01}, {"value_eur": None})
    noted = [(await served.post(sent_to, json=award | each, headers=buyer.headers)).json() for each in values]
    body: dict[str, Any] = {"lines": []}
    for path, sent in (("/spending?awards=false", body), ("/spending", body | {"awards": False})):
        assert (await served.post(path, json=sent, headers=buyer.headers)).json()["total_eur"] == 0
    unasked = await key(served, "match")
    assert (await served.post("/spending", json=body, headers=unasked)).json()["awards"] == 0
    assert_refused(await served.post("/spending?awards=true", json=body, headers=unasked), 403, "missing-scope")
    for path, sent in (("/spending?awards=true", body), ("/spending", body)):
        found = (await served.post(path, json=sent, headers=buyer.headers)).json()
        sums = [found[f"{name}_eur"] for name in ("total", "handicap", "awards")]
        assert (sums, found["awards"]) == ([1000.01] * 3, 1)
        assert found["by_segment"] == {"ev-entretien": 1000.01}
        assert [(e["external_id"], e["code"]) for e in found["awards_apart"]] == [(noted[1]["id"], "no_amount")]
    assert (await served.post("/spending?awards=true", json=body)).json()["awards"] == 0


@pytest.mark.parametrize(
    ("paid_to", "paid_on", "eur", "apart"),
    [
        ("sibling", "2026-02-27", 7, "in_table"),
        ("misprinted", "2026-07-09", 7, "in_table"),
        ("sibling", None, 7, "in_table"),
        ("nobody", "2026-07-09", 1000.01, "in_table"),
        ("nobody", "2026-07-09", 1200.01, "in_table"),  # VAT included
        ("nobody", "2026-07-09", 7, None),
        ("other", "2025-12-31", 7, "other_years"),
        ("other", None, 7, "other_years"),
        ("sibling", "2025-11-01", 7, "other_years"),
    ],
)
async def test_an_award_that_the_table_may_have_is_told_and_not_added(
    served: Client, buyer: Buyer, source: str, paid_to: str, paid_on: str | None, eur: float, apart: str | None
) -> None:
    """It is known by its SIREN, were its SIRET misprinted, or by its amount in a line without one."""
    supplier = await buyer.supplier(source, "1", approvals=[{"kind": "ESAT"}], legal_form="association")
    number = (await served.get(f"/suppliers/{supplier}")).json()["siret"]
    need = await create(served, buyer.headers)
    award = {"lot_id": "1", "supplier_id": supplier, "awarded_on": "2026-03-01", "value_eur": 1000.01}
    assert (await served.post(f"/needs/{need['id']}/awards", json=award, headers=buyer.headers)).status_code == 201
    payees = {"sibling": sibling(number), "misprinted": misprinted(number), "nobody": "", "other": NOWHERE}
    body = {"lines": [{"siret": payees[paid_to], "amount": eur, "date": paid_on}]}
    found = (await served.post("/spending", json=body, headers=buyer.headers)).json()
    assert [each["code"] for each in found["awards_apart"]] == ([apart] if apart else [])
    assert (found["awards"], found["awards_in_table"]) == (int(apart is None), int(apart == "in_table"))
    assert found["total_eur"] == sum(found["by_segment"].values()) == (eur if apart else eur + 1000.01)
