"""Names of places within French sentences."""

import pytest

from domain.text.place_names import of_place


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Redon", "de Redon"), ("Le Mans", "du Mans"), ("Étel", "d'Étel"), ("Les Fougerêts", "des Fougerêts")],
)
def test_a_name_follows_its_preposition(name: str, expected: str) -> None:
    assert of_place(name) == expected
