"""The map of a territory by areas: each in the shade of its number."""

from api.desk.directory.territory_page import SHADES, Shade, area_drawing, shades_of
from domain.supply import AreaSupply
from matching.geo.map_sheets import area_sheets
from tests.factories import reference


def test_every_number_has_one_shade() -> None:
    shades = shades_of([0, 1, 2, 2, 3, 5, 8, 30])
    assert [(each.least, each.most) for each in shades] == [(0, 0), (1, 1), (2, 2), (3, 7), (8, 30)]
    assert [each.colour for each in shades] == list(SHADES)


def test_few_numbers_have_few_shades() -> None:
    assert shades_of([0, 0]) == (Shade(0, 0, SHADES[0]),)
    assert shades_of([4, 4]) == (Shade(4, 4, SHADES[-1]),)
    assert shades_of([]) == ()


def test_an_area_says_its_name_and_number() -> None:
    areas = [AreaSupply(f"commune:{code}", code, 0, 0, 0, {}) for code in ("56260", "56178", "97411")]
    sheets = area_sheets(reference().geography, [each.id for each in areas])
    drawn = area_drawing(areas, [7, 0, 3], sheets, "fr")
    (main,), (island,) = drawn.parts, drawn.insets
    assert "<title>56260 : 7</title>" in main
    assert "<title>La Réunion</title>" in island
    assert ("<title>97411 : 3</title>" in island, "97411" in main) == (True, False)
    assert [key.text for key in drawn.keys] == ["0", "3 à 6", "7"]


def test_a_territory_of_no_outline_says_so() -> None:
    areas = [AreaSupply("commune:97502", "Saint-Pierre", 1, 0, 0, {})]
    drawn = area_drawing(areas, [1], area_sheets(reference().geography, ["commune:97502"]), "fr")
    assert (drawn.parts, drawn.note) == ((), "Le contour de ce territoire n'est pas connu.")
