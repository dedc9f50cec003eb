"""Names in code and contract keep to docs/glossary.md: one word per thing, each word one thing."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_house import ROOMS, sources

RIDDLES = re.compile(r"_?(told|named|said|kept|keep|held|hold|asked)")
# The folders where the records of sources are at home.
HOMES_OF_RECORDS = (
    "sources/", "domain/suppliers/", "db/suppliers/", "db/imports/", "db/privacy/", "api/sync/", "api/sample/",
    "api/directory/",
)  # fmt: skip
VERBS = (
    "compare|create|delete|erase|export|get|import|list|match|merge|ping|publish|put|retry|revoke|search|split|update"
)

every_module = pytest.mark.parametrize("path", sources(*ROOMS), ids=lambda path: str(path.relative_to(ROOT)))


@cache
def rows() -> tuple[tuple[str, ...], ...]:
    """The rows of the glossary: word, French word, meaning, and the words that it replaced."""
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| ")]
    return tuple(cells[1:])


def replaced() -> set[str]:
    return {word.strip() for row in rows() for word in row[3].split(",")} - {"–"}


def definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def words(name: str) -> set[str]:
    """The words of a name in snake_case or CamelCase, in the singular."""
    return {word.lower().removesuffix("s") for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_each_word_is_one_thing() -> None:
    assert len(rows()) > 30
    assert len({row[0] for row in rows()}) == len({row[1] for row in rows()}) == len(rows())
    assert replaced().isdisjoint(row[0] for row in rows())


@every_module
def test_names_keep_to_the_glossary(path: Path) -> None:
    """No module, class or function has a replaced word in its name, and none is named by a riddle."""
    concurrency = {"thread"} if re.search(r"to_thread|threading|ThreadPool", path.read_text()) else set()
    found = [path.stem] + [node.name for node in definitions(path)]
    assert [name for name in found if words(name) & (replaced() - concurrency) or RIDDLES.fullmatch(name)] == []


@every_module
def test_a_record_is_a_sources(path: Path) -> None:
    """What is named after a record deals with the records of sources."""
    if not str(path.relative_to(ROOT)).startswith(HOMES_OF_RECORDS):
        assert [node.name for node in definitions(path) if "record" in words(node.name)] == []


def test_the_contract_keeps_to_it() -> None:
    """Operation ids begin with a verb that client developers expect; no replaced word is left in the document."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert [name for name in ids if not re.fullmatch(rf"({VERBS})(_[a-z]+)*", name)] == []
    assert [name for name in document["components"]["schemas"] if words(name) & replaced()] == []
    assert not [word for word in replaced() if re.search(rf"\b{word}s?\b", json.dumps(document))]
