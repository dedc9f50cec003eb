"""The organisation of somebody who signs in without a key, and what they may do there."""

from uuid import UUID

from api.runtime.identity_provider import Identity
from api.settings import Settings
from db import organisations
from db.core.engine import Connection
from domain.client import Scope


class UnknownOrganisation(Exception):
    """Somebody of whom neither the address nor the SIRET leads to an organisation."""


async def organisation_of(connection: Connection, identity: Identity, settings: Settings) -> UUID:
    """The organisation by the address, else by the SIRET, else by the domain of the address.

    As the settings name it; a SIRET leads to the organisation that has it too. An address counts where the provider
    says that it is verified. Raises UnknownOrganisation.
    """
    email, siret = (identity.verified_email or "").casefold(), identity.siret or ""
    for who in (email, siret, email[email.rfind("@") :] if "@" in email else ""):
        name = dict(settings.oidc_members).get(who) if who else None
        found = await organisations.find_by_name_or_id(connection, name) if name else None
        if found is None and who and who == siret:
            found = await organisations.find_by_siret(connection, siret)
        if found is not None:
            return found.id
    raise UnknownOrganisation


def scopes_of(identity: Identity, settings: Settings) -> tuple[Scope, ...]:
    """The rights of everybody who signs in so, and `admin` of those whom the settings name."""
    is_administrator = (identity.verified_email or "").casefold() in settings.oidc_administrators
    return (*settings.oidc_rights, "admin") if is_administrator else settings.oidc_rights
