"""The refused suppliers nearest to being candidates: who is listed, in which order, and what each is told."""

from typing import Any

import pytest

from domain.shortlists.shortlist import NearMiss
from domain.suppliers.supplier import Supplier
from matching.reference import Reference
from tests.factories import (
    LYON,
    NANTES,
    RENNES,
    codes,
    lot,
    matched,
    need,
    offer,
    place,
    supplier,
)


def missed(*suppliers: Supplier, territory: Any = None, **fields: Any) -> tuple[NearMiss, ...]:
    """The near misses of a lot of office cleaning."""
    return matched(need(lot(**fields), territory=territory), *suppliers).near_misses


def message(one: Supplier, language: Any = "fr", territory: Any = None, **fields: Any) -> str:
    """What is said of the only near miss."""
    (miss,) = matched(need(lot(**fields), territory=territory), one, language=language).near_misses
    return miss.message


def test_only_a_reservation_s_near_misses_tell_their_eligibility() -> None:
    found = missed(
        supplier("holds none", approvals=()),
        supplier("other trade", offer("pr-specialise"), approvals=()),
        reserved=("handicap", "iae"),
    )
    assert [[row.reserved for row in miss.eligibility] for miss in found] == [["handicap", "iae"], []]
    assert [row.outcome for row in found[0].eligibility] == ["INELIGIBLE", "INELIGIBLE"]


CAPPED: dict[str, Any] = {"max_distance_km": 60, "site": place(RENNES)}


@pytest.mark.parametrize(
    ("one", "fields", "fr", "en"),
    [
        (
            supplier("x", offer("ev-entretien")),
            {"segments": ("pr-urbain",)},
            "Propose « Entretien d'espaces verts », activité voisine de « {urbain} »",
            "Offers “Entretien d'espaces verts”, close to “{urbain}”",
        ),
        (
            supplier("x", offer("ev-entretien")),
            {"support_segments": ("ev-entretien",)},
            "Ne propose que l'activité support « Entretien d'espaces verts »",
            "Offers only the supporting activity “Entretien d'espaces verts”",
        ),
        (
            supplier("x", offer("ev-entretien")),
            {"support_segments": ("pr-urbain",)},
            "Propose « Entretien d'espaces verts », activité voisine de l'activité support « {urbain} »",
            "Offers “Entretien d'espaces verts”, close to the supporting activity “{urbain}”",
        ),
        (
            supplier("x", offer(codes=("departement:56",))),
            {},
            "Sa zone d'intervention déclarée ne touche pas le territoire",
            "Its declared area does not meet the territory",
        ),
        (
            supplier("x", offer(), at=None),
            {},
            "Adresse inconnue : on ne sait pas s'il intervient dans le territoire",
            "Address unknown: it cannot be told whether it serves the territory",
        ),
        (
            supplier("x", offer(radius_km=10), at=None),
            {},
            "Adresse inconnue : on ne sait pas s'il intervient dans le territoire",
            "Address unknown: it cannot be told whether it serves the territory",
        ),
        (
            supplier("x", offer(national=True), at=None),
            CAPPED,
            "Adresse inconnue : on ne sait pas s'il est à moins de 60,0 km",
            "Address unknown: it cannot be told whether it is within 60.0 km",
        ),
        (
            supplier("x", approvals=()),
            {"reserved": ("iae",)},
            "Ne peut pas répondre à ce lot réservé ; ",
            "May not answer this reserved lot; ",
        ),
    ],
)
def test_each_is_told_what_it_lacks(
    reference: Reference, one: Supplier, fields: dict[str, Any], fr: str, en: str
) -> None:
    urbain = reference.taxonomy.label("pr-urbain")
    assert message(one, **fields).startswith(fr.format(urbain=urbain))
    assert message(one, "en", **fields).startswith(en.format(urbain=urbain))


def test_too_far_says_by_how_much() -> None:
    """99.9 km from Rennes to Nantes, of 60."""
    far = supplier("x", offer(national=True), at=NANTES)
    assert message(far, **CAPPED) == "À 99,9 km : 39,9 km de trop"
    assert message(far, "en", **CAPPED) == "At 99.9 km: 39.9 km too far"


def test_too_small_a_radius_says_how_much_is_missing() -> None:
    """The message speaks of the territory even where distances are to a site."""
    near = supplier("x", offer(radius_km=10), at=NANTES)
    said = message(near, territory=codes("commune:35238"), site=place(LYON))
    assert said.startswith("Intervient dans un rayon de 10 km : il manque 8")
    assert "short of the territory" in message(near, "en", territory=codes("commune:35238"))


def test_without_a_declared_area_fifty_kilometres_are_told() -> None:
    said = message(supplier("x", at=NANTES), territory=codes("commune:35238"))
    assert said.endswith(" du territoire, sans zone d'intervention déclarée (50 km au plus)")


def test_a_territory_without_outline_is_not_blamed_on_the_supplier() -> None:
    """Rennes is known; where Nouméa's limits run is not."""
    said = message(supplier("x", offer(radius_km=10)), territory=codes("commune:98818"))
    assert said == "Contour du territoire inconnu : on ne sait pas s'il intervient dans le territoire"
    capped = message(supplier("x", offer(national=True)), territory=codes("commune:98818"), max_distance_km=60)
    assert capped == "Contour du territoire inconnu : on ne sait pas s'il est à moins de 60,0 km"


@pytest.mark.parametrize("wide_first", [True, False])
def test_of_areas_that_reach_equally_far_the_first_is_told(wide_first: bool) -> None:
    """No declared area counts as 50 km: as a radius of 50 km beside it."""
    offers = [offer("pr-locaux", radius_km=50), offer("pr-locaux")]
    said = message(
        supplier("a", *(offers if wide_first else offers[::-1]), at=NANTES), territory=codes("commune:35238")
    )
    assert said.startswith("Intervient dans un rayon de 50 km" if wide_first else "À ")


def test_the_widest_area_of_an_answering_offer_is_told() -> None:
    """Ground that does not meet the territory reaches farthest, whatever else is offered."""
    narrow, wide = offer("pr-locaux", radius_km=5), offer("pr", radius_km=12)
    ground = offer("pr-locaux", codes=("departement:44",))
    rennes = codes("commune:35238")
    assert "rayon de 12 km" in message(supplier("a", narrow, wide, at=NANTES), territory=rennes)
    assert "ne touche pas" in message(supplier("a", narrow, ground, wide, at=NANTES), territory=rennes)
