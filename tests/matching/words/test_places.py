"""The commune that words name inside a territory, and the one whose SIREN a buyer has."""

import pytest

from domain.needs.need import Buyer
from tests.factories import reference

COMMUNES = reference().territories.communes
FINDER = reference().interpreter.titles.communes


def named(text: str, territory: str, siret: str | None = None, buyer: str | None = None) -> tuple[str, str] | None:
    """The name of the supposed commune of a lot with this title, and where it is known from."""
    ground = reference().geography.ground_of_areas((reference().territories.area(territory),))
    found = FINDER.supposed_commune(((text,),), Buyer(name=buyer, siret=siret), ground)
    return found and (COMMUNES[found[0]].name, found[1])


@pytest.mark.parametrize(
    ("text", "territory", "commune"),
    [
        ("Nettoyage des locaux de la ville de Redon", "departement:35", "Redon"),
        ("REDON - ENTRETIEN DES ESPACES VERTS", "departement:35", "Redon"),
        ("Travaux - St-Malo", "departement:35", "Saint-Malo"),
        ("Collecte du papier, commune du Rheu", "departement:35", "Le Rheu"),
        ("Nettoyage à Redon", "departement:56", None),
        ("Réfection de la route de Redon", "departement:35", None),
        ("Accueil du pays de Redon", "departement:35", None),
        ("Entretien pour Redon Agglomération", "departement:35", None),
        ("Collège Saint-Malo : nettoyage", "departement:35", None),
        ("Nettoyage dans les communes de Redon et de Fougères", "departement:35", None),
        ("Tonte à Fougères et Vitré", "departement:35", None),
        ("Tonte à Fougères et lavage de vitres", "departement:35", "Fougères"),
        ("VITRE (35) - LAVAGE", "departement:35", "Vitré"),
        ("Fougères (35) - tonte du fort de Vitré", "departement:35", "Fougères"),
        ("Fougères et Vitré (35)", "departement:35", None),
        ("Centre de Redon - commune de Fougères", "departement:35", "Fougères"),
        ("CIS ST SEBASTIEN SUR LOIRE", "departement:44", "Saint-Sébastien-sur-Loire"),
        ("Fournitures pour le GHT Rouen Cœur de Seine", "departement:76", "Rouen"),
        ("LOCAL AU PORT ABRI DE LA MARINE", "departement:974", None),
        ("Bureaux Paris 13ème", "country:FR", "Paris"),
        ("Lavage de vitres à Vitré", "departement:35", "Vitré"),
        ("Tonte à Saint-Aubin", "country:FR", None),
        ("Tonte dans la Vienne", "country:FR", None),
        ("Tonte à Vienne", "departement:38", "Vienne"),
        ("Contentieux du TGI de Dieppe et de la CA de Rouen", "departement:76", "Dieppe"),
        ("Séjour à 20 km de Redon", "departement:35", None),
        ("Affiches de l'ARS, saison 2020", "departement:16", None),
        ("Formation au CH de FALAISE", "departement:14", "Falaise"),
        ("VOIRIE A MAZIERE EN MAUGES", "departement:49", "Mazières-en-Mauges"),
    ],
)
def test_a_name_is_a_place_where_it_means_one_commune(text: str, territory: str, commune: str | None) -> None:
    assert named(text, territory) == (commune and (commune, "title"))


@pytest.mark.parametrize(
    ("siret", "territory", "commune"),
    [
        ("21350236200015", "departement:35", "Redon"),
        ("21350236200015", "departement:56", None),
        ("21200004600012", "region:94", "Ajaccio"),
        ("21870010200013", "departement:87", "Aixe-sur-Vienne"),
        ("21600056200014", "departement:60", None),
        ("21974011500019", "departement:974", "Saint-Denis"),
        ("21750001600019", "country:FR", "Paris"),
        ("22350001800013", "departement:35", None),
    ],
)
def test_a_buyer_that_is_a_commune_is_a_place(siret: str | None, territory: str, commune: str | None) -> None:
    assert named("Tonte", territory, siret) == (commune and (commune, "buyer"))
    assert named("Tonte à Redon", "departement:35", siret) == ("Redon", "title")
    assert named("Tonte à Redon et à Fougères", "departement:35", siret) is None


@pytest.mark.parametrize(
    ("buyer", "siret", "commune"),
    [
        ("Ville de Redon", None, "Redon"),
        ("ville de vitré", None, "Vitré"),
        ("Commune du Rheu", None, "Le Rheu"),
        ("Mairie de St-Malo", None, "Saint-Malo"),
        ("Ville de Redon", "24350074100072", None),  # a group of communes says so by its number
        ("Commune de Redon", "20008352500010", "Redon"),
        ("MAIRIE SAINT MALO", None, "Saint-Malo"),
        ("Ville de Nantes", None, None),  # elsewhere
        ("Redon Agglomération", None, None),
        ("Communes de Redon et de Fougères", None, None),
        ("Lycée de Redon", None, None),
    ],
)
def test_a_buyer_without_siret_is_a_commune_by_its_name(buyer: str, siret: str | None, commune: str | None) -> None:
    assert named("Tonte", "departement:35", siret, buyer) == (commune and (commune, "buyer"))
    assert named("Tonte à Fougères et Vitré", "departement:35", siret, buyer) is None


@pytest.mark.parametrize(
    ("text", "areas"),
    [
        ("entretien des espaces verts de 12 collèges du Finistère, 4 ans", ["departement:29"]),
        ("fourniture de repas en Bretagne", ["region:53"]),
        ("nettoyage de la mairie de Vannes (Morbihan)", ["departement:56"]),
        ("collecte des biodéchets à Pontivy et Loudéac", ["commune:22136", "commune:56178"]),
        ("Lot 1 : tonte", []),
        ("marché du département du Lot", ["departement:46"]),
        ("entretien de la rue de Nantes", []),
        ("nettoyage à Saint-Denis", []),
        ("restauration à Auray Quiberon Terre Atlantique", ["epci:200043123"]),
        ("collecte dans le pays de Ploërmel", ["epci:200066777"]),
        ("tonte, Vannes Agglo", ["epci:200067932"]),
        ("tonte du pays de Retz", ["epci:200067346"]),
        ("CC de Brocéliande, communauté de communes de Ploërmel Communauté", ["epci:243500618", "epci:200066777"]),
        ("repas de Rennes Métropole et de Saint-Malo", ["epci:243500139", "commune:35288"]),
        ("35500 Vitré\nTonte, Vannes", ["commune:35360", "commune:56260"]),
        ("tonte du parc Saint-Martin", []),
        ("nettoyage en Corse-du-Sud", ["departement:2A"]),
        ("tonte, Haute-Corse, 2 ans", ["departement:2B"]),
        ("tonte, Vallons de Haute-Bretagne", ["epci:200043990"]),
        ("lycées du Grand Est", ["region:44"]),
        ("tonte dans les Landes", ["departement:40"]),  # nor the commune of that name, far away
        ("tonte dans le Lot 3", []),
        ("tonte dans le Nord du parc", []),
        ("nettoyage du Grand Palais", []),
        ("Fourniture de Mobilier en Bois", []),
        ("nettoyage Côte d'Or", ["departement:21"]),
        ("dorure d'une côte d'or", []),
        ("entretien Loire-Atlantique", ["departement:44"]),
        ("impression de dépliants, France entière", ["country:FR"]),
    ],
)
def test_a_sentence_names_its_territory(text: str, areas: list[str]) -> None:
    """What is larger goes before communes outside of it, of which those count that no other has the name of."""
    assert [area.id for area in FINDER.named_areas(text)] == areas


@pytest.mark.parametrize(
    ("text", "buyer"),
    [
        ("Le Département du Finistère cherche qui entretiendrait 12 collèges", "Département du Finistère"),
        ("tonte des stades pour la commune de fougères, 2 ans", "Commune de Fougères"),
        ("la Ville de Rennes", "Ville de Rennes"),
        ("nettoyage des écoles de la ville de Vitré", "Ville de Vitré"),
        ("Rennes Métropole souhaite collecter ses biodéchets", "Rennes Métropole"),
        ("le conseil régional de Bretagne prépare un marché", "Conseil régional de Bretagne"),
        ("blanchisserie du centre hospitalier de Redon", "Centre hospitalier de Redon"),
        ("collecte à Rennes Métropole", None),
        ("nettoyage à la mairie de Vannes", None),
        ("entretien dans la ville de Redon", None),
        ("12 collèges du Finistère", None),
        ("tonte à Fougères", None),
        ("restaurant de la Région de Redon", None),
    ],
)
def test_a_public_body_that_is_named_with_its_place_is_supposed_to_buy(text: str, buyer: str | None) -> None:
    found = FINDER.named_buyer(text)
    assert (found and found.name) == buyer
