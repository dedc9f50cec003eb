"""The errors of the domain; the API decides how each is answered."""

from collections.abc import Collection
from itertools import takewhile
from typing import Any, TypeVar

import msgspec

from domain.text.bilingual import Text

T = TypeVar("T")


class Problem(msgspec.Struct, frozen=True):
    """One fault of a document: a JSON pointer (RFC 6901) to it, a stable code, and what would be right."""

    pointer: str
    code: str
    detail: Text


class DomainError(Exception):
    """The base of errors that the caller can correct."""

    def __init__(self, detail: Text) -> None:
        super().__init__(detail.en)
        self.detail = detail


class InvalidContent(DomainError):
    """A document that decodes but whose content cannot be taken; carries every problem found, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems[0].detail)
        self.problems = problems

    def __reduce__(self) -> tuple[Any, ...]:
        # import processes send it to the server, pickled
        return type(self), (self.problems,)


class NotFound(DomainError):
    """The thing named does not exist, or not for this caller."""


class Conflict(DomainError):
    """The request is well formed but the present state forbids it; `code` is stable."""

    def __init__(self, code: str, detail: Text) -> None:
        super().__init__(detail)
        self.code = code


def require_found(found: T | None, detail: Text) -> T:
    """The thing that was looked for. Raises NotFound where there is none."""
    if found is None:
        raise NotFound(detail)
    return found


def require_no_problem(problems: Collection[Problem]) -> None:
    """Raises InvalidContent with the problems that were found, if there are any."""
    if problems:
        raise InvalidContent(tuple(problems))


LONGEST_STEP = 200
"""Characters of the longest name that a pointer repeats: no field that exists has as many."""


def pointer(*steps: str | int) -> str:
    """The JSON pointer (RFC 6901) that leads through `steps`, escaped; it ends before a step that is too long."""
    steps = tuple(takewhile(lambda step: not isinstance(step, str) or len(step) <= LONGEST_STEP, steps))
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def null_character_problem(pointer: str) -> Problem:
    """The problem that the text at the JSON pointer holds U+0000, which neither PostgreSQL nor CSV can hold."""
    detail = Text("Le caractère nul (\\u0000) n'est pas admis", "The null character (\\u0000) is not allowed")
    return Problem(pointer, "null_character", detail)


def control_character_problem(pointer: str, *, one_line: bool = True) -> Problem:
    """The problem that a text has control characters or such as turn its direction, or line breaks where it is one."""
    detail = Text("Une seule ligne, sans caractère de commande", "One line, without control characters")
    several = Text("Sans caractère de commande ni d'inversion du sens", "Without control or direction characters")
    return Problem(pointer, "control_character", detail if one_line else several)
