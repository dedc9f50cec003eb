"""The one error of a rejected row, in either language."""

import pytest

from domain.errors import Problem
from domain.suppliers.rows import reject
from domain.text.bilingual import Language, Text


@pytest.mark.parametrize(
    ("count", "language", "detail"),
    [
        (1, "fr", "faux 0"),
        (3, "fr", "faux 0 ; et aussi /1 : faux 1 ; /2 : faux 2"),
        (3, "en", "wrong 0; also /1: wrong 1; /2: wrong 2"),
        (8, "en", "wrong 0; also /1: wrong 1; /2: wrong 2; /3: wrong 3; /4: wrong 4; /5: wrong 5; +2"),
    ],
)
def test_the_first_problem_in_full_then_five_others(count: int, language: Language, detail: str) -> None:
    problems = tuple(Problem(f"/{n}", f"code_{n}", Text(f"faux {n}", f"wrong {n}")) for n in range(count))
    found = reject(4, "a", problems, language)
    assert (found.line, found.external_id, found.pointer, found.code) == (4, "a", "/0", "code_0")
    assert found.detail == detail
