"""`vivier words`: a title explained."""

import pytest

from api.cli import main


def test_a_title_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["words", "Lot 2 : tonte des pelouses à Redon", "--need", "Entretien du patrimoine"]) == 0
    shown = capsys.readouterr().out
    assert "Object:      tonte pelouse" in shown
    assert "Set aside:   Lot 2, redon" in shown
    assert "tonte pelouse: ev-entretien" in shown
    assert "Entretien d'espaces verts" in shown


def test_a_title_of_another_trade_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["words", "Fourniture de gaz naturel"]) == 1
    assert "another trade" in capsys.readouterr().out
