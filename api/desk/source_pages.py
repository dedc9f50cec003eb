"""The pages for integrators: sources with their quality and freshness, and a file tried, imported and reported on."""

import asyncio
from tempfile import TemporaryFile
from typing import Any, get_args
from urllib.parse import quote
from uuid import UUID

from litestar import Response

from api.desk.page import page
from api.desk.source_file import ReadAs, read_as
from api.desk.supplier_words import FLAGS
from api.desk.visit import Visit
from api.sync.imports import NO_IMPORT, ImportQuery, imported, own_import
from api.sync.sources import LONGEST_NAME, NO_SOURCE, all_sources, one_source, require_own_source, require_source_name
from api.web.multipart_form import FormFile
from api.web.pagination import read_cursor, write_cursor
from api.web.problems import Refusal
from db.core.engine import transaction
from db.imports import log as import_log
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.suppliers.rows import RowError
from domain.suppliers.source import Import, ImportMode, SourceDocument
from domain.text.bilingual import Text
from sources.formats.registry import FORMATS

REJECTS_SHOWN, IMPORTS_SHOWN = 100, 10
MODES: tuple[ImportMode, ...] = get_args(ImportMode)
FORMAT_WORDS: dict[str, Text] = {
    "vivier": Text("Fiches de Vivier, une ligne par fournisseur", "Records of Vivier, a row for each supplier"),
    "siae": Text("Liste des SIAE", "List of integration structures"),
    "esat": Text("ESAT du FINESS", "ESAT of FINESS"),
    "conventions": Text("Conventions de l'insertion et du handicap", "Conventions of integration and disability"),
    "emplois": Text("Les emplois de l'inclusion", "Les emplois de l'inclusion"),
    "sirene": Text("Établissements de Sirene", "Establishments of Sirene"),
    "geiq": Text("Liste des GEIQ", "List of GEIQ"),
    "ess-france": Text("Liste de l'ESS", "List of the social economy"),
    "rna": Text("Répertoire des associations", "Register of associations"),
    "directory": Text("Annuaire des entreprises", "Annuaire des entreprises"),
    "decp": Text("Marchés publics attribués (DECP)", "Public contracts awarded (DECP)"),
    "gogocarto": Text("Carte GoGoCarto", "GoGoCarto map"),
    "le-marche": Text("Le marché de l'inclusion", "Le marché de l'inclusion"),
    "recherche-entreprises": Text("API Recherche d'entreprises", "API Recherche d'entreprises"),
}
STATUSES_OF_IMPORTS: dict[str, Text] = {
    "running": Text("en cours", "under way"),
    "done": Text("terminé", "completed"),
    "refused": Text("refusé", "refused"),
    "failed": Text("échoué", "failed"),
    "interrupted": Text("interrompu", "interrupted"),
}


@page("GET", "/sources", scope=("read", "sync", "admin"))
async def show_sources(visit: Visit) -> Response[bytes]:
    """The sources, how fresh and how good each is; the way to one that is named."""
    name = visit.text("nom")
    if name:
        require_source_name(name)
        return visit.redirect(f"/sources/{quote(name, safe='')}")
    client = visit.call.bearer
    known = await all_sources(visit.services)
    names = {each.name for each in known}
    return visit.page(
        "sources.html",
        sources=known,
        unknown=[each for each in client.sources if each not in names],
        may_name=client.may("platform"),
        longest=LONGEST_NAME,
    )


@page("GET", "/sources/{source}", scope=("read", "sync", "admin"))
async def show_source(visit: Visit, source: str) -> Response[bytes]:
    """A source: what its records lack, its latest imports, and the form to import a file."""
    require_source_name(source)
    found = await one_source(visit.services, source)
    if found is None and not visit.call.bearer.may_write(source):
        raise NotFound(NO_SOURCE)
    return await _source_page(visit, source, found)


@page("POST", "/sources/{source}/envois", scope=("sync", "admin"), files=True)
async def send_file(visit: Visit, source: str) -> Response[bytes]:
    """The report of a file that was tried or imported; the form again where the file cannot be read."""
    require_own_source(visit.call, source)
    file, is_trial = visit.files.get("fichier"), visit.text("faire") != "importer"
    mode = next((each for each in MODES if each == visit.text("mode")), MODES[0])
    try:
        if file is None:
            raise InvalidContent((Problem("", "missing", NO_FILE),))
        async with visit.services.place_to_import(source, visit.call.bearer):
            layout = await _layout(visit, file)
            query = ImportQuery(layout.format, mode, is_trial, bool(visit.text("forcer")))
            # on the disk, where the process that reads its rows finds it
            with TemporaryFile(prefix="vivier-") as stream:
                await asyncio.to_thread(stream.write, file.content)
                stream.seek(0)
                report = await imported(visit.call, source, query, layout.media_type, stream)
    except (InvalidContent, Conflict, Refusal) as refused:
        if isinstance(refused, Refusal) and not refused.errors:
            raise
        found = await one_source(visit.services, source)
        return await _source_page(visit, source, found, 422, refused=_reasons(refused), file=file)
    if not is_trial:
        return visit.redirect(f"/sources/{quote(source, safe='')}/envois/{report.id}")
    found = await one_source(visit.services, source)
    return await _source_page(visit, source, found, report=report, rejects=report.errors[:REJECTS_SHOWN], file=file)


@page("GET", "/sources/{source}/envois/{import_id}", scope=("sync", "admin"))
async def show_import(visit: Visit, source: str, import_id: str) -> Response[bytes]:
    """The report of an import, or how far it has come, with its rejected rows page by page."""
    try:
        wanted = UUID(import_id)
    except ValueError:
        raise NotFound(NO_IMPORT) from None
    report = await own_import(visit.call, wanted)
    if report.source != source:
        raise NotFound(NO_IMPORT)
    after = read_cursor(f"errors/{wanted}", visit.text("suite") or None, int) or 0
    async with transaction(visit.services.database) as connection:
        found = await import_log.list_errors(connection, wanted, after, REJECTS_SHOWN + 1)
    onwards = write_cursor(f"errors/{wanted}", after + REJECTS_SHOWN) if len(found) > REJECTS_SHOWN else None
    shown: dict[str, Any] = {"report": report, "rejects": found[:REJECTS_SHOWN], "onwards": onwards}
    return visit.page("import.html", source=source, column=column, **shown, **_words())


async def _source_page(
    visit: Visit,
    source: str,
    found: SourceDocument | None,
    status: int = 200,
    *,
    report: Import | None = None,
    rejects: tuple[RowError, ...] = (),
    refused: tuple[Text, ...] = (),
    file: FormFile | None = None,
) -> Response[bytes]:
    may_write = visit.call.bearer.may("sync", "admin") and visit.call.bearer.may_write(source)
    imports = []
    if may_write:
        async with transaction(visit.services.database) as connection:
            await import_log.close_interrupted(connection, visit.services.now())
            imports = list(await import_log.list_imports(connection, source, None, IMPORTS_SHOWN))
    return visit.page(
        "source.html",
        status,
        source=source,
        found=found,
        may_write=may_write,
        imports=imports,
        report=report,
        rejects=rejects,
        refused=refused,
        file=file,
        formats=list(FORMATS),
        modes=MODES,
        largest=visit.services.settings.body_limit >> 20,
        column=column,
        **_words(),
    )


async def _layout(visit: Visit, file: FormFile) -> ReadAs:
    """The layout of a file, tried in another process: rows that take long to read keep nobody else waiting."""
    key, left = str(visit.call.bearer.organisation_id), visit.call.left
    tried = file.name, file.content, visit.text("format"), visit.language
    return await visit.services.match_work.beside(read_as, *tried, is_much=True, key=key, left=left)


def _reasons(refused: InvalidContent | Conflict | Refusal) -> tuple[Text, ...]:
    if isinstance(refused, InvalidContent):
        return tuple(problem.detail for problem in refused.problems)
    if isinstance(refused, Refusal):
        return tuple(problem.detail for problem in refused.errors)
    return (TOO_MANY_REMOVED if refused.code == "too_many_removed" else refused.detail,)


def column(pointer: str) -> str:
    """The column of a table that a pointer into a record leads to."""
    return pointer.removeprefix("/").replace("/", ".")


def _words() -> dict[str, Any]:
    return {"flags": FLAGS, "format_words": FORMAT_WORDS, "statuses_of_imports": STATUSES_OF_IMPORTS}


TOO_MANY_REMOVED = Text(
    "Cet envoi retirerait plus de 20 % des fiches de la source, et rien n'a été enregistré. Si le fichier est bien "
    "tout ce qu'elle a, cochez « Même si plus de 20 % sont à retirer » et envoyez-le à nouveau.",
    "This file would remove more than 20% of the source's records, and nothing was stored. If it is indeed all that "
    "the source has, tick “Even if more than 20% are to be removed” and send it again.",
)
NO_FILE = Text("Choisissez un fichier", "Choose a file")

PAGES = (show_sources, show_source, send_file, show_import)
