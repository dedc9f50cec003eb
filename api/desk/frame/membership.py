"""The organisation of somebody who signs in without a key, and what they may do there."""

from typing import NamedTuple
from uuid import UUID

from api.email_address import comparable
from api.runtime.identity_provider import Identity
from api.settings import Settings
from db import organisations
from db.core.engine import Connection
from domain.organisation import Scope


class UnknownOrganisation(Exception):
    """Somebody of whom neither the address nor the SIRET leads to an organisation."""


class Membership(NamedTuple):
    """The organisation of somebody. `by_address`: the settings name it for their very address."""

    organisation_id: UUID
    by_address: bool


async def membership_of(connection: Connection, identity: Identity, settings: Settings) -> Membership:
    """The organisation by the address, else by the SIRET, else by the domain of the address.

    As the settings name it; a SIRET leads to the organisation that has it too. An address counts where the provider
    says that it is verified, and as `comparable` has it. Raises UnknownOrganisation.
    """
    email, siret = comparable(identity.verified_email or "") or "", identity.siret or ""
    if not (siret.isascii() and siret.isdecimal()):
        siret = ""  # an address or a domain in its place is not verified
    for who in (email, siret, email[email.rfind("@") :] if "@" in email else ""):
        name = dict(settings.oidc_members).get(who) if who else None
        found = await organisations.find_by_name_or_id(connection, name) if name else None
        if found is None and who and who == siret:
            found = await organisations.find_by_siret(connection, siret)
        if found is not None:
            return Membership(found.id, by_address=who == email)
    raise UnknownOrganisation


def scopes_of(identity: Identity, membership: Membership, settings: Settings) -> tuple[Scope, ...]:
    """The rights of everybody who signs in so, and `admin` of those whom the settings name for this organisation.

    A SIRET or a domain is no ground for `admin`: it might lead an administrator of one organisation to another.
    """
    is_named = comparable(identity.verified_email or "") in settings.oidc_administrators
    return (*settings.oidc_rights, "admin") if is_named and membership.by_address else settings.oidc_rights
