"""What is doubtful of a supplier, in the words of its reader."""

import pytest

from api.desk.directory.supplier_words import flag_detail
from domain.suppliers.supplier import Flag, FlagCode
from matching.reference import Reference


@pytest.mark.parametrize(
    ("code", "detail", "french", "english"),
    [
        ("siret_check_failed", "12345678901234", "12345678901234", "12345678901234"),
        ("placed_at_commune", "56260", "Vannes", "Vannes"),
        ("point_far_from_commune", "12.5 km from 72181 Le Mans", "à 12,5 km du Mans", None),
        ("point_far_from_commune", "3.1 km from postal code 56000", "à 3,1 km des communes du code postal 56000", None),
        (
            "point_far_from_commune",
            "in 56260 Vannes, not 56055 Étel",
            "dans la commune de Vannes, non dans celle d'Étel",
            None,
        ),
        ("no_place", "neither a point nor a commune", "", ""),
        ("no_offer", "no segment and no CPV code", "", ""),
        ("unmapped_category", "Jardin, chez vous", "Jardin, chez vous", "Jardin, chez vous"),
        ("area_simplified", "900 vertices, 120 kept", "120 sommets gardés sur 900", None),
        ("approval_expired", "EI 2020-12-31", "EI, le 31 décembre 2020", "EI, on 31 December 2020"),
    ],
)
def test_a_flag_says_its_value_in_both_languages(
    code: FlagCode, detail: str, french: str, english: str | None, reference: Reference
) -> None:
    assert flag_detail(Flag(code, detail), reference.territories) == (french, detail if english is None else english)
