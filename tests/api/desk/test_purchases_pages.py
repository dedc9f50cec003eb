"""The pages of a year of purchases, planned or paid, answer a table that is sent, and store nothing."""

import csv
from html import unescape
from io import StringIO

import httpx

from domain.text.normalise import fold
from sources.file_types.workbook import first_sheet
from tests.accessibility import Outline
from tests.api.desk.steps import FORM, Browser, Fields, assert_refers_to_itself, heading, put_all, said, send_file
from tests.api.sync.factories import Client, path_of, put_record, siret

TABLE = """Programme 2027;;;
Objet;Montant HT;Lancement;Durée
Tonte des pelouses du parc;80 000 €;T2 2027;24 mois
Achat de licornes;12 abc;T1 2027;
""".encode()
TITLE = "Dépenses et économie sociale"


async def test_a_table_is_answered_line_by_line(served: Client, browser: Browser, source: str) -> None:
    offers = [{"segments": ["ev-entretien"], "service_area": {"codes": ["departement:56"]}}]
    await put_all(served, source, *({"name": f"Atelier {source} {n}", "offers": offers} for n in range(3)))
    await browser.sign_in()
    await browser.open("/programmation")
    answer = await send_file(browser, "programmation", "tableau", TABLE, lieu="Morbihan", acheteur="local")
    page = unescape(browser.page)
    assert (answer.status_code, heading(browser.page)) == (200, "Programmation des achats")
    assert fold(page).index("lignes cherchees 1 sur 1") < fold(page).index("en bref")
    assert "Montant illisible : « 12 abc »" in page
    link = page.partition("besoin?")[2].partition('"')[0]
    await browser.open(f"/besoin?{link}")
    fields = Fields(browser.page).forms["besoin"]
    assert (fields["lot-1-objet"], fields["lot-1-valeur"]) == (["Tonte des pelouses du parc"], ["80 000"])
    assert (fields["territoire"], fields["publication"]) == (["departement:56"], ["2027-04-01"])


async def test_the_table_comes_back(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/programmation")
    answer = await send_file(browser, "programmation", "tableau", TABLE, lieu="Morbihan", faire="csv")
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert [row["Objet"] for row in rows] == ["Tonte des pelouses du parc", "Achat de licornes"]
    proposals = {"réserver", "diviser en lots", "interroger d'abord", "laisser ouvert"}
    assert rows[0]["Proposition"] in proposals, "in words, under a French head"
    assert rows[1]["Proposition"] == ""


async def test_what_is_wrong_stands_at_its_field(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/programmation")
    wrong = {
        "Nulle part": "Aucun lieu",
        "Bretagne": "region:53 (Bretagne), commune:",
        "region:53": "vues : « Nom », « Age »",
    }
    for place, said_of_it in wrong.items():
        answer = await send_file(browser, "programmation", "tableau", b"Nom;Age\nA;3\n", lieu=place)
        assert (answer.status_code, said_of_it in unescape(browser.page)) == (422, True), place


async def counted(served: Client, own: Browser, source: str) -> httpx.Response:
    """The answer to a table with a payment to an ESAT, one to somebody unknown and a row without an amount."""
    await put_record(served, source, "1", approvals=[{"kind": "ESAT"}], legal_form="association")
    paid, unknown = siret(path_of(source)), siret("/nobody/knows/it")
    table = (
        f"Mandats\nSIRET;Montant HT;Date;Objet\n{paid};1 000,50;01/03/2025;Tonte\n{unknown};10;2026;x\n{paid};;2026;x\n"
    )
    await own.open("/depenses")
    assert heading(own.page) == TITLE
    return await send_file(own, "depenses", "fichier", table.encode())


async def test_a_list_that_is_cut_says_so(own: Browser) -> None:
    for lines, is_cut in ((99, False), (101, True)):
        await own.open("/depenses")
        answer = await send_file(own, "depenses", "fichier", ("SIRET;Montant HT\n" + "x;1\n" * lines).encode())
        assert ("arrête aux 100 premiers" in unescape(answer.text)) == is_cut


async def test_figures_of_a_table(served: Client, own: Browser, source: str) -> None:
    answer = await counted(served, own, source)
    assert answer.status_code == 200, answer.text
    assert_refers_to_itself(Outline(own.page))
    words = said(own.page)
    figures = "1 000,50 € HT", "99,0 %", "ESAT – ", "2025", "Le montant manque", "L2111-3"
    assert [told for told in (*figures, siret("/nobody/knows/it")) if told not in words] == []


async def test_figures_are_taken_along(served: Client, own: Browser, source: str) -> None:
    await counted(served, own, source)
    fields = {name: texts[-1] for name, texts in own.fields("depenses/chiffres").items()}
    book = await own.post("/depenses/chiffres", data=fields | {"faire": "xlsx"})
    rows = first_sheet(book.content).content.decode().splitlines()
    assert any(row.startswith("handicap_eur,,") and "1000.5" in row for row in rows)
    table = await own.post("/depenses/chiffres", data=fields | {"faire": "csv"})
    assert "indicators.spaser_ess" in table.text
    printed = await own.post("/depenses/chiffres", data=fields | {"faire": "imprimer"})
    assert heading(printed.text) == TITLE
    assert "Comment c’est compté" in printed.text or "Comment c'est compté" in said(printed.text)
    assert "depenses/chiffres" not in printed.text
    assert (await own.post("/depenses/chiffres", data=fields | {"chiffres": "{}"}, headers=FORM)).status_code == 404


async def test_a_table_that_cannot_be_read_is_told_on_the_form(own: Browser) -> None:
    await own.open("/depenses")
    answer = await send_file(own, "depenses", "fichier", b"Nom;Montant\nX;1\n")
    assert answer.status_code == 422
    assert "colonnes vues : « Nom », « Montant »" in said(own.page)
    assert "est un PDF" in (await send_file(own, "depenses", "fichier", b"%PDF-1.4\n")).text
    assert (await send_file(own, "depenses", "autre", b"")).status_code == 422
