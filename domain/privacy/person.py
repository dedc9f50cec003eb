"""A contact person: the keys that two namings of one person share, and the pseudonym that an erasure leaves."""

from uuid import UUID

from domain.text.normalise import fold

_DIGITS_SHOWN = 12


def pseudonym(person_id: UUID) -> str:
    """The name of an erased person: the same everywhere, and leading back to nobody."""
    return f"Personne {person_id.hex[-_DIGITS_SHOWN:]}"


def person_key(name: str) -> str:
    """The folded words of a name in alphabetical order: "Le Goff, Anne" and "Anne LE GOFF" have one key."""
    return " ".join(sorted(fold(name).split()))


def email_key(email: str) -> str:
    """The address in lower case, as the database has it. Case is told apart in theory only (RFC 5321 §2.4)."""
    return email.strip().lower()  # folded, ß would be ss, and one person another
