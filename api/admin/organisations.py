"""Routes of organisations: each sees and changes its own; the operator makes them, and sees all."""

from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.admin.edit_organisation import (
    add_organisation,
    change_organisation,
    own_organisation,
    visible_organisation,
)
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, require_match
from api.runtime.idempotency import IDEMPOTENCY_KEY, carry_out_once, created
from api.web.content_negotiation import JSON
from api.web.pagination import Page, Paging, paged
from api.web.request_body import Patch, patched
from db import organisations as stored
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from domain.organisation import Organisation, OrganisationSettings

organisations_endpoint = partial(endpoint, tag="Organisations", scope="admin")


@organisations_endpoint("GET", "/organisations", answers=Page[Organisation])
async def list_organisations(call: Call, query: Paging) -> Response[bytes]:
    """The organisations, the oldest first.

    The key's own; all for a key of scope `platform`.
    """
    only = own_organisation(call.bearer)
    async with transaction(call.services.database) as connection:
        return await paged(call, query, "organisations", UUID, partial(stored.list_organisations, connection, only))


@endpoint(
    "POST",
    "/organisations",
    tag="Organisations",
    scope="platform",
    answers=Organisation,
    status=201,
    headers=IDEMPOTENCY_KEY,
    problems=("conflict",),
)
async def create_organisation(call: Call, body: OrganisationSettings) -> Response[bytes]:
    """Make an organisation.

    `POST /keys` then makes its first key. 409 where another one has the name or the SIRET.
    """

    async def create(connection: Connection) -> Answer:
        made = await add_organisation(connection, call.bearer, body, call.services.now())
        return created(made, f"/organisations/{made.id}", organisation_etag(made))

    return await carry_out_once(call, body, create)


@organisations_endpoint("GET", "/organisations/{id}", answers=Organisation, status=(200, 304), headers=IF_NONE_MATCH)
async def get_organisation(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """An organisation."""
    async with transaction(call.services.database) as connection:
        return conditional_get(call, await visible_organisation(connection, call.bearer, id))


@organisations_endpoint(
    "PATCH",
    "/organisations/{id}",
    answers=Organisation,
    patch=OrganisationSettings,
    headers=IF_MATCH,
    problems=("conflict", "stale-version"),
)
async def update_organisation(call: Call, id: UUID, body: Patch) -> Response[bytes]:  # noqa: A002
    """Change the name of an organisation, or its SIRET.

    The SIRET takes a key of scope `platform`: who has one is known by it. 409 where another organisation has the name
    or the SIRET, or where the old or the new name leads people here who sign in without a key (`reserved_name`).
    """
    async with transaction(call.services.database) as connection:
        before = await visible_organisation(connection, call.bearer, id, lock=True)
        require_match(call, organisation_etag(before))
        settings = patched(before, body, OrganisationSettings)
        now, members = call.services.now(), call.services.settings.oidc_members
        after = await change_organisation(connection, call.bearer, before, settings, now, members)
    return Response(msgspec.json.encode(after), headers={"content-type": JSON, "etag": organisation_etag(after)})


ROUTES = (list_organisations, create_organisation, get_organisation, update_organisation)


def organisation_etag(organisation: Organisation) -> str:
    """The tag of an organisation as it is now."""
    return etag_of(msgspec.json.encode(organisation))
