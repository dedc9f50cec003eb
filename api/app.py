"""The application: its routes, and the parts that run beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from litestar import Litestar
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, ExceptionHandlersMap

from api import match, programme, spending, supply
from api import reference as reference_data
from api.admin import audit, keys, networks, organisations, privacy
from api.campaigns import invitations
from api.campaigns import routes as campaigns
from api.campaigns.email import campaign_mail_kind
from api.declarations import browser_pages as supplier_page_form
from api.declarations import operator_routes as declarations
from api.declarations import page_routes as supplier_pages
from api.declarations.expiry import daily_expiry
from api.desk.frame.page import answer_not_found, with_pages
from api.desk.pages import PAGES
from api.directory import merge_split, notes, open_data
from api.directory import routes as directory
from api.docs import routes as docs
from api.embed import routes as embed
from api.exchanges import buyer_mail, link_by_siret, supplier_links
from api.exchanges import reply_routes as replies
from api.exchanges import routes as exchanges
from api.exchanges.email import mail_kind
from api.exchanges.supplier_links import supplier_link_kind
from api.journal.send_heads import journal_kind
from api.journal.signing_key import journal_key
from api.meetings import calendar
from api.meetings import routes as meetings
from api.needs import awards, insights, notice, shortlists
from api.needs import routes as needs
from api.people.invite import sign_in_mail_kind
from api.reports import badges
from api.reports import routes as reports
from api.runtime import observability
from api.runtime.auth import Keys
from api.runtime.endpoint import Call, handlers_in, options_handlers
from api.runtime.index.index_files import IndexFiles
from api.runtime.index.live_index import DatabaseWatch, IndexLoader, LiveDirectory, running
from api.runtime.metrics import Metrics
from api.runtime.outbox_worker import delivery_part
from api.runtime.processes.forked_processes import ForkedProcesses
from api.runtime.processes.match_work import MatchProcesses
from api.runtime.rate_limits import Limits
from api.runtime.services import Services
from api.settings import BadSetting, Settings, nearest_variable
from api.sync import imports, records, sources
from api.web.content_negotiation import FilePaths
from api.web.cors import CrossOrigin
from api.web.openapi import routes_of
from api.web.problems import answer_failure
from api.webhooks import routes as webhooks
from api.webhooks.signed_deliveries import webhook_kind
from db.api_keys import ensure_organisation, find_by_name_or_id, find_client, is_well_formed
from db.core.engine import Engine, end_connections, engine, transaction
from domain.organisation import DEFAULT_ORGANISATION, Client
from matching.reference import Reference, load_reference

if TYPE_CHECKING:
    from api.runtime.tracing import Tracing

Part = Callable[[Services], AbstractAsyncContextManager[None]]

# A new route file adds its module here.
FOR_BUYERS = (
    match,
    embed,
    programme,
    spending,
    needs,
    notice,
    shortlists,
    awards,
    directory,
    open_data,
    merge_split,
    notes,
    meetings,
    calendar,
    exchanges,
    replies,
    buyer_mail,
    reports,
    badges,
    insights,
    campaigns,
    invitations,
)
FOR_NETWORKS = declarations, records, imports, sources, webhooks
FOR_SUPPLIERS = supplier_pages, supplier_page_form, link_by_siret, supplier_links
FOR_OPERATORS = organisations, keys, audit, privacy, networks
FOR_ALL = reference_data, supply, observability, docs
ROUTES = handlers_in((*FOR_BUYERS, *FOR_SUPPLIERS, *FOR_NETWORKS, *FOR_OPERATORS, *FOR_ALL))


@asynccontextmanager
async def database(services: Services) -> AsyncIterator[None]:
    """The part of the application that opens the database; while it is away, requests that need it get a 503."""
    if (url := services.settings.database_url) is None:
        raise BadSetting("DATABASE_URL is not set; `vivier serve` sets it to its own database where there is no other")
    key = journal_key(services.settings)
    if key is None:
        log.warning(
            "the journal is not signed: its key can be neither read nor made", folder=str(services.settings.home)
        )
    settings = services.settings
    attached = engine(url, settings.pool_size, signer=key.sign if key else None, patience=settings.database_seconds)

    async def find_client_of_key(key: str) -> Client | None:
        async with transaction(attached) as connection:
            return await find_client(connection, key, services.now())

    async def find_default_organisation() -> UUID:
        async with transaction(attached) as connection:
            return await ensure_organisation(connection, DEFAULT_ORGANISATION, services.now())

    services.engine = attached
    services.embed_key = key.embed_key if key else services.embed_key
    services.keys.attach(find_client_of_key, find_default_organisation, is_well_formed)
    services.limits.attach(attached)
    try:
        async with running(_warn_of_names(attached, settings)):
            yield
    finally:
        await attached.dispose()
        end_connections(attached)  # what is still lent, as to a read that nobody waits for any more


async def _warn_of_names(attached: Engine, settings: Settings) -> None:
    """Log each organisation that VIVIER_OIDC_MEMBERS has by its name, which administrators may change, with its id."""
    for name in sorted({name for _, name in settings.oidc_members}):
        with suppress(Exception):  # a warning: the database may be away for now
            async with transaction(attached) as connection:
                found = await find_by_name_or_id(connection, name)
            if found is None or str(found.id) != name:
                log.warning("VIVIER_OIDC_MEMBERS has a name: write the id", name=name, id=found and str(found.id))


@asynccontextmanager
async def database_watch(services: Services) -> AsyncIterator[None]:
    """The part of the application that listens for changes of the database; needs the database part."""
    settings = services.settings
    url, listen_url = settings.database_url, settings.listen_url
    if services.engine is None or url is None:
        raise RuntimeError("the database is attached before it is watched")
    watch = services.watch = DatabaseWatch(
        listen_url or url, services.engine, settings.database_seconds, pooler_url=url if listen_url else None
    )
    async with running(watch.run()):
        yield


@asynccontextmanager
async def live_directory(services: Services) -> AsyncIterator[None]:
    """The part of the application that keeps the index of suppliers up to date; needs `database_watch`."""
    url, watch = services.settings.database_url, services.watch
    if services.engine is None or url is None or watch is None:
        raise RuntimeError("the database is attached and watched before the directory is read from it")
    files = IndexFiles(services.settings.index_folder, services.reference)
    loader = IndexLoader(url, services.engine, files, services.forked_processes, services.settings.read_url)
    directory = LiveDirectory(loader, services.metrics)
    services.live = directory
    following = asyncio.create_task(directory.follow(watch.versions()))
    try:
        yield
    finally:
        tasks = [task for task in (following, directory.rebuilding) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def large_matches(services: Services) -> AsyncIterator[None]:
    """The part of the application that has large matches made in other processes, where it may start some."""
    if services.forked_processes is not None:
        services.match_work.processes = MatchProcesses(services.forked_processes)
    try:
        yield
    finally:
        services.match_work.end()


# What starts before the first request and stops after the last, in this order; each may set fields of Services.
PARTS: tuple[Part, ...] = (
    database,
    database_watch,
    live_directory,
    large_matches,
    delivery_part(
        *(webhook_kind, mail_kind, supplier_link_kind, campaign_mail_kind, buyer_mail.buyer_mail_kind),
        *(sign_in_mail_kind, journal_kind),
    ),
    link_by_siret.links_by_siret,
    privacy.daily_retention,
    daily_expiry,
    supply.daily_trade_counts,
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

FAILURES: ExceptionHandlersMap = {
    NotFoundException: answer_not_found,
    HTTPException: answer_failure,
    Exception: answer_failure,
}


def create_app(
    settings: Settings,
    reference: Reference | None = None,
    forked_processes: ForkedProcesses | None = None,
    *,
    routes: Sequence[HTTPRouteHandler] = ROUTES,
    parts: Sequence[Part] = PARTS,
) -> Litestar:
    """The application of these routes and parts; loads the `reference` data where none are given.

    Without `forked_processes`, rows of imports are prepared, and dear needs matched, in threads of this process.

    With `parts=()` it needs no database: everything that needs none works, and keys are the administrator's only.
    """
    reference = reference or load_reference(settings.rules, for_server=True)
    limits = Limits()
    services = Services(
        settings=settings,
        reference=reference,
        forked_processes=forked_processes,
        metrics=Metrics(settings.metrics_dir),
        limits=limits,
        keys=Keys(settings.admin_key, settings.key_cache_seconds, limits),
    )
    tracing = _load_tracing() if settings.trace_to and parts else None
    if tracing is not None:
        parts = (*parts, tracing.part)
    shared, pages = with_pages(routes, PAGES)
    app = Litestar(
        # without the first, the framework answers OPTIONS by itself, with one method only
        route_handlers=[*options_handlers(routes), *shared, *pages, *docs.guides_route()],
        request_class=Call,
        exception_handlers=FAILURES,
        lifespan=[part(services) for part in (_warn_of_unknown_settings, *parts)],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.services = services
    # around everything, so that unknown paths and refused methods are seen too
    handler: ASGIApp = FilePaths(app.asgi_handler, (route.path for route in routes_of(app)))
    if tracing is not None:
        handler = tracing.around(handler)
    handler = CrossOrigin(handler, settings.cors_origins)
    app.asgi_handler = observability.ObservabilityMiddleware(
        handler, services.metrics, observability.access_log(settings)
    )
    return app


def _load_tracing() -> "Tracing":
    """A tracer of requests. Raises BadSetting where the libraries that it needs are not installed."""
    try:
        from api.runtime.tracing import Tracing  # noqa: PLC0415 - half a second for those who do without traces
    except ModuleNotFoundError as missing:
        raise BadSetting(f"OTEL_EXPORTER_OTLP_ENDPOINT needs vivier[otel]: {missing}") from None
    return Tracing()


@asynccontextmanager
async def _warn_of_unknown_settings(services: Services) -> AsyncIterator[None]:
    for name in services.settings.unknown:
        log.warning("unknown setting ignored", name=name, nearest=nearest_variable(name))
    yield
