"""A contact person, the keys that two namings of one person share, and the pseudonym that an erasure leaves."""

from datetime import datetime
from uuid import UUID

import msgspec

from domain.text.normalise import fold

_DIGITS_SHOWN = 12


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A contact person, as one organisation knows them; meetings refer to them by id.

    `employer`: the organisation they speak for. `erased_at`: when their data was erased; `name` is then a pseudonym.
    """

    id: UUID
    name: str
    email: str | None = None
    phone: str | None = None
    employer: str | None = None
    created_at: datetime
    erased_at: datetime | None = None


def pseudonym(person_id: UUID) -> str:
    """The name of an erased person: the same everywhere, and leading back to nobody."""
    return f"Personne {person_id.hex[-_DIGITS_SHOWN:]}"


def name_key(name: str) -> str:
    """The folded words of a name in alphabetical order: "Le Goff, Anne" and "Anne LE GOFF" have one key."""
    return " ".join(sorted(fold(name).split()))


def email_key(email: str) -> str:
    """The address in one case. Case is told apart in theory only (RFC 5321 §2.4)."""
    return email.strip().casefold()
