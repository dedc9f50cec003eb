"""Recipients of a campaign: suppliers of the index, as the directory knows them now, without those who refuse."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from api.runtime.actor import Acting
from api.runtime.processes.match_work import run_in_thread
from db.campaigns.campaigns import (
    note_refusals,
    recipients_not_written_to,
    replace_recipients,
    suppliers_not_to_ask,
    write_campaign,
    written_to_suppliers,
)
from db.core.engine import Connection
from db.journal.entries import write_entry
from db.suppliers.read import living_suppliers
from db.suppliers.write import survivors
from domain.campaigns.campaign import CampaignRecipient, CampaignRequest, LeftOut, StoredCampaign, Way, require_few
from domain.exchanges.letter import address_lines, addressee
from domain.journal import Detail
from domain.suppliers.supplier import Supplier
from matching.index.live_index import LiveIndex
from matching.inspection.supply import SupplySearch, suppliers_to_ask
from matching.reference import Reference

READ_AT_ONCE = 1_000


async def choose_recipients(
    connection: Connection, acting: Acting, request: CampaignRequest, only: Sequence[UUID] | None = None
) -> tuple[list[CampaignRecipient], LeftOut]:
    """The recipients of a campaign, and the numbers of suppliers that are left out. Raises InvalidContent for too many.

    `only`: the suppliers to choose from; else those that the request describes.

    Of a legal unit, those at one address get one message; so do those with one e-mail address.
    """
    if only is None:
        services = acting.services
        live, reference, today = services.directory.index, services.reference, services.today()
        only = await run_in_thread(None, lambda: suppliers_described(request, live, reference, today))
    ids = list(only)
    require_few(len(ids))
    return await _recipients_among(connection, acting, ids)


def suppliers_described(request: CampaignRequest, live: LiveIndex, reference: Reference, today: date) -> list[UUID]:
    """The suppliers of an index whom a campaign's request describes. Raises InvalidContent for an unknown territory."""
    territory = reference.geography.territory(request.territory, "territory")
    search = SupplySearch(live, territory, today, reference.rules)
    return suppliers_to_ask(search, request.kinds, request.segments, only_unknown_trade=request.only_unknown_trade)


async def refresh_recipients(connection: Connection, acting: Acting, campaign: StoredCampaign) -> StoredCampaign:
    """A campaign that the caller has locked, those of its recipients who were not written to as they are by now.

    Of suppliers that became one, or get one message now, one is written to; who is inactive or refuses is left out: all
    are counted. Who is gone from the directory stays, without an address. What changed of a supplier since it was drawn
    up changes here; an address that was erased does not come back.
    """
    await note_refusals(connection, acting.organisation_id, campaign.id, acting.now())
    drawn = {each.supplier_id: each for each in await recipients_not_written_to(connection, campaign.id)}
    written_to = await written_to_suppliers(connection, campaign.id)
    living = await survivors(connection, drawn)
    to_write = sorted({*living.values()} - written_to)
    found, left_out = await _recipients_among(connection, acting, to_write, drawn, campaign.created_at)
    gone = [each for each in drawn.values() if each.supplier_id not in living]
    unreachable = [replace(each, way="none", email=None, address=()) for each in gone]
    if not await replace_recipients(connection, campaign.id, [*found, *unreachable], drawn):
        return campaign
    left_out = replace(left_out, joined=left_out.joined + len(living) - len(to_write))
    before = campaign.left_out
    grown = {name: getattr(before, name) + getattr(left_out, name) for name in LeftOut.__struct_fields__}
    detail = Detail(recipients=len(found) + len(gone) + len(written_to))
    return await write_next_version(connection, acting, campaign, "campaign.changed", detail, left_out=LeftOut(**grown))


async def write_next_version(
    connection: Connection, acting: Acting, campaign: StoredCampaign, action: str, detail: Detail, **changes: Any
) -> StoredCampaign:
    """Store the campaign with these changes as its next version, and that it was done in the journal; returns it."""
    after = replace(campaign, **changes, version=campaign.version + 1, updated_at=acting.now())
    await write_campaign(connection, after)
    await note_campaign(connection, acting, action, after, detail)
    return after


async def note_campaign(
    connection: Connection, acting: Acting, action: str, campaign: StoredCampaign, detail: Detail
) -> None:
    """Write an entry about the campaign, bound to it as it is now stored."""
    name = f"campaign:{campaign.id}"
    await write_entry(
        connection, acting.actor, action, name, acting.now(), version=campaign.version, detail=detail, about=(name,)
    )


async def _recipients_among(
    connection: Connection,
    acting: Acting,
    ids: Sequence[UUID],
    drawn: Mapping[UUID, CampaignRecipient] | None = None,
    drawn_at: datetime | None = None,
) -> tuple[list[CampaignRecipient], LeftOut]:
    """The recipients among suppliers, and the numbers of those that are left out.

    `drawn`: the recipients as they were drawn up at `drawn_at`, which stay for suppliers that did not change since.
    """
    refused = await _not_to_write_to(connection, acting.organisation_id)
    found, left_out, today = dict[UUID, CampaignRecipient](), LeftOut(), acting.services.today()
    firsts = dict[Hashable, UUID]()
    for first in range(0, len(ids), READ_AT_ONCE):
        known = await living_suppliers(connection, ids[first : first + READ_AT_ONCE])
        some = sorted({each.id: each for each in known.values()}.values(), key=lambda each: each.id)
        active = [(each, _recipient(each, (drawn or {}).get(each.id), drawn_at)) for each in some if each.active]
        left_out = replace(left_out, inactive=left_out.inactive + len(some) - len(active))
        left_out = _add_recipients(found, firsts, active, refused, left_out, today)
    return list(found.values()), left_out


async def _not_to_write_to(connection: Connection, organisation_id: UUID) -> frozenset[Hashable]:
    """The suppliers that asked an organisation to write to them no more, and what they are written to at."""
    ids = await suppliers_not_to_ask(connection, organisation_id)
    known = await living_suppliers(connection, ids)
    return ids | {_receiver(each) for each in known.values()}


def _receiver(supplier: Supplier) -> Hashable:
    """The e-mail address, or the legal unit and address, at which several suppliers get one message."""
    email = (supplier.contact.email or "").strip()
    return email.casefold() if email else addressee(supplier, supplier.address, supplier.sources)


def _add_recipients(
    found: dict[UUID, CampaignRecipient],
    firsts: dict[Hashable, UUID],
    suppliers: Iterable[tuple[Supplier, CampaignRecipient]],
    refused: frozenset[Hashable],
    left_out: LeftOut,
    today: date,
) -> LeftOut:
    """Add suppliers to those `found`, or join them to the first of their address; returns the grown numbers left out.

    `firsts`: the recipient of each legal unit and address, or e-mail address.
    """
    numbers = {name: getattr(left_out, name) for name in LeftOut.__struct_fields__}
    for supplier, new in suppliers:
        receiver = _receiver(supplier)
        if not refused.isdisjoint((supplier.id, receiver)):
            numbers["ask_again"] += 1
            continue
        # declared for a time that is not over
        if supplier.no_offer_until is not None and supplier.no_offer_until >= today:
            numbers["no_offer"] += 1
            continue
        first = found.get(firsts.setdefault(receiver, new.supplier_id))
        if first is None:
            found[new.supplier_id] = new
        else:
            numbers["joined"] += 1
            found[first.supplier_id] = replace(first, joined=(*first.joined, new.supplier_id))
    return LeftOut(**numbers)


def _recipient(
    supplier: Supplier, drawn: CampaignRecipient | None = None, drawn_at: datetime | None = None
) -> CampaignRecipient:
    """The supplier as a recipient: by e-mail where it has an address, else by letter where it has a postal one.

    `drawn`: as it was drawn up at `drawn_at`, which it stays where nothing of it changed since, or it was erased.
    """
    if drawn is not None and drawn_at is not None:
        is_erased = drawn.way == "email" and drawn.email is None
        if is_erased or supplier.updated_at <= drawn_at:
            return drawn
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
        joined=() if drawn is None else drawn.joined,
        state="draft",
    )
