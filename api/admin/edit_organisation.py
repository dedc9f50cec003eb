"""Use cases of organisations: seen, added by the operator, and changed by their own administrators."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from api.runtime.actor import actor_of_client
from api.runtime.auth import require_scope
from db import organisations as stored
from db.core.engine import Connection
from db.journal.entries import write_entry
from domain.audit import Actor
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.organisation import DEFAULT_ORGANISATION, Client, Organisation, OrganisationSettings
from domain.text.bilingual import Text
from sources.validation import siret_passes_check

Members = Sequence[tuple[str, str]]
NO_ORGANISATION = Text("Aucune organisation de cet identifiant", "No organisation with this id")
_TAKEN = Text("Une autre organisation a ce nom ou ce SIRET", "Another organisation has this name or SIRET")
_BAD_SIRET = Text(
    "La clé de contrôle de ce SIRET ne convient pas : un chiffre est faux, ou deux sont échangés",
    "The check digit of this SIRET does not fit: a digit is wrong, or two have changed places",
)
_NAME_IS_AN_ID = Text(
    "Un nom n'est pas un identifiant : des mots sont attendus, tels que « Ville de Vannes »",
    "A name is no id: words are expected, such as “Ville de Vannes”",
)
_RESERVED = Text(
    f"L'organisation « {DEFAULT_ORGANISATION} » est celle de VIVIER_ADMIN_KEY, qui la trouve à son nom",
    f"The organisation “{DEFAULT_ORGANISATION}” is that of VIVIER_ADMIN_KEY, which finds it by its name",
)
_LEADS_PEOPLE = Text(
    "VIVIER_OIDC_MEMBERS mène des personnes à une organisation de ce nom : l'exploitant doit d'abord l'y désigner par "
    "son identifiant",
    "VIVIER_OIDC_MEMBERS leads people to an organisation of this name: the operator has to name it there by its id "
    "first",
)


def own_organisation(client: Client) -> UUID | None:
    """The organisation that an administrator administers; None: all of them, for the scope `platform`."""
    return None if client.may("platform") else client.organisation_id


async def visible_organisation(
    connection: Connection, client: Client, organisation_id: UUID, *, lock: bool = False
) -> Organisation:
    """The organisation, the client's own unless its scope is `platform`. Raises NotFound."""
    is_visible = own_organisation(client) in {None, organisation_id}
    found = await stored.find_organisation(connection, organisation_id, lock=lock) if is_visible else None
    if found is None:
        raise NotFound(NO_ORGANISATION)
    return found


async def add_organisation(
    connection: Connection, client: Client, settings: OrganisationSettings, now: datetime
) -> Organisation:
    """The new organisation. Raises InvalidContent, and Conflict where another has the name or the SIRET."""
    _require_siret(settings)
    require_name(settings.name)
    made = _not_taken(await stored.insert_organisation(connection, settings, now))
    await write_entry(connection, _actor(client, made.id), "organisation.created", f"organisation:{made.id}", now)
    return made


async def change_organisation(
    connection: Connection,
    client: Client,
    before: Organisation,
    settings: OrganisationSettings,
    now: datetime,
    members: Members,
) -> Organisation:
    """The organisation with these settings. Raises InvalidContent, Conflict, and Refusal (403) for another SIRET.

    `members`: of the settings. A name by which they lead people somewhere is neither given up nor taken.
    """
    if settings.siret != before.siret:
        _require_siret(settings)
        require_scope(client, "platform")
    if settings.name != before.name:
        require_name(settings.name)
        names = {before.name, settings.name}
        if DEFAULT_ORGANISATION in names:
            raise Conflict("reserved_name", _RESERVED)
        if not names.isdisjoint(name for _, name in members):
            raise Conflict("reserved_name", _LEADS_PEOPLE)
    fields = [name for name in ("name", "siret") if getattr(settings, name) != getattr(before, name)]
    if not fields:
        return before
    after = _not_taken(await stored.update_organisation(connection, before.id, settings))
    actor, about = _actor(client, before.id), f"organisation:{before.id}"
    await write_entry(connection, actor, "organisation.changed", about, now, detail={"fields": fields})
    return after


def require_name(name: str) -> None:
    """Raises InvalidContent for a name that is written as an id."""
    try:
        UUID(name)
    except ValueError:
        return
    raise InvalidContent((Problem("/name", "name_is_an_id", _NAME_IS_AN_ID),))


def _actor(client: Client, organisation_id: UUID) -> Actor:
    """The client, in the journal of the organisation that it is about."""
    return msgspec.structs.replace(actor_of_client(client), organisation_id=organisation_id)


def _require_siret(settings: OrganisationSettings) -> None:
    """Raises InvalidContent for a SIRET that fails its check."""
    if settings.siret is not None and not siret_passes_check(settings.siret):
        raise InvalidContent((Problem("/siret", "siret_check_failed", _BAD_SIRET),))


def _not_taken(written: Organisation | None) -> Organisation:
    if written is None:
        raise Conflict("taken", _TAKEN)
    return written
