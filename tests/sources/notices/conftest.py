"""The tests of notices share this: the reference data, notices read as needs, and notices of every form."""

import json
from pathlib import Path
from typing import Any

from domain.reference import cpv, territory
from sources.notices.need_of_notice import NoticeNeed, need_in_record, need_in_xml

SAMPLES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "samples.json").read_text("utf-8"))


def read_xml(raw: bytes) -> Any:
    return need_in_xml(raw, territory.load(), cpv.load())


def read_record(document: dict[str, Any]) -> Any:
    return need_in_record(document, territory.load(), cpv.load())


def noted(read: NoticeNeed) -> list[str]:
    """What was said of the notice, besides what a need has no place for, in French."""
    return [each.detail.fr for each in read.unread if not each.expected]


UBL = (
    'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" '
    'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2" '
    'xmlns:efac="http://data.europa.eu/p27/eforms-ubl-extension-aggregate-components/1" '
    'xmlns:efbc="http://data.europa.eu/p27/eforms-ubl-extension-basic-components/1" '
    'xmlns:efext="http://data.europa.eu/p27/eforms-ubl-extensions/1" '
    'xmlns:ext="urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"'
)
TED = 'xmlns="http://publications.europa.eu/resource/schema/ted/R2.0.9/publication" xmlns:n2016="urn:nuts2016"'
VANNES = (
    "<cac:Address><cbc:CityName>Vannes</cbc:CityName><cbc:PostalZone>56000</cbc:PostalZone>"
    '<cbc:CountrySubentityCode listName="nuts-lvl3">FRH04</cbc:CountrySubentityCode>'
    '<cac:Country><cbc:IdentificationCode listName="country">FRA</cbc:IdentificationCode></cac:Country></cac:Address>'
)
YEAR = '<cac:PlannedPeriod><cbc:DurationMeasure unitCode="YEAR">1</cbc:DurationMeasure></cac:PlannedPeriod>'
THREE_RENEWALS = "<cac:ContractExtension><cbc:MaximumNumberNumeric>3</cbc:MaximumNumberNumeric></cac:ContractExtension>"


def extension(content: str) -> str:
    """A UBL extension of eForms."""
    return (
        "<ext:UBLExtensions><ext:UBLExtension><ext:ExtensionContent><efext:EformsExtension>"
        f"{content}"
        "</efext:EformsExtension></ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions>"
    )


def organisation(number: str = "22560001400016", name: str = "Département du Morbihan", org: str = "ORG-0001") -> str:
    return (
        f'<efac:Organization><efac:Company><cac:PartyIdentification><cbc:ID schemeName="organization">{org}</cbc:ID>'
        f'</cac:PartyIdentification><cac:PartyName><cbc:Name languageID="FRA">{name}</cbc:Name></cac:PartyName>'
        f"{VANNES.replace('cac:Address>', 'cac:PostalAddress>')}<cac:PartyLegalEntity><cbc:CompanyID>{number}"
        "</cbc:CompanyID></cac:PartyLegalEntity><cac:Contact><cbc:Telephone>0200000000</cbc:Telephone></cac:Contact>"
        "</efac:Company></efac:Organization>"
    )


def project(
    title: str = "Nettoyage des locaux",
    cpv: str = "90919200",
    amount: str = '<cbc:EstimatedOverallContractAmount currencyID="EUR">240000</cbc:EstimatedOverallContractAmount>',
    places: str = f"<cac:RealizedLocation>{VANNES}</cac:RealizedLocation>",
    rest: str = YEAR + THREE_RENEWALS,
    description: str = "",
) -> str:
    """A ProcurementProject, of a lot or of the whole."""
    return (
        f'<cac:ProcurementProject><cbc:ID schemeName="InternalID">NETT-56</cbc:ID><cbc:Name languageID="FRA">{title}'
        f'</cbc:Name><cbc:Description languageID="FRA">{description}</cbc:Description>'
        '<cbc:ProcurementTypeCode listName="contract-nature">services</cbc:ProcurementTypeCode>'
        f"<cac:RequestedTenderTotal>{amount}</cac:RequestedTenderTotal><cac:MainCommodityClassification>"
        f'<cbc:ItemClassificationCode listName="cpv">{cpv}</cbc:ItemClassificationCode>'
        f"</cac:MainCommodityClassification>{places}{rest}</cac:ProcurementProject>"
    )


def reserved(code: str, execution: str = "no") -> str:
    """The terms of a lot that say whether participation (BT-71) and execution (BT-736) are reserved."""
    return (
        "<cac:TenderingTerms><cac:TendererQualificationRequest><cac:SpecificTendererRequirement>"
        f'<cbc:TendererRequirementTypeCode listName="reserved-procurement">{code}</cbc:TendererRequirementTypeCode>'
        "</cac:SpecificTendererRequirement></cac:TendererQualificationRequest><cac:ContractExecutionRequirement>"
        f'<cbc:ExecutionRequirementCode listName="reserved-execution">{execution}</cbc:ExecutionRequirementCode>'
        "</cac:ContractExecutionRequirement><cac:AwardingTerms><cac:AwardingCriterion><cbc:Description>Prix"
        "</cbc:Description></cac:AwardingCriterion></cac:AwardingTerms></cac:TenderingTerms>"
    )


def system(framework: str = "fa-wo-rc", dynamic: str = "none") -> str:
    """The process of a lot with its techniques (BT-765, BT-766)."""
    return (
        "<cac:TenderingProcess><cac:ContractingSystem><cbc:ContractingSystemTypeCode "
        f'listName="framework-agreement">{framework}</cbc:ContractingSystemTypeCode></cac:ContractingSystem>'
        '<cac:ContractingSystem><cbc:ContractingSystemTypeCode listName="dps-usage">'
        f"{dynamic}</cbc:ContractingSystemTypeCode></cac:ContractingSystem></cac:TenderingProcess>"
    )


def eforms_lot(identifier: str, content: str, scheme: str = "Lot") -> str:
    return (
        f'<cac:ProcurementProjectLot><cbc:ID schemeName="{scheme}">{identifier}</cbc:ID>{content}'
        "</cac:ProcurementProjectLot>"
    )


def eforms(
    *lots: str,
    root: str = "ContractNotice",
    kind: str = "cn-standard",
    basis: str = "32014L0024",
    legal: str = "la",
    procedure: str = "open",
    whole: str = "",
    organisations: str = "",
    result: str = "",
) -> bytes:
    """An eForms notice: contract notice, prior information notice or contract award notice."""
    party = (
        "<cac:ContractingParty><cac:ContractingPartyType><cbc:PartyTypeCode "
        f'listName="buyer-legal-type">{legal}</cbc:PartyTypeCode></cac:ContractingPartyType><cac:Party>'
        '<cac:PartyIdentification><cbc:ID schemeName="organization">ORG-0001</cbc:ID></cac:PartyIdentification>'
        "</cac:Party></cac:ContractingParty>"
    )
    process = (
        f'<cac:TenderingProcess><cbc:ProcedureCode listName="procurement-procedure-type">{procedure}'
        "</cbc:ProcedureCode></cac:TenderingProcess>"
    )
    companies = f"<efac:Organizations>{organisations or organisation()}</efac:Organizations>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2" '
        f"{UBL}>{extension(result + companies)}<cbc:CustomizationID>eforms-sdk-1.13</cbc:CustomizationID>"
        f"<cbc:RegulatoryDomain>{basis}</cbc:RegulatoryDomain><cbc:NoticeTypeCode>{kind}</cbc:NoticeTypeCode>"
        f"<cbc:NoticeLanguageCode>FRA</cbc:NoticeLanguageCode>{party}{process if procedure else ''}"
        f"{whole or project(title='Propreté', rest='')}{''.join(lots)}</{root}>"
    ).encode()


def object_descr(number: int, content: str, lot: bool = True) -> str:
    """A lot of a form of TED."""
    return f'<OBJECT_DESCR ITEM="{number}">{f"<LOT_NO>{number}</LOT_NO>" if lot else ""}{content}</OBJECT_DESCR>'


def ted_object(*descriptions: str, title: str = "Propreté", cpv: str = "90910000", value: str = "") -> str:
    return (
        f"<OBJECT_CONTRACT><TITLE><P>{title}</P></TITLE><REFERENCE_NUMBER>21-7</REFERENCE_NUMBER><CPV_MAIN><CPV_CODE "
        f'CODE="{cpv}"/></CPV_MAIN><TYPE_CONTRACT CTYPE="SERVICES"/><SHORT_DESCR><P>Nettoyage</P></SHORT_DESCR>'
        f"{value}{''.join(descriptions)}</OBJECT_CONTRACT>"
    )


def ted(
    *objects: str,
    form: str = "F02_2014",
    basis: str = "32014L0024",
    leftis: str = "",
    procedure: str = "<PT_OPEN/><FRAMEWORK><SINGLE_OPERATOR/></FRAMEWORK>",
    ca_type: str = '<CA_TYPE VALUE="REGIONAL_AUTHORITY"/>',
) -> bytes:
    """A form of TED of schema R2.0.9, in English first, then in French, which is the original."""
    body = (
        f'<LEGAL_BASIS VALUE="{basis}"/><CONTRACTING_BODY><ADDRESS_CONTRACTING_BODY><OFFICIALNAME>'
        "Département du Morbihan</OFFICIALNAME><NATIONALID>225 600 014 00016</NATIONALID><TOWN>Vannes Cedex</TOWN>"
        '<POSTAL_CODE>56009</POSTAL_CODE><COUNTRY VALUE="FR"/><n2016:NUTS CODE="FRH04"/></ADDRESS_CONTRACTING_BODY>'
        f"{ca_type}</CONTRACTING_BODY>{''.join(objects)}<LEFTI>{leftis}</LEFTI><PROCEDURE>{procedure}</PROCEDURE>"
    )
    return (
        f"<TED_EXPORT {TED}><TRANSLATION_SECTION><ML_TITLES>Cleaning</ML_TITLES></TRANSLATION_SECTION><FORM_SECTION>"
        f'<{form} LG="EN" CATEGORY="TRANSLATION"><OBJECT_CONTRACT><TITLE><P>Cleaning</P></TITLE></OBJECT_CONTRACT>'
        f"</{form}>"
        f'<{form} LG="FR" CATEGORY="ORIGINAL">{body}</{form}></FORM_SECTION></TED_EXPORT>'
    ).encode()


def ted_2013(lots: str = "", reserved: str = "") -> bytes:
    """A contract notice of schema R2.0.8."""
    return (
        '<TED_EXPORT><FORM_SECTION><CONTRACT CATEGORY="ORIGINAL" FORM="2" LG="FR"><FD_CONTRACT>'
        "<CONTRACTING_AUTHORITY_INFORMATION><NAME_ADDRESSES_CONTACT_CONTRACT><CA_CE_CONCESSIONAIRE_PROFILE><ORGANISATION>"
        "<OFFICIALNAME>Ville de Vannes</OFFICIALNAME></ORGANISATION><TOWN>Vannes</TOWN><POSTAL_CODE>56000</POSTAL_CODE>"
        '<COUNTRY VALUE="FR"/></CA_CE_CONCESSIONAIRE_PROFILE></NAME_ADDRESSES_CONTACT_CONTRACT>'
        '<TYPE_AND_ACTIVITIES><TYPE_OF_CONTRACTING_AUTHORITY VALUE="REGIONAL_AUTHORITY"/></TYPE_AND_ACTIVITIES>'
        "</CONTRACTING_AUTHORITY_INFORMATION><OBJECT_CONTRACT_INFORMATION><DESCRIPTION_CONTRACT_INFORMATION>"
        '<TITLE_CONTRACT><P>Entretien</P></TITLE_CONTRACT><TYPE_CONTRACT_LOCATION><TYPE_CONTRACT VALUE="SERVICES"/>'
        '</TYPE_CONTRACT_LOCATION><LOCATION_NUTS><LOCATION><P>56000 Vannes</P></LOCATION><NUTS CODE="FR524"/>'
        '</LOCATION_NUTS><CPV><CPV_MAIN><CPV_CODE CODE="77310000"/></CPV_MAIN></CPV><F02_DIVISION_INTO_LOTS>'
        f'<F02_DIV_INTO_LOT_YES VALUE="ALL_LOTS">{lots}</F02_DIV_INTO_LOT_YES></F02_DIVISION_INTO_LOTS>'
        "</DESCRIPTION_CONTRACT_INFORMATION><QUANTITY_SCOPE><NATURE_QUANTITY_SCOPE><COSTS_RANGE_AND_CURRENCY "
        'CURRENCY="EUR"><VALUE_COST FMTVAL="90000.00">90 000</VALUE_COST></COSTS_RANGE_AND_CURRENCY>'
        "</NATURE_QUANTITY_SCOPE></QUANTITY_SCOPE><PERIOD_WORK_DATE_STARTING><MONTHS>24</MONTHS>"
        "</PERIOD_WORK_DATE_STARTING></OBJECT_CONTRACT_INFORMATION><LEFTI_CONTRACT><CONTRACT_RELATING_CONDITIONS>"
        f"{reserved}</CONTRACT_RELATING_CONDITIONS></LEFTI_CONTRACT><PROCEDURE_DEFINITION_CONTRACT_NOTICE>"
        "<TYPE_OF_PROCEDURE><TYPE_OF_PROCEDURE_DETAIL_FOR_CONTRACT_NOTICE><PT_OPEN/>"
        "</TYPE_OF_PROCEDURE_DETAIL_FOR_CONTRACT_NOTICE></TYPE_OF_PROCEDURE></PROCEDURE_DEFINITION_CONTRACT_NOTICE>"
        "</FD_CONTRACT></CONTRACT></FORM_SECTION></TED_EXPORT>"
    ).encode()


def lot_2013(number: int, title: str, cpv: str) -> str:
    return (
        f'<F02_ANNEX_B ITEM="{number}"><LOT_NUMBER>{number}</LOT_NUMBER><LOT_TITLE>{title}</LOT_TITLE><CPV><CPV_MAIN>'
        f'<CPV_CODE CODE="{cpv}"/></CPV_MAIN></CPV></F02_ANNEX_B>'
    )


def in_json(name: str, text: str, **attributes: str) -> dict[str, Any]:
    """An element as BOAMP writes XML in JSON."""
    return {name: {**{f"@{key}": value for key, value in attributes.items()}, "#text": text}}


def eforms_donnees() -> dict[str, Any]:
    """An eForms notice of two lots as BOAMP has it; the first lot without place."""

    def lot(number: int, title: str, cpv: str, place: dict[str, Any]) -> dict[str, Any]:
        about = {
            **in_json("cbc:Name", title, languageID="FRA"),
            **in_json("cbc:ProcurementTypeCode", "services", listName="contract-nature"),
            "cac:MainCommodityClassification": in_json("cbc:ItemClassificationCode", cpv, listName="cpv"),
            **place,
        }
        return {**in_json("cbc:ID", f"LOT-000{number}", schemeName="Lot"), "cac:ProcurementProject": about}

    nuts = {"cac:Address": in_json("cbc:CountrySubentityCode", "FRH03", listName="nuts")}
    lots = [
        lot(1, "Tonte des pelouses", "77310000", {}),
        lot(2, "Nettoyage de bureaux", "90919200", {"cac:RealizedLocation": nuts}),
    ]
    return {"EFORMS": {"ContractNotice": {"cbc:NoticeLanguageCode": "FRA", "cac:ProcurementProjectLot": lots}}}


FNSIMPLE: dict[str, Any] = SAMPLES["boamp"]["fnsimple"]
MAPA: dict[str, Any] = SAMPLES["boamp"]["mapa"]


def boamp(donnees: Any, **fields: Any) -> dict[str, Any]:
    """A record of the BOAMP API."""
    return {
        "idweb": "26-1",
        "objet": "Entretien",
        "nomacheteur": "Mairie de Redon",
        "code_departement": ["35"],
        "type_marche": ["SERVICES"],
        "type_procedure": "PROCEDURE_ADAPTE",
        "descripteur_libelle": ["Nettoyage de locaux"],
        "donnees": json.dumps(donnees),
    } | fields
