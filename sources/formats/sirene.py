"""Formats of the business register: `sirene`, its bulk file, and `recherche-entreprises`, answers of its search.

Legal forms are told by INSEE's categories of legal persons: four digits, the first ones of which name a group.

Format `sirene`: establishments of the business register with the columns of their legal unit beside (CSV).
The stock of INSEE comes as two files, legal units and establishments; a row here has the columns of both, by their own
names. An establishment is a record, under its SIRET. Name, legal form and ESS flag are those of the legal unit, signs
and address the establishment's; the point is read from its coordinates, in metres of its territory's projection.
Offers are inferred from the NAF code of either vintage that names a trade, and from the names. What is closed is not
active. Natural persons are rejected, and so is what its holder withholds (status P, `[ND]`): no record is made of
either, and one that was made before is removed.
Staff is the establishment's band with its year, not the legal unit's. Not read: names of persons, other dates.

Format `recherche-entreprises`: answers of the State's search of the business register (JSON, NDJSON).
A result is a legal person. Each of its establishments that matched the search is a record, under its SIRET; where none
is listed (a search by SIREN) the seat is. Legal form, ESS and turnover are those of the legal person. `est_ess` false
only says that no list has it, and is left unknown. `type_siae` holds the kinds of all establishments of the person: it
becomes approvals, without known dates, only where a single establishment is open; otherwise the description tells it.
Offers are inferred from NAF codes (of rev. 2, or of 2025) that name a trade, from the names, and from the kind. What is
closed is not active, nor is who opposed the use of his data (`P`); of his address, and of any natural person's, only
the commune is kept. Staff is the establishment's band with its year. Not read: who directs it, who is elected, and
identifiers in other registers.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import BinaryIO, NamedTuple

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.known_trades import asked_last
from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import Kind, LegalForm, Point, name_by_number
from domain.text.bilingual import said_by
from matching.geo.projection import register_point
from sources.file_types.csv_cells import KINDS, LEGAL_FORMS, BadCell, number, siret_of
from sources.file_types.csv_table import read_table, rows_of
from sources.file_types.json_items import Draft, Scalar, make_readers, text_of
from sources.postal_addresses import PostalAddress, departement_of, split_address, without_host
from sources.rows import Context, Document, day_of, number_or_none, unmapped_flag
from sources.trades.inference import OfferInference
from sources.validation import whole_siret

_SAID = said_by(__name__)

_LENGTH = 4


def legal_form_of(category: str) -> LegalForm | None:
    """The legal form for INSEE's category of a legal person, such as 5710; None for anything but four digits."""
    if len(category) != _LENGTH or not (category.isascii() and category.isdigit()):
        return None
    return next(form for size in range(_LENGTH, 0, -1) if (form := LEGAL_FORMS["categories"].get(category[:size])))


STAFF_BANDS: dict[str, tuple[int, int | None]] = {
    "00": (0, 0), "01": (1, 2), "02": (3, 5), "03": (6, 9), "11": (10, 19), "12": (20, 49), "21": (50, 99),
    "22": (100, 199), "31": (200, 249), "32": (250, 499), "41": (500, 999), "42": (1_000, 1_999), "51": (2_000, 4_999),
    "52": (5_000, 9_999), "53": (10_000, None),
}  # fmt: skip
"""The fewest and the most employees of each of INSEE's bands (`trancheEffectifs`); NN, not known, is none."""


def staff_of_band(band: str, year: str) -> Document | None:
    """The staff that a band says, at the end of the year it was counted in; None for a band that says nothing."""
    bounds = STAFF_BANDS.get(band.strip().removesuffix(".0").zfill(2)) if band.strip() else None
    return bounds and {"min": bounds[0], "max": bounds[1], "on": last_day_of(year)}


def _sells(form: LegalForm | None, staff: Document | None, name: str) -> bool:
    """Whether nothing says that an establishment is a public body's, a club's or of nobody who is employed."""
    if form != "association":
        return form != "public_body"
    return (staff is None or staff["max"] != 0) and asked_last((), form, name) != "club"


def last_day_of(year: str) -> date | None:
    """The last day of the year that a text begins with; None where it begins with none."""
    return day_of(f"{year.strip()[:4]}-12-31")


COLUMNS = (
    "siret", "etatAdministratifEtablissement", "codeCommuneEtablissement", "categorieJuridiqueUniteLegale",
    "denominationUniteLegale",
)  # fmt: skip


class _EstablishmentCells(NamedTuple):
    """The cells of an establishment that are read, without outer blanks; "" for one that is withheld or missing.

    Their defaults are the columns that they stand in.
    """

    status: str = "statutDiffusionEtablissement"
    status_of_unit: str = "statutDiffusionUniteLegale"
    state: str = "etatAdministratifEtablissement"
    state_of_unit: str = "etatAdministratifUniteLegale"
    category: str = "categorieJuridiqueUniteLegale"
    name: str = "denominationUniteLegale"
    sign: str = "enseigne1Etablissement"
    usual_name: str = "denominationUsuelleEtablissement"
    usual_name_of_unit: str = "denominationUsuelle1UniteLegale"
    number: str = "numeroVoieEtablissement"
    repetition: str = "indiceRepetitionEtablissement"
    way: str = "typeVoieEtablissement"
    street: str = "libelleVoieEtablissement"
    postal_code: str = "codePostalEtablissement"
    city: str = "libelleCommuneEtablissement"
    commune: str = "codeCommuneEtablissement"
    latitude: str = "y_latitude"
    longitude: str = "x_longitude"
    abscissa: str = "coordonneeLambertAbscisseEtablissement"
    ordinate: str = "coordonneeLambertOrdonneeEtablissement"
    naf: str = "activitePrincipaleEtablissement"
    naf_2025: str = "activitePrincipaleNAF25Etablissement"
    naf_of_unit: str = "activitePrincipaleUniteLegale"
    naf_2025_of_unit: str = "activitePrincipaleNAF25UniteLegale"
    ess: str = "economieSocialeSolidaireUniteLegale"
    mission: str = "societeMissionUniteLegale"
    staff_band: str = "trancheEffectifsEtablissement"
    staff_year: str = "anneeEffectifsEtablissement"


_COLUMNS_READ = _EstablishmentCells()
_WITHHELD_STATUS, _WITHHELD = "P", "[ND]"
_NATURAL_PERSON = "1"
_CLOSED = frozenset({"F", "C"})  # an establishment is fermé, a legal person cessée
_ESS = {"O": True, "N": False}


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read format `sirene`, one row per establishment; raises UnreadableFile if a column of `COLUMNS` is missing."""
    table = read_table(stream, required=COLUMNS, also=_COLUMNS_READ)
    inference = OfferInference(context.taxonomy, context.source)
    cells_read, absent = itemgetter(*_COLUMNS_READ), dict.fromkeys(set(_COLUMNS_READ).difference(table.columns), "")

    def establishment_record(cells: dict[str, str]) -> Document:
        written = cells_read(cells | absent if absent else cells)
        if _WITHHELD in "".join(written):
            written = tuple("" if _WITHHELD in cell else cell for cell in written)
        return _record_of_establishment(cells, _EstablishmentCells._make(map(str.strip, written)), inference)

    return rows_of(table, context, lambda cells: whole_siret(cells["siret"]) or None, establishment_record)


def _record_of_establishment(cells: dict[str, str], texts: _EstablishmentCells, inference: OfferInference) -> Document:
    if _WITHHELD_STATUS in (texts.status, texts.status_of_unit):
        raise BadCell(("statutDiffusionEtablissement",), "withheld", _SAID["is_withheld"])
    if texts.category.startswith(_NATURAL_PERSON):
        raise BadCell(("categorieJuridiqueUniteLegale",), "natural_person", _SAID["is_person"])
    name = texts.name
    if not name and _WITHHELD in cells["denominationUniteLegale"]:
        raise BadCell(("denominationUniteLegale",), "withheld", _SAID["is_withheld"])
    # the point of the degrees, else of the metres, where they are numbers
    lat, lon, x, y = map(number_or_none, (texts.latitude, texts.longitude, texts.abscissa, texts.ordinate))
    point = None if x is None or y is None else register_point(x, y, departement_of(texts.commune))
    if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180:
        point = Point(lat, lon)
    signs = (texts.sign, texts.usual_name, texts.usual_name_of_unit)
    sign = next((sign for sign in signs if sign and sign != name), "")
    street = " ".join(filter(None, (texts.number, texts.repetition, texts.way, without_host(texts.street))))
    # the first code of the establishment that names a trade, else its first; where it has none, the legal unit's
    naf = inference.code_with_trade(texts.naf, texts.naf_2025) or inference.code_with_trade(
        texts.naf_of_unit, texts.naf_2025_of_unit
    )
    form, staff = legal_form_of(texts.category), staff_of_band(texts.staff_band, texts.staff_year)
    return {
        "name": name or sign,
        "trade_name": sign or None if name else None,
        "siret": siret_of(cells["siret"]) or None,
        "legal_form": form,
        "ess": _ESS.get(texts.ess),
        "address": PostalAddress(street, texts.postal_code, texts.city).document(texts.commune),
        "location": point,
        "offers": inference.offers(None, naf, (name, sign), texts.city, sells=_sells(form, staff, name)),
        "size": {"staff": staff} if staff else None,
        "labels": ("Société à mission",) if texts.mission == "O" else (),
        "active": _CLOSED.isdisjoint((texts.state, texts.state_of_unit)),
    }


LISTS = ("results",)

_OPPOSED = "P"
_CODE = re.compile(r"[A-Z]+")


class Establishment(msgspec.Struct, frozen=True):
    """An establishment in an answer of the search; the address of the seat is also given in parts."""

    siret: str
    etat_administratif: str | None = None
    statut_diffusion_etablissement: str | None = None
    activite_principale: str | None = None
    activite_principale_naf25: str | None = None
    tranche_effectif_salarie: str | None = None
    annee_tranche_effectif_salarie: Scalar = None
    nom_commercial: str | None = None
    liste_enseignes: list[str | None] | None = None
    adresse: str | None = None
    complement_adresse: Scalar = None
    numero_voie: Scalar = None
    indice_repetition: Scalar = None
    type_voie: Scalar = None
    libelle_voie: Scalar = None
    code_postal: str | None = None
    commune: str | None = None
    libelle_commune: str | None = None
    latitude: Scalar = None
    longitude: Scalar = None
    coordonnees: str | None = None


class Complements(msgspec.Struct, frozen=True):
    """Facts of the legal person from other registers."""

    est_ess: bool | None = None
    est_siae: bool | None = None
    type_siae: str | list[str] | None = None


class Accounts(msgspec.Struct, frozen=True):
    """A legal person's published accounts of one year."""

    ca: float | None = None


class SearchResult(msgspec.Struct, frozen=True):
    """A result of the search: a legal person with the establishments that match."""

    siren: str
    nom_complet: str | None = None
    nom_raison_sociale: str | None = None
    nombre_etablissements_ouverts: int | None = None
    etat_administratif: str | None = None
    statut_diffusion: str | None = None
    nature_juridique: str | None = None
    activite_principale: str | None = None
    activite_principale_naf25: str | None = None
    siege: Establishment | None = None
    matching_etablissements: list[Establishment] | None = None
    finances: dict[str, Accounts] | None = None
    complements: Complements | None = None


def _drafts(result: SearchResult, inference: OfferInference) -> Iterator[Draft]:
    found = {place.siret: place for place in result.matching_etablissements or ()}
    seat = result.siege
    if seat is not None and (not found or seat.siret in found):
        found[seat.siret] = seat  # says more of its address than the same establishment does in the list
    if not found:
        raise InvalidContent((Problem(pointer("matching_etablissements"), "missing_field", _SAID["no_establishment"]),))
    # a list, or one that is written as text: "['ACI', 'EI']"
    written = result.complements.type_siae if result.complements else None
    codes = dict.fromkeys(written if isinstance(written, list) else _CODE.findall(written or ""))
    kinds = tuple(KINDS[code] for code in codes if code in KINDS)
    flags = tuple(unmapped_flag(code) for code in codes if code not in KINDS)
    for place in found.values():
        yield Draft(place.siret, _record_of_result(result, place, kinds, inference), flags)


read_json, read_ndjson = make_readers(
    LISTS, SearchResult, lambda context: partial(_drafts, inference=OfferInference(context.taxonomy, context.source))
)


def _record_of_result(
    result: SearchResult, place: Establishment, kinds: tuple[Kind, ...], inference: OfferInference
) -> Document:
    name = result.nom_raison_sociale or result.nom_complet or name_by_number(place.siret)
    signs = (place.nom_commercial, *(place.liste_enseignes or ()))
    sign = next((sign.strip() for sign in signs if sign and sign.strip()), None)
    latest = sorted((result.finances or {}).items(), reverse=True)
    is_open = place.etat_administratif not in _CLOSED and result.etat_administratif not in _CLOSED
    is_withheld = _OPPOSED in (result.statut_diffusion, place.statut_diffusion_etablissement)
    is_home = is_withheld or (result.nature_juridique or "").startswith(_NATURAL_PERSON)
    approved = kinds if result.nombre_etablissements_ouverts == 1 and is_open else ()
    note = None  # on an inclusion structure where it is not known which establishment has which approval
    if kinds and not approved:
        note = f"Signalée comme {', '.join(kinds)} ; lequel de ses établissements est conventionné n'est pas précisé."
    elif not approved and result.complements and result.complements.est_siae:
        note = "Signalée comme structure d'insertion, sans que son genre soit précisé."
    # as NAF rev. 2 writes it, or as NAF 2025 does where only that code names a trade
    codes = ((each.activite_principale, each.activite_principale_naf25) for each in (place, result))
    naf, texts = next(filter(None, (inference.code_with_trade(*pair) for pair in codes)), None), (name, sign or "")
    year, turnover = next(((year, ca) for year, each in latest if (ca := each.ca) is not None and ca >= 0), ("", None))
    staff = staff_of_band(place.tranche_effectif_salarie or "", text_of(place.annee_tranche_effectif_salarie))
    form = legal_form_of(result.nature_juridique or "")
    sells = bool(approved) or _sells(form, staff, name)
    city = place.libelle_commune or ""
    offers = (inference.offers(kind, naf, texts, city, sells=sells) for kind in approved or (None,))
    return {
        "name": name.strip(),
        "trade_name": sign if sign != name else None,
        "siret": place.siret,
        "legal_form": form,
        "ess": True if result.complements and result.complements.est_ess else None,
        "approvals": [{"kind": kind} for kind in approved] or None,
        "address": {"commune": place.commune or None} if is_home else _address(place),
        "location": None if is_home else _location(place),
        "offers": list(dict.fromkeys(chain.from_iterable(offers))),
        "description": note,
        "turnover_eur": turnover,
        "size": {
            "staff": staff,
            "turnover_eur": None if turnover is None else {"value": turnover, "on": last_day_of(year)},
        },
        "active": is_open and not is_withheld,
    }


def _address(place: Establishment) -> Document:
    parts = (place.numero_voie, place.indice_repetition, place.type_voie, place.libelle_voie)
    street = " ".join(filter(None, map(text_of, parts)))
    whole = ", ".join(filter(None, (text_of(place.complement_adresse), street)))
    shown = whole if street else split_address(place.adresse or "").street
    return PostalAddress(without_host(shown), place.code_postal or "", place.libelle_commune or "").document(
        place.commune
    )


def _location(place: Establishment) -> Document | None:
    """The point of an establishment; None where none is given. Raises BadCell where degrees are no numbers."""
    lat, lon = text_of(place.latitude), text_of(place.longitude)
    if not lat and not lon:
        lat, _, lon = (part.strip() for part in (place.coordonnees or "").partition(","))
    if not lat and not lon:
        return None
    return {name: number(degrees, ("location", name)) for name, degrees in (("lat", lat), ("lon", lon)) if degrees}
