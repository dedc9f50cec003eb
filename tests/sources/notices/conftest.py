"""The tests of notices share this: the reference data, notices read as needs, and notices of every form."""

import json
import re
from pathlib import Path
from typing import Any

from sources.notices.need_of_notice import NoticeNeed, need_in_record, need_in_xml
from tests.factories import reference

SAMPLES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "samples.json").read_text("utf-8"))


def read_xml(raw: bytes) -> Any:
    return need_in_xml(raw, reference())


def read_record(document: dict[str, Any]) -> Any:
    return need_in_record(document, reference())


def noted(read: NoticeNeed) -> list[str]:
    """What was said of the notice, besides what a need has no place for, in French."""
    return [each.detail.fr for each in read.unread if not each.expected]


VANNES = (
    "<cac:Address><cbc:CityName>Vannes</cbc:CityName><cbc:PostalZone>56000</cbc:PostalZone>"
    '<cbc:CountrySubentityCode listName="nuts-lvl3">FRH04</cbc:CountrySubentityCode>'
    '<cac:Country><cbc:IdentificationCode listName="country">FRA</cbc:IdentificationCode></cac:Country></cac:Address>'
)
YEAR = '<cac:PlannedPeriod><cbc:DurationMeasure unitCode="YEAR">1</cbc:DurationMeasure></cac:PlannedPeriod>'
THREE_RENEWALS = "<cac:ContractExtension><cbc:MaximumNumberNumeric>3</cbc:MaximumNumberNumeric></cac:ContractExtension>"


def sample(name: str, /, **filled: str) -> str:
    """The document, or the part of one, in the file of that name, filled in, without blanks between its elements."""
    written = (Path(__file__).parent / "samples" / f"{name}.xml").read_text("utf-8")
    return re.sub(r"\n\s*(?=[<{])", "", written).strip().format(**filled)


def extension(content: str) -> str:
    """A UBL extension of eForms."""
    return (
        "<ext:UBLExtensions><ext:UBLExtension><ext:ExtensionContent><efext:EformsExtension>"
        f"{content}"
        "</efext:EformsExtension></ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions>"
    )


def organisation(number: str = "22560001400016", name: str = "Département du Morbihan", org: str = "ORG-0001") -> str:
    return sample("organisation", number=number, name=name, org=org)


def project(
    title: str = "Nettoyage des locaux",
    cpv: str = "90919200",
    amount: str = '<cbc:EstimatedOverallContractAmount currencyID="EUR">240000</cbc:EstimatedOverallContractAmount>',
    places: str = f"<cac:RealizedLocation>{VANNES}</cac:RealizedLocation>",
    rest: str = YEAR + THREE_RENEWALS,
    description: str = "",
) -> str:
    """A ProcurementProject, of a lot or of the whole."""
    return sample("project", title=title, cpv=cpv, amount=amount, places=places, rest=rest, description=description)


def reserved(code: str, execution: str = "no") -> str:
    """The terms of a lot that say whether participation (BT-71) and execution (BT-736) are reserved."""
    return sample("reserved", code=code, execution=execution)


def system(framework: str = "fa-wo-rc", dynamic: str = "none") -> str:
    """The process of a lot with its techniques (BT-765, BT-766)."""
    return sample("system", framework=framework, dynamic=dynamic)


def eforms_lot(identifier: str, content: str, scheme: str = "Lot") -> str:
    return (
        f'<cac:ProcurementProjectLot><cbc:ID schemeName="{scheme}">{identifier}</cbc:ID>{content}'
        "</cac:ProcurementProjectLot>"
    )


def eforms(*lots: str, **said: str) -> bytes:
    """An eForms notice: contract notice, prior information notice or contract award notice."""
    usual = {"root": "ContractNotice", "kind": "cn-standard", "basis": "32014L0024", "legal": "la"}
    usual |= {"procedure": "open", "whole": project(title="Propreté", rest=""), "result": ""}
    return sample("eforms", lots="".join(lots), **usual | {"organisations": organisation()} | said).encode()


def object_descr(number: int, content: str, lot: bool = True) -> str:
    """A lot of a form of TED."""
    return f'<OBJECT_DESCR ITEM="{number}">{f"<LOT_NO>{number}</LOT_NO>" if lot else ""}{content}</OBJECT_DESCR>'


def ted_object(*descriptions: str, title: str = "Propreté", cpv: str = "90910000", value: str = "") -> str:
    return sample("ted_object", descriptions="".join(descriptions), title=title, cpv=cpv, value=value)


def ted(*objects: str, **said: str) -> bytes:
    """A form of TED of schema R2.0.9, in English first, then in French, which is the original."""
    usual = {"form": "F02_2014", "basis": "32014L0024", "leftis": "", "procedure": "<PT_OPEN/><FRAMEWORK/>"}
    usual |= {"ca_type": '<CA_TYPE VALUE="REGIONAL_AUTHORITY"/>'}
    return sample("ted", objects="".join(objects), **usual | said).encode()


def ted_2013(lots: str = "", reserved: str = "") -> bytes:
    """A contract notice of schema R2.0.8."""
    return sample("ted_2013", lots=lots, reserved=reserved).encode()


def lot_2013(number: int, title: str, cpv: str) -> str:
    return sample("lot_2013", number=str(number), title=title, cpv=cpv)


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
