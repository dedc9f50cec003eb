"""What a buyer forgot to fill in is found; brackets of other kinds are not taken for it."""

import pytest

from domain.exchanges.placeholders import placeholder_problems, placeholders_in


def test_each_placeholder_is_found_once_and_told_with_its_place() -> None:
    text = "Le [date] à [lieu], puis [date] ; […] demande [votre réponse] et [À COMPLÉTER] [Heures] [Votre nom]"
    assert placeholders_in(text) == ["[date]", "[lieu]", "[votre réponse]", "[À COMPLÉTER]", "[Heures]", "[Votre nom]"]
    (problem,) = placeholder_problems({"subject": "Visite", "body": "Rendez-vous [lieu]"})
    assert (problem.pointer, problem.code) == ("/body", "placeholder_left")
    assert "[lieu]" in problem.detail.fr


@pytest.mark.parametrize(
    "text", ["[…]", "[...]", "[1]", "[sic]", "[l]es bacs", "[URGENT] Tonte", "[le site](https://x)", "[]"]
)
def test_other_brackets_are_none(text: str) -> None:
    assert placeholders_in(text) == []
