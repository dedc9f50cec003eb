"""Links to suppliers' own pages, their short codes, and the letters that bring them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.exchanges.letter import Letter, buyer_in_sentence
from domain.text.bilingual import Language, Text, long_date, said_by

_SAID = said_by(__name__)

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Digits and letters that nobody takes for one another."""
CODE_LENGTH, FORMER_LENGTH = 12, 10
"""The length of codes as they are made, and as they were before."""
_READ_AS = str.maketrans("", "", " -\u00a0\u202f\u2010\u2011\u2013")


def code_of(entropy: bytes) -> str:
    """The short code made of at least 16 random bytes."""
    number, letters = int.from_bytes(entropy), []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(CODE_LETTERS))
        letters.append(CODE_LETTERS[place])
    return "".join(letters)


def code_in(typed: str) -> str | None:
    """The code that somebody typed, with whatever case, spaces and hyphens; None where it cannot be one."""
    code = typed.strip().translate(_READ_AS).upper()
    return code if len(code) in {CODE_LENGTH, FORMER_LENGTH} and not set(code) - set(CODE_LETTERS) else None


class DeclarationLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to a supplier's own page, without its secrets."""

    id: UUID
    """UUID, by which it is revoked"""
    supplier_id: UUID
    """The supplier that it was made for"""
    created_at: datetime
    """The moment it was made"""
    expires_at: datetime
    """The moment it ends"""
    revoked_at: datetime | None
    """The moment it was revoked; null: it is not"""
    opened_at: datetime | None
    """The moment it was first followed; null: not so far"""


class CreatedLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to a supplier's own page, with its secrets, shown this once."""

    id: UUID
    """UUID, by which it is revoked"""
    url: str
    """The address of the page, a secret"""
    code: str
    """The same as a code to be typed on `/fiche`, a secret too"""
    expires_at: datetime
    """The moment both end"""
    email_queued: bool
    """Whether the link also goes to the address that was given; false too where no mail server is set"""


class LinkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link to a supplier's own page, to be made."""

    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    """An address that the link is also sent to; null: none"""
    expires_on: date | None = None
    """Its last day in France, at most two years away; null: after the days that the server is set to"""


MailKind = Literal["link", "asked", "renewal", "replaced"]
"""The reason for which an e-mail brings a link: an organisation asks, a SIRET was given on `/fiche`, what was declared
will expire, another link's declaration took its place."""


def link_letter(
    kind: MailKind, organisation: str, supplier: str, url: str, until: date, source: Text, language: Language
) -> Letter:
    """The letter that brings a supplier the link to its own page; `until`: the last day of the link.

    `source`: the sentences on where the address comes from, and on the supplier's rights.
    """
    asking = _SAID["directory"] if kind == "asked" else buyer_in_sentence(organisation)
    hello = Text(f"Bonjour {supplier},", f"Dear {supplier},").to(language)
    subject, _, opening = _SAID[kind].filled(asking=asking).to(language).partition("\n\n")
    rest = _SAID["rest"].filled(url=url, until=long_date(until), asking=asking).to(language)
    return Letter(subject, f"{hello}\n\n{opening}\n\n{rest}\n\n{source.to(language)}\n")
