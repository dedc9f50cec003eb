"""To whom a lot is reserved, as words tell."""

import pytest

from sources.notices.reserved_words import reserved_in


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("Marché réservé aux entreprises adaptées et aux ESAT", ("handicap",)),
        ("réservé en application de l'article L. 2113-13 du code de la commande publique", ("iae",)),
        ("Lot réservé au titre des articles L.2113-12 et L.2113-13", ("handicap", "iae")),
        ("Article L2113-14", ("handicap", "iae")),
        ("marché réservé (L. 2113-13-1), établissement pénitentiaire", ("penitentiary",)),
        ("Lot réservé à une structure d'insertion", ("iae",)),
    ],
)
def test_an_article_or_a_name_tells(words: str, kinds: tuple[str, ...]) -> None:
    assert reserved_in(words, marked=True) == reserved_in(words, marked=False) == kinds


@pytest.mark.parametrize(
    "words",
    [
        "Clause sociale : recours possible à une structure d'insertion ou à un ESAT",
        "Fourniture de mobilier pour un ESAT",
        "Nettoyage des locaux du centre pénitentiaire",
        "Places réservées. Travaux pour une entreprise adaptée",
    ],
)
def test_a_name_alone_reserves_nothing(words: str) -> None:
    assert reserved_in(words, marked=False) == ()


def test_nothing_told_is_nothing_known() -> None:
    assert reserved_in("Nettoyage des vitres", marked=True) == ()
