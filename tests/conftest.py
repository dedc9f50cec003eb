"""Fixtures of all tests: a database of their own, and the real data files where they are at hand.

The server is the one TEST_DATABASE_URL names (its user must be allowed to create databases), else a container where
Docker answers, else an embedded one.
"""

import asyncio
import gc
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import settings
from sqlalchemy import text

from api.cli import GARBAGE_AFTER
from api.commands.law import due_lines, due_rules
from db import migrate
from db.core import engine as database
from db.core.connect import dsn
from db.embedded import serve as embedded
from db.schema.supplier_tables import metadata
from domain.law.rules import load
from domain.text.bilingual import PARIS

pytest_plugins = ("tests.left_out",)

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
FIRST = ("domain", "matching", "sources", "db")
"""The folders of tests that are the quickest to fail; those that start servers and browsers follow."""
LONG = (
    "api/desk/test_pictures.py",
    "api/commands/test_followed_pages.py",
    "api/commands/serving/test_serve.py",
    "api/desk/test_story_in_a_browser.py",
    "bench/test_measures.py",
    "scripts/test_builds.py",
    "api/reports/test_pdf.py",
)
"""Files after which other workers would be waited for, if they came last."""

SINGLETONS = {"directory_version", "suppression_key"}
for module in (ROOT / "db" / "schema").glob("*_tables.py"):
    import_module(f"db.schema.{module.stem}")
# as a replica does, without triggers: the journal refuses deletions
EMPTY = "; ".join(
    [
        "SET LOCAL session_replication_role = replica",
        *(f"DELETE FROM {name}" for name in metadata.tables if name not in SINGLETONS),
        "UPDATE directory_version SET version = 0, notes = NULL",
        "ALTER SEQUENCE change_set_ids RESTART",
    ]
)

# What tests start (workers, servers, commands) compiles the code once and not each time it is started, also where the
# environment would have nothing written beside the sources; as scripts/setup.sh does.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The reference data are some millions of objects that stay: collecting as often as by default is a tenth of all CPU.
gc.set_threshold(100_000, 20, 50)

# Chosen by --hypothesis-profile. The quick one tries the same examples each time, so that a run fails because of a
# change and not by chance; the full one tries others each time, and so finds what nobody thought of.
settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True, database=None)
settings.register_profile("full", max_examples=100, deadline=None)


def examples(full: int) -> int:
    """`full` examples in the full profile, and in others the share of them that corresponds."""
    return max(1, full * settings().max_examples // 100)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first, then what is longest, so that all workers end at the same time."""
    rank = {name: place for place, name in enumerate((*FIRST, *LONG))}

    @cache
    def place(file: Path) -> int:
        path = file.relative_to(ROOT / "tests")
        return min(rank.get(path.parts[0], len(rank)), rank.get(path.as_posix(), len(rank)))

    items.sort(key=lambda item: place(item.path))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is loaded by now, as a server does: its looks took a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell maintainers which rules of law are due, where tests of the law ran: no date makes a test fail."""
    reports = (report for group in terminalreporter.stats.values() for report in group)
    if not any(getattr(report, "nodeid", "").startswith("tests/domain/law/") for report in reports):
        return
    today = datetime.now(PARIS).date()
    if due := due_rules(load(), today, 90):
        terminalreporter.section("rules of law to look at (see `vivier law due`)")
        for each in due:
            terminalreporter.write_line(due_lines(each, today)[0])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real supplier files and notices beside the checkout; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data files are not beside this checkout (../shared/data)")
    return folder


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder with a short name that the user PostgreSQL runs as can reach (pytest's own folders are private).

    In memory where there is room: making and dropping a database takes a third of the time it takes on a disk.
    """
    in_memory = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="vivier-test-", dir=MEMORY if in_memory else "/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The address of a database on a server where others can be created."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
    elif docker_answers():
        with container() as url:
            yield url
    else:
        programs = os.environ.get("PG_BIN")
        with (
            open_folder() as home,
            embedded.serve(home, pg_bin=Path(programs) if programs else None, durable=False) as url,
        ):
            yield url


def docker_answers() -> bool:
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False
    import docker  # noqa: PLC0415 - half a second for those who have no Docker

    try:
        client = docker.from_env(timeout=3)
    except docker.errors.DockerException:
        return False
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, OSError):
        return False
    finally:
        client.close()


@contextmanager
def container() -> Iterator[str]:
    """The oldest PostgreSQL that is supported, in a container."""
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - see docker_answers

    with PostgresContainer("postgres:15-alpine", driver=None).with_command("postgres -c fsync=off") as server:
        yield server.get_connection_url()


def sibling(url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(dsn(url))._replace(scheme="postgresql+asyncpg", path=f"/{name}").geturl()


def new_name() -> str:
    return f"vivier_test_{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
async def administrator(server_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that creates and drops databases."""
    connection = await asyncpg.connect(dsn(server_url))
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def template(server_url: str, administrator: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[str]:
    """The name of a migrated database that nobody is connected to, to be copied."""
    name = new_name()
    await administrator.execute(f"CREATE DATABASE {name}")
    await asyncio.to_thread(migrate.upgrade, sibling(server_url, name))
    yield name
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def copied(
    server_url: str, administrator: "asyncpg.Connection[asyncpg.Record]", template: str
) -> AsyncIterator[str]:
    """The address of a new database like the template, which is dropped at the end."""
    name = new_name()
    # the files are small: copying them takes a third of the time that writing them to the log takes
    await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield sibling(server_url, name)
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def new_database_url(
    server_url: str, administrator: "asyncpg.Connection[asyncpg.Record]", template: str
) -> AsyncIterator[str]:
    """The address of a migrated, empty database."""
    async with copied(server_url, administrator, template) as url:
        yield url


database_url = pytest.fixture(new_database_url)
"""That of a database that is the test's own."""
lasting_database_url = pytest.fixture(new_database_url, scope="session")
"""That of one that several tests write to."""


shared_url = pytest.fixture(new_database_url, scope="session")
"""That of one that tests share, and each leaves empty: where `emptied_database_url` takes the place of the above."""


@pytest.fixture(scope="session")
async def shared_engine(shared_url: str) -> AsyncIterator[database.Engine]:
    """An engine on the database that tests share."""
    engine = database.engine(shared_url, pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture
async def emptied_database_url(shared_url: str, shared_engine: database.Engine) -> AsyncIterator[str]:
    """The address of the shared database, which is empty."""
    yield shared_url
    await empty(shared_engine)


@pytest.fixture
def engine_on_emptied(database_url: str, shared_engine: database.Engine) -> database.Engine:
    """An engine on the shared database, which is empty."""
    return shared_engine


async def empty(engine: database.Engine) -> None:
    """Leave nothing of what was written."""
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(EMPTY)  # one request (5 ms; one for each takes 90), and so one transaction


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[database.Engine]:
    """An engine on this test's own database."""
    engine = database.engine(database_url, pool_size=5)
    yield engine
    await engine.dispose()


async def begin_endless_query(engine: database.Engine) -> asyncio.Task[None]:
    """A task that waits for an answer of the database for ever, in a transaction that has begun."""
    waits = asyncio.Event()

    async def wait() -> None:
        async with database.transaction(engine) as connection:
            await connection.execute(text("SELECT 1"))
            waits.set()
            await connection.execute(text("SELECT pg_sleep(3600)"))

    waiting = asyncio.create_task(wait())
    await waits.wait()
    return waiting
