"""Records of the BOAMP API: their shapes, the national forms in them, what the record says besides."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidContent
from sources.notices import boamp as format_of_boamp
from sources.notices.boamp import records_in
from sources.notices.need_of_notice import need_of
from tests.factories import reference
from tests.sources.notices.conftest import FNSIMPLE, MAPA, SAMPLES, boamp, eforms_donnees, noted, read_record


def test_a_national_form_is_read_as_a_need() -> None:
    read = read_record(boamp(FNSIMPLE))
    need = read.need
    first, second = need.lots
    assert (need.title, need.procedure) == ("Entretien des espaces verts de la commune", "adapted")
    assert (need.buyer.name, need.buyer.siret) == ("Mairie de Redon", "21350236200014")
    assert need.territory.codes == ("commune:35236",)
    assert (first.id, first.title, first.cpv, first.nature) == ("1", "Tonte", ("77314100",), "services")
    assert (first.duration_months, first.renewal_months, first.reserved) == (12, 36, ())
    assert (second.cpv, second.reserved) == (("77310000",), ("handicap",))
    assert "Réservé d'après le texte, sans champ qui le dise : handicap" in noted(read)


def test_a_form_without_code_or_place_has_the_records() -> None:
    read = read_record(boamp(MAPA))
    (lot,) = read.need.lots
    assert (lot.title, lot.cpv, lot.keywords) == ("Nettoyage des vitres de l'école", (), ("Nettoyage de locaux",))
    assert lot.duration_months == 6
    assert read.need.territory.codes == ("departement:35",)
    assert "Aucun code CPV lisible : l'objet du lot est lu dans les mots" in noted(read)


def test_a_form_in_capitals_is_read() -> None:
    need = read_record(boamp(SAMPLES["boamp"]["capitals"])).need
    north, south = need.lots
    assert (north.id, north.title, north.cpv) == ("7", "Nord", ("77310000",))
    assert (south.id, south.title, south.cpv) == ("2", "Sud", ("77314100",))
    assert (north.value_eur, north.duration_months, south.value_eur, south.duration_months) == (30_000, 12, 20_000, 24)
    assert [lot.territory and lot.territory.codes for lot in need.lots] == [
        ("nuts:FRH04", "nuts:FRH03"),
        ("nuts:FRH04",),
    ]
    assert {lot.reserved for lot in need.lots} == {("handicap", "iae")}
    assert need.technique == "framework_agreement"
    assert need.buyer.name == "Ville de Vannes"


def test_a_cancelled_procedure_is_told_and_a_form_that_says_not_reserved_is_believed() -> None:
    donnees = {
        "OBJET": {"TITRE_MARCHE": "Tonte, marché réservé aux ESAT"},
        "CONDITION_PARTICIPATION": {"MARCHE_RESERVE_NON": ""},
    }
    assert read_record(boamp(donnees)).need.lots[0].reserved == ()
    assert "Cet avis annule la procédure" in noted(read_record(boamp(FNSIMPLE, etat="ANNULATION")))


@pytest.mark.parametrize(
    "lots",
    [
        {"lot": [{"intitule": "Tonte"}, {"intitule": "Haies"}]},
        [{"intitule": "Tonte"}, {"intitule": "Haies"}],
        {"lotsMarche": {"lot": [{"intitule": "Tonte"}, {"intitule": "Haies"}]}},
        {"lotsMarche": [{"lot": "1", "intitule": "Tonte"}, {"lot": "2", "intitule": "Haies"}]},
        {"lots": [{"intitule": "Tonte"}, {"intitule": "Haies"}]},
    ],
)
def test_lots_are_nested_in_several_ways(lots: Any) -> None:
    need = read_record(boamp({"MAPA": {"initial": {"description": {"objet": "Entretien"}, "lots": lots}}})).need
    assert [lot.title for lot in need.lots] == ["Tonte", "Haies"]


@pytest.mark.parametrize(
    "shaped",
    [
        lambda record: record,
        lambda record: record | {"donnees": json.loads(record["donnees"])},
        lambda record: {"total_count": 1, "results": [record]},
        lambda record: {"nhits": 1, "records": [{"recordid": "1", "fields": record}]},
        lambda record: {"record": {"id": "1", "fields": record}},
        lambda record: {"record_id": "1", "raw_fields": record},
    ],
)
def test_the_shapes_of_the_api_are_read_alike(shaped: Any) -> None:
    assert read_record(shaped(boamp(eforms_donnees()))).need == read_record(boamp(eforms_donnees())).need


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ({"lots": []}, "", "no_notice"),
        ({"results": []}, "", "no_notice"),
        ({"results": [boamp(MAPA), boamp(MAPA)]}, "/results/1", "several_notices"),
        ({"results": [boamp({}) | {"donnees": "{"}]}, "/results/0/donnees", "malformed_json"),
        ({"donnees": "{}"}, "", "no_lots"),
        ({"donnees": None, "objet": None}, "", "no_lots"),
    ],
)
def test_what_is_no_notice_is_refused_at_its_place(document: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        read_record(document)
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [(pointer, code)]


def test_real_notices_become_needs_with_lots(shared_data: Path) -> None:
    """Each of the real notices, of TED as extracts, has as many lots as it says, or one, up to 200."""
    lines = (shared_data / "notices" / "notices_ted_fr_sample.ndjson").read_text().splitlines()
    documents = [json.loads(line) for line in lines]
    for document in documents:
        ((at, record),) = records_in(document)
        need, _ = need_of(format_of_boamp.read(record, at), reference())
        assert len(need.lots) == max(1, len(document["lots"]))


def test_the_number_of_the_buyer_stands_beside_the_name_of_its_kind() -> None:
    donnees = {
        "FNSimple": {"organisme": SAMPLES["boamp"]["organisation"], "initial": {"natureMarche": {"intitule": "Tonte"}}}
    }
    buyer = read_record(boamp(donnees)).need.buyer
    assert (buyer.name, buyer.siret) == ("Commune de Redon", "21350236200014")


def test_how_long_tenders_are_valid_is_not_how_long_the_contract_lasts() -> None:
    read = read_record(boamp({"MAPA": {"initial": SAMPLES["boamp"]["offers_valid"]}}) | {"type_procedure": None})
    (lot,) = read.need.lots
    assert (lot.duration_months, lot.cpv, read.need.procedure) == (None, ("77314100",), "adapted")


@pytest.mark.parametrize(
    ("said", "months"),
    [
        ({"OUI": "", "NB_RECONDUCTIONS": 3, "DUREE_MOIS": 6}, 18),
        ({"OUI": "", "NB_RECONDUCTIONS_MAX": "2", "DESCRIPTION": "Par périodes de 12 mois"}, 24),
        ({"NON": ""}, 0),
    ],
)
def test_renewals_of_the_form_in_capitals_are_read(said: dict[str, Any], months: int) -> None:
    donnees = {
        "IDENTITE": {"DENOMINATION": "Ville de Vannes", "CODE_IDENT_NATIONAL": "21560260800018"},
        "OBJET": {
            "OBJET_COMPLET": "Tonte &amp;lt;br/&amp;gt;des pelouses",
            "ACCORD_CADRE": {"NON": ""},
            "CARACTERISTIQUES": {"VALEUR_TOTALE": {"@DEVISE": "EUR", "#text": "90000"}, "RECONDUCTIONS": said},
            "DUREE_DELAI": {"DUREE_MOIS": 12},
        },
    }
    read = read_record(boamp(donnees))
    (lot,) = read.need.lots
    assert (lot.title, lot.duration_months, lot.renewal_months) == ("Tonte des pelouses", 12, months)
    assert (read.need.technique, lot.value_eur, lot.value_covers) == (None, 90_000, "firm")
    remark = "Rien ne dit si ce montant compte les reconductions : il est lu comme celui de la durée ferme"
    assert (remark in noted(read)) == (months > 0)
    assert read.need.buyer.siret == "21560260800018"


@pytest.mark.parametrize(("renewals", "total"), [({"NON": ""}, 50_000), ({"OUI": "", "NB_RECONDUCTIONS": 3}, None)])
def test_a_total_that_may_leave_renewals_out_is_none(renewals: dict[str, Any], total: float | None) -> None:
    """50 000 € with three years more are no purchase of 50 000 €: lots without amounts stay of unknown value."""
    donnees = {
        "OBJET": {
            "OBJET_COMPLET": "Tonte",
            "CARACTERISTIQUES": {"VALEUR_TOTALE": {"@DEVISE": "EUR", "#text": "50000"}, "RECONDUCTIONS": renewals},
            "DUREE_DELAI": {"DUREE_MOIS": 12},
            "LOTS": {"LOT": [{"NUM": 1, "INTITULE": "Tonte A"}, {"NUM": 2, "INTITULE": "Tonte B"}]},
        }
    }
    read = read_record(boamp(donnees))
    assert read.need.estimated_total_eur == total
    remark = "Rien ne dit si ce total compte les reconductions : il n'est pas repris"
    assert (remark in noted(read)) == (total is None)


def test_a_concession_is_one_and_its_lots_say_where_and_how_long() -> None:
    need = read_record(boamp({"DSP": {"initial": {"descriptionMarche": SAMPLES["boamp"]["concession"]}}})).need
    assert (need.title, need.reference, need.contract) == ("Gestion du camping", "DSP-7", "concession")
    assert need.territory.codes == ("nuts:FRH04",)
    assert (need.lots[0].duration_months, need.lots[0].value_eur) == (60, 120_000)


def test_an_award_gives_lots_the_amounts_that_no_field_estimates() -> None:
    decision = {"NUM_LOT": 2, "TITULAIRE": {"CP": "31240"}, "RENSEIGNEMENT": {"MONTANT": {"#text": "37503.79"}}}
    donnees = {
        "OBJET": {
            "TITRE_MARCHE": "Peinture",
            "LOTS": {"LOT": [{"NUM": 1, "INTITULE": "A"}, {"NUM": 2, "INTITULE": "B"}]},
        },
        "ATTRIBUTION": {"DECISION": decision},
    }
    read = read_record(boamp(donnees))
    assert [lot.value_eur for lot in read.need.lots] == [None, 37_503.79]
    assert "La valeur du lot est le montant attribué, faute d'estimation" in noted(read)


def test_more_lots_than_any_notice_has_are_refused() -> None:
    donnees = {"OBJET": {"LOTS": {"LOT": [{"NUM": number} for number in range(5_001)]}}}
    with pytest.raises(InvalidContent) as refused:
        read_record(boamp(donnees))
    assert [problem.code for problem in refused.value.problems] == ["too_many_lots"]
