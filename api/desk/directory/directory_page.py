"""The pages of the directory: a search with its map, and a supplier with all that is known of it and from where."""

from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response

from api.desk.directory.directory_form import KINDS_OF_SUPPLIER, read_directory_form
from api.desk.directory.directory_map import map_of_one, map_of_search
from api.desk.directory.supplier_words import (
    APPROVAL_STATES,
    BASES,
    FIELDS,
    FLAGS,
    LEGAL_FORM_NAMES,
    approval_state,
    flag_detail,
    service_area,
)
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, local_path
from api.desk.need.need_page import KINDS_OF_PLACE, departements_around
from api.directory.routes import find_document
from api.directory.search import COUNTED_AT_MOST, FoundSuppliers, count, search
from db.core.engine import transaction
from domain.errors import NotFound
from domain.needs.need import RESERVED_TYPES
from domain.suppliers.supplier import NO_SUPPLIER, Supplier
from matching.messages import evidence


@page("GET", "/annuaire", scope=("read", "admin"))
async def search_directory(visit: Visit) -> Response[bytes]:
    """The search form with the suppliers it finds, their number and their map."""
    services, reference = visit.services, visit.services.reference
    form = read_directory_form(visit.fields, reference)
    # while the place is in doubt, what is found everywhere is no answer
    found = FoundSuppliers((), None) if form.wrong_place else await search(services, form.query())
    total = None if form.wrong_place else await count(services, form.query())
    places = [*form.areas, *form.choices]
    return visit.page(
        "directory/directory.html",
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
        map=await map_of_search(visit, form, found.suppliers) if found.suppliers else None,
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
        drawn = await map_of_one(visit, found.name, found.location, found.commune)
    return visit.page(
        "directory/supplier.html",
        supplier=found,
        today=today,
        map=drawn,
        back=_search_before(visit),
        label=reference.taxonomy.label,
        commune=reference.territories.commune_name,
        area=lambda offered: service_area(offered, reference.territories),
        approval_state=approval_state,
        approval_states=APPROVAL_STATES,
        bases=BASES,
        evidence=evidence,
        fields=FIELDS,
        flags=FLAGS,
        flag_detail=lambda flag: flag_detail(flag, reference.territories),
        legal_forms=LEGAL_FORM_NAMES,
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


PAGES = (search_directory, show_supplier)
