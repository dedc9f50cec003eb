"""A text that a spreadsheet would run as a formula is harmless in every table that the product gives."""

import ast
import csv
import re
from collections.abc import Iterator
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from api.app import ROUTES
from api.desk.answer_selection import workbook_of
from api.web.content_negotiation import CSV, ZIP
from tests.api.campaigns.steps import Campaigner, campaigner, put_unknown
from tests.api.needs.steps import meeting_about
from tests.api.sync.factories import Client, path_of, siret
from tests.test_house import ROOMS, name, parsed, sources

TRICKS = ("=cmd|' /C calc'!A0", "+SUM(1)", "@SUM(1)", "-SUM(1)", "\t=1+1", "\r=1+1", "\uff1d1+1", "'=1+1")
BEGINS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ISLE = {"codes": ["commune:29083"]}
SPENDING = "SIRET;Montant;Date;Objet\n{siret};10;2026-01-01;=1+1\n"


def cells(answer: httpx.Response) -> Iterator[str]:
    """All cells of the tables in an answer."""
    assert answer.status_code == 200, answer.text
    tables = [answer.content]
    if answer.headers["content-type"] == ZIP:
        with ZipFile(BytesIO(answer.content)) as package:
            tables = [package.read(each) for each in package.namelist() if each.endswith(".csv")]
    for table in tables:
        text = table.decode("utf-8-sig")
        for row in csv.reader(StringIO(text), delimiter=";" if answer.content.startswith(b"\xef\xbb\xbf") else ","):
            yield from row


async def tables_given(buyer: Campaigner, source: str) -> dict[tuple[str, str], httpx.Response]:
    """An answer of each route that gives a table, where tricky texts are in it."""
    campaign = await buyer.plan(title=TRICKS[0], only_unknown_trade=False)
    person = {"role": "buyer", "name": TRICKS[1], "organisation": TRICKS[0]}
    meeting = (
        await buyer.post("/meetings", meeting_about("", need_ids=[], participants=[person], territory=ISLE))
    ).json()
    lines = {"lines": [{"title": each, "amount": "10 000", "place": "29083"} for each in (*TRICKS[:4], "Tonte =1")]}
    table = buyer.headers | {"Content-Type": CSV, "Accept": CSV}
    spent = SPENDING.format(siret=siret(path_of(source, "0"))).encode()
    return {
        ("GET", "/suppliers"): await buyer.get(f"/suppliers?source={source}", Accept=CSV),
        ("GET", "/suppliers excel"): await buyer.get(f"/suppliers?source={source}&csv=excel", Accept=CSV),
        ("GET", "/campaigns/{id}/recipients"): await buyer.get(f"/campaigns/{campaign['id']}/recipients", Accept=CSV),
        ("POST", "/campaigns/{id}/links"): await buyer.post(f"/campaigns/{campaign['id']}/links", Accept=CSV),
        ("GET", "/meetings/{id}/badges"): await buyer.get(f"/meetings/{meeting['id']}/badges", Accept=CSV),
        ("POST", "/programme"): await buyer.post("/programme", lines, Accept=CSV),
        ("POST", "/spending"): await buyer.client.post("/spending", content=spent, headers=table),
        ("GET", "/supply"): await buyer.get("/supply?territory=commune:29083", Accept=CSV),
        ("GET", "/exports/pool.zip"): await buyer.get("/exports/pool.zip"),
    }


@pytest.fixture
async def tricky(served: Client) -> str:
    """A source whose records have tricky texts wherever texts may stand."""
    source = "tricky-texts"
    await served.put(f"/sources/{source}", json={"label": TRICKS[0], "licence": "Licence Ouverte 2.0"})
    for number, trick in enumerate(TRICKS):
        named: dict[str, Any] = {"name": trick, "trade_name": trick, "description": trick, "labels": [trick.strip()]}
        offers = [{"segments": ["ev-entretien"], "label": trick}]
        await put_unknown(
            served, source, str(number), **named, offers=offers, siret=siret(path_of(source, str(number)))
        )
    return source


async def test_no_cell_of_any_table_is_run(served: Client, tricky: str) -> None:
    """Of every route of the API that gives CSV, alone or in a package."""
    given = await tables_given(await campaigner(served, "match", "read"), tricky)
    wanted = {
        (route.method, route.path)
        for route in (each.opt["route"] for each in ROUTES if "route" in each.opt)
        if route.answers.keys() & {CSV, ZIP}
    }
    assert wanted <= given.keys(), "each route that gives a table is tried"
    told = {where: list(cells(answer)) for where, answer in given.items()}
    number = re.compile(r"[+-][0-9][0-9 .,]*")
    begun = {where: [cell for cell in found if cell.startswith(BEGINS)] for where, found in told.items()}
    run = {where: [cell for cell in found if not number.fullmatch(cell)] for where, found in begun.items()}
    assert {where: found for where, found in run.items() if found} == {}
    harmless = {where for where, found in told.items() if any("=cmd" in cell for cell in found)}
    assert len(harmless) >= 5, "the tricky texts are there"


def test_no_text_of_a_workbook_is_a_formula() -> None:
    written = workbook_of("Essai", TRICKS, [10.0] * len(TRICKS), [TRICKS])
    with ZipFile(BytesIO(written)) as book:
        parts = {each: book.read(each).decode() for each in book.namelist() if each.endswith(".xml")}
    assert [each for each, content in parts.items() if "<f>" in content or "hyperlink" in content] == []


def test_tables_are_written_in_two_places() -> None:
    """So that no other page or route writes a cell by itself; `workbook_process` passes on what it reads."""
    writers = {
        (called, name(path))
        for path in sources(*ROOMS)
        if re.search("writer|Workbook", path.read_text())
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in {"csv.writer", "xlsxwriter.Workbook"}
    }
    assert writers == {
        ("csv.writer", "sources/file_types/csv_cells.py"),
        ("csv.writer", "sources/file_types/workbook_process.py"),
        ("xlsxwriter.Workbook", "api/desk/answer_selection.py"),
    }
