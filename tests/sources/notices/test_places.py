"""Places of notices as codes that a need takes."""

import pytest

from tests.sources.notices.conftest import ReadXml, noted
from tests.sources.notices.samples import eforms, eforms_lot, object_descr, organisation, project, ted, ted_object


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
        (place("FRH"), ("nuts:FRH",), None),
        (place("FR"), ("country:FR",), None),
        (place("FRH04", "VANNES CEDEX", "56019"), ("nuts:FRH04",), "56260"),
        (place("FRH04", "Lorient", "56100") + place("FRH04", "Vannes", "56000"), ("nuts:FRH04",), None),
        (place("FRH04") + place("FRH03"), ("nuts:FRH04", "nuts:FRH03"), None),
        (place("", "Vannes", "56000"), ("commune:56260",), "56260"),
        (place("", region="anyw-cou"), ("country:FR",), None),
        (place("", region="anyw", country=""), ("country:FR",), None),
        (place(""), ("country:FR",), None),
        (place("FRY4"), ("nuts:FRY4",), None),
    ],
)
def test_places_become_codes_and_a_site(
    read_xml: ReadXml, places: str, codes: tuple[str, ...], commune: str | None
) -> None:
    need = read_xml(notice(places)).need
    assert need.territory is not None
    assert need.territory.codes == codes
    assert need.lots[0].site is None if commune is None else need.lots[0].site and need.lots[0].site.commune == commune


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (place("FRZZZ"), "Code NUTS inconnu : « FRZZZ »"),
        (place("BE100", country="BEL"), "Code NUTS hors de France : « BE100 »"),
        (place("", "Berlin", "10115", "DEU"), "Lieu hors de France : DEU"),
        ("", None),
    ],
)
def test_where_no_place_can_be_read_the_buyers_stands_for_it(read_xml: ReadXml, places: str, said: str | None) -> None:
    read = read_xml(notice(places))
    assert read.need.territory is not None
    assert read.need.territory.codes == ("nuts:FRH04",)
    assert said is None or said in noted(read)
    assert any(text.startswith("Aucun lieu d'exécution lisible : nuts:FRH04") for text in noted(read))


def test_without_any_place_all_of_france_stands_for_it(read_xml: ReadXml) -> None:
    nowhere = organisation().replace("FRH04", "FRZZZ").replace("56000", "").replace("Vannes", "")
    raw = eforms(eforms_lot("LOT-0001", project(places="")), whole=project(places=""), organisations=nowhere)
    read = read_xml(raw)
    assert read.need.territory is not None
    assert read.need.territory.codes == ("country:FR",)
    assert "Aucun lieu d'exécution lisible : toute la France en tient lieu" in noted(read)


def test_a_commune_outside_the_area_is_not_read(read_xml: ReadXml) -> None:
    read = read_xml(notice(place("FRH04", "Rennes", "35000")))
    assert read.need.lots[0].site is None
    assert "La commune de l'adresse (35238) n'est pas dans nuts:FRH04 : elle n'est pas lue" in noted(read)


def test_an_address_in_words_is_a_site(read_xml: ReadXml) -> None:
    lot = '<n2016:NUTS CODE="FRH04"/><MAIN_SITE><P>2 rue de la Loi, 56000 Vannes</P></MAIN_SITE>'
    (read,) = read_xml(ted(ted_object(object_descr(1, lot)))).need.lots
    assert read.site is not None
    assert read.site.commune == "56260"


@pytest.mark.parametrize(("words", "commune"), [("Vannes.", "56260"), ("Lieux divers", None), ("Rennes", None)])
def test_the_name_of_a_commune_of_the_area_is_a_site(read_xml: ReadXml, words: str, commune: str | None) -> None:
    lot = f'<n2016:NUTS CODE="FRH04"/><MAIN_SITE><P>{words}</P></MAIN_SITE>'
    read = read_xml(ted(ted_object(object_descr(1, lot))))
    site = read.need.lots[0].site
    assert (site and site.commune) == commune
    assert ("Le lieu dit en mots n'est pas lu" in noted(read)) == (commune is None)


def test_lots_in_different_places_have_their_own_territory(read_xml: ReadXml) -> None:
    lots = (eforms_lot(f"LOT-{code}", project(places=place(code))) for code in ("FRH04", "FRH03"))
    need = read_xml(eforms(*lots)).need
    assert need.territory is None
    assert [lot.territory and lot.territory.codes for lot in need.lots] == [("nuts:FRH04",), ("nuts:FRH03",)]
