"""Use case: an exchange as it would be opened, before anything is written or sent."""

from uuid import UUID

import msgspec

from api.exchanges.open_exchange import recipients_of
from api.exchanges.reply_links import PATH, expiry, last_day
from api.needs.own_need import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from domain.errors import InvalidContent, control_character_problem, pointer
from domain.exchanges.exchange import ExchangeRequest, Recipient
from domain.exchanges.letter import Letter, Link, OutgoingMessage, buyer_name, letter
from domain.needs.status import require_open
from domain.text.one_line import is_one_line


class ExchangePreview(msgspec.Struct, frozen=True):
    """The recipients of an exchange, those to whom Vivier would write, and the text, with a link that opens nothing."""

    recipients: tuple[Recipient, ...]
    by_email: frozenset[UUID]
    letter: Letter


async def preview_exchange(
    connection: Connection, acting: Acting, need_id: UUID, request: ExchangeRequest
) -> ExchangePreview:
    """The exchange that `open_exchange` would open. Raises as it does, but for quotas."""
    need = await own_need(connection, acting.organisation_id, need_id)
    require_open(need.status)
    if not is_one_line(request.subject):
        raise InvalidContent((control_character_problem(pointer("subject")),))
    recipients = await recipients_of(connection, acting, need, request)
    settings = acting.services.settings
    sends = request.channel == "email" and settings.smtp is not None
    outgoing = OutgoingMessage(
        buyer=buyer_name(need.content, acting.organisation),
        need_title=need.content.title,
        subject=request.subject,
        body=request.body,
        is_first=True,
    )
    link = Link(f"{acting.base_url}{PATH}…", last_day(expiry(acting.now(), settings.reply_link_days)))
    return ExchangePreview(
        recipients=recipients,
        by_email=frozenset(each.supplier_id for each in recipients if sends and each.email),
        letter=letter(outgoing, link, acting.language, by_server=sends),
    )
