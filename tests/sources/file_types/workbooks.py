"""Workbooks of a few cells, as Excel and LibreOffice write them."""

from collections.abc import Mapping
from io import BytesIO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OPEN = "urn:oasis:names:tc:opendocument:xmlns"
STYLES = f"""<styleSheet xmlns="{MAIN}">
<numFmts><numFmt numFmtId="164" formatCode="d\\ mmmm\\ yyyy"/></numFmts>
<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>"""

CELLS_FAR_APART = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
"""Rows of which python-calamine would make 16 thousand million cells: it aborts."""


def xlsx(
    rows: str,
    texts: tuple[str, ...] = (),
    *,
    sheets: tuple[str, ...] = ("Annuaire",),
    hidden: str = "",
    styles: str = STYLES,
) -> bytes:
    """A workbook with those rows (`<row>…</row>`) in its first sheet that is not hidden."""
    states = [("hidden" if name == hidden else "visible") for name in sheets]
    shown = [f'<sheet name="{name}" r:id="r{at}" state="{states[at]}"/>' for at, name in enumerate(sheets)]
    links = [
        f'<Relationship Id="r{at}" Type="{OFFICE}/worksheet" Target="worksheets/{at}.xml"/>'
        for at in range(len(sheets))
    ]
    strings = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    first = next(at for at, name in enumerate(sheets) if name != hidden)
    parts = {
        "_rels/.rels": f'<Relationships><Relationship Id="b" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{"".join(shown)}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships>{''.join(links)}</Relationships>",
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
        "xl/styles.xml": styles,
        f"xl/worksheets/{first}.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>',
    }
    return archive(parts)


def ods(rows: str) -> bytes:
    """A workbook with those rows (`<table:table-row>…`) in its first sheet, and another sheet."""
    spaces = " ".join(f'xmlns:{name}="{OPEN}:{name}:1.0"' for name in ("office", "table", "text"))
    tables = f'<table:table table:name="Feuille1">{rows}</table:table><table:table table:name="Autre"/>'
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    return archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{OPEN}:manifest:1.0"/>',
            "content.xml": f"<office:document-content {spaces}>{body}</office:document-content>",
        }
    )


def archive(parts: Mapping[str, str]) -> bytes:
    """A compressed archive of those parts."""
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return written.getvalue()
