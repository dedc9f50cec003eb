"""Phrases are spotted longest first, and none within another."""

from matching.words.titles import PhraseSpotter, stems


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
