"""A frozen answer without a person's contacts, and with every other byte as it was."""

from uuid import UUID

import msgspec
import pytest

from domain.privacy.data_subject import Identifiers
from domain.privacy.holdings import Holding, without_contacts

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


def test_what_is_held_is_not_told_by_accident() -> None:
    holding = Holding(
        organisation=None, where="record:a/1", field="contact.email", text="x@y.z", since=None, fate="kept"
    )
    assert "x@y.z" not in repr(holding)
