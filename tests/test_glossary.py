"""Names in code and contract keep to docs/glossary.md: one word per thing, each word one thing."""

import ast
import json
import re
from functools import cache

from tests.conftest import ROOT
from tests.test_house import FUNCTIONS, ROOMS, nodes, sources

NAMED = (ast.ClassDef, *FUNCTIONS)
RIDDLES = re.compile(r"_?(told|named|said|kept|keep|held|hold|asked)")
# The folders where the records of sources are at home.
HOMES_OF_RECORDS = (
    "sources/", "domain/suppliers/", "db/suppliers/", "db/imports/", "db/privacy/", "api/sync/", "api/sample/",
    "api/directory/", "domain/declarations/record",
)  # fmt: skip


@cache
def rows() -> tuple[tuple[str, ...], ...]:
    """The rows of the glossary: word, French word, meaning, and the words that it replaced."""
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| ")]
    return tuple(cells[1:])


@cache
def replaced() -> set[str]:
    return {word.strip() for row in rows() for word in row[3].split(",")} - {"–"}


def words(name: str) -> set[str]:
    """The words of a name in snake_case or CamelCase, in the singular."""
    return {word.lower().removesuffix("s") for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_each_word_is_one_thing() -> None:
    assert len(rows()) > 30
    assert len({row[0] for row in rows()}) == len({row[1] for row in rows()}) == len(rows())
    assert replaced().isdisjoint(row[0] for row in rows())


def test_names_keep_to_the_glossary() -> None:
    """No module, class or function has a replaced word in its name, and none is named by a riddle."""
    for path in sources(*ROOMS):
        allowed = {"thread"} if re.search(r"to_thread|threading|ThreadPool", path.read_text()) else set()
        names = [path.stem, *(node.name for node in nodes(path) if isinstance(node, NAMED))]
        found = [name for name in names if words(name) & (replaced() - allowed) or RIDDLES.fullmatch(name)]
        assert found == [], path


def test_a_record_is_a_sources() -> None:
    """What is named after a record deals with the records of sources."""
    for path in sources(*ROOMS):
        if not str(path.relative_to(ROOT)).startswith(HOMES_OF_RECORDS):
            names = [node.name for node in nodes(path) if isinstance(node, NAMED)]
            assert [name for name in names if "record" in words(name)] == [], path


def test_the_contract_keeps_to_it() -> None:
    """No replaced word is left in the document."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))
    assert [name for name in document["components"]["schemas"] if words(name) & replaced()] == []
    assert not [word for word in replaced() if re.search(rf"\b{word}s?\b", json.dumps(document))]
