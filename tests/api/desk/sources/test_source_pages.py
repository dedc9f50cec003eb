"""Files are tried before they are imported, by whoever may write the source; rejects say what would be right."""

import asyncio
import json
import os
import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from api.desk.sources import source_pages
from api.desk.sources.source_pages import LARGE, is_large, recognise_file
from api.runtime.processes.match_work import FunctionTask
from api.sync.imports import import_source_file
from domain.errors import InvalidContent
from domain.suppliers.source import Import, SourceMapping
from matching.reference import Reference
from sources.file_types.workbook import SIGNATURE
from tests.api.desk.steps import Browser, heading, sign_in_as
from tests.api.organisations import member
from tests.api.sync.factories import Client, put_record
from tests.sources.file_types.test_workbook import CELLS_FAR_APART, xlsx

ROWS = """external_id;name;siret;address.commune;segments
1;Les Jardins du Blavet;;56178;ev-entretien
2;Atelier du Scorff;123;56178;ev-entretien
3;Chantier du Loch;;56260;tonte
"""


def path_of(source: str) -> str:
    return f"sources/{quote(source, safe='')}"


@pytest.fixture
async def own(own: Browser, source: str) -> Browser:
    """The operator's browser at the page of a source."""
    await own.open(f"/{path_of(source)}")
    return own


async def send(browser: Browser, source: str, content: bytes, name: str = "fiches.csv", **typed: str) -> int:
    """Send a file by the form of the page; the status of the page then shown."""
    form = f"{path_of(source)}/envois"
    fields = {name: texts[-1] for name, texts in browser.fields(form).items() if name != "fichier"}
    answer = await browser.post(f"/{form}", data=fields | typed, files={"fichier": (name, content)})
    if answer.is_redirect:
        return (await browser.open(str(answer.url.join(answer.headers["location"])))).status_code
    browser.page = answer.text
    return answer.status_code


def shown(page: str) -> dict[str, str]:
    """The facts of a page: what is said of each."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page, re.DOTALL)
    return {unescape(name).replace("’", "'"): re.sub(r"<[^>]+>", "", unescape(text)).strip() for name, text in pairs}


async def test_a_trial_stores_nothing_and_an_import_once_and_both_list_the_rejects(
    served: Client, own: Browser, source: str
) -> None:
    """Rejects can be had as a table, and an empty table to fill in."""
    page, of_source = own.page, f"/{path_of(source)}"
    await send(own, source, b"Nom;SIRET;CP;Ville\nUn;91310933600010;35000;Rennnes\n", faire="essayer")
    assert re.search(r'row">2</th>[^/]*91310933600010</td>[^/]*35000 Rennnes \(Rennes.\?\)', unescape(own.page))
    own.page = page
    assert await send(own, source, ROWS.encode(), faire="essayer") == 200
    told = shown(own.page)
    assert (told["Lignes lues"], told["Fiches nouvelles"], told["Lignes rejetées"]) == ("3", "1", "2")
    cell = r'\s*<td class="broad">(.*?)</td>'
    assert re.findall(rf'<th scope="row">(\d+)</th>{cell}', own.page) == [("3", "2"), ("4", "3")]
    assert (await served.get(of_source)).status_code == 404
    own.page = page
    assert await send(own, source, ROWS.encode("cp1252"), faire="importer") == 200
    assert "Terminé" in own.page
    assert shown(own.page)["Fiches nouvelles"] == "1"
    assert "14 chiffres" in unescape(own.page)
    (path,) = re.findall(r'href="[./]*(sources/[^"]+/rejets)"', own.page)
    lines = (await own.get(f"/{path}")).text.splitlines()
    assert (len(lines), lines[1].split(";")[:3]) == (3, ["3", "2", "siret"])
    own.page = page
    await send(own, source, ROWS.encode(), faire="importer")
    assert shown(own.page)["Fiches inchangées"] == "1"
    assert (await served.get(of_source)).json()["records"] == 1
    await own.open(of_source)
    assert shown(own.page)["Fiches"] == "1"
    assert (await own.get(f"{of_source}/modele")).text.startswith("\ufeffIdentifiant;Nom;")


async def test_a_file_that_cannot_be_read_is_said_to_be_beside_its_field(own: Browser, source: str) -> None:
    form = own.page
    for name, content, said in (
        ("fiches.xlsx", b"PK\x03\x04...", "format CSV"),
        ("fiches.xlsx", xlsx(CELLS_FAR_APART), "trop grand"),
        ("fiches.xls", b"\xd0\xcf\x11\xe0...", ".xlsx"),
        ("fiches.csv", b"external_id;name;sgements\n1;2;3\n", "vouliez-vous dire"),
        ("fiches.csv.gz", b"\x1f\x8b...", "décompressez"),
        ("fiches.csv", b"  ", "vide"),
        ("fiches.csv", b"a;b\n1;2\n", "Raison sociale"),
        ("fiches.csv", b"<html><table>", "HTML"),
        ("fiches.json", b"[{", "JSON"),
    ):
        own.page = form
        assert await send(own, source, content, name) == 422
        assert ('id="fichier-erreur"' in own.page, said in unescape(own.page)) == (True, True), said


async def test_a_snapshot_that_would_remove_much_is_refused_unless_it_is_forced(
    served: Client, own: Browser, source: str
) -> None:
    """Records that were removed by mistake come back with the file of before."""
    page, rows = own.page, [json.dumps({"external_id": str(n), "name": f"Un nom {n}"}) for n in range(5)]
    whole, part = "\n".join(rows).encode(), rows[0].encode()
    await send(own, source, whole, "fiches.ndjson", faire="importer")
    own.page = page
    assert await send(own, source, part, "fiches.ndjson", faire="importer", mode="snapshot") == 422
    assert ("cochez" in own.page, "force=true" in own.page) == (True, False)
    await send(own, source, part, "fiches.ndjson", faire="importer", mode="snapshot", forcer="1")
    assert shown(own.page)["Fiches retirées"] == "4"
    own.page = page
    await send(own, source, whole, "fiches.ndjson", faire="importer")
    assert (await served.get(f"/{path_of(source)}")).json()["records"] == 5


async def test_only_who_may_write_a_source_sends_files_to_it(served: Client, browser: Browser, source: str) -> None:
    await put_record(served, source)
    media = {"content-type": "application/x-ndjson"}
    report = await served.post(f"/{path_of(source)}/imports", content=b"{}", headers=media)
    own = await member(served, "sync", sources=(f"{source} bis",))
    await sign_in_as(browser, own)
    await browser.open("/sources")
    assert f"{source} bis" in browser.page
    await browser.open(f"/{path_of(source)}")
    assert "fichier" not in browser.page
    await browser.open(f"/{path_of(source + ' bis')}")
    assert await send(browser, f"{source} bis", ROWS.encode(), faire="importer") == 200
    form = {"jeton": browser.fields("deconnexion")["jeton"][0], "faire": "importer"}
    answer = await browser.post(f"/{path_of(source)}/envois", data=form, files={"fichier": ("a.csv", ROWS.encode())})
    assert answer.status_code == 403
    assert (await browser.get(f"/{path_of(source)}/envois/{report.json()['id']}")).status_code == 403


async def test_programs_are_answered_as_ever_and_browsers_shown_the_page(
    served: Client, browser: Browser, source: str
) -> None:
    await put_record(served, source)
    for path in ("/sources", f"/{path_of(source)}"):
        assert (await served.get(path)).headers["content-type"] == "application/json"
        assert (await served.get(path, headers={"Accept": "text/html, application/json;q=0.5"})).is_success
        assert (await browser.get(path, headers={"Accept": "*/*"})).status_code == 401
        assert "connexion?suite=" in (await browser.get(path)).headers["location"]
    await browser.sign_in(path="/sources")
    assert (heading(browser.page), source in browser.page) == ("Sources", True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("fiches.csv", ROWS.encode()),
        ("fiches", b'[{"external_id": "1", "name": "Un nom"}]'),
        ("fiches", b'{"external_id": "1", "name": "Un nom"}'),
        ("every-row-has-a-fault.csv", b"external_id;name;siret;address.commune;segments\n1;;123;56178;x\n2;A;1;9;x\n"),
    ],
)
def test_the_layout_is_recognised_by_the_first_rows(reference: Reference, name: str, content: bytes) -> None:
    """A table is not taken for a list of numbers because it has a SIREN: its suppliers would be lost."""
    assert recognise_file(reference, name, content, "", SourceMapping(), "fr").format == "vivier"
    for table, format_ in (
        (b"Nom;SIREN;siret;Ville\nUn;913109336;91310933600010;Redon\n", "spreadsheet"),
        (b"siren,est_ess\n913109336,True\n", "directory"),
        (b"SIREN;Famille juridique de l'entreprise\n913109336;Associations\n", "ess-france"),
    ):
        assert recognise_file(reference, "liste.csv", table, "", SourceMapping(), "fr").format == format_
    with pytest.raises(InvalidContent):
        recognise_file(reference, "fiches.csv", ROWS.encode(), "gogocarto", SourceMapping(), "fr")


async def test_rows_of_a_file_are_read_in_other_processes(
    served: Client, own: Browser, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its layout too: rows that take long to read keep no other request waiting."""
    work, files = served.app.state.services.match_work, []

    async def noted(task: FunctionTask[object], *_: object) -> object:
        files.append(f"beside: {task.is_much}")
        return task.run(served.app.state.services.reference)

    async def imported_of(*arguments: Any, **options: Any) -> Import:
        files.append(f"rows of {os.fstat(arguments[-1].fileno()).st_size}")
        return await import_source_file(*arguments, **options)

    monkeypatch.setattr(work, "run", noted)
    monkeypatch.setattr(source_pages, "import_source_file", imported_of)
    assert await send(own, source, ROWS.encode(), faire="essayer") == 200
    assert files == ["beside: True", "beside: True", f"rows of {len(ROWS.encode())}"]


def test_a_file_is_as_large_as_it_is_uncompressed(reference: Reference) -> None:
    small, large = xlsx("<row/>" * 1_000), xlsx("<row/>" * 1_000_000)
    assert (is_large(reference, small), is_large(reference, large), len(large) < 1 << 16) == (False, True, True)
    assert (is_large(reference, b"x" * LARGE), is_large(reference, b"x" * (LARGE + 1))) == (False, True)
    assert not is_large(reference, SIGNATURE)


async def test_no_small_file_waits_for_large_ones(served: Client, own: Browser, source: str) -> None:
    """However many of them other organisations send at once."""
    large, services = (ROWS + " " * LARGE).encode(), served.services
    page = own.page
    async with services.large_files.slot_of("another organisation"):
        waiting = asyncio.create_task(send(own, source, large, faire="essayer"))
        while services.large_files.present.total() < 2:
            await asyncio.sleep(0)
        own.page = page
        assert await send(own, source, ROWS.encode(), faire="essayer") == 200
        assert not waiting.done()
    own.page = page
    assert await waiting == 200
    assert services.large_files.present == {}


async def test_a_workbook_is_tried_corrected_in_a_spreadsheet_and_sent_again(
    served: Client, own: Browser, source: str
) -> None:
    """The columns that are not read are named, and a fault is said in the words of the table's own titles."""
    table = (
        ("Nom", "SIRET", "Nb salariés", "Directeur"),
        ("Un", "91310933600010", "#REF!", "X"),
        ("Deux", "54941009000019", "3", ""),
    )
    cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
    rows = "".join(f"<row>{''.join(map(cell.format, row))}</row>" for row in table)
    page = own.page
    assert await send(own, source, xlsx(rows, sheets=("Annuaire", "Notice")), "a.xlsx", faire="essayer") == 200
    told = unescape(own.page).replace("\N{NO-BREAK SPACE}", " ")
    assert ("Colonnes non lues : Directeur." in told, "Feuilles non lues : Notice." in told) == (True, True)
    assert '<td class="broad">Nb salariés</td>' in told
    form = {"jeton": own.fields(f"{path_of(source)}/envois")["jeton"][0], "faire": "corriger"}
    files = {"fichier": ("a.xlsx", xlsx(rows))}
    answer = await own.post(f"/{path_of(source)}/envois", data=form, files=files)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.text.count("\n") == 2
    own.page = page
    await send(own, source, answer.content.replace(b"#REF!", b"12"), faire="importer")
    assert (shown(own.page)["Fiches nouvelles"], shown(own.page)["Lignes rejetées"]) == ("1", "0")


async def test_the_suppliers_of_a_source_are_corrected_in_a_table_and_sent_again(
    served: Client, own: Browser, source: str
) -> None:
    """As they come they change nothing; what is corrected is a change."""
    for number in range(2):
        await put_record(served, source, str(number), name=f"Un nom {number}")
    await own.open(f"/{path_of(source)}")
    page = own.page
    assert f"{path_of(source)}/fiches" in page
    table = (await own.get(f"/{path_of(source)}/fiches")).content
    await send(own, source, table, faire="importer")
    assert shown(own.page)["Fiches inchangées"] == "2"
    own.page = page
    await send(own, source, table.replace(b"Un nom 1", b"Un autre nom"), faire="importer")
    told = shown(own.page)
    assert (told["Fiches changées"], told["Fiches inchangées"]) == ("1", "1")


async def test_a_category_is_confirmed_by_a_tick_and_its_suppliers_are_found(
    served: Client, own: Browser, source: str
) -> None:
    """What is no trade is said at its field, and every tick stays; an unticked category is asked again."""
    green, water, farms = (
        {"id": n, "name": name} for n, name in ((10, "Espaces verts"), (11, "Baignade"), (12, "Amap"))
    )
    names = "La Prairie", "Le Moulin", "Les Forges"
    elements = [
        {"id": str(n), "name": name, "categoriesFull": [green, water, farms][n:]} for n, name in enumerate(names)
    ]
    page, carte, of_source = own.page, json.dumps({"data": elements}).encode(), f"/{path_of(source)}"
    await send(own, source, carte, "carte.json", faire="importer", format="gogocarto")
    await own.open(of_source)
    asked = re.findall(r'name="categorie-\d" value="(.*?)"', own.page)
    assert asked == ["12 Amap", "11 Baignade", "10 Espaces verts"]
    form = f"{path_of(source)}/categories"
    ticked = {"metier-3": "ev-entretien", "aucun-1": "oui"}
    fields = {name: texts[-1] for name, texts in own.fields(form).items()}
    answer = await own.post(f"/{form}", data=fields | ticked | {"autre-2": "Nettoyage de la mer"})
    assert answer.status_code == 422
    assert "Nettoyage de la mer » n" in unescape(answer.text)
    assert len(re.findall(r'value="(?:ev-entretien|oui)" checked', answer.text)) == 2
    await own.open(of_source)
    answer = await own.post(f"/{form}", data=fields | ticked)
    assert answer.status_code == 303
    await own.open(str(answer.url.join(answer.headers["location"])))
    assert "Catégories confirmées : 2" in unescape(own.page).replace("\N{NO-BREAK SPACE}", " ")
    assert re.findall(r'name="categorie-\d" value="(.*?)"', own.page) == ["11 Baignade"]
    mapping = (await served.get(of_source)).json()["mapping"]["categories"]
    assert mapping == {"10 Espaces verts": ["ev-entretien"], "12 Amap": []}
    own.page = page
    await send(own, source, carte, "carte.json", faire="importer", format="gogocarto")
    found = (await served.get(f"/suppliers?source={quote(source)}&segment=ev-entretien")).json()["items"]
    assert [each["sources"][0]["external_id"] for each in found] == ["0"]


async def test_an_operator_reads_what_suppliers_declare_and_withdraws_it(
    own: Browser, served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no right to administer reads none of it."""
    stored = await put_record(served, source, name=f"Atelier {source}", offers=[])
    link = (await served.post(f"/suppliers/{stored['supplier_id']}/links", json={})).json()
    said = {
        "offers": [
            {"segments": ["ev-entretien"], "words": "tonte à la main", "service_area": {"radius_km": 40}},
            {"segments": ["de-bio"], "service_area": {"codes": ["departement:56"]}},
        ],
        "yearly_capacity_eur": {"max": 60_000},
        "staff": 42,
        "contact": {"email": "contact@pirate.example", "phone": "02 97 00 00 00"},
    }
    answer = await served.put(link["url"], json=said)
    assert answer.status_code == 200, answer.text
    page = await own.open("/sources/declarations")
    text = " ".join(unescape(page.text).split())
    for word in ("tonte à la main", "40 km", "Morbihan", "60 000 €", "42", "contact@pirate.example", "02 97 00 00 00"):
        assert word in text
    answer_id = (await served.get(f"/suppliers/{stored['supplier_id']}/links")).json()["items"][0]["id"]
    assert answer_id in text
    fields = {"fournisseur": stored["supplier_id"], "motif": "Ce n'est pas vous", "retablir": ""}
    done = await own.submit("sources/declarations", **fields)
    assert done.status_code == 200, done.text
    assert (await served.get(link["url"])).json()["withdrawal"]["reason"] == "Ce n'est pas vous"
    monkeypatch.setattr(served.services, "embed_key", b"elsewhere")  # a sender of its own
    assert (await served.put(link["url"], json=said)).status_code == 200
    page = await own.open("/sources/declarations")
    (said_first,) = re.findall(r'name="retablir" value="(20[^"]+)"', page.text.partition(stored["supplier_id"])[2])[:1]
    fields["retablir"] = said_first
    assert (await own.submit("sources/declarations", **fields, avec="expediteur", lien="oui")).status_code == 200
    assert (await served.get(link["url"])).status_code == 404
    assert len((await served.get(f"/suppliers/{stored['supplier_id']}")).json()["offers"]) == 2, "it stands again"
