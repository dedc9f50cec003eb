"""Format `sirene`: establishments of the business register with the columns of their legal unit beside (CSV).

The stock of INSEE comes as two files, legal units and establishments; a row here has the columns of both, by their own
names. An establishment is a record, under its SIRET. Name, legal form and ESS flag are those of the legal unit, signs
and address the establishment's; the point is read from its coordinates, in metres of its territory's projection.
Offers are inferred from the NAF code of either vintage that names a trade, and from the names. What is closed is not
active. Natural persons are rejected, and so is what its holder withholds (status P, `[ND]`): no record is made of
either, and one that was made before is removed.
Not read: staff (a range, not a number), names of persons, dates.
"""

from collections.abc import Iterator
from typing import BinaryIO

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Point
from domain.text.bilingual import Text
from matching.geo.lambert import register_point
from sources.formats.csv_cells import BadCell, known
from sources.formats.csv_records import missing_columns, rows_of
from sources.formats.csv_table import read_table
from sources.formats.legal_categories import legal_form_of
from sources.formats.postal_addresses import departement_of
from sources.rows import Context, Document, UnreadableFile
from sources.trades.inference import OfferInference

COLUMNS = (
    "siret", "etatAdministratifEtablissement", "codeCommuneEtablissement", "categorieJuridiqueUniteLegale",
    "denominationUniteLegale",
)  # fmt: skip

_WITHHELD_STATUS, _WITHHELD = "P", "[ND]"
_NATURAL_PERSON = "1"
_CLOSED = frozenset({"F", "C"})
_STATUSES = ("statutDiffusionEtablissement", "statutDiffusionUniteLegale")
_STATES = ("etatAdministratifEtablissement", "etatAdministratifUniteLegale")
_SIGNS = ("enseigne1Etablissement", "denominationUsuelleEtablissement", "denominationUsuelle1UniteLegale")
_NAF_OF_ESTABLISHMENT = ("activitePrincipaleEtablissement", "activitePrincipaleNAF25Etablissement")
_NAF_OF_UNIT = ("activitePrincipaleUniteLegale", "activitePrincipaleNAF25UniteLegale")
_STREET = (
    "numeroVoieEtablissement", "indiceRepetitionEtablissement", "typeVoieEtablissement", "libelleVoieEtablissement",
)  # fmt: skip
_METRES = ("coordonneeLambertAbscisseEtablissement", "coordonneeLambertOrdonneeEtablissement")
_DEGREES = ("y_latitude", "x_longitude")
_ESS = {"O": True, "N": False}

_IS_WITHHELD = Text("Son titulaire s'oppose à sa diffusion", "Its holder withholds it")
_IS_PERSON = Text("C'est une personne physique", "This is a natural person")


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per establishment; raises UnreadableFile where a column of `COLUMNS` is missing."""
    table = read_table(stream, as_published=True)
    if missing := tuple(missing_columns(table, COLUMNS)):
        raise UnreadableFile(missing)
    inference = OfferInference(context.taxonomy, context.source)
    return rows_of(table, context, lambda cells: known(cells["siret"]), lambda cells: _document(cells, inference))


def _document(cells: dict[str, str], inference: OfferInference) -> Document:
    if _WITHHELD_STATUS in _texts(cells, _STATUSES):
        raise BadCell(("statutDiffusionEtablissement",), "withheld", _IS_WITHHELD)
    category = cells["categorieJuridiqueUniteLegale"].strip()
    if category.startswith(_NATURAL_PERSON):
        raise BadCell(("categorieJuridiqueUniteLegale",), "natural_person", _IS_PERSON)
    name = _known(cells, "denominationUniteLegale")
    if name is None and _WITHHELD in cells["denominationUniteLegale"]:
        raise BadCell(("denominationUniteLegale",), "withheld", _IS_WITHHELD)
    sign = next((sign for column in _SIGNS if (sign := _known(cells, column)) and sign != name), None)
    city, commune = _known(cells, "libelleCommuneEtablissement"), _known(cells, "codeCommuneEtablissement")
    return {
        "name": name or sign or "",
        "trade_name": sign if name else None,
        "siret": known(cells["siret"]),
        "legal_form": legal_form_of(category),
        "ess": _ESS.get(cells.get("economieSocialeSolidaireUniteLegale", "").strip()),
        "address": {
            "street": " ".join(filter(None, [_known(cells, column) for column in _STREET])) or None,
            "postal_code": _known(cells, "codePostalEtablissement"),
            "city": city,
            "commune": commune,
        },
        "location": _point(cells, commune or ""),
        "offers": inference.offers(None, _naf(cells, inference), (name or "", sign or ""), city or ""),
        "labels": ("Société à mission",) if cells.get("societeMissionUniteLegale", "").strip() == "O" else (),
        "active": _CLOSED.isdisjoint(_texts(cells, _STATES)),
    }


def _texts(cells: dict[str, str], columns: tuple[str, ...]) -> list[str]:
    return [cells.get(column, "").strip() for column in columns]


def _known(cells: dict[str, str], column: str) -> str | None:
    """The text of a cell; None where it is empty, withheld, or the column is not there."""
    text = cells.get(column, "").strip()
    return text if text and _WITHHELD not in text else None


def _naf(cells: dict[str, str], inference: OfferInference) -> str | None:
    """The first code of the establishment that names a trade, else its first; where it has none, the legal unit's."""
    own = inference.telling(*[_known(cells, column) for column in _NAF_OF_ESTABLISHMENT])
    return own or inference.telling(*[_known(cells, column) for column in _NAF_OF_UNIT])


def _point(cells: dict[str, str], commune: str) -> Point | None:
    """The point of the degrees, else of the metres; None where neither are numbers."""
    lat, lon = [_number(_known(cells, column)) for column in _DEGREES]
    if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180:
        return Point(lat, lon)
    x, y = [_number(_known(cells, column)) for column in _METRES]
    return None if x is None or y is None else register_point(x, y, departement_of(commune))


def _number(written: str | None) -> float | None:
    try:
        return None if written is None else float(written.replace(",", "."))
    except ValueError:
        return None
