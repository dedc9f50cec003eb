"""What is told of the rules is said by the code and its tables, and their sentences are whole."""

import ast
import re
from pathlib import Path

from domain.law import documents
from domain.law.documents import explanations_by_rule
from domain.law.findings import SENTENCES, STATEMENTS
from domain.law.law_files import LAW_DATA
from domain.law.reservations.reservation import CONTRACTS, type_rule
from domain.law.rules import load
from domain.needs.need import RESERVED_TYPES
from matching.allotment import proposals

LAW = Path(documents.__file__).parent
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(LAW.rglob("[!_]*.py"))}


PLACES = {name: [set(re.findall(r"{(\w+)", side)) for side in text] for name, text in SENTENCES.items()}
TABLES = {
    word
    for name in ("time_limits", "reserved_types", "buyer_classes")
    for word in re.findall(r'"(\w+)"', (LAW_DATA / f"{name}.toml").read_text(encoding="utf-8"))
}
"""The names of rules and sentences in the tables of the law."""
MADE = (
    "a_", "but_", "of_", "proof_", "disadvantage_", "workers_", "because_", "firms_of_", "assumed_", "family_of_",
    "to_", "stages_of_", "exceptions_of_", "object_of_", "adapted_notice_of_", "adapted_procedure_as_one",
    "formal_procedure_as_one", "changes_of_", "need_of_", "free_notice_of_", "notice_of_",
)  # fmt: skip
"""The beginnings of names that functions put together."""


def words(nodes: list[ast.AST]) -> set[str]:
    """The texts that stand in these parts of a module by themselves."""
    found = {id(node): node.value for node in nodes if isinstance(node, ast.Constant)}
    return {text for text in found.values() if isinstance(text, str)}


def test_a_rule_that_is_explained_is_read() -> None:
    """Each id stands in the code, in the statements or in the tables; `type_rule` makes some."""
    read = {type_rule(kind, contract) for kind in RESERVED_TYPES for contract in CONTRACTS} | TABLES
    read |= {rule for said in STATEMENTS.values() for rule in (said.rule, *said.rests_on)}
    read |= {place for places in PLACES.values() for place in places[0]}
    for tree in MODULES.values():
        read |= words(list(ast.walk(tree)))
    assert len(explanations_by_rule(load())) > 100
    assert explanations_by_rule(load()).keys() - read == set()


def test_statements_quote_rules_that_exist() -> None:
    assert {rule for said in STATEMENTS.values() for rule in (said.rule, *said.rests_on)} <= set(load().ids)


def test_every_sentence_is_said_in_both_languages() -> None:
    """By a function or in another one, with the same places, but for endings that French alone has.

    A place is filled by the function that says the sentence, unless it is named after a rule or a sentence.
    """
    beside = ast.parse(Path(proposals.__file__).read_text(encoding="utf-8"))
    said = {text for tree in (*MODULES.values(), beside) for text in words(list(ast.walk(tree)))} | TABLES
    said |= {proof for each in STATEMENTS.values() for proof in each.missing}
    said |= {name for name, each in STATEMENTS.items() if each.of_segments or each.of_cpv}
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
