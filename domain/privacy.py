"""The person a request is about, the identifiers by which they are recognised, and which contact details are theirs.

A contact person has keys that two namings of one person share, and a pseudonym that an erasure leaves. Personal data
held about somebody is told item by item; their contact details are removed from a frozen answer.
Things are kept for periods that the operator chooses; a plan lists those that are due for removal.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.supplier import Contact
from domain.text.bilingual import said_by
from domain.text.normalise import fold

_SAID = said_by(__name__)

_DIGITS_SHOWN = 12


def pseudonym(person_id: UUID) -> str:
    """The name shown in place of an erased person: the same everywhere, and leading back to nobody."""
    return f"Personne {person_id.hex[-_DIGITS_SHOWN:]}"


def person_key(name: str) -> str:
    """The folded words of a name in alphabetical order: "Le Goff, Anne" and "Anne LE GOFF" have one key."""
    return " ".join(sorted(fold(name).split()))


def email_key(email: str) -> str:
    """The key of an e-mail address, in lower case as in the database; case differs in theory only (RFC 5321 §2.4)."""
    return email.strip().lower()  # folded, ß would be ss, and one person another


SHORTEST_NAME_WORD = 3
_SHORTEST_PHONE = 6


class DataSubject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person, by address, name or number."""

    email: Annotated[str, msgspec.Meta(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """An e-mail address; with a name too, namesakes with another address are left out"""
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=200)] | None = None
    """First and last name, in any order"""
    phone: Annotated[str, msgspec.Meta(min_length=6, max_length=40)] | None = None
    """A number, however it is spaced"""

    def __repr__(self) -> str:
        return "DataSubject()"


class Identifiers(msgspec.Struct, frozen=True):
    """The names (folded, in the order given), e-mail addresses and telephone numbers (as keys) of a person.

    `asked_email`, `asked_name_key`, `asked_phone`: those of the request, empty where it has none.
    """

    asked_email: str
    asked_name_key: str
    asked_phone: str
    names: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return "Identifiers()"

    def extended(self, names: Iterable[str], emails: Iterable[str], phones: Iterable[str]) -> "Identifiers":
        """The identifiers with more names, addresses and numbers; empty ones and too short numbers are left out."""
        return msgspec.structs.replace(
            self,
            names=self.names.union(filter(None, map(fold, names))),
            emails=self.emails.union(filter(None, map(email_key, emails))),
            phones=self.phones.union(key for key in map(phone_key, phones) if len(key) >= _SHORTEST_PHONE),
        )

    def has_own_email(self, email: str) -> bool:
        """Whether an e-mail address is the person's and contains a word of their name."""
        return email_key(email) in self.emails and any(has_name(email, name) for name in self.names)


def identifiers_of(subject: DataSubject) -> Identifiers:
    """The identifiers that a request names. Raises InvalidContent where no person can be recognised by them."""
    email, name, phone = subject.email or "", subject.name or "", subject.phone or ""
    asked = Identifiers(email_key(email), person_key(name), phone_key(phone)).extended([name], [email], [phone])
    if subject.email is None and subject.name is None and subject.phone is None:
        raise InvalidContent((Problem("", "missing_field", _SAID["missing"]),))
    if subject.name is not None and len(asked.asked_name_key) < 2:
        raise InvalidContent((Problem(pointer("name"), "blank", _SAID["no_letter"]),))
    if subject.phone is not None and not asked.phones:
        raise InvalidContent((Problem(pointer("phone"), "blank", _SAID["no_number"]),))
    return asked


def phone_key(phone: str) -> str:
    """The key of a telephone number: its digits, national if French, so "+33 2 97 00 00 00" equals "02.97.00.00.00"."""
    digits = re.sub(r"[^0-9]", "", phone).removeprefix("00")
    return re.sub(r"^(?:33)?0?([0-9]{9})$", r"0\1", digits)


def has_name(email: str, name: str) -> bool:
    """Whether an e-mail address contains a word of a name: `a.legoff@…` does for Anne Le Goff, `contact@…` does not."""
    local = fold(email.partition("@")[0]).replace(" ", "")
    return any(word in local for word in fold(name).split() if len(word) >= SHORTEST_NAME_WORD)


def is_persons_name(person: str, email: str | None, identifiers: Identifiers) -> bool:
    """Whether a name, given beside an e-mail address or none, is that of the person with these identifiers."""
    address = email_key(email or "") if has_name(email or "", person) else ""
    if address in identifiers.emails:
        return True
    is_namesake = bool(identifiers.asked_email and address)
    return person_key(person) == identifiers.asked_name_key != "" and not is_namesake


def without_person(contact: Contact, identifiers: Identifiers) -> Contact:
    """The contact of a supplier without the person's details; the same object where none is the person's.

    Removed: the name; an address or a number that was asked for; an address that contains the name; the number given
    beside either. Kept: what is the organisation's (`contact@…`, the web site, a number given with no person).
    """
    email, phone, person = contact.email or "", contact.phone or "", contact.person or ""
    is_named = bool(person) and is_persons_name(person, email, identifiers)
    removed = {
        "person": is_named,
        "email": email_key(email) in identifiers.emails or (is_named and has_name(email, person)),
        "phone": is_named or identifiers.has_own_email(email) or phone_key(phone) == identifiers.asked_phone != "",
    }
    gone = {field: None for field, goes in removed.items() if goes and getattr(contact, field) is not None}
    return msgspec.structs.replace(contact, **gone) if gone else contact


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
    """One place where personal data of the person are stored."""

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
    """A frozen answer without the person's e-mail address and number, then the fields removed, each with its text.

    A number is removed beside the person's own address, or where one of these suppliers gives it. Other bytes stay.
    """
    removed: list[tuple[str, str]] = []
    is_theirs = False

    def replace_contact(found: "re.Match[bytes]") -> bytes:
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

    return _SUPPLIER_OR_CONTACT.sub(replace_contact, body), tuple(dict.fromkeys(removed))


Kind = Literal["needs", "persons", "reply_links", "import_errors", "answers", "deliveries", "meetings", "campaigns"]

LEAST_YEARS_OF_NEEDS = 3
"""Awards feed the bar on contracts reserved to the ESS for three years (L2113-16): they go with their needs."""


class RetentionPeriods(msgspec.Struct, frozen=True, kw_only=True):
    """Periods for which things are kept, where they can be chosen."""

    needs_years: int = 5
    """Years after a need ended"""
    persons_years: int = 3
    """Years after the last meeting that names them, or after they last signed in"""
    reply_links_days: int = 90
    """Days after a link expired"""
    import_errors_days: int = 365
    """Days after the import"""
    campaigns_years: int = 3
    """Years after a campaign was last changed, sent, posted or reminded of"""


class RetentionBounds(msgspec.Struct, frozen=True, kw_only=True):
    """For each kind of data, the instant before which it must have ended to be removed."""

    needs: datetime
    """Of ended needs, with all that goes with them"""
    persons: datetime
    """Of persons whose last meeting ended, and who last signed in, by then"""
    reply_links: datetime
    """Of expired reply links"""
    import_errors: datetime
    """Of rejected rows"""
    answers: datetime
    """Of answers kept for `Idempotency-Key`"""
    deliveries: datetime
    """Of deliveries of webhooks that ended"""
    meetings: datetime
    """Of meetings about a territory and no need"""
    campaigns: datetime
    """Of campaigns, with their recipients, that were last changed or sent by then"""


class RetentionNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A need whose time is over, with all that goes with it."""

    id: UUID
    """That of the need"""
    organisation_id: UUID
    """The organisation whose need it is"""
    organisation: str
    """The name of whose it is"""
    ended_at: datetime
    """The moment it was closed or abandoned"""
    last_at: datetime
    """The last thing that happened to it"""
    shortlists: int
    """The number of versions that go with it"""
    exchanges: int
    """The number that go with it"""
    awards: int
    """The number that go with it"""
    meetings: int
    """Those about no other need that is kept"""


class RetentionCount(msgspec.Struct, frozen=True):
    """The number of things of a kind that are due."""

    kind: Kind
    """The kind of thing, as in `bounds`"""
    organisation: str | None
    """The name of whose they are; null: of what all share"""
    count: int
    """The number of things that are due"""
    before: datetime
    """Those that ended at this moment or earlier"""


class RetentionPlan(msgspec.Struct, frozen=True):
    """Things due for removal."""

    at: datetime
    """The moment of the plan"""
    periods: RetentionPeriods
    """Chosen by the operator"""
    bounds: RetentionBounds
    """The moments that these periods give at that moment"""
    needs: Sequence[RetentionNeed]
    """The needs that are due, one by one"""
    others: Sequence[RetentionCount]
    """The other things that are due, by kind"""


def bounds_of(periods: RetentionPeriods, now: datetime, answers: timedelta, deliveries: timedelta) -> RetentionBounds:
    """The retention bounds at `now`; `answers`, `deliveries`: how long answers and webhook deliveries are kept."""
    return RetentionBounds(
        needs=years_before(now, periods.needs_years),
        persons=years_before(now, periods.persons_years),
        reply_links=now - timedelta(days=periods.reply_links_days),
        import_errors=now - timedelta(days=periods.import_errors_days),
        answers=now - answers,
        deliveries=now - deliveries,
        meetings=years_before(now, periods.needs_years),
        campaigns=years_before(now, periods.campaigns_years),
    )


def years_before(moment: datetime, years: int) -> datetime:
    """The same day and time so many years before; 28 February where that year has no 29 February."""
    try:
        return moment.replace(year=moment.year - years)
    except ValueError:
        return moment.replace(year=moment.year - years, day=28)
