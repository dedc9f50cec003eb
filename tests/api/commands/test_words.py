"""`vivier words`: a title explained."""

import pytest

from api.cli import main


def test_a_title_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """In French, and in the title's own words."""
    assert main(["words", "Lot 2 : tonte des pelouses à Redon", "--need", "Entretien du patrimoine"]) == 0
    shown = capsys.readouterr().out
    assert "Objet :           tonte pelouses" in shown
    assert "Laissé de côté :  Lot 2, redon" in shown
    assert "« tonte pelouses » : Entretien d'espaces verts" in shown
    assert "retenu" in shown


def test_words_are_shown_as_they_were_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["words", "Prestations d'élagage"]) == 0
    assert "Objet :           prestations élagage" in capsys.readouterr().out


def test_a_title_of_another_trade_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["words", "Fourniture de gaz naturel"]) == 1
    shown = capsys.readouterr().out
    assert "« fourniture gaz » : un autre métier" in shown
    assert "Aucun segment retenu" in shown
