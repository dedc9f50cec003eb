"""Titles are parted into their object, what completes it, and what is set aside."""

import pytest

from domain.reference import territory
from matching.words.titles import LONGEST_TITLE, PhraseSpotter, TitleParser, stems

KNOWN = {"peinture", "vitre", "haie", "platrerie", "batiment", "place", "amenagement", "brosserie"}
PARSER = TitleParser(territory.load(), KNOWN.__contains__, {"tvx": "travaux"})


def words(parts: tuple[tuple[str, ...], ...]) -> str:
    return " | ".join(map(" ".join, parts))


@pytest.mark.parametrize(
    ("title", "parts", "context"),
    [
        ("Restructuration du collège - Lot n° 4 : Peinture", "peinture", "restructuration college"),
        ("Lot 2 : peinture, vitres et haies", "peinture | vitre | haie", ""),
        ("Tonte LOT N�1", "tonte", ""),
        ("Le présent marché a pour objet la tonte de haies", "tonte haie", ""),
        ("Entretien des b?timents", "entretien batiment", ""),
        ("Tvx d'aménagement ou daménagement", "travaux amenagement | amenagement", ""),
        ("�Brosserie, haies�", "brosserie | haie", ""),
        ("Fourniture de haies pour les enfants", "fourniture haie", "enfant"),
        ("Action d'insertion ayant pour support d'activité la tonte", "action insertion | tonte", ""),
        ("Broyeur avec formation à l'usage", "broyeur", "formation usage"),
    ],
)
def test_a_lot_goes_before_its_need_and_the_object_before_what_completes_it(
    title: str, parts: str, context: str
) -> None:
    parsed = PARSER.parse(title)
    assert (words(parsed.parts), words(parsed.context)) == (parts, context)


def test_places_numbers_and_buyers_are_set_aside() -> None:
    parsed = PARSER.parse("2024-017 Peinture à Saint-Jean-de-Losne au profit des services de l'État")
    assert words(parsed.parts) == "peinture"
    assert set(parsed.aside) == {"2024", "017", "saint jean losne", "au profit des services de l'État"}


def test_a_place_named_as_a_thing_is_left() -> None:
    """Vitré is a town, and its name the stem of window panes."""
    assert words(PARSER.parse("Vitres de Vitré").parts) == "vitre vitre"


def test_letters_lost_for_good_are_put_back_where_that_makes_a_word() -> None:
    assert words(PARSER.parse("Pl�trerie du b�timent").parts) == "platrerie batiment"


def test_a_title_is_read_as_far_as_titles_go() -> None:
    assert words(PARSER.parse("peinture " + "x" * LONGEST_TITLE + " vitres").parts).startswith("peinture x")
    assert PARSER.parse("").parts == ()


def test_the_longest_phrase_hides_those_inside_it() -> None:
    spotter: PhraseSpotter[str] = PhraseSpotter()
    for phrase in ("menuiserie", "menuiserie bois", "bois de chauffage"):
        spotter.learn(stems(phrase), phrase)
    found = list(spotter.spot(stems("Menuiseries du bois et bois de chauffage, menuiserie bois de chauffage")))
    assert [(spot.start, spot.meaning) for spot in found] == [
        (0, "menuiserie bois"),
        (3, "bois de chauffage"),
        (5, "menuiserie bois"),
    ]
    assert spotter.meaning(("menuiserie",)) == "menuiserie"
    assert spotter.meaning(("bois",)) is None


def test_a_phrase_may_mean_nothing_and_still_hide() -> None:
    spotter: PhraseSpotter[tuple[str, ...]] = PhraseSpotter()
    spotter.learn(("peinture",), ("paint",))
    spotter.learn(("peinture", "routiere"), ())
    assert [spot.meaning for spot in spotter.spot(("peinture", "routiere", "peinture"))] == [(), ("paint",)]
