"""The forms of TED before eForms, of schemas R2.0.9 and R2.0.8."""

import pytest

from domain.errors import InvalidContent
from tests.sources.notices.conftest import lot_2013, noted, object_descr, read_xml, sample, ted, ted_2013, ted_object

PLACE = '<n2016:NUTS CODE="FRH04"/>'
WINDOWS = f'<TITLE><P>Vitres</P></TITLE><CPV_ADDITIONAL><CPV_CODE CODE="90911300"/></CPV_ADDITIONAL>{PLACE}'
OFFICES = f"<TITLE><P>Bureaux</P></TITLE>{PLACE}"
TERM = '<VAL_OBJECT CURRENCY="EUR">30000</VAL_OBJECT><DURATION TYPE="MONTH">12</DURATION>'
RENEWAL = "<RENEWAL/><RENEWAL_DESCR><P>3 fois par période d'un an</P></RENEWAL_DESCR>"


def test_a_contract_notice_is_read_as_a_need() -> None:
    need, unread = read_xml(ted(ted_object(object_descr(1, WINDOWS + TERM + RENEWAL), object_descr(2, OFFICES))))
    windows, offices = need.lots
    assert (need.title, need.reference, need.procedure, need.technique) == (
        "Propreté", "21-7", "open", "framework_agreement",
    )  # fmt: skip
    assert (need.buyer.name, need.buyer.siret, need.buyer.kind) == (
        "Département du Morbihan",
        "22560001400016",
        "local",
    )
    assert need.territory.codes == ("nuts:FRH04",)
    assert (windows.id, windows.title, windows.cpv) == ("1", "Vitres", ("90911300",))
    assert (windows.value_eur, windows.duration_months, windows.renewal_months) == (30_000, 12, 36)
    assert windows.value_covers == "all"
    assert (offices.id, offices.cpv, offices.nature) == ("2", ("90910000",), "services")
    assert "/TED_EXPORT/TRANSLATION_SECTION" in [each.path for each in unread]


def test_a_single_lot_has_the_codes_of_the_whole_and_several_objects_are_told_apart() -> None:
    (lot,) = read_xml(ted(ted_object(object_descr(1, WINDOWS.replace("Vitres", ""), lot=False)))).need.lots
    assert (lot.id, lot.title, lot.cpv) == ("1", "Propreté", ("90910000", "90911300"))
    (undescribed,) = read_xml(ted(ted_object(), form="F14_2014")).need.lots
    assert (undescribed.id, undescribed.cpv) == ("1", ("90910000",))
    need = read_xml(
        ted(ted_object(object_descr(1, WINDOWS)), ted_object(object_descr(1, OFFICES)), form="F01_2014")
    ).need
    assert [(lot.id, lot.title) for lot in need.lots] == [("1-1", "Vitres"), ("2-1", "Bureaux")]


def test_a_form_without_object_is_refused() -> None:
    for raw in (ted(form="F08_2014"), b"<TED_EXPORT/>", b"<TED_EXPORT><FORM_SECTION/></TED_EXPORT>"):
        with pytest.raises(InvalidContent) as refused:
            read_xml(raw)
        assert [problem.code for problem in refused.value.problems] == ["no_lots"]


def test_what_was_awarded_stands_for_an_estimate_that_is_not_there() -> None:
    total = '<VAL_TOTAL CURRENCY="EUR">52 300,50</VAL_TOTAL>'
    read = read_xml(ted(ted_object(object_descr(1, OFFICES), value=total), form="F03_2014"))
    assert read.need.lots[0].value_eur == 52_300.5
    assert "La valeur du besoin est le total attribué, faute d'estimation" in noted(read)
    value = '<VALUES><VAL_ESTIMATED_TOTAL CURRENCY="EUR">9000</VAL_ESTIMATED_TOTAL></VALUES>'
    award = f"<AWARD_CONTRACT ITEM='1'><LOT_NO>2</LOT_NO><AWARDED_CONTRACT>{value}</AWARDED_CONTRACT></AWARD_CONTRACT>"
    lots = (object_descr(1, WINDOWS + TERM), object_descr(2, OFFICES))
    read = read_xml(ted(ted_object(*lots), award, form="F03_2014"))
    assert [lot.value_eur for lot in read.need.lots] == [30_000, 9_000]
    assert "La valeur du lot est le montant attribué, faute d'estimation" in noted(read)


@pytest.mark.parametrize(
    ("marks", "title", "kinds"),
    [
        (("RESTRICTED_SHELTERED_WORKSHOP",), "Tonte", ("handicap", "iae")),
        (("RESTRICTED_SHELTERED_WORKSHOP", "RESTRICTED_SHELTERED_PROGRAM"), "Tonte réservée aux ESAT", ("handicap",)),
        (("RESERVED_ORGANISATIONS_SERVICE_MISSION",), "Tonte", ("ess",)),
        (("RESTRICTED_SHELTERED_WORKSHOP", "RESERVED_ORGANISATIONS_SERVICE_MISSION"), "Tonte", ("handicap", "iae")),
    ],
)
def test_a_reservation_holds_for_all_lots(marks: tuple[str, ...], title: str, kinds: tuple[str, ...]) -> None:
    lot = f"<TITLE><P>{title}</P></TITLE>{PLACE}"
    leftis = "".join(f"<{mark}/>" for mark in marks)
    need = read_xml(ted(ted_object(object_descr(1, lot), object_descr(2, lot)), leftis=leftis)).need
    assert [lot.reserved for lot in need.lots] == [kinds, kinds]


@pytest.mark.parametrize(
    ("basis", "ca_type", "kind", "contract"),
    [
        ("32014L0024", '<CA_TYPE VALUE="MINISTRY"/>', "state", "market"),
        ("32014L0024", '<CA_TYPE VALUE="BODY_PUBLIC"/>', None, "market"),
        ("32014L0025", '<CE_ACTIVITY VALUE="WATER"/>', "utility", "market"),
        ("32014L0023", '<CA_TYPE VALUE="REGIONAL_AUTHORITY"/>', "local", "concession"),
    ],
)
def test_buyer_and_contract_follow_from_type_and_legal_basis(
    basis: str, ca_type: str, kind: str | None, contract: str
) -> None:
    need = read_xml(ted(ted_object(object_descr(1, OFFICES)), basis=basis, ca_type=ca_type)).need
    assert (need.buyer and need.buyer.kind, need.contract) == (kind, contract)


def test_a_contract_without_renewal_says_so_and_a_date_of_end_alone_is_no_duration() -> None:
    (lot,) = read_xml(ted(ted_object(object_descr(1, OFFICES + TERM + "<NO_RENEWAL/>")))).need.lots
    assert lot.renewal_months == 0
    read = read_xml(ted(ted_object(object_descr(1, OFFICES + "<DATE_END>2021-12-31</DATE_END>"))))
    assert read.need.lots[0].duration_months is None
    assert "La durée ne se dit pas en mois : « 2021-12-31 »" in noted(read)


def test_a_notice_of_the_schema_before_is_read() -> None:
    """Without lots, the whole is one."""
    shelters = "<RESERVED_CONTRACTS><RESTRICTED_TO_SHELTERED_WORKSHOPS/></RESERVED_CONTRACTS>"
    lots = lot_2013(1, "Tonte", "77314100") + lot_2013(2, "Haies", "77340000")
    need = read_xml(ted_2013(lots, shelters)).need
    assert [(lot.id, lot.title, lot.cpv, lot.reserved) for lot in need.lots] == [
        ("1", "Tonte", ("77314100",), ("handicap", "iae")),
        ("2", "Haies", ("77340000",), ("handicap", "iae")),
    ]
    assert (need.title, need.procedure, need.estimated_total_eur) == ("Entretien", "open", 90_000)
    assert (need.buyer.name, need.buyer.kind) == ("Ville de Vannes", "local")
    assert need.territory.codes == ("nuts:FR524",)
    assert [lot.duration_months for lot in need.lots] == [24, 24]
    (lot,) = read_xml(ted_2013()).need.lots
    assert (lot.id, lot.title, lot.cpv, lot.value_eur) == ("1", "Entretien", ("77310000",), 90_000)
    assert lot.site.commune == "56260"


def test_corrections_are_told_not_read() -> None:
    changes = (
        "<CHANGES><CHANGE><NEW_VALUE><CPV_MAIN><CPV_CODE CODE='77310000'/></CPV_MAIN></NEW_VALUE></CHANGE></CHANGES>"
    )
    read = read_xml(ted(ted_object(), changes, form="F14_2014"))
    assert [lot.cpv for lot in read.need.lots] == [("90910000",)]
    assert "Ce que l'avis change n'est pas lu à part : le besoin est celui du texte entier" in noted(read)


CPV = '<CPV><CPV_MAIN><CPV_CODE CODE="77310000"/></CPV_MAIN></CPV>'


def form(name: str, content: str) -> bytes:
    """A form of that name, with the buyer's name as the oldest write it."""
    return sample("form", name=name, content=content).encode()


def award(number: str, title: str, value: str, tax: str = "EXCLUDING_VAT") -> str:
    return sample("award_defence", number=number, title=title, value=value, tax=tax)


def award_notice(*awards: str) -> bytes:
    """A notice of contracts awarded, of 60,000 euros in all."""
    return form("CONTRACT_AWARD_DEFENCE", sample("awards_defence", awards="".join(awards)))


def test_awards_name_lots_or_leave_one_with_the_total_and_an_amount_with_tax_is_no_value() -> None:
    """The first award of a lot gives its amount; codes and place are those of the whole."""
    read = read_xml(award_notice(award("1", "Tonte", "20000"), award("1", "Tonte", "9"), award("2", "Haies", "40000")))
    assert [(lot.id, lot.title, lot.value_eur) for lot in read.need.lots] == [
        ("1", "Tonte", 20_000),
        ("2", "Haies", 40_000),
    ]
    assert {lot.cpv for lot in read.need.lots} == {("77310000",)}
    assert read.need.territory.codes == ("nuts:FR524",)
    assert (read.need.procedure, read.need.buyer and read.need.buyer.name) == ("restricted", "Ville de Vannes")
    read = read_xml(award_notice(award("", "Tonte", "20000"), award("", "Haies", "40000")))
    assert [(lot.id, lot.title, lot.value_eur) for lot in read.need.lots] == [("1", "Entretien", 60_000)]
    assert "La valeur du besoin est le total attribué, faute d'estimation" in noted(read)
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
def test_what_a_notice_involves_is_a_technique(involved: str, technique: str | None) -> None:
    raw = form("CONTRACT", f"{involved}<OBJECT_CONTRACT_INFORMATION>{CPV}</OBJECT_CONTRACT_INFORMATION>")
    assert read_xml(raw).need.technique == technique


def test_lots_last_as_long_as_their_framework_agreement() -> None:
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
def test_an_object_of_another_name_has_its_title(section: str, title: str) -> None:
    raw = form("FORM", f"<{section}><{title}><P>Jardin</P></{title}>{CPV}</{section}>")
    assert [(lot.title, lot.cpv) for lot in read_xml(raw).need.lots] == [("Jardin", ("77310000",))]
