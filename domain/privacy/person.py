"""Persons named where organisations meet: what two namings of one share, and what is left of who is erased."""

from uuid import UUID

from domain.text.normalise import fold

_SHOWN = 12


def pseudonym(person_id: UUID) -> str:
    """What a person is called once erased: the same everywhere, and leading back to nobody."""
    return f"Personne {person_id.hex[-_SHOWN:]}"


def name_key(name: str) -> str:
    """The same for two spellings of a name, in either order of its words: "Le Goff, Anne" and "Anne LE GOFF"."""
    return " ".join(sorted(fold(name).split()))


def email_key(email: str) -> str:
    """The same for two spellings of an address. Case is told apart in theory only (RFC 5321 §2.4)."""
    return email.strip().casefold()
