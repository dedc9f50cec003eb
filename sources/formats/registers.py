"""Formats of registers and lists (CSV), a reader for each: `siae`, `esat`, `geiq`, `ess-france`, `rna`, `directory`.

Rows make suppliers, or add to those with their SIRET or SIREN, which is read as spreadsheets leave it.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from domain.errors import Problem
from domain.suppliers.known_trades import SELLING_KINDS, is_public_siret
from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import SIREN_DIGITS, SIRET_DIGITS, name_by_number
from domain.text.bilingual import said_by
from domain.text.normalise import fold
from sources.file_types.csv_cells import (
    LEGAL_FORMS,
    BadCell,
    approval_kind,
    legible_text,
    number,
    siret_of,
    text_or_none,
)
from sources.file_types.csv_table import read_table, rows_of
from sources.postal_addresses import PHONE_DIGITS, PostalAddress, commune_names, with_first_zero
from sources.rows import Context, Document, UnreadableFile, number_or_none
from sources.trades.evidence_readers import offers_of_purpose
from sources.trades.inference import Licence, OfferInference, offer_of_licence
from sources.validation import whole_siret

_SAID = said_by(__name__)


def siren_of(cell: str, column: str) -> str:
    """The SIREN in a cell, with lost leading zeros put back. Raises BadCell where there is none."""
    digits = "".join(cell.split()).removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) in range(SIREN_DIGITS - 3, SIREN_DIGITS + 1)):
        raise BadCell((column,), "invalid_siren", _SAID["no_siren"])
    return digits.rjust(SIREN_DIGITS, "0")


def _siret_or_siren(cells: dict[str, str]) -> str:
    """The SIRET of a row, else its SIREN. Raises BadCell where the row has neither."""
    digits, siren = whole_siret(cells.get("siret", "")), cells.get("siren", "")
    if len(digits) == SIRET_DIGITS and digits.isascii() and digits.isdigit():
        return digits
    if not siren.strip():
        siret_of(cells.get("siret", ""))  # tells what a spreadsheet did to it
        raise BadCell(("siret",), "missing_field", _SAID["no_number"])
    return siren_of(siren, "siren")


SIAE_COLUMNS = (
    "id", "kind", "siret", "naf", "name", "brand", "address", "post_code", "city", "department", "lon", "lat",
    "website", "description",
)  # fmt: skip


def read_siae(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Format `siae`: inclusion structures as le marché de l'inclusion lists them (CSV, by establishment and kind).

    `id` is the external id. `kind` becomes an approval without known dates, `brand` the trade name. The commune is
    looked up by postal code and city. Offers are inferred from `naf`, `name`, `brand` and `description`. Other columns,
    such as a commune that someone derived from the point, are not read.

    One row per structure and kind; raises UnreadableFile where a column of `SIAE_COLUMNS` is missing.
    """
    communes = commune_names(context.territories)
    inference = OfferInference(context.taxonomy, context.source)
    table = read_table(stream, required=SIAE_COLUMNS)

    def structure_record(cells: dict[str, str]) -> Document:
        kind = approval_kind(cells["kind"].strip())
        lat, lon = cells["lat"].strip(), cells["lon"].strip()
        if bool(lat) != bool(lon):
            raise BadCell(("location",), "missing_field", _SAID["half_a_point"])
        point = {"lat": number(lat, ("location", "lat")), "lon": number(lon, ("location", "lon"))} if lat else None
        texts = (cells["name"], cells["brand"], cells["description"])
        address = PostalAddress(cells["address"].strip(), cells["post_code"].strip(), cells["city"].strip())
        siret, naf = siret_of(cells["siret"]) or None, text_or_none(cells["naf"])
        sells = kind in SELLING_KINDS or not is_public_siret(siret)
        return {
            "name": cells["name"].strip(),
            "trade_name": text_or_none(cells["brand"]),
            "siret": siret,
            "approvals": [{"kind": kind}],
            "address": communes.document(address, cells["department"].strip()),
            "location": point,
            "offers": inference.offers(kind, naf, texts, cells["city"], sells=sells),
            "description": text_or_none(cells["description"]),
            "contact": {"website": text_or_none(cells["website"])},
        }

    return rows_of(table, context, lambda cells: text_or_none(cells["id"]), structure_record)


_LANDLINE = re.compile(r"0[1-589][0-9]{8}")
ESAT_COLUMNS = (
    "finess_et", "siret", "name", "operator", "operator_legal_form", "address", "post_code", "commune_insee", "commune",
    "capacity",
)  # fmt: skip


def read_esat(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Format `esat`: the ESAT of the FINESS register (CSV, one establishment per row).

    `finess_et` is the external id; every row is approved as ESAT, without known dates. `commune_insee` is the commune;
    the columns `lon_commune` and `lat_commune` are only the middle of it and are not taken for the establishment's
    place. `capacity` is the authorised places, which are not staff. `operator` has no field of its own and is told in
    the description. `telephone`, where there is that column, is the establishment's; a mobile number, which may be a
    person's own, is not read.

    One row per establishment; raises UnreadableFile where a column of `ESAT_COLUMNS` is missing.
    """
    communes, inference = commune_names(context.territories), OfferInference(context.taxonomy, context.source)
    table = read_table(stream, required=ESAT_COLUMNS, also=("telephone",))

    def esat_record(cells: dict[str, str]) -> Document:
        operator, capacity = text_or_none(cells["operator"]), number_or_none(cells["capacity"])
        phone = with_first_zero(re.sub(r"[ ./-]", "", cells.get("telephone", "")), PHONE_DIGITS)
        address = PostalAddress(cells["address"].strip(), cells["post_code"].strip(), cells["commune"].strip())
        commune = cells["commune_insee"].strip() or communes.find(address.postal_code, address.city)
        return {
            "name": cells["name"].strip(),
            "siret": siret_of(cells["siret"]) or None,
            "legal_form": LEGAL_FORMS["words"].get(fold(cells["operator_legal_form"])),
            "approvals": [{"kind": "ESAT"}],
            "address": address.document(commune),
            "offers": inference.offers("ESAT", None, (cells["name"],), cells["commune"]),
            "description": f"Organisme gestionnaire : {operator}." if operator else None,
            "size": {"places": {"count": int(capacity)}} if capacity else None,
            "contact": {"phone": phone if _LANDLINE.fullmatch(phone) else None},
        }

    return rows_of(table, context, lambda cells: with_first_zero(cells["finess_et"].strip(), 9) or None, esat_record)


GEIQ_COLUMNS = ("label_id", "name", "siret", "postal_code", "city")


def read_geiq(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Format `geiq`: labelled groups of employers for integration and their branches (CSV).

    `label_id` is the external id of a group. Branches (`branch_of`, the id of their group) are numbered apart from
    groups, so that of a branch is both: "152/99". A branch is named after its group, which stands before it, unless its
    own name says GEIQ. Every row is approved as GEIQ, without known dates. Many branches have no SIRET, or that of the
    group, which they then are one supplier with. The commune is looked up by postal code and city. What a GEIQ lends is
    people, in the trades of its members: nothing is inferred from its name. Rows without a SIRET that are called a test
    are rejected.

    One row per group or branch; raises UnreadableFile where a column of `GEIQ_COLUMNS` is missing.
    """
    table = read_table(stream, required=GEIQ_COLUMNS, also=("branch_of",))
    communes, names = commune_names(context.territories), dict[str, str]()

    def external_id(cells: dict[str, str]) -> str | None:
        own, group = text_or_none(cells["label_id"]), text_or_none(cells.get("branch_of", ""))
        return f"{group}/{own}" if own and group else own

    def group_record(cells: dict[str, str]) -> Document:
        postal_code, city = cells["postal_code"].strip(), cells["city"].strip()
        name, group = cells["name"].strip(), cells.get("branch_of", "").strip()
        if fold(name).startswith("test ") and not cells["siret"].strip():
            raise BadCell(("name",), "test_row", _SAID["is_test"])
        if not group:
            names[cells["label_id"].strip()] = name
        elif name and group in names and "geiq" not in fold(name).split():
            name = f"{names[group]} – {name}"
        return {
            "name": name,
            "siret": siret_of(cells["siret"]) or None,
            "approvals": [{"kind": "GEIQ"}],
            "address": communes.document(PostalAddress("", postal_code, city)),
        }

    return rows_of(table, context, external_id, group_record)


SIREN_COLUMNS = ("SIREN", "NoSIREN", "siren")
FAMILY_COLUMNS = ("Famille juridique de l'entreprise", "STATUT_JURIDIQUE", "famille")


def read_ess_france(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Format `ess-france`: lists of the ESS, as ESS France and the chambers of regions publish them (CSV).

    A row is a legal unit; it makes no supplier but says of those with its SIREN that they are of the ESS, and of which
    family. Of names, places and codes nothing is read: other records know them better. Columns may have the names of
    the national list or of a chamber's; a SIREN that lost its first zeros has them again.

    One row per legal unit; raises UnreadableFile where no column has its SIREN.
    """
    table = read_table(stream, also=(*SIREN_COLUMNS, *FAMILY_COLUMNS))
    column = next((name for name in SIREN_COLUMNS if name in table.columns), None)
    family = next((name for name in FAMILY_COLUMNS if name in table.columns), None)
    if column is None:
        raise UnreadableFile((Problem("/SIREN", "missing_column", _SAID["no_siren_column"]),), table.columns)

    def legal_unit_record(cells: dict[str, str]) -> Document:
        siren = siren_of(cells[column], column)
        named = fold(cells[family]).rstrip("s") if family else ""
        return {"name": name_by_number(siren), "ess": True, "legal_form": LEGAL_FORMS["words"].get(named)}

    def external_id(cells: dict[str, str]) -> str:
        return siren_of(cells[column], column)

    return rows_of(table, context, external_id, legal_unit_record, external_id)


RNA_COLUMNS = ("id", "siret", "objet", "objet_social1", "objet_social2", "position")

_ACTIVE = "A"


def read_rna(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Format `rna`: purposes of associations, from the national register of associations (RNA, `waldec` files; CSV).

    A row makes no supplier but adds to those with its SIRET, or the SIREN in a column `siren` that joins the RNA to
    Sirene (the RNA itself seldom has one): an offer where the purpose names a trade, and the purpose as a description.
    Read are `id`, `siret`, `siren`, `objet`, `objet_social1`, `objet_social2` and `position`; never addresses,
    telephones, e-mail and who manages. Dissolved and deleted associations are rejected. UTF-8 or ISO-8859-1.

    One row per association; raises UnreadableFile where a column of `RNA_COLUMNS` is missing.
    """
    table = read_table(stream, required=RNA_COLUMNS, also=("siren",))

    def association_record(cells: dict[str, str]) -> Document:
        if cells["position"].strip() not in ("", _ACTIVE):
            raise BadCell(("position",), "not_active", _SAID["not_active"])
        number, text = _siret_or_siren(cells), cells["objet"].strip()
        codes = [cells[name].strip().rjust(6, "0") for name in ("objet_social1", "objet_social2")]
        return {
            "name": name_by_number(number),
            "siret": number if len(number) == SIRET_DIGITS else None,
            "legal_form": "association",
            "offers": offers_of_purpose(context.taxonomy, context.source, codes, legible_text(text)),
            "description": text or None,
        }

    return rows_of(table, context, lambda cells: text_or_none(cells["id"]), association_record, _siret_or_siren)


LICENCE_COLUMNS: dict[str, Licence] = {
    "est_qualiopi": "training",
    "est_organisme_formation": "training",
    "est_entrepreneur_spectacle": "live_show",
    "liste_rge": "rge",
    "liste_id_bio": "organic",
}
LABEL_COLUMNS = {"est_societe_mission": "Société à mission", "est_qualiopi": "Qualiopi", "liste_rge": "RGE"}
ESS_COLUMN = "est_ess"

_EMPTY = frozenset({"", "false", "f", "0", "non", "no", "n", "none", "null", "nan", "[]", "{}", "['']", '[""]'})


def read_directory(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Format `directory`: flags of legal units and establishments from the Annuaire des entreprises (CSV).

    The data behind the State's directory come in two tables, told apart by their header: legal units (`siren` and flags
    such as `est_ess`, `est_qualiopi`) and establishments (`siret` and lists such as `liste_rge`). A row makes no
    supplier but adds to those with its number: that it is of the ESS (never that it is not: no list is complete),
    labels, and offers by licences and certificates. Other columns, and who directs a legal unit, are not read.

    One row per legal unit or establishment; raises UnreadableFile where neither number has a column.
    """
    table = read_table(stream, also=("siret", "siren", ESS_COLUMN, *LICENCE_COLUMNS, *LABEL_COLUMNS))
    if not {"siret", "siren"} & set(table.columns):
        raise UnreadableFile((Problem("/siren", "missing_column", _SAID["no_column"]),), table.columns)

    def unit_record(cells: dict[str, str]) -> Document:
        number = _siret_or_siren(cells)
        licences = (licence for column, licence in LICENCE_COLUMNS.items() if _is_set(cells, column))
        return {
            "name": name_by_number(number),
            "siret": number if len(number) == SIRET_DIGITS else None,
            "ess": True if _is_set(cells, ESS_COLUMN) else None,
            "labels": tuple(label for column, label in LABEL_COLUMNS.items() if _is_set(cells, column)),
            "offers": tuple(offer_of_licence(licence, context.source) for licence in dict.fromkeys(licences)),
        }

    def external_id(cells: dict[str, str]) -> str | None:
        return whole_siret(cells.get("siret", "")) or text_or_none(cells.get("siren", ""))

    return rows_of(table, context, external_id, unit_record, _siret_or_siren)


def _is_set(cells: dict[str, str], column: str) -> bool:
    return cells.get(column, "").strip().lower() not in _EMPTY
