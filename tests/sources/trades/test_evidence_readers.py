"""Offers by public contracts that a supplier won, by the jobs it recruits for, by the purpose it declares."""

from datetime import date
from functools import cache

import pytest

from domain.reference import taxonomy
from domain.suppliers.known_trades import years_before
from domain.suppliers.supplier import Kind, Offer, PublicAward
from sources.trades.evidence_readers import AwardReader, Job, offers_of_jobs, offers_of_purpose, purpose_codes
from tests.factories import reference

TODAY = date(2026, 11, 24)


@cache
def awards() -> AwardReader:
    known = reference()
    return AwardReader(known.taxonomy, known.cpv, known.territories, "decp", TODAY)


def offers_of_award(text: str, on: date | None = date(2025, 3, 1)) -> tuple[Offer, ...]:
    return awards().offers(PublicAward(object=text, notified_on=on), text, "M12", None, in_group=False)


def test_a_contract_shows_its_winner_at_its_object() -> None:
    (offer,) = offers_of_award("Entretien des espaces verts du lycée")
    (evidence,) = offer.evidence
    assert (offer.segments, offer.basis, offer.service_area) == (("ev-entretien",), "awarded", None)
    assert (evidence.kind, evidence.label) == ("award", "Entretien des espaces verts du lycée")
    assert (evidence.on, evidence.source, evidence.reference) == (date(2025, 3, 1), "decp", "M12")


@pytest.mark.parametrize(
    ("text", "code", "segments"),
    [
        ("Nettoyage des locaux", "77310000", ("pr-locaux",)),
        ("Lot 3", "90911300", ("pr-specialise",)),
        ("Lot 3, secteur agence", "77310000", ()),
        ("Lot 3", "75231240", ()),
        ("Lot 3", "85312510", ()),
        ("Lot 3", "00000000", ()),
        ("Lot 3", None, ()),
    ],
)
def test_the_code_counts_where_the_object_is_mute_and_the_code_is_not_that_of_insertion(
    text: str, code: str | None, segments: tuple[str, ...]
) -> None:
    assert awards().segments(text, code) == segments


@pytest.mark.parametrize(
    ("on", "recent"), [(date(2020, 11, 24), True), (date(2020, 11, 23), False), (None, False), (TODAY, True)]
)
def test_a_contract_notified_more_than_six_years_ago_or_on_no_known_day_says_so(
    on: date | None, *, recent: bool
) -> None:
    (offer,) = offers_of_award("Nettoyage des locaux", on)
    assert (offer.basis, offer.segments, offer.evidence[0].on) == ("awarded", ("pr-locaux",), on)
    assert ("plus de six ans" in (offer.label or "")) is not recent


def test_years_before_a_leap_day_end_on_the_day_before_it() -> None:
    assert years_before(date(2024, 2, 29), 6) == date(2018, 2, 28)


def offers_for(kind: Kind, *jobs: Job) -> tuple[Offer, ...]:
    return offers_of_jobs(taxonomy.load(), "emplois", jobs, kind)


def test_a_code_names_the_trade_and_the_title_tells_why() -> None:
    (offer,) = offers_for("EI", Job("K2204", "Agent d'entretien"), Job("K2204", "Agente de propreté"))
    (evidence,) = offer.evidence
    assert (offer.segments, offer.basis, offer.presta_types) == (("pr-locaux",), "inferred", ())
    assert (evidence.kind, evidence.label, evidence.reference) == ("job", "Agent d'entretien", "K2204")


def test_the_title_chooses_among_the_segments_of_a_code_and_tells_where_the_code_does_not() -> None:
    (offer,) = offers_for("ACI", Job("A1203", "Entretien des espaces verts"))
    assert offer.segments == ("ev-entretien",)
    (offer,) = offers_for("ACI", Job("A1203", "Ouvrier"))
    assert offer.segments == ("ev-entretien", "ev-creation")
    (offer,) = offers_for("ACI", Job("", "Valoriste en ressourcerie"))
    assert offer.segments == ("re-ressourcerie",)
    assert offers_for("ACI", Job("K1206", "Médiateur")) == ()


def test_an_ai_lends_who_it_recruits_and_an_etti_or_geiq_recruits_for_others() -> None:
    (offer,) = offers_for("AI", Job("K2204", "Agent"))
    assert offer.presta_types == ("DISP",)
    assert offers_for("ETTI", Job("K2204", "Agent")) == offers_for("GEIQ", Job("K2204", "Agent")) == ()


@pytest.mark.parametrize(
    ("codes", "text", "segments"),
    [
        (("021005", "000000"), "accueillir les enfants du quartier", [("so-enfance",)]),
        (("030010", "000000"), "insertion de personnes par l'entretien d'espaces verts", [("ev-entretien",)]),
        (("030010", "000000"), "lutter contre le chômage", []),
        (("024015", "000000"), "faire connaître les oiseaux", []),
        (("006000", "000000"), "entretien d'espaces verts", []),
        (("021010", "021005"), "", [("so-domicile",), ("so-enfance",)]),
    ],
)
def test_codes_name_a_trade_and_texts_only_with_a_code_that_asks_for_them(
    codes: tuple[str, ...], text: str, segments: list[tuple[str, ...]]
) -> None:
    offers = offers_of_purpose(taxonomy.load(), "rna", codes, text)
    assert [offer.segments for offer in offers] == segments
    assert {evidence.kind for offer in offers for evidence in offer.evidence} <= {"purpose"}


def test_every_segment_that_a_code_names_is_one_of_the_taxonomy() -> None:
    codes = purpose_codes()
    named = {segment for table in (codes.strong, codes.weak) for segments in table.values() for segment in segments}
    assert named <= taxonomy.load().segments.keys()
    assert not codes.strong.keys() & codes.weak.keys()
