"""Format `decp`: public contracts awarded, as French buyers publish them (DECP, JSON of 2019 and 2022; NDJSON; CSV).

A record is a contract and one of its winners, under buyer, number and SIRET; it makes no supplier but adds to the one
with that SIRET: an offer of basis `awarded` and the contract itself. Read of a contract: buyer, object, CPV, amount,
day of notification, months, place of performance, whether a group won it, whether it is a framework agreement. Not
read: names of winners, which may be persons; conditions, modifications and subcontractors. Of the consolidated table
(a row per contract, winner and modification), modifications are passed over. A winner that is not named by a SIRET
(foreign, overseas registers) is rejected, and so is a trial of publishing. Where accents were lost (U+FFFD) the
object is read with the likely letters and shown as it came. CPV codes, days with offsets, amounts and places are read
in all the shapes in which they are really written.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache
from operator import itemgetter
from typing import Any, BinaryIO

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.reference.territory import UnknownTerritory
from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import PublicAward, name_by_number
from domain.text.bilingual import said_by
from domain.text.normalise import fold
from sources.file_types.csv_cells import BadCell, iso_day, legible_text, require_digits, siret_of, text_or_none
from sources.file_types.csv_table import Cells, FaultyRow, Table, read_table, rows_of
from sources.file_types.json_items import Draft, Scalar, make_readers, text_of
from sources.postal_addresses import departement_of, with_first_zero
from sources.rows import Context, Document, day_of, number_or_none
from sources.trades.evidence_readers import AwardReader
from sources.validation import whole_siret

_SAID = said_by(__name__)

_CPV = re.compile(r"(?<!\d)(\d{7,8})(?:-?\d)?(?!\d)")
_CPV_DIGITS = 8
_MOST_EUROS, _MOST_MONTHS = 1e12, 1_200
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


def siret_of_winner(number: str, register: str) -> str:
    """The SIRET of a contract's winner, lost zeros put back. Raises BadCell for another register, or no digits."""
    digits = siret_of(number) if register.strip().upper() in ("SIRET", "") else ""
    if not (digits.isascii() and digits.isdigit()):
        raise BadCell(("siret",), "winner_without_siret", _SAID["no_siret"])
    return digits


_INSEE_LENGTH = 5
LISTS = ("marches", "marche", "contrat-concession", "concession")
COLUMNS = (
    "uid", "acheteur_id", "titulaire_id", "titulaire_typeIdentifiant", "objet", "codeCPV", "dateNotification",
    "montant",
)  # fmt: skip

OTHER_COLUMNS = (
    "acheteur_nom", "dureeMois", "idAccordCadre", "lieuExecution_code", "lieuExecution_typeCode", "modalitesExecution",
    "modification_id", "nature", "techniques", "typeGroupementOperateurs",
)  # fmt: skip

_LONGEST_NAME = 400
_ALONE = frozenset({"", "pas de groupement"})


class Place(msgspec.Struct, frozen=True):
    """The place where a contract is performed."""

    code: Scalar = None
    typeCode: Scalar = None  # noqa: N815 - as the format names it
    nom: Scalar = None


class Buyer(msgspec.Struct, frozen=True):
    """The buyer of a contract: its SIRET and, in files until 2023, its name."""

    id: Scalar = None
    nom: Scalar = None


class Contract(msgspec.Struct, frozen=True):
    """A public contract in the JSON of 2019 or 2022; its winners are listed plainly, or each wrapped in an object."""

    id: Scalar = None
    uid: Scalar = None
    acheteur: Buyer | None = None
    autoriteConcedante: Buyer | None = None  # noqa: N815 - as the format names it
    objet: Scalar = None
    codeCPV: Scalar = None  # noqa: N815
    lieuExecution: Place | None = None  # noqa: N815
    dateNotification: Scalar = None  # noqa: N815
    dateSignature: Scalar = None  # noqa: N815
    dureeMois: Scalar = None  # noqa: N815
    montant: Scalar = None
    valeurGlobale: Scalar = None  # noqa: N815
    typeGroupementOperateurs: Scalar = None  # noqa: N815
    nature: Scalar = None
    idAccordCadre: Scalar = None  # noqa: N815
    techniques: Any = None
    modalitesExecution: Any = None  # noqa: N815
    titulaires: Any = None
    concessionnaires: Any = None


class _Contracts:
    """Makes records of contracts: one for each contract and winner, like the consolidated table's rows."""

    def __init__(self, context: Context) -> None:
        self._cpv, self._territories, self._today = context.cpv, context.territories, context.today
        self._departements = {area.code: area.label for area in context.territories.areas("departement")}
        self._place = cache(self._read_place)  # the codes of places come again and again
        self._awards = AwardReader(context.taxonomy, context.cpv, context.territories, context.source, context.today)

    def drafts(self, contract: Contract) -> Iterator[Draft]:
        """Yield a record for each winner of a contract."""
        buyer = contract.acheteur or contract.autoriteConcedante or Buyer()
        number, by = text_of(contract.uid) or text_of(contract.id), text_of(buyer.id)
        if not number or not by:
            raise InvalidContent((Problem(pointer("id"), "missing_field", _SAID["no_identifier"]),))
        winners = list(dict.fromkeys(_winners(contract.titulaires or contract.concessionnaires)))
        if not winners:
            raise InvalidContent((Problem(pointer("titulaires"), "missing_field", _SAID["no_winner"]),))
        place = contract.lieuExecution or Place()
        cells = {
            "uid": number,
            "acheteur_id": by,
            "acheteur_nom": text_of(buyer.nom),
            "objet": text_of(contract.objet),
            "codeCPV": text_of(contract.codeCPV),
            "montant": text_of(contract.montant if contract.montant is not None else contract.valeurGlobale),
            "dateNotification": text_of(contract.dateNotification or contract.dateSignature),
            "dureeMois": text_of(contract.dureeMois),
            "lieuExecution_code": text_of(place.code),
            "lieuExecution_typeCode": text_of(place.typeCode),
            "nature": text_of(contract.nature),
            "techniques": str(contract.techniques or ""),
            "modalitesExecution": str(contract.modalitesExecution or ""),
            "idAccordCadre": text_of(contract.idAccordCadre),
        }
        for winner, register in winners:
            key = _contract_key(number, by, winner)
            own = cells | {"titulaire_id": winner, "titulaire_typeIdentifiant": register}
            try:
                yield Draft(key, self._document(own, text_of(place.nom), in_group=len(winners) > 1))
            except BadCell as bad:
                yield Draft(key, bad)

    def record_of_row(self, cells: dict[str, str]) -> Document:
        """Make a record of a row of the consolidated table. Raises BadCell as `_document` does, or without an id."""
        if not cells["uid"].strip() or not cells["acheteur_id"].strip():
            raise BadCell(("uid",), "missing_field", _SAID["no_identifier"])
        require_digits(cells["uid"], ("uid",))
        is_alone = cells.get("typeGroupementOperateurs", "").strip().lower() in _ALONE
        return self._document(cells, "", in_group=not is_alone)

    def _document(self, cells: dict[str, str], place_name: str, *, in_group: bool) -> Document:
        """Make a record of a contract and a winner. Raises BadCell for a winner without SIRET or a test contract."""
        siret = siret_of_winner(cells["titulaire_id"], cells["titulaire_typeIdentifiant"])
        written = cells["objet"].strip()
        words = _WORD.findall(fold(written))
        if (not _TRIAL.isdisjoint(words) and _OF_TRIALS.issuperset(words)) or " ".join(words) in _MADE_UP:
            raise BadCell(("public_awards", 0, "object"), "trial", _SAID["is_trial"])
        place, departement = self._place(cells.get("lieuExecution_code", ""), cells.get("lieuExecution_typeCode", ""))
        day, euros = day_of(iso_day(cells["dateNotification"].strip())), number_or_none(cells["montant"])
        months = number_or_none(cells.get("dureeMois", ""))
        # with or without check digit, its first zero or words before it
        coded = _CPV.search(cells["codeCPV"])
        cpv = coded[1].rjust(_CPV_DIGITS, "0") if coded else ""
        award = PublicAward(
            (cells.get("acheteur_nom", "").strip() or whole_siret(cells["acheteur_id"]))[:_LONGEST_NAME],
            text_or_none(written),
            cpv if self._cpv.exists(cpv) else None,
            euros if euros is not None and 0 <= euros <= _MOST_EUROS else None,
            # nor is 2925 one, where it is known what today is
            None if day is None or (self._today is not None and day - self._today > _AHEAD) else day,
            (text_or_none(place_name) or place or "")[:_LONGEST_NAME] or None,
            int(months) if months is not None and 1 <= months <= _MOST_MONTHS else None,
            in_group,
            _is_framework(cells),
        )
        offers = self._awards.offers(award, legible_text(written), cells["uid"].strip(), departement, in_group=in_group)
        # as plain values, whose lengths are checked: those of a struct that is made already are not
        awards = (msgspec.structs.asdict(award),)
        return {"name": name_by_number(siret), "siret": siret, "offers": offers, "public_awards": awards}

    def _read_place(self, code: str, kind: str) -> tuple[str | None, str | None]:
        """The name of a place of performance, else its code as written, and the departement where it surely lies.

        `kind` says what is coded, in any spelling ("Code postal", "CODE DEPARTEMENT").
        """
        written = code.strip() or None
        kind = fold(kind)
        code = with_first_zero("".join(code.split()).upper(), _INSEE_LENGTH if "departement" not in kind else 0)
        if any(wider in kind for wider in ("region", "pays", "arrondissement", "canton")):
            return written, None
        if "commune" not in kind and len(code) < _INSEE_LENGTH:
            departement = code.rjust(2, "0") if code else ""
            name = self._departements.get(departement)
            return name or written, departement if name else None
        if len(code) != _INSEE_LENGTH:
            return written, None
        if "postal" not in kind:
            with suppress(UnknownTerritory):
                commune = self._territories.area(f"commune:{code}", suggest=False)
                found = (area.code for area in self._territories.parents(commune) if area.kind == "departement")
                return commune.label, next(found, None)
        departement = departement_of(code) if code.isdigit() and "commune" not in kind else ""
        return code, departement if departement in self._departements else None


read_json, read_ndjson = make_readers(LISTS, Contract, lambda context: _Contracts(context).drafts, wrapper="marches")


def read_csv(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read the consolidated table, one row per contract and winner; raises UnreadableFile if it lacks a column."""
    table = read_table(stream, required=COLUMNS, also=OTHER_COLUMNS)
    to_key = itemgetter("uid", "acheteur_id", "titulaire_id")

    def is_no_modification(row: Cells | FaultyRow) -> bool:
        return isinstance(row, FaultyRow) or row.cells.get("modification_id", "").strip() in ("", "0", "0.0")

    kept = Table(table.columns, filter(is_no_modification, table.rows))
    return rows_of(kept, context, lambda row: _contract_key(*to_key(row)) or None, _Contracts(context).record_of_row)


def _is_framework(cells: dict[str, str]) -> bool | None:
    """Whether a contract is a framework agreement itself, not one concluded under it; None where nothing says so."""
    nature, technique, how = (fold(cells.get(name, "")) for name in ("nature", "techniques", "modalitesExecution"))
    if "accord cadre" in nature:
        return True
    if "accord cadre" not in technique or "subsequent" in nature:
        return False if nature or technique else None
    return "bons de commande" in how or not cells.get("idAccordCadre", "").strip()


def _contract_key(number: str, buyer: str, winner: str) -> str:
    """The external id of a contract and a winner: buyer, contract number (which may begin with the buyer), winner.

    A winner that is not named by a number may be a person, and is left out.
    """
    number, buyer, winner = number.strip(), whole_siret(buyer), whole_siret(winner)
    contract = number if number.startswith(buyer) else f"{buyer}{number}"
    return "/".join(part for part in (contract, "" if any(map(str.isalpha, winner)) else winner) if part)


def _winners(written: Any) -> Iterator[tuple[str, str]]:
    """Yield the number and register of each winner; `written`: JSON of one, of a list, or of a list that wraps each."""
    if isinstance(written, list):
        for each in written:
            yield from _winners(each)
    elif isinstance(written, dict):
        inner = written.get("titulaire", written.get("concessionnaire"))
        if inner is not None:
            yield from _winners(inner)
        elif written.get("id") is not None:
            yield str(written["id"]).strip(), str(written.get("typeIdentifiant") or "")
