"""Format `esat`: the ESAT of the FINESS register (CSV, one establishment per row).

`finess_et` is the external id; every row is approved as ESAT, without known dates. `commune_insee` is the commune; the
columns `lon_commune` and `lat_commune` are only the middle of it and are not taken for the establishment's place.
`operator` and `capacity` (authorised places, not staff) have no field of their own and are told in the description.
"""

from collections.abc import Iterator
from typing import BinaryIO

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import LegalForm
from domain.text.normalise import fold
from sources.formats.csv_cells import known
from sources.formats.csv_records import read_records
from sources.rows import Context, Document
from sources.trades.inference import OfferInference

COLUMNS = (
    "finess_et", "siret", "name", "operator", "operator_legal_form", "address", "post_code", "commune_insee", "commune",
    "capacity",
)  # fmt: skip

# The register's own short labels, folded; those not listed stay unknown.
_LEGAL_FORMS: dict[str, LegalForm] = {
    **dict.fromkeys(("ass l 1901 non r u p", "ass l 1901 r u p", "ass de droit local"), "association"),
    "fondation": "foundation",
    "societe mutualiste": "mutual",
    "s a r l": "commercial_company",
    **dict.fromkeys(("etb social depart", "etb social communal", "etb social intercom"), "public_body"),
    **dict.fromkeys(("etb social national", "etb pub depart hosp", "etb pub intcom hosp"), "public_body"),
    **dict.fromkeys(("c c a s", "g i p", "departement"), "public_body"),
    **dict.fromkeys(("g c s m s prive", "reg gen secu sociale", "autr org pri non luc"), "other"),
}


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per establishment; raises UnreadableFile where a column of `COLUMNS` is missing."""
    inference = OfferInference(context.taxonomy, context.source)
    return read_records(stream, context, COLUMNS, lambda cells: _document(cells, inference))


def _document(cells: dict[str, str], inference: OfferInference) -> Document:
    operator, capacity = known(cells["operator"]), known(cells["capacity"])
    managed = f"Organisme gestionnaire : {operator}." if operator else ""
    places = f"Capacité autorisée : {capacity} places." if capacity else ""
    return {
        "name": cells["name"].strip(),
        "siret": known(cells["siret"]),
        "legal_form": _LEGAL_FORMS.get(fold(cells["operator_legal_form"])),
        "approvals": [{"kind": "ESAT"}],
        "address": {
            "street": known(cells["address"]),
            "postal_code": known(cells["post_code"]),
            "city": known(cells["commune"]),
            "commune": known(cells["commune_insee"]),
        },
        "offers": inference.offers("ESAT", None, (cells["name"],), cells["commune"]),
        "description": f"{managed} {places}".strip() or None,
    }
