"""Who is meant, where they are mentioned, and what of a supplier's contact is theirs."""

import pytest

from domain.errors import InvalidContent
from domain.privacy.data_subject import (
    DataSubject,
    Traces,
    excerpt,
    is_of,
    masked,
    mentions,
    phone_key,
    traces_of,
    without_person,
)
from domain.suppliers.supplier import Contact

ANNE, ADDRESS = "Anne Le Goff", "anne.legoff@esat.example"


def traces(email: str | None = ADDRESS, name: str | None = ANNE) -> Traces:
    return traces_of(DataSubject(email, name))


@pytest.mark.parametrize("subject", [DataSubject(), DataSubject(name="--")])
def test_somebody_must_be_meant(subject: DataSubject) -> None:
    with pytest.raises(InvalidContent):
        traces_of(subject)


def test_who_is_meant_is_not_told_by_accident() -> None:
    """What errors and logs may print of it."""
    assert ADDRESS not in repr(DataSubject(ADDRESS, ANNE)) + repr(traces())


@pytest.mark.parametrize("number", ["02 97 00 00 00", "+33 2.97.00.00.00", "0033 297000000", "+33 (0)2 97 00 00 00"])
def test_numbers_are_told_from_their_spelling(number: str) -> None:
    assert phone_key(number) == "0297000000"


@pytest.mark.parametrize(
    ("email", "named"),
    [
        (ADDRESS, True),
        ("a.legoff@x.example", True),
        ("Anne@x.example", True),
        ("contact@legoff.example", False),
        ("accueil@x.example", False),
        ("le@x.example", False),
    ],
)
def test_an_address_names_a_person_or_nobody(email: str, named: bool) -> None:
    assert is_of(email, ANNE) == named


@pytest.mark.parametrize(
    "text",
    [
        "Vu avec Anne Le Goff hier",
        "Vu avec LE GOFF Anne.",
        "Le Goff, Anne : oui",
        '{"title":"Anne Le-Goff"}',
        f"écrire à {ADDRESS.upper()}.",
        f"<mailto:{ADDRESS}>",
    ],
)
def test_a_mention_is_found_and_masked_alone(text: str) -> None:
    ((start, end),) = mentions(text, traces())
    assert masked(text, traces(), "Personne 1") == text[:start] + "Personne 1" + text[end:]
    assert not mentions(masked(text, traces(), "Personne 1"), traces())


@pytest.mark.parametrize(
    "text",
    [
        "Anne a vu Le Goff",
        "Anne Martin, Le Goff",
        '["Anne","Le Goff"]',
        f"x{ADDRESS}",
        f"{ADDRESS}.fr",
        "Annette Le Goff",
    ],
)
def test_others_are_left_alone(text: str) -> None:
    assert masked(text, traces(), "Personne 1") == text


def test_a_name_of_one_word_is_not_looked_for_in_texts() -> None:
    assert mentions("Martin est venu", traces(None, "Martin")) == []


def test_of_a_long_text_what_stands_around_is_shown() -> None:
    shown = excerpt("x " * 1_000 + ANNE + " y" * 1_000, traces())
    assert ANNE in shown
    assert len(shown) < 600


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
    after = without_person(contact, traces(email, name))
    assert (after.email, after.phone, after.person, after.website) == (*left, "https://e.example")
    assert without_person(after, traces(email, name)) is after
