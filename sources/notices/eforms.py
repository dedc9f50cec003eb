"""eForms notices (UBL 2.3, eForms SDK), as XML or as BOAMP writes that XML in JSON: all types of notice that have lots.

Business terms (BT) are those of the annex of regulation (EU) 2019/1780; codes are those of the SDK's code lists.
"""

from domain.text.bilingual import cut
from domain.text.normalise import fold
from sources.notices.element import Element, PlacedText, mark_read
from sources.notices.notice import CODES, TECHNIQUES, Amount, Notice, NoticeBuyer, NoticeLot, NoticePlace, Renewals
from sources.notices.reading import months_between, months_of, renewals_in_digits

ROOTS = ("ContractNotice", "PriorInformationNotice", "ContractAwardNotice")
EXTENSION = ("UBLExtensions", "UBLExtension", "ExtensionContent", "EformsExtension")

UTILITIES, CONCESSIONS = "32014L0025", "32014L0023"
FRENCH = "FRA"
_CODES = CODES["eforms"]


def read(root: Element) -> Notice:
    """Read an eForms notice from its root element, which has a name in `ROOTS`."""
    notice = Notice(root)
    names = ("UBLVersionID", "CustomizationID", "ProfileID", "ID", "VersionID", "ContractFolderID", "NoticeTypeCode")
    mark_read(*map(root.child, (*names, "NoticeLanguageCode")))
    mark_read(root.child(*EXTENSION, "NoticeSubType", "SubTypeCode"))
    reader = _Reader(notice, root.text_at("NoticeLanguageCode") or FRENCH)
    reader.read_whole(root)
    reader.read_lots(root)
    if results := root.child(*EXTENSION, "NoticeResult"):
        tenders = {
            number.text: amount
            for tender in results.all("LotTender")
            if (number := tender.first_text("ID")) and (amount := tender.child("LegalMonetaryTotal", "PayableAmount"))
        }
        signed = {each.text() for each in results.all("SettledContract", "LotTender", "ID")}
        awarded: dict[str, Amount] = {}  # of the tender that a contract was made of; where there are several, the first
        for result in results.all("LotResult"):
            lot = result.first_text("TenderLot", "ID")
            for each in result.all("LotTender", "ID"):
                amount = tenders.get(each.text()) if each.text() in signed else None
                if lot is not None and amount is not None and lot.text not in awarded:
                    awarded[lot.text] = _amount(amount)
        notice.set_values_awarded(awarded)
    return notice


class _Reader:
    """Reads an eForms notice; `language` is the notice's own, preferred for texts that are not in French."""

    def __init__(self, notice: Notice, language: str) -> None:
        self.notice, self.language = notice, language

    def read_whole(self, root: Element) -> None:
        """Read what holds for all lots: buyer, procedure, object, total value, planned day."""
        notice = self.notice
        basis = root.text_at("RegulatoryDomain")
        if basis == CONCESSIONS:
            notice.contract = "concession"
        notice.buyer = self._buyer(root, basis)
        if project := root.child("ProcurementProject"):
            notice.whole = self._project(project, project.path)
            notice.reference = project.text_at("ID")
        if notice.whole.value is None and (total := root.child(*EXTENSION, "NoticeResult", "TotalAmount")):
            notice.whole.value = _amount(total)
            notice.note(total.path, "total_is_awarded")
        notice.set_planned_day(root.first_text("PlannedDate"))  # BT-127
        if described := root.first_text("TenderingProcess", "Description"):
            notice.whole.words += " . " + described.text
        if code := root.first_text("TenderingProcess", "ProcedureCode"):
            notice.procedure = _CODES.procedures.get(code.text)
            if notice.procedure is None and "procedure adaptee" in fold(notice.whole.words):
                notice.procedure = "adapted"
            elif notice.procedure is None:
                notice.note(code.path, "procedure_without_equal", text=cut(code.text))
        for name in ("ContractModification", "Changes"):
            if changes := root.child(*EXTENSION, name):
                notice.note(changes.path, "changes_not_read")

    def read_lots(self, root: Element) -> None:
        """Read the lots, or the parts of a planned procurement that has no lots yet."""
        by_scheme: dict[str, list[Element]] = {"Lot": [], "Part": [], "LotsGroup": []}
        for element in root.all("ProcurementProjectLot"):
            scheme = "Lot"
            if identifier := element.child("ID"):
                by_prefix = {"PAR": "Part", "GLO": "LotsGroup"}
                scheme = identifier.attributes.get("schemeName") or by_prefix.get(identifier.text()[:3], "Lot")
            by_scheme.setdefault(scheme, []).append(element)
        for group in by_scheme["LotsGroup"]:
            mark_read(group.child("ID"))
            self.notice.note(group.path, "group_of_lots")
        for element in self.notice.first_lots(by_scheme["Lot"] or by_scheme["Part"]):
            self.notice.lots.append(self._lot(element))

    def _lot(self, element: Element) -> NoticeLot:
        project = element.child("ProcurementProject")
        lot = NoticeLot(element.path) if project is None else self._project(project, element.path)
        lot.id = element.text_at("ID")
        terms, process = element.child("TenderingTerms"), element.child("TenderingProcess")
        if terms is not None:
            self._read_reservation(lot, terms)
        if process is not None:
            named = process.all("ContractingSystem", "ContractingSystemTypeCode")
            techniques = {_CODES.techniques.get(code.text()) for code in named}
            lot.technique = next((each for each in TECHNIQUES if each in techniques), None)
            most = process.child("FrameworkAgreement", "EstimatedMaximumValueAmount")  # before SDK 1.4
            if most is not None and lot.maximum is None:
                lot.maximum = _amount(most)
        return lot

    def _project(self, project: Element, path: str) -> NoticeLot:
        """Read a lot, or what holds for all lots, from a ProcurementProject; `path` is that of the lot's element."""
        lot = NoticeLot(path)
        lot.title = self._text(project, "Name")
        described = self._text(project, "Description")
        mark_read(project.child("ID"))
        lot.words = " . ".join(written.text for written in (lot.title, described) if written)
        for name in ("MainCommodityClassification", "AdditionalCommodityClassification"):
            lot.cpv += (
                PlacedText(code.path, text)
                for code in project.all(name, "ItemClassificationCode")
                if code.attributes.get("listName", "cpv") == "cpv" and (text := code.text())
            )
        nature = project.first_text("ProcurementTypeCode")
        lot.nature = None if nature is None else _CODES.natures.get(nature.text)
        if nature is not None and lot.nature is None:
            self.notice.note(nature.path, "nature_without_equal", text=cut(nature.text))
        lot.innovative = any(
            code.attribute("listName") == "innovative-acquisition"
            or (code.attribute("listName") == "strategic-procurement" and code.text() == "inn-pur")
            for code in project.all("ProcurementAdditionalType", "ProcurementTypeCode")
            if code.attributes.get("listName") in {"innovative-acquisition", "strategic-procurement"}
        )
        if estimate := project.child("RequestedTenderTotal", "EstimatedOverallContractAmount"):
            lot.value = _amount(estimate)
        if most := project.child("RequestedTenderTotal", *EXTENSION, "FrameworkMaximumAmount"):
            lot.maximum = _amount(most)
        lot.places = [place for each in project.all("RealizedLocation") if (place := _place(each)) is not None]
        if period := project.child("PlannedPeriod"):
            lot.months = self._months(period)
        if extension := project.child("ContractExtension"):
            number = extension.first_text("MaximumNumberNumeric")
            words = extension.first_text("Renewal", "Period", "Description")
            count = renewals_in_digits(number.text) if number else None
            if count is not None or words is not None:
                path = (number or words or PlacedText(extension.path, "")).path
                lot.renewals = Renewals(path, count, words.text if words else "")
        return lot

    def _text(self, element: Element, name: str) -> PlacedText | None:
        """The text of the child `name` in French, else in the notice's language, else the first; None without one."""
        texts = {each.attributes.get("languageID", ""): each for each in reversed(list(element.all(name)))}
        chosen = next((texts[language] for language in (FRENCH, self.language) if language in texts), None)
        written = PlacedText(chosen.path, chosen.text()) if chosen is not None else None
        if written is None or not written.text:
            return element.first_text(name)
        mark_read(*texts.values())
        return written

    def _months(self, period: Element) -> int | None:
        if measure := period.child("DurationMeasure"):
            unit = measure.attribute("unitCode")
            months, written = months_of(measure.text(), unit), f"{measure.text()} {unit}"
        else:
            start, end, code = (period.text_at(name) for name in ("StartDate", "EndDate", "DescriptionCode"))
            months, written = months_between(start, end), " ".join(filter(None, (start, end, code)))
        if months is None:
            self.notice.note(period.path, "duration_not_in_months", text=cut(written))
        return months

    def _read_reservation(self, lot: NoticeLot, terms: Element) -> None:
        said_none = False
        for requirement in terms.all("TendererQualificationRequest", "SpecificTendererRequirement"):
            codes = list(requirement.all("TendererRequirementTypeCode"))
            reserving = [code for code in codes if code.attributes.get("listName", "") == "reserved-procurement"]
            for code in reserving:
                text = code.text()
                said_none = said_none or text == "none"
                if (mark := _CODES.reserved.get(text)) is not None:
                    lot.reserved.append(PlacedText(code.path, mark))
                elif text != "none":
                    self.notice.note(code.path, "unknown_reservation", text=cut(text))
            if reserving and reserving[0] is codes[0] and (described := requirement.child("Description")):
                lot.words += " . " + described.text()
        for code in terms.all("ContractExecutionRequirement", "ExecutionRequirementCode"):
            if code.attributes.get("listName", "") != "reserved-execution" or code.text() != "yes":
                continue
            if said_none:
                self.notice.note(code.path, "reserved_performance")
            else:
                lot.reserved.append(PlacedText(code.path, "programme"))
        lot.is_not_reserved = said_none and not lot.reserved

    def _buyer(self, root: Element, legal_basis: str) -> NoticeBuyer | None:
        parties = list(root.all("ContractingParty"))
        if not parties:
            return None
        party, *others = parties
        companies = {
            identifier.text: company
            for company in root.all(*EXTENSION, "Organizations", "Organization", "Company")
            if (identifier := company.first_text("PartyIdentification", "ID"))
        }
        number = party.first_text("Party", "PartyIdentification", "ID")
        company = companies.get(number.text) if number else None
        earlier = party.first_text("Party", "PartyName", "Name")  # before SDK 1.0
        buyer = NoticeBuyer(party.path, earlier.text if earlier else "")
        if company is not None:
            buyer.path = company.path
            named = company.child("PartyName")
            name = None if named is None else self._text(named, "Name")
            buyer.name = name.text if name else ""
            buyer.number = company.first_text("PartyLegalEntity", "CompanyID")
            buyer.place = _address(company.child("PostalAddress"), company.path)
        if others:
            self.notice.note(others[0].path, "more_buyers", count=len(others))
        types = {
            code.attributes.get("listName", "buyer-legal-type"): PlacedText(code.path, code.text())
            for code in party.all("ContractingPartyType", "PartyTypeCode")
        }
        legal = types.get("buyer-legal-type")
        entity = types.get("buyer-contracting-type")
        is_utility = legal_basis == UTILITIES or (entity is not None and entity.text == "cont-ent")
        buyer.kind = "utility" if is_utility else None
        if legal is not None:
            self.notice.set_kind(buyer, legal, _CODES, is_utility=is_utility)
        return buyer


def _amount(element: Element) -> Amount:
    return Amount(element.path, element.text(), element.attribute("currencyID"))


def _place(location: Element) -> NoticePlace | None:
    words = location.text_at("Description")
    place = _address(location.child("Address"), location.path) or (NoticePlace(location.path) if words else None)
    return None if place is None else place._replace(words=words)


def _address(address: Element | None, path: str) -> NoticePlace | None:
    if address is None:
        return None
    nuts = tuple(
        PlacedText(code.path, text)
        for code in address.all("CountrySubentityCode")
        if (text := code.text()) and code.attributes.get("listName", "nuts").startswith("nuts")
    )
    postal_code, city, anywhere = (address.text_at(name) for name in ("PostalZone", "CityName", "Region"))
    return NoticePlace(path, nuts, address.text_at("Country", "IdentificationCode"), anywhere, postal_code, city)
