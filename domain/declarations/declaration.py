"""Declarations: a supplier says on its own page what it offers, how much of it, until when, and how to reach it.

It is the word of whoever holds the supplier's link, and says nothing of who that is. Links, their codes and letters.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.errors import Problem, control_character_problem, pointer
from domain.exchanges.letter import Letter, buyer_in_sentence
from domain.needs.need import Code, Euros
from domain.suppliers.supplier import Contact, ServiceArea, Supplier
from domain.text.bilingual import Language, Text, is_one_line, long_date, said_by

_SAID = said_by(__name__)

DAYS_VALID = 365
"""The days for which a declaration holds that does not say until when."""
LONGEST_VALID = 5 * 366
MOST_OFFERS, MOST_REFERENCES = 30, 10

OwnWords = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Segments = Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=100)]

_ADDRESS_IN_WORDS = re.compile(r"://|\bwww\.|@|\b[\w-]+\.(?:fr|com|net|org|eu|bzh|io|info|co|coop|ly)\b", re.IGNORECASE)
_HOST = r"[0-9a-zÀ-ɏ_-]+(?:\.[0-9a-zÀ-ɏ_-]+)+"  # Latin letters alone: those of other scripts pass for them
_EMAIL = re.compile(rf"[!#-'*+\--9=?A-Z^-~À-ɏ]{{1,64}}@{_HOST}", re.IGNORECASE)
_PHONE = re.compile(r"\+?[0-9(][0-9 ().\-/]{4,48}")
_WEBSITE = re.compile(rf"(?:https?://)?{_HOST}(?::[0-9]{{1,5}})?(?:[/?#][^\s<>\"]*)?", re.IGNORECASE)


class DeclaredOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a supplier says it does, and where."""

    segments: Segments
    """Ids of segments or families that it ticked"""
    words: OwnWords | None = None
    """In its words, without links; kept beside the segments, and shown to nobody as a fact; null: none"""
    service_area: ServiceArea | None = None
    """Null: it does not say, and up to 50 km from it"""


class YearlyCapacity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contracts that a supplier says it can carry, by their amount a year."""

    min: Euros | None = None
    """The least that is worth its while, euros a year excluding tax; null: it does not say"""
    max: Euros | None = None
    """The most that it can carry, euros a year excluding tax; null: it does not say"""


class DeclaredContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ways by which a supplier wants to be reached."""

    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    """An e-mail address; null: it does not say"""
    phone: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    """A telephone number; null: it does not say"""
    website: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    """An address to open; null: it does not say"""


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of a supplier's own word; what it sends replaces what it said before."""

    offers: Annotated[tuple[DeclaredOffer, ...], msgspec.Meta(max_length=MOST_OFFERS)] = ()
    """What it does; empty: it does not say, unless `no_offer`"""
    no_offer: bool = False
    """Whether it does none of what buyers look for here: it is asked no more, and `offers` is empty"""
    yearly_capacity_eur: YearlyCapacity | None = None
    """The contracts it can carry a year; null: it does not say"""
    staff: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    """Persons employed; null: it does not say"""
    with_others: bool | None = None
    """Whether it answers together with others too; null: it does not say"""
    references: Annotated[tuple[OwnWords, ...], msgspec.Meta(max_length=MOST_REFERENCES)] = ()
    """Work it has done, in its words, without links; shown to nobody as a fact"""
    contact: DeclaredContact | None = None
    """The ways to reach it; null: those that are known stay"""
    ask_again: bool | None = None
    """Whether it may be asked again; false: no campaign of the organisation that asked writes to it any more; null: as
    it has told that organisation before"""
    valid_until: date | None = None
    """The last day in France on which it holds; null: a year from the day it is sent"""


class StoredDeclaration(Declaration, frozen=True, kw_only=True):
    """A declaration as it is kept."""

    ask_again: bool = True
    """Whether the organisation whose link it is may ask it again"""
    valid_until: date
    """The last day in France on which it holds"""
    declared_at: datetime
    """The moment it was last sent"""
    expired: bool = False
    """Whether that last day is past, so that no need finds its offers any more"""


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's withdrawal of a declaration, with its reason for the supplier to read."""

    reason: str
    """In words, for the supplier"""
    withdrawn_at: datetime
    """The moment it was withdrawn"""


class DeclarationByLink(msgspec.Struct, frozen=True, kw_only=True):
    """The last word of a link on its supplier, as stored: what it declares, or for what reason that was withdrawn.

    Those by the reply links of one exchange are one. `sent_from`: a keyed digest of the network address.
    """

    organisation_id: UUID
    link_id: UUID | None
    exchange_id: UUID | None = None
    sent_from: bytes | None = None
    content: Declaration | None
    declared_at: datetime
    valid_until: date
    reminded_at: datetime | None = None
    reason: str | None = None
    withdrawn_at: datetime | None = None

    @property
    def link(self) -> tuple[UUID, UUID | None, UUID | None]:
        """The organisation whose link it is, and the link, or the exchange of a reply link."""
        return self.organisation_id, self.link_id, self.exchange_id

    @property
    def withdrawal(self) -> Withdrawal | None:
        """An operator's withdrawal of it; None where there is none."""
        if self.reason is None or self.withdrawn_at is None:
            return None
        return Withdrawal(reason=self.reason, withdrawn_at=self.withdrawn_at)


class SupplierPage(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a supplier's own page: all that is known of it, by whom, and what it said itself."""

    supplier: Supplier
    """All that the directory knows; `sources` and `provenance` say from whom"""
    declaration: StoredDeclaration | None
    """What it said itself; null: nothing so far, or it was withdrawn"""
    ask_again: bool = True
    """Whether the organisation whose link it is may ask it again, whatever it declares"""
    withdrawal: Withdrawal | None = None
    """Why an operator withdrew what it said; null: none did, or the supplier has said something since"""
    replaced_at: datetime | None = None
    """The moment another link's declaration took the place of what this link had said; null: none has"""
    link_expires_at: datetime
    """The moment the link ends"""


class WithdrawalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's wish to withdraw a declaration, and what else came as it did."""

    reason: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=2_000,
            pattern=r"\S",
            description="A text that is not blank",
            extra={"fr": "un texte qui ne soit pas que du blanc"},
        ),
    ]
    """In words, which the supplier reads on its page"""
    same_sender: bool = False
    """Whether all that the same network address sent is withdrawn with it"""
    same_organisation: bool = False
    """Whether all that came by links of the same organisation is withdrawn with it"""
    revoke_links: bool = False
    """Whether the links that they came by lead nowhere from now on, reply links too"""
    restore: datetime | None = None
    """The `declared_at` of what the supplier had said `earlier`, to stand in its place, even if it was taken back;
    null: the latest by another link does"""


def check_declaration(declaration: Declaration, today: date) -> Iterator[Problem]:
    """The problems of a declaration, but those of its codes and areas, each with its JSON pointer."""
    if declaration.no_offer and declaration.offers:
        yield Problem(pointer("no_offer"), "offers_given", _SAID["no_offers_then"])
    for position, offer in enumerate(declaration.offers):
        if offer.words is not None:
            yield from _check_words(offer.words, pointer("offers", position, "words"))
    for position, reference in enumerate(declaration.references):
        yield from _check_words(reference, pointer("references", position))
    capacity = declaration.yearly_capacity_eur
    if capacity and capacity.min is not None and capacity.max is not None and capacity.max < capacity.min:
        yield Problem(pointer("yearly_capacity_eur", "max"), "invalid_range", _SAID["most_below_least"])
    if declaration.contact is not None:
        yield from _check_contact(declaration.contact)
    until = declaration.valid_until
    if until is not None and until < today:
        yield Problem(pointer("valid_until"), "past", _SAID["past"])
    if until is not None and until > today + timedelta(days=LONGEST_VALID):
        yield Problem(pointer("valid_until"), "too_late", _SAID["too_late"])


def _check_words(words: str, at: str) -> Iterator[Problem]:
    """The problems of a text in the supplier's words: blank, of several lines, or with an address in it."""
    if not words.strip():
        yield Problem(at, "blank", _SAID["blank"])
    elif not is_one_line(words):
        yield control_character_problem(at)
    elif _ADDRESS_IN_WORDS.search(words):
        yield Problem(at, "address_in_words", _SAID["no_address"])


def _check_contact(contact: DeclaredContact) -> Iterator[Problem]:
    for name, shape, detail in (
        ("email", _EMAIL, _SAID["no_email"]),
        ("phone", _PHONE, _SAID["no_phone"]),
        ("website", _WEBSITE, _SAID["no_website"]),
    ):
        value: str | None = getattr(contact, name)
        if value is not None and not (value.strip().isprintable() and shape.fullmatch(value.strip())):
            yield Problem(pointer("contact", name), f"invalid_{name}", detail)


def public_contact(contact: DeclaredContact | None) -> Contact | None:
    """The contact as a record of the directory holds it; None where the supplier says none."""
    if contact is None:
        return None
    known = {name: text for name in ("email", "phone", "website") if (text := (getattr(contact, name) or "").strip())}
    return Contact(**known) if known else None


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
    """The moment somebody first did something on the page by it; null: not so far"""


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
"""The reason for an e-mail with a link: asked by an organisation, or on `/fiche`; it will expire; it was changed."""


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
