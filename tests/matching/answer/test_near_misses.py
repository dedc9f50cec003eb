"""The refused suppliers nearest to being candidates: who is listed, in which order, and what each is told."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from domain.shortlists.listed_suppliers import NearMiss
from domain.suppliers.supplier import Evidence, Offer, Supplier
from matching.reference import Reference
from tests.factories import LYON, NANTES, RENNES, based_on, codes, lot, matched, need, offer, place, supplier


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


def test_who_is_only_known_for_another_part_of_a_segment_is_close_to_what_a_lot_buys() -> None:
    """Codes and words of a lot tell the part, which no answer names; who names the segment says it in words alone."""
    plumber = based_on(offer("bt-elec-plomb", basis="inferred"), Evidence("register", reference="4322A"))
    (miss,) = missed(supplier("plumber", plumber), cpv=("45310000",))
    assert miss.message == "Activité proche : Plomberie, chauffage, ventilation (vous demandez : Électricité)"
    (coverage,) = matched(need(lot("bt-elec-plomb", title="Électricité")), supplier("plumber", plumber)).coverage
    assert (coverage.segment, coverage.candidates) == ("bt-elec-plomb", 0)
    won = based_on(offer("bt-elec-plomb", basis="awarded"), Evidence("award", "Éclairage public"))
    for asked, offers, shown in (
        (lot(cpv=("45330000",)), (plumber,), ["register"]),
        (lot(keywords=("électricité", "plomberie")), (plumber,), ["register"]),
        (lot("bt-elec-plomb", title="Lot 2", cpv=("45310000",)), (plumber,), ["register"]),
        (lot(cpv=("45310000",)), (plumber, won), ["award"]),
        (lot(cpv=("45310000",)), (plumber, offer("bt-elec-plomb")), []),
    ):
        (answer,) = matched(need(asked), supplier("plumber", *offers)).candidates[0].segments
        assert (answer.requested, answer.offered, answer.fit) == ("bt-elec-plomb", "bt-elec-plomb", "exact")
        assert [each.kind for each in answer.evidence] == shown


CAPPED: dict[str, Any] = {"max_distance_km": 60, "site": place(RENNES)}
IN_RENNES, IN_NOUMEA = codes("commune:35238"), codes("commune:98818")
"""The outline of Rennes is known, that of Nouméa is not."""
GREEN, NATIONAL, WITHIN_10 = offer("ev-entretien"), offer(national=True), offer(radius_km=10)
UNSERVED_FR, UNSERVED_EN = "on ne sait pas s'il intervient dans le territoire", "whether it serves the territory"
VERTS = "Entretien d'espaces verts"


@pytest.mark.parametrize(
    ("one", "territory", "fields", "fr", "en"),
    [
        (GREEN, None, {"segments": ("pr-urbain",)}, "Activité proche : {verts} (vous demandez : {urbain})",
         "Offers “{verts}”, close to “{urbain}”"),
        (GREEN, None, {"support_segments": ("ev-entretien",)}, "Ne propose que l'activité support « {verts} »",
         "Offers only the supporting activity “{verts}”"),
        (GREEN, None, {"support_segments": ("pr-urbain",)},
         "Activité proche : {verts} (activité support demandée : {urbain})",
         "Offers “{verts}”, close to the supporting activity “{urbain}”"),
        (offer(codes=("departement:56",)), None, {}, "Sa zone d'intervention déclarée ne touche pas le territoire",
         "Its declared area does not meet the territory"),
        (supplier("x", offer(), at=None), None, {}, f"Adresse inconnue : {UNSERVED_FR}",
         f"Address unknown: it cannot be told {UNSERVED_EN}"),
        (supplier("x", WITHIN_10, at=None), None, {}, f"Adresse inconnue : {UNSERVED_FR}",
         f"Address unknown: it cannot be told {UNSERVED_EN}"),
        (supplier("x", NATIONAL, at=None), None, CAPPED,
         "Adresse inconnue : on ne sait pas s'il est à moins de 60,0 km",
         "Address unknown: it cannot be told whether it is within 60.0 km"),
        (supplier("x", approvals=()), None, {"reserved": ("iae",)}, "Ne peut pas répondre à ce lot réservé ; *",
         "May not answer this reserved lot; *"),
        (supplier("99.9 km away", NATIONAL, at=NANTES), None, CAPPED, "À 99,9 km, soit 39,9 km au-delà de votre limite",
         "At 99.9 km: 39.9 km too far"),
        # the message speaks of the territory even where distances are to a site
        (supplier("x", WITHIN_10, at=NANTES), IN_RENNES, {"site": place(LYON)},
         "Son rayon d'intervention (10 km) s'arrête à 8*", "Works within 10 km: 8* short of the territory"),
        (supplier("x", at=NANTES), IN_RENNES, {},
         "Zone d'intervention non renseignée ; situé à * du territoire (50 km au plus)",
         "* from the territory, without a declared service area (50 km at most)"),
        (WITHIN_10, IN_NOUMEA, {}, f"Contour du territoire inconnu : {UNSERVED_FR}",
         f"Outline of the territory unknown: it cannot be told {UNSERVED_EN}"),
        (NATIONAL, IN_NOUMEA, {"max_distance_km": 60},
         "Contour du territoire inconnu : on ne sait pas s'il est à moins de 60,0 km",
         "Outline of the territory unknown: it cannot be told whether it is within 60.0 km"),
    ],
)  # fmt: skip
def test_each_is_told_what_it_lacks(
    reference: Reference, one: Supplier | Offer, territory: Any, fields: dict[str, Any], fr: str, en: str
) -> None:
    """`*` stands for any text."""
    labels = {"urbain": reference.taxonomy.label("pr-urbain"), "verts": VERTS}
    shop = supplier("x", one) if isinstance(one, Offer) else one
    assert fnmatchcase(message(shop, territory=territory, **fields), fr.format(**labels))
    assert fnmatchcase(message(shop, "en", territory=territory, **fields), en.format(**labels))


@pytest.mark.parametrize("wide_first", [True, False])
def test_of_areas_that_reach_equally_far_the_first_is_told(wide_first: bool) -> None:
    """No declared area counts as 50 km: as a radius of 50 km beside it."""
    offers = [offer("pr-locaux", radius_km=50), offer("pr-locaux")]
    said = message(supplier("a", *(offers if wide_first else offers[::-1]), at=NANTES), territory=IN_RENNES)
    assert said.startswith("Son rayon d'intervention (50 km)" if wide_first else "Zone d'intervention")


def test_the_widest_area_of_an_answering_offer_is_told() -> None:
    """Ground that does not meet the territory reaches farthest, whatever else is offered."""
    narrow, wide = offer("pr-locaux", radius_km=5), offer("pr", radius_km=12)
    ground = offer("pr-locaux", codes=("departement:44",))
    assert "rayon d'intervention (12 km)" in message(supplier("a", narrow, wide, at=NANTES), territory=IN_RENNES)
    assert "ne touche pas" in message(supplier("a", narrow, ground, wide, at=NANTES), territory=IN_RENNES)
