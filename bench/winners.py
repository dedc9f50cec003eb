"""Measures how many real winners could be found: `python -m bench.winners [DATA]`.

DATA is the folder of real records, by default `../shared/data`. Of contracts whose winner is in the files of suppliers,
under the same SIRET and with segments that a person read, it counts those whose winner has an offer in one of these
segments: by the files of suppliers alone, and with the other contracts that it won. Then, by format, how many suppliers
have a trade beyond lending staff.
"""

import csv
import gzip
import io
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.rows import Row
from sources.formats.registry import CSV, read_rows
from sources.rows import Context

DATA = Path(__file__).parents[2] / "shared" / "data"
TODAY = date(2024, 12, 1)
"""The latest of the contracts is of 2024: on that day none of those dated is too old."""
SUPPLIERS = {"siae": "suppliers/siae_2020_iae.csv", "esat": "suppliers/esat_finess.csv"}
STAFF = "so-mad"
COLUMNS = {
    "uid": "award_id", "acheteur_id": "buyer_siret", "titulaire_id": "winner_id",
    "titulaire_typeIdentifiant": "winner_id_type", "objet": "object", "codeCPV": "cpv", "dateNotification": "notified",
    "montant": "amount", "lieuExecution_code": "place_code", "lieuExecution_typeCode": "place_type",
}  # fmt: skip


def measure(data: Path) -> None:
    """Prints the figures."""
    context = Context(territory.load(), taxonomy.load(), cpv.load(), today=TODAY)
    offered: dict[str, set[str]] = defaultdict(set)
    for name, file in SUPPLIERS.items():
        rows = list(_read(name, (data / file).read_bytes(), context))
        traded = sum(bool(_segments([row]) - {STAFF}) for row in rows)
        print(f"{name}: {len(rows)} suppliers, {traded} with a trade ({traded / len(rows):.1%})")
        for row in rows:
            if row.record.siret:
                offered[row.record.siret] |= _segments([row])
    won: dict[str, list[Row]] = defaultdict(list)
    for row in _read("decp", _awards(data), context):
        won[row.joins or ""].append(row)
    every = _table(data / "awards" / "ess_awards.csv")
    labelled = [award for award in every if award["exact_siret"] == "1" and award["segments"]]
    alone = with_others = having_others = gaining = 0
    for award in labelled:
        wanted, siret = set(award["segments"].split()), award["winner_siret"]
        others = _segments(row for row in won[siret] if award["award_id"] not in row.external_id)
        by_files, by_others = bool(wanted & offered[siret]), bool(wanted & others)
        alone += by_files
        with_others += by_files or by_others
        having_others += bool(others)
        gaining += bool(others) and (by_files or by_others)
    print(f"{len(labelled)} contracts: need and winner meet in {alone}, with its other contracts in {with_others}")
    print(f"of {having_others} whose winner has other contracts that show a trade, in {gaining}")


def _read(name: str, content: bytes, context: Context) -> Iterator[Row]:
    return (row for row in read_rows(name, io.BytesIO(content), CSV, context) if isinstance(row, Row))


def _segments(rows: Iterable[Row]) -> set[str]:
    return {segment for row in rows for offer in row.record.offers for segment in offer.segments}


def _awards(data: Path) -> bytes:
    """The awards in the columns of the consolidated table."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    with gzip.open(data / "awards" / "awards_2016_2024.csv.gz", "rt", encoding="utf-8", newline="") as file:
        table.writerows([row[column] for column in COLUMNS.values()] for row in csv.DictReader(file))
    return written.getvalue().encode()


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    measure(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
