"""The page on which a buyer notes what a supplier says it offers: a declared offer, in a source of the buyer's key."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from litestar import Response

from api.desk.frame.form import Mistake, request_of
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.words import SAID
from api.desk.frame.written_once import id_in
from api.exchanges.own_exchange import NO_EXCHANGE, own_exchange
from api.exchanges.reply_links import NO_RECIPIENT
from api.needs.own_need import own_need
from api.runtime.actor import actor_of
from api.runtime.auth import require_scope, require_source
from api.sync.records import store_record
from db.core.engine import transaction
from db.needs.shortlists import select_shortlist
from db.suppliers.read import living_suppliers
from db.suppliers.records import get_record
from domain.errors import InvalidContent, NotFound
from domain.exchanges.exchange import Exchange
from domain.needs.status import NO_NEED, StoredNeed
from domain.shortlists.frozen import FrozenShortlist
from domain.suppliers.supplier import NO_SUPPLIER, Offer, ServiceArea, Supplier, SupplierRecord

MOST_FOUND = 5


class ContactedSupplier(NamedTuple):
    """A supplier that was written to in an exchange about a need."""

    need: StoredNeed
    exchange: Exchange
    supplier: Supplier
    version: FrozenShortlist | None


@page("GET", "/besoins/{id}/echanges/{exchange_id}/offres/{supplier_id}", scope="needs")
async def show_offer_form(visit: Visit, id: str, exchange_id: str, supplier_id: str) -> Response[bytes]:
    """The form of a declared offer: the trades that the need asks for, and others looked up by their words."""
    return _form_page(visit, await _addressed(visit, id, exchange_id, supplier_id))


@page("POST", "/besoins/{id}/echanges/{exchange_id}/offres/{supplier_id}", scope="needs")
async def declare_offer(visit: Visit, id: str, exchange_id: str, supplier_id: str) -> Response[bytes]:
    """Add the offer to those that the source has of the supplier, and redirect to the exchange.

    The same offer again changes nothing.
    """
    addressed = await _addressed(visit, id, exchange_id, supplier_id)
    siret, source = addressed.supplier.siret, visit.text("source")
    require_source(visit.call.bearer, source)
    segments = tuple(each for each in visit.fields.get("metier", []) if each)
    radius = visit.text("rayon").replace(",", ".").removesuffix("km").strip()
    mistakes = [] if segments else [Mistake("metier", SAID["no_offered_trade"])]
    if radius and not radius.replace(".", "", 1).isdecimal():
        mistakes.append(Mistake("rayon", SAID["no_number"]))
    if siret is None or mistakes or visit.text("faire") == "chercher":
        return _form_page(visit, addressed, [] if visit.text("faire") == "chercher" else mistakes)
    async with transaction(visit.services.database) as connection:
        stored = await get_record(connection, source, siret)
    record = stored.record if stored else SupplierRecord(addressed.supplier.name, siret=siret)
    area = ServiceArea(radius_km=float(radius)) if radius else None
    kept = tuple(each for each in record.offers if each.segments != segments)
    record = msgspec.structs.replace(record, offers=(*kept, Offer(segments, service_area=area)))
    try:
        # its bounds are checked as those of a record that is sent
        checked = request_of(record, SupplierRecord)
        await store_record(visit.services, actor_of(visit.call), source, siret, checked)
    except InvalidContent as invalid:
        wrong = [(each, "rayon" if "/service_area" in each.pointer else "metier") for each in invalid.problems]
        return _form_page(visit, addressed, [Mistake(field, each.detail) for each, field in wrong])
    exchange = f"/besoins/{addressed.need.id}/echanges/{addressed.exchange.id}"
    return visit.redirect(f"{exchange}?note={addressed.supplier.id}#destinataires")


async def _addressed(visit: Visit, id_: str, exchange_id: str, supplier_id: str) -> ContactedSupplier:
    """The recipient of the organisation's exchange. Raises NotFound; Refusal where the key writes to no source."""
    client = visit.call.bearer
    require_scope(client, "sync")
    organisation, need_id, supplier = client.organisation_id, id_in(id_, NO_NEED), id_in(supplier_id, NO_RECIPIENT)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, organisation, need_id)
        exchange = await own_exchange(connection, organisation, id_in(exchange_id, NO_EXCHANGE))
        if exchange.need_id != need_id or all(each.supplier_id != supplier for each in exchange.recipients):
            raise NotFound(NO_RECIPIENT)
        living = await living_suppliers(connection, [supplier])
        version = await select_shortlist(connection, organisation, need_id, None)
    if supplier not in living:
        raise NotFound(NO_SUPPLIER)
    return ContactedSupplier(need, exchange, living[supplier], version)


def _form_page(visit: Visit, addressed: ContactedSupplier, mistakes: Sequence[Mistake] = ()) -> Response[bytes]:
    """The form with the trades that the latest shortlist asks for, those that are ticked and those found by words."""
    reference, words, ticked = visit.reference, visit.text("ajout"), visit.fields.get("metier", [])
    lots = addressed.version.shortlist.lots if addressed.version else ()
    asked = {each.segment: each.label for lot in lots for each in lot.requested}
    found = reference.interpreter.search(words, MOST_FOUND) if words else ()
    others = (*filter(reference.taxonomy.known, ticked), *(each.segment for each in found))
    return visit.page(
        "talk/declared_offer.html",
        addressed=addressed,
        need=addressed.need,
        trades=list((asked | {each: reference.taxonomy.label(each) for each in others}).items()),
        ticked=ticked,
        sources=visit.call.bearer.sources,
        mistakes=mistakes,
    )


PAGES = (show_offer_form, declare_offer)
