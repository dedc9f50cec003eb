"""What puts a proposal after another can be read aloud."""

import msgspec

from domain.allotment.allotment import Summary
from matching.allotment.words import CRITERIA, names_of, of_proposal, ranked_after, title

BEST = Summary(lots=4, without_supply=0, with_competition=4, reserved=4, suppliers_reached=40, suppliers_alone=31)


def test_the_first_criterion_that_differs_is_named() -> None:
    other = msgspec.structs.replace(BEST, suppliers_alone=25, lots=3)
    assert ranked_after(other, BEST, 1, 3) == (
        "ranked_after",
        (
            "Après la proposition 1 : 25 fournisseurs répondent seuls à un lot entier, contre 31",
            "After proposal 1: 25 suppliers answer a whole lot by themselves, against 31",
        ),
    )
    code, said = ranked_after(BEST, BEST, 2, 3)
    assert (code, said.fr) == ("drawn", "À égalité avec la proposition 2 : rang tiré au sort")


def test_figures_stand_beside_those_of_the_need_as_given() -> None:
    said = dict(of_proposal(BEST, msgspec.structs.replace(BEST, with_competition=1), 3))
    assert list(said) == list(CRITERIA)
    assert said["with_competition"].fr == "4 lots avec au moins 3 candidats éligibles (besoin tel que demandé : 1)"
    assert said["without_supply"].en == "0 lots with no candidate (need as given: 0)"


def test_a_title_says_what_is_bought_and_where() -> None:
    assert title(["Papiers, cartons", "DEEE"], "Morbihan", None).fr == "Papiers, cartons ; DEEE – Morbihan"
    assert title(["DEEE"], None, "Déchets").en == "Déchets"
    assert len(title(["DEEE" * 200], "Morbihan", None).fr) == 400


def test_reservations_are_named() -> None:
    assert names_of(["handicap", "iae"]).fr == "au handicap et à l'insertion"
    assert names_of(["ess"]).en == "the social economy"
