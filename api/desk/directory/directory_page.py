"""The pages of the directory: a search with its map and table, a supplier with all that is known of it, its sources."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlencode, urlsplit

import msgspec
from litestar import Response

from api.declarations.page_form import known_areas
from api.desk.frame.form import Field, choices_among, form_fields, read_form
from api.desk.frame.layout import CODE_WORDS, SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, id_in, local_path
from api.desk.need.need_in_words import name_of_area
from api.desk.need.territory_field import territories_of_name
from api.directory.formats import suppliers_as_csv
from api.directory.open_data import answer_with_package
from api.directory.routes import find_document
from api.directory.search import (
    COUNTED_AT_MOST,
    SupplierQuery,
    count_of_query,
    finder_of_suppliers,
    locations_of_query,
    search_page,
)
from api.draw_maps_and_charts import Drawing, LegendEntry, Pin, map_drawing
from api.sync.sources import NO_SOURCE, find_source, require_source_name
from api.web.html_pages import Fields
from db.core.engine import transaction
from db.suppliers.notes import get_note
from db.suppliers.read import PlacedSupplier
from db.suppliers.sources import all_settings
from domain.errors import Conflict, require_found
from domain.law.reservations.eligibility import is_in_force
from domain.needs.need import RESERVED_TYPES, TerritoryRequest
from domain.reference.territory import Area, Territories
from domain.suppliers.source import LICENCES, open_licence
from domain.suppliers.supplier import NO_SUPPLIER, Approval, Flag, Kind, Point, ServiceArea, Supplier
from domain.text.bilingual import NOTHING, PARIS, Text, listed, long_date, place_after_de, printed_count
from matching.answer.messages import evidence
from matching.geo.map_sheets import map_sheets
from matching.reference import Reference
from sources.file_reader import CSV

ApprovalState = Literal["in_force", "ended", "to_come"]
KINDS_OF_SUPPLIER: tuple[Kind, ...] = get_args(Kind)
ON_A_PAGE, LONGEST, MOST_PLACES = 25, 200, 20
MOST_NAMED = 6
FRANCE = "country:FR"
MOST_REGIONS = 4
"""Regions that a map shows; where there would be more, it shows France."""
ON_THIS_PAGE = Text("Fournisseurs de cette page", "Suppliers of this page")
ON_OTHERS = Text("Fournisseurs des autres pages", "Suppliers of the other pages")
ONE = Text("Ce fournisseur", "This supplier")
AT_ONCE = 50
"""Suppliers read and written at once: some milliseconds of work."""
MOST_OF_A_SOURCE = 20_000
"""Records of a source of which a page gives the table; of more, the API streams it."""
IN_FRENCH: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (
        r"([\d.]+) km from postal code (\d+)",
        lambda found: f"à {found[1].replace('.', ',')} km des communes du code postal {found[2]}",
    ),
    (
        r"([\d.]+) km from (\w+) (.+)",
        lambda found: f"à {found[1].replace('.', ',')} km {place_after_de(found[3])}",
    ),
    (
        r"in (\w+) (.+), not (\w+) (.+)",
        lambda found: f"dans la commune {place_after_de(found[2])}, non dans celle {place_after_de(found[4])}",
    ),
    (r"(\d+) vertices, (\d+) kept", lambda found: f"{found[2]} sommets gardés sur {found[1]}"),
)
"""Details of flags as they are stored, in English, and what they are in French; others are the same in both."""


class DirectoryForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a search. `place`: a typed name of a territory; `territories`: the codes chosen."""

    words: Annotated[str, Field("mots")] = ""
    segment: Annotated[str, Field("metier")] = ""
    reserved: Annotated[str, Field("reserve")] = ""
    territories: Annotated[tuple[str, ...], Field("territoire")] = ()
    kinds: Annotated[tuple[str, ...], Field("type")] = ()
    inactive: Annotated[str, Field("inactifs")] = ""
    cursor: Annotated[str, Field("suite")] = ""
    place: Annotated[str, Field("lieu")] = ""

    def address(self, cursor: str) -> str:
        """The path and query of this search's page at a cursor; of its first page where the cursor is empty."""
        another = msgspec.structs.replace(self, cursor=cursor, place="")
        query = urlencode([(name, text) for name, text in form_fields(another) if text])
        return f"annuaire?{query}" if query else "annuaire"

    def query(self) -> SupplierQuery:
        """The search as a query of `GET /suppliers`."""
        return SupplierQuery(
            q=self.words or None,
            segment=(self.segment,) if self.segment else None,
            territory=self.territories or None,
            kind=choices_among(KINDS_OF_SUPPLIER).read(self.kinds) or None,
            reserved=choices_among(RESERVED_TYPES).read((self.reserved,)) or None,
            active=None if self.inactive else True,
            limit=ON_A_PAGE,
            cursor=self.cursor or None,
        )


def understand_search(
    fields: Fields, reference: Reference
) -> tuple[DirectoryForm, Sequence[Area], Sequence[Area], Text | None]:
    """The search form read from fields, its areas, the areas that an unclear name may mean, and the mistake to show.

    Values that no list offers are left out.
    """
    form = read_form(DirectoryForm, {name: [text[:LONGEST] for text in texts] for name, texts in fields.items()})
    areas = known_areas(form.territories[:MOST_PLACES], reference)
    choices, wrong_place, place = tuple[Area, ...](), None, form.place
    if place:
        found = territories_of_name(place, reference)
        if len(found) == 1 or any(area in areas for area in found):
            areas += [area for area in found if len(found) == 1]
            place = ""
        else:
            choices = found
            wrong_place = SAID["several_places_in_directory" if found else "no_such_place_in_directory"]
    unique = {area.id: area for area in areas}
    form = msgspec.structs.replace(
        form,
        segment=form.segment if reference.taxonomy.known(form.segment) else "",
        territories=tuple(unique),
        kinds=choices_among(KINDS_OF_SUPPLIER).read(form.kinds),
        inactive="1" if form.inactive else "",
        place=place,
    )
    return form, tuple(unique.values()), choices, wrong_place


@page("GET", "/annuaire", scope=("read", "admin"))
async def search_directory(visit: Visit) -> Response[bytes]:
    """The search form with the suppliers it finds, their number and their map."""
    services, reference = visit.services, visit.reference
    form, areas, choices, wrong_place = understand_search(visit.fields, reference)
    query = form.query()
    # while the place is in doubt, what is found everywhere is no answer
    found, next_cursor = ((), None) if wrong_place else await search_page(services, query)
    return visit.page(
        "directory/directory.html",
        form=form,
        areas=areas,
        choices=choices,
        wrong_place=wrong_place,
        suppliers=found,
        next_cursor=next_cursor,
        total=None if wrong_place else await count_of_query(services, query),
        counted_at_most=COUNTED_AT_MOST,
        families=reference.taxonomy.families,
        kinds=KINDS_OF_SUPPLIER,
        reserved_types=RESERVED_TYPES,
        map=await map_of_search(visit, query, form.territories, found) if found else None,
        # the segments of all offers, each once
        trades=lambda one: list(dict.fromkeys(segment for offer in one.offers for segment in offer.segments)),
    )


@page("GET", "/annuaire/{supplier_id}", scope=("read", "admin"))
async def show_supplier(visit: Visit, supplier_id: str) -> Response[bytes]:
    """A supplier: its trades and their evidence, approvals, contracts won, and the source of each field."""
    territories, today, wanted = visit.reference.territories, visit.services.today(), id_in(supplier_id, NO_SUPPLIER)
    async with transaction(visit.services.database) as connection:
        found = await find_document(connection, wanted, today)
        note = await get_note(connection, visit.organisation_id, found.id)
    if found.id != wanted:
        return visit.redirect(f"/annuaire/{found.id}")
    drawn = None
    if found.location is not None and found.commune is not None:
        # in the departement of its commune
        around = territories.parents(territories.area(f"commune:{found.commune}"))
        codes = tuple(area.id for area in around if area.kind == "departement")[:1] or (FRANCE,)
        drawn = await _draw_map(visit, codes, [found.location], [Pin("eligible")], found.name, ONE.to(visit.language))
    return visit.page(
        "directory/supplier.html",
        supplier=found,
        note=note,
        today=today,
        map=drawn,
        back=_path_of_previous_search(visit),
        area=lambda offered: service_area_in_words(offered, territories),
        approval_state=approval_state,
        evidence=evidence,
        fields=CODE_WORDS["supplier_fields"],
        flag_detail=lambda flag: flag_detail(flag, territories),
    )


def _path_of_previous_search(visit: Visit) -> str:
    """The path of the search that led here, by the header `Referer`; else the path of the directory."""
    try:
        before = urlsplit(visit.call.headers.get("referer", ""))
    except ValueError:
        return "annuaire"
    is_search = before.netloc == visit.call.headers.get("host") and before.path.endswith("/annuaire")
    path = f"annuaire?{before.query}" if is_search and before.query else "annuaire"
    return path if local_path(f"/{path}") else "annuaire"


def approval_state(approval: Approval, on: date) -> ApprovalState:
    """Whether an approval is in force, has ended, or is still to come on a day."""
    if is_in_force(approval, on):
        return "in_force"
    return "ended" if approval.valid_until is not None and approval.valid_until < on else "to_come"


def flag_detail(flag: Flag, territories: Territories) -> Text:
    """The doubtful value that a flag is about, in words; empty where the flag's name says all."""
    if flag.detail in {"neither a point nor a commune", "no segment and no CPV code"}:
        return NOTHING
    if flag.code == "placed_at_commune":
        name = territories.commune_name(flag.detail) or flag.detail
        return Text(name, name)
    if flag.code == "approval_expired":
        kind, _, last = flag.detail.partition(" ")
        day = long_date(date.fromisoformat(last))
        return Text(f"{kind}, le {day.fr}", f"{kind}, on {day.en}")
    for pattern, in_french in IN_FRENCH:
        if found := re.fullmatch(pattern, flag.detail):
            return Text(in_french(found), flag.detail)
    return Text(flag.detail, flag.detail)


def service_area_in_words(area: ServiceArea | None, territories: Territories) -> Text:
    """A service area in words, such as “all of France” or the names of its areas; “not said” for None."""
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


async def map_of_search(
    visit: Visit, query: SupplierQuery, areas: tuple[str, ...], shown: Sequence[Supplier]
) -> Drawing | None:
    """A map of the suppliers that a query finds, with another sign for the `shown` ones; each links to its page.

    Only the ones on the page where the search finds more than a map can show; None where no place is known.
    """
    ids, language, places = {one.id for one in shown}, visit.language, visit.reference.territories
    others = [one for one in await locations_of_query(visit.services, query) if one.id not in ids]
    everybody: list[Supplier | PlacedSupplier] = [*shown, *others]
    found = [one for one in everybody if one.location]
    if not found:
        return None
    pins = []
    for one in found:
        name = ", ".join(filter(None, (one.name, places.commune_name(one.commune))))
        pins.append(Pin("eligible" if one.id in ids else "on_proof", name, f"{visit.root}annuaire/{one.id}"))
    on_page, meanings = sum(one.id in ids for one in found), []
    for number, words in ((on_page, ON_THIS_PAGE), (len(found) - on_page, ON_OTHERS)):
        if number:
            many = printed_count(number, language)
            meanings.append(Text(f"{words.fr} : {many}", f"{words.en}: {many}").to(language))
    ground = areas
    if not ground:
        communes = {f"commune:{one.commune}" for one in found if one.commune}
        around = (parent for code in communes for parent in places.parents(places.area(code)))
        regions = {parent.id for parent in around if parent.kind == "region"}
        ground = tuple(sorted(regions)) if 0 < len(regions) <= MOST_REGIONS else (FRANCE,)
    return await _draw_map(visit, ground, [one.location for one in found if one.location], pins, "", *meanings)


async def _draw_map(
    visit: Visit, areas: tuple[str, ...], points: Sequence[Point], pins: Sequence[Pin], title: str, *meanings: str
) -> Drawing:
    """A map of `areas` with a pin at each point, drawn outside the event loop; its legend: the areas, `meanings`."""

    def draw_map_of_areas(reference: Reference) -> Drawing:
        sheets = map_sheets(reference.geography, [TerritoryRequest(codes=areas)], [], points)
        return map_drawing(pins, title, visit.language, sheets)

    drawn = await visit.run_work(draw_map_of_areas)
    named = ", ".join(visit.reference.territories.area(code).label for code in areas)
    keys = zip(drawn.keys, (named, *meanings), strict=False)
    return drawn._replace(keys=tuple(LegendEntry(key.sign, text) for key, text in keys))


@page("GET", "/annuaire/tableau", scope=("read", "admin"))
async def get_table_of_search(visit: Visit) -> Response[bytes]:
    """The suppliers that a search finds, as a CSV file. Raises Conflict where they are too many to list or count."""
    form, *_ = understand_search(visit.fields, visit.reference)
    query = form.query()
    total = await count_of_query(visit.services, query)
    if total is None or total > COUNTED_AT_MOST:
        raise Conflict("too_many", SAID["too_many"])
    return await _table_of_suppliers(visit, query, "vivier-annuaire")


@page("GET", "/sources/{source}/fiches", scope=("read", "admin"))
async def get_table_of_source(visit: Visit, source: str) -> Response[bytes]:
    """The suppliers that a source describes, under the source's ids, as a CSV file. Raises NotFound, Conflict."""
    require_source_name(source)
    found = require_found(await find_source(visit.services, source), NO_SOURCE)
    if found.records > MOST_OF_A_SOURCE:
        raise Conflict("too_many", SAID["too_many"])
    return await _table_of_suppliers(visit, SupplierQuery(source=source), "vivier-fiches")


async def _table_of_suppliers(visit: Visit, query: SupplierQuery, name: str) -> Response[bytes]:
    """The suppliers that the query finds, as a CSV file. Raises Refusal (429) where too many files wait to be made."""
    find, today = finder_of_suppliers(visit.services, query), visit.services.today()
    exports, key = visit.services.exports, str(visit.organisation_id)
    parts, after = [suppliers_as_csv((), today, query.source, "excel")], None
    async with exports.turn_of(key):
        while True:
            async with exports.slot():
                suppliers, after = await find(after, AT_ONCE)
                parts.append(suppliers_as_csv(suppliers, today, query.source, "excel", with_header=False))
            if after is None:
                break
    return table_file(b"".join(parts), f"{name}-{visit.services.now().astimezone(PARIS):%Y-%m-%d}")


def table_file(content: bytes, name: str) -> Response[bytes]:
    """A response that a browser saves as a CSV file of this name."""
    return Response(content, media_type=CSV, headers={"content-disposition": f'attachment; filename="{name}.csv"'})


@page("GET", "/donnees", scope=("match", "needs", "read", "sync", "admin"))
async def show_data_rights(visit: Visit) -> Response[bytes]:
    """The sources of the directory with licence and credit, and which of them the open data package has."""
    async with transaction(visit.services.database) as connection:
        found = await all_settings(connection)
    return visit.page(
        "directory/open_data.html",
        sources=[(each, open_licence(each.licence)) for each in found],
        licences=LICENCES,
        may_read=visit.call.bearer.may("read", "admin"),
    )


@page("GET", "/donnees/vivier.zip", scope=("read", "admin"))
async def get_package(visit: Visit) -> Response[Any]:
    """The open data package, as the API gives it."""
    return await answer_with_package(visit.call)
