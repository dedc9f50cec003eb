"""A match put into words: the reasons of candidates, their eligibility, tension, advice; in French and in English."""

from datetime import date
from typing import Any

import pytest

from domain.needs.need import Place
from domain.shortlists.listed_suppliers import Candidate
from domain.suppliers.supplier import Evidence, Supplier
from tests.factories import (
    REDON,
    RENNES,
    VANNES,
    approved,
    based_on,
    codes,
    lot,
    matched,
    moved,
    need,
    offer,
    place,
    supplier,
)

MEDICAL = "33000000"


def candidate(one: Supplier, language: Any = "fr", territory: Any = None, **fields: Any) -> Candidate:
    """The only candidate of a lot."""
    (found,) = matched(need(lot(**fields), territory=territory), one, language=language).candidates
    return found


def reasons(one: Supplier, language: Any = "fr", territory: Any = None, **fields: Any) -> dict[str, str]:
    return {reason.code: reason.message for reason in candidate(one, language, territory, **fields).reasons}


HERE, FAR, NOWHERE = (supplier("x", offer(codes=("region:53",)), at=at) for at in (REDON, VANNES, None))
IN_RENNES, IN_REDON, TOWN = ({"site": each} for each in (place(RENNES), place(REDON), Place(commune="35236")))
UNKNOWN_ADDRESS = "Adresse inconnue : distance non calculée", "Address unknown: no distance"


@pytest.mark.parametrize(
    ("one", "asked", "code", "fr", "en"),
    [
        (
            supplier("x", offer("ev-entretien")),
            {"segments": ("ev-entretien",)},
            "segment_exact",
            "Propose : Entretien d'espaces verts",
            "Offers: Entretien d'espaces verts",
        ),
        (
            supplier("x", offer("pr-locaux")),
            {"segments": ("pr",)},
            "segment_narrower",
            "Propose « Nettoyage de locaux et bureaux », qui fait partie de « Propreté & hygiène »",
            "Offers “Nettoyage de locaux et bureaux”, part of “Propreté & hygiène”",
        ),
        (
            supplier("x", offer("pr")),
            {"segments": ("pr-locaux",)},
            "segment_broader",
            "Propose toute la famille « Propreté & hygiène », dont « Nettoyage de locaux et bureaux »",
            "Offers the whole family “Propreté & hygiène”, which includes “Nettoyage de locaux et bureaux”",
        ),
        (
            supplier("x", at=moved(REDON, north=-0.1)),
            {},
            "presence_nearby",
            "Zone d'intervention non renseignée ; situé à 50 km au plus du territoire",
            "Within 50 km of the territory, without a declared service area",
        ),
        (
            supplier("x", offer(national=True), at=VANNES),
            {},
            "presence_national",
            "Intervient dans toute la France",
            "Serves all of France",
        ),
        (FAR, {}, "presence_declared", "Déclare intervenir dans le territoire", "Declares serving the territory"),
        (FAR, {}, "distance", "À 47,8 km du territoire", "47.8 km from the territory"),
        (NOWHERE, {}, "distance", *UNKNOWN_ADDRESS),
        (NOWHERE, IN_RENNES, "distance", *UNKNOWN_ADDRESS),
        (HERE, {}, "presence_local", "Implanté dans le territoire", "Located in the territory"),
        (HERE, IN_RENNES, "distance", "À 59,4 km du lieu d'exécution", "59.4 km from the place of performance"),
        (HERE, IN_REDON, "distance", "Sur le lieu d'exécution", "At the place of performance"),
        (HERE, TOWN, "distance", "Sur la commune du lieu d'exécution", "In the commune of the place of performance"),
    ],
)
def test_fit_presence_and_distance_are_told(one: Supplier, asked: dict[str, Any], code: str, fr: str, en: str) -> None:
    assert reasons(one, **asked)[code] == fr
    assert reasons(one, "en", **asked)[code] == en


def test_what_was_not_declared_is_told() -> None:
    assert "basis_inferred" not in reasons(supplier("x"))
    assert "supposée" in reasons(supplier("x", offer(basis="inferred")))["basis_inferred"]
    assert "marché public" in reasons(supplier("x", offer(basis="awarded")))["basis_awarded"]


def test_evidence_is_told_strongest_and_latest_first_and_no_more_than_three() -> None:
    naf, words = Evidence("register", "NAF 81.21Z"), Evidence("words", "nettoyage")
    older = Evidence("award", "Nettoyage de la mairie", date(2023, 5, 2), "decp", "M12")
    newer = Evidence("award", "Nettoyage des écoles", date(2025, 5, 2), "decp", "M34")
    shop = supplier(
        "x", based_on(offer(basis="inferred"), words, naf), based_on(offer("pr", basis="awarded"), older, newer)
    )
    (answer,) = candidate(supplier("x", based_on(offer(basis="inferred"), words, naf, older, newer))).segments
    assert [each.kind for each in answer.evidence] == ["award", "award", "register"]
    (answer,) = candidate(shop, "en").segments
    assert (answer.fit, answer.basis) == ("exact", "inferred")
    assert [each.message for each in answer.evidence] == [
        "Entry in a register: NAF 81.21Z",
        "Name or description: nettoyage",
    ]
    (answer,) = candidate(shop, "en", segments=("pr",)).segments
    assert (answer.offered, answer.basis) == ("pr", "awarded")
    assert [(each.kind, each.message, each.on, each.source) for each in answer.evidence] == [
        ("award", "Public contract won: Nettoyage des écoles", date(2025, 5, 2), "decp"),
        ("award", "Public contract won: Nettoyage de la mairie", date(2023, 5, 2), "decp"),
    ]


@pytest.mark.parametrize(
    ("won", "age", "is_old"),
    [(date(2025, 5, 2), "", False), (date(2016, 5, 2), " il y a 10 ans", True), (None, " à une date inconnue", True)],
    ids=["recent", "old", "undated"],
)
def test_a_contract_says_its_age_and_an_old_one_is_to_be_confirmed(won: date | None, age: str, is_old: bool) -> None:
    """That it stands behind younger ones, `tests/matching/oracle` reads."""
    found = candidate(supplier("x", based_on(offer(basis="awarded"), Evidence("award", "Lavage", won))))
    assert [each.message for each in found.segments[0].evidence] == [f"Marché public remporté{age} : Lavage"]
    (said,) = [each.message for each in found.reasons if each.code == "basis_awarded"]
    assert ("plus de six ans" in said) is is_old


def test_what_is_declared_needs_no_evidence() -> None:
    shop = supplier("x", based_on(offer(), Evidence("words", "nettoyage")), offer(basis="inferred"))
    assert candidate(shop).segments[0].evidence == ()


def test_what_does_not_answer_casts_no_doubt_on_what_does() -> None:
    beside = supplier("x", offer(), offer("pr-specialise", "ev-entretien", basis="inferred"))
    assert "basis_inferred" in reasons(beside, segments=("pr-locaux", "pr-specialise"))
    assert "basis_inferred" not in reasons(beside, segments=("pr-locaux",), support_segments=("ev-entretien",))


def test_a_territory_without_outline_is_not_blamed_on_the_supplier() -> None:
    told = reasons(supplier("x", offer(national=True)), territory=codes("commune:98818"))
    assert told["distance"] == "Contour du territoire inconnu : distance non calculée"


def test_a_local_supplier_s_distance_is_told_only_where_there_is_a_site() -> None:
    assert "distance" not in reasons(supplier("x"))
    assert reasons(supplier("x"), site=place(REDON))["distance"] == "À 59,4 km du lieu d'exécution"


def test_eligibility_for_a_concession_quotes_its_article() -> None:
    """Also of those whom the reservation turns away, and right after the same was asked of a market."""
    pool = supplier("esat", approvals=approved("ESAT")), supplier("ei", approvals=approved("EI"))
    for contract, article in (("market", "L2113-12"), ("concession", "L3113-1")):
        found = matched(need(lot(reserved=("handicap",)), contract=contract), *pool)
        told = [*found.candidates[0].eligibility, *found.near_misses[0].eligibility]
        assert [one.article for one in told] == [article, article]


def test_what_is_missing_is_named_in_the_reader_s_language() -> None:
    lapsed = supplier("x", approvals=approved("ESAT", until=date(2026, 1, 1)))
    (fr,), (en,) = (candidate(lapsed, language, reserved=("handicap",)).eligibility for language in ("fr", "en"))
    assert (fr.outcome, fr.code) == (en.outcome, en.code) == ("ELIGIBLE_IF", "APPROVAL_LAPSED")
    assert fr.missing
    assert fr.missing != en.missing


def test_no_eligibility_is_told_where_nothing_is_reserved() -> None:
    assert candidate(supplier("x", approvals=approved("ESAT"))).eligibility == ()


@pytest.mark.parametrize(
    ("count", "level", "fr", "en"),
    [
        (0, "none", "Aucun fournisseur repéré pour « Repas » : le lot risque de rester sans offre", "risks no offer"),
        (1, "critical", "Un seul fournisseur repéré", "Only one candidate"),
        (2, "critical", "2 fournisseurs repérés seulement", "Only 2 candidates"),
        (3, "low", "Peu de fournisseurs repérés (3)", "Few candidates (3)"),
        (4, "low", "Peu de fournisseurs repérés (4)", "Few candidates (4)"),
        (5, "good", "Au moins 5 fournisseurs repérés par métier demandé", "At least 5 candidates per requested trade"),
        (9, "good", "Au moins 9 fournisseurs repérés par métier demandé", "At least 9 candidates per requested trade"),
    ],
)
def test_tension_counts_the_candidates_of_the_scarcest_segment(count: int, level: str, fr: str, en: str) -> None:
    shops = [supplier(f"{n}", offer("pr-locaux", "ev-entretien")) for n in range(count)]
    shops += [supplier(f"more {n}") for n in range(4)]
    asked = need(lot("pr-locaux", "ev-entretien"))
    found = matched(asked, *shops).tension
    assert found.level == level
    assert fr.replace("Repas", "Entretien d'espaces verts") in found.message
    assert en in matched(asked, *shops, language="en").tension.message


def test_a_lot_nobody_understands_says_so() -> None:
    """No candidates, no tension to speak of, and why: a CPV code no segment covers, words that are not known."""
    found = matched(need(lot(cpv=(MEDICAL,), keywords=("zzyzx",))), supplier("x"))
    assert (found.total, found.requested, found.coverage, found.candidates) == (0, (), (), ())
    assert found.tension.level == "none"
    assert found.tension.message == "Aucun métier n'a été reconnu dans ce lot : préciser l'objet"
    assert {advice.code for advice in found.advice} >= {"CPV_UNMAPPED", "KEYWORD_UNKNOWN"}


def test_a_cpv_code_no_segment_covers_is_named_with_its_label() -> None:
    (told,) = (a for a in matched(need(lot("pr-locaux", cpv=(MEDICAL,)))).advice if a.code == "CPV_UNMAPPED")
    assert told.article is None
    assert told.message.startswith("Aucun métier ne couvre le code CPV 33000000 (")
    assert "préciser l'objet" in told.message


def test_words_that_are_not_known_come_with_what_they_may_mean() -> None:
    asked = need(lot("pr-locaux", keywords=("entretien",)))
    (fr,), (en,) = (
        [a for a in matched(asked, language=language).advice if a.code == "KEYWORD_UNKNOWN"]
        for language in ("fr", "en")
    )
    assert fr.suggestions == en.suggestions
    assert "pr-locaux" in fr.suggestions
    assert fr.message.startswith("« entretien » n'a pas été reconnu. Peut-être : « ")
    assert en.message.startswith("“entretien” was not recognised. Perhaps: “")


def test_words_that_resemble_nothing_come_without_suggestions() -> None:
    (told,) = (a for a in matched(need(lot("pr-locaux", keywords=("zzyzx",)))).advice if a.code == "KEYWORD_UNKNOWN")
    assert (told.suggestions, told.message) == ((), "« zzyzx » n'a pas été reconnu.")


def test_a_title_that_says_something_else_than_the_codes_is_told_in_words() -> None:
    found = matched(need(lot(segments=(), cpv=("90919200",), title="Tonte des pelouses")))
    (advice,) = (advice for advice in found.advice if advice.code == "CPV_AND_TITLE_DIFFER")
    assert "« Entretien d'espaces verts »" in advice.message
    assert advice.suggestions == ("ev-entretien",)
