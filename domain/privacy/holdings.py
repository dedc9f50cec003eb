"""Personal data held about somebody, item by item, and the removal of their contact details from a frozen answer."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.privacy.data_subject import Identifiers, email_key, phone_key

Fate = Literal["erased", "pseudonym", "kept"]
Why = Literal["append_only", "text_of_source"]
Unreached = Literal["directory", "other_organisations", "index_files", "sent_mail", "copies", "backups"]
BEYOND_ANY_ERASURE: tuple[Unreached, ...] = ("index_files", "sent_mail", "copies", "backups")
"""The suppliers in the files of the index, made anew within a day; e-mail sent; what followers copied; backups."""

_STRING = rb'null|"(?:[^"\\]|\\.)*"'
_SUPPLIER_OR_CONTACT = re.compile(
    rb'"supplier":\{"id":"(?P<supplier>[0-9a-f-]{36})"'
    rb'|"contact":\{"email":(?P<email>' + _STRING + rb'),"phone":(?P<phone>' + _STRING + rb"),"
)
_decode = msgspec.json.Decoder(str | None).decode


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Something held about the person."""

    organisation: str | None
    """The organisation that holds it; null: the directory of suppliers, which all share"""
    where: str
    """Such as `meeting:<id>`, `record:<source>/<external id>`, `shortlist:<need>/<version>`"""
    field: str
    """The field that holds it"""
    text: str
    """The value as it is held"""
    since: datetime | None
    """The moment it came; null: not known"""
    fate: Fate
    """Its fate in an erasure: nothing is left, a pseudonym takes its place, or it is kept"""
    why: Why | None = None
    """Kept as said until the time for keeping the need is over; or its source's own text, to be put right there"""

    def __repr__(self) -> str:
        return f"Holding({self.where!r}, {self.field!r})"


class PersonalData(msgspec.Struct, frozen=True):
    """All that is held about a person, as a copy for them (RGPD, articles 15 and 20)."""

    made_at: datetime
    """The moment of the copy"""
    holdings: tuple[Holding, ...]
    """All that is held, place by place"""


class Erasure(msgspec.Struct, frozen=True):
    """The changes of an erasure, and what it left and why (RGPD, article 17)."""

    dry_run: bool
    """Only what it would change"""
    reference: UUID | None
    """Its name in the journal, as `person:<reference>`; null where nothing was changed"""
    changed: tuple[Holding, ...]
    """Things that were erased, or has a pseudonym"""
    kept: tuple[Holding, ...]
    """Things that stay, each with its reason"""
    complete: bool
    """Whether nothing found is kept, and no organisation's data was left out"""
    unreached: tuple[Unreached, ...]
    """The directory without the scope `platform`, other organisations, and what is out of any erasure's reach"""


def without_contacts(
    body: bytes, identifiers: Identifiers, supplier_ids: Collection[UUID]
) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """A frozen answer without the person's address, and without their number where it is that of these suppliers.

    Every other byte stays. Also the fields removed, each with its text.
    """
    removed: list[tuple[str, str]] = []
    is_theirs = False

    def replaced(found: "re.Match[bytes]") -> bytes:
        nonlocal is_theirs
        if found["supplier"] is not None:
            is_theirs = UUID(found["supplier"].decode()) in supplier_ids
            return found[0]
        email, phone = _decode(found["email"]) or "", _decode(found["phone"]) or ""
        is_known = email_key(email) in identifiers.emails
        is_own_phone = identifiers.has_own_email(email) or (is_theirs and phone_key(phone) in identifiers.phones)
        if is_known:
            removed.append(("contact.email", email))
        if is_own_phone and phone:
            removed.append(("contact.phone", phone))
        values = (b"null" if is_known else found["email"], b"null" if is_own_phone else found["phone"])
        return b'"contact":{"email":%b,"phone":%b,' % values

    return _SUPPLIER_OR_CONTACT.sub(replaced, body), tuple(dict.fromkeys(removed))
