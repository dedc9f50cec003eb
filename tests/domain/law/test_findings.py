"""What the functions that apply rules say of themselves is true, and their sentences are whole."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.law import documents
from domain.law.buyers import buyer_classes
from domain.law.findings import SENTENCES, STATEMENTS, explanations_by_rule
from domain.law.reservations.reservation import CONTRACTS, type_rule
from domain.law.rules import load
from domain.needs.need import RESERVED_TYPES
from matching.allotment import proposals

LAW = Path(documents.__file__).parent
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(LAW.rglob("[!_]*.py"))}


PLACES = {name: [set(re.findall(r"{(\w+)", side)) for side in text] for name, text in SENTENCES.items()}
MADE = (
    "a_", "but_", "of_", "proof_", "disadvantage_", "workers_", "because_", "firms_of_", "assumed_", "family_of_",
    "to_", "stages_of_", "exceptions_of_", "object_of_", "adapted_notice_of_", "adapted_procedure_as_one",
    "formal_procedure_as_one",
)  # fmt: skip
"""The beginnings of names that functions put together."""


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
    """Each id stands in the code or in the statements, not just in the mark of the function; `type_rule` makes some."""
    assert len(explanations_by_rule()) > 100
    read = {type_rule(kind, contract) for kind in RESERVED_TYPES for contract in CONTRACTS}
    read |= {rule for said in STATEMENTS.values() for rule in (said.rule, *said.rests_on)}
    read |= {place for places in PLACES.values() for place in places[0]}
    read |= {rule for each in buyer_classes() for rule in (each.threshold, each.social_threshold, each.payment) if rule}
    for tree in MODULES.values():
        marks = {id(node) for _, mark in applying(tree) for node in ast.walk(mark)}
        read |= words([node for node in ast.walk(tree) if id(node) not in marks])
    assert explanations_by_rule().keys() - read == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_an_explanation_is_for_readers_of_the_law(path: Path) -> None:
    """It is served at `GET /rules`: no parameter of the function is explained there."""
    for function, _ in applying(MODULES[path]):
        parameters = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        assert not parameters.intersection(re.findall("`([^`]+)`", ast.get_docstring(function) or ""))


def test_statements_quote_rules_that_exist() -> None:
    assert {rule for said in STATEMENTS.values() for rule in (said.rule, *said.rests_on)} <= set(load().ids)


def test_every_sentence_is_said_in_both_languages() -> None:
    """By a function or in another one, with the same places, but for endings that French alone has.

    A place is filled by the function that says the sentence, unless it is named after a rule or a sentence.
    """
    beside = ast.parse(Path(proposals.__file__).read_text(encoding="utf-8"))
    said = {text for tree in (*MODULES.values(), beside) for text in words(list(ast.walk(tree)))}
    made = re.compile("(" + "|".join(re.escape(start) for start in MADE) + ")")
    quoted = {place for places in PLACES.values() for place in places[0]}
    assert [name for name in SENTENCES if name not in said | quoted and not made.match(name)] == []
    assert [name for name, (french, english) in PLACES.items() if not english <= french] == []
    known = SENTENCES.keys() | set(load().ids)
    for node in (node for tree in MODULES.values() for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sentence":
            name, filled = node.args[1], {keyword.arg for keyword in node.keywords}
            if isinstance(name, ast.Constant) and filled:
                assert filled == PLACES[name.value][0] - known, name.value  # type: ignore[index]
