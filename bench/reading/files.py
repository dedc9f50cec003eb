"""Rows of the real files in the folder of real records, as our formats read them."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.source import Row
from sources.file_reader import CSV, JSON, read_rows
from sources.rows import Context

DATA = Path(__file__).parents[3] / "shared" / "data"
TODAY = date(2024, 12, 1)
"""The latest of the contracts is of 2024: on that day none of those dated is too old."""
_AWARD_COLUMNS = {
    "uid": "award_id", "acheteur_id": "buyer_siret", "titulaire_id": "winner_id",
    "titulaire_typeIdentifiant": "winner_id_type", "objet": "object", "codeCPV": "cpv", "dateNotification": "notified",
    "montant": "amount", "lieuExecution_code": "place_code", "lieuExecution_typeCode": "place_type",
}  # fmt: skip
_DIGITAL_COLUMNS = {
    "siret": "siret_siege", "denominationUniteLegale": "denomination", "activitePrincipaleUniteLegale": "naf",
    "categorieJuridiqueUniteLegale": "categorie_juridique", "trancheEffectifsEtablissement": "tranche_effectifs",
}  # fmt: skip
_ABSENT = dict.fromkeys(("etatAdministratifEtablissement", "codeCommuneEtablissement"), "")


def load_context() -> Context:
    """The context for reading the real files: the reference data, and a day on which all contracts count."""
    return Context(territory.load(), taxonomy.load(), cpv.load(), today=TODAY)


def siae(data: Path, context: Context) -> Iterator[Row]:
    """The inclusion structures of 2020."""
    return _read("siae", (data / "suppliers" / "siae_2020_iae.csv").read_bytes(), CSV, context)


def esat(data: Path, context: Context) -> Iterator[Row]:
    """The official list of ESAT."""
    return _read("esat", (data / "suppliers" / "esat_finess.csv").read_bytes(), CSV, context)


def geiq(data: Path, context: Context) -> Iterator[Row]:
    """The labelled groups of employers."""
    return _read("geiq", (data / "geiq" / "geiq_label.csv").read_bytes(), CSV, context)


def gogocarto(data: Path, context: Context) -> Iterator[Row]:
    """The elements of a map, whose categories nobody has mapped."""
    return _read("gogocarto", (data / "peers" / "gogocarto" / "elements_full.json").read_bytes(), JSON, context)


def le_marche(data: Path, context: Context) -> Iterator[Row]:
    """The suppliers of a page of the interface of le marché de l'inclusion."""
    pages = json.loads((data / "peers" / "le-marche" / "api_examples_reconstructed.json").read_bytes())
    return _read("le-marche", json.dumps(pages["GET /api/siae/"]).encode(), JSON, context)


def sirene_of_2017(data: Path, context: Context, *, with_staff: bool = False) -> Iterator[Row]:
    """Establishments of the ESS, closed ones too, with their legal units beside; only those with staff, if asked."""
    units = {row["siren"]: row for row in table(data / "sirene" / "StockUniteLegale_transcoded.csv.gz")}
    establishments = table(data / "sirene" / "StockEtablissement_transcoded.csv.gz")
    return _sirene([units[row["siren"]] | row for row in establishments], context, with_staff=with_staff)


def sirene_of_2026(data: Path, context: Context, *, with_staff: bool = False) -> Iterator[Row]:
    """Seats of legal units in digital trades or third places; only those with staff, if asked."""
    seats = table(data / "sirene" / "ess_numerique_2026.csv.gz")
    named = [_ABSENT | {ours: row[theirs] for ours, theirs in _DIGITAL_COLUMNS.items()} for row in seats]
    return _sirene(named, context, with_staff=with_staff)


def rna(data: Path, context: Context) -> Iterator[Row]:
    """The purposes of associations in the RNA, which add offers to suppliers of other sources."""
    return _read("rna", (data / "rna" / "rna_waldec_sample.csv").read_bytes(), CSV, context)


def decp(data: Path, context: Context) -> Iterator[Row]:
    """The awarded contracts of the DECP, one row per contract and winner."""
    awards = table(data / "awards" / "awards_2016_2024.csv.gz")
    named = [{ours: row[theirs] for ours, theirs in _AWARD_COLUMNS.items()} for row in awards]
    return _read("decp", _as_csv(named), CSV, context)


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, which may be compressed by gzip."""
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", newline="") as file
    ):
        return list(csv.DictReader(file))


def segments_of(rows: Iterable[Row]) -> set[str]:
    """The segments that the offers of these rows name."""
    return {segment for row in rows for offer in row.record.offers for segment in offer.segments}


def _sirene(rows: Iterable[dict[str, str]], context: Context, *, with_staff: bool) -> Iterator[Row]:
    """Rows of SIRENE; `with_staff`: only those whose range of staff is known and not zero."""
    chosen = [row for row in rows if not with_staff or row["trancheEffectifsEtablissement"] not in ("", "NN", "00")]
    return _read("sirene", _as_csv(chosen), CSV, context)


def _as_csv(rows: list[dict[str, str]]) -> bytes:
    written = io.StringIO()
    lines = csv.DictWriter(written, rows[0])
    lines.writeheader()
    lines.writerows(rows)
    return written.getvalue().encode()


def _read(name: str, content: bytes, media_type: str, context: Context) -> Iterator[Row]:
    """The valid rows of a file in one of our formats."""
    rows = read_rows(name, io.BytesIO(content), media_type, context)
    return (row for row in rows if isinstance(row, Row))
