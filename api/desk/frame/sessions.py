"""Sessions of the desk: of a key, never longer than that is in force, or of a person; found by the token in a cookie.

The database knows digests of tokens. With the administrator's key, which is a setting, they are bound to it: a session
ends when that key is changed.
"""

import hashlib
from datetime import timedelta
from secrets import token_urlsafe
from uuid import UUID

from litestar.types import Scope as ASGIScope

from api.identity_provider import Identity
from api.people_settings import comparable
from api.runtime.actor import TOKEN
from api.runtime.auth import LONGEST_KEY, NOT_STORED
from api.runtime.rate_limits import LOOK_UPS, caller_of
from api.runtime.services import Services
from api.settings import Settings
from db import api_keys
from db.api_keys import find_client_of_key
from db.core.engine import Connection, transaction
from db.journal.entries import write_entry
from db.persons import delete_session, find_session, insert_session, insert_session_of_person, note_sign_in
from domain.audit import Actor
from domain.organisation import Client, Scope


class UnknownOrganisation(Exception):
    """Somebody of whom neither the address nor the SIRET leads to an organisation."""


async def membership_of(
    connection: Connection, identity: Identity, settings: Settings
) -> tuple[UUID, tuple[Scope, ...]]:
    """The organisation by the address, else by the SIRET, else by the domain of the address; and the rights there.

    As the settings name it; a SIRET leads to the organisation that has it too. An address counts where the provider
    says that it is verified, and as `comparable` has it. Administrators are those whom the settings name by their very
    address for this organisation: a SIRET or a domain is no ground for it, as it might lead an administrator of one
    organisation to another. Raises UnknownOrganisation.
    """
    email, siret = comparable(identity.verified_email or "") or "", identity.siret or ""
    if not (siret.isascii() and siret.isdecimal()):
        siret = ""  # an address or a domain in its place is not verified
    for who in (email, siret, email[email.rfind("@") :] if "@" in email else ""):
        name = dict(settings.oidc_members).get(who) if who else None
        found = await api_keys.find_by_name_or_id(connection, name) if name else None
        if found is None and who and who == siret:
            found = await api_keys.find_by_siret(connection, siret)
        if found is not None:
            is_named = who == email and email in settings.oidc_administrators
            return found.id, (*settings.oidc_rights, "admin") if is_named else settings.oidc_rights
    raise UnknownOrganisation


async def begin_session(services: Services, key: str, scope: ASGIScope) -> str | None:
    """The token of a new session of that key; None where the key is not in force. `scope`: the request.

    Raises Refusal: 429 to an address that sent too many unknown keys, 503 while the database is away.
    """
    client = await services.keys.client(key, scope) if key and len(key) <= LONGEST_KEY else None
    if client is None:
        return None
    token, now = token_urlsafe(32), services.now()
    expires_at = now + timedelta(hours=services.settings.session_hours)
    own, *of_administrator = _digests(services, token)
    digest = of_administrator[0] if client.id == NOT_STORED else own
    async with transaction(services.database) as connection:
        await insert_session(connection, digest, client.id, now, expires_at)
    return token


async def begin_session_of_person(services: Services, identity: Identity) -> str:
    """The token of a new session of somebody whom the provider has identified. Raises UnknownOrganisation."""
    settings, token, now = services.settings, token_urlsafe(32), services.now()
    expires_at = now + timedelta(hours=settings.session_hours)
    async with transaction(services.database) as connection:
        organisation_id, scopes = await membership_of(connection, identity, settings)
        person_id = await note_sign_in(
            connection,
            organisation_id,
            settings.oidc_issuer or "",
            identity.subject,
            identity.name,
            identity.email,
            now,
        )
        digest, *_ = _digests(services, token)
        await insert_session_of_person(connection, digest, person_id, scopes, now, expires_at, identity.id_token)
        actor, about = Actor(organisation_id, "person", person_id), f"person:{person_id}"
        await write_entry(connection, actor, "person.signed_in", about, now, detail={"scopes": list(scopes)})
    return token


async def client_of_session(services: Services, token: str, scope: ASGIScope) -> Client | None:
    """The bearer of a session; None where it has expired, its key is not in force, or no provider is set any more.

    `scope`: the request. Raises Refusal (429) to an address that brought very many tokens of no session.
    """
    if not TOKEN.fullmatch(token):
        return None
    now = services.now()
    async with (
        services.limits.attempt(LOOK_UPS, caller_of(scope), for_all=False) as attempt,
        transaction(services.database) as connection,
    ):
        found = await find_session(connection, _digests(services, token), now)
        attempt.in_vain = found is None
        if found is None:
            return None
        if found.key_id is None:
            return found.person if services.identity_provider else None
        if found.key_id != NOT_STORED:
            return await find_client_of_key(connection, found.key_id, now)
    return await services.keys.client(services.settings.admin_key or "")


async def end_session(services: Services, token: str) -> str | None:
    """End the session of a token, where there is one; the ID token with which it began, if any."""
    async with transaction(services.database) as connection:
        return await delete_session(connection, _digests(services, token))


def _digests(services: Services, token: str) -> list[bytes]:
    """The digests under which a session of that token is stored: of a stored key, and of the administrator's."""
    parts = ("",) if services.settings.admin_key is None else ("", services.settings.admin_key)
    return [hashlib.sha256(f"{token}\n{part}".encode(errors="replace")).digest() for part in parts]
