"""The pool of France built from given files, step by step: `steps/*.sql` in their order, under a memory limit.

What is made are files that `vivier import` reads. They appear together at the end, or not at all; the same files and
choices give the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from sources.formats.sirene import legal_form_of
from sources.pool.csv_pipe import UnusableFile
from sources.pool.file_views import FileViews
from sources.pool.manifest import Choices, Manifest, manifest_of, write_manifest
from sources.pool.published_files import FileReport, published_files

SOCIAL_FORMS = frozenset({"association", "cooperative", "mutual", "foundation"})
_LOOK_EVERY = 0.2
_DATABASE = "pool.duckdb"

Observe = Callable[[str, float | None], None]


def build(
    given: Mapping[str, Sequence[Path]], out: Path, choices: Choices, observe: Observe
) -> tuple[tuple[FileReport, ...], Manifest]:
    """Make the files of the pool in `out`, with the list of them, and report on each file given.

    `given`: paths by id of `published_files`.

    `observe` is called with the name of the step and the share that is done (None: unknown), several times a second.
    Raises UnusableFile, and OSError where `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".pool-", dir=out) as work:
        folder, made = Path(work), Path(work) / "made"
        made.mkdir()
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": choices.memory,
            "temp_directory": str(folder / "spill"),
            # what is not in the wheel is not fetched
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        with duckdb.connect(str(folder / _DATABASE), config=settings) as database:
            reports = _run(database, given, folder, choices, observe)
        wanted = {report.made for report in reports}
        for path in sorted(made.iterdir()):
            if path.name in wanted:
                path.replace(out / path.name)
    manifest = manifest_of(out, choices, given, reports)
    write_manifest(out, manifest)
    return reports, manifest


def _run(
    database: duckdb.DuckDBPyConnection,
    given: Mapping[str, Sequence[Path]],
    folder: Path,
    choices: Choices,
    observe: Observe,
) -> tuple[FileReport, ...]:
    views = FileViews(database, folder)
    try:
        for published in published_files():
            views.add(published, given.get(published.id, ()))
        _set_variables(database, choices, folder / "made")
        for step in sorted((files("sources.pool") / "steps").iterdir(), key=lambda step: step.name):
            if step.name.endswith(".sql"):
                name = step.name.removesuffix(".sql").partition("_")[2]
                _execute(database, step.read_text("utf-8"), views, partial(observe, name))
        return _reports(database, views, given)
    except duckdb.Error as error:
        raise UnusableFile(str(error)) from None
    finally:
        views.close()


def _set_variables(database: duckdb.DuckDBPyConnection, choices: Choices, made: Path) -> None:
    categories = (f"{number:04}" for number in range(10_000))
    values = {
        "departements": list(choices.departements),
        "with_staff": choices.with_staff,
        "social_categories": [category for category in categories if legal_form_of(category) in SOCIAL_FORMS],
        "folder": str(made),
    }
    for name, value in values.items():
        database.execute(f"SET VARIABLE {name} = $1", [value])


def _execute(
    database: duckdb.DuckDBPyConnection, statements: str, views: FileViews, observe: Callable[[float | None], None]
) -> None:
    """Run the statements in a thread of their own, and look after their progress meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(database.execute, statements)
        try:
            while not running.done():
                observe(_share(database, views))
                try:
                    running.exception(_LOOK_EVERY)
                except NotYet:
                    continue
        except BaseException:
            database.interrupt()
            raise
    views.check()
    running.result()
    observe(1.0)


def _share(database: duckdb.DuckDBPyConnection, views: FileViews) -> float | None:
    """Through a pipe only its feeder knows the length of the file; of other files DuckDB knows how far it is."""
    if (share := views.progress()) is not None:
        return share
    percent = database.query_progress()
    return percent / 100 if percent >= 0 else None


def _reports(
    database: duckdb.DuckDBPyConnection, views: FileViews, given: Mapping[str, Sequence[Path]]
) -> tuple[FileReport, ...]:
    kept = {row[0]: row[1:] for row in database.table("report").fetchall()}
    objects = dict(database.table("objects_read").fetchall())
    unreadable = views.rows_unreadable()
    reports = []
    for published in published_files():
        if given.get(published.id):
            rows, suppliers = kept[published.id]
            read = views.rows_read(published.id) + objects.get(published.id, 0)
            reports.append(
                FileReport(published.id, read, unreadable.get(published.id, 0), rows, suppliers, published.made)
            )
    return tuple(reports)
