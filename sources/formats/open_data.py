"""The open data package: suppliers and their offers as two tables with a schema (Frictionless Data Package), in a zip.

`suppliers.csv` has a row for each supplier, `offers.csv` one for each offer, in the same order; their columns are those
of the format `vivier`, without contact and description. What is written here is read here: an import of the package
makes the same suppliers again.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any, BinaryIO, NamedTuple, cast
from zipfile import BadZipFile, ZipFile

import msgspec

from domain.suppliers.source import LICENCES, Row, RowError, Source
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Text, said_by
from sources.file_types.csv_cells import Cell, unmarked_text
from sources.file_types.csv_table import Cells, FaultyRow, Table, missing_columns, read_table, unknown_columns
from sources.formats.vivier import offer_cells, read_grouped_rows, supplier_cells
from sources.formats.vivier_columns import HEADER, ID, OFFER_COLUMNS, table_schema
from sources.rows import Context, UnreadableFile, unreadable

SUPPLIERS, OFFERS = "suppliers.csv", "offers.csv"
LARGEST = 1 << 30
"""Bytes of the tables of a package once uncompressed."""

SUPPLIER_HEADER = tuple(
    name for name in HEADER if name not in {"id", "description", *OFFER_COLUMNS} and not name.startswith("contact.")
)
OFFER_HEADER = (ID, *OFFER_COLUMNS)

_NO_PACKAGE = said_by(__name__)["no_package"].filled(suppliers=SUPPLIERS, offers=OFFERS)
_TOO_LARGE = Text("Ce paquet est trop grand une fois décompressé", "This package is too large once it is uncompressed")


class PublishedSource(NamedTuple):
    """A source in the package: its settings, the identifier of its licence, its records and their last change."""

    settings: Source
    licence: str
    records: int
    changed_at: datetime | None


def rows_of_published(supplier: Supplier) -> tuple[Sequence[Cell], list[Sequence[Cell]]]:
    """The row of a supplier under SUPPLIER_HEADER, and those of its offers under OFFER_HEADER; the same on any day."""
    cells = supplier_cells(supplier, date.min)
    offers = (offer_cells(each) for each in dict.fromkeys(supplier.offers))
    own: list[Sequence[Cell]] = [[cells[ID], *map(each.get, OFFER_COLUMNS)] for each in offers]
    return [cells.get(name) for name in SUPPLIER_HEADER], own


def read_package(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read records from a package; the line of each is that of its row in `suppliers.csv`.

    Raises UnreadableFile for what is no package, or one with unknown, repeated or missing columns.
    """
    try:
        with ZipFile(stream) as package:
            if sum(package.getinfo(name).file_size for name in (SUPPLIERS, OFFERS)) > LARGEST:
                raise unreadable("too_large", _TOO_LARGE)
            with package.open(SUPPLIERS) as suppliers, package.open(OFFERS) as offers:
                tables = [read_table(cast("BinaryIO", part)) for part in (suppliers, offers)]
                _require_columns(*tables)
                yield from read_grouped_rows(_rows_with_offers(*(table.rows for table in tables)), context)
    except (BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, zlib.error):
        raise unreadable("package", _NO_PACKAGE) from None


def _require_columns(suppliers: Table, offers: Table) -> None:
    """Raises UnreadableFile with every column that is missing or that the table does not have."""
    problems = (
        *unknown_columns(suppliers, (*SUPPLIER_HEADER, "id")),
        *missing_columns(suppliers, (ID, "name")),
        *unknown_columns(offers, OFFER_HEADER),
        *missing_columns(offers, (ID,)),
    )
    if problems:
        raise UnreadableFile(problems)


def _rows_with_offers(
    suppliers: Iterator[Cells | FaultyRow], offers: Iterator[Cells | FaultyRow]
) -> Iterator[list[Cells] | FaultyRow]:
    """The rows of each record, one for each of its offers; offers stand in the order of their suppliers.

    An offer of nobody is a row without a name, and its fault is told as such.
    """
    offer = next(offers, None)
    for supplier in suppliers:
        if isinstance(supplier, FaultyRow):
            yield supplier
            continue
        own = _plain(supplier)
        rows = [own]
        while isinstance(offer, Cells) and offer.cells[ID] == supplier.cells[ID]:
            said = {name: cell for name, cell in _plain(offer).cells.items() if name != ID}
            rows = [Cells(own.line, own.cells | said)] if rows == [own] else [*rows, Cells(own.line, said)]
            offer = next(offers, None)
        yield rows
    for left in (offer, *offers):
        if left is not None:
            yield left if isinstance(left, FaultyRow) else [_plain(left)]


def _plain(row: Cells) -> Cells:
    """The row without its empty cells, and the others without the apostrophe before a formula."""
    return Cells(row.line, {name: unmarked_text(cell) for name, cell in row.cells.items() if cell})


def description_of_package(
    published: Sequence[PublishedSource], left_out: Mapping[str, Source], version: str
) -> dict[str, Any]:
    """The document `datapackage.json`; `version`: of the directory. It is the same for the same data."""
    licences = [
        {"name": each, "title": LICENCES[each].title, "path": LICENCES[each].url}
        for each in dict.fromkeys(source.licence for source in published)
    ]
    sources = [_described_source(each) for each in published]
    credited = {key: value for key, value in (("licenses", licences), ("sources", sources)) if value}
    days = [each.changed_at for each in published if each.changed_at is not None]
    fields = {each.name: msgspec.to_builtins(each) for each in table_schema("fr").fields}

    def resource(path: str, title: str, header: Sequence[str], **schema: Any) -> dict[str, Any]:
        return {
            "name": path.removesuffix(".csv"),
            "path": path,
            "title": title,
            "profile": "tabular-data-resource",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            **credited,
            "schema": {"fields": [fields[name] for name in header], "missingValues": [""], **schema},
        }

    reference = {"fields": [ID], "reference": {"resource": "suppliers", "fields": [ID]}}
    return {
        "profile": "tabular-data-package",
        "name": "vivier",
        "title": "Fournisseurs de l'économie sociale et solidaire et du secteur adapté",
        "version": version,
        **({"created": max(days).isoformat()} if days else {}),
        **credited,
        "left_out": [
            {
                "name": name,
                "title": source.label or name,
                "licence": source.licence,
                "reason": "licence_unknown" if source.licence is None else "licence_not_open",
            }
            for name, source in left_out.items()
        ],
        "resources": [
            resource(SUPPLIERS, "Fournisseurs", SUPPLIER_HEADER, primaryKey=[ID]),
            resource(OFFERS, "Offres des fournisseurs", OFFER_HEADER, foreignKeys=[reference]),
        ],
    }


def _described_source(each: PublishedSource) -> dict[str, Any]:
    """A source in `datapackage.json`: what to credit, its licence, its records and their last change."""
    name, label, url = each.settings.name, each.settings.label, each.settings.url
    on = None if each.changed_at is None else each.changed_at.date().isoformat()
    title = label or name
    credit = ", ".join(filter(None, (title, LICENCES[each.licence].title, on)))
    path = {} if url is None else {"path": url}
    return {
        "title": title, **path, "name": name, "licence": each.licence, "credit": credit,
        "records": each.records, "changed_on": on,
    }  # fmt: skip


def readme_of_package(description: Mapping[str, Any]) -> str:
    """The text that goes with the tables: what they are, whom to credit, which sources are left out and why."""
    reasons = {"licence_unknown": "licence inconnue", "licence_not_open": "licence qui ne le permet pas"}
    credits_ = [f"- {each['credit']}" for each in description.get("sources", ())]
    left = [f"- {each['title']} ({each['name']}) : {reasons[each['reason']]}" for each in description["left_out"]]
    share_alike = [each["title"] for each in description.get("licenses", ()) if LICENCES[each["name"]].share_alike]
    lines = [
        f"# {description['title']}",
        "",
        f"Version {description['version']} de l'annuaire, données du {description.get('created', '–')[:10]}.",
        "",
        f"- `{SUPPLIERS}` : un fournisseur par ligne.",
        f"- `{OFFERS}` : une offre par ligne ; `basis` dit sur quoi elle repose,",
        "  `declared_by` qui l'a déclarée, `declared_on` quand, `evidence` ce qui la fait croire.",
        "- `datapackage.json` décrit les colonnes (Frictionless Data Package).",
        "",
        "Ni contact, ni personne : les travailleurs indépendants, les descriptions, les courriels et les téléphones",
        "n'y sont pas. Une cellule vide veut dire : inconnu.",
        "",
        "## Sources à citer",
        "",
        *(credits_ or ["Aucune source n'a de licence ouverte connue."]),
        *(["", f"Partage à l'identique : {', '.join(share_alike)}."] if share_alike else []),
        "",
        "## Sources laissées de côté",
        "",
        *(left or ["Aucune."]),
        "",
        "## Reprendre ces données",
        "",
        "`POST /sources/{source}/imports` avec `Content-Type: application/zip` crée les mêmes fournisseurs.",
    ]
    return "\n".join(chain(lines, [""]))
