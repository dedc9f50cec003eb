"""What is refused in a declaration, and where."""

from datetime import date

import msgspec
import pytest

from domain.declarations.declaration import Declaration, check_declaration

TODAY = date(2026, 11, 30)


def declaration(**fields: object) -> Declaration:
    return msgspec.convert(fields, Declaration)


def faults(**fields: object) -> list[tuple[str, str]]:
    return [(each.pointer, each.code) for each in check_declaration(declaration(**fields), TODAY)]


def test_a_whole_declaration_is_taken() -> None:
    offer = {"segments": ["ev-entretien"], "words": "tonte, petits élagages", "service_area": {"radius_km": 40}}
    contact = {"email": "contact@esat.example", "phone": "02 97 00 00 00", "website": "https://esat.example/nous"}
    assert not faults(
        offers=[offer],
        yearly_capacity_eur={"min": None, "max": 60_000},
        staff=42,
        with_others=True,
        references=["Mairie de Vannes, 2024"],
        contact=contact,
        valid_until="2027-12-31",
    )
    assert not faults()


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"no_offer": True, "offers": [{"segments": ["ev-entretien"]}]}, ("/no_offer", "offers_given")),
        ({"offers": [{"segments": ["a"], "words": "voir www.a.example"}]}, ("/offers/0/words", "address_in_words")),
        ({"offers": [{"segments": ["a"], "words": "\u00a0"}]}, ("/offers/0/words", "blank")),
        ({"references": ["ok", "deux\nlignes"]}, ("/references/1", "control_character")),
        ({"yearly_capacity_eur": {"min": 2, "max": 1}}, ("/yearly_capacity_eur/max", "invalid_range")),
        ({"contact": {"email": "nobody"}}, ("/contact/email", "invalid_email")),
        ({"contact": {"email": "contact@m\u0430irie.fr"}}, ("/contact/email", "invalid_email")),
        ({"contact": {"website": "https://\u043cairie.fr"}}, ("/contact/website", "invalid_website")),
        ({"offers": [{"segments": ["a"], "words": "voir bit.ly/abc"}]}, ("/offers/0/words", "address_in_words")),
        ({"contact": {"phone": "appelez-nous"}}, ("/contact/phone", "invalid_phone")),
        ({"contact": {"website": "javascript:alert(1)"}}, ("/contact/website", "invalid_website")),
        ({"contact": {"website": 'https://a.fr/"><script>'}}, ("/contact/website", "invalid_website")),
        ({"valid_until": "2026-11-29"}, ("/valid_until", "past")),
        ({"valid_until": "2036-11-29"}, ("/valid_until", "too_late")),
    ],
)
def test_what_is_refused_in_a_declaration(fields: dict[str, object], fault: tuple[str, str]) -> None:
    assert faults(**fields) == [fault]
