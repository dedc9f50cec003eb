"""The page of a year of purchases answers a table that is sent, and keeps nothing."""

import csv
from html import unescape
from io import StringIO

from domain.text.normalise import fold
from tests.api.desk.steps import Browser, Fields, heading, put_all, send_file
from tests.api.sync.factories import Client

TABLE = """Programme 2027;;;
Objet;Montant HT;Lancement;Durée
Tonte des pelouses du parc;80 000 €;T2 2027;24 mois
Achat de licornes;12 abc;T1 2027;
""".encode()


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


async def test_what_is_wrong_stands_at_its_field(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/programmation")
    answer = await send_file(browser, "programmation", "tableau", b"Nom;Age\nA;3\n", lieu="Nulle part ailleurs")
    assert answer.status_code == 422
    assert "À corriger" in browser.page
    await browser.open("/programmation")
    await send_file(browser, "programmation", "tableau", b"Nom;Age\nA;3\n")
    assert "Colonnes vues : Nom, Age" in unescape(browser.page)
