"""Every regular expression of the product, tried with input that grows: none takes more than its share of steps.

For each part that may be repeated without end, a text that repeats it and then breaks off, four times as long the
second time. What takes much more than four times as long is super-linear: it is written otherwise, or what it reads is
bounded. Times are those of the processor for this thread alone, compared with each other.
"""

import ast
import re
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.test_house import ROOMS, name, nodes, sources

parser: Any = import_module("re._parser")
op: Any = import_module("re._constants")
METHODS = {"search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
BOUNDED = {
    "api.desk.embedded_page": "labels of at most 400 characters; the pattern is of domain.suppliers.source",
    "api.web.openapi": "paths of routes, which are ours",
    "domain.needs.lot_words": "at most 1,000 characters, runs of blanks joined before",
    "domain.programme.planned_values": "amounts of 400 characters at most, others of 1,200, blanks joined before",
    "matching.words.titles": "at most 1,000 characters",
    "sources.programmes.line_reader": "cells with runs of blanks joined before",
}
"""Modules with patterns that take the square of what they read, and why that is little."""
SHORT, LONG = 300, 1_200
GROWING = (12, 16, 20, 23, 26, SHORT, LONG)
"""Repetitions; after the first ones, a pattern that doubles its steps with each character is given up."""
MOST_TIMES, MUCH_SECONDS, NOTICEABLE_SECONDS = 9.0, 0.05, 0.0015


class Used(NamedTuple):
    """A pattern, the module it stands in, and the methods by which it is used there."""

    module: str
    pattern: re.Pattern[Any]
    methods: tuple[str, ...]


@cache
def patterns() -> tuple[Used, ...]:
    """The patterns that modules hold when they are loaded, those in the midst of functions, and those of types."""
    found: dict[tuple[Any, int], Used] = {}
    everywhere: dict[str, set[str]] = defaultdict(set)
    for path in sources(*ROOMS):
        for owner, method in uses_in(path):
            everywhere[owner].add(method)
    for path in sources(*ROOMS):
        module = name(path).removesuffix(".py").replace("/", ".")
        methods: dict[str, set[str]] = defaultdict(set)
        for owner, method in uses_in(path):
            methods[owner].add(method)
        for node in nodes(path):
            written = node.args[0] if isinstance(node, ast.Call) and node.args else getattr(node, "value", None)
            if not isinstance(written, ast.Constant):
                continue
            is_typed = isinstance(node, ast.keyword) and node.arg == "pattern"
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if is_typed or called in {f"re.{each}" for each in METHODS}:
                pattern = re.compile(written.value)  # type: ignore[type-var]
                used = ("search",) if is_typed else (called.removeprefix("re."),)
                found.setdefault((pattern.pattern, pattern.flags), Used(module, pattern, used))
        for variable, value in vars(import_module(module.removesuffix(".__init__"))).items():
            for pattern in patterns_in(value):
                used_by = tuple(sorted(methods.get(variable) or everywhere.get(variable) or {"fullmatch"}))
                found.setdefault((pattern.pattern, pattern.flags), Used(module, pattern, used_by))
    return tuple(found.values())


def uses_in(path: Path) -> Iterator[tuple[str, str]]:
    """The names of a module on which a method of patterns is called, with the method."""
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr


def patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from patterns_in((*value, *value.values()))
    elif isinstance(value, tuple | list | set | frozenset):
        for each in value:
            yield from patterns_in(each)


REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}
TRIED = " a0,.-\n(é<[\"'/;:_A|&=\x01"
CATEGORIES = {op.CATEGORY_DIGIT: str.isdigit, op.CATEGORY_SPACE: str.isspace, op.CATEGORY_WORD: str.isalnum}
OPPOSITES = {
    op.CATEGORY_NOT_DIGIT: str.isdigit, op.CATEGORY_NOT_SPACE: str.isspace, op.CATEGORY_NOT_WORD: str.isalnum
}  # fmt: skip


def is_one_of(sign: str, items: Iterable[tuple[Any, Any]]) -> bool:
    """Whether a sign is in a class of signs, as the parser has it."""
    for kind, value in items:
        if kind is op.LITERAL and ord(sign) == value:
            return True
        if kind is op.RANGE and value[0] <= ord(sign) <= value[1]:
            return True
        if kind is op.CATEGORY and (CATEGORIES[value](sign) if value in CATEGORIES else not OPPOSITES[value](sign)):
            return True
    return False


def signs_of(items: list[tuple[Any, Any]]) -> list[str]:
    """Some signs of a class."""
    if items[0][0] is op.NEGATE:
        return [sign for sign in TRIED if not is_one_of(sign, items[1:])]
    own = [chr(value if kind is op.LITERAL else value[0]) for kind, value in items if kind is not op.CATEGORY]
    return [sign for sign in TRIED if is_one_of(sign, items)] + own


def example(sequence: Iterable[tuple[Any, Any]], choice: int = 0) -> str:
    """A short text that a sequence of the parser matches; `choice`: which sign of a class, which branch."""
    text = ""
    for kind, value in sequence:
        if kind is op.LITERAL:
            text += chr(value)
        elif kind in {op.ANY, op.NOT_LITERAL}:
            text += "a"
        elif kind is op.IN:
            signs = signs_of(value)
            text += signs[choice % len(signs)] if signs else ""
        elif kind in REPEATS:
            text += example(value[2], choice) * max(value[0], 1)
        elif kind is op.SUBPATTERN:
            text += example(value[3], choice)
        elif kind is op.ATOMIC_GROUP:
            text += example(value, choice)
        elif kind is op.BRANCH:
            text += example(value[1][choice % len(value[1])], choice)
    return text


def repeated_parts(sequence: Iterable[tuple[Any, Any]], before: str = "") -> Iterator[tuple[str, str]]:
    """A text that leads to each part repeated without end, and a text of that part."""
    for kind, value in sequence:
        inner: tuple[Any, ...] = ()
        if kind in REPEATS:
            inner = (value[2],)
            if value[1] is op.MAXREPEAT or value[1] >= 64:
                yield from ((before, text) for choice in range(3) if (text := example(value[2], choice)))
        elif kind is op.BRANCH:
            inner = tuple(value[1])
        elif kind in {op.SUBPATTERN, op.ASSERT, op.ASSERT_NOT, op.ATOMIC_GROUP}:
            inner = (value if kind is op.ATOMIC_GROUP else value[-1],)
        for each in inner:
            yield from repeated_parts(each, before)
        before += example([(kind, value)])


def seconds(pattern: re.Pattern[Any], method: str, text: str) -> float:
    """The processor's time of this thread for one use of a pattern, the least of two where it is noticeable."""
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")
    arguments = (subject[:0], subject) if method in {"sub", "subn"} else (subject,)
    least = float("inf")
    for _ in range(2):
        begun = time.thread_time()
        answer = getattr(pattern, method)(*arguments)
        if method == "finditer":
            deque(answer, maxlen=0)
        least = min(least, time.thread_time() - begun)
        if not NOTICEABLE_SECONDS < least < MUCH_SECONDS:
            break
    return least


def attack_on(used: Used) -> str | None:
    """The beginning of a text that takes more than its share of steps; None where none was found."""
    pattern = used.pattern
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree: Any = parser.parse(text, pattern.flags if isinstance(pattern.pattern, str) else pattern.flags & ~re.UNICODE)
    for before, part in dict.fromkeys(repeated_parts(tree)):
        for method in used.methods:
            taken, attack = dict[int, float](), ""
            for count in GROWING:
                attack = before + part * (count // len(part) + 1) + "\0"
                taken[count] = seconds(pattern, method, attack)
                if taken[count] > MUCH_SECONDS:
                    return attack[:80]
            if taken[LONG] > NOTICEABLE_SECONDS and taken[LONG] > MOST_TIMES * taken[SHORT]:
                return attack[:80]
    return None


def attacked(*, bounded: bool) -> dict[str, str]:
    """The attacks that were found, by module and pattern, on modules whose input is bounded or on all others."""
    found = ((used, attack_on(used)) for used in patterns() if (used.module in BOUNDED) == bounded)
    return {f"{used.module} {used.pattern.pattern[:60]!r}": attack for used, attack in found if attack}


def test_no_pattern_takes_more_than_its_share_of_what_it_reads() -> None:
    assert attacked(bounded=False) == {}


def test_what_is_bounded_still_needs_to_be() -> None:
    """A module whose patterns have become linear leaves the list."""
    assert {where.split()[0] for where in attacked(bounded=True)} == BOUNDED.keys()


@pytest.mark.parametrize("written", [r"(a+)+b", r"\s+$", r"^(\d+,?)+$", r"\w*x"])
def test_an_attack_is_found(written: str) -> None:
    assert attack_on(Used("here", re.compile(written), ("search",))) is not None
