"""eForms notices, all types that have lots, in XML and as BOAMP writes them in JSON."""

from datetime import date

import pytest

from domain.errors import InvalidContent
from domain.law.buyers import buyer_problems
from domain.needs.need import Buyer, Place
from tests.sources.notices.conftest import (
    YEAR,
    boamp,
    eforms,
    eforms_donnees,
    eforms_lot,
    extension,
    noted,
    object_descr,
    organisation,
    project,
    read_record,
    read_xml,
    reserved,
    sample,
    system,
    ted,
    ted_object,
)

LOT = eforms_lot("LOT-0001", project())


def test_a_contract_notice_is_read_as_a_need() -> None:
    need, unread = read_xml(eforms(eforms_lot("LOT-0001", reserved("none") + system() + project())))
    (lot,) = need.lots
    assert (need.title, need.reference, need.procedure, need.technique) == (
        "Propreté", "NETT-56", "open", "framework_agreement",
    )  # fmt: skip
    assert need.buyer == Buyer("Département du Morbihan", "22560001400016", "local", True, body="local_authority")
    assert need.territory.codes == ("nuts:FRH04",)
    assert (lot.id, lot.title, lot.cpv, lot.nature) == ("LOT-0001", "Nettoyage des locaux", ("90919200",), "services")
    assert (lot.value_eur, lot.duration_months, lot.renewal_months, lot.reserved) == (240_000, 12, 36, ())
    assert lot.value_covers == "all"
    assert lot.site == Place(commune="56260")
    assert "/ContractNotice/ProcurementProjectLot/TenderingTerms/AwardingTerms" in [each.path for each in unread]


def test_the_day_planned_for_the_notice_of_the_contract_is_read() -> None:
    """Of a prior information notice (BT-127)."""

    def planned(day: str) -> bytes:
        whole = f"<cbc:PlannedDate>{day}</cbc:PlannedDate>{project(title='Propreté', rest='')}"
        return eforms(
            eforms_lot("PAR-0001", project(), "Part"), root="PriorInformationNotice", kind="pin-only", whole=whole
        )

    need, _ = read_xml(planned("2026-09-15+02:00"))
    assert (need.lots[0].id, need.planned_publication_on) == ("PAR-0001", date(2026, 9, 15))
    need, unread = read_xml(planned("bientôt"))
    assert need.planned_publication_on is None
    assert "Ce n'est pas une date : « bientôt »" in [each.detail.fr for each in unread]


def test_what_was_awarded_stands_for_an_estimate_that_is_not_there() -> None:
    """That of a lot by the tender that a contract was made of, not by others."""
    result = '<efac:NoticeResult><cbc:TotalAmount currencyID="EUR">50000</cbc:TotalAmount></efac:NoticeResult>'
    bare = project(amount="")
    for awarded, euros, told in (
        (result, 50_000, "du besoin est le total"),
        (sample("results"), 2_000, "du lot est le montant"),
    ):
        read = read_xml(eforms(eforms_lot("LOT-0001", bare), root="ContractAwardNotice", whole=bare, result=awarded))
        assert read.need.lots[0].value_eur == euros
        assert f"La valeur {told} attribué, faute d'estimation" in noted(read)


@pytest.mark.parametrize(
    ("raw", "code", "said"),
    [
        (eforms(kind="pin-buyer", root="PriorInformationNotice"), "no_lots", "no lot whose object"),
        (b"<Invoice/>", "unknown_notice", "Invoice"),
    ],
)
def test_a_notice_without_lots_and_an_unknown_document_are_refused(raw: bytes, code: str, said: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        read_xml(raw)
    assert [problem.code for problem in refused.value.problems] == [code]
    assert said in refused.value.detail.en


@pytest.mark.parametrize(
    ("code", "execution", "description", "kinds"),
    [
        ("none", "no", "Marché réservé aux ESAT", ()),
        ("none", "yes", "", ()),
        ("res-ws", "no", "", ("handicap", "iae")),
        ("res-ws", "no", "Réservé aux entreprises adaptées et ESAT (L. 2113-12)", ("handicap",)),
        ("res-ws", "yes", "Réservé aux structures d'insertion", ("iae",)),
        ("res-pub-ser", "no", "", ("ess",)),
        ("", "yes", "", ("handicap", "iae")),
    ],
)
def test_a_reservation_is_of_the_kind_that_the_text_tells(
    code: str, execution: str, description: str, kinds: tuple[str, ...]
) -> None:
    terms = reserved(code, execution)
    if not code:
        terms = terms.replace('listName="reserved-procurement"', 'listName="missing-info-submission"')
    read = read_xml(eforms(eforms_lot("LOT-0001", terms + project(description=description))))
    assert read.need.lots[0].reserved == kinds
    assert any("ouvert aux deux" in text for text in noted(read)) == (kinds == ("handicap", "iae"))


def formed(said: str) -> bytes:
    """A notice of TED with that procedure, which is an element there."""
    return ted(ted_object(object_descr(1, "")), procedure=f"<{said}/>")


@pytest.mark.parametrize(
    ("code", "procedure"),
    [
        ("open", "open"), ("restricted", "restricted"), ("neg-w-call", "negotiated"), ("neg-wo-call", "direct_award"),
        ("comp-dial", None), ("innovation", None), ("oth-single", None), ("oth-mult", None), ("", None),
        ("PT_RESTRICTED", "restricted"), ("PT_COMPETITIVE_NEGOTIATION", "negotiated"),
        ("PT_NEGOTIATED_WITH_PRIOR_CALL", "negotiated"), ("PT_AWARD_CONTRACT_WITHOUT_CALL", "direct_award"),
        ("PT_COMPETITIVE_DIALOGUE", None),
    ],
)  # fmt: skip
def test_a_procedure_that_a_need_does_not_have_is_told(code: str, procedure: str | None) -> None:
    read = read_xml(formed(code) if code.startswith("PT_") else eforms(LOT, procedure=code))
    assert read.need.procedure == procedure
    assert any(text.endswith(f": {code}") for text in noted(read)) == (bool(code) and procedure is None)


@pytest.mark.parametrize(
    ("legal", "basis", "kind", "authority", "body"),
    [
        ("cga", "32014L0024", "state", True, "central_authority"),
        ("la", "32014L0024", "local", True, "local_authority"),
        ("body-pl-la", "32014L0024", "local", True, None),
        ("body-pl", "32014L0024", None, True, None),
        ("pub-undert-la", "32014L0025", "utility", None, "public_undertaking"),
        ("la", "32014L0025", "utility", True, "utility_authority"),
        ("spec-rights-entity", "32014L0025", "utility", False, None),
        ("org-sub", "32014L0024", None, None, None),
    ],
)
def test_the_buyers_kind_follows_from_its_legal_type(
    legal: str, basis: str, kind: str | None, authority: bool | None, body: str | None
) -> None:
    buyer = read_xml(eforms(LOT, legal=legal, basis=basis)).need.buyer
    assert (buyer.kind, buyer.contracting_authority, buyer.body) == (kind, authority, body)
    assert buyer_problems(buyer) == []


def test_the_maximum_of_a_framework_agreement_is_the_total_and_concessions_and_dynamic_systems_are_told_apart() -> None:
    need = read_xml(eforms(eforms_lot("LOT-0001", system("none", "dps-nlist") + project()), basis="32014L0023")).need
    assert (need.contract, need.technique) == ("concession", "dynamic_purchasing_system")
    most = extension('<efbc:FrameworkMaximumAmount currencyID="EUR">200000</efbc:FrameworkMaximumAmount>')
    estimate = '<cbc:EstimatedOverallContractAmount currencyID="EUR">150000</cbc:EstimatedOverallContractAmount>'
    bare = project(amount="")
    need = read_xml(eforms(eforms_lot("LOT-0001", project(amount=most + estimate)), whole=bare)).need
    assert (need.lots[0].value_eur, need.estimated_total_eur) == (150_000, 200_000)


@pytest.mark.parametrize(
    ("amount", "currency"), [("1000", "GBP"), ("0", "EUR"), ("1", "EUR"), ("-5", "EUR"), ("beaucoup", "EUR")]
)
def test_an_amount_that_is_no_value_in_euros_is_told(amount: str, currency: str) -> None:
    written = (
        f'<cbc:EstimatedOverallContractAmount currencyID="{currency}">{amount}</cbc:EstimatedOverallContractAmount>'
    )
    read = read_xml(eforms(eforms_lot("LOT-0001", project(amount=written)), whole=project(amount="")))
    assert read.need.lots[0].value_eur is None
    assert any(text.startswith(f"Le montant « {amount} {currency} »") for text in noted(read))


def test_french_comes_first_among_languages_and_the_first_among_buyers() -> None:
    raw = eforms(LOT).replace(
        b'<cbc:Name languageID="FRA">Nettoyage',
        b'<cbc:Name languageID="ENG">Cleaning</cbc:Name><cbc:Name languageID="FRA">Nettoyage',
    )
    assert read_xml(raw).need.lots[0].title == "Nettoyage des locaux"
    second = organisation("21560260300017", "Ville de Vannes", "ORG-0002")
    raw = eforms(LOT, organisations=second + organisation())
    raw = raw.replace(
        b"</cac:ContractingParty>", b"</cac:ContractingParty><cac:ContractingParty><cac:Party/></cac:ContractingParty>"
    )
    read = read_xml(raw)
    assert read.need.buyer.name == "Département du Morbihan"
    assert "1 autre(s) acheteur(s) : seul le premier est lu" in noted(read)


@pytest.mark.parametrize("number", ["34170", "225600014", "tva12345"])
def test_a_number_that_is_no_siret_is_told(number: str) -> None:
    read = read_xml(eforms(LOT, organisations=organisation(number)))
    assert read.need.buyer.siret is None
    assert f"Le numéro de l'acheteur n'est pas un SIRET : « {number} »" in noted(read)


def test_a_duration_without_end_and_renewals_that_only_the_text_tells_are_noted() -> None:
    code = '<cbc:DescriptionCode listName="timeperiod">UNLIMITED</cbc:DescriptionCode>'
    period = f"<cac:PlannedPeriod>{code}</cac:PlannedPeriod>"
    read = read_xml(eforms(eforms_lot("LOT-0001", project(rest=period))))
    assert read.need.lots[0].duration_months is None
    assert "La durée ne se dit pas en mois : « UNLIMITED »" in noted(read)
    read = read_xml(eforms(eforms_lot("LOT-0001", project(rest=YEAR, description="Reconductible 2 fois un an."))))
    assert read.need.lots[0].renewal_months == 24
    assert any("d'après le texte" in text for text in noted(read))


@pytest.mark.parametrize(("digits", "months"), [(1, 12 * 9), (9, None), (5_000, None)])
def test_a_number_of_renewals_of_any_length_is_read_or_left(digits: int, months: int | None) -> None:
    number = f"<cbc:MaximumNumberNumeric>{'9' * digits}</cbc:MaximumNumberNumeric>"
    extension = f"<cac:ContractExtension>{number}</cac:ContractExtension>"
    read = read_xml(eforms(eforms_lot("LOT-0001", project(rest=YEAR + extension))))
    assert read.need.lots[0].renewal_months == months


def test_boamp_writes_the_same_notice_in_json() -> None:
    """A lot without a place of its own has that of the record."""
    need = read_record(boamp(eforms_donnees())).need
    assert [(lot.id, lot.title, lot.cpv) for lot in need.lots] == [
        ("LOT-0001", "Tonte des pelouses", ("77310000",)),
        ("LOT-0002", "Nettoyage de bureaux", ("90919200",)),
    ]
    assert [lot.territory and lot.territory.codes for lot in need.lots] == [("departement:35",), ("nuts:FRH03",)]


def test_a_buyer_may_be_named_where_it_is_a_party() -> None:
    """Notices before SDK 1.0 list no organisations."""
    raw = eforms(LOT).replace(
        b'<cac:PartyIdentification><cbc:ID schemeName="organization">ORG-0001</cbc:ID></cac:PartyIdentification>'
        b"</cac:Party></cac:ContractingParty>",
        b"<cac:PartyName><cbc:Name>Mairie de Redon</cbc:Name></cac:PartyName></cac:Party></cac:ContractingParty>",
    )
    buyer = read_xml(raw).need.buyer
    assert buyer.name == "Mairie de Redon"


def test_what_is_quoted_is_cut() -> None:
    read = read_xml(eforms(LOT, procedure="x" * 9_000, legal="y" * 9_000))
    assert all(len(text) < 200 for text in noted(read))
