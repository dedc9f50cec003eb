"""The suppliers that a buyer chooses in an answer: written to, invited, taken along as addresses or as a file.

The buttons send the form of the answer, with a field for each supplier that is ticked; without any, all of the lot are
meant. To write or to invite, the need is stored first, once.
"""

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar import Response

from api.desk.answer_pages import CHOSEN, MOST_CANDIDATES, ground_of
from api.desk.frame.layout import CODE_WORDS
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import read_need_form
from api.desk.need.need_page import refused_need_form
from api.desk.need.understood_need import understand_in_worker, with_all_to_ask
from api.desk.record.stored_need import store_need_and_redirect
from api.desk.talk.new_exchange_page import UNKNOWN
from api.match import answer_match
from domain.errors import InvalidContent, NotFound
from domain.exchanges.letter import lot_name
from domain.needs.need import Lot
from domain.report.lots import best_outcome
from domain.shortlists.listed_suppliers import Candidate, UnknownSupplier
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language, Text, decimal
from domain.text.labels import OUTCOMES
from matching.engine import match_json
from matching.reference import Reference
from sources.file_types.csv_cells import Cell, csv_of

NOTHING_CHOSEN = Text("Cette sélection n'existe pas", "There is no such selection")
NOT_SAID = Text("Non renseignée", "Not known")
FILE_NAME = "vivier-fournisseurs"
MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
COLUMNS = CODE_WORDS["selection_columns"]
WIDTHS = (24, 36, 17, 12, 22, 13, 36, 20, 16, 32, 18, 32)
"""Of the columns, in characters."""


class ChosenOfLot(NamedTuple):
    """The chosen candidates of a lot and its suppliers of `unknown` trade, in the order of the answer."""

    lot: Lot
    candidates: list[Candidate]
    unknown: list[UnknownSupplier]

    @property
    def rows(self) -> list[Candidate | UnknownSupplier]:
        """All of them."""
        return [*self.candidates, *self.unknown]


WAYS_TO_TALK = {
    "ecrire": ("fournisseur", "echanges/nouveau?modele=contact"),
    "inviter": ("inviter", "rencontres/nouvelle"),
    "partager": (CHOSEN, "versions/latest"),
    "demander": ("", f"echanges/nouveau?a={UNKNOWN}"),
}
"""By button, the field of the page that names suppliers (empty: none), and the path of that page below the need's."""


@page("POST", "/besoin/contacts", scope="needs")
async def talk_to_chosen(visit: Visit) -> Response[bytes]:
    """Redirect to the page that writes to the chosen suppliers, invites them or shows them to colleagues.

    The need is stored first, once. Raises NotFound for another button.
    """
    wish = visit.text("pour").partition("-")[0]
    if wish not in WAYS_TO_TALK:
        raise NotFound(NOTHING_CHOSEN)
    field, path = WAYS_TO_TALK[wish]
    chosen = visit.fields.get(CHOSEN, ()) if field == CHOSEN else [each for _, each in chosen_suppliers(visit)]
    query = urlencode([(field, each) for each in chosen if field])
    way = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
    form = read_need_form(visit.fields)
    if form.need_id:
        return visit.redirect(f"/besoins/{form.need_id}/{way}")
    return await store_need_and_redirect(visit, f"/{way}")


@page("POST", "/besoin/selection", scope="match")
async def take_chosen(visit: Visit) -> Response[bytes]:
    """The addresses of the chosen suppliers, or a file; all of a lot where none is chosen.

    The need's form again where it has mistakes. Raises NotFound for another button or lot.
    """
    wish, _, number = visit.text("pour").partition("-")
    form, chosen = read_need_form(visit.fields), set(chosen_suppliers(visit))
    understood = await understand_in_worker(visit, form)
    if understood.need is None:
        return refused_need_form(visit, understood)
    numbers = {position for position, _ in chosen} or {number}
    lots = {str(n): lot for n, lot in enumerate(understood.need.lots, 1) if str(n) in numbers}
    if wish not in CODE_WORDS["selection_wishes"] or not lots:
        raise NotFound(NOTHING_CHOSEN)
    need = msgspec.structs.replace(
        with_all_to_ask(understood.need.matched),
        lots=tuple(lots.values()),
        limit=MOST_CANDIDATES,
        near_misses=0,
        groupings=0,
    )
    try:
        answered = msgspec.json.decode(await answer_match(visit.call, need, match_json), type=Shortlist).lots
    except InvalidContent as invalid:
        return refused_need_form(visit, understood, invalid)
    selection = [
        ChosenOfLot(
            lot,
            [row for row in found.candidates if not chosen or (n, str(row.supplier.id)) in chosen],
            [row for row in found.unknown_trade.nearest if (n, str(row.supplier.id)) in chosen],
        )
        for (n, lot), found in zip(lots.items(), answered, strict=True)
    ]
    if wish == "adresses":
        suppliers = {row.supplier.id: row.supplier for each in selection for row in each.rows}.values()
        return visit.page("answer/addresses.html", suppliers=suppliers, form=form)
    file = await visit.run_work(file_of_selection, wish, selection, visit.language)
    headers = {"content-disposition": f'attachment; filename="{FILE_NAME}.{wish}"'}
    return Response(file, media_type=MEDIA_TYPES[wish], headers=headers)


def chosen_suppliers(visit: Visit) -> list[tuple[str, str]]:
    """The number of a lot and the id of a supplier, for each that is ticked."""
    pairs = (each.partition(":") for each in visit.fields.get(CHOSEN, ()))
    return [(number, supplier_id) for number, _, supplier_id in pairs]


def file_of_selection(reference: Reference, kind: str, selection: Sequence[ChosenOfLot], language: Language) -> bytes:
    """A file of the chosen suppliers: `csv`, `xlsx` or `docx`."""
    header = [text.to(language) for text in COLUMNS.values()]
    rows = list(selection_rows(selection, reference, language))
    if kind == "csv":
        return csv_of(header, [[digits_in_groups(each) for each in row] for row in rows], "excel")
    if kind == "xlsx":
        return workbook_of("Fournisseurs", header, WIDTHS, rows)
    said = [
        [decimal(each, language, int(each % 1 > 0)) if isinstance(each, float) else str(each or "") for each in row]
        for row in rows
    ]
    return document_of(Text("Fournisseurs repérés", "Suppliers found").to(language), header, said)


_DIGITS = re.compile(r"(?:\+33|0)([1-9])(\d\d)(\d\d)(\d\d)(\d\d)|(\d{3})(\d{3})(\d{3})(\d{5})")


def digits_in_groups(cell: Cell) -> Cell:
    """A SIRET or a French telephone number in groups, which spreadsheets leave alone; any other cell as it is."""
    found = _DIGITS.fullmatch(re.sub(r"[\s.]", "", cell)) if isinstance(cell, str) else None
    return cell if found is None else "0" * (found[1] is not None) + " ".join(filter(None, found.groups()))


def selection_rows(selection: Sequence[ChosenOfLot], reference: Reference, language: Language) -> Iterator[list[Cell]]:
    """The rows of a file, one for each lot and supplier."""
    label, commune = reference.taxonomy.label, reference.territories.commune_name
    for chosen in selection:
        for row in chosen.rows:
            one, outcome = row.supplier, best_outcome(row.eligibility)
            segments = row.segments if isinstance(row, Candidate) else ()
            answers = [each for each in segments if each.fit != "related"]
            grounds = dict.fromkeys(ground_of(each).to(language) for each in answers) or [NOT_SAID.to(language)]
            yield [
                lot_name(chosen.lot) or chosen.lot.id,
                one.name,
                one.siret,
                ", ".join(one.kinds),
                commune(one.commune) if one.commune else None,
                None if row.distance_km is None else round(row.distance_km, 1),
                ", ".join(dict.fromkeys(label(each.offered) for each in answers)),
                ", ".join(grounds),
                OUTCOMES[outcome].to(language) if outcome else None,
                one.contact.email,
                one.contact.phone,
                one.contact.website,
            ]


def workbook_of(name: str, header: Sequence[str], widths: Sequence[float], rows: Sequence[Sequence[Cell]]) -> bytes:
    """A workbook (.xlsx) of one sheet, whose header stays in view and filters the rows; no text is a formula."""
    import xlsxwriter  # noqa: PLC0415 - 2 MB that only this needs

    written = BytesIO()
    with xlsxwriter.Workbook(
        written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        sheet, bold = book.add_worksheet(name), book.add_format({"bold": True})
        for column, (title, width) in enumerate(zip(header, widths, strict=True)):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, title, bold)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                elif cell is not None:
                    sheet.write_number(number, column, cell)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(len(rows), 1), len(header) - 1)
    return written.getvalue()


LEFT_OUT_ON_PAPER = {2, 11}
"""The columns that a document to print leaves out: SIRET and website."""


def document_of(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """A document (.docx) with the rows as a table on landscape pages, whose header is repeated on each."""
    from docx import Document  # noqa: PLC0415 - 9 MB that only this needs
    from docx.enum.section import WD_ORIENT  # noqa: PLC0415
    from docx.oxml import OxmlElement  # noqa: PLC0415
    from docx.shared import Pt  # noqa: PLC0415

    document, written = Document(), BytesIO()
    page_of = document.sections[0]
    page_of.orientation = WD_ORIENT.LANDSCAPE
    page_of.page_width, page_of.page_height = page_of.page_height, page_of.page_width
    document.styles["Normal"].font.size = Pt(9)
    document.core_properties.title = title
    document.add_heading(title)
    kept = [column for column in range(len(header)) if column not in LEFT_OUT_ON_PAPER]
    table = document.add_table(rows=1, cols=len(kept), style="Light Grid Accent 1")
    for cell, column in zip(table.rows[0].cells, kept, strict=True):
        cell.text = header[column]
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # noqa: SLF001 - python-docx has no other way
    for row in rows:
        for cell, column in zip(table.add_row().cells, kept, strict=True):
            cell.text = row[column]
    document.save(written)
    return written.getvalue()
