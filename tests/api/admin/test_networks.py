"""Networks and facilitators: the table that the operator keeps, and whom a buyer finds in it."""

import asyncio
from argparse import Namespace
from pathlib import Path

import pytest

from api.admin.networks import networks_in_table
from api.commands.command import CommandFailed
from api.commands.imports import replace_networks
from api.settings import read_settings
from domain.errors import InvalidContent
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, key
from tests.sources.file_types.test_workbook import ods, xlsx

TABLE = """nom;genre;Territoires;Réservations;Courriel;Téléphone;Site
CRESS Bretagne;cress;region:53;ess;contact@cress.example.org;;https://cress.example.org
Facilitateur du Morbihan;facilitator;departement:56;iae|handicap;;02 97 00 00 00;
Gesat;gesat;;handicap;;;
""".encode()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Facilitateur du Morbihan", "CRESS Bretagne", "Gesat"]),
        ("territory=commune:56178", ["Facilitateur du Morbihan", "CRESS Bretagne", "Gesat"]),
        ("territory=departement:35&reserved=ess", ["CRESS Bretagne"]),
        ("territory=departement:75&reserved=handicap&reserved=iae", ["Gesat"]),
        ("territory=departement:75&reserved=penitentiary", []),
    ],
)
async def test_whom_to_call(served: Client, query: str, names: list[str]) -> None:
    items = [
        {"name": "Gesat", "kind": "gesat", "reserved": ["handicap"]},
        {"name": "CRESS Bretagne", "kind": "cress", "territories": ["region:53"], "reserved": ["ess"]},
        {"name": "Facilitateur du Morbihan", "territories": ["departement:56"], "reserved": ["iae", "handicap"]},
    ]
    assert (await served.put("/networks", json={"items": items})).status_code == 200
    found = await served.get(f"/networks?{query}", headers=await key(served, "match"))
    assert [each["name"] for each in found.json()["items"]] == names


async def test_only_the_operator_keeps_it_and_faults_are_told_where_they_stand(served: Client) -> None:
    administrator = await key(served, "admin")
    assert_refused(await served.put("/networks", json={"items": []}, headers=administrator), 403, "missing-scope")
    refused = await served.put("/networks", json={"items": [{"name": "X", "territories": ["departement:99"]}]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/items/0/territories/0"
    assert (await served.get("/networks?territory=departement:99")).status_code == 422


async def test_a_table_that_changed_meanwhile_is_not_overwritten(served: Client) -> None:
    items = [{"name": "Gesat", "kind": "gesat"}, {"name": "Réso 35", "territories": ["departement:35"]}]
    stored = await served.put("/networks", json={"items": items})
    read = await served.get("/networks")
    assert (read.json(), read.headers["etag"]) == (stored.json(), stored.headers["etag"])
    known = {"If-Match": read.headers["etag"]}
    changed = await served.put("/networks", json={"items": items[:1]}, headers=known)
    assert changed.status_code == 200
    assert changed.headers["etag"] != read.headers["etag"]
    assert_refused(await served.put("/networks", json={"items": []}, headers=known), 412, "stale-version")
    assert (await served.get("/networks")).json() == changed.json()


async def test_the_command_replaces_the_table(served: Client, lasting_database_url: str, tmp_path: Path) -> None:
    file, settings = tmp_path / "reseaux.csv", read_settings({"DATABASE_URL": lasting_database_url})

    async def run() -> int:
        return await asyncio.to_thread(replace_networks, Namespace(file=file), settings)

    file.write_bytes(TABLE)
    assert await run() == 0
    names = ["Facilitateur du Morbihan", "CRESS Bretagne", "Gesat"]
    assert [each["name"] for each in (await served.get("/networks")).json()["items"]] == names
    file.write_text("nom,territoires\nX,departement:99\n")
    with pytest.raises(CommandFailed, match="/items/0/territories/0: "):
        await run()
    file.write_text("nom,couleur\nX,rouge\n")
    with pytest.raises(CommandFailed, match="/couleur: Unknown column"):
        await run()
    file.unlink()
    with pytest.raises(CommandFailed, match="cannot read"):
        await run()
    assert [each["name"] for each in (await served.get("/networks")).json()["items"]] == names


def test_a_table_is_read_by_french_titles() -> None:
    bretagne, morbihan, gesat = networks_in_table(TABLE)
    assert (bretagne.kind, bretagne.territories, gesat.territories) == ("cress", ("region:53",), ("country:FR",))
    assert (morbihan.reserved, morbihan.phone) == (("iae", "handicap"), "02 97 00 00 00")
    in_xlsx = '<c t="inlineStr"><is><t>{}</t></is></c>'
    in_ods = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    for book, row, cell in ((xlsx, "row", in_xlsx), (ods, "table:table-row", in_ods)):
        cells = [map(cell.format, line.split(";")) for line in TABLE.decode().splitlines()]
        rows = "".join(f"<{row}>{''.join(each)}</{row}>" for each in cells)
        assert networks_in_table(book(rows)) == networks_in_table(TABLE)
    with pytest.raises(InvalidContent) as refused:
        networks_in_table(b"nom,genre,couleur\nX,club,rouge\n")
    assert [each.code for each in refused.value.problems] == ["unknown_column", "unknown_value"]
