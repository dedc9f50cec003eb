"""Durations, renewals and reservations as notices write them."""

import pytest

from sources.notices.reading import months_between, months_of, renewal_months, reserved_in


@pytest.mark.parametrize(
    ("number", "unit", "months"),
    [
        ("12", "MONTH", 12),
        ("4", "YEAR", 48),
        ("365", "DAY", 12),
        ("30", "DAY", 1),
        ("10", "DAY", 1),
        ("45", "DAY", 2),
        ("26", "WEEK", 6),
        ("1.5", "YEAR", 18),
        ("0", "MONTH", None),
        ("-3", "MONTH", None),
        ("9999", "YEAR", None),
        ("nan", "MONTH", None),
        ("douze", "MONTH", None),
        ("12", "FORTNIGHT", None),
    ],
)
def test_a_number_with_a_unit_is_a_number_of_months(number: str, unit: str, months: int | None) -> None:
    assert months_of(number, unit) == months


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-01-01+01:00", "2026-12-31+01:00", 12),
        ("2026-01-15", "2026-03-01", 2),
        ("2026-03-01", "2026-01-15", None),
        ("2026-13-01", "2027-01-01", None),
    ],
)
def test_two_days_are_a_number_of_months(start: str, end: str, months: int | None) -> None:
    assert months_between(start, end) == months


@pytest.mark.parametrize(
    ("words", "months"),
    [
        ("Reconductible 3 fois par période d'un an.", 36),
        ("trois reconductions tacites d'un an au 1er janvier, sans que son terme ne puisse excéder le 31.12.2024", 36),
        ("L'accord-cadre est reconductible trois (3) fois, pour des périodes de douze (12) mois.", 36),
        ("Nombre de périodes de reconduction fixé à 3, durée de chaque période de 1 an.", 36),
        ("Renouvelable une fois pour 24 mois", 24),
        ("Reconductible deux fois, la durée totale ne pouvant excéder 36 mois : 2 périodes de 12 mois", 24),
        ("Reconductible tacitement, sans que la durée totale ne puisse excéder 4 ans", 36),
        ("2 reconductions annuelles", 24),
    ],
)
def test_renewals_in_words_are_read(words: str, months: int) -> None:
    assert renewal_months(words, None, 12) == (months, True)


def test_how_long_a_renewal_lasts_is_supposed_where_it_is_not_said() -> None:
    assert renewal_months("", 3, 12) == (36, False)
    assert renewal_months("reconductible deux fois", None, 24) == (48, False)


def test_nothing_is_supposed_where_nothing_tells() -> None:
    assert renewal_months("selon les besoins", None, 12) == (None, True)
    assert renewal_months("", 3, None) == (None, True)
    assert renewal_months("", 0, 12) == (0, True)


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
