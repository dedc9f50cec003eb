"""Which suppliers a buyer asks last, by what they hold, their legal form and their name."""

import pytest

from domain.suppliers.known_trades import AskedLast, asked_last
from domain.suppliers.supplier import StaffSize, SupplierSize


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CLUB OCCITANIE BASKET RODEZ AVEYRON", "club"),
        ("Amicale des sapeurs-pompiers", "club"),
        ("ASL LE HAMEAU DU MOULIN A VENT", "club"),
        ("Cercle philatélique de Redon", "club"),
        ("MAIRIE DE BONNEVAL", "public_body"),
        ("Centre communal d'action sociale", "public_body"),
        ("UNION NATIONALE DES COMBATTANTS DE SAINT GILLES", "club"),
        ("L ASSOCIATION DU CARNAVAL", "club"),
        ("A.P.E.L ECOLE PRIVEE MIXTE", "club"),
        ("CREDIT AGRICOLE ALPES PROVENCE", "no_seller"),
        ("MISSION LOCALE DU PAYS SEGREEN", "no_seller"),
        ("Fédération départementale des foyers ruraux", "no_seller"),
        ("BANQUE ALIMENTAIRE DE HAUTE SAVOIE", "no_seller"),
        ("Club de prévention Le Relais", None),
        ("Les Jardins de la Mairie", None),
        ("Ville et Jardins", None),
    ],
)
def test_names_of_clubs_and_public_bodies(name: str, reason: AskedLast | None) -> None:
    assert asked_last((), "association", name) == reason


def test_an_approval_says_more_than_a_name_or_a_form() -> None:
    """But for that of a group of employers, who lends staff to its members alone, and the workshop of a commune."""
    assert asked_last(("ACI",), None, "COM DE TRAPPES", "21780621200016") == "public_body"
    assert asked_last(("ACI",), None, "Club de lecture") is None
    assert asked_last(("ESAT",), "public_body", "Mairie de Redon") is None
    assert asked_last(("GEIQ", "ESUS"), None) is None
    assert asked_last(("GEIQ",), "association", "GEIQ BTP") == "employers_group"
    assert asked_last((), "public_body") == asked_last((), None, "OPH", "27560001400016") == "public_body"
    assert asked_last((), None) is None


def test_an_association_that_employs_nobody_is_asked_last() -> None:
    """Known to employ nobody: of staff that is not known nothing is concluded, and an approval says that it employs."""
    nobody = SupplierSize(StaffSize(0, 0))
    assert asked_last((), "association", "Les Vents", size=nobody) == "without_staff"
    assert asked_last((), "association", "Les Vents", size=SupplierSize(StaffSize(0))) is None
    assert asked_last((), "association", "Les Vents") is None
    assert asked_last((), "commercial_company", "Les Vents", size=nobody) is None
    assert asked_last(("ACI",), "association", "Les Vents", size=nobody) is None


def test_workshops_that_give_food_are_asked_last_and_those_that_sell_are_not() -> None:
    assert asked_last(("ACI",), None, "LES RESTAURANTS DU COEUR") == "no_seller"
    assert asked_last(("EI", "ACI"), None, "LES RESTAURANTS DU COEUR") is None
