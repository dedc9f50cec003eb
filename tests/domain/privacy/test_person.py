"""When two namings mean one person, and what is left of one who is erased."""

from uuid import UUID

from domain.privacy.person import email_key, person_key, pseudonym


def test_a_name_is_the_same_in_either_order_and_spelling() -> None:
    assert person_key("Le Goff, Anne") == person_key("anne LE GOFF") == person_key("Anne Le-Goff")
    assert person_key("Anne Le Goff") != person_key("Yann Le Goff")


def test_an_address_is_the_same_in_any_case() -> None:
    assert email_key(" Anne.LeGoff@Example.org") == email_key("anne.legoff@example.org ")


def test_letters_that_look_alike_make_two_addresses() -> None:
    """Else the address of one person would erase another, and leave her own."""
    assert len({email_key(f"anne@{domain}.fr") for domain in ("essonne", "eßonne", "eſſonne")}) == 3


def test_a_pseudonym_is_steady_and_tells_two_persons_apart() -> None:
    """The last digits of an id are random; the first tell when it was made, and are alike."""
    one, other = (UUID(int=0x0193_6000_0000_7000_8000_0000_0000_0000 + n) for n in (1, 2))
    assert pseudonym(one) == pseudonym(one) != pseudonym(other)
