"""A result as tables in English, and as the tables and the curve of the French guide for operators."""

import re
from collections.abc import Callable, Iterator, Sequence
from math import log
from typing import Any

from bench.results import ROOT, growth
from domain.text.bilingual import NARROW, Text

GUIDE = ROOT / "docs" / "performance.md"
CURVE = ROOT / "docs" / "performance.svg"
MARKED = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
SEARCHES_OF_A_VISITOR_S = 10

Result = dict[str, Any]
Row = tuple[str, str]
"""What is told, and the path to its number in the figures of a size."""

OF_A_SIZE: tuple[Row, ...] = (
    ("three lots, needs asked before: server CPU, ms", "search/warm/server_cpu_ms"),
    ("– client waits, p50, ms", "search/warm/latency_ms/p50"),
    ("– client waits, p99, ms", "search/warm/latency_ms/p99"),
    ("one need again and again: server CPU, ms", "search/repeated/server_cpu_ms"),
    ("segments never seen there: server CPU, ms", "search/unseen_segments/server_cpu_ms"),
    ("territories never seen: server CPU, ms", "search/unseen_territories/server_cpu_ms"),
    ("– client waits, p99, ms", "search/unseen_territories/latency_ms/p99"),
    ("just started: server CPU, ms", "search/cold/server_cpu_ms"),
    ("– client waits, p99, ms", "search/cold/latency_ms/p99"),
    ("16 connections: searches a second", "search/load/per_second"),
    ("– client waits, p99, ms", "search/load/latency_ms/p99"),
    ("– of the route that answers as many ready bytes", "search/share_of_ready_bytes"),
    ("16 connections, 5 changes a second: searches a second", "search/load_while_changing/per_second"),
    ("– client waits, p99, ms", "search/load_while_changing/latency_ms/p99"),
    ("bytes of an answer", "search/load/mean_bytes"),
    ("a route that answers as many ready bytes: server CPU, ms", "search/ready_bytes/server_cpu_ms"),
    ("plain PostGIS query: CPU, ms", "postgis/plain/cpu_ms/mean"),
    ("– its time, p50, ms", "postgis/plain/ms/p50"),
    ("– ÷ server CPU of a need asked before", "plain_in_postgis_to_server"),
    ("le marché de l'inclusion's rule in PostGIS: CPU, ms", "postgis/lemarche/cpu_ms/mean"),
    ("– its time, p50, ms", "postgis/lemarche/ms/p50"),
    ("– ÷ server CPU of a need asked before", "lemarche_in_postgis_to_server"),
    ("memory of one worker, MB", "search/memory_mb/server"),
    ("memory of a server with two workers, MB", "memory_of_two_workers_mb/server"),
    ("ready after a restart, s", "search/start_s"),
    ("import by HTTP, rows a second", "import/rows_per_second"),
    ("import → matched by both workers, s", "import/matched_by_all_after_s"),
    ("a change → matched by both workers, p50, s", "changes/seen_after_s/p50"),
    ("– p99, s", "changes/seen_after_s/p99"),
    ("import of new rows, rows a second", "imports/new/per_second"),
    ("– of a raw COPY", "imports/share_of_raw_copy"),
    ("import of unchanged rows, rows a second", "imports/unchanged/per_second"),
    ("import of rows of known suppliers, rows a second", "imports/of_known_suppliers/per_second"),
)
IN_THE_GUIDE: tuple[Row, ...] = (
    ("Recherches de trois lots par seconde, un processus", "search/load/per_second"),
    ("Visiteurs à la fois, chacun cherchant toutes les dix secondes", "visitors"),
    ("Les mêmes recherches pendant que cinq fiches changent par seconde", "search/load_while_changing/per_second"),
    ("Temps de calcul d'une recherche, vue déjà (ms)", "search/warm/server_cpu_ms"),
    ("Celui d'une requête PostGIS simple pour les mêmes lots (ms)", "postgis/plain/cpu_ms/mean"),
    ("Attente d'une recherche seule, médiane (ms)", "search/warm/latency_ms/p50"),
    ("Attente à 16 connexions, 99 sur 100 en moins de (ms)", "search/load/latency_ms/p99"),
    ("Première recherche d'un territoire, 99 sur 100 en moins de (ms)", "search/unseen_territories/latency_ms/p99"),
    ("Mémoire, un processus (Mo)", "search/memory_mb/server"),
    ("Mémoire, deux processus (Mo)", "memory_of_two_workers_mb/server"),
    ("Mémoire de PostgreSQL à côté (Mo)", "memory_of_two_workers_mb/postgresql"),
    ("Prêt après un redémarrage (s)", "search/start_s"),
    ("Import de tout l'annuaire (s)", "import/answered_s"),
    ("… puis trouvé par tous les processus après (s)", "import/matched_by_all_after_s"),
    ("Une fiche changée est trouvée par tous, 99 sur 100 en moins de (s)", "changes/seen_after_s/p99"),
)
CURVES = {
    "search/warm/server_cpu_ms": Text("territoires et activités déjà vus", "needs asked before"),
    "search/unseen_segments/server_cpu_ms": Text("activités jamais vues là", "segments never seen there"),
    "search/unseen_territories/server_cpu_ms": Text("territoires jamais vus", "territories never seen"),
    "postgis/plain/cpu_ms/mean": Text("requête PostGIS simple", "plain PostGIS query"),
}
"""The CPU times of a need of three lots whose growth with the number of suppliers is drawn."""
COLOURS = ("#1b5e9e", "#c2571a", "#3a7d44", "#777777")
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 470" font-family="sans-serif" font-size="13">
<title>Temps de calcul d'un besoin de trois lots selon le nombre de fournisseurs</title>
<path d="M70 30V330H610" fill="none" stroke="#333"/>
{parts}
</svg>
"""


def number_at(result: Result, path: str) -> float | None:
    """The number at a path such as `search/warm/p50`; None where it was not measured."""
    found: Any = result
    for name in path.split("/"):
        found = found.get(name) if isinstance(found, dict) else None
    return None if found is None else float(found)


def with_ratios(of_size: Result) -> Result:
    """The figures of a size, with two derived ones: visitors served, and times faster than PostGIS."""
    found, server = dict(of_size), number_at(of_size, "search/warm/server_cpu_ms")
    if (searches := number_at(of_size, "search/load/per_second")) is not None:
        found["visitors"] = searches * SEARCHES_OF_A_VISITOR_S
    for query in ("plain", "lemarche"):
        if server and (sql := number_at(of_size, f"postgis/{query}/cpu_ms/mean")):
            found[f"{query}_in_postgis_to_server"] = sql / server
    return found


def report(result: Result) -> str:
    """The result in Markdown."""
    machine, versions = result["machine"], result["versions"]
    lines = [
        f"# Measured on {result['at'][:10]}\n",
        f"Commit {result['commit']}; {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}, load {machine['load_before']} before; "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f". Needs in rotation: {result['extent']['rotation']}; under load for {result['extent']['seconds']:g} s.\n",
        *_by_size(result, OF_A_SIZE, "Suppliers", _english),
    ]
    if fits := _growth_of_costs(result):
        lines += ["", "| Cost of three lots | grows with suppliers to the power |", "|---|---|"]
        lines += [f"| {CURVES[path].en} | {_english(fit['b'])} |" for path, fit in fits.items()]
    if law := result.get("law"):
        lines += ["", "| Rules of law | review, µs a lot | counsel, µs a lot | together |", "|---|---|---|---|"]
        for name, each in law["us_a_lot"].items():
            lines.append(f"| {name} | " + " | ".join(map(_english, each.values())) + " |")
        lines += ["", "| Facts of a supplier | µs |", "|---|---|"]
        lines += [f"| {name} | {_english(cost)} |" for name, cost in law["us_a_set_of_facts"].items()]
    if reports := result.get("reports"):
        lines += [
            "",
            "| Report, lots | data, s | page, s | PDF, s | memory of the PDF's process, MB |",
            "|---|---|---|---|---|",
        ]
        for lots, each in reports.items():
            forms = " | ".join(_english(each[form]["s"]) for form in ("data", "page", "pdf"))
            lines.append(f"| {lots} | {forms} | {each['memory_of_pdf_mb']} |")
    missing = {
        each["postgis"]["not_measured"]
        for each in result["sizes"].values()
        if "not_measured" in each.get("postgis", {})
    }
    return "\n".join([*lines, *(f"\n{why}" for why in missing)]) + "\n"


def guide(text: str, result: Result) -> str:
    """The guide's text with the figures between its two markers. Raises ValueError where these are missing."""
    machine = result["machine"]
    where = (
        f"Mesuré le {result['at'][:10]} ({result['commit']}), {machine['processor']}, {machine['cores']} cœurs, "
        f"charge {_french(machine['load_before'])} avant la mesure, "
        f"Python {result['versions']['python']}, PostgreSQL {result['versions']['postgresql']}.\n"
    )
    figures = "\n".join([where, *_by_size(result, IN_THE_GUIDE, "Fournisseurs", _french), ""])
    found, count = MARKED.subn(lambda _: figures, text)
    if count != 1:
        raise ValueError("the guide needs one place between <!-- figures --> and <!-- end of figures -->")
    return found


def curve(result: Result) -> str:
    """An SVG chart of costs by number of suppliers, both logarithmic: measured points and best-fitting powers.

    Raises ValueError where fewer than two sizes were measured.
    """
    fits, points = _growth_of_costs(result), {path: _points(result, path) for path in CURVES}
    if not fits:
        raise ValueError("a curve needs two sizes")
    costs = [cost for each in points.values() for cost in each.values()]
    sizes = sorted({size for each in points.values() for size in each})
    x, y = _axis(sizes[0], sizes[-1], 70, 610), _axis(min(costs), max(costs), 330, 30)
    parts = [_text(x(size), 358, _french(size), "middle") for size in sizes]
    steps = (digit * 10.0**power for power in range(-2, 5) for digit in (1, 2, 5))
    ticks = [step for step in steps if min(costs) <= step <= max(costs)]
    parts += [_text(60, y(tick), f"{_french(tick)} ms", "end") for tick in ticks]
    for number, (path, fit) in enumerate(fits.items()):
        colour, ends = COLOURS[number], (min(points[path]), max(points[path]))
        line = " ".join(f"{x(size):.1f},{y(fit['a'] * size ** fit['b']):.1f}" for size in ends)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for size, cost in points[path].items():
            parts.append(f'<circle cx="{x(size):.1f}" cy="{y(cost):.1f}" r="4" fill="{colour}"/>')
        parts.append(
            _text(80, 390 + 20 * number, f"{CURVES[path].fr} : puissance {_french(fit['b'])}", "start", colour)
        )
    return DRAWING.format(parts="\n".join(parts))


def publish(result: Result) -> None:
    """Write the figures into the guide, and the chart where two sizes were measured."""
    GUIDE.write_text(guide(GUIDE.read_text(encoding="utf-8"), result), encoding="utf-8")
    if _growth_of_costs(result):
        CURVE.write_text(curve(result), encoding="utf-8")


def _by_size(result: Result, rows: Sequence[Row], head: str, write: Callable[[float], str]) -> Iterator[str]:
    """The lines of a table with a column per measured size; rows without any figure are left out."""
    sizes = {size: with_ratios(each) for size, each in result["sizes"].items() if each}
    if not sizes:
        return
    yield f"| {head} | " + " | ".join(write(int(size)) for size in sizes) + " |"
    yield "|---|" + "---|" * len(sizes)
    for name, path in rows:
        found = [number_at(each, path) for each in sizes.values()]
        if any(each is not None for each in found):
            yield f"| {name} | " + " | ".join("–" if each is None else write(each) for each in found) + " |"


def _growth_of_costs(result: Result) -> dict[str, dict[str, float]]:
    """The `growth` of each cost that was measured at two sizes at least, by path."""
    points = {path: _points(result, path) for path in CURVES}
    return {path: growth(each) for path, each in points.items() if len(each) > 1}


def _points(result: Result, path: str) -> dict[int, float]:
    found = {int(size): number_at(each, path) for size, each in result["sizes"].items()}
    return {size: cost for size, cost in found.items() if cost}


def _axis(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """A function that places a value on a logarithmic axis: `low` at `start`, `high` at `end`, in drawing units."""
    return lambda value: start + (end - start) * log(value / low) / log(high / low)


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def _english(value: float) -> str:
    """The number with three significant digits, and commas between thousands."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _french(value: float) -> str:
    return _english(value).replace(",", NARROW).replace(".", ",")
