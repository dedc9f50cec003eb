"""The forms of TED of schema R2.0.8 beside the contract notice: frameworks, awards, qualification systems, contests."""

import pytest

from tests.sources.notices.conftest import ReadXml, noted
from tests.sources.notices.samples import lot_2013, ted_2013

CPV = '<CPV><CPV_MAIN><CPV_CODE CODE="77310000"/></CPV_MAIN></CPV>'
BUYER = (
    "<CA_CE_CONCESSIONAIRE_PROFILE><ORGANISATION>Ville de Vannes</ORGANISATION><TOWN>Vannes</TOWN>"
    '<POSTAL_CODE>56000</POSTAL_CODE><COUNTRY VALUE="FR"/></CA_CE_CONCESSIONAIRE_PROFILE>'
)


def form(name: str, content: str) -> bytes:
    """A form of that name, with the buyer's name as the oldest write it."""
    return f'<TED_EXPORT><FORM_SECTION><{name} LG="FR">{BUYER}{content}</{name}></FORM_SECTION></TED_EXPORT>'.encode()


def award(number: str, title: str, value: str, tax: str = "EXCLUDING_VAT") -> str:
    return (
        f"<AWARD_OF_CONTRACT_DEFENCE>{number and f'<LOT_NUMBER>{number}</LOT_NUMBER>'}<CONTRACT_TITLE><P>{title}</P>"
        "</CONTRACT_TITLE><CONTRACT_VALUE_INFORMATION><COSTS_RANGE_AND_CURRENCY_WITH_VAT_RATE "
        f'CURRENCY="EUR"><VALUE_COST FMTVAL="{value}"/><{tax}/></COSTS_RANGE_AND_CURRENCY_WITH_VAT_RATE>'
        "</CONTRACT_VALUE_INFORMATION></AWARD_OF_CONTRACT_DEFENCE>"
    )


def award_notice(*awards: str) -> bytes:
    """A notice of contracts awarded, of 60,000 euros in all."""
    return form(
        "CONTRACT_AWARD_DEFENCE",
        "<OBJECT_CONTRACT_INFORMATION_CONTRACT_AWARD_NOTICE_DEFENCE><TITLE_CONTRACT><P>Entretien</P></TITLE_CONTRACT>"
        f'<LOCATION_NUTS><NUTS CODE="FR524"/></LOCATION_NUTS>{CPV}<TOTAL_FINAL_VALUE>'
        '<COSTS_RANGE_AND_CURRENCY_WITH_VAT_RATE CURRENCY="EUR"><VALUE_COST FMTVAL="60000"/><EXCLUDING_VAT/>'
        "</COSTS_RANGE_AND_CURRENCY_WITH_VAT_RATE></TOTAL_FINAL_VALUE>"
        "</OBJECT_CONTRACT_INFORMATION_CONTRACT_AWARD_NOTICE_DEFENCE><TYPE_OF_PROCEDURE_CONTRACT_AWARD_DEFENCE>"
        f"<PT_RESTRICTED/></TYPE_OF_PROCEDURE_CONTRACT_AWARD_DEFENCE>{''.join(awards)}",
    )


def test_lots_that_only_awards_name_are_read(read_xml: ReadXml) -> None:
    """The first award of a lot gives its amount; codes and place are those of the whole."""
    read = read_xml(award_notice(award("1", "Tonte", "20000"), award("1", "Tonte", "9"), award("2", "Haies", "40000")))
    assert [(lot.id, lot.title, lot.value_eur) for lot in read.need.lots] == [
        ("1", "Tonte", 20_000),
        ("2", "Haies", 40_000),
    ]
    assert {lot.cpv for lot in read.need.lots} == {("77310000",)}
    assert read.need.territory is not None
    assert read.need.territory.codes == ("nuts:FR524",)
    assert (read.need.procedure, read.need.buyer and read.need.buyer.name) == ("restricted", "Ville de Vannes")


def test_awards_without_lots_leave_one_with_the_total(read_xml: ReadXml) -> None:
    read = read_xml(award_notice(award("", "Tonte", "20000"), award("", "Haies", "40000")))
    assert [(lot.id, lot.title, lot.value_eur) for lot in read.need.lots] == [("1", "Entretien", 60_000)]
    assert "La valeur du besoin est le total attribué, faute d'estimation" in noted(read)


def test_an_amount_with_tax_is_no_value(read_xml: ReadXml) -> None:
    read = read_xml(award_notice(award("1", "Tonte", "20000", tax="INCLUDING_VAT")))
    assert "Un montant toutes taxes comprises n'est pas lu" in noted(read)


@pytest.mark.parametrize(
    ("involved", "technique"),
    [
        ('<NOTICE_INVOLVES VALUE="ESTABLISHMENT_FRAMEWORK_AGREEMENT"/>', "framework_agreement"),
        ("<NOTICE_INVOLVES><SETTING_UP_DPS/></NOTICE_INVOLVES>", "dynamic_purchasing_system"),
        ("<NOTICE_INVOLVES><PUBLIC_CONTRACT/></NOTICE_INVOLVES>", None),
    ],
)
def test_what_a_notice_involves_is_a_technique(read_xml: ReadXml, involved: str, technique: str | None) -> None:
    raw = form("CONTRACT", f"{involved}<OBJECT_CONTRACT_INFORMATION>{CPV}</OBJECT_CONTRACT_INFORMATION>")
    assert read_xml(raw).need.technique == technique


def test_lots_last_as_long_as_their_framework_agreement(read_xml: ReadXml) -> None:
    raw = ted_2013(lot_2013(1, "Tonte", "77314100")).replace(
        b"<PERIOD_WORK_DATE_STARTING><MONTHS>24</MONTHS></PERIOD_WORK_DATE_STARTING>",
        b"<F02_FRAMEWORK><DURATION_FRAMEWORK_YEAR>4</DURATION_FRAMEWORK_YEAR></F02_FRAMEWORK>",
    )
    need = read_xml(raw).need
    assert (need.technique, [lot.duration_months for lot in need.lots]) == ("framework_agreement", [48])


@pytest.mark.parametrize(
    ("section", "title"),
    [
        ("OBJECT_QUALIFICATION_SYSTEM", "TITLE_QUALIFICATION_SYSTEM"),
        ("OBJECT_DESIGN_CONTEST", "TITLE_DESIGN_CONTACT_NOTICE"),
    ],
)
def test_an_object_of_another_name_has_its_title(read_xml: ReadXml, section: str, title: str) -> None:
    raw = form("FORM", f"<{section}><{title}><P>Jardin</P></{title}>{CPV}</{section}>")
    assert [(lot.title, lot.cpv) for lot in read_xml(raw).need.lots] == [("Jardin", ("77310000",))]
