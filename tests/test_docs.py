"""What the documents say is so: paths exist, commands parse, routes are served, the shown answer is the real one."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec
import pytest

from api.app import create_app
from api.cli import _build_parser
from api.sample.generate import SAMPLE_DEPARTEMENTS, SAMPLE_SEED, SAMPLE_SIZE, generate_records
from api.settings import VARIABLES, read_settings
from api.web.openapi import routes_of
from api.web.request_body import JsonBody
from domain.needs.need import Need
from domain.organisation import SCOPES
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import Flag
from matching.engine import match
from matching.geo.record_placement import find_placements
from matching.index.live_index import Index, LiveIndex
from sources.file_reader import FORMATS
from sources.formats.vivier_columns import COLUMNS
from tests.conftest import ROOT
from tests.factories import reference
from tests.test_house import ROOMS

README, MAP = ROOT / "README.md", ROOT / "docs" / "architecture.md"
PAGES = (README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
PAGES = tuple(page for page in PAGES if page.name != "law.md")  # generated, and tested where it is
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"\.?[\w-][\w.-]*(/[\w.-]+)*/?")
MEDIA_TYPE = re.compile(r"(application|text)/[\w.+-]+")
POOL_ON, NOW = date(2026, 11, 1), datetime(2026, 11, 24, tzinfo=UTC)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return [content for named, content in FENCE.findall(page.read_text(encoding="utf-8")) if named == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command shown on a page, without what sets variables before it or is fed to it."""
    for block in blocks(page, "sh"):
        alone = re.sub(r"<<'?(\w+)'?(.*?)\n.*?\n\1$", r"\2", block, flags=re.DOTALL | re.MULTILINE)
        quoted = ""
        for line in alone.replace("\\\n", " ").splitlines():
            try:
                words = shlex.split(quoted + line, comments=True)
            except ValueError:  # the quotation goes on in the next line
                quoted += line + "\n"
                continue
            quoted = ""
            while words and re.match(r"[A-Z_]+=", words[0]):
                del words[0]
            if words:
                yield words


@cache
def routes() -> dict[str, set[str]]:
    """The methods of every path that is served; a parameter stands for anything in its place."""
    methods: dict[str, set[str]] = {}
    for route in routes_of(create_app(read_settings({}), reference(), parts=())):
        methods.setdefault(re.sub(r"\{\w+\}", "[^/]+", route.path), set()).add(route.method)
    return methods


def is_served(path: str, method: str | None = None) -> bool:
    bare = path.partition("?")[0]
    return any(re.fullmatch(known, bare) and (not method or method in methods) for known, methods in routes().items())


@every_page
def test_paths_and_links_lead_somewhere(page: Path) -> None:
    text = prose(page)
    named = [token for token in re.findall(r"`([^`\n]+)`", text) if "/" in token and PLACE.fullmatch(token)]
    linked = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [name for name in named if not MEDIA_TYPE.fullmatch(name) and not (ROOT / name).exists()]
    assert missing + [name for name in linked if name and not (page.parent / name).exists()] == []


@every_page
def test_commands_are_understood(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for first, *rest in commands(page):
        if Path(first).name == "vivier":
            # what a variable of the shell holds is an id, where it matters
            _build_parser().parse_args([str(UUID(int=0)) if each.startswith("$") else each for each in rest])
        elif first == "make":
            assert next(word for word in rest if "=" not in word) in targets
        elif Path(first).name == "python" and rest[0] == "-m":
            assert find_spec(rest[1]), rest


@every_page
def test_routes_are_served(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)`", prose(page))
    called = re.findall(r"https?://(?:127\.0\.0\.1|localhost):8000(/[^\s>\"')`]+)", text)
    assert [(method, path) for method, path in shown if not is_served(path, method)] == []
    assert [path for path in called if not is_served(path)] == []
    asked = re.findall(r"[?&]segment=([\w-]+)", text)
    assert [segment for segment in asked if segment not in reference().taxonomy.segments] == []


@every_page
def test_settings_exist(page: Path) -> None:
    named = set(re.findall(r"\bVIVIER_[A-Z_]+\b", page.read_text(encoding="utf-8")))
    assert named <= {*VARIABLES}


@every_page
def test_settings_that_are_shown_are_taken(page: Path) -> None:
    """All together, as a server is given them."""
    lines = (line for block in blocks(page, "ini") for line in shlex.split(block, comments=True))
    read_settings(dict(line.split("=", 1) for line in lines))


@pytest.mark.parametrize(
    ("page", "terms"),
    [
        ("docs/suppliers.md", tuple(FORMATS)),
        ("docs/suppliers.md", tuple(COLUMNS)),
        ("docs/suppliers.md", get_args(get_type_hints(Flag)["code"])),
        ("docs/operating.md", SCOPES),
    ],
    ids=("formats", "columns", "flags", "scopes"),
)
def test_nothing_is_left_out(page: str, terms: tuple[str, ...]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [term for term in terms if f"`{term}`" not in text] == []


def mapped() -> set[str]:
    """Every path that the map names, one a line, indented under their room."""
    (text,) = re.findall(r"^```\n(domain/.*?)^```$", MAP.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found, room = set(), ""
    for line in text.splitlines():
        name = line.split()[0]
        room = room if line.startswith(" ") else name
        found.add(name if name == room else room + name)
    return found


def test_the_map_shows_the_house() -> None:
    """What it names exists; each folder of the rooms, and each module beside them, has its line."""
    assert [path for path in mapped() if not (ROOT / path).exists()] == []
    modules = {path for room in ROOMS for path in (ROOT / room).glob("*.py") if path.name != "__init__.py"}
    folders = {path.parent for room in ROOMS for path in (ROOT / room).glob("*/*.py")}
    built = {str(path.relative_to(ROOT)) for path in modules} | {f"{path.relative_to(ROOT)}/" for path in folders}
    assert built - mapped() == set(), "docs/architecture.md needs a line for these"


@cache
def sample_pool() -> LiveIndex:
    """The sample pool as a server holds it that was filled in the month of POOL_ON."""
    ours = reference()
    made = generate_records(SAMPLE_SIZE, SAMPLE_SEED, ours, POOL_ON, SAMPLE_DEPARTEMENTS)
    suppliers = []
    for number, (external_id, record) in enumerate(made):
        stored = StoredRecord(
            "exemple", external_id, record, find_placements([record], ours.geography)[0], UUID(int=number), NOW, NOW
        )
        suppliers.append(assemble(UUID(int=number), [stored]))
    return LiveIndex(Index.build(suppliers, ours.taxonomy, ours.cpv, ours.geography), 1)


def differences(shown: Any, real: Any, at: str = "") -> Iterator[str]:
    """Where `shown` is not an excerpt of `real`: objects may lack fields, lists may lack items."""
    if isinstance(shown, dict) and isinstance(real, dict):
        for name, value in shown.items():
            yield from differences(value, real[name], f"{at}/{name}") if name in real else [f"{at}/{name} is not there"]
    elif isinstance(shown, list) and isinstance(real, list):
        left = list(real)
        for number, item in enumerate(shown):
            found = [list(differences(item, other, f"{at}/{number}")) for other in left]
            if [] in found:
                del left[: found.index([]) + 1]
            else:
                yield from min(found, key=len, default=[f"{at}/{number} is not there"])
    elif shown != real:
        yield f"{at}: {shown!r}, really {real!r}"


def test_the_request_of_the_readme_gets_its_answer() -> None:
    """The answer is an excerpt of what the sample pool gives for the request, word for word."""
    (request,) = re.findall(r"<<'JSON'\n(.*?)\nJSON$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    need = JsonBody(Need).decode(request.encode())
    assert need.on is not None
    answer = msgspec.json.decode(msgspec.json.encode(match(need, sample_pool(), reference(), need.on, "fr")))
    (shown,) = blocks(README, "json")
    assert list(differences(json.loads(shown), answer)) == []


def test_an_excerpt_is_told_from_what_is_not() -> None:
    real = {"total": 2, "items": [{"id": 1}, {"id": 2}]}
    assert not list(differences({"items": [{"id": 2}]}, real))
    for wrong in ({"total": 3}, {"totals": 2}, {"items": [{"id": 2}, {"id": 1}]}, {"items": [{"id": 3}]}):
        assert list(differences(wrong, real))
