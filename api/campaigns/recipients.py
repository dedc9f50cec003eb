"""Recipients of a campaign: suppliers of the index, as the directory knows them now, without those who refuse."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from uuid import UUID

from msgspec.structs import replace

from api.runtime.actor import Acting
from api.runtime.processes.match_work import run_in_thread
from db.campaigns.campaigns import suppliers_not_to_ask
from db.core.engine import Connection
from db.suppliers.read import living_suppliers
from domain.campaigns.campaign import CampaignRecipient, CampaignRequest, LeftOut, Way
from domain.campaigns.rules import require_few
from domain.exchanges.letter import address_lines, addressee
from domain.suppliers.supplier import Supplier
from matching.inspection.supply import SupplySearch, suppliers_to_ask

READ_AT_ONCE = 1_000


async def choose_recipients(
    connection: Connection, acting: Acting, request: CampaignRequest, only: Sequence[UUID] | None = None
) -> tuple[list[CampaignRecipient], LeftOut]:
    """The recipients of a campaign, and the numbers of suppliers that are left out. Raises InvalidContent for too many.

    `only`: the suppliers to choose from; else those that the request describes.

    Of a legal unit, those at one address get one message; so do those with one e-mail address.
    """
    services = acting.services
    live, reference, today = services.directory.index, services.reference, services.today()

    def find_suppliers() -> list[UUID]:
        territory = reference.geography.territory(request.territory, "territory")
        search = SupplySearch(live, territory, today, reference.rules)
        return suppliers_to_ask(search, request.kinds, request.segments, only_unknown_trade=request.only_unknown_trade)

    ids = list(only) if only is not None else await run_in_thread(None, find_suppliers)
    require_few(len(ids))
    refused = await _not_to_write_to(connection, acting.organisation_id)
    found, left_out = dict[UUID, CampaignRecipient](), LeftOut()
    firsts = dict[Hashable, UUID]()
    for first in range(0, len(ids), READ_AT_ONCE):
        known = await living_suppliers(connection, ids[first : first + READ_AT_ONCE])
        some = sorted({each.id: each for each in known.values() if each.active}.values(), key=lambda each: each.id)
        left_out = _add_recipients(found, firsts, some, refused, left_out, today)
    return list(found.values()), left_out


async def _not_to_write_to(connection: Connection, organisation_id: UUID) -> frozenset[Hashable]:
    """The suppliers that asked an organisation to write to them no more, and what they are written to at."""
    ids = await suppliers_not_to_ask(connection, organisation_id)
    known = await living_suppliers(connection, ids)
    return ids | {_receiver(each) for each in known.values()}


def _receiver(supplier: Supplier) -> Hashable:
    """The e-mail address, or the legal unit and address, at which several suppliers get one message."""
    email = (supplier.contact.email or "").strip()
    return email.casefold() if email else addressee(supplier, supplier.address)


def _add_recipients(
    found: dict[UUID, CampaignRecipient],
    firsts: dict[Hashable, UUID],
    suppliers: Iterable[Supplier],
    refused: frozenset[Hashable],
    left_out: LeftOut,
    today: date,
) -> LeftOut:
    """Add suppliers to those `found`, or join them to the first of their address; returns the grown numbers left out.

    `firsts`: the recipient of each legal unit and address, or e-mail address.
    """
    numbers = {"ask_again": left_out.ask_again, "no_offer": left_out.no_offer, "joined": left_out.joined}
    for supplier in suppliers:
        receiver = _receiver(supplier)
        if not refused.isdisjoint((supplier.id, receiver)):
            numbers["ask_again"] += 1
            continue
        if _offers_nothing(supplier, today):
            numbers["no_offer"] += 1
            continue
        new = _recipient(supplier)
        first = found.get(firsts.setdefault(receiver, new.supplier_id))
        if first is None:
            found[new.supplier_id] = new
        else:
            numbers["joined"] += 1
            found[first.supplier_id] = replace(first, joined=(*first.joined, new.supplier_id))
    return LeftOut(**numbers)


def _offers_nothing(supplier: Supplier, today: date) -> bool:
    """Whether the supplier has declared, for a time that is not over, that it offers nothing."""
    until = supplier.no_offer_until
    return until is not None and until >= today


def _recipient(supplier: Supplier) -> CampaignRecipient:
    """The supplier as a recipient: by e-mail where it has an address, else by letter where it has a postal one."""
    email, address = (supplier.contact.email or "").strip() or None, address_lines(supplier.address)
    way: Way = "email" if email else "letter" if address else "none"
    return CampaignRecipient(
        supplier_id=supplier.id,
        name=supplier.name,
        siret=supplier.siret,
        kinds=supplier.kinds,
        commune=supplier.commune,
        way=way,
        email=email,
        address=address,
        state="draft",
    )
