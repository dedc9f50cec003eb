"""The part of the application that opens the database: the engine, and the look-up of keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from api.runtime.auth import DEFAULT_ORGANISATION
from api.runtime.services import Services
from api.settings import BadSetting
from db.api_keys import ensure_organisation, find_client
from db.core.engine import engine, transaction
from domain.client import Client


@asynccontextmanager
async def database(services: Services) -> AsyncIterator[None]:
    """Open the database of the settings. It may be away: requests that need it are then refused with a 503."""
    if services.settings.database_url is None:
        raise BadSetting("DATABASE_URL is not set; `vivier serve` sets it to its own database where there is no other")
    attached = engine(services.settings.database_url)

    async def find(key: str) -> Client | None:
        async with transaction(attached) as connection:
            return await find_client(connection, key)

    async def find_organisation() -> UUID:
        async with transaction(attached) as connection:
            return await ensure_organisation(connection, DEFAULT_ORGANISATION, services.now())

    services.engine = attached
    services.keys.attach(find, find_organisation)
    try:
        yield
    finally:
        await attached.dispose()
