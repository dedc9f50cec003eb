"""The first sheet of a workbook: numbers, days and texts as they are meant; what is damaged or too large is refused."""

import resource
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from sources.file_types import workbook
from sources.file_types.workbook import Sheet, first_sheet
from sources.rows import UnreadableFile

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


ROWS = """<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="inlineStr">
<is><r><t>SI</t></r><r><t>RET</t></r></is></c></row>
<row r="4"><c r="A4" t="s"><v>1</v></c><c r="B4" s="1"><v>46329</v></c><c r="C4"><v>9.1310933600010002E13</v></c></row>
<row r="5"><c r="A5" t="b"><v>1</v></c><c r="B5" s="2"><v>46329.5</v></c>
<c r="C5" t="str"><f>A1</f><v>a, b</v></c></row>
<row r="6"><c r="A6"><v>2.018123456789E15</v></c><c r="B6"><v>0.5</v></c><c r="C6" t="e"><v>#REF!</v></c></row>"""


def lines(sheet: Sheet) -> list[str]:
    return sheet.content.decode().splitlines()


def test_rows_of_excel_keep_their_numbers_and_cells_their_values() -> None:
    """A hidden sheet is passed over, and named as the others are."""
    sheet = first_sheet(xlsx(ROWS, ("Nom", "Les Jardins\ndu Blavet")))
    assert lines(sheet) == [
        "",
        "Nom,,SIRET",
        "",
        "Les Jardins ; du Blavet,2026-11-03,91310933600010",
        'true,2026-11-03,"a, b"',
        "2018123456789000,0.5,#REF!",
    ]
    sheet = first_sheet(xlsx(ROWS, ("a", "b"), sheets=("Listes", "Annuaire", "Notice"), hidden="Listes"))
    assert (sheet.name, sheet.others) == ("Annuaire", ("Notice", "Listes"))


def test_rows_and_cells_of_libreoffice_are_repeated_as_they_say() -> None:
    cells = (
        '<table:table-cell office:value-type="string"><text:p>Nom</text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="2" office:value-type="float" office:value="56300"/>'
        '<table:table-cell office:value-type="date" office:date-value="2026-11-03T00:00:00"/>'
        '<table:table-cell office:value-type="string" office:string-value=""><text:p>#REF!</text:p></table:table-cell>'
        '<table:table-cell office:value-type="percentage" office:value="0.25"><text:p>25 %</text:p></table:table-cell>'
        '<table:table-cell office:value-type="boolean" office:boolean-value="true"/><table:covered-table-cell/>'
    )
    empty = '<table:table-row table:number-rows-repeated="{}"><table:table-cell/></table:table-row>'
    row = f'<table:table-row table:number-rows-repeated="2">{cells}</table:table-row>'
    sheet = first_sheet(ods(empty.format(2) + row + empty.format(1_048_000)))
    assert lines(sheet) == ["", "", *["Nom,56300,56300,2026-11-03,#REF!,0.25,true"] * 2]
    assert (sheet.name, sheet.others) == ("Feuille1", ("Autre",))
    cover = '<table:table-row><table:table-cell office:value-type="float" office:value="2026"/></table:table-row>'
    sheet = first_sheet(ods(f'{cover}</table:table><table:table table:name="Annuaire">{row}'))
    assert (sheet.name, sheet.others) == ("Annuaire", ("Feuille1", "Autre")), "a cover is no table"


def test_a_title_full_of_semicolons_does_not_tell_the_delimiter() -> None:
    row = '<row r="1"><c t="inlineStr"><is><t>a ; b ; c</t></is></c></row>'
    (line,) = lines(first_sheet(xlsx(row)))
    assert line.count(",") > line.count(";")


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and no more",
        archive({"mimetype": "application/vnd.oasis.opendocument.text"}),
        xlsx("<row"),
        archive({"content.xml": f'<!DOCTYPE a [<!ENTITY b "c">]><a xmlns="{MAIN}">&b;</a>'}),
    ],
)
def test_a_damaged_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read"):
        first_sheet(content)


CELL = '<table:table-cell table:number-columns-repeated="{}" office:value-type="float" office:value="1"/>'
REPEATED = f'<table:table-row table:number-rows-repeated="100000">{CELL.format(1000)}</table:table-row>'
LONG = "a" * 1_000_000
LONG_CELL = f'office:value-type="string"><text:p>{LONG}</text:p></table:table-cell>'
LONG_CELLS = f'<table:table-cell table:number-columns-repeated="1000" {LONG_CELL}'


@pytest.mark.parametrize(
    "content",
    [
        xlsx(CELLS_FAR_APART),
        ods(REPEATED),
        xlsx("<row>" + "<c t='s'><v>0</v></c>" * 1_000 + "</row>", (LONG,)),
        ods(f"<table:table-row>{LONG_CELLS}</table:table-row>"),
    ],
    ids=["cells far apart", "repeated cells", "a shared text", "a repeated text"],
)
def test_what_takes_too_much_ends_its_process_alone(content: bytes) -> None:
    """Archives of some kilobytes, of which gigabytes would be made; the library aborts at most of them."""
    with pytest.raises(UnreadableFile, match="This workbook"):
        first_sheet(content)


@pytest.mark.parametrize(
    "rows",
    [
        "<row><c/></row>" * 300_000,
        f"<row>{'<x>' * 100_000}{'</x>' * 100_000}</row>",
        f"<row>{'<x/>' * 100_000}{'<row/>' * 50_000}</row>",
        f"<row a='{'x' * (4 << 20)}'/>",
        f"<row><c t='inlineStr'>{'<r>' * 5_000}<t>a</t>{'</r>' * 5_000}</c></row>",
        "<row r='2'/><row r='1'/>",
        "<row><c t='s'><v>7</v></c><c s='1'><v>1E300</v></c></row>",
    ],
)
def test_what_is_written_strangely_takes_little_time(rows: str) -> None:
    """Whatever is read of it; were each sign the beginning of a search of its own, it would be many minutes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with suppress(UnreadableFile):
        first_sheet(xlsx(rows))
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 10


def test_the_blanks_of_a_text_are_read_once() -> None:
    row = "<row r='1'><c r='A1' t='s'><v>0</v></c></row>"
    content = first_sheet(xlsx(row, ("a" + " " * 500_000 + "b\n \r\n c",))).content
    assert content.rstrip(b",\n") == b"a" + b" " * 500_000 + b"b ; c"


def test_no_more_of_a_workbook_is_taken_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    content = xlsx(ROWS, ("a", "b"))
    assert first_sheet(content)
    monkeypatch.setattr(workbook, "LARGEST_TABLE", 20)
    with pytest.raises(UnreadableFile, match="too large"):
        first_sheet(content)
