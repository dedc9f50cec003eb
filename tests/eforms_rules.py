"""A notice held against the published schemas and rules of the eForms SDK, where these are beside the checkout.

The rules are Schematron with XSLT 2: each pattern becomes a mode of one stylesheet, in which a node meets the first of
the pattern's rules that fits it, and each assertion that fails writes its id.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

SCH = "{http://purl.oclc.org/dsdl/schematron}"
XSL = "http://www.w3.org/1999/XSL/Transform"


@cache
def _schema(sdk: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(sdk / "schemas" / "maindoc" / "UBL-PriorInformationNotice-2.3.xsd"))


def schema_faults(sdk: Path, notice: bytes) -> list[str]:
    """What the schema finds wrong in a notice."""
    schema = _schema(sdk)
    schema.validate(etree.fromstring(notice))
    return [fault.message for fault in schema.error_log]


def broken_rules(sdk: Path, notice: bytes, subtype: str = "E1") -> list[str]:
    """The ids of the published rules for notices of that subtype that a notice breaks."""
    processor, compiled = _rules(sdk / "schematrons" / "static", subtype)
    document = processor.parse_xml(xml_text=notice.decode().partition("?>")[2])
    return sorted(str(compiled.transform_to_string(xdm_node=document)).split())


@cache
def _rules(folder: Path, subtype: str) -> tuple[Any, Any]:
    """The processor of XSLT, and the published rules compiled by it, which takes seconds."""
    saxonche = pytest.importorskip("saxonche", reason="the published rules are run by saxonche, which is not installed")
    processor = saxonche.PySaxonProcessor(license=False)
    stylesheet = _stylesheet(folder, subtype)
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_text=stylesheet)


def _stylesheet(folder: Path, subtype: str) -> str:
    whole = etree.parse(folder / "complete-validation.sch").getroot()
    spaces = {each.get("prefix"): each.get("uri") for each in whole.iter(f"{SCH}ns") if each.get("prefix") != "sch"}
    sheet = etree.Element(f"{{{XSL}}}stylesheet", {"version": "3.0"}, nsmap=spaces | {"xsl": XSL})
    etree.SubElement(sheet, f"{{{XSL}}}output", {"method": "text"})
    start = etree.SubElement(sheet, f"{{{XSL}}}template", {"match": "/"})
    phase = next(each for each in whole.iter(f"{SCH}phase") if each.get("id") == f"eforms-{subtype}")
    active = {each.get("pattern") for each in phase}
    variables = list(whole.findall(f"{SCH}let"))
    for included in whole.findall(f"{SCH}include"):
        pattern = etree.parse(folder / str(included.get("href"))).getroot()
        if (mode := pattern.get("id")) not in active:
            continue
        etree.SubElement(sheet, f"{{{XSL}}}mode", {"name": mode, "on-no-match": "shallow-skip"})
        etree.SubElement(start, f"{{{XSL}}}apply-templates", {"select": "/", "mode": mode})
        variables += pattern.findall(f"{SCH}let")
        rules = pattern.findall(f"{SCH}rule")
        for place, rule in enumerate(rules):
            fits = {"match": str(rule.get("context")), "mode": mode, "priority": str(len(rules) - place)}
            template = etree.SubElement(sheet, f"{{{XSL}}}template", fits)
            variables_of_rule = rule.findall(f"{SCH}let")
            assert not variables_of_rule, "a rule with variables of its own"
            for check in rule.findall(f"{SCH}assert"):
                failed = etree.SubElement(template, f"{{{XSL}}}if", {"test": f"not({check.get('test')})"})
                etree.SubElement(failed, f"{{{XSL}}}text").text = f"{check.get('id')} "
            deeper = {"select": "@*|node()", "mode": mode}
            etree.SubElement(template, f"{{{XSL}}}apply-templates", deeper)
    for each in variables:
        given = {"name": str(each.get("name")), "select": str(each.get("value"))}
        sheet.insert(1, etree.Element(f"{{{XSL}}}variable", given))
    return str(etree.tostring(sheet, encoding="unicode"))
