"""The pages of the directory: a search with its map, and a supplier with all that is known of it and from where."""

from collections.abc import Sequence
from uuid import UUID

from litestar import Response

from api.desk.directory_form import KINDS_OF_SUPPLIER, DirectoryForm, read_directory_form
from api.desk.need_page import KINDS_OF_PLACE, departements_around
from api.desk.page import page
from api.desk.supplier_words import (
    APPROVAL_STATES,
    BASES,
    FIELDS,
    FLAGS,
    LEGAL_FORM_NAMES,
    approval_state,
    service_area,
)
from api.desk.visit import Visit
from api.directory.routes import find_document
from api.directory.search import COUNTED_AT_MOST, count, search
from api.reports.svg import Drawing, Key, Pin, map_drawing
from db.core.engine import transaction
from domain.errors import NotFound
from domain.needs.need import RESERVED_TYPES, TerritoryRequest
from domain.suppliers.supplier import NO_SUPPLIER, Point, Supplier
from domain.text.bilingual import Language, Text
from matching.geo.report_map import map_sheets
from matching.messages import evidence
from matching.reference import Reference

FRANCE = "country:FR"
GROUND = Text("Territoire", "Territory")
SUPPLIERS, ONE_SUPPLIER = Text("Fournisseurs", "Suppliers"), Text("Ce fournisseur", "This supplier")


@page("GET", "/annuaire", scope=("read", "admin"))
async def search_directory(visit: Visit) -> Response[bytes]:
    """The search form with the suppliers it finds, their number and their map."""
    services, reference = visit.services, visit.services.reference
    form = read_directory_form(visit.fields, reference)
    found = await search(services, form.query())
    total = await count(services, form.query())
    places = [*form.areas, *form.choices]
    return visit.page(
        "directory.html",
        form=form,
        suppliers=found.suppliers,
        next_cursor=found.next_cursor,
        total=total,
        counted_at_most=COUNTED_AT_MOST,
        families=reference.taxonomy.families,
        kinds=KINDS_OF_SUPPLIER,
        reserved_types=RESERVED_TYPES,
        kinds_of_place=KINDS_OF_PLACE,
        parents=departements_around(places, reference.territories),
        map=await _map_of(visit, form, found.suppliers) if found.suppliers and form.areas else None,
        label=reference.taxonomy.label,
        trades=_trades,
        commune=reference.territories.commune_name,
    )


@page("GET", "/annuaire/{supplier_id}", scope=("read", "admin"))
async def show_supplier(visit: Visit, supplier_id: str) -> Response[bytes]:
    """A supplier: its trades and their evidence, approvals, contracts won, and the source of each field."""
    services, reference, today = visit.services, visit.services.reference, visit.services.today()
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
        drawn = await _drawn(visit, _around(found.commune, reference), [found.location], ONE_SUPPLIER, found.name)
    return visit.page(
        "supplier.html",
        supplier=found,
        today=today,
        map=drawn,
        label=reference.taxonomy.label,
        commune=reference.territories.commune_name,
        area=lambda offered: service_area(offered, reference.territories),
        approval_state=approval_state,
        approval_states=APPROVAL_STATES,
        bases=BASES,
        evidence=evidence,
        fields=FIELDS,
        flags=FLAGS,
        legal_forms=LEGAL_FORM_NAMES,
    )


async def _map_of(visit: Visit, form: DirectoryForm, suppliers: Sequence[Supplier]) -> Drawing:
    points = [each.location for each in suppliers if each.location]
    return await _drawn(visit, tuple(area.id for area in form.areas), points, SUPPLIERS)


async def _drawn(
    visit: Visit, codes: tuple[str, ...], points: Sequence[Point], words: Text, title: str = ""
) -> Drawing:
    """The map of these points, drawn beside the requests; the legend calls them by these words."""
    key = str(visit.call.bearer.organisation_id)
    drawn = await visit.services.match_work.beside(
        _map, codes, points, title, visit.language, is_much=False, key=key, left=visit.call.left
    )
    # of its signs the map has two here, the territory's and a supplier's, or the first alone
    texts = (GROUND, words)
    keys = [Key(key.sign, text.to(visit.language)) for key, text in zip(drawn.keys, texts, strict=False)]
    return drawn._replace(keys=tuple(keys))


def _map(
    reference: Reference, codes: tuple[str, ...], points: Sequence[Point], title: str, language: Language
) -> Drawing:
    sheets = map_sheets(reference.geography, [TerritoryRequest(codes=codes)], [], points)
    return map_drawing([Pin("eligible")] * len(points), title, language, sheets)


def _around(commune: str, reference: Reference) -> tuple[str, ...]:
    """The departement around a commune."""
    area = reference.territories.area(f"commune:{commune}")
    found = [each.id for each in reference.territories.parents(area) if each.kind == "departement"]
    return tuple(found[:1]) or (FRANCE,)


def _trades(supplier: Supplier) -> list[str]:
    """The segments of all offers, each once."""
    return list(dict.fromkeys(segment for offer in supplier.offers for segment in offer.segments))


PAGES = (search_directory, show_supplier)
