"""The page that counts a year of purchases: a table in, figures with bars and indicators, a spreadsheet and a page out.

Nothing is stored: the figures are in the page, whose buttons send them back to be taken along or printed.
"""

import msgspec
from litestar import Response

from api.desk.answer_selection import MEDIA_TYPES, workbook_of
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.sources.source_pages import media_type_of_file, reasons_of_refusal
from api.spending import figure_rows, spending_of
from api.web.problems import Refusal
from domain.errors import InvalidContent, NotFound, Problem
from domain.spending.spending import Spending
from domain.text.bilingual import Text
from sources.file_types.csv_cells import csv_of
from sources.file_types.workbook import SIGNATURE, XLSX

FIGURES = "chiffres"
PAYEES_SHOWN, LINES_SHOWN = 50, 100
NO_FIGURES = Text("Ces chiffres n'ont pas été comptés ici", "These figures were not counted here")
TITLES = (
    *(Text("Chiffre", "Figure"), Text("Année", "Year"), Text("Ce que c'est", "Meaning")),
    *(Text("Euros HT", "Euros excl. tax"), Text("Lignes", "Lines"), Text("Part", "Share")),
    *(Text("Cible", "Target"), Text("Article", "Article")),
)
WIDTHS = (28, 8, 60, 16, 10, 10, 10, 18)
_read_figures = msgspec.json.Decoder(Spending).decode


@page("GET", "/depenses", scope="match")
async def show_spending_form(visit: Visit) -> Response[bytes]:
    """The form that takes a table of payments or contracts."""
    return _spending_page(visit)


@page("POST", "/depenses", scope="match", files=True)
async def count_table(visit: Visit) -> Response[bytes]:
    """The figures of the uploaded table; the form again with what is wrong with it."""
    file = visit.files.get("fichier")
    try:
        if file is None or not file.name:
            raise InvalidContent((Problem("", "missing", SAID["no_source_file"]),))
        is_book = file.content.startswith(SIGNATURE)
        media_type = XLSX if is_book else media_type_of_file(file.name, file.content)
        counts_awards = bool(visit.text("attributions"))
        found = await spending_of(visit.call, file.content, media_type, awards=counts_awards)
    except (InvalidContent, Refusal) as refused:
        if isinstance(refused, Refusal) and not refused.kind.slug.startswith("malformed"):
            raise
        reasons = reasons_of_refusal(refused) or ((refused.detail,) if isinstance(refused, Refusal) else ())
        return _spending_page(visit, 422, refused=reasons)
    return _spending_page(visit, found=found, name=file.name)


@page("POST", "/depenses/chiffres", scope="match")
async def take_figures_along(visit: Visit) -> Response[bytes]:
    """The figures of the page as a CSV table, a workbook (`.xlsx`), or a page to print."""
    try:
        found = _read_figures(visit.text(FIGURES))
    except msgspec.DecodeError:
        raise NotFound(NO_FIGURES) from None
    wish, name = visit.text("faire"), visit.text("nom")
    if wish not in {"csv", "xlsx"}:
        return _spending_page(visit, found=found, name=name, is_printed=True)
    header = [title.to(visit.language) for title in TITLES]
    rows = list(figure_rows(found, visit.reference.taxonomy, visit.language))
    content = csv_of(header, rows, "excel") if wish == "csv" else workbook_of("Dépenses", header, WIDTHS, rows)
    headers = {"content-disposition": f'attachment; filename="vivier-depenses.{wish}"'}
    return Response(content, media_type=MEDIA_TYPES[wish], headers=headers)


def _spending_page(
    visit: Visit,
    status: int | None = None,
    *,
    found: Spending | None = None,
    name: str = "",
    refused: tuple[Text, ...] = (),
    is_printed: bool = False,
) -> Response[bytes]:
    carried = ""
    if found is not None:
        found = msgspec.structs.replace(
            found,
            not_sirets=found.not_sirets[:LINES_SHOWN],
            unknown_payees=found.unknown_payees[:PAYEES_SHOWN],
            errors=found.errors[:LINES_SHOWN],
        )
        carried = msgspec.json.encode(found).decode()
    return visit.page(
        "spending/spending.html",
        status,
        found=found,
        carried=carried,
        file_name=name,
        refused=refused,
        is_printed=is_printed,
        largest=visit.services.settings.body_limit >> 20,
        today=visit.services.today(),
    )
