"""Organisations: each sees and changes its own; the operator makes them, and sees all."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.admin.issue_keys import require_name_unlike_id
from api.runtime.actor import actor_of
from api.runtime.auth import require_scope
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, alteration, conditional_get, etag_of, etag_response, require_match
from api.runtime.idempotency import carried_out_once, created_answer, creation
from api.web.pagination import Page, Paging, answer_page
from api.web.request_body import Patch, apply_patch
from db import api_keys as stored
from db.core.engine import Connection
from db.idempotency import Answer
from db.journal.entries import write_entry
from domain.errors import Conflict, InvalidContent, Problem, require_found
from domain.journal import Actor
from domain.organisation import DEFAULT_ORGANISATION, Client, Organisation, OrganisationSettings
from domain.text.bilingual import Text, said_by
from sources.validation import siret_passes_check

_SAID = said_by(__name__)

Members = Sequence[tuple[str, str]]
NO_ORGANISATION = Text("Aucune organisation de cet identifiant", "No organisation with this id")
_RESERVED = _SAID["reserved"].filled(default_organisation=DEFAULT_ORGANISATION)


def own_organisation(client: Client) -> UUID | None:
    """The id of the organisation that the client administers; None for the scope `platform`, which administers all."""
    return None if client.may("platform") else client.organisation_id


async def visible_organisation(
    connection: Connection, client: Client, organisation_id: UUID, *, lock: bool = False
) -> Organisation:
    """Find an organisation, the client's or any for scope `platform`, and `lock` its row if asked. Raises NotFound."""
    is_visible = own_organisation(client) in {None, organisation_id}
    found = await stored.find_organisation(connection, organisation_id, lock=lock) if is_visible else None
    return require_found(found, NO_ORGANISATION)


async def add_organisation(
    connection: Connection, client: Client, settings: OrganisationSettings, now: datetime
) -> Organisation:
    """Store a new organisation. Raises InvalidContent, and Conflict where another has its name or its SIRET."""
    _require_siret(settings)
    require_name_unlike_id(settings.name)
    made = _require_unique(await stored.insert_organisation(connection, settings, now))
    await write_entry(
        connection, actor_in_journal_of(client, made.id), "organisation.created", f"organisation:{made.id}", now
    )
    return made


async def change_organisation(
    connection: Connection,
    client: Client,
    before: Organisation,
    settings: OrganisationSettings,
    now: datetime,
    members: Members,
) -> Organisation:
    """Store an organisation's settings. Raises Conflict where a name is taken, or `members` has the old or new one.

    `members`: who signs in, and the name of their organisation. Raises InvalidContent, Refusal (403) for another SIRET.
    """
    if settings.siret != before.siret:
        _require_siret(settings)
        require_scope(client, "platform")
    if settings.name != before.name:
        require_name_unlike_id(settings.name)
        names = {before.name, settings.name}
        if DEFAULT_ORGANISATION in names:
            raise Conflict("reserved_name", _RESERVED)
        if not names.isdisjoint(name for _, name in members):
            raise Conflict("reserved_name", _SAID["leads_people"])
    fields = [name for name in ("name", "siret") if getattr(settings, name) != getattr(before, name)]
    if not fields:
        return before
    after = _require_unique(await stored.update_organisation(connection, before.id, settings))
    actor, about = actor_in_journal_of(client, before.id), f"organisation:{before.id}"
    await write_entry(connection, actor, "organisation.changed", about, now, detail={"fields": fields})
    return after


def actor_in_journal_of(client: Client, organisation_id: UUID) -> Actor:
    """The client as the author of an entry in the journal of this organisation, which may not be its own."""
    return msgspec.structs.replace(actor_of(client), organisation_id=organisation_id)


def _require_siret(settings: OrganisationSettings) -> None:
    """Raises InvalidContent for a SIRET that fails its check."""
    if settings.siret is not None and not siret_passes_check(settings.siret):
        raise InvalidContent((Problem("/siret", "siret_check_failed", _SAID["bad_siret"]),))


def _require_unique(written: Organisation | None) -> Organisation:
    """The organisation as written; raises Conflict where none was, since the name or SIRET is taken."""
    if written is None:
        raise Conflict("taken", _SAID["taken"])
    return written


organisations_endpoint = partial(endpoint, tag="Organisations", scope="admin")


@organisations_endpoint("GET", "/organisations", answers=Page[Organisation])
async def list_organisations(call: Call, query: Paging, connection: Connection) -> Response[bytes]:
    """The organisations, the oldest first.

    The key's own; all for a key of scope `platform`.
    """
    fetch = partial(stored.list_organisations, connection, own_organisation(call.bearer))
    return await answer_page(call, query, "organisations", UUID, fetch)


@creation("/organisations", tag="Organisations", scope="platform", answers=Organisation, problems=("conflict",))
@carried_out_once
async def create_organisation(call: Call, body: OrganisationSettings, connection: Connection) -> Answer:
    """Make an organisation.

    `POST /keys` then makes its first key. 409 where another one has the name or the SIRET.
    """
    made = await add_organisation(connection, call.bearer, body, call.services.now())
    return created_answer(made, f"/organisations/{made.id}", etag_of(made))


@organisations_endpoint("GET", "/organisations/{id}", answers=Organisation, status=(200, 304), headers=IF_NONE_MATCH)
async def get_organisation(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """An organisation."""
    return conditional_get(call, await visible_organisation(connection, call.bearer, id))


@alteration(
    "/organisations/{id}",
    tag="Organisations",
    scope="admin",
    answers=Organisation,
    patch=OrganisationSettings,
    problems=("conflict", "stale-version"),
)
async def update_organisation(call: Call, id: UUID, body: Patch, connection: Connection) -> Response[bytes]:
    """Change the name of an organisation, or its SIRET.

    The SIRET takes a key of scope `platform`: who has one is known by it. 409 where another organisation has the name
    or the SIRET, or where the old or the new name leads people here who sign in without a key (`reserved_name`).
    """
    before = await visible_organisation(connection, call.bearer, id, lock=True)
    require_match(call, etag_of(before))
    settings = apply_patch(before, body, OrganisationSettings)
    now, members = call.services.now(), call.services.settings.oidc_members
    return etag_response(await change_organisation(connection, call.bearer, before, settings, now, members))
