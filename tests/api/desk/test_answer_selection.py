"""Suppliers of an answer are taken along as a file or as addresses, written to or invited: those ticked, else all."""

import re
from io import BytesIO
from typing import Any

import pytest
from docx import Document
from python_calamine import CalamineWorkbook

from api.desk.answer_selection import digits_in_groups
from sources.file_types.csv_cells import csv_of
from tests.api.desk.steps import Browser, put_all, said, sign_in_as
from tests.api.needs.steps import new_buyer
from tests.api.sync.factories import Client

TRICK = "=1+1"
PLACE: dict[str, Any] = {"location": {"lat": 45.0333, "lon": 3.8850}, "address": {"commune": "43157"}}
"""Le Puy-en-Velay, where no other test has suppliers of this trade."""
NEED = {"lieu": "commune:43157", "lot-1-objet": "impression de dépliants"}


@pytest.fixture
async def named(served: Client, own: Browser, source: str) -> dict[str, str]:
    """The answer to a need is open; the names of its suppliers by the values of their check boxes."""
    offers = [{"segments": ["cc-impression"]}]
    records: list[dict[str, Any]] = [
        {"name": TRICK, "contact": {"email": "trois@example.org", "phone": "02 97 00 00 00"}},
        *({"name": f"Presse {number} ({source})"} for number in range(3)),
    ]
    await put_all(served, source, *(PLACE | {"offers": offers} | each for each in records))
    await own.submit("besoin", NEED, to="besoin/resultat")
    rows = re.findall(r'name="choix" value="(1:[^"]+)" aria-label="Choisir ([^"]*)"', own.page)
    assert TRICK in dict(rows).values()
    return dict(rows)


def second_cells(kind: str, file: bytes) -> set[str]:
    """The second cell of each row of a file, but for the header."""
    if kind == "csv":
        rows = [line.split(";") for line in file.decode("utf-8-sig").splitlines()]
    elif kind == "docx":
        document = Document(BytesIO(file))
        assert document.paragraphs[0].text == "Fournisseurs repérés"
        rows = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    else:
        book = CalamineWorkbook.from_filelike(BytesIO(file))
        rows = [[str(cell) for cell in row] for row in book.get_sheet_by_index(0).to_python()]
    return {row[1].removeprefix("'") for row in rows[1:]}


@pytest.mark.parametrize("kind", ["csv", "xlsx", "docx"])
async def test_a_file_has_those_that_are_ticked_else_all(own: Browser, named: dict[str, str], kind: str) -> None:
    """A name that begins like a formula is a text."""
    fields = own.fields("besoin/resultat")
    for chosen in ([], list(named)[:2]):
        said_so = {**fields, "pour": f"{kind}-1", "choix": chosen}
        answer = await own.post("/besoin/selection", data=said_so)
        assert answer.headers["content-disposition"] == f'attachment; filename="vivier-fournisseurs.{kind}"'
        assert second_cells(kind, answer.content) == {named[each] for each in chosen or named}


def test_a_csv_marks_only_what_a_spreadsheet_would_compute() -> None:
    cells = [digits_in_groups(each) for each in ("80746931700018", "+33297010203", "+32 2 555 12 12", TRICK, 12.0)]
    written = csv_of((), [cells], "excel").decode().splitlines()[1]
    assert written == f"807 469 317 00018;02 97 01 02 03;'+32 2 555 12 12;'{TRICK};12"


async def test_addresses_are_shown_to_be_copied_and_who_has_none(own: Browser, named: dict[str, str]) -> None:
    await own.submit("besoin/resultat", to="besoin/selection", pour="adresses-1", choix=list(named))
    assert re.findall(r"<pre [^>]*>([^<]*)</pre>", own.page) == ["trois@example.org"]
    assert all(f"<li>{name}" in said(own.page) for name in named.values() if name != TRICK)
    await own.submit("besoin/resultat")
    assert set(re.findall(r'name="choix" value="([^"]+)"[^>]* checked', own.page)) == set(named)


async def test_to_write_or_to_invite_the_need_is_stored(own: Browser, named: dict[str, str]) -> None:
    chosen = [value for value, name in named.items() if name == TRICK]
    for wish, path in (("ecrire", "echanges/nouveau"), ("inviter", "rencontres/nouvelle")):
        await own.open("/besoin")
        await own.submit("besoin", NEED, to="besoin/resultat")
        answer = await own.submit("besoin/resultat", to="besoin/contacts", pour=f"{wish}-1", choix=chosen)
        assert answer.url.path.endswith(path)
        ticked = re.findall(r'<input type="checkbox"[^>]* name="fournisseur" value="([^"]+)"[^>]* checked', own.page)
        assert ticked == [each.partition(":")[2] for each in chosen]


async def test_all_of_unknown_trade_are_asked_what_they_do(
    own: Browser, served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a list has, by a campaign of the territory."""
    await put_all(served, source, *(PLACE | {"name": f"Muette {number} {source}", "offers": []} for number in range(3)))
    await own.submit("besoin", NEED, to="besoin/resultat")
    assert "campagnes/nouvelle" not in own.page
    await own.submit("besoin/resultat", to="besoin/contacts", pour="demander-1")
    ticked = re.findall(
        r'<input type="checkbox"[^>]* name="fournisseur" value="[^"]+"[^>]* checked> <span>([^<]*)', own.page
    )
    assert len([each for each in ticked if source in each]) == 3
    assert 'value="Que proposez-vous' in own.page
    monkeypatch.setattr("api.desk.need.understood_need.MOST_UNKNOWN", 2)
    await own.open("/besoin")
    await own.submit("besoin", NEED, to="besoin/resultat")
    (path,) = re.findall(r'href="([^"]*campagnes/nouvelle[^"]*)"', own.page)
    await own.open(path)
    assert own.fields("campagnes")["territoire"] == [NEED["lieu"]]


@pytest.mark.parametrize("path", ["besoin/selection", "besoin/contacts"])
async def test_there_is_no_other_button(own: Browser, named: dict[str, str], path: str) -> None:
    assert (await own.submit("besoin/resultat", to=path, pour="brule-1")).status_code == 404


async def test_a_colleague_opens_the_selection_by_its_address_and_nobody_else_does(
    own: Browser, named: dict[str, str], served: Client
) -> None:
    """Only who is signed in to that organisation, on the version that was kept; there is no secret in it."""
    value, name = next((value, name) for value, name in named.items() if name != TRICK)
    await own.submit("besoin/resultat", to="besoin/contacts", pour="partager-1", choix=value)
    (link,) = re.findall(r"<pre [^>]*>([^<]*/versions/1\?choix=[^<]*)</pre>", own.page)
    assert link.endswith(value.replace(":", "%3A"))
    path = link[link.index("/besoins/") :]
    async with Browser(served.app) as other:
        assert "/connexion" in str((await other.open(path)).url)
        await sign_in_as(other, await new_buyer(served))
        assert (await other.open(path)).status_code == 404
    async with Browser(served.app) as colleague:
        await colleague.sign_in()
        assert (await colleague.open(path)).status_code == 200
        selection = said(colleague.page).partition('id="selection"')[2].partition("</ul>")[0]
        assert [each for each in named.values() if each in selection] == [name]
        # as on the answer, a supplier of the place is not "0 km" away
        assert not re.search(r"\b0\skm", selection)
