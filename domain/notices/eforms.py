"""The notice of a preliminary market consultation as XML of eForms: notice type `pmc`, subtype E1, in French.

Business terms (BT) are those of the annex of regulation (EU) 2019/1780; codes are those of the SDK's code lists. The
rules of E1 forbid the fields of renewals (BT-57, BT-58), of reserved participation (BT-71) and of the procedure
(BT-105): the descriptions say them.
"""

import re
from datetime import datetime
from hashlib import sha256
from uuid import UUID

# only written here; what is read goes through defusedxml
from xml.etree import ElementTree as ET

from domain.needs.need import Buyer
from domain.notices.consultation import BASIS, WHOLE_DAY, Consultation, NoticeLot, lot_remarks, need_remarks, sentences
from domain.reference.territory import Area
from domain.text.bilingual import PARIS

SDK = "eforms-sdk-1.16"
"""The version of the eForms SDK whose schemas and rules the notice follows."""
FRENCH, FRANCE, EURO = "FRA", "FRA", "EUR"
LONGEST_ID = 100
_PIN = "urn:oasis:names:specification:ubl:schema:xsd:PriorInformationNotice-2"
_SPACES = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "ext": "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2",
    "efac": "http://data.europa.eu/p27/eforms-ubl-extension-aggregate-components/1",
    "efbc": "http://data.europa.eu/p27/eforms-ubl-extension-basic-components/1",
    "efext": "http://data.europa.eu/p27/eforms-ubl-extensions/1",
}
for _prefix, _space in {"": _PIN, **_SPACES}.items():
    ET.register_namespace(_prefix, _space)
_EXTENSION = ("ext:UBLExtensions", "ext:UBLExtension", "ext:ExtensionContent", "efext:EformsExtension")
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# By the first digits of a SIRET: ministries; communes, departements, groupings; regions (nomenclature of Sirene).
_LEGAL_TYPES = {
    "state": {"11": "cga", "1": "body-pl-cga", "2": "body-pl-cga"},
    "local": {"20": "la", "21": "la", "22": "la", "24": "la", "23": "ra", "1": "body-pl-la", "2": "body-pl-la"},
}

Element = ET.Element


def notice_xml(notice: Consultation, need_id: UUID) -> bytes:
    """The notice as an XML document in UTF-8. Its identifier is the same for each making of a need's notice."""
    root = Element(f"{{{_PIN}}}PriorInformationNotice")
    extension = _add_all(root, *_EXTENSION)
    _add(_add(extension, "efac:NoticeSubType"), "cbc:SubTypeCode", "E1", listName="notice-subtype")
    _add_company(_add_all(extension, "efac:Organizations", "efac:Organization", "efac:Company"), notice)
    made = notice.made_at
    _add(root, "cbc:UBLVersionID", "2.3")
    _add(root, "cbc:CustomizationID", SDK)
    identifier = UUID(bytes=sha256(f"notice:{need_id}".encode()).digest()[:16], version=4)
    _add(root, "cbc:ID", str(identifier), schemeName="notice-id")
    _add(root, "cbc:IssueDate", _day(made))
    _add(root, "cbc:IssueTime", made.strftime("%H:%M:%S") + _offset(made))
    _add(root, "cbc:VersionID", "01")
    planned = notice.need.planned_publication_on
    if planned is not None and planned > made.date():
        _add(root, "cbc:PlannedDate", _day(datetime.combine(planned, WHOLE_DAY, PARIS)))
    _add(root, "cbc:RegulatoryDomain", _directive(notice))
    _add(root, "cbc:NoticeTypeCode", "pmc", listName="consultation")
    _add(root, "cbc:NoticeLanguageCode", FRENCH)
    _add_buyer(root, notice.buyer)
    law = _add_all(root, "cac:TenderingTerms", "cac:ProcurementLegislationDocumentReference")
    _add(law, "cbc:ID", "LocalLegalBasis")
    _add(law, "cbc:DocumentDescription", BASIS.fr, languageID=FRENCH)
    _add_whole(_add(root, "cac:ProcurementProject"), notice)
    for number, lot in enumerate(notice.lots, 1):
        _add_lot(_add(root, "cac:ProcurementProjectLot"), lot, number, notice)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _add(parent: Element, name: str, text: str | None = None, /, **attributes: str) -> Element:
    """Add a child `prefix:name` with a text, without the characters that XML cannot have; returns it."""
    prefix, _, local = name.partition(":")
    child = ET.SubElement(parent, f"{{{_SPACES[prefix]}}}{local}", attributes)
    child.text = None if text is None else _NO_XML.sub("", text).strip()
    return child


def _add_all(parent: Element, *names: str) -> Element:
    """Add a child, a child to that and so on; returns the innermost."""
    for name in names:
        parent = _add(parent, name)
    return parent


def _offset(moment: datetime) -> str:
    written = moment.strftime("%z")
    return f"{written[:3]}:{written[3:]}"


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d") + _offset(moment)


def _directive(notice: Consultation) -> str:
    """The directive of such contracts (BT-01); `other` where it depends on a kind of buyer that is not known."""
    if notice.need.contract == "concession":
        return "32014L0023"
    kind = notice.buyer.kind
    return "other" if kind is None else "32014L0025" if kind == "utility" else "32014L0024"


def legal_type(buyer: Buyer) -> str | None:
    """The code of the buyer's legal type (BT-11) by its kind and SIRET; None where these do not tell."""
    known = _LEGAL_TYPES.get(buyer.kind or "", {})
    siret = "" if buyer.contracting_authority is False else buyer.siret or ""
    return known.get(siret[:2]) or known.get(siret[:1])


def _add_company(company: Element, notice: Consultation) -> None:
    """Add the buyer as an organisation: number, name, country, SIRET and address for questions."""
    buyer, email = notice.buyer, notice.need.answers_email
    _add(_add(company, "cac:PartyIdentification"), "cbc:ID", "ORG-0001", schemeName="organization")
    _add(_add(company, "cac:PartyName"), "cbc:Name", buyer.name, languageID=FRENCH)
    country = _add_all(company, "cac:PostalAddress", "cac:Country")
    _add(country, "cbc:IdentificationCode", FRANCE, listName="country")
    if buyer.siret:
        _add(_add(company, "cac:PartyLegalEntity"), "cbc:CompanyID", buyer.siret)
    if email:
        _add(_add(company, "cac:Contact"), "cbc:ElectronicMail", email)


def _add_buyer(root: Element, buyer: Buyer) -> None:
    party = _add(root, "cac:ContractingParty")
    if code := legal_type(buyer):
        _add(_add(party, "cac:ContractingPartyType"), "cbc:PartyTypeCode", code, listName="buyer-legal-type")
    if buyer.kind == "utility":
        entity = _add(party, "cac:ContractingPartyType")
        _add(entity, "cbc:PartyTypeCode", "cont-ent", listName="buyer-contracting-type")
    _add(_add_all(party, "cac:Party", "cac:PartyIdentification"), "cbc:ID", "ORG-0001", schemeName="organization")


def _add_whole(project: Element, notice: Consultation) -> None:
    """Add what holds for all lots: reference, object, natures, value, codes."""
    need = notice.need
    if need.reference and len(need.reference) <= LONGEST_ID:
        _add(project, "cbc:ID", need.reference, schemeName="InternalID")
    _add(project, "cbc:Name", notice.title, languageID=FRENCH)
    _add(project, "cbc:Description", notice.description, languageID=FRENCH)
    _add(project, "cbc:ProcurementTypeCode", notice.natures[0], listName="contract-nature")
    _add(project, "cbc:Note", sentences(need_remarks(notice)).fr, languageID=FRENCH)
    for nature in notice.natures[1:]:
        other = _add(project, "cac:ProcurementAdditionalType")
        _add(other, "cbc:ProcurementTypeCode", nature, listName="contract-nature")
    if need.estimated_total_eur is not None:
        _add_value(project, round(need.estimated_total_eur * 100))
    _add_codes(project, notice.cpv)
    everywhere = any(lot.object.everywhere for lot in notice.lots)
    _add_places(project, notice.places, everywhere=everywhere)


def _add_value(project: Element, cents: int) -> None:
    amount = f"{cents // 100}.{cents % 100:02d}"
    _add(_add(project, "cac:RequestedTenderTotal"), "cbc:EstimatedOverallContractAmount", amount, currencyID=EURO)


def _add_codes(project: Element, cpv: tuple[str, ...]) -> None:
    for place, code in enumerate(cpv):
        name = "cac:AdditionalCommodityClassification" if place else "cac:MainCommodityClassification"
        _add(_add(project, name), "cbc:ItemClassificationCode", code, listName="cpv")


def _add_lot(element: Element, lot: NoticeLot, number: int, notice: Consultation) -> None:
    """Add a lot: how and until when to answer, then its object."""
    _add(element, "cbc:ID", f"LOT-{number:04d}", schemeName="Lot")
    terms, url = _add(element, "cac:TenderingTerms"), notice.need.answers_url
    if url:
        _add(_add(terms, "cac:TenderRecipientParty"), "cbc:EndpointID", url)
    _add(_add(terms, "cac:Language"), "cbc:ID", FRENCH)
    process = _add(element, "cac:TenderingProcess")
    period = _add_all(process, *_EXTENSION, "efac:AnswerReceptionPeriod")
    _add(period, "cbc:EndDate", _day(notice.ends_at))
    _add(period, "cbc:EndTime", notice.ends_at.strftime("%H:%M:%S") + _offset(notice.ends_at))
    if not url:  # no page on which to answer is known
        _add(process, "cbc:SubmissionMethodCode", "not-allowed", listName="esubmission")
    project = _add(element, "cac:ProcurementProject")
    _add(project, "cbc:ID", lot.lot.id, schemeName="InternalID")
    _add(project, "cbc:Name", lot.title, languageID=FRENCH)
    words = "\n".join(filter(None, (f"{lot.title}.", sentences(lot_remarks(lot)).fr)))
    _add(project, "cbc:Description", words, languageID=FRENCH)
    _add(project, "cbc:ProcurementTypeCode", lot.nature, listName="contract-nature")
    if lot.cents is not None:
        _add_value(project, lot.cents)
    _add_codes(project, lot.cpv)
    _add_places(project, lot.object.places, everywhere=lot.object.everywhere, site=lot.object.site)
    if lot.lot.duration_months:
        months = str(lot.lot.duration_months)
        _add(_add(project, "cac:PlannedPeriod"), "cbc:DurationMeasure", months, unitCode="MONTH")


def _add_places(project: Element, places: tuple[Area, ...], *, everywhere: bool, site: str | None = None) -> None:
    """Add NUTS 3 areas of performance, or that it is anywhere in France; `site`: the place in words."""
    for area in (None,) if everywhere else places:
        location = _add(project, "cac:RealizedLocation")
        if site:
            _add(location, "cbc:Description", site, languageID=FRENCH)
        address = _add(location, "cac:Address")
        if area is None:
            _add(address, "cbc:Region", "anyw-cou")
        else:
            _add(address, "cbc:CountrySubentityCode", area.code, listName="nuts-lvl3")
        _add(_add(address, "cac:Country"), "cbc:IdentificationCode", FRANCE, listName="country")
