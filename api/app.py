"""The application: routes, the parts it lives with, and how they are joined."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import structlog
from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from api import (
    audit,
    awards,
    documentation,
    equal_treatment,
    exchanges,
    imports,
    insights,
    meetings,
    merges,
    needs,
    observe,
    privacy,
    recipients,
    records,
    replies,
    shortlists,
    sources,
    suppliers,
    webhooks,
)
from api import reference as reference_routes
from api.auth import Keys
from api.database import database
from api.deliveries import deliveries
from api.endpoint import Call, answers_to_options
from api.file_paths import FilePaths
from api.live import live_directory
from api.mail import mail_kind
from api.match import ROUTES as MATCH_ROUTES
from api.metrics import Metrics
from api.openapi import routes_of
from api.preparers import Preparers
from api.problems import answer_failure
from api.reports.route import ROUTES as REPORT_ROUTES
from api.services import Services
from api.settings import Settings, nearest_variable, read_settings
from api.webhook_sender import webhook_kind
from matching.engine import Reference, load_reference
from matching.gazetteer import Gazetteer
from matching.portrait import Portraits

Part = Callable[[Services], AbstractAsyncContextManager[None]]

# A new route file adds its handlers here, in the order in which the documentation shows them.
ROUTES: tuple[HTTPRouteHandler, ...] = (
    *MATCH_ROUTES,
    *needs.ROUTES,
    *shortlists.ROUTES,
    *awards.ROUTES,
    *suppliers.ROUTES,
    *merges.ROUTES,
    *meetings.ROUTES,
    *exchanges.ROUTES,
    *recipients.ROUTES,
    *replies.ROUTES,
    *equal_treatment.ROUTES,
    *REPORT_ROUTES,
    *insights.ROUTES,
    *records.ROUTES,
    *imports.ROUTES,
    *sources.ROUTES,
    *webhooks.ROUTES,
    *audit.ROUTES,
    *privacy.ROUTES,
    *reference_routes.ROUTES,
    observe.health_live,
    observe.health_ready,
    observe.metrics,
    *documentation.ROUTES,
)

# What starts before the first request and stops after the last, in this order; each may set fields of Services.
PARTS: tuple[Part, ...] = (database, live_directory, deliveries(webhook_kind, mail_kind))

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def create_app(
    settings: Settings,
    reference: Reference | None = None,
    preparers: Preparers | None = None,
    *,
    routes: Sequence[HTTPRouteHandler] = ROUTES,
    parts: Sequence[Part] = PARTS,
) -> Litestar:
    """The application. `reference`: loaded here unless the caller already has it (and forks with it).

    Without `preparers`, rows of imports are prepared in threads of this process.

    With `parts=()` it needs no database: everything that needs none works, and keys are the administrator's only.
    """
    reference = reference or load_reference(settings.rules)
    services = Services(
        settings=settings,
        reference=reference,
        preparers=preparers,
        gazetteer=Gazetteer(reference.territories),
        portraits=Portraits(reference.geography),
        metrics=Metrics(settings.metrics_dir),
        keys=Keys(settings.admin_key, settings.key_cache_seconds),
    )
    app = Litestar(
        route_handlers=[*answers_to_options(routes), *routes],  # else the framework answers OPTIONS by itself
        request_class=Call,
        exception_handlers={HTTPException: answer_failure, Exception: answer_failure},
        lifespan=[_alive(services, parts)],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.services = services
    # around everything, so that unknown paths and refused methods are seen too
    handler = FilePaths(app.asgi_handler, (route.path for route in routes_of(app)))
    app.asgi_handler = observe.Observation(handler, services.metrics, observe.access_log(settings))
    return app


def from_environment() -> Litestar:
    """The application of a worker process, configured by its environment."""
    settings = read_settings()
    observe.configure_logging(settings)
    return create_app(settings)


def _alive(services: Services, parts: Sequence[Part]) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        for name in services.settings.unknown:
            log.warning("unknown setting ignored", name=name, nearest=nearest_variable(name))
        async with AsyncExitStack() as running:
            for part in parts:
                await running.enter_async_context(part(services))
            yield

    return lifespan
