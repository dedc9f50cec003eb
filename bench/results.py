"""Summaries of figures, and the dated file that stores them with the machine, the versions and the commit."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from math import exp, log
from pathlib import Path
from typing import Any

import msgspec

from db.embedded.home import find_binaries, prepare_home
from domain.text.bilingual import PARIS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).with_name("results")
LIBRARIES = ("litestar", "uvicorn", "uvloop", "msgspec", "numpy", "shapely", "sqlalchemy", "asyncpg")
DIGITS = 4


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median, 99th percentile (by nearest rank), mean and most. Raises ValueError where there are no values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured")
    last = len(ordered) - 1
    return {
        "p50": ordered[round(0.5 * last)],
        "p99": ordered[round(0.99 * last)],
        "mean": sum(ordered) / len(ordered),
        "max": ordered[-1],
    }


def growth(by_size: Mapping[int, float]) -> dict[str, float]:
    """The best fit of cost = a · size^b, as `a` and `b` (least squares of logarithms); needs two sizes at least."""
    points = [(log(size), log(cost)) for size, cost in by_size.items()]
    mid_x, mid_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    power = sum((x - mid_x) * (y - mid_y) for x, y in points) / sum((x - mid_x) ** 2 for x, _ in points)
    return {"a": exp(mid_y - power * mid_x), "b": power}


def surroundings(home: Path) -> dict[str, Any]:
    """The moment, machine, versions and commit that figures belong to."""
    programs = os.environ.get("PG_BIN")
    commit = _output("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return {
        "at": datetime.now(PARIS).isoformat(timespec="seconds"),
        "commit": f"{commit} and changes" if changed else commit,
        "machine": {
            "processor": _in_file("/proc/cpuinfo", r"^model name\s*: (.+)$") or platform.processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gb": round(int(_in_file("/proc/meminfo", r"^MemTotal:\s+(\d+)") or 0) / 1e6),
            "system": platform.platform(),
            "load_before": round(os.getloadavg()[0], 1),
        },
        "versions": {
            "python": platform.python_version(),
            "postgresql": find_binaries(Path(programs) if programs else None, prepare_home(home).account).major,
            **{name: version(name) for name in LIBRARIES},
        },
    }  # fmt: skip


def save(result: Mapping[str, Any], folder: Path) -> Path:
    """Write the result to the file of its day, replacing an earlier one; numbers are rounded to four digits."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['at'][:10]}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rounded(result)), indent=1) + b"\n")
    return path


def newest(folder: Path = FOLDER) -> Path | None:
    """The latest result file in the folder; None where there is none."""
    return max(folder.glob("*.json"), default=None)


def rounded(value: Any) -> Any:
    """The value with each fraction in it rounded to DIGITS significant digits."""
    match value:
        case float():
            return float(f"{value:.{DIGITS}g}")
        case dict():
            return {str(name): rounded(each) for name, each in value.items()}
        case list():
            return [rounded(each) for each in value]
        case _:
            return value


def _output(*command: str) -> str:
    """The output of a command; empty where it cannot be run."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def _in_file(path: str, pattern: str) -> str | None:
    """The first group of the pattern's first match in a file; None where the file is missing or has no match."""
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None
