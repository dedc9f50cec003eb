"""Format `recherche-entreprises`: answers of the State's search of the business register (JSON, NDJSON).

A result is a legal person. Each of its establishments that matched the search is a record, under its SIRET; where none
is listed (a search by SIREN) the seat is. Legal form, ESS and turnover are those of the legal person. `est_ess` false
only says that no list has it, and is left unknown. `type_siae` holds the kinds of all establishments of the person: it
becomes approvals, without known dates, only where a single establishment is open; otherwise the description tells it.
Offers are inferred from NAF codes (of rev. 2, or of 2025) that name a trade, from the names, and from the kind. What is
closed is not active, nor is who opposed the use of his data (`P`), of whose address only the commune is kept. Not read:
who directs it, who is elected, headcount (a range, not a number), and identifiers in other registers.
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.supplier import Kind, nameless
from domain.text.bilingual import Text
from sources.formats.csv_cells import KINDS, number
from sources.formats.json_records import Draft, Scalar, readers, text_of, unmapped
from sources.formats.postal_addresses import split_address
from sources.formats.sirene import legal_form_of
from sources.rows import Context, Document
from sources.trades.inference import OfferInference

LISTS = ("results",)

_CLOSED = frozenset({"F", "C"})  # an establishment is fermé, a legal person cessée
_WITHHELD = "P"
_CODE = re.compile(r"[A-Z]+")
_NO_ESTABLISHMENT = Text(
    "Ce résultat n'a ni établissement trouvé ni siège", "This result has neither a matching establishment nor a seat"
)


class Establishment(msgspec.Struct, frozen=True):
    """An establishment, or the seat, whose address is also given in parts."""

    siret: str
    etat_administratif: str | None = None
    statut_diffusion_etablissement: str | None = None
    activite_principale: str | None = None
    activite_principale_naf25: str | None = None
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
    """A year of published accounts."""

    ca: float | None = None


class Result(msgspec.Struct, frozen=True):
    """A legal person with those of its establishments that the search found."""

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


def _drafts_in(context: Context) -> Callable[[Result], Iterator[Draft]]:
    inference = OfferInference(context.taxonomy, context.source)
    return lambda result: _drafts(result, inference)


read_json, read_ndjson = readers(LISTS, Result, _drafts_in)


def _drafts(result: Result, inference: OfferInference) -> Iterator[Draft]:
    found = {place.siret: place for place in result.matching_etablissements or ()}
    seat = result.siege
    if seat is not None and (not found or seat.siret in found):
        found[seat.siret] = seat  # says more of its address than the same establishment does in the list
    if not found:
        raise InvalidContent((Problem(pointer("matching_etablissements"), "missing_field", _NO_ESTABLISHMENT),))
    kinds, others = _kinds(result.complements)
    for place in found.values():
        yield Draft(place.siret, _document(result, place, kinds, inference), tuple(map(unmapped, others)))


def _document(result: Result, place: Establishment, kinds: tuple[Kind, ...], inference: OfferInference) -> Document:
    name = result.nom_raison_sociale or result.nom_complet or nameless(place.siret)
    signs = (place.nom_commercial, *(place.liste_enseignes or ()))
    sign = next((sign.strip() for sign in signs if sign and sign.strip()), None)
    latest = sorted((result.finances or {}).items(), reverse=True)
    is_open = place.etat_administratif not in _CLOSED and result.etat_administratif not in _CLOSED
    is_withheld = _WITHHELD in (result.statut_diffusion, place.statut_diffusion_etablissement)
    approved = kinds if result.nombre_etablissements_ouverts == 1 and is_open else ()
    naf = _naf(place, inference) or _naf(result, inference)
    return {
        "name": name.strip(),
        "trade_name": sign if sign != name else None,
        "siret": place.siret,
        "legal_form": legal_form_of(result.nature_juridique or ""),
        "ess": True if result.complements and result.complements.est_ess else None,
        "approvals": [{"kind": kind} for kind in approved] or None,
        "address": _address(place) if not is_withheld else {"commune": place.commune or None},
        "location": _location(place) if not is_withheld else None,
        "offers": _offers(approved, naf, (name, sign or ""), place.libelle_commune or "", inference),
        "description": None if approved else _siae_note(result.complements, kinds),
        "turnover_eur": next((ca for _, year in latest if (ca := year.ca) is not None and ca >= 0), None),
        "active": is_open and not is_withheld,
    }


def _naf(activity: Establishment | Result, inference: OfferInference) -> str | None:
    """The main activity as NAF rev. 2 writes it, or as NAF 2025 does where only that code names a trade."""
    return inference.telling(activity.activite_principale, activity.activite_principale_naf25)


def _kinds(complements: Complements | None) -> tuple[tuple[Kind, ...], tuple[str, ...]]:
    """The kinds in `type_siae`, which is a list written as text ("['ACI', 'EI']"); and the codes that are no kind."""
    written = complements.type_siae if complements else None
    codes = written if isinstance(written, list) else _CODE.findall(written or "")
    known = tuple(dict.fromkeys(KINDS[code] for code in codes if code in KINDS))
    return known, tuple(dict.fromkeys(code for code in codes if code not in KINDS))


def _siae_note(complements: Complements | None, kinds: tuple[Kind, ...]) -> str | None:
    """A note on an inclusion structure where it is not known which establishment has which approval."""
    if kinds:
        return f"Signalée comme {', '.join(kinds)} ; lequel de ses établissements est conventionné n'est pas précisé."
    if complements and complements.est_siae:
        return "Signalée comme structure d'insertion, sans que son genre soit précisé."
    return None


def _offers(
    kinds: tuple[Kind, ...], naf: str | None, texts: tuple[str, ...], city: str, inference: OfferInference
) -> list[Any]:
    found = (inference.offers(kind, naf, texts, city) for kind in kinds or (None,))
    return list(dict.fromkeys(chain.from_iterable(found)))


def _address(place: Establishment) -> Document:
    street = " ".join(
        filter(None, map(text_of, (place.numero_voie, place.indice_repetition, place.type_voie, place.libelle_voie)))
    )
    whole = ", ".join(filter(None, (text_of(place.complement_adresse), street)))
    return {
        "street": whole if street else split_address(place.adresse or "").street or None,
        "postal_code": place.code_postal or None,
        "city": place.libelle_commune or None,
        "commune": place.commune or None,
    }


def _location(place: Establishment) -> Document | None:
    """The point, whose degrees the register writes as text. Raises BadCell where they are no numbers."""
    lat, lon = text_of(place.latitude), text_of(place.longitude)
    if not lat and not lon:
        lat, _, lon = (part.strip() for part in (place.coordonnees or "").partition(","))
    if not lat and not lon:
        return None
    return {name: number(degrees, ("location", name)) for name, degrees in (("lat", lat), ("lon", lon)) if degrees}
