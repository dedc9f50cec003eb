"""The pages of the directory: a search with its map and table, and a supplier with all that is known of it."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Literal, NamedTuple, get_args
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from litestar import Response

from api.desk.directory.directory_map import map_of_one, map_of_search
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, local_path
from api.desk.frame.words import CODE_WORDS, SAID
from api.desk.need.need_in_words import name_of_area
from api.desk.need.territory_field import found_by_name
from api.directory.filters import SupplierQuery
from api.directory.formats import table_rows
from api.directory.routes import find_document
from api.directory.search import COUNTED_AT_MOST, count, finder, search
from api.sync.sources import NO_SOURCE, one_source, require_source_name
from api.web.forms import Fields
from db.core.engine import transaction
from domain.errors import Conflict, NotFound
from domain.needs.need import RESERVED_TYPES
from domain.reference.territory import Area, Territories, UnknownTerritory
from domain.suppliers.supplier import NO_SUPPLIER, Approval, Flag, Kind, ServiceArea, Supplier
from domain.text.bilingual import NOTHING, Text, listed, long_date
from domain.text.typography import PARIS, of_place
from matching.answer.messages import evidence
from matching.reference import Reference
from sources.formats.registry import CSV

ApprovalState = Literal["in_force", "ended", "to_come"]
MOST_NAMED = 6

_FAR_FROM_POSTAL_CODE = re.compile(r"([\d.]+) km from postal code (\d+)")
_FAR_FROM_COMMUNE = re.compile(r"([\d.]+) km from (\w+) (.+)")
_IN_ANOTHER_COMMUNE = re.compile(r"in (\w+) (.+), not (\w+) (.+)")
_SIMPLIFIED = re.compile(r"(\d+) vertices, (\d+) kept")
"""Details of flags as they are stored, in English."""


def approval_state(approval: Approval, on: date) -> ApprovalState:
    """Whether an approval is in force on a day; its bounds are included."""
    if approval.valid_until is not None and approval.valid_until < on:
        return "ended"
    return "to_come" if approval.valid_from is not None and on < approval.valid_from else "in_force"


def flag_detail(flag: Flag, territories: Territories) -> Text:
    """The doubtful value of a flag in words; nothing where the flag says it all."""
    if flag.code in {"no_place", "no_offer"}:
        return NOTHING
    if flag.code == "placed_at_commune":
        name = territories.commune_name(flag.detail) or flag.detail
        return Text(name, name)
    if flag.code == "approval_expired":
        kind, _, last = flag.detail.partition(" ")
        day = long_date(date.fromisoformat(last))
        return Text(f"{kind}, le {day.fr}", f"{kind}, on {day.en}")
    return Text(_in_french(flag.detail), flag.detail)


def _in_french(detail: str) -> str:
    """A value that is stored with English words, in French ones; others are the same in both."""
    if found := _FAR_FROM_POSTAL_CODE.fullmatch(detail):
        return f"à {found[1].replace('.', ',')} km des communes du code postal {found[2]}"
    if found := _FAR_FROM_COMMUNE.fullmatch(detail):
        return f"à {found[1].replace('.', ',')} km {of_place(found[3])}"
    if found := _IN_ANOTHER_COMMUNE.fullmatch(detail):
        return f"dans la commune {of_place(found[2])}, non dans celle {of_place(found[4])}"
    if found := _SIMPLIFIED.fullmatch(detail):
        return f"{found[2]} sommets gardés sur {found[1]}"
    return detail


def service_area(area: ServiceArea | None, territories: Territories) -> Text:
    """A service area in words."""
    if area is None:
        return Text("non précisé", "not said")
    if area.national:
        return Text("toute la France", "all of France")
    if area.radius_km is not None:
        return Text(f"{area.radius_km:g} km autour de son adresse", f"{area.radius_km:g} km around its address")
    if area.geometry is not None:
        return Text("un contour tracé", "a drawn outline")
    names = [name_of_area(code, territories) for code in area.codes or ()]
    shown, more = names[:MOST_NAMED], len(names) - MOST_NAMED
    if more > 0:
        return Text(f"{', '.join(shown)} et {more} autres", f"{', '.join(shown)} and {more} more")
    return listed(shown)


KINDS_OF_SUPPLIER: tuple[Kind, ...] = get_args(Kind)
ON_A_PAGE, LONGEST, MOST_PLACES = 25, 200, 20


class DirectoryForm(NamedTuple):
    """The filters. `place`: a name that was typed; `areas`: the territories chosen; `choices`: what the name may mean.

    `wrong_place`: what is to be corrected in it.
    """

    words: str
    segment: str
    place: str
    areas: tuple[Area, ...]
    choices: tuple[Area, ...]
    kinds: tuple[Kind, ...]
    reserved: str
    inactive: bool
    cursor: str
    wrong_place: Text | None

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.segment or self.areas or self.kinds or self.reserved or self.inactive)

    def query(self) -> SupplierQuery:
        """The query of `GET /suppliers`."""
        return SupplierQuery(
            q=self.words or None,
            segment=(self.segment,) if self.segment else None,
            territory=tuple(area.id for area in self.areas) or None,
            kind=self.kinds or None,
            reserved=tuple(each for each in RESERVED_TYPES if each == self.reserved) or None,
            active=None if self.inactive else True,
            limit=ON_A_PAGE,
            cursor=self.cursor or None,
        )

    def address(self, cursor: str) -> str:
        """The path and query of another page of the same search; of the first, without a cursor."""
        fields = [("mots", self.words), ("metier", self.segment), ("reserve", self.reserved)]
        fields += [("territoire", area.id) for area in self.areas]
        fields += [("type", kind) for kind in self.kinds]
        fields += [("inactifs", "1" if self.inactive else ""), ("suite", cursor)]
        query = urlencode([(name, text) for name, text in fields if text])
        return f"annuaire?{query}" if query else "annuaire"


def read_directory_form(fields: Fields, reference: Reference) -> DirectoryForm:
    """The filters in these fields; values that no list offers are left out."""

    def text(name: str) -> str:
        return fields.get(name, [""])[-1][:LONGEST]

    wrong_place = None
    areas = _areas(fields.get("territoire", [])[:MOST_PLACES], reference)
    place, choices = text("lieu"), tuple[Area, ...]()
    if place:
        found = found_by_name(place, reference)
        if len(found) == 1 or any(area in areas for area in found):
            areas += [area for area in found if len(found) == 1]
            place = ""
        else:
            choices = found
            wrong_place = SAID["several_places_in_directory" if found else "no_such_place_in_directory"]
    segment = text("metier")
    return DirectoryForm(
        words=text("mots"),
        segment=segment if reference.taxonomy.known(segment) else "",
        place=place,
        areas=tuple({area.id: area for area in areas}.values()),
        choices=choices,
        kinds=tuple(kind for kind in KINDS_OF_SUPPLIER if kind in fields.get("type", [])),
        reserved=text("reserve"),
        inactive=bool(text("inactifs")),
        cursor=text("suite"),
        wrong_place=wrong_place,
    )


def _areas(codes: Sequence[str], reference: Reference) -> list[Area]:
    found = []
    for code in filter(None, codes):
        try:
            found.append(reference.territories.area(code, suggest=False))
        except UnknownTerritory:
            continue
    return found


@page("GET", "/annuaire", scope=("read", "admin"))
async def search_directory(visit: Visit) -> Response[bytes]:
    """The search form with the suppliers it finds, their number and their map."""
    services, reference = visit.services, visit.reference
    form = read_directory_form(visit.fields, reference)
    # while the place is in doubt, what is found everywhere is no answer
    found, next_cursor = ((), None) if form.wrong_place else await search(services, form.query())
    total = None if form.wrong_place else await count(services, form.query())
    return visit.page(
        "directory/directory.html",
        form=form,
        suppliers=found,
        next_cursor=next_cursor,
        total=total,
        counted_at_most=COUNTED_AT_MOST,
        families=reference.taxonomy.families,
        kinds=KINDS_OF_SUPPLIER,
        reserved_types=RESERVED_TYPES,
        map=await map_of_search(visit, form.query(), form.areas, found) if found else None,
        trades=_trades,
    )


@page("GET", "/annuaire/{supplier_id}", scope=("read", "admin"))
async def show_supplier(visit: Visit, supplier_id: str) -> Response[bytes]:
    """A supplier: its trades and their evidence, approvals, contracts won, and the source of each field."""
    services, reference, today = visit.services, visit.reference, visit.services.today()
    try:
        wanted = UUID(supplier_id)
    except ValueError:
        raise NotFound(NO_SUPPLIER) from None
    async with transaction(services.database) as connection:
        found = await find_document(connection, wanted, today)
    if found.id != wanted:
        return visit.redirect(f"/annuaire/{found.id}")
    drawn = None
    if found.location is not None and found.commune is not None:
        drawn = await map_of_one(visit, found.name, found.location, found.commune)
    return visit.page(
        "directory/supplier.html",
        supplier=found,
        today=today,
        map=drawn,
        back=_search_before(visit),
        area=lambda offered: service_area(offered, reference.territories),
        approval_state=approval_state,
        evidence=evidence,
        fields=CODE_WORDS["supplier_fields"],
        flag_detail=lambda flag: flag_detail(flag, reference.territories),
    )


def _search_before(visit: Visit) -> str:
    """The path of the search that led here, where the browser says one of this server; else of the directory."""
    try:
        before = urlsplit(visit.call.headers.get("referer", ""))
    except ValueError:
        return "annuaire"
    is_search = before.netloc == visit.call.headers.get("host") and before.path.endswith("/annuaire")
    path = f"annuaire?{before.query}" if is_search and before.query else "annuaire"
    return path if local_path(f"/{path}") else "annuaire"


def _trades(supplier: Supplier) -> list[str]:
    """The segments of all offers, each once."""
    return list(dict.fromkeys(segment for offer in supplier.offers for segment in offer.segments))


AT_ONCE = 50
"""Suppliers read and written at once: some milliseconds of work."""
MOST_OF_A_SOURCE = 20_000
"""Records of a source of which a page gives the table; of more, the API streams it."""


@page("GET", "/annuaire/tableau", scope=("read", "admin"))
async def get_search(visit: Visit) -> Response[bytes]:
    """The suppliers that a search finds. Raises Conflict where they are too many, or not counted."""
    query = read_directory_form(visit.fields, visit.reference).query()
    total = await count(visit.services, query)
    if total is None or total > COUNTED_AT_MOST:
        raise Conflict("too_many", SAID["too_many"])
    return table_file(await _table(visit, query), f"vivier-annuaire-{_today(visit)}")


@page("GET", "/sources/{source}/fiches", scope=("read", "admin"))
async def get_suppliers_of_source(visit: Visit, source: str) -> Response[bytes]:
    """The suppliers that a source describes, by its own ids, with their flags. Raises NotFound, Conflict."""
    require_source_name(source)
    found = await one_source(visit.services, source)
    if found is None:
        raise NotFound(NO_SOURCE)
    if found.records > MOST_OF_A_SOURCE:
        raise Conflict("too_many", SAID["too_many"])
    return table_file(await _table(visit, SupplierQuery(source=source)), f"vivier-fiches-{_today(visit)}")


def table_file(content: bytes, name: str) -> Response[bytes]:
    """A table as a file of its own."""
    return Response(content, media_type=CSV, headers={"content-disposition": f'attachment; filename="{name}.csv"'})


async def _table(visit: Visit, query: SupplierQuery) -> bytes:
    """All that the query finds; the number of tables made at once is bounded. Raises Refusal (429)."""
    find, today = finder(visit.services, query), visit.services.today()
    exports, key = visit.services.exports, str(visit.organisation_id)
    parts, after = [table_rows((), today, query.source, "excel")], None
    async with exports.turn_of(key):
        while True:
            async with exports.place():
                suppliers, after = await find(after, AT_ONCE)
                parts.append(table_rows(suppliers, today, query.source, "excel", with_header=False))
            if after is None:
                return b"".join(parts)


def _today(visit: Visit) -> str:
    return f"{visit.services.now().astimezone(PARIS):%Y-%m-%d}"


PAGES = (search_directory, show_supplier, get_search, get_suppliers_of_source)
