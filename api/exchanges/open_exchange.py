"""How an exchange is opened: with whom, about which lots, and the answer that is given once."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from api.exchanges.buyer_view import (
    ExchangeDocument,
    NewExchangeDocument,
    RecipientLetter,
    ReplyLinkDocument,
    by_hand,
    exchange_document,
    telling,
    written,
)
from api.exchanges.reply_links import Grant, grant_links, granted, last_day
from api.runtime.endpoint import Call
from api.web.content_negotiation import JSON
from db.core.engine import Connection
from db.exchanges.exchanges import select_exchange
from db.idempotency import Answer
from db.needs.shortlists import select_shortlist
from db.suppliers.read import living_suppliers
from domain.decoding.explain import near
from domain.errors import Conflict, InvalidContent, Problem, pointer
from domain.exchanges.exchange import MOST_RECIPIENTS, ExchangeSummary, Message, Opening, Recipient
from domain.exchanges.letter import Link, OutgoingMessage
from domain.needs.status import StoredNeed
from domain.shortlists.listed_suppliers import to_be_contacted
from domain.shortlists.shortlist import SupplierSummary
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Language, Text

NO_SUPPLIER = Text("Aucun fournisseur de cet identifiant", "No supplier of this id")
NOBODY_LEFT = Text(
    "La dernière version de la liste n'a, pour ces lots, aucun candidat qui ne soit écarté : nommer des destinataires, "
    "ou refaire la liste par POST /needs/{id}/shortlists",
    "For these lots, the latest version of the shortlist has no candidate that is not set aside: name recipients, or "
    "match again by POST /needs/{id}/shortlists",
)
TOO_MANY = Text(
    f"Un échange a au plus {MOST_RECIPIENTS} destinataires : ouvrir un échange par groupe de lots",
    f"An exchange has at most {MOST_RECIPIENTS} recipients: open one per group of lots",
)


class KeptOpening(msgspec.Struct, frozen=True):
    """The answer to an opening as it is kept for a request sent twice: all of it, but the tokens of links.

    `by_hand`: to whom the buyer brings the first message itself.
    """

    exchange: ExchangeDocument
    grant: Grant
    told: OutgoingMessage
    by_hand: tuple[UUID, ...]
    language: Language


async def recipients_of(
    call: Call, connection: Connection, need: StoredNeed, opening: Opening
) -> tuple[Recipient, ...]:
    """With whom the exchange is opened, as they are known now.

    Raises InvalidContent, with all that is wrong in the lots and recipients; Conflict (`nobody_to_contact`) for a
    shortlist that has nobody left.
    """
    problems = list(_unknown_lots(need, opening.lot_ids))
    if opening.recipients == "shortlist":
        if problems:
            raise InvalidContent(tuple(problems))
        return await _shortlisted(call, connection, need, opening.lot_ids)
    known = await living_suppliers(connection, opening.recipients)
    problems += [
        Problem(pointer("recipients", place), "unknown_supplier", NO_SUPPLIER)
        for place, each in enumerate(opening.recipients)
        if each not in known
    ]
    if problems:
        raise InvalidContent(tuple(problems))
    each_once = {known[asked].id: known[asked] for asked in opening.recipients}
    return tuple(_named(each) for each in each_once.values())


async def kept(
    call: Call, connection: Connection, need: StoredNeed, exchange: ExchangeSummary, first: Message
) -> Answer:
    """What is kept of the answer to an opening whose exchange was just written. Puts the recipients' links in force."""
    grant = await grant_links(call, connection, exchange.id, (each.supplier_id for each in exchange.recipients))
    whole = await select_exchange(connection, call.bearer.organisation_id, exchange.id)
    if whole is None:
        raise RuntimeError("an exchange is read in the transaction that wrote it")
    links: dict[UUID, datetime] = dict.fromkeys(grant.supplier_ids, grant.expires_at)
    opening = KeptOpening(
        exchange=exchange_document(whole, links),
        grant=grant,
        told=telling(need, call.bearer.organisation, exchange, first, first.id),
        by_hand=by_hand(whole.deliveries, first.id),
        language=call.language,
    )
    headers = {"content-type": JSON, "location": f"/exchanges/{exchange.id}", "cache-control": "no-store"}
    return Answer(201, headers, msgspec.json.encode(opening))


async def opened(call: Call, connection: Connection, answer: Answer) -> Answer:
    """The answer as it is sent, of what is kept of it: with links and the texts that hold them."""
    opening = msgspec.json.decode(answer.body, type=KeptOpening)
    links = {each.supplier_id: each for each in await granted(call, connection, opening.grant)}
    urls = {supplier_id: opening.grant.url(link) for supplier_id, link in links.items()}
    until = last_day(opening.grant.expires_at)
    letters = {
        each: written(opening.told, Link(urls[each], until), opening.language)
        for each in opening.by_hand
        if each in urls
    }
    document = NewExchangeDocument(
        **{name: getattr(opening.exchange, name) for name in ExchangeDocument.__struct_fields__},
        reply_links=tuple(ReplyLinkDocument(each, urls[each], links[each].expires_at) for each in links),
        to_be_delivered_by_you=tuple(RecipientLetter(each, text.subject, text.text) for each, text in letters.items()),
    )
    return Answer(answer.status, answer.headers, msgspec.json.encode(document))


async def _shortlisted(
    call: Call, connection: Connection, need: StoredNeed, lot_ids: Sequence[str]
) -> tuple[Recipient, ...]:
    version = await select_shortlist(connection, call.bearer.organisation_id, need.id, None)
    shown = to_be_contacted(version, lot_ids) if version else ()
    known = await living_suppliers(connection, [each.id for each in shown])
    recipients: dict[UUID, Recipient] = {}
    for each in shown:
        recipient = _listed(each, known.get(each.id))
        recipients.setdefault(recipient.supplier_id, recipient)
    if not recipients:
        raise Conflict("nobody_to_contact", NOBODY_LEFT)
    if len(recipients) > MOST_RECIPIENTS:
        raise InvalidContent((Problem(pointer("recipients"), "too_many_recipients", TOO_MANY),))
    return tuple(recipients.values())


def _listed(summary: SupplierSummary, now: Supplier | None) -> Recipient:
    """A supplier of a shortlist as it is known now; who left the directory is named as then, and not written to."""
    if now is None:
        return Recipient(supplier_id=summary.id, name=summary.name, siret=summary.siret, email=None, why="shortlist")
    return msgspec.structs.replace(_named(now), why="shortlist")


def _named(supplier: Supplier) -> Recipient:
    return Recipient(
        supplier_id=supplier.id,
        name=supplier.name,
        siret=supplier.siret,
        email=supplier.contact.email or None,
        why="named",
    )


def _unknown_lots(need: StoredNeed, lot_ids: Sequence[str]) -> Iterator[Problem]:
    known = tuple(lot.id for lot in need.content.lots)
    for place, lot_id in enumerate(lot_ids):
        if lot_id not in known:
            hint = near(lot_id, known)
            detail = Text(
                f"Ce besoin n'a pas de lot « {lot_id} »{hint.fr}", f"This need has no lot “{lot_id}”{hint.en}"
            )
            yield Problem(pointer("lot_ids", place), "unknown_lot", detail)
