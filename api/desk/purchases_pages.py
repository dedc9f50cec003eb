"""The pages of a year of purchases, planned or paid: a table is sent, answered, and comes back; nothing is stored.

Planned ones are answered line by line, in a page sent in parts, so that it tells how far it has come without a script.
The figures of payments are in their page, whose buttons send them back to be taken along or printed.
"""

import base64
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar import Response
from litestar.response import Stream

from api.desk.answer_selection import MEDIA_TYPES, workbook_of
from api.desk.frame.form import Mistake, plain_number
from api.desk.frame.layout import CODE_WORDS, SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.territory_field import territories_of_name
from api.desk.sources.source_pages import media_type_of_file, reasons_of_refusal
from api.programme import (
    AnsweredLines,
    ProgrammeQuery,
    matched_lines,
    programme_of,
    read_table,
    table_header,
    table_rows,
    whole_programme,
)
from api.runtime.actor import wait_for_ever
from api.spending import FIGURE_COLUMNS, figure_rows, spending_of
from api.web.content_negotiation import CSV, HTML, content_disposition
from api.web.problems import Refusal
from domain.errors import InvalidContent, NotFound, Problem
from domain.needs.need import BuyerKind
from domain.programme.programme import ACTIONS, Programme, ProgrammeItem
from domain.spending.spending import Spending
from domain.text.bilingual import Language, Text
from domain.text.labels import NATURES, RESERVED, TENSIONS
from sources.file_types.csv_cells import Cell, csv_of
from sources.file_types.workbook import NOT_CSV, XLSX
from sources.programmes.programme_file import PlannedProgramme

FILE = "tableau"
TO_COME = b"<!-- lines -->"
"""Where the page that says what is under way is cut: behind it comes the answer."""
LONGEST_LINK = 1_900_000
"""Characters of a link that browsers still follow."""
KINDS: tuple[BuyerKind, ...] = ("state", "local", "utility")
WIDTH = 22
_NAMES = {code: each.name for code, each in RESERVED.items()}
WORDS_OF_CELLS: Mapping[str, Mapping[str, Text]] = {
    "read.nature": NATURES,
    "tension": TENSIONS,
    "read.reserved": _NAMES,
    "action.reserved": _NAMES,
    "procedure": CODE_WORDS["planned_procedures"],
    "action.code": CODE_WORDS["planned_actions"],
}

FIGURES = "chiffres"
MOST_SHOWN = {"unknown_payees": 50, "not_sirets": 100, "errors": 100, "awards_apart": 500}
NO_FIGURES = Text("Ces chiffres n'ont pas été comptés ici", "These figures were not counted here")
WIDTHS = (28, 8, 60, 16, 10, 10, 10, 18)
_read_figures = msgspec.json.Decoder(Spending).decode


class AskedProgramme(NamedTuple):
    """A table that was sent, as read, and what was said beside it."""

    planned: PlannedProgramme
    query: ProgrammeQuery
    file_name: str


@page("GET", "/programmation", scope="match")
async def show_programme_form(visit: Visit) -> Response[bytes]:
    """The form by which a table of planned purchases is sent."""
    return visit.page("programme/form.html", file_field=FILE)


@page("POST", "/programmation", scope="match", files=True)
async def answer_programme_form(visit: Visit) -> Response[bytes] | Stream:
    """The answer to a table as a page sent in parts, or the table itself; the form with its mistakes."""
    asked = await _read_form(visit)
    if not isinstance(asked, AskedProgramme):
        return visit.page("programme/form.html", file_field=FILE, mistakes=asked)
    if visit.text("faire") != "csv":
        return Stream(_page_parts(visit, asked), media_type=HTML)
    call = visit.call
    programme = await whole_programme(call, asked.planned, visit.services.today(), call.wait_for_disconnect)
    headers = {"content-disposition": content_disposition("programme", CSV, visit.services.now())}
    table = csv_of(*table_in_words(asked.planned, programme, visit.language), "excel")
    return Response(table, media_type=f"{CSV}; charset=utf-8", headers=headers)


async def _read_form(visit: Visit) -> AskedProgramme | list[Mistake]:
    """The table that was sent, or the mistakes in the form."""
    file, mistakes, codes = visit.files.get(FILE), list[Mistake](), tuple[str, ...]()
    if place := visit.text("lieu"):
        found = territories_of_name(place, visit.reference)
        codes = tuple(area.id for area in found)
        if len(found) != 1:
            places = ", ".join(f"{area.id} ({area.label})" for area in found)
            mistakes.append(Mistake("lieu", SAID["places_by_code" if found else "no_such_place"].filled(places=places)))
    siret = "".join(visit.text("siret").split())
    if siret and not (siret.isascii() and siret.isdecimal() and len(siret) == 14):
        mistakes.append(Mistake("siret", SAID["no_siret"]))
    if file is None or not file.content.strip():
        mistakes.append(Mistake(FILE, SAID["no_programme_file"]))
    if mistakes or file is None:
        return mistakes
    kind = next((each for each in KINDS if each == visit.text("acheteur")), None)
    query = ProgrammeQuery(territory=codes, siret=siret or None, kind=kind)
    try:
        planned = await read_table(visit.call, file.content, query, visit.call.wait_for_disconnect)
    except InvalidContent as invalid:
        return [Mistake(FILE, SAID["unreadable"].filled(reason=invalid.problems[0].detail))]
    return AskedProgramme(planned, query, file.name)


async def _page_parts(visit: Visit, asked: AskedProgramme) -> AsyncGenerator[bytes, None]:
    """Yield the page: its head, how many lines are answered so far, then the answer."""
    planned, answered, done = asked.planned, list[AnsweredLines](), 0
    head, _, tail = visit.page("programme/answer.html", file_name=asked.file_name).content.partition(TO_COME)
    yield head
    on = visit.services.today()
    try:
        async with aclosing(matched_lines(visit.call, planned, on, wait_for_ever)) as parts:
            async for part in parts:
                answered.append(part)
                done += len(part.items) + len(part.errors)
                yield visit.page("programme/progress.html", done=done, lines=len(planned.lines)).content
    except Refusal as refusal:
        yield visit.page("programme/broken_off.html", refusal=refusal).content + tail
        return
    index = visit.services.directory.index_for(visit.organisation_id)
    programme = programme_of(planned, answered, index, visit.reference, on)
    groups = [(code, [each for each in programme.items if each.action.code == code]) for code in ACTIONS]
    yield (
        visit.page(
            "programme/lines.html",
            programme=programme,
            groups=[(code, items) for code, items in groups if items],
            need_path=lambda item: need_path(item, asked.query),
            workbook=workbook_link(planned, programme, visit),
        ).content
        + tail
    )


def need_path(item: ProgrammeItem, query: ProgrammeQuery) -> str:
    """The address of a new need with what was read of a line."""
    read = item.read
    fields: list[tuple[str, object]] = [
        ("lot-1-objet", item.title),
        ("lot-1-valeur", plain_number(read.value_eur)),
        ("lot-1-couvre", "tout" if read.value_covers == "all" else ""),
        ("lot-1-duree", read.duration_months),
        ("lot-1-reconductions", read.renewal_months),
        ("lot-1-cpv", ", ".join(read.cpv)),
        ("lot-1-nature", read.nature),
        *(("lot-1-reserve", each) for each in read.reserved),
        *(("territoire", code) for code in read.territory.codes),
        ("publication", read.planned_publication_on),
        ("acheteur", query.kind),
        ("siret", query.siret),
    ]
    return f"besoin?{urlencode([(name, value) for name, value in fields if value not in (None, '')])}"


def table_in_words(
    planned: PlannedProgramme, programme: Programme, language: Language
) -> tuple[list[str], list[list[Cell]]]:
    """The heads and the rows of a table with the answer, in words where the API has codes."""
    names, heads = table_header(planned), CODE_WORDS["programme_columns"]
    told = [(place, WORDS_OF_CELLS[name]) for place, name in enumerate(names) if name in WORDS_OF_CELLS]
    rows = list(table_rows(planned, programme))
    for row in rows:
        for place, words in told:
            codes = str(row[place] or "").split("|")
            row[place] = ", ".join(words[code].to(language) if code in words else code for code in codes)
    return [heads[name].to(language) if name in heads else name for name in names], rows


def workbook_link(planned: PlannedProgramme, programme: Programme, visit: Visit) -> str | None:
    """The table with the answer as a workbook within a link, since nothing is kept; None where it is too large."""
    header, rows = table_in_words(planned, programme, visit.language)
    written = workbook_of("Programmation", header, [WIDTH] * len(header), rows)
    link = f"data:{MEDIA_TYPES['xlsx']};base64,{base64.b64encode(written).decode()}"
    return link if len(link) <= LONGEST_LINK else None


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
        is_book = file.content.startswith(NOT_CSV)
        media_type = XLSX if is_book else media_type_of_file(file.name, file.content)
        counts_awards = bool(visit.text("attributions"))
        found = await spending_of(visit.call, file.content, media_type, awards=counts_awards)
    except (InvalidContent, Refusal) as refused:
        if isinstance(refused, Refusal) and not refused.kind.slug.startswith("malformed"):
            raise
        reasons = reasons_of_refusal(refused) or ((refused.detail,) if isinstance(refused, Refusal) else ())
        return _spending_page(visit, 422, refused=reasons)
    return _spending_page(visit, found=found, file_name=file.name)


@page("POST", "/depenses/chiffres", scope="match")
async def take_figures_along(visit: Visit) -> Response[bytes]:
    """The figures of the page as a CSV table, a workbook (`.xlsx`), or a page to print."""
    try:
        found = _read_figures(visit.text(FIGURES))
    except msgspec.DecodeError:
        raise NotFound(NO_FIGURES) from None
    wish, name = visit.text("faire"), visit.text("nom")
    if wish not in {"csv", "xlsx"}:
        return _spending_page(visit, found=found, file_name=name, is_printed=True)
    header = [CODE_WORDS["spending_columns"][name].to(visit.language) for name in FIGURE_COLUMNS]
    rows = list(figure_rows(found, visit.reference.taxonomy, visit.language))
    content = csv_of(header, rows, "excel") if wish == "csv" else workbook_of("Dépenses", header, WIDTHS, rows)
    headers = {"content-disposition": f'attachment; filename="vivier-depenses.{wish}"'}
    return Response(content, media_type=MEDIA_TYPES[wish], headers=headers)


def _spending_page(
    visit: Visit, status: int | None = None, *, found: Spending | None = None, **shown: Any
) -> Response[bytes]:
    carried, unsaid = "", dict[str, Any](file_name="", refused=(), is_printed=False)
    if found is not None:
        found = msgspec.structs.replace(
            found, **{name: getattr(found, name)[:most] for name, most in MOST_SHOWN.items()}
        )
        carried = msgspec.json.encode(found).decode()
    return visit.page(
        "spending/spending.html",
        status,
        found=found,
        carried=carried,
        most_shown=MOST_SHOWN,
        largest=visit.services.settings.body_limit >> 20,
        today=visit.services.today(),
        **(unsaid | shown),
    )
