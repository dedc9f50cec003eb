"""Format `decp`: public contracts awarded, as French buyers publish them (DECP, JSON of 2019 and 2022; NDJSON; CSV).

A record is a contract and one of its winners, under buyer, number and SIRET; it makes no supplier but adds to the one
with that SIRET: an offer of basis `awarded` and the contract itself. Read of a contract: buyer, object, CPV, amount,
day of notification, place of performance. Not read: names of winners, which may be persons; conditions, modifications
and subcontractors. Of the consolidated table (a row per contract, winner and modification), modifications are passed
over. A winner that is not named by a SIRET (foreign, overseas registers) is rejected, and so is a trial of publishing.
Where accents were lost (U+FFFD) the object is read with the likely letters and shown as it came. CPV codes, days with
offsets, amounts and places are read in all the shapes in which they are really written.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, BinaryIO, NamedTuple

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.reference.cpv import Cpv
from domain.reference.territory import Territories, UnknownTerritory
from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import SIRET_DIGITS, PublicAward, nameless
from domain.text.bilingual import Text
from domain.text.normalise import fold
from sources.file_types.csv_cells import BadCell, legible_text, text_or_none
from sources.file_types.csv_table import Cells, FaultyRow, Table, read_table, rows_of
from sources.file_types.json_records import Draft, Refused, Scalar, readers, text_of
from sources.postal_addresses import departement_of
from sources.rows import Context, Document
from sources.trades.evidence_readers import AwardReader, Won
from sources.validation import siret_passes_check

_CPV = re.compile(r"(?<!\d)(\d{7,8})(?:-?\d)?(?!\d)")
_CPV_DIGITS = 8
_DAY = len("2026-11-24")
_MOST_EUROS = 1e12
_AHEAD = timedelta(days=366)
_WORD = re.compile(r"[a-z]+")
# Trials of software for publishing are published too: "TEST PES", "Test_DUME_simplifie - lot 1", "Le marche noir".
_OF_TRIALS = frozenset({
    "test", "tests", "essai", "essais", "le", "marche", "un", "lot", "pes", "dume", "simplifie", "sad", "support",
    "notif", "par", "contrat", "envoi", "pour", "json", "xml", "decp", "publication", "profil", "acheteur",
    "consultation",
})  # fmt: skip
_TRIAL = frozenset({"test", "tests"})
_MADE_UP = frozenset({"le marche noir"})
_NO_SIRET = Text(
    "Le titulaire n'est pas désigné par un SIRET : il ne peut être rapproché d'aucun fournisseur",
    "The winner is not named by a SIRET: it joins no supplier",
)


def cpv_of(written: str, cpv: Cpv) -> str | None:
    """The eight digits of a CPV code, with or without check digit, its first zero or words before it; None for none."""
    found = _CPV.search(written)
    if found is None:
        return None
    code = found[1].rjust(_CPV_DIGITS, "0")
    return code if cpv.exists(code) else None


def day_of(written: str, today: date | None = None) -> date | None:
    """The day of a date, with or without a time or an offset after it; None for none and for what is no day.

    Nor is one more than a year after `today`, such as in 2925, where that is known.
    """
    try:
        day = date.fromisoformat(written.strip()[:_DAY])
    except ValueError:
        return None
    return None if today is not None and day - today > _AHEAD else day


def is_trial(text: str) -> bool:
    """Whether an object is that of a trial of the software for publishing, and no contract."""
    words = _WORD.findall(fold(text))
    return (not _TRIAL.isdisjoint(words) and _OF_TRIALS.issuperset(words)) or " ".join(words) in _MADE_UP


def euros_of(written: str | float | None) -> float | None:
    """The amount; None where it is not known, negative or beyond what anything costs."""
    try:
        amount = float(str(written).strip().replace(",", ".")) if written is not None else -1.0
    except ValueError:
        return None
    return amount if 0 <= amount <= _MOST_EUROS else None


def winner_of(number: str, kind: str) -> str:
    """The SIRET of a winner; one that a number lost its first zeros from has them again. Raises BadCell for none."""
    digits = "".join(number.split()).removesuffix(".0")
    if kind.strip().upper() not in ("SIRET", "") or not (digits.isascii() and digits.isdigit()):
        raise BadCell(("siret",), "winner_without_siret", _NO_SIRET)
    padded = digits.rjust(SIRET_DIGITS, "0")
    is_short = SIRET_DIGITS - 3 <= len(digits) < SIRET_DIGITS
    return padded if is_short and siret_passes_check(padded) else digits


_INSEE_LENGTH = 5


class AwardPlace(NamedTuple):
    """A place of performance: its name, else its code as written; the departement it lies in, where that is sure."""

    name: str | None
    departement: str | None


class AwardPlaces:
    """Reads places; built once for the territories. The same codes come again and again."""

    def __init__(self, territories: Territories) -> None:
        self._territories = territories
        self._departements = {area.code: area.label for area in territories.areas("departement")}
        self._read: dict[tuple[str, str], AwardPlace] = {}

    def read(self, code: str, kind: str) -> AwardPlace:
        """The place of a code. `kind` says what is coded, in any spelling ("Code postal", "CODE DEPARTEMENT")."""
        asked = (code, kind)
        if asked not in self._read:
            self._read[asked] = self._place("".join(code.split()).upper(), fold(kind), code.strip() or None)
        return self._read[asked]

    def _place(self, code: str, kind: str, written: str | None) -> AwardPlace:
        if any(wider in kind for wider in ("region", "pays", "arrondissement", "canton")):
            return AwardPlace(written, None)
        if "commune" not in kind and len(code) < _INSEE_LENGTH:
            departement = code.rjust(2, "0") if code else ""
            name = self._departements.get(departement)
            return AwardPlace(name or written, departement if name else None)
        if len(code) != _INSEE_LENGTH:
            return AwardPlace(written, None)
        commune = None
        if "postal" not in kind:
            with suppress(UnknownTerritory):
                commune = self._territories.area(f"commune:{code}", suggest=False)
        if commune is not None:
            found = (area.code for area in self._territories.parents(commune) if area.kind == "departement")
            return AwardPlace(commune.label, next(found, None))
        departement = departement_of(code) if code.isdigit() and "commune" not in kind else ""
        return AwardPlace(written, departement if departement in self._departements else None)


LISTS = ("marches", "marche", "contrat-concession", "concession")
COLUMNS = (
    "uid", "acheteur_id", "titulaire_id", "titulaire_typeIdentifiant", "objet", "codeCPV", "dateNotification",
    "montant",
)  # fmt: skip

_LONGEST_NAME = 400
_ALONE = frozenset({"", "pas de groupement"})
_NO_WINNER = Text("Ce contrat n'a pas de titulaire", "This contract has no winner")
_IS_TRIAL = Text("C'est un essai de publication, pas un contrat", "This is a trial of publishing, not a contract")
_NO_IDENTIFIER = Text("Un contrat a un acheteur et un identifiant", "A contract has a buyer and an identifier")


class Place(msgspec.Struct, frozen=True):
    """A place of performance."""

    code: Scalar = None
    typeCode: Scalar = None  # noqa: N815 - as the format names it
    nom: Scalar = None


class Buyer(msgspec.Struct, frozen=True):
    """A buyer: its SIRET, and its name until 2023."""

    id: Scalar = None
    nom: Scalar = None


class Contract(msgspec.Struct, frozen=True):
    """A contract as either regulation has it. `titulaires`, `concessionnaires`: plain or wrapped one by one."""

    id: Scalar = None
    uid: Scalar = None
    acheteur: Buyer | None = None
    autoriteConcedante: Buyer | None = None  # noqa: N815 - as the format names it
    objet: Scalar = None
    codeCPV: Scalar = None  # noqa: N815
    lieuExecution: Place | None = None  # noqa: N815
    dateNotification: Scalar = None  # noqa: N815
    dateSignature: Scalar = None  # noqa: N815
    montant: Scalar = None
    valeurGlobale: Scalar = None  # noqa: N815
    typeGroupementOperateurs: Scalar = None  # noqa: N815
    titulaires: Any = None
    concessionnaires: Any = None


class Winner(NamedTuple):
    """A winner: its number and the register that gave it."""

    id: str
    register: str


class _Written(NamedTuple):
    """A contract as either shape writes it. `place`: code, kind of code and name."""

    number: str
    buyer: str
    object: str
    cpv: str
    value: str
    notified_on: str
    place: tuple[str, str, str]
    in_group: bool


class _Contracts:
    """Makes records of contracts."""

    def __init__(self, context: Context) -> None:
        self._cpv, self._places, self._today = context.cpv, AwardPlaces(context.territories), context.today
        self._awards = AwardReader(context.taxonomy, context.cpv, context.territories, context.source, context.today)

    def drafts(self, contract: Contract) -> Iterator[Draft | Refused]:
        """A record for each winner."""
        buyer = contract.acheteur or contract.autoriteConcedante or Buyer()
        number, by = text_of(contract.uid) or text_of(contract.id), text_of(buyer.id)
        if not number or not by:
            raise InvalidContent((Problem(pointer("id"), "missing_field", _NO_IDENTIFIER),))
        winners = list(dict.fromkeys(_winners(contract.titulaires or contract.concessionnaires)))
        if not winners:
            raise InvalidContent((Problem(pointer("titulaires"), "missing_field", _NO_WINNER),))
        place = contract.lieuExecution or Place()
        value = contract.montant if contract.montant is not None else contract.valeurGlobale
        written = _Written(
            number=number,
            buyer=text_of(buyer.nom) or by,
            object=text_of(contract.objet),
            cpv=text_of(contract.codeCPV),
            value=text_of(value),
            notified_on=text_of(contract.dateNotification or contract.dateSignature),
            place=(text_of(place.code), text_of(place.typeCode), text_of(place.nom)),
            in_group=len(winners) > 1,
        )
        for winner in winners:
            key = _key(number, by, winner.id)
            try:
                yield Draft(key, self._document(winner, written))
            except BadCell as bad:
                yield Refused(key, bad.problems[0])

    def row(self, cells: dict[str, str]) -> Document:
        """The document of a row of the consolidated table."""
        number, by = cells["uid"].strip(), cells["acheteur_id"].strip()
        if not number or not by:
            raise BadCell(("uid",), "missing_field", _NO_IDENTIFIER)
        written = _Written(
            number=number,
            buyer=cells.get("acheteur_nom", "").strip() or by,
            object=cells["objet"].strip(),
            cpv=cells["codeCPV"],
            value=cells["montant"],
            notified_on=cells["dateNotification"],
            place=(cells.get("lieuExecution_code", ""), cells.get("lieuExecution_typeCode", ""), ""),
            in_group=cells.get("typeGroupementOperateurs", "").strip().lower() not in _ALONE,
        )
        return self._document(Winner(cells["titulaire_id"], cells["titulaire_typeIdentifiant"]), written)

    def _document(self, winner: Winner, written: _Written) -> Document:
        """The document of a contract and a winner. Raises BadCell for a winner that joins nobody, and for a trial."""
        siret = winner_of(winner.id, winner.register)
        if is_trial(written.object):
            raise BadCell(("public_awards", 0, "object"), "trial", _IS_TRIAL)
        code, kind, name = written.place
        where = self._places.read(code, kind)
        award = PublicAward(
            written.buyer[:_LONGEST_NAME],
            text_or_none(written.object),
            cpv_of(written.cpv, self._cpv),
            euros_of(written.value),
            day_of(written.notified_on, self._today),
            (text_or_none(name) or where.name or "")[:_LONGEST_NAME] or None,
        )
        won = Won(award, legible_text(written.object), written.number, where.departement, written.in_group)
        # as plain values, whose lengths are checked: those of a struct that is made already are not
        awards = (msgspec.structs.asdict(award),)
        return {"name": nameless(siret), "siret": siret, "offers": self._awards.offers(won), "public_awards": awards}


read_json, read_ndjson = readers(LISTS, Contract, lambda context: _Contracts(context).drafts, wrapper="marches")


def read_csv(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One row per contract and winner; raises UnreadableFile where a column of `COLUMNS` is missing."""
    table = read_table(stream, as_published=True, required=COLUMNS)

    def key(cells: dict[str, str]) -> str | None:
        return _key(*(cells[name].strip() for name in ("uid", "acheteur_id", "titulaire_id"))) or None

    def is_original(row: Cells | FaultyRow) -> bool:
        return isinstance(row, FaultyRow) or row.cells.get("modification_id", "").strip() in ("", "0", "0.0")

    original = Table(table.columns, filter(is_original, table.rows))
    return rows_of(original, context, key, _Contracts(context).row)


def _key(number: str, buyer: str, winner: str) -> str:
    """The identifier of a contract and a winner; the consolidated table's `uid` begins with the buyer already.

    A winner that is not named by a number may be a person, and is left out.
    """
    contract = number if number.startswith(buyer) else f"{buyer}{number}"
    return "/".join(part for part in (contract, "" if any(map(str.isalpha, winner)) else winner) if part)


def _winners(written: Any) -> Iterator[Winner]:
    """The winners in a list, in one that wraps each, or of one alone."""
    if isinstance(written, list):
        for each in written:
            yield from _winners(each)
    elif isinstance(written, dict):
        inner = written.get("titulaire", written.get("concessionnaire"))
        if inner is not None:
            yield from _winners(inner)
        elif written.get("id") is not None:
            yield Winner(str(written["id"]).strip(), str(written.get("typeIdentifiant") or ""))
