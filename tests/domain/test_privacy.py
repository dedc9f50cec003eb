"""Persons and their contact details: recognised, listed, removed; how long things are kept."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidContent
from domain.privacy import (
    DataSubject,
    Holding,
    Identifiers,
    RetentionPeriods,
    bounds_of,
    email_key,
    has_name,
    identifiers_of,
    person_key,
    phone_key,
    pseudonym,
    without_contacts,
    without_person,
    years_before,
)
from domain.suppliers.supplier import Contact


def test_names_and_addresses_are_the_same_in_any_spelling_and_a_pseudonym_is_steady() -> None:
    """Letters that look alike make two addresses: else that of one person would erase another, and leave her own.

    The last digits of an id are random; the first tell when it was made, and are alike.
    """
    assert person_key("Le Goff, Anne") == person_key("anne LE GOFF") == person_key("Anne Le-Goff")
    assert person_key("Anne Le Goff") != person_key("Yann Le Goff")
    assert email_key(" Anne.LeGoff@Example.org") == email_key("anne.legoff@example.org ")
    assert len({email_key(f"anne@{domain}.fr") for domain in ("essonne", "eßonne", "eſſonne")}) == 3
    one, other = (UUID(int=0x0193_6000_0000_7000_8000_0000_0000_0000 + n) for n in (1, 2))
    assert pseudonym(one) == pseudonym(one) != pseudonym(other)


ANNE, ADDRESS = "Anne Le Goff", "anne.legoff@esat.example"


def identifiers(email: str | None = ADDRESS, name: str | None = ANNE, phone: str | None = None) -> Identifiers:
    return identifiers_of(DataSubject(email, name, phone))


@pytest.mark.parametrize("subject", [DataSubject(), DataSubject(name="--"), DataSubject(phone="------")])
def test_somebody_must_be_meant(subject: DataSubject) -> None:
    with pytest.raises(InvalidContent):
        identifiers_of(subject)


def test_who_is_meant_and_what_is_held_are_not_told_by_accident() -> None:
    """In what errors and logs may print of it."""
    held = Holding(organisation=None, where="record:a/1", field="contact.email", text=ADDRESS, since=None, fate="kept")
    assert ADDRESS not in f"{DataSubject(ADDRESS, ANNE)!r}{identifiers()!r}{held!r}"


def test_numbers_are_told_from_their_spelling_and_addresses_name_a_person_or_nobody() -> None:
    for number in ("02 97 00 00 00", "+33 2.97.00.00.00", "0033 297000000", "+33 (0)2 97 00 00 00"):
        assert phone_key(number) == "0297000000"
    assert all(has_name(email, ANNE) for email in (ADDRESS, "a.legoff@x.example", "Anne@x.example"))
    assert not any(has_name(email, ANNE) for email in ("contact@legoff.example", "accueil@x.example", "le@x.example"))


@pytest.mark.parametrize(
    ("before", "email", "name", "left"),
    [
        (("contact@e.example", "02", ANNE), None, ANNE, ("contact@e.example", None, None)),
        ((ADDRESS, "02", ANNE), None, "le goff anne", (None, None, None)),
        ((ADDRESS, "02", ANNE), ADDRESS.upper(), None, (None, None, None)),
        ((ADDRESS, "02", None), ADDRESS, None, (None, "02", None)),
        ((ADDRESS, "02", None), ADDRESS, ANNE, (None, None, None)),
        ((ADDRESS, "02", "Paul Durand"), ADDRESS, ANNE, (None, None, "Paul Durand")),
        (("contact@e.example", "02", "Paul Durand"), "contact@e.example", None, (None, "02", "Paul Durand")),
        (("anne.legoff@other.example", "02", ANNE), ADDRESS, ANNE, ("anne.legoff@other.example", "02", ANNE)),
        ((None, None, "Paul Durand"), ADDRESS, ANNE, (None, None, "Paul Durand")),
    ],
    ids=str,
)
def test_of_a_contact_what_is_the_persons_goes(
    before: tuple[str | None, ...], email: str | None, name: str | None, left: tuple[str | None, ...]
) -> None:
    """And what is the organisation's stays, or another person's."""
    contact = Contact(email=before[0], phone=before[1], person=before[2], website="https://e.example")
    after = without_person(contact, identifiers(email, name))
    assert (after.email, after.phone, after.person, after.website) == (*left, "https://e.example")
    assert without_person(after, identifiers(email, name)) is after


def test_a_number_takes_away_itself_alone() -> None:
    """It may be a switchboard's; a contact without that number is left alone."""
    contact = Contact(email="contact@e.example", phone="+33 2 97 00 00 00", person="Paul Durand")
    after = without_person(contact, identifiers(None, None, "02.97.00.00.00"))
    assert after == Contact(email="contact@e.example", person="Paul Durand")
    unreadable = Contact(phone="néant")
    assert without_person(unreadable, identifiers()) is unreadable


A, B = UUID(int=1), UUID(int=2)
HERS = Identifiers("", "", "").extended(["Anne Le Goff"], ["a.legoff@x.example"], ["0297000000"])


def body(supplier: UUID, email: str | None, phone: str | None, name: str = "ESAT") -> bytes:
    contact = {"email": email, "phone": phone, "website": None}
    return msgspec.json.encode(
        {"supplier": {"id": supplier, "name": name, "location": {"lat": 1.5}, "contact": contact}}
    )


@pytest.mark.parametrize(
    ("before", "email", "phone"),
    [
        ((A, "A.LeGoff@x.example", "02 98"), None, None),
        ((B, "contact@x.example", "+33 2 97 00 00 00"), "contact@x.example", "+33 2 97 00 00 00"),
        ((A, "contact@x.example", "+33 2 97 00 00 00"), "contact@x.example", None),
        ((A, None, None), None, None),
        ((A, 'é"\\@x.example', "1"), 'é"\\@x.example', "1"),
    ],
)
def test_of_contacts_only_hers_go(
    before: tuple[UUID, str | None, str | None], email: str | None, phone: str | None
) -> None:
    """Her address anywhere; her number where it is the contact of her supplier."""
    name = '},"contact":{"email":"a.legoff@x.example","phone":null,"website":'
    given = body(*before, name=name)
    after, taken = without_contacts(given, HERS, {A})
    assert after == body(before[0], email, phone, name=name)
    assert len(taken) == (before[1] != email) + (before[2] != phone)


moments = st.integers(0, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.mark.parametrize(
    ("now", "years", "then"),
    [
        ("2026-11-25", 5, "2021-11-25"),
        ("2024-02-29", 4, "2020-02-29"),
        ("2024-02-29", 5, "2019-02-28"),
        ("2025-03-01", 1, "2024-03-01"),
    ],
)
def test_years_are_those_of_the_calendar(now: str, years: int, then: str) -> None:
    parse = datetime.fromisoformat
    assert years_before(parse(now), years) == parse(then)


@given(moments, st.integers(1, 30))
def test_no_year_is_shorter_than_it_is(now: datetime, years: int) -> None:
    assert now - years_before(now, years) >= timedelta(days=365 * years)


@given(moments, moments)
def test_a_later_purge_removes_what_an_earlier_one_would(one: datetime, other: datetime) -> None:
    earlier, later = (bounds_of(RetentionPeriods(), now, timedelta(1), timedelta(30)) for now in sorted((one, other)))
    assert all(getattr(earlier, kind) <= getattr(later, kind) for kind in earlier.__struct_fields__)
