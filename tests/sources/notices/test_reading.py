"""Durations, values, reservations and places as notices write them."""

import pytest

from sources.notices.reading import months_between, months_of, renewal_months, reservations_in
from tests.sources.notices.conftest import (
    eforms,
    eforms_lot,
    noted,
    object_descr,
    organisation,
    project,
    read_xml,
    ted,
    ted_object,
)


@pytest.mark.parametrize(
    ("number", "unit", "months"),
    [
        ("12", "MONTH", 12),
        ("4", "YEAR", 48),
        ("10", "DAY", 1),
        ("45", "DAY", 2),
        ("26", "WEEK", 6),
        ("1.5", "YEAR", 18),
        ("0", "MONTH", None),
        ("9999", "YEAR", None),
        ("nan", "MONTH", None),
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
        ("Reconductible deux fois, la durée totale ne pouvant excéder 36 mois : 2 périodes de 12 mois", 24),
        ("Reconductible tacitement, sans que la durée totale ne puisse excéder 4 ans", 36),
        ("2 reconductions annuelles", 24),
    ],
)
def test_renewals_in_words_are_read(words: str, months: int) -> None:
    assert renewal_months(words, None, 12) == (months, True)


@pytest.mark.parametrize(
    ("words", "count", "first_months", "months", "is_written"),
    [
        ("", 3, 12, 36, False),
        ("reconductible deux fois", None, 24, 48, False),
        ("selon les besoins", None, 12, None, True),
        ("", 3, None, None, True),
        ("", 0, 12, 0, True),
    ],
)
def test_a_renewal_is_supposed_to_last_as_long_where_anything_tells(
    words: str, count: int | None, first_months: int | None, months: int | None, is_written: bool
) -> None:
    assert renewal_months(words, count, first_months) == (months, is_written)


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
    assert reservations_in(words, marked=True) == reservations_in(words, marked=False) == kinds


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
    assert reservations_in(words, marked=False) == reservations_in("Nettoyage des vitres", marked=True) == ()


def place(nuts: str = "", city: str = "", postal: str = "", country: str = "FRA", region: str = "") -> str:
    parts = (
        f"<cbc:Region>{region}</cbc:Region>" if region else "",
        f"<cbc:CityName>{city}</cbc:CityName><cbc:PostalZone>{postal}</cbc:PostalZone>" if city else "",
        f'<cbc:CountrySubentityCode listName="nuts">{nuts}</cbc:CountrySubentityCode>' if nuts else "",
        f'<cac:Country><cbc:IdentificationCode listName="country">{country}</cbc:IdentificationCode></cac:Country>',
    )
    return f"<cac:RealizedLocation><cac:Address>{''.join(parts)}</cac:Address></cac:RealizedLocation>"


def notice(places: str) -> bytes:
    return eforms(eforms_lot("LOT-0001", project(places=places)), whole=project(places=""))


@pytest.mark.parametrize(
    ("places", "codes", "commune"),
    [
        (place("FRH04"), ("nuts:FRH04",), None),
        (place("FR524"), ("nuts:FR524",), None),
        (place("FR"), ("country:FR",), None),
        (place("FRH04", "VANNES CEDEX", "56019"), ("nuts:FRH04",), "56260"),
        (place("FRH04", "LA ROCHE BERNARD"), ("nuts:FRH04",), "56195"),
        (place("FR", "Vannes"), ("country:FR",), "56260"),
        (place("FRH04") + place("FRH03"), ("nuts:FRH04", "nuts:FRH03"), None),
        (place("", "Vannes", "56000"), ("commune:56260",), "56260"),
        (place("", region="anyw-cou"), ("country:FR",), None),
        (place("", region="anyw", country=""), ("country:FR",), None),
        (place(""), ("country:FR",), None),
        (place("FRY4"), ("nuts:FRY4",), None),
    ],
)
def test_places_become_codes_and_a_site(places: str, codes: tuple[str, ...], commune: str | None) -> None:
    need = read_xml(notice(places)).need
    assert need.territory.codes == codes
    site = need.lots[0].site
    assert not site if commune is None else site and site.commune == commune


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (place("FRZZZ"), "Code NUTS inconnu : « FRZZZ »"),
        (place("BE100", country="BEL"), "Code NUTS hors de France : « BE100 »"),
        (place("", "Berlin", "10115", "DEU"), "Lieu hors de France : DEU"),
        ("", None),
    ],
)
def test_where_no_place_can_be_read_the_buyers_stands_for_it(places: str, said: str | None) -> None:
    read = read_xml(notice(places))
    assert read.need.territory.codes == ("nuts:FRH04",)
    assert said is None or said in noted(read)
    assert any(text.startswith("Aucun lieu d'exécution lisible : nuts:FRH04") for text in noted(read))


def test_without_any_place_all_of_france_stands_for_it() -> None:
    nowhere = organisation().replace("FRH04", "FRZZZ").replace("56000", "").replace("Vannes", "")
    raw = eforms(eforms_lot("LOT-0001", project(places="")), whole=project(places=""), organisations=nowhere)
    read = read_xml(raw)
    assert read.need.territory.codes == ("country:FR",)
    assert "Aucun lieu d'exécution lisible : toute la France en tient lieu" in noted(read)


def test_a_commune_outside_the_area_and_several_are_no_site_and_that_is_told() -> None:
    for places, said in (
        (place("FRH04", "Rennes", "35000"), "La commune de l'adresse (35238) n'est pas dans nuts:FRH04"),
        (place("FRH04", "Auray", "56400") + place("", "Vannes"), "Plusieurs communes sont dites (56007, 56260)"),
    ):
        read = read_xml(notice(places))
        assert not read.need.lots[0].site
        assert any(text.startswith(said) for text in noted(read))


@pytest.mark.parametrize(
    ("words", "commune"),
    [("rue X, 56000 Vannes", "56260"), ("Vannes.", "56260"), ("Plage de Carnac", "56034"), ("Carnac, Auray", None)],
)
def test_an_address_or_the_name_of_a_commune_of_the_area_is_a_site(words: str, commune: str | None) -> None:
    lot = f'<n2016:NUTS CODE="FRH04"/><MAIN_SITE><P>{words}</P></MAIN_SITE>'
    read = read_xml(ted(ted_object(object_descr(1, lot))))
    site = read.need.lots[0].site
    assert (site.commune if site else None) == commune
    assert ("Le lieu dit en mots n'est pas lu" in noted(read)) == (commune is None)


def test_lots_in_different_places_have_their_own_territory() -> None:
    lots = (eforms_lot(f"LOT-{code}", project(places=place(code))) for code in ("FRH04", "FRH03"))
    need = read_xml(eforms(*lots)).need
    assert need.territory is None
    assert [lot.territory and lot.territory.codes for lot in need.lots] == [("nuts:FRH04",), ("nuts:FRH03",)]
