"""Offers by the jobs that a structure recruits for."""

from domain.reference import taxonomy
from sources.trades.jobs import Job, JobReader

READER = JobReader(taxonomy.load(), "emplois")


def test_a_code_names_the_trade_and_the_title_tells_why() -> None:
    (offer,) = READER.offers([Job("K2204", "Agent d'entretien"), Job("K2204", "Agente de propreté")], "EI")
    (evidence,) = offer.evidence
    assert (offer.segments, offer.basis, offer.presta_types) == (("pr-locaux",), "inferred", ())
    assert (evidence.kind, evidence.label, evidence.reference) == ("job", "Agent d'entretien", "K2204")


def test_the_title_chooses_among_the_segments_of_a_code_and_tells_where_the_code_does_not() -> None:
    (offer,) = READER.offers([Job("A1203", "Entretien des espaces verts")], "ACI")
    assert offer.segments == ("ev-entretien",)
    (offer,) = READER.offers([Job("A1203", "Ouvrier")], "ACI")
    assert offer.segments == ("ev-entretien", "ev-creation")
    (offer,) = READER.offers([Job("", "Valoriste en ressourcerie")], "ACI")
    assert offer.segments == ("re-ressourcerie",)
    assert READER.offers([Job("K1206", "Médiateur")], "ACI") == ()


def test_an_ai_lends_who_it_recruits_and_an_etti_or_geiq_recruits_for_others() -> None:
    (offer,) = READER.offers([Job("K2204", "Agent")], "AI")
    assert offer.presta_types == ("DISP",)
    assert READER.offers([Job("K2204", "Agent")], "ETTI") == READER.offers([Job("K2204", "Agent")], "GEIQ") == ()
