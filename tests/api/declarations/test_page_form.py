"""The form of a supplier's own page, read into a declaration and filled in from one."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from api.declarations.page_form import (
    DeclarationForm,
    declaration_of_form,
    field_of_problem,
    form_of_declaration,
    read_declaration_form,
    understand_form,
)
from domain.declarations.declaration import Declaration, DeclaredContact, DeclaredOffer, YearlyCapacity
from domain.errors import InvalidContent
from domain.suppliers.supplier import ServiceArea
from matching.reference import Reference
from tests.factories import offerless

TODAY = date(2026, 11, 30)


def declared(reference: Reference, before: Declaration | None = None, **fields: Any) -> Declaration:
    """The declaration that these fields make, with a trade ticked unless said otherwise."""
    form = DeclarationForm(**({"trades": ("ev-entretien",)} | fields))
    return declaration_of_form(understand_form(form, reference), before)


def area(reference: Reference, **fields: Any) -> ServiceArea | None:
    return declared(reference, **fields).offers[0].service_area


def test_fields_are_read_by_their_names_and_others_left_alone() -> None:
    fields = {"metier": ["ev-entretien", "", "ev-entretien", "de-bio"], "zone": ["km:20"], "body": ["Bonjour"]}
    assert read_declaration_form(fields) == DeclarationForm(trades=("ev-entretien", "de-bio"), where="km:20")


def test_where_is_a_distance_places_or_france(reference: Reference) -> None:
    assert area(reference, where="km:20") == ServiceArea(radius_km=20)
    assert area(reference, where="france") == ServiceArea(national=True)
    assert area(reference, where="departement:56") == ServiceArea(codes=("departement:56",))
    assert area(reference) is None
    assert area(reference, where="km:20", place="Morbihan") == ServiceArea(codes=("departement:56",)), "the more exact"
    assert area(reference, where="france", territories=("commune:56260",)) == ServiceArea(codes=("commune:56260",))


def test_amounts_are_read_as_people_write_them(reference: Reference) -> None:
    assert declared(reference, amount="40000").yearly_capacity_eur == YearlyCapacity(max=40_000)
    assert declared(reference, amount="40000", most="60 000 €").yearly_capacity_eur == YearlyCapacity(max=60_000)
    assert declared(reference, least="5 000").yearly_capacity_eur == YearlyCapacity(min=5_000)
    assert declared(reference).yearly_capacity_eur is None


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"trades": ()}, ["metier"]),
        ({"no_offer": "oui"}, ["rien"]),
        ({"place": "Saint-Martin"}, ["lieu"]),
        ({"place": "Nulle-part-sur-Rien"}, ["lieu"]),
        ({"most": "beaucoup", "staff": "-3"}, ["montant-max", "effectif"]),
        ({"until": "demain"}, ["jusqu"]),
        ({"references": "x" * 301}, ["references"]),
    ],
)
def test_what_is_to_be_corrected_is_told_at_its_field(
    reference: Reference, fields: dict[str, Any], at: list[str]
) -> None:
    with pytest.raises(InvalidContent) as wrong:
        declared(reference, **fields)
    assert [field_of_problem(each) for each in wrong.value.problems] == at


def test_words_are_read_by_their_parts_and_only_ticks_are_declared(reference: Reference) -> None:
    form = DeclarationForm(words="tonte, mise sous pli et blanchisserie")
    assert {"ev-entretien", "lt-blanchisserie"} <= set(understand_form(form, reference).found)
    (offer,) = declared(reference, words="tonte et blanchisserie").offers
    assert offer == DeclaredOffer(("ev-entretien",), "tonte et blanchisserie")


def test_what_was_declared_fills_the_form_and_comes_back_the_same(reference: Reference) -> None:
    before = Declaration(
        offers=(DeclaredOffer(("ev-entretien", "de-bio"), "tonte", ServiceArea(codes=("epci:200067932",))),),
        yearly_capacity_eur=YearlyCapacity(min=1_000, max=60_000),
        staff=42,
        with_others=False,
        references=("Les jardins de la mairie", "Un parc"),
        contact=DeclaredContact(email="contact@exemple.fr"),
        ask_again=False,
        valid_until=date(2027, 6, 30),
    )
    form = form_of_declaration(before, offerless("esat"), TODAY)
    assert declaration_of_form(understand_form(form, reference), before) == before


@pytest.mark.parametrize("typed", ["12", "12 ETP", "environ 12 salariés", " 12 personnes"])
def test_a_number_is_read_with_the_words_that_people_write_around_it(reference: Reference, typed: str) -> None:
    assert declared(reference, staff=typed).staff == 12


SEVERAL = Declaration(
    offers=(
        DeclaredOffer(("ev-entretien", "de-bio"), "tonte", ServiceArea(radius_km=20)),
        DeclaredOffer(("de-bio",), "compost", ServiceArea(codes=("departement:56",))),
        DeclaredOffer(("lt-blanchisserie",), None, None),
    ),
    valid_until=date(2027, 6, 30),
)


def test_several_areas_and_words_stay_each_with_its_trades(reference: Reference) -> None:
    """The form has one field for them: left as it is it changes none, chosen anew it is for all."""
    form = form_of_declaration(SEVERAL, offerless("esat"), TODAY)

    def sent(**fields: Any) -> tuple[DeclaredOffer, ...]:
        return declaration_of_form(understand_form(replace(form, **fields), reference), SEVERAL).offers

    assert sent() == SEVERAL.offers
    fewer = sent(trades=("ev-entretien", "lt-blanchisserie", "pr-locaux"))
    assert fewer == (
        DeclaredOffer(("ev-entretien",), "tonte", ServiceArea(radius_km=20)),
        SEVERAL.offers[2],
        DeclaredOffer(("pr-locaux",), None, ServiceArea(radius_km=20)),
    )
    assert {each.service_area.national for each in sent(where="france") if each.service_area} == {True}
    assert [each.words for each in sent(words="taille")] == ["taille", None, None]


def test_a_new_form_says_a_year_and_the_usual_distance_where_there_is_a_place() -> None:
    assert form_of_declaration(None, offerless("esat"), TODAY) == DeclarationForm(where="km:50", until="2027-11-30")
    assert form_of_declaration(None, offerless("esat", at=None), TODAY).where == ""
