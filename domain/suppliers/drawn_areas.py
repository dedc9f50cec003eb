"""The service areas that records draw, and the vertices that all those of a source may have together."""

from domain.errors import Conflict
from domain.reference.geojson import vertices
from domain.suppliers.supplier import SupplierRecord
from domain.text.bilingual import Text

MOST_VERTICES = 1_000_000
"""The usual budget of a source: 120 MB in the memory of each process once all of them were held against needs."""
LEAST_COUNTED = 32
"""Vertices that an area counts for at least: in memory, the smallest takes as much as so many."""


def drawn_vertices(record: SupplierRecord) -> int:
    """The vertices of the service areas that a record draws: each area once, and for `LEAST_COUNTED` at least."""
    areas = {area.geometry for offer in record.offers if (area := offer.service_area) is not None}
    return sum(max(LEAST_COUNTED, vertices(area)) for area in areas if area is not None)


def require_vertices_left(before: int, after: int, most: int) -> None:
    """Raises Conflict (`too_many_vertices`) where a source would have more than `most` vertices, and more than before.

    One that already has more, such as after the budget was lowered, may still be made smaller.
    """
    if after > max(most, before):
        raise Conflict("too_many_vertices", _too_many(after, most))


def _too_many(after: int, most: int) -> Text:
    return Text(
        f"Les zones que cette source dessine auraient ensemble {after} sommets, une fois simplifiées à 25 m "
        f"({LEAST_COUNTED} au moins pour chacune) : {after - most} de plus que les {most} permis. Les dessiner moins "
        "finement, nommer des territoires (« codes ») ou un rayon (« radius_km »), retirer des fiches, ou voir avec "
        "l'exploitant, qui peut en permettre davantage (VIVIER_SOURCE_VERTICES)",
        f"The service areas that this source draws would have {after} vertices together, once simplified to 25 m (at "
        f"least {LEAST_COUNTED} for each): {after - most} more than the {most} allowed. Draw them less finely, name "
        "territories (“codes”) or a radius (“radius_km”), withdraw records, or see the operator, who can allow more "
        "(VIVIER_SOURCE_VERTICES)",
    )
