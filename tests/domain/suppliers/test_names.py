"""What names say of who a supplier is."""

import pytest

from domain.suppliers.names import name_key, read_name, text_key


@pytest.mark.parametrize(
    ("text", "words", "stated"),
    [
        ("Les Jardins de l'Île-d'Yeu", ("ile", "jardin", "yeu"), set()),
        ("ASSOC ESPOIR", ("espoir",), {"association"}),
        ("ESAT Saint-Éloi", ("eloi", "saint"), {"esat"}),
        ("ST ELOI", ("eloi", "saint"), set()),
        ("SCOP SARL Le Relais", ("relai",), {"cooperative", "company"}),
        ("GERMA ETTI", ("etti", "germa"), set()),
        ("Envie 2E", ("2e", "envie"), set()),
        ("Atelier A", ("a", "atelier"), set()),
        ("L'Association", (), {"association"}),
        ("", (), set()),
    ],
)
def test_own_words_are_told_from_what_any_supplier_may_be_called(
    text: str, words: tuple[str, ...], stated: set[str]
) -> None:
    name = read_name(text)
    assert text_key(text) == name_key(name)
    assert (name.words, set(name.forms | name.kinds)) == (words, stated)


def test_two_spellings_share_their_key() -> None:
    assert name_key(read_name("ESAT Les Jardins du Blavet")) == name_key(read_name("JARDIN DU BLAVAT")) == "b j"


def test_short_words_and_numbers_are_whole_in_the_key() -> None:
    """They must be the same in both names, and keep numbered names apart."""
    assert name_key(read_name("Envie 35 Pays de Rennes")) == "35 e pay r"


def test_a_name_without_words_of_its_own_has_no_key() -> None:
    assert name_key(read_name("ESAT")) is None
