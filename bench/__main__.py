"""Measures every figure of speed and size by one command, into a dated file: see docs/performance.md.

    python -m bench [--sizes 13500,220000,1000000] [--only search,changes] [--quick] [--postgis FOLDER] [--out FOLDER]

A whole run is kept in bench/results and told in docs/performance.md; a part is printed, and kept where --out says.
`--publish` writes the guide's figures again from the newest file in bench/results, and measures nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench import results, tables
from bench.matching import law, postgis, search
from bench.needs import needs
from bench.server import home, serving
from bench.serving import changes, imports, reports
from bench.suppliers import PoolFile
from matching.reference import Reference, load_reference

SIZES = (13_500, 220_000, 1_000_000)
OF_NO_SIZE = ("law", "reports")
OF_EACH_SIZE = ("imports", "changes", "search", "postgis")
EVERY = (*OF_NO_SIZE, *OF_EACH_SIZE)


@dataclass(frozen=True)
class Extent:
    """The amount of measuring: needs in rotation, seconds under load, runs per turn of the law, lots of reports."""

    rotation: int
    seconds: float
    runs: int
    lots: tuple[int, ...]


WHOLE, QUICK = Extent(search.ROTATION, 20.0, law.IN_A_TURN, reports.LOTS), Extent(20, 0.5, 5, (2,))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts that the arguments name, print the figures and save them; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.publish:
        return _publish_newest()
    reference = load_reference()
    with tempfile.TemporaryDirectory() as files, home() as scratch:
        result = results.surroundings(scratch)
        extent = QUICK if options.quick else WHOLE
        result["extent"] = {**asdict(extent), "lots": list(extent.lots), "offerless": options.offerless}
        result |= _measure_without_sizes(options.only, extent, reference)
        pool = PoolFile(Path(files), max(options.sizes), reference, options.offerless)
        result["sizes"] = {
            str(size): _measure_size(size, pool, options, extent, reference) for size in sorted(set(options.sizes))
        }
    result = results.rounded(result)
    print(tables.report(result))
    whole = not options.quick and set(options.only) == set(EVERY) and set(options.sizes) >= set(SIZES)
    if folder := options.out or (results.FOLDER if whole else None):
        path = results.save(result, folder)
        path.with_suffix(".md").write_text(tables.report(result), encoding="utf-8")
    if whole and options.out is None:
        tables.publish(result)
    return 0


def _measure_without_sizes(only: Sequence[str], extent: Extent, reference: Reference) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "law" in only:
        _print_progress("rules of law")
        found["law"] = law.measure(extent.runs)
    if "reports" in only:
        _print_progress("reports")
        found["reports"] = reports.measure(reference, extent.lots)
    return found


def _measure_size(
    size: int, pool: PoolFile, options: argparse.Namespace, extent: Extent, reference: Reference
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "imports" in options.only:
        _print_progress("imports beside a raw COPY", size)
        found["imports"] = imports.measure(pool.of(size), reference)
    if {"changes", "search"} & set(options.only):
        found |= _measure_over_http(size, pool, options.only, extent, reference)
    if "postgis" in options.only:
        _print_progress("PostGIS", size)
        asked = needs(extent.rotation, search.SEED, reference)
        found["postgis"] = postgis.measure(
            options.postgis, size, asked, 5 * extent.seconds, reference, options.offerless
        )
        if reason := found["postgis"].get("not_measured"):
            _print_progress(reason)
    return found


def _measure_over_http(
    size: int, pool: PoolFile, only: Sequence[str], extent: Extent, reference: Reference
) -> dict[str, Any]:
    """Measure over HTTP: import into a server of two workers and change it, then ask a server of one worker."""
    found: dict[str, Any] = {}
    with home() as folder:
        with serving(folder, workers=2) as server:
            _print_progress("import by HTTP", size)
            found["import"] = changes.fill(server, pool.of(size))
            if "changes" in only:
                _print_progress("single changes", size)
                found["changes"] = changes.measure(server, 3 * extent.seconds)
            found["memory_of_two_workers_mb"] = server.memory_mb()
        if "search" in only:
            _print_progress("searches", size)
            with serving(folder) as server:
                found["search"] = search.measure(server, folder, reference, extent.rotation, extent.seconds)
    return found


def _publish_newest() -> int:
    newest = results.newest()
    if newest is None:
        print(f"there is no result in {results.FOLDER}", file=sys.stderr)
        return 1
    tables.publish(msgspec.json.decode(newest.read_bytes()))
    return 0


def _print_progress(what: str, size: int | None = None) -> None:
    print(what if size is None else f"{size:,} suppliers: {what}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="numbers of suppliers, with commas between")
    parser.add_argument("--only", type=_parts_to_measure, default=EVERY, help=f"some of {', '.join(EVERY)}")
    parser.add_argument("--quick", action="store_true", help="twenty needs, half a second of load: does it work?")
    parser.add_argument(
        "--offerless", type=float, default=0.0, help="the share of suppliers of which no offer is known"
    )
    parser.add_argument("--postgis", type=Path, help="the folder of the programs of a PostgreSQL with PostGIS")
    parser.add_argument("--out", type=Path, help="the folder that keeps the result of a part")
    parser.add_argument("--publish", action="store_true", help="write the guide's figures from the newest result")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(each) for each in text.split(","))
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError("sizes are at least 1")
    return sizes


def _parts_to_measure(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := set(chosen) - set(EVERY):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
