"""What is taken out of texts that may be passed on, and what is left in them."""

import pytest

from domain.report.redaction import Redaction

NAMES = ("Anne Le Goff", "Jean  Petit", "Élodie", "X")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("écrire à a.le-goff@esat.exemple.fr.", "écrire à […]."),
        ("appeler le 02 97 01 02 03, ou 02.97.01.02.03", "appeler le […], ou […]"),
        ("au 0297010203 ou +33 6 12 34 56 78", "au […] ou […]"),
        ("au 0033 (0)6 12 34 56 78", "au […]"),
        ("anne  le goff et ÉLODIE", "[…] et […]"),
        ("Mme Le Goff", "Mme […]"),
        ("M. Petit prend le petit lot", "M. […] prend le petit lot"),
    ],
)
def test_personal_data_is_taken_out(text: str, redacted: str) -> None:
    assert Redaction(True, NAMES).text(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "SIRET 22560001400016, 240 000 €, lot 0123, CPV 90511400",
        "le 12/06/2027 de 09:00 à 10:30, article R2122-9-1, 02-2026",
        "Xavier et Legoffre, 1 000 000 t, 12 500,50 €",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert Redaction(True, NAMES).text(text) == text


def test_a_full_document_is_left_as_it_is() -> None:
    whole = Redaction(False, NAMES)
    assert whole.text("Anne Le Goff, 02 97 01 02 03") == "Anne Le Goff, 02 97 01 02 03"
    assert whole.personal("Anne") == "Anne"
    assert Redaction(True).personal("Anne") is None
