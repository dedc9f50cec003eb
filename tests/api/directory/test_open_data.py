"""The open data package: what is in it, what is left out, and that it is read again as it was."""

import asyncio
import csv
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from api.directory import open_data
from domain.suppliers.source import open_licence
from sources.file_reader import FORMATS
from sources.formats.open_data import description_of_package
from sources.pool.manifest import published_files
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, key, put, put_record, send, siret
from tests.conftest import ROOT

ZIP = "application/zip"
OFFERS = [
    {"segments": ["ev-entretien"], "label": "Tonte", "service_area": {"radius_km": 40}, "declared_on": "2026-03-02"},
    {
        "segments": ["re-ressourcerie"],
        "basis": "awarded",
        "evidence": [{"kind": "award", "label": "Réemploi, écrire à a.martin@ville.fr", "on": "2025-05-02"}],
    },
]
HOME = {"street": "Chez Mme Jeanne Le Goff, 3 rue du Port", "city": "Vannes", "commune": "56260"}
CONTACT = {"email": "jeanne@blavet.fr", "phone": "02 97 00 00 00", "website": "https://blavet.fr", "person": "Jeanne"}
CASTS: dict[str, Any] = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": {"true": True, "false": False}.__getitem__,
}


@pytest.fixture
async def opened(served: Client, source: str) -> AsyncIterator[str]:
    """A source under an open licence; afterwards its licence is taken away."""
    named = {"label": "Carte du Blavet", "url": "https://carte.example.org", "licence": "Licence Ouverte 2.0"}
    assert (await put(served, f"/sources/{source}", named)).json()["licence"] == "Licence Ouverte 2.0"
    yield source
    await put(served, f"/sources/{source}", {})


async def package(served: Client) -> zipfile.ZipFile:
    """The package as it is now."""
    answer = await served.get("/exports/pool.zip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, ZIP), answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


def tables(package: zipfile.ZipFile) -> dict[str, list[dict[str, Any]]]:
    """The tables of a package, each row checked against the schema that the package has of it (Table Schema)."""
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in json.loads(package.read("datapackage.json"))["resources"]:
        schema = resource["schema"]
        header, *rows = csv.reader(io.StringIO(package.read(resource["path"]).decode(), newline=""))
        assert header == [field["name"] for field in schema["fields"]]
        found[resource["name"]] = [
            {field["name"]: value(cell, field) for cell, field in zip(row, schema["fields"], strict=True)}
            for row in rows
        ]
        primary = [tuple(row[name] for name in schema.get("primaryKey", header)) for row in found[resource["name"]]]
        assert len(primary) == len(set(primary))
    assert {row["external_id"] for row in found["offers"]} <= {row["external_id"] for row in found["suppliers"]}
    return found


def value(cell: str, field: dict[str, Any]) -> Any:
    """The value of a cell, which meets the constraints of its field; None where it is empty."""
    rules = field.get("constraints", {})
    if cell == "":
        assert not rules.get("required")
        return None
    read = CASTS[field["type"]](cell)
    assert rules.get("minimum", read) <= read <= rules.get("maximum", read)
    assert re.fullmatch(rules.get("pattern", ".*"), cell, re.DOTALL)
    assert cell in rules.get("enum", [cell])
    return read


async def documents(served: Client, source: str) -> list[dict[str, Any]]:
    """What the directory has of a source's suppliers and the package may tell."""
    found = (await served.get("/suppliers", params={"source": source})).json()["items"]
    kept = ("name", "siret", "approvals", "commune", "location", "offers", "employees", "labels", "legal_form", "size")
    return sorted(({name: each[name] for name in kept} for each in found), key=lambda each: each["name"])


async def test_rows_of_open_sources_are_published_and_others_are_named(served: Client, opened: str) -> None:
    closed = f"{opened}-closed"
    await put(served, f"/sources/{closed}", {"licence": "CC-BY-NC-4.0"})
    own = siret(opened)
    await put_record(served, opened, siret=own, offers=OFFERS, contact=CONTACT, description="Jeanne", address=HOME)
    await put_record(served, closed, siret=own, offers=[{"segments": ["ev-elagage"]}], labels=["RSEi"])
    await put_record(served, closed, "2", name="Fermé")
    await put_record(served, opened, "3", name="Jeanne Martin", approvals=[{"kind": "TIH"}])
    await put_record(served, opened, "4", name="Dissoute", active=False)
    whole = await package(served)
    read = tables(whole)

    (supplier,) = [row for row in read["suppliers"] if row["siret"] == own]
    offers = [row for row in read["offers"] if row["external_id"] == supplier["external_id"]]
    assert [(each["segments"], each["basis"], each["declared_by"], each["declared_on"]) for each in offers] == [
        ("ev-entretien", "declared", "network", "2026-03-02"),
        ("re-ressourcerie", "awarded", None, None),
    ]
    assert (supplier["labels"], offers[1]["evidence"]) == (None, "award:2025-05-02:::")
    text = b"".join(map(whole.read, whole.namelist())).decode()
    told = ("Jeanne", "jeanne@", "02 97", "blavet.fr", "a.martin", "Fermé", "Dissoute", "ev-elagage", "contact.")
    assert not [word for word in told if word in text.replace("carte.example.org", "")]

    described = json.loads(whole.read("datapackage.json"))
    (credited,) = [each for each in described["sources"] if each["name"] == opened]
    assert (credited["title"], credited["licence"]) == ("Carte du Blavet", "etalab-2.0")
    assert credited["credit"].startswith("Carte du Blavet, Licence Ouverte 2.0 (Etalab), ")
    assert described["created"][:10] == max(each["changed_on"] or "" for each in described["sources"])
    left = {each["name"]: each["reason"] for each in described["left_out"]}
    assert left[closed] == "licence_not_open"
    assert closed in whole.read("README.md").decode()
    assert "declarations" not in {each["name"] for each in described["sources"]}


async def test_the_same_data_are_the_same_bytes_under_the_same_tag(served: Client, opened: str) -> None:
    await put_record(served, opened)
    first, second = [await served.get("/exports/pool.zip") for _ in range(2)]
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])
    known = await served.get("/exports/pool.zip", headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    await put_record(served, opened, name="Un autre nom")
    assert (await served.get("/exports/pool.zip")).headers["etag"] != first.headers["etag"]


async def test_others_have_their_turn_while_the_offers_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end nothing is waited for but the client, and a fast one never lets go."""
    pieces, turns = 40, 0

    async def one_part(*_: object) -> list[int]:
        return [1]

    def write_offers(_: object, suppliers: Any, offers: Any) -> None:
        offers.write(b"x" * 64 * pieces)

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    monkeypatch.setattr(open_data, "_read_part", one_part)
    monkeypatch.setattr(open_data, "_write_rows", write_offers)
    monkeypatch.setattr(open_data, "_AT_ONCE", 64)
    others = asyncio.create_task(take_turns())
    description = description_of_package((), {}, "1")
    sent = [part async for part in open_data._package(cast("Any", None), description, (), io.BytesIO())]
    others.cancel()
    assert zipfile.ZipFile(io.BytesIO(b"".join(sent))).testzip() is None
    assert turns >= pieces


async def test_an_import_elsewhere_makes_the_same_suppliers(served: Client, opened: str) -> None:
    details = {"approvals": [{"kind": "ACI", "valid_until": "2027-12-31"}], "employees": 42, "labels": ["RSEi", "=A|B"]}
    await put_record(served, opened, "1", offers=OFFERS[:1], legal_form="association", **details)
    await put_record(served, opened, "2", name="Sans offre", offers=[], location=None)
    before = await documents(served, opened)
    sent = (await served.get("/exports/pool.zip")).content
    for external_id in ("1", "2"):
        await served.delete(f"/sources/{opened}/suppliers/{external_id}")
    await put(served, f"/sources/{opened}", {})
    elsewhere = f"{opened}-elsewhere"
    report = (await send(served, elsewhere, sent, ZIP)).json()
    assert (report["added"], report["rejected"]) == (2, 0), report
    assert [sized(each, elsewhere) for each in await documents(served, elsewhere)] == [
        sized(each, opened) for each in before
    ]


def sized(document: dict[str, Any], source: str) -> str:
    """The document as JSON, with the name of its source left out."""
    return json.dumps(document, sort_keys=True).replace(json.dumps(source), '"source"')


async def test_what_is_no_package_is_refused_whole(served: Client, source: str) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as written:
        written.writestr("suppliers.csv", "external_id,name\n1,A\n")
    for content in (b"no zip", other.getvalue()):
        refused = await send(served, source, content, ZIP)
        assert_refused(refused, 422, "invalid-content")
        assert refused.json()["errors"][0]["code"] == "package"
    with zipfile.ZipFile(other, "w") as written:
        written.writestr("suppliers.csv", "external_id,name\n1,A\n")
        written.writestr("offers.csv", "external_id,segments\n1,ev-entretien\n9,ev-entretien\n")
    report = (await send(served, source, other.getvalue(), ZIP)).json()
    assert (report["added"], [each["pointer"] for each in report["errors"]]) == (1, ["/name"])


def test_the_rights_to_every_format_are_told_as_they_are_applied() -> None:
    """A file of the pool is published where its licence is known to be open, as its row says."""
    rows = [line.strip("| ").split(" | ") for line in (ROOT / "docs/data-rights.md").read_text().splitlines()]
    published = {name: row[3] for row in rows if len(row) == 6 for name in re.findall(r"`([\w-]+)`", row[0])}
    assert published.keys() >= {*FORMATS, "declarations"}
    for file in published_files():
        if file.format is not None:
            assert published[file.format].startswith("oui") == (open_licence(file.licence) is not None), file.format


async def test_only_readers_get_it(served: Client) -> None:
    headers = await key(served, "match")
    assert_refused(await served.get("/exports/pool.zip", headers=headers), 403, "missing-scope")


@pytest.mark.parametrize("licence", ["", " etalab-2.0", 7, "x" * 101])
async def test_a_licence_that_is_none_is_told(served: Client, source: str, licence: object) -> None:
    refused: httpx.Response = await put(served, f"/sources/{source}", {"licence": licence})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/licence"
