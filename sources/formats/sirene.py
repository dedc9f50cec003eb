"""Format `sirene`: establishments of the business register with the columns of their legal unit beside (CSV).

The stock of INSEE comes as two files, legal units and establishments; a row here has the columns of both, by their own
names. An establishment is a record, under its SIRET. Name, legal form and ESS flag are those of the legal unit, signs
and address the establishment's; the point is read from its coordinates, in metres of its territory's projection.
Offers are inferred from the NAF code of either vintage that names a trade, and from the names. What is closed is not
active. Natural persons are rejected, and so is what its holder withholds (status P, `[ND]`): no record is made of
either, and one that was made before is removed.
Not read: staff (a range, not a number), names of persons, dates.
"""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Point
from domain.text.bilingual import Text
from matching.geo.projection import register_point
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


class _Texts(NamedTuple):
    """The cells that are read, without blanks around them; "" for what is empty, withheld, or not there."""

    status: str
    status_of_unit: str
    state: str
    state_of_unit: str
    category: str
    name: str
    sign: str
    usual_name: str
    usual_name_of_unit: str
    number: str
    repetition: str
    way: str
    street: str
    postal_code: str
    city: str
    commune: str
    latitude: str
    longitude: str
    abscissa: str
    ordinate: str
    naf: str
    naf_2025: str
    naf_of_unit: str
    naf_2025_of_unit: str
    ess: str
    mission: str


_COLUMNS_READ = _Texts(
    status="statutDiffusionEtablissement",
    status_of_unit="statutDiffusionUniteLegale",
    state="etatAdministratifEtablissement",
    state_of_unit="etatAdministratifUniteLegale",
    category="categorieJuridiqueUniteLegale",
    name="denominationUniteLegale",
    sign="enseigne1Etablissement",
    usual_name="denominationUsuelleEtablissement",
    usual_name_of_unit="denominationUsuelle1UniteLegale",
    number="numeroVoieEtablissement",
    repetition="indiceRepetitionEtablissement",
    way="typeVoieEtablissement",
    street="libelleVoieEtablissement",
    postal_code="codePostalEtablissement",
    city="libelleCommuneEtablissement",
    commune="codeCommuneEtablissement",
    latitude="y_latitude",
    longitude="x_longitude",
    abscissa="coordonneeLambertAbscisseEtablissement",
    ordinate="coordonneeLambertOrdonneeEtablissement",
    naf="activitePrincipaleEtablissement",
    naf_2025="activitePrincipaleNAF25Etablissement",
    naf_of_unit="activitePrincipaleUniteLegale",
    naf_2025_of_unit="activitePrincipaleNAF25UniteLegale",
    ess="economieSocialeSolidaireUniteLegale",
    mission="societeMissionUniteLegale",
)
_WITHHELD_STATUS, _WITHHELD = "P", "[ND]"
_NATURAL_PERSON = "1"
_CLOSED = frozenset({"F", "C"})
_ESS = {"O": True, "N": False}

_IS_WITHHELD = Text("Son titulaire s'oppose à sa diffusion", "Its holder withholds it")
_IS_PERSON = Text("C'est une personne physique", "This is a natural person")


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per establishment; raises UnreadableFile where a column of `COLUMNS` is missing."""
    table = read_table(stream, as_published=True)
    if missing := tuple(missing_columns(table, COLUMNS)):
        raise UnreadableFile(missing)
    inference, texts_of = OfferInference(context.taxonomy, context.source), _reader(table.columns)
    return rows_of(
        table, context, lambda cells: known(cells["siret"]), lambda cells: _document(cells, texts_of(cells), inference)
    )


def _reader(columns: tuple[str, ...]) -> Callable[[dict[str, str]], _Texts]:
    """A function that reads the cells of a row of these columns."""
    read, absent = itemgetter(*_COLUMNS_READ), dict.fromkeys(set(_COLUMNS_READ).difference(columns), "")

    def texts_of(cells: dict[str, str]) -> _Texts:
        written = read(cells | absent if absent else cells)
        if _WITHHELD in "".join(written):
            written = tuple("" if _WITHHELD in cell else cell for cell in written)
        return _Texts._make(map(str.strip, written))

    return texts_of


def _document(cells: dict[str, str], texts: _Texts, inference: OfferInference) -> Document:
    if _WITHHELD_STATUS in (texts.status, texts.status_of_unit):
        raise BadCell(("statutDiffusionEtablissement",), "withheld", _IS_WITHHELD)
    if texts.category.startswith(_NATURAL_PERSON):
        raise BadCell(("categorieJuridiqueUniteLegale",), "natural_person", _IS_PERSON)
    name = texts.name
    if not name and _WITHHELD in cells["denominationUniteLegale"]:
        raise BadCell(("denominationUniteLegale",), "withheld", _IS_WITHHELD)
    signs = (texts.sign, texts.usual_name, texts.usual_name_of_unit)
    sign = next((sign for sign in signs if sign and sign != name), "")
    return {
        "name": name or sign,
        "trade_name": sign or None if name else None,
        "siret": known(cells["siret"]),
        "legal_form": legal_form_of(texts.category),
        "ess": _ESS.get(texts.ess),
        "address": {
            "street": " ".join(filter(None, (texts.number, texts.repetition, texts.way, texts.street))) or None,
            "postal_code": texts.postal_code or None,
            "city": texts.city or None,
            "commune": texts.commune or None,
        },
        "location": _point(texts),
        "offers": inference.offers(None, _naf(texts, inference), (name, sign), texts.city),
        "labels": ("Société à mission",) if texts.mission == "O" else (),
        "active": _CLOSED.isdisjoint((texts.state, texts.state_of_unit)),
    }


def _naf(texts: _Texts, inference: OfferInference) -> str | None:
    """The first code of the establishment that names a trade, else its first; where it has none, the legal unit's."""
    own = inference.telling(texts.naf, texts.naf_2025)
    return own or inference.telling(texts.naf_of_unit, texts.naf_2025_of_unit)


def _point(texts: _Texts) -> Point | None:
    """The point of the degrees, else of the metres; None where neither are numbers."""
    lat, lon = _number(texts.latitude), _number(texts.longitude)
    if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180:
        return Point(lat, lon)
    x, y = _number(texts.abscissa), _number(texts.ordinate)
    return None if x is None or y is None else register_point(x, y, departement_of(texts.commune))


def _number(written: str) -> float | None:
    try:
        return float(written.replace(",", ".")) if written else None
    except ValueError:
        return None
