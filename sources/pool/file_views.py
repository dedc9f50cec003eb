"""Files that were given as views of a DuckDB connection: the columns named for each, as text, and no others."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, Expression

from sources.pool.csv_pipe import CsvPipe, UnusableFile
from sources.pool.published_files import PublishedFile

# Members of a page of JSON that hold its items.
_LIST = "results"
_SMALLEST_BUFFER = 16 * 1024**2


class FileViews:
    """Makes a view `<id>_file` for each published file, and knows how many rows were read through it."""

    def __init__(self, database: DuckDBPyConnection, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._pipes: dict[str, list[CsvPipe]] = {}
        self._parquet_rows: dict[str, int] = {}

    def add(self, published: PublishedFile, paths: Sequence[Path]) -> None:
        """Make the view; without rows where there is no file.

        Raises UnusableFile for what cannot be read, and where a file lacks a required column.
        """
        for path in paths:
            if not path.is_file():
                raise UnusableFile(f"cannot read {path}: no such file")
        read = self._json if published.fields else self._table
        try:
            relations = [read(published, path) for path in paths or (self._empty(published),)]
        except duckdb.Error as error:
            raise UnusableFile(f"cannot read {' '.join(map(str, paths))}: {error}") from None
        union = relations[0]
        for relation in relations[1:]:
            union = union.union(relation)
        union.create_view(f"{published.id}_file")

    def rows_read(self, file: str) -> int:
        """The number of rows of CSV and Parquet that were read so far for a published file."""
        return self._parquet_rows.get(file, 0) + sum(pipe.rows for pipe in self._pipes.get(file, ()))

    def rows_unreadable(self) -> dict[str, int]:
        """The number of rows of CSV with too many or too few cells, or wrong quotes, by published file."""
        scans = {row[0]: row[1] for row in self._rejects("reject_scans", "scan_id", "file_path")}
        found = {file: sum(pipe.rows_unclosed for pipe in pipes) for file, pipes in self._pipes.items()}
        for scan, _ in set(self._rejects("reject_errors", "scan_id", "line")):
            for file, pipes in self._pipes.items():
                found[file] += scans[scan] in {str(pipe.path) for pipe in pipes}
        return found

    def progress(self) -> float | None:
        """The share that was read of the files that are being read; None where none is."""
        shares = [share for pipe in self._all_pipes() if (share := pipe.progress()) is not None]
        return sum(shares) / len(shares) if shares else None

    def check(self) -> None:
        """Raise UnusableFile where a file turned out to be broken."""
        for pipe in self._all_pipes():
            if pipe.fault:
                raise UnusableFile(pipe.fault)

    def close(self) -> None:
        """Let go of files that were not read."""
        for pipe in self._all_pipes():
            pipe.close()

    def _all_pipes(self) -> Iterator[CsvPipe]:
        for pipes in self._pipes.values():
            yield from pipes

    def _rejects(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        try:
            return self._database.table(table).project(*columns).fetchall()
        except duckdb.CatalogException:  # no CSV was read
            return []

    def _empty(self, published: PublishedFile) -> Path:
        """A file as if it had been given, without rows."""
        path = self._folder / f"{published.id}.{'json' if published.fields else 'csv'}"
        header = ",".join(column.split("|")[0] for column in published.required + published.optional)
        path.write_text("[]" if published.fields else header + "\n", "utf-8")
        return path

    def _table(self, published: PublishedFile, path: Path) -> DuckDBPyRelation:
        parquet = path.suffix.lower() == ".parquet"
        relation = self._parquet(published, path) if parquet else self._csv(published, path)
        return relation.select(*_columns_read(published, relation.columns))

    def _parquet(self, published: PublishedFile, path: Path) -> DuckDBPyRelation:
        relation = self._database.read_parquet(str(path))
        _require_columns(published, path, relation.columns)
        self._parquet_rows[published.id] = self._parquet_rows.get(published.id, 0) + relation.shape[0]
        return relation

    def _csv(self, published: PublishedFile, path: Path) -> DuckDBPyRelation:
        pipes = self._pipes.setdefault(published.id, [])
        pipe = CsvPipe(path, self._folder / f"{published.id}-{len(pipes)}.pipe", published.layout)
        pipes.append(pipe)
        _require_columns(published, path, pipe.columns)
        return self._database.read_csv(
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

    def _json(self, published: PublishedFile, path: Path) -> DuckDBPyRelation:
        structure = ", ".join(f"{name} {kind}" for name, kind in published.fields.items())
        first, size = _look_at(path)
        if not first:
            raise UnusableFile(f"{path} is empty")
        relation = self._database.read_json(
            str(path),
            columns=published.fields | {_LIST: f"STRUCT({structure})[]"},
            format="array" if first == b"[" else "unstructured",
            # buffers are this large: as large as the one page that a file may be, and no larger
            maximum_object_size=max(_SMALLEST_BUFFER, size + 1),
        )
        _require_members(published, path, relation)
        return relation


def _look_at(path: Path) -> tuple[bytes, int]:
    """The first sign of a file of JSON and its size, unpacked."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        first = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        return first, file.tell() + sum(map(len, iter(lambda: file.read(_SMALLEST_BUFFER), b"")))


def _require_columns(published: PublishedFile, path: Path, columns: Sequence[str]) -> None:
    """Raise UnusableFile where a required column is not there."""
    for wanted in published.required:
        if not set(wanted.split("|")) & set(columns):
            raise UnusableFile(f"{path} has no column {wanted.replace('|', ' or ')}")


def _require_members(published: PublishedFile, path: Path, relation: DuckDBPyRelation) -> None:
    """Raise UnusableFile where there are objects of which none has a required member."""
    for wanted in published.required:
        of_page = f"len([item for item in {_LIST} if item.{wanted} IS NOT NULL]) > 0"
        objects, has = relation.aggregate(
            f"sum(coalesce(len({_LIST}), 1)), bool_or({wanted} IS NOT NULL OR coalesce({of_page}, false))"
        ).fetchall()[0]
        if objects and not has:
            raise UnusableFile(f"{path} has no object with {wanted}")


def _columns_read(published: PublishedFile, columns: Sequence[str]) -> Iterator[Expression]:
    """Each column that is read, as text; an optional one that is not there is empty."""
    for wanted in published.required + published.optional:
        names = wanted.split("|")
        found = next((name for name in names if name in columns), None)
        expression = ConstantExpression(None) if found is None else ColumnExpression(found)
        yield expression.cast("VARCHAR").alias(names[0])
