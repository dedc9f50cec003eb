"""The pool of France built from given files, step by step: `steps/*.sql` in their order, under a memory limit.

Each file is read as a view of the columns named for it, as text, and no others. What is made are files that
`vivier import` reads. They appear together at the end, or not at all; the same files and
choices give the same bytes.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import msgspec
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation

from sources.formats.sirene import legal_form_of
from sources.pool.csv_pipe import CsvPipe, UnusableFile
from sources.pool.manifest import MANIFEST, Choices, FileReport, Manifest, PublishedFile, manifest_of, published_files

SOCIAL_FORMS = frozenset({"association", "cooperative", "mutual", "foundation"})
_LOOK_EVERY = 0.2
_DATABASE = "pool.duckdb"

Observe = Callable[[str, float | None], None]


# Members of a page of JSON that hold its items.
_LIST = "results"
_SMALLEST_BUFFER = 16 * 1024**2
_SOCIAL_CATEGORIES = [each for each in map("{:04}".format, range(10_000)) if legal_form_of(each) in SOCIAL_FORMS]


class FileViews:
    """The database's views of published files, named `<id>_file`, with counts of the rows read through each."""

    def __init__(self, database: DuckDBPyConnection, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._pipes: list[tuple[str, CsvPipe]] = []
        self._parquet_rows = Counter[str]()

    def add(self, published: PublishedFile, paths: Sequence[Path]) -> None:
        """Make the view of a published file, an empty view where no path is given.

        Raises UnusableFile for what cannot be read, and where a file lacks a required column.
        """
        for path in paths:
            if not path.is_file():
                raise UnusableFile(f"cannot read {path}: no such file")
        read = self._json_relation if published.fields else self._table_relation
        if not paths:  # as if one had been given, without rows
            paths = (self._folder / f"{published.id}.{'json' if published.fields else 'csv'}",)
            header = ",".join(column.split("|")[0] for column in published.required + published.optional)
            paths[0].write_text("[]" if published.fields else header + "\n", "utf-8")
        try:
            relations = [read(published, path) for path in paths]
        except duckdb.Error as error:
            raise UnusableFile(f"cannot read {' '.join(map(str, paths))}: {error}") from None
        union = relations[0]
        for relation in relations[1:]:
            union = union.union(relation)
        union.create_view(f"{published.id}_file")

    def rows_read(self, file: str) -> int:
        """The number of rows of CSV and Parquet that were read so far for a published file."""
        return self._parquet_rows[file] + sum(pipe.passed.rows for own, pipe in self._pipes if own == file)

    def rows_unreadable(self) -> Counter[str]:
        """The number of rows of CSV with too many or too few cells, or wrong quotes, by published file."""
        paths = {row[0]: row[1] for row in self._reject_rows("reject_scans", "scan_id", "file_path")}
        rejected = Counter(paths[scan] for scan, _ in set(self._reject_rows("reject_errors", "scan_id", "line")))
        found = Counter[str]()
        for file, pipe in self._pipes:
            found[file] += pipe.passed.unclosed + rejected[str(pipe.path)]
        return found

    def progress(self) -> float | None:
        """The fraction read so far of the files being read, on average; None where none is being read."""
        shares = [share for _, pipe in self._pipes if (share := pipe.progress()) is not None]
        return sum(shares) / len(shares) if shares else None

    def check(self) -> None:
        """Raise UnusableFile where a file was found broken while it was read."""
        for _, pipe in self._pipes:
            if pipe.fault:
                raise UnusableFile(pipe.fault)

    def close(self) -> None:
        """Close all pipes, also those that nobody read to the end."""
        for _, pipe in self._pipes:
            pipe.close()

    def _reject_rows(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        """The columns of a table in which DuckDB lists the rows that it rejected; [] where it read no CSV."""
        try:
            return self._database.table(table).project(*columns).fetchall()
        except duckdb.CatalogException:  # no CSV was read
            return []

    def _table_relation(self, published: PublishedFile, path: Path) -> DuckDBPyRelation:
        """The columns to be read of a CSV or Parquet file, as text; a missing optional column is NULL."""
        if path.suffix.lower() == ".parquet":
            relation = self._database.read_parquet(str(path))
            _require_columns(published, path, relation.columns)
            self._parquet_rows[published.id] += relation.shape[0]
        else:
            pipe = CsvPipe(path, self._folder / f"{published.id}-{len(self._pipes)}.pipe", published.layout)
            self._pipes.append((published.id, pipe))
            _require_columns(published, path, pipe.columns)
            relation = self._database.read_csv(
                str(pipe.path),
                columns=dict.fromkeys(pipe.columns, "VARCHAR"),
                auto_detect=False,
                header=True,
                delimiter=pipe.delimiter,
                quotechar='"',
                escapechar='"',
                ignore_errors=True,
                store_rejects=True,
            )
        columns = []
        for wanted in published.required + published.optional:
            names = wanted.split("|")
            found = next((name for name in names if name in relation.columns), None)
            expression = ConstantExpression(None) if found is None else ColumnExpression(found)
            columns.append(expression.cast("VARCHAR").alias(names[0]))
        return relation.select(*columns)

    def _json_relation(self, published: PublishedFile, path: Path) -> DuckDBPyRelation:
        structure = ", ".join(f"{name} {kind}" for name, kind in published.fields.items())
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            first = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
            size = file.tell() + sum(map(len, iter(lambda: file.read(_SMALLEST_BUFFER), b"")))  # unpacked
        if not first:
            raise UnusableFile(f"{path} is empty")
        relation = self._database.read_json(
            str(path),
            columns=published.fields | {_LIST: f"STRUCT({structure})[]"},
            format="array" if first == b"[" else "unstructured",
            # buffers are this large: as large as the one page that a file may be, and no larger
            maximum_object_size=max(_SMALLEST_BUFFER, size + 1),
        )
        for wanted in published.required:  # there are objects, and none has it
            of_page = f"len([item for item in {_LIST} if item.{wanted} IS NOT NULL]) > 0"
            objects, has = relation.aggregate(
                f"sum(coalesce(len({_LIST}), 1)), bool_or({wanted} IS NOT NULL OR coalesce({of_page}, false))"
            ).fetchall()[0]
            if objects and not has:
                raise UnusableFile(f"{path} has no object with {wanted}")
        return relation


def _require_columns(published: PublishedFile, path: Path, columns: Sequence[str]) -> None:
    """Raise UnusableFile where the file at `path` lacks a required column."""
    for wanted in published.required:
        if not set(wanted.split("|")) & set(columns):
            raise UnusableFile(f"{path} has no column {wanted.replace('|', ' or ')}")


def build(
    given: Mapping[str, Sequence[Path]], out: Path, choices: Choices, observe: Observe
) -> tuple[tuple[FileReport, ...], Manifest]:
    """Make the files of the pool in the folder `out`; returns a report on each given file, and the manifest.

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
            reports = _run_steps(database, given, folder, choices, observe)
        wanted = {report.made for report in reports}
        for path in sorted(made.iterdir()):
            if path.name in wanted:
                path.replace(out / path.name)
    manifest = manifest_of(out, choices, given, reports)
    (out / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return reports, manifest


def _run_steps(
    database: DuckDBPyConnection,
    given: Mapping[str, Sequence[Path]],
    folder: Path,
    choices: Choices,
    observe: Observe,
) -> tuple[FileReport, ...]:
    variables = {
        "departements": list(choices.departements),
        "with_staff": choices.with_staff,
        "social_categories": _SOCIAL_CATEGORIES,
        "folder": str(folder / "made"),
    }
    views = FileViews(database, folder)
    try:
        for published in published_files():
            views.add(published, given.get(published.id, ()))
        for name, value in variables.items():
            database.execute(f"SET VARIABLE {name} = $1", [value])
        for step in sorted((files("sources.pool") / "steps").iterdir(), key=lambda step: step.name):
            if step.name.endswith(".sql"):
                name = step.name.removesuffix(".sql").partition("_")[2]
                _execute(database, step.read_text("utf-8"), views, partial(observe, name))
        kept = {file: (rows, suppliers) for file, rows, suppliers in database.table("report").fetchall()}
        objects, unreadable = dict(database.table("objects_read").fetchall()), views.rows_unreadable()
        return tuple(
            FileReport(
                file.id,
                views.rows_read(file.id) + objects.get(file.id, 0),
                unreadable[file.id],
                *kept[file.id],
                file.made,
            )
            for file in published_files()
            if given.get(file.id)
        )
    except duckdb.Error as error:
        raise UnusableFile(str(error)) from None
    finally:
        views.close()


def _execute(
    database: DuckDBPyConnection, statements: str, views: FileViews, observe: Callable[[float | None], None]
) -> None:
    """Run SQL statements in a thread of their own, and report their progress to `observe` several times a second."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(database.execute, statements)
        try:
            while not running.done():
                # through a pipe only its feeder knows the length of the file; of others DuckDB knows how far it is
                share, percent = views.progress(), database.query_progress()
                observe(share if share is not None else percent / 100 if percent >= 0 else None)
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
