"""Format `siae`: inclusion structures as le marché de l'inclusion lists them (CSV, an establishment and kind per row).

`id` is the external id. `kind` becomes an approval without known dates, `brand` the trade name. The commune is looked
up by postal code and city. Offers are inferred from `naf`, `name`, `brand` and `description`. Other columns, such as a
commune that someone derived from the point, are not read.
"""

from collections.abc import Iterator
from typing import BinaryIO

from domain.suppliers.rows import Row, RowError
from domain.text.bilingual import Text
from sources.formats.csv_cells import BadCell, kind_of, known, number
from sources.formats.csv_records import read_records
from sources.formats.postal_addresses import CommuneNames, commune_names
from sources.rows import Context, Document
from sources.trades.inference import OfferInference

COLUMNS = (
    "id", "kind", "siret", "naf", "name", "brand", "address", "post_code", "city", "department", "lon", "lat",
    "website", "description",
)  # fmt: skip
_HALF_A_POINT = Text("Un point a une latitude et une longitude", "A point has a latitude and a longitude")


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per structure and kind; raises UnreadableFile where a column of `COLUMNS` is missing."""
    communes = commune_names(context.territories)
    inference = OfferInference(context.taxonomy, context.source)
    return read_records(stream, context, COLUMNS, lambda cells: _document(cells, communes, inference))


def _document(cells: dict[str, str], communes: CommuneNames, inference: OfferInference) -> Document:
    kind = kind_of(cells["kind"].strip())
    texts = (cells["name"], cells["brand"], cells["description"])
    return {
        "name": cells["name"].strip(),
        "trade_name": known(cells["brand"]),
        "siret": known(cells["siret"]),
        "approvals": [{"kind": kind}],
        "address": {
            "street": known(cells["address"]),
            "postal_code": known(cells["post_code"]),
            "city": known(cells["city"]),
            "commune": communes.find(cells["post_code"].strip(), cells["city"], cells["department"].strip()),
        },
        "location": _point(cells["lat"].strip(), cells["lon"].strip()),
        "offers": inference.offers(kind, known(cells["naf"]), texts, cells["city"]),
        "description": known(cells["description"]),
        "contact": {"website": known(cells["website"])},
    }


def _point(lat: str, lon: str) -> dict[str, float] | None:
    if not lat and not lon:
        return None
    if not lat or not lon:
        raise BadCell(("location",), "missing_field", _HALF_A_POINT)
    return {"lat": number(lat, ("location", "lat")), "lon": number(lon, ("location", "lon"))}
