"""What is held about a person, place by place, and what an erasure makes of it."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.privacy.data_subject import Traces, is_of, phone_key
from domain.privacy.person import email_key

Fate = Literal["erased", "pseudonym", "kept"]
Why = Literal["append_only", "text_of_source"]

_VALUE = rb'null|"(?:[^"\\]|\\.)*"'
_SUPPLIER = rb'"supplier":\{"id":"(?P<supplier>[0-9a-f-]{36})"'
_CONTACT = re.compile(
    _SUPPLIER + rb'|("contact":\{"email":)(' + _VALUE + rb')(,"phone":)(' + _VALUE + rb')(,"website":)'
)


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Something held about the person.

    `organisation`: whose it is, null: the directory of suppliers, which all share. `where`: such as `meeting:<id>`,
    `record:<source>/<external id>`, `shortlist:<need>/<version>`. `since`: when it came. `fate`: what an erasure makes
    of it: nothing is left, a pseudonym takes its place, or it is kept. `why`: it is kept as said, until the time for
    keeping the need is over (`append_only`); it is the source's own text, to be put right there (`text_of_source`).
    """

    organisation: str | None
    where: str
    field: str
    text: str
    since: datetime | None
    fate: Fate
    why: Why | None = None

    def __repr__(self) -> str:
        return f"Holding({self.where!r}, {self.field!r})"


class PersonalData(msgspec.Struct, frozen=True):
    """All that is held about a person, as a copy for them (RGPD, articles 15 and 20)."""

    made_at: datetime
    holdings: tuple[Holding, ...]


class Erasure(msgspec.Struct, frozen=True):
    """What an erasure changed, and what it left and why (RGPD, article 17).

    `reference`: what the journal knows it by, as `person:<reference>`; null where nothing was changed. `dry_run`: only
    what it would change.
    """

    dry_run: bool
    reference: UUID | None
    changed: tuple[Holding, ...]
    kept: tuple[Holding, ...]


def without_contacts(
    body: bytes, traces: Traces, supplier_ids: Collection[UUID]
) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """A frozen answer without the person's address, and without their number where it is that of these suppliers.

    Every other byte stays. Also what was taken out, as the name of a field and its text.
    """
    taken: list[tuple[str, str]] = []
    theirs = {str(each).encode() for each in supplier_ids}
    is_theirs = False

    def without(found: "re.Match[bytes]") -> bytes:
        nonlocal is_theirs
        if found["supplier"] is not None:
            is_theirs = found["supplier"] in theirs
            return found[0]
        email, phone = (msgspec.json.decode(found[group], type=str | None) for group in (3, 5))
        known = email is not None and email_key(email) in traces.addresses
        own = known and any(is_of(email or "", name) for name in traces.names)
        numbered = phone is not None and (own or (is_theirs and phone_key(phone) in traces.phones))
        taken.extend(("contact.email", email) for _ in range(known) if email is not None)
        taken.extend(("contact.phone", phone) for _ in range(numbered) if phone is not None)
        parts = (found[2], b"null" if known else found[3], found[4], b"null" if numbered else found[5], found[6])
        return b"".join(parts)

    return _CONTACT.sub(without, body), tuple(dict.fromkeys(taken))
