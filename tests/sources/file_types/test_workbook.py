"""The first sheet of a workbook: numbers, days and texts as they are meant; what is damaged or too large is refused."""

import tracemalloc
from io import BytesIO
from zipfile import ZipExtFile

import pytest

from sources.file_types import workbook
from sources.file_types.workbook import Sheet, first_sheet
from sources.rows import UnreadableFile
from tests.sources.file_types.workbooks import MAIN, archive, ods, xlsx

ROWS = """<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="inlineStr">
<is><r><t>SI</t></r><r><t>RET</t></r></is></c></row>
<row r="4"><c r="A4" t="s"><v>1</v></c><c r="B4" s="1"><v>46329</v></c><c r="C4"><v>9.1310933600010002E13</v></c></row>
<row r="5"><c r="A5" t="b"><v>1</v></c><c r="B5" s="2"><v>46329.5</v></c>
<c r="C5" t="str"><f>A1</f><v>a, b</v></c></row>
<row r="6"><c r="B6"><v>0.5</v></c><c r="C6" t="e"><v>#REF!</v></c></row>"""


def lines(sheet: Sheet) -> list[str]:
    return sheet.content.decode().splitlines()


def read(content: bytes) -> Sheet:
    return first_sheet(BytesIO(content))


def test_rows_of_excel_keep_their_numbers_and_cells_their_values() -> None:
    sheet = read(xlsx(ROWS, ("Nom", "Les Jardins\ndu Blavet")))
    assert lines(sheet) == [
        "",
        "Nom,,SIRET",
        "",
        "Les Jardins ; du Blavet,2026-11-03,91310933600010",
        'true,2026-11-03,"a, b"',
        ",0.5,#REF!",
    ]


def test_a_hidden_sheet_is_passed_over_and_others_are_named() -> None:
    sheet = read(xlsx(ROWS, ("a", "b"), sheets=("Listes", "Annuaire", "Notice"), hidden="Listes"))
    assert (sheet.name, sheet.others) == ("Annuaire", ("Notice",))


def test_rows_and_cells_of_libreoffice_are_repeated_as_they_say() -> None:
    cells = """<table:table-cell office:value-type="string"><text:p>Nom</text:p></table:table-cell>
    <table:table-cell table:number-columns-repeated="2" office:value-type="float" office:value="56300"/>
    <table:table-cell office:value-type="date" office:date-value="2026-11-03T00:00:00"/>"""
    empty = '<table:table-row table:number-rows-repeated="{}"><table:table-cell/></table:table-row>'
    row = f'<table:table-row table:number-rows-repeated="2">{cells}</table:table-row>'
    sheet = read(ods(empty.format(2) + row + empty.format(1_048_000)))
    assert lines(sheet) == ["", "", "Nom,56300,56300,2026-11-03", "Nom,56300,56300,2026-11-03"]
    assert (sheet.name, sheet.others) == ("Feuille1", ("Autre",))


def test_a_title_full_of_semicolons_does_not_tell_the_delimiter() -> None:
    row = '<row r="1"><c t="inlineStr"><is><t>a ; b ; c</t></is></c></row>'
    (line,) = lines(read(xlsx(row)))
    assert line.count(",") > line.count(";")


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and no more",
        archive({"mimetype": "application/vnd.oasis.opendocument.text"}),
        xlsx("<row r='1'><c t='s'><v>7</v></c></row>"),
        xlsx("<row r='2'/><row r='1'/>"),
        xlsx("<row r='1'><c s='1'><v>1E300</v></c></row>"),
        xlsx("<row"),
        archive({"content.xml": f'<!DOCTYPE a [<!ENTITY b "c">]><a xmlns="{MAIN}">&b;</a>'}),
        ods('<table:table-row table:number-rows-repeated="9999999"><table:table-cell office:value-type="string">'
            "<text:p>a</text:p></table:table-cell></table:table-row>"),
    ],
)  # fmt: skip
def test_a_damaged_or_hostile_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read(content)
    assert refused.value.problems[0].code == "workbook"


@pytest.mark.parametrize("inside", ["<c/>" * 3_000, "<x>" * 3_000 + "</x>" * 3_000])
def test_elements_are_not_held_without_bound(monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    """Archives make millions of them out of a few kilobytes; those that were read are forgotten."""
    monkeypatch.setattr(workbook, "MOST_HELD", 1_000)
    assert read(xlsx("<row><c/></row>" * 3_000)).content == b"\n" * 3_000
    with pytest.raises(UnreadableFile, match="too large"):
        read(xlsx(f"<row>{inside}</row>"))


def test_elements_are_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen millions of them, of which nothing is held, are an archive of 62 kB."""
    monkeypatch.setattr(workbook, "MOST_ELEMENTS", 10_000)
    assert read(xlsx("<row><c/></row>" * 3_000)).content
    with pytest.raises(UnreadableFile, match="too large"):
        read(xlsx("<x/>" * 10_000))


def test_elements_beside_rows_are_not_looked_through_for_each_row() -> None:
    """In archives of some kilobytes, this would take many minutes."""
    beside = "<x/>" * 100_000
    assert read(xlsx(f"<row>{beside}{'<row/>' * 50_000}</row>")).content == b"\n" * 50_001
    assert read(ods(beside + "<table:table-row/>" * 50_000)).content == b""


@pytest.mark.parametrize("sign", ["[", "&quot;x", "\\", "_"])
def test_a_format_that_does_not_end_is_read_once(sign: str) -> None:
    """Where each sign were the beginning of a search of its own, this would take many minutes."""
    styles = f'<s><numFmts><numFmt numFmtId="9" formatCode="d{sign * 500_000}"/></numFmts><cellXfs><xf numFmtId="9"/>'
    book = xlsx("<row><c s='0'><v>46329</v></c></row>", styles=f"{styles}</cellXfs></s>")
    assert lines(read(book)) == ["2026-11-03,"]


def test_a_long_tag_is_not_begun_anew_with_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser takes a tag as a whole, however often it has looked for its end."""
    reads, read_piece = list[int](), ZipExtFile.read

    def counted(stream: ZipExtFile, count: int = -1) -> bytes:
        reads.append(count)
        return read_piece(stream, count)

    monkeypatch.setattr(ZipExtFile, "read", counted)
    assert read(xlsx(f"<row a='{'x' * (4 << 20)}'/>")).content == b"\n"
    assert len(reads) < 60


def test_blank_cells_are_empty_ones() -> None:
    """A thousand of them in a million rows are written in a line."""
    cells = '<table:table-cell table:number-columns-repeated="{}" office:value-type="date" office:date-value=" "/>'
    row = '<table:table-row table:number-rows-repeated="1048576">{}</table:table-row>'
    assert read(ods(row.format(cells.format(1000)))).content == b""
    back = (
        cells.format(-(10**9))
        + '<table:table-cell table:number-columns-repeated="9"><text:p>a</text:p></table:table-cell>'
    )
    assert lines(read(ods(f"<table:table-row>{back}</table:table-row>"))) == [",".join("a" * 9)]


def test_a_text_in_many_layers_is_read_once() -> None:
    layers = f"{'<r>' * 5_000}<t>a</t><rPh><t>b</t></rPh>{'</r>' * 5_000}<r><t>c</t></r>"
    assert lines(read(xlsx(f"<row><c t='inlineStr'>{layers}</c></row>"))) == ["ac,"]


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_long_text_in_many_cells_is_refused_before_it_is_written(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A thousand cells may share a text, or repeat it, in an archive of a few kilobytes: so much is never held."""
    text, limit = "a" * 1_000_000, 2_000_000
    monkeypatch.setattr(workbook, "LARGEST_TABLE", limit)
    cell = f'<table:table-cell table:number-columns-repeated="1000"><text:p>{text}</text:p></table:table-cell>'
    shared = "<row>" + "<c t='s'><v>0</v></c>" * 1_000 + "</row>"
    content = xlsx(shared, (text,)) if kind == "xlsx" else ods(f"<table:table-row>{cell}</table:table-row>")
    tracemalloc.start()
    with pytest.raises(UnreadableFile, match="too large"):
        read(content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 * limit  # a line of it would be 500 times as long


def test_the_blanks_of_a_text_are_read_once() -> None:
    """Where each were the beginning of a search of its own, this would take many minutes."""
    row = "<row r='1'><c t='s'><v>0</v></c></row>"
    content = read(xlsx(row, ("a" + " " * 500_000 + "b\n \r\n c",))).content
    assert content.rstrip(b",\n") == b"a" + b" " * 500_000 + b"b ; c"


def test_no_more_of_a_workbook_is_taken_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    content = xlsx(ROWS, ("a", "b"))
    assert read(content)
    monkeypatch.setattr(workbook, "LARGEST_TABLE", 20)
    with pytest.raises(UnreadableFile, match="too large"):
        read(content)
