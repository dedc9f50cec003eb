"""An organisation: a buyer, a network or a portal, whose keys see its own needs alone."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

DEFAULT_ORGANISATION = "default"
"""The organisation of the administrator's key: no name to write to somebody under."""

Name = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"),
]
Siret = Annotated[
    str,
    msgspec.Meta(pattern=r"^[0-9]{14}$", description="14 digits, the last one a check digit"),
]


class OrganisationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name and the SIRET of an organisation."""

    name: Name
    """No other organisation has it"""
    siret: Siret | None = None
    """Of its legal unit, 14 digits; null: not known"""


class Organisation(OrganisationSettings, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """An organisation as it is stored."""

    id: UUID
    """UUID, given when it was stored"""
    created_at: datetime
    """The moment it was stored"""
