"""What the functions that apply rules say of themselves is true."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.law.documents import rule_documents
from domain.law.findings import explained
from domain.law.reservations.reservation import CONTRACTS, type_rule
from domain.law.sentences import SENTENCES
from domain.needs.need import RESERVED_TYPES

LAW = Path(rule_documents.__file__).parents[1]
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(LAW.rglob("[!_]*.py"))}


def applying(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, ast.Call]]:
    """The functions of a module that apply rules, each with the call that marks it."""
    for node in ast.walk(tree):
        for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "applies":
                yield node, mark  # type: ignore[misc]


def words(nodes: list[ast.AST]) -> set[str]:
    """The texts that stand in these parts of a module by themselves."""
    found = {id(node): node.value for node in nodes if isinstance(node, ast.Constant)}
    return {text for text in found.values() if isinstance(text, str)}


def test_a_function_reads_the_rules_that_it_applies() -> None:
    """Each id stands in the code or in a table, not just in the mark of the function; `type_rule` makes some."""
    assert len(explained()) > 100
    read = {type_rule(kind, contract) for kind in RESERVED_TYPES for contract in CONTRACTS}
    for tree in MODULES.values():
        marks = {id(node) for _, mark in applying(tree) for node in ast.walk(mark)}
        read |= words([node for node in ast.walk(tree) if id(node) not in marks])
    assert explained().keys() - read == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_an_explanation_is_for_readers_of_the_law(path: Path) -> None:
    """It is served at `GET /rules`: no parameter of the function is explained there."""
    for function, _ in applying(MODULES[path]):
        parameters = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        assert not parameters.intersection(re.findall("`([^`]+)`", ast.get_docstring(function) or ""))


def test_every_sentence_is_said_in_both_languages() -> None:
    """By a function under `domain/law`, with the same places to fill, but for the endings that French alone has."""
    said = {text for tree in MODULES.values() for text in words(list(ast.walk(tree)))}
    assert SENTENCES.keys() - said == set()
    for name, text in SENTENCES.items():
        french, english = (set(re.findall(r"{(\w+)}", side)) for side in text)
        assert english <= french, name
