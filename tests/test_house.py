"""The rules of the house that no other tool enforces."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from operator import gt
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ("api", "db", "domain", "matching", "sources")
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
MOST_FILES = 12
# Lines and files that are not empty, migrations among them.
CEILINGS = {
    "api": (33_230, 156),
    "db": (11_470, 53),
    "domain": (18_535, 78),
    "matching": (11_825, 51),
    "sources": (9_340, 39),
    "tests": (63_870, 339),
}
BARE_WORD = (
    r"_*(after|answered|as|asked|at|before|beside|between|beyond|by|drawn|draws|for|found|from|given|have|held|here|in|kept"
    r"|left|made|mixed|much|named|of|off|on|plus|said|seen|sent|shown|since|stays|sure|taken|there|to|told|under|until|with"
    r"|within|without|written)_*"
)
RIDDLE = (
    r"(As|How|It|Its|Likewise|Of some|Others?|Some|Such|The way to|Their|Them|They|Those|What|When|Where|Who"
    r"|Whom|Whose|Why)\b"
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
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
    *("datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow", "datetime.date.today"),
    *(f"time.{name}" for name in ("ctime", "gmtime", "localtime", "strftime", "time", "time_ns")),
}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}


def sources(*rooms: str) -> list[Path]:
    """The modules of the rooms; migrations are records of the past and are left alone."""
    found = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All of a module's, walked once for all tests."""
    return list(ast.walk(parsed(path)))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def qualified_names(tree: ast.Module, last_words: set[str]) -> Iterator[tuple[int, str]]:
    """Every name that is read, with its line, a dotted one if it ends so; imported ones are written out in full."""
    full: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            full |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.lineno, full.get(node.id, node.id)
        elif isinstance(node, ast.Attribute) and node.attr in last_words:
            first, _, rest = ast.unparse(node).partition(".")
            yield node.lineno, f"{full.get(first, first)}.{rest}"


def definitions(*rooms: str) -> Iterator[tuple[Path, Definition]]:
    """Every function, method and class of the rooms, with its module, which is one too."""
    for path in sources(*rooms):
        yield from ((path, node) for node in nodes(path) if isinstance(node, Definition))


def riddles_in(tree: ast.Module) -> Iterator[str]:
    """The names of functions that say neither what is done nor what comes back, and such first lines of docstrings.

    A method may be named by a preposition: `view.at(day)` is read with its object.
    """
    methods = {
        node
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, FUNCTIONS)
    }
    for node in ast.walk(tree):
        if not isinstance(node, Definition):
            continue
        said = getattr(node, "name", "")
        if isinstance(node, FUNCTIONS) and node not in methods and re.fullmatch(BARE_WORD, said):
            yield said
        first_line = (ast.get_docstring(node) or "").partition("\n")[0]
        if re.match(RIDDLE, first_line):
            yield f"{said}: {first_line}"


def uses(path: Path, forbidden: set[str]) -> list[str]:
    """Where a module names one of `forbidden`; most have not even its last word."""
    last_words = {each.rpartition(".")[2] for each in forbidden}
    if not re.search(rf"\b({'|'.join(last_words)})\b", path.read_text()):
        return []
    return [f"{path}:{line}: {used}" for line, used in qualified_names(parsed(path), last_words) if used in forbidden]


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
        for node in nodes(path)
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
    files.remove(ROOT / "db/migrations/versions/0041_baseline.sql")
    assert {path.parent for path in files} == {ROOT / "sources/pool/steps"}
    statement = re.compile(
        r"\s*(SELECT\s.*\sFROM|INSERT INTO|DELETE FROM|COPY|(CREATE|DROP) (TABLE|VIEW))\s", re.DOTALL
    )
    strings = (
        (name(path), node.value)
        for path in sources("api", "domain", "matching", "sources")
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert [found for found in strings if statement.match(found[1])] == []


def test_files_and_functions_are_short() -> None:
    assert [name(path) for path in sources(*ROOMS) if len(path.read_text().splitlines()) > LONGEST_FILE] == []
    lengths = (
        (name(path), node.name, (node.end_lineno or 0) - node.lineno + 1)
        for path, node in definitions(*ROOMS)
        if isinstance(node, FUNCTIONS)
    )
    assert [found for found in lengths if found[2] > LONGEST_FUNCTION] == []


def test_no_room_outgrows_its_ceiling() -> None:
    """Lines and files of each room and of the tests; a commit that raises a ceiling names it and says why."""
    sizes = dict.fromkeys(CEILINGS, (0, 0))
    for room in CEILINGS:
        written = [path.read_text() for path in (ROOT / room).rglob("*.py")]
        sizes[room] = (sum(text.count("\n") for text in written), sum(map(bool, written)))
    assert {room: size for room, size in sizes.items() if any(map(gt, size, CEILINGS[room]))} == {}


def test_a_folder_is_seen_at_a_glance() -> None:
    folders = Counter(path.parent for path in sources(*ROOMS) if path.name != "__init__.py")
    assert {name(folder): files for folder, files in folders.items() if files > MOST_FILES} == {}


def test_a_name_says_what_a_module_is_for() -> None:
    assert [name(path) for path in sources(*ROOMS) if NAMELESS & {path.stem, path.parent.name}] == []
    assert [path for path in sources(*ROOMS) if path.name == "__init__.py" and path.read_text()] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_module_says_the_sentences_of_its_own_table(room: str) -> None:
    tables = tomllib.loads((ROOT / room / ("data/said.toml" if room == "domain" else "said.toml")).read_text())
    written = {
        ".".join(path.with_suffix("").parts[len((ROOT / room).parts) :]): path.read_text() for path in sources(room)
    }
    said = {module: set(re.findall(r"_SAID\[[\"'](\w+)", text)) for module, text in written.items()}
    assert {module for module, names in said.items() if not names <= tables.get(module, {}).keys()} == set()
    assert [
        (module, each)
        for module, table in tables.items()
        for each in table
        if not re.search(rf"[\"']{each}[\"']", written[module])
    ] == []


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


@pytest.mark.parametrize(
    ("code", "riddles"),
    [
        ('def within():\n    """Rank the lots."""', True),
        ('def _told():\n    """Rank the lots."""', True),
        ('def rank():\n    """What the lots are."""', True),
        ('def rank():\n    """As `order`."""', True),
        ('def rank():\n    """Those of the lots."""', True),
        ('def rank():\n    """Rank the lots."""', False),
        ('class Lots:\n    """Lots of a need."""\n    def at(self): ...', False),
        ('class Lots:\n    """Its lots."""', True),
    ],
)
def test_a_riddle_is_recognised(code: str, *, riddles: bool) -> None:
    assert bool(list(riddles_in(ast.parse(code)))) is riddles


def test_names_and_docstrings_say_what_comes_back() -> None:
    """A function is named by a verb or by its result, and a docstring begins with a statement or an order."""
    assert [(name(path), found) for path in sources(*ROOMS) for found in riddles_in(parsed(path))] == []
    undocumented = (path for path in sources(*ROOMS) if path.name != "__init__.py")
    assert [name(path) for path in undocumented if not ast.get_docstring(parsed(path))] == []
