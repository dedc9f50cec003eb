"""The rules of the house that no other tool enforces."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ("api", "db", "domain", "matching", "sources")
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
NAMELESS = {"base", "common", "helpers", "misc", "shared", "utils"}
# What a room may import besides the standard library and the rooms below it; the API may import anything.
LIBRARIES = {
    "domain": {"domain", "msgspec"},
    "matching": {"domain", "matching", "msgspec", "numpy", "pyproj", "rapidfuzz", "shapely"},
    "sources": {
        "defusedxml",
        "domain",
        "duckdb",
        "httpx",
        "matching",
        "msgspec",
        "python_calamine",
        "sources",
        "stdnum",
    },
    "db": {"alembic", "asyncpg", "db", "domain", "msgspec", "sqlalchemy"},
}
# Waiting and measuring (time.monotonic, time.perf_counter) tell nothing of the date.
CLOCK = {
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
    "time.strftime",
    "time.time",
    "time.time_ns",
}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}


def sources(*rooms: str) -> list[Path]:
    """The modules of the rooms; migrations are records of the past and are left alone."""
    found = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_module = pytest.mark.parametrize("path", sources(*ROOMS), ids=name)


def qualified_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every dotted name that is read, with its line; names that were imported are written out in full."""
    full: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            full |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            yield node.lineno, ".".join(filter(None, (full.get(first, first), rest)))


def uses(path: Path, forbidden: set[str]) -> list[str]:
    """Where a module names one of `forbidden`."""
    return [
        f"{path}:{line}: {used}" for line, used in qualified_names(ast.parse(path.read_text())) if used in forbidden
    ]


@pytest.mark.parametrize(
    "code",
    [
        "import datetime as d\nd.datetime.now(d.UTC)",
        "from datetime import date\ndate.today()",
        "from datetime import datetime as moment\nmoment.now",
        "import time\ntime.time()",
        "from time import time_ns\ntime_ns()",
    ],
)
def test_the_clock_is_recognised_under_any_name(code: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(code)
    assert uses(tmp_path / "module.py", CLOCK)


def test_the_clock_is_read_by_the_api_alone() -> None:
    assert [use for path in sources("db", "domain", "matching", "sources") for use in uses(path, CLOCK)] == []


def test_the_environment_is_read_by_the_settings_alone() -> None:
    allowed = ROOT / "api" / "settings.py"
    assert [use for path in sources(*ROOMS) if path != allowed for use in uses(path, ENVIRONMENT)] == []


@pytest.mark.parametrize("room", LIBRARIES)
def test_a_room_imports_what_it_may(room: str) -> None:
    imported = {
        (name(path), module.split(".")[0])
        for path in sources(room)
        for node in ast.walk(ast.parse(path.read_text()))
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {use for use in imported if use[1] not in LIBRARIES[room] | sys.stdlib_module_names} == set()


def test_sql_is_written_in_db_and_in_the_steps_of_the_pool() -> None:
    """As files in `sources/pool/steps`, for whoever runs them to read, and the whole schema beside the first migration;
    nowhere else in modules outside of `db`."""
    files = {path for room in ROOMS for path in (ROOT / room).rglob("*.sql")}
    files.remove(ROOT / "db/migrations/versions/0022_baseline.sql")
    assert {path.parent for path in files} == {ROOT / "sources/pool/steps"}
    statement = re.compile(
        r"\s*(SELECT\s.*\sFROM|INSERT INTO|DELETE FROM|COPY|(CREATE|DROP) (TABLE|VIEW))\s", re.DOTALL
    )
    strings = (
        (name(path), node.value)
        for path in sources("api", "domain", "matching", "sources")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert [found for found in strings if statement.match(found[1])] == []


@every_module
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {function: lines for function, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


@every_module
def test_a_name_says_what_a_module_is_for(path: Path) -> None:
    assert not NAMELESS & {path.stem, path.parent.name}
    if path.name == "__init__.py":
        assert path.read_text() == ""


def test_the_rooms_are_ours_from_any_folder(tmp_path: Path) -> None:
    """Their names are common: another package of that name in the environment must not be what is imported."""
    code = f"import {', '.join(ROOMS)}; print(*(room.__path__[0] for room in ({', '.join(ROOMS)})), sep='\\n')"
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.stderr == ""
    assert found.stdout.splitlines() == [str(ROOT / room) for room in ROOMS]


def test_the_lock_holds_every_dependency_by_its_hash_and_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lock = (ROOT / "requirements.lock").read_text()
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *chain.from_iterable(project["project"]["optional-dependencies"].values()),
        *project["dependency-groups"]["dev"],
    ]
    entries = re.findall(r"^([a-z0-9.-]+)==[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}[ \\]*\n)+)", lock, re.MULTILINE)
    assert {re.split(r"[^\w-]", name)[0].lower() for name in wanted} <= {name for name, _ in entries}
    assert len(entries) == len(re.findall(r"^[a-z]", lock, re.MULTILINE))
    assert "://" not in lock


QUESTION_WORDS = r"(What|How|Where|Why|Who|Whose|When)\b"


@every_module
def test_docstrings_say_what_comes_back(path: Path) -> None:
    """Their first line is a statement: none begins with a question's word, none is missing from a module."""
    tree = ast.parse(path.read_text())
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documented = [
        (getattr(node, "name", path.stem), ast.get_docstring(node))
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]
    assert [name for name, text in documented if text and re.match(QUESTION_WORDS, text)] == []
    assert ast.get_docstring(tree) or path.name == "__init__.py"
