"""Measure what a year of purchases takes over HTTP: a programme of 2,000 lines, 50,000 payments, the open data package.

    python -m bench.serving.purchases [SUPPLIERS]        (default: 220000)

Seconds until the whole answer is there, by one worker that does nothing else; each is asked for twice.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bench.server import ADMIN_KEY, Server, home, serving
from bench.serving.changes import fill
from bench.suppliers import PoolFile
from matching.reference import Reference, load_reference

PLANNED, PAYMENTS, PAYEES, OBJECTS = 2_000, 50_000, 3_000, 8_000
"""Lines of the two tables; suppliers that are paid, and objects of different words, of which the most paid are read."""

PLACES = "Vannes", "Lorient", "Pontivy", "Auray", "Ploërmel", "Rennes", "Morbihan"


def programme_rows(count: int, reference: Reference) -> Iterator[str]:
    """A table of planned purchases as a buyer's spreadsheet saves it, with a title above."""
    draw, trades = Random(1), list(reference.taxonomy.segments)
    yield "Programmation 2027;;;;"
    yield "Objet;Montant HT;Lancement;Durée;Lieu"
    for _ in range(count):
        trade, place = reference.taxonomy.label(draw.choice(trades)), draw.choice(PLACES)
        yield f"{trade};{draw.randrange(5, 400)} 000,00 €;T{draw.randrange(1, 5)} 2027;36 mois;{place}"


def payment_rows(count: int, sirets: Sequence[str], reference: Reference) -> Iterator[str]:
    """A table of payments of three years, as an accounting program saves it."""
    draw, trades = Random(2), [reference.taxonomy.label(each) for each in reference.taxonomy.segments]
    objects = [f"{draw.choice(trades)} {draw.choice(trades)} {letter}" for letter in _letters(draw, OBJECTS)]
    yield "Mandat;SIRET;Montant HT;Date de paiement;Objet;Réservé"
    for number in range(count):
        day = f"{draw.randrange(1, 29):02}/{draw.randrange(1, 13):02}/{draw.randrange(2023, 2026)}"
        paid = f"{draw.randrange(1, 90)} {draw.randrange(100, 1_000)},{draw.randrange(100):02}"
        said = f"{draw.choice(objects)} facture {number}", draw.choice(("", "oui", "non"))
        yield ";".join((str(number), draw.choice(sirets), paid, day, *said))


def measure(server: Server, tables: Mapping[str, Sequence[str]], folder: Path) -> dict[str, dict[str, Any]]:
    """Send each table to the route of its name, twice: its lines, the seconds of both, and what the answer counts."""
    found = dict[str, dict[str, Any]]()
    for name, rows in tables.items():
        file, seconds, answer = folder / f"{name}.csv", list[float](), dict[str, Any]()
        file.write_text("\n".join(rows), encoding="utf-8")
        for _ in range(2):
            began = time.perf_counter()
            answer = server.send(f"/{name}", file, "text/csv")
            seconds.append(time.perf_counter() - began)
        counted = answer["lines"] if name == "spending" else len(answer["items"])
        found[name] = {"counted": counted, "faulty": len(answer["errors"]), "s": seconds}
    return found


def measure_package(server: Server) -> tuple[int, float]:
    """The bytes of the open data package, and the seconds until all of it is there."""
    server.ask("PUT", "/sources/bench", {"licence": "etalab-2.0"})
    began = time.perf_counter()
    with closing(server.connect()) as connection:
        connection.request("GET", "/exports/pool.zip", headers={"Authorization": f"Bearer {ADMIN_KEY}"})
        size = len(connection.getresponse().read())
    return size, time.perf_counter() - began


def main(suppliers: int, planned: int = PLANNED, payments: int = PAYMENTS) -> None:
    """Fill a server with so many suppliers, and print what both tables take."""
    reference = load_reference()
    with tempfile.TemporaryDirectory() as files, home() as folder, serving(folder) as server:
        pool = PoolFile(Path(files), suppliers, reference).of(suppliers)
        fill(server, pool)
        with pool.open("rb") as lines:
            sirets = [siret for each in islice(lines, PAYEES) if (siret := msgspec.json.decode(each).get("siret"))]
        tables = {
            "programme": list(programme_rows(planned, reference)),
            "spending": list(payment_rows(payments, sirets, reference)),
        }
        for name, told in measure(server, tables, Path(files)).items():
            first, again = told["s"]
            print(f"{name}: {told['counted']} lines, {told['faulty']} faulty: {first:.1f} s, again {again:.1f} s")
        size, seconds = measure_package(server)
        print(f"pool.zip: {size} bytes: {seconds:.1f} s, memory {server.memory_mb()['server']:.0f} MB")


def _letters(draw: Random, count: int) -> Iterator[str]:
    """Words of three letters each, by which objects differ."""
    return ("".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=3)) for _ in range(count))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 220_000)
