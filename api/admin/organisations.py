"""Routes of organisations: each sees and changes its own; the operator makes them, and sees all."""

from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.actor import actor_of
from api.runtime.auth import DEFAULT_ORGANISATION, require_scope
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, require_match
from api.runtime.idempotency import IDEMPOTENCY_KEY, carry_out_once, created
from api.web.content_negotiation import JSON
from api.web.merge_patch import Patch, patched
from api.web.pagination import Page, Paging, paged
from db import organisations as stored
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from domain.audit import Actor
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.organisation import Organisation, OrganisationSettings
from domain.text.bilingual import Text
from sources.validation import siret_passes_check

organisations_endpoint = partial(endpoint, tag="Organisations", scope="admin")

NO_ORGANISATION = Text("Aucune organisation de cet identifiant", "No organisation with this id")
_TAKEN = Text("Une autre organisation a ce nom ou ce SIRET", "Another organisation has this name or SIRET")
_BAD_SIRET = Text(
    "La clé de contrôle de ce SIRET ne convient pas : un chiffre est faux, ou deux sont échangés",
    "The check digit of this SIRET does not fit: a digit is wrong, or two have changed places",
)
_RESERVED = Text(
    f"L'organisation « {DEFAULT_ORGANISATION} » est celle de VIVIER_ADMIN_KEY, qui la trouve à son nom",
    f"The organisation “{DEFAULT_ORGANISATION}” is that of VIVIER_ADMIN_KEY, which finds it by its name",
)


@organisations_endpoint("GET", "/organisations", answers=Page[Organisation])
async def list_organisations(call: Call, query: Paging) -> Response[bytes]:
    """The organisations, the oldest first.

    The key's own; all for a key of scope `platform`.
    """
    only = None if call.bearer.may("platform") else call.bearer.organisation_id
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
    _require_siret(body)

    async def create(connection: Connection) -> Answer:
        now = call.services.now()
        made = _not_taken(await stored.insert_organisation(connection, body, now))
        await write_entry(connection, _actor(call, made.id), "organisation.created", f"organisation:{made.id}", now)
        return created(made, f"/organisations/{made.id}", _etag(made))

    return await carry_out_once(call, body, create)


@organisations_endpoint("GET", "/organisations/{id}", answers=Organisation, status=(200, 304), headers=IF_NONE_MATCH)
async def get_organisation(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """An organisation."""
    async with transaction(call.services.database) as connection:
        return conditional_get(call, await _visible(call, connection, id))


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
    or the SIRET.
    """
    async with transaction(call.services.database) as connection:
        before = await _visible(call, connection, id, lock=True)
        require_match(call, _etag(before))
        settings = patched(before, body, OrganisationSettings)
        if settings.siret != before.siret:
            _require_siret(settings)
            require_scope(call.bearer, "platform")
        if before.name == DEFAULT_ORGANISATION != settings.name:
            raise Conflict("reserved_name", _RESERVED)
        fields = [name for name in ("name", "siret") if getattr(settings, name) != getattr(before, name)]
        after = _not_taken(await stored.update_organisation(connection, id, settings)) if fields else before
        if fields:
            actor, now = _actor(call, id), call.services.now()
            about = f"organisation:{id}"
            await write_entry(connection, actor, "organisation.changed", about, now, detail={"fields": fields})
    return Response(msgspec.json.encode(after), headers={"content-type": JSON, "etag": _etag(after)})


ROUTES = (list_organisations, create_organisation, get_organisation, update_organisation)


async def _visible(call: Call, connection: Connection, organisation_id: UUID, *, lock: bool = False) -> Organisation:
    """The organisation, that of the key unless its scope is `platform`. Raises NotFound."""
    is_visible = organisation_id == call.bearer.organisation_id or call.bearer.may("platform")
    found = await stored.find_organisation(connection, organisation_id, lock=lock) if is_visible else None
    if found is None:
        raise NotFound(NO_ORGANISATION)
    return found


def _actor(call: Call, organisation_id: UUID) -> Actor:
    """The bearer of the key, in the journal of the organisation that it is about."""
    return Actor(organisation_id, "key", actor_of(call).id)


def _require_siret(settings: OrganisationSettings) -> None:
    """Raises InvalidContent for a SIRET that fails its check."""
    if settings.siret is not None and not siret_passes_check(settings.siret):
        raise InvalidContent((Problem("/siret", "siret_check_failed", _BAD_SIRET),))


def _not_taken(written: Organisation | None) -> Organisation:
    if written is None:
        raise Conflict("taken", _TAKEN)
    return written


def _etag(organisation: Organisation) -> str:
    return etag_of(msgspec.json.encode(organisation))
