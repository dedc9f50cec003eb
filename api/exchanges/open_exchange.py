"""Use cases: open an exchange with suppliers about a need or some of its lots; preview it or a message, unsent.

A message of it is shown likewise.
"""

from collections.abc import Hashable, Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from api.declarations.link_pages import last_day, link_expiry
from api.exchanges.email import queue_deliveries
from api.exchanges.own_exchange import (
    CreatedExchange,
    RecipientLetter,
    exchange_document,
    own_exchange,
    recipients_up_to_buyer,
    write_letter,
)
from api.exchanges.reply_links import issue_links, link_address, link_in_letter
from api.needs.freeze_shortlist import own_need, unknown_lot
from api.runtime.actor import Acting, require_storage
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_exchange
from db.exchanges.reply_links import recipients_with_links_revoked
from db.journal.entries import write_entry
from db.needs.needs import RECIPIENT_BYTES
from db.needs.shortlists import select_shortlist
from db.suppliers.read import living_suppliers
from domain.errors import Conflict, InvalidContent, Problem, pointer, require_no_problem
from domain.exchanges.deliveries import TOLD
from domain.exchanges.exchange import (
    MOST_RECIPIENTS,
    Channel,
    Exchange,
    ExchangeRequest,
    MessageRequest,
    Recipient,
    Why,
    make_message,
)
from domain.exchanges.letter import Letter, Link, addressee, require_sender
from domain.exchanges.rules import require_message, require_opening
from domain.journal import Detail
from domain.needs.status import StoredNeed, require_open
from domain.shortlists.listed_suppliers import SupplierSummary
from domain.shortlists.version import suppliers_to_contact
from domain.suppliers.supplier import NO_SUPPLIER, Supplier
from domain.text.bilingual import said_by

_SAID = said_by(__name__)

TOO_MANY = _SAID["too_many"].filled(most_recipients=MOST_RECIPIENTS)


async def open_exchange(
    connection: Connection, acting: Acting, need_id: UUID, request: ExchangeRequest
) -> CreatedExchange:
    """Open an exchange; the result has seeds in place of its reply links' tokens, for `reveal_tokens` to replace.

    Raises NotFound; Conflict (`after-publication`; `storage_quota`; `nobody_to_contact` for a shortlist that has nobody
    left); InvalidContent with everything wrong in the lots and recipients.
    """
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    require_open(need.status)
    await require_storage(connection, acting)
    require_opening(request, acting.services.today())
    recipients = await recipients_of(connection, acting, need, request)
    now = acting.now()
    drawn_up = _new_exchange(need, request, recipients, now)
    (first,) = drawn_up.messages
    await insert_exchange(connection, acting.organisation_id, drawn_up, first)
    acting.services.storage_use.add(acting.organisation_id, len(request.body) + len(recipients) * RECIPIENT_BYTES)
    told = await queue_deliveries(connection, acting, drawn_up, first)
    links = {
        each.supplier_id: each
        for each in await issue_links(connection, acting, drawn_up.id, (each.supplier_id for each in recipients))
    }
    exchange = await own_exchange(connection, acting.organisation_id, drawn_up.id)
    detail: Detail = {
        "need_id": str(need_id),
        "message_id": str(first.id),
        "channel": request.channel,
        "recipients": [str(each.supplier_id) for each in recipients],
    }
    if request.reply_by is not None:
        detail["reply_by"] = request.reply_by.isoformat()
    name = f"exchange:{exchange.id}"
    about = (name, f"message:{first.id}", *told)
    await write_entry(connection, acting.actor, "exchange.opened", name, now, detail=detail, about=about)
    letters = []
    for supplier_id in recipients_up_to_buyer(exchange, first.id):
        letter = write_letter(acting, need, exchange, first, link_in_letter(links[supplier_id]))
        letters.append(RecipientLetter(letter.subject, letter.text, supplier_id=supplier_id))
    document = exchange_document(exchange, {each: link.expires_at for each, link in links.items()})
    return CreatedExchange(
        **msgspec.structs.asdict(document), reply_links=tuple(links.values()), to_be_delivered_by_you=tuple(letters)
    )


def _new_exchange(
    need: StoredNeed, request: ExchangeRequest, recipients: tuple[Recipient, ...], now: datetime
) -> Exchange:
    """The exchange that a request opens, before anything is delivered."""
    return Exchange(
        id=new_id(now),
        need_id=need.id,
        subject=request.subject,
        lot_ids=tuple(dict.fromkeys(request.lot_ids)),
        channel=request.channel,
        opened_at=now,
        recipients=recipients,
        reply_by=request.reply_by,
        contact=request.contact,
        messages=(make_message(MessageRequest(request.body, author="buyer"), new_id(now), request.channel, now),),
        deliveries=(),
    )


async def recipients_of(
    connection: Connection, acting: Acting, need: StoredNeed, request: ExchangeRequest
) -> tuple[Recipient, ...]:
    """The recipients of an exchange to be opened, as the directory knows them now. Raises as `open_exchange`."""
    lots = [lot.id for lot in need.content.lots]
    unknown = ((place, each) for place, each in enumerate(request.lot_ids) if each not in lots)
    problems = [unknown_lot(each, lots, "lot_ids", place) for place, each in unknown]
    named = () if request.recipients == "shortlist" else request.recipients
    known = await living_suppliers(connection, named)
    problems += [
        Problem(pointer("recipients", place), "unknown_supplier", NO_SUPPLIER)
        for place, each in enumerate(named)
        if each not in known
    ]
    if request.include_unknown_trade and request.recipients != "shortlist":
        problems.append(Problem(pointer("include_unknown_trade"), "only_with_shortlist", _SAID["only_shortlist"]))
    require_no_problem(problems)
    if request.recipients != "shortlist":
        each_once = {known[each].id: known[each] for each in named}
        return tuple(_recipient(each, "named") for each in each_once.values())
    version = await select_shortlist(connection, acting.organisation_id, need.id, None)
    whys: tuple[Why, ...] = ("shortlist", "unknown_trade") if request.include_unknown_trade else ("shortlist",)
    shown = [
        (each, why)
        for why in whys
        if version
        for each in suppliers_to_contact(version, request.lot_ids, of_unknown_trade=why == "unknown_trade")
    ]
    known = await living_suppliers(connection, [each.id for each, _ in shown])
    recipients = _join_at_one_address([(known.get(each.id, each), why) for each, why in shown])
    if not recipients:
        raise Conflict("nobody_to_contact", _SAID["nobody_left"])
    if len(recipients) > MOST_RECIPIENTS:
        raise InvalidContent((Problem(pointer("recipients"), "too_many_recipients", TOO_MANY),))
    return recipients


def _join_at_one_address(shown: Iterable[tuple[Supplier | SupplierSummary, Why]]) -> tuple[Recipient, ...]:
    """A recipient for each supplier; of one legal unit, those at one address are joined to the first of them.

    Those with e-mail addresses of their own are apart.
    """
    recipients: dict[UUID, Recipient] = {}
    firsts: dict[Hashable, UUID] = {}
    for supplier, why in shown:
        new = _recipient(supplier, why)
        address, sources = (supplier.address, supplier.sources) if isinstance(supplier, Supplier) else (None, ())
        first = recipients.get(firsts.setdefault(addressee(supplier, address, sources), new.supplier_id))
        if new.supplier_id in recipients or (first and new.supplier_id in first.joined):
            continue
        if first is None or (first.email and new.email and first.email != new.email):
            recipients[new.supplier_id] = new
        else:
            joined = (*first.joined, new.supplier_id)
            recipients[first.supplier_id] = replace(first, joined=joined, email=first.email or new.email)
    return tuple(recipients.values())


def _recipient(supplier: Supplier | SupplierSummary, why: Why) -> Recipient:
    """The supplier as a recipient for the reason `why`; without e-mail if it left the directory since it was listed."""
    email = supplier.contact.email or None if isinstance(supplier, Supplier) else None
    return Recipient(supplier_id=supplier.id, name=supplier.name, siret=supplier.siret, email=email, why=why)


class ExchangePreview(msgspec.Struct, frozen=True):
    """The result of sending, foreseen: recipients, those with e-mail, and the letter with a placeholder link.

    `noted_way`: the way of a message that notes what was said already; its text is the note alone.
    """

    recipients: tuple[Recipient, ...]
    by_email: frozenset[UUID]
    letter: Letter
    noted_way: Channel | None = None


async def preview_exchange(
    connection: Connection, acting: Acting, need_id: UUID, request: ExchangeRequest
) -> ExchangePreview:
    """Show what `open_exchange` would send. Raises as `open_exchange`, but for quotas, and as `require_sender`."""
    need = await own_need(connection, acting.organisation_id, need_id)
    require_open(need.status)
    require_opening(request, acting.services.today())
    require_sender(need.content, acting.organisation)
    recipients = await recipients_of(connection, acting, need, request)
    if request.channel in TOLD:
        return ExchangePreview(recipients, frozenset(), Letter(request.subject, request.body), request.channel)
    settings = acting.services.settings
    sends = request.channel == "email" and settings.smtp is not None
    now = acting.now()
    exchange = _new_exchange(need, request, recipients, now)
    link = Link(link_address(acting.base_url, "…"), last_day(link_expiry(now, settings.reply_link_days)))
    letter = write_letter(acting, need, exchange, exchange.messages[0], link, by_server=sends)
    return ExchangePreview(
        recipients, frozenset(each.supplier_id for each in recipients if sends and each.email), letter
    )


async def preview_message(
    connection: Connection, acting: Acting, exchange_id: UUID, request: MessageRequest
) -> ExchangePreview:
    """Show what `write_message` would send. Raises as `write_message`, but for quotas."""
    exchange = await own_exchange(connection, acting.organisation_id, exchange_id)
    need = await own_need(connection, acting.organisation_id, exchange.need_id)
    require_open(need.status)
    require_message(exchange, request)
    require_sender(need.content, acting.organisation)
    now = acting.now()
    message = make_message(request, new_id(now), exchange.channel, now)
    receivers = tuple(each for each in exchange.recipients if message.supplier_id in {None, each.supplier_id})
    if message.channel in TOLD:
        return ExchangePreview(receivers, frozenset(), Letter(exchange.subject, message.body), message.channel)
    sends = message.channel == "email" and acting.services.settings.smtp is not None
    without_link = await recipients_with_links_revoked(connection, exchange_id) if sends else ()
    by_email = (each.supplier_id for each in receivers if sends and each.email)
    text = write_letter(acting, need, exchange, message)
    return ExchangePreview(receivers, frozenset(each for each in by_email if each not in without_link), text)
