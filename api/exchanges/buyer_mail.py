"""E-mails to buyers: a supplier answered; new suppliers fit a kept need, once a week. A link in each stops them.

The link works without signing in, as mail programs expect it (RFC 8058): what it opens asks, and a POST stops.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from secrets import token_urlsafe

import msgspec
from litestar import Response

from api.declarations.declare import emails_left_of
from api.declarations.link_pages import TOKEN_BYTES, answered_privately, render_page
from api.exchanges.email import EmailSender, MailKind, email_sender_of, message_to
from api.exchanges.own_exchange import exchanges_to_read
from api.needs.freeze_shortlist import newcomers_since
from api.runtime.actor import Acting, follow_link, wait_for_ever
from api.runtime.endpoint import Call, endpoint
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from api.web import html_pages
from api.web.content_negotiation import FORM, HTML
from db.core.engine import Connection, transaction
from db.delivery.outbox import ClaimedRow
from db.exchanges.buyer_mails import (
    BuyerMail,
    Stop,
    queue_digests,
    select_buyer_mail,
    select_stop,
    write_mail_outcome,
    write_stop_token,
    write_unwanted_kinds,
)
from db.needs.needs import select_need
from db.schema.organisation_tables import buyer_mails
from domain.errors import InvalidContent
from domain.exchanges.letter import Letter, NeedWithNewcomers, answer_letter, digest_letter, purchase_name
from domain.journal import Actor
from domain.text.bilingual import PARIS, said_by
from domain.webhooks import Outcome

PATH = "/courriels/"
AUTHOR = "Vivier"
SENT_FROM = timedelta(hours=7)
"""A week's digests are made from Monday at this hour on."""
QUOTA_PAUSE = timedelta(hours=2)
"""The pause of a digest that the organisation may not send yet."""
_SAID = said_by(__name__)


@asynccontextmanager
async def buyer_mail_kind(services: Services) -> AsyncIterator[DeliveryKind | None]:
    """The kind of delivery that sends e-mails to buyers; None where no mail server is set."""
    sender = email_sender_of(services)
    if sender is None:
        yield None
        return
    to_buyers = BuyerMailSender(services, sender)
    yield MailKind(
        outbox=buyer_mails, attempt=to_buyers.deliver, queue=to_buyers.queue_week, also_note=write_mail_outcome
    )


@dataclass
class BuyerMailSender:
    """Composes the e-mails to buyers, and hands them to the mail server. `queued`: the week that has its digests."""

    services: Services
    sender: EmailSender
    queued: date | None = field(default=None, init=False)

    async def queue_week(self, connection: Connection) -> None:
        """Queue the digests of this week, where this process has not done so."""
        now = self.sender.now()
        today = (now.astimezone(PARIS) - SENT_FROM).date()
        week = today - timedelta(days=today.weekday())
        if week != self.queued:
            await queue_digests(connection, week, now)
            self.queued = week

    async def deliver(self, mail: ClaimedRow) -> Outcome:
        """Attempt once to send a queued e-mail, with a new link to stop; nothing is sent where nothing is new."""
        sender, token = self.sender, token_urlsafe(TOKEN_BYTES)
        async with transaction(sender.engine) as connection:
            told = await select_buyer_mail(connection, mail.id)
            of = told.organisation_id if told and told.kind == "digest" else None
            may_send = of is None or await emails_left_of(connection, self.services, of) > 0
        if told is None:
            return Outcome(failure="not_wanted", final=True)
        if not may_send:
            return Outcome(failure="email_quota", pause=QUOTA_PAUSE)
        stop_url = f"{sender.base}{PATH}{token}"
        text = await (self._answers(told, stop_url) if told.kind == "answers" else self._digest(told, stop_url))
        if text is None:
            return Outcome()
        async with transaction(sender.engine) as connection:
            await write_stop_token(connection, mail.id, token, told.address)
        to = mail._replace(row={**mail.row, "address": told.address})
        message = message_to(to, AUTHOR, sender.sender, text, told.language, sender.now())
        if message is None:
            return Outcome(failure="not_an_address", final=True)
        message["List-Unsubscribe"] = f"<{stop_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return await sender.submit(message)

    async def _answers(self, told: BuyerMail, stop_url: str) -> Letter | None:
        """The e-mail on the answers in an exchange that nobody has read; None where all were read meanwhile."""
        (need_id,) = told.needs
        async with transaction(self.sender.engine) as connection:
            _, found = await exchanges_to_read(connection, told.organisation_id, need_id)
        for each in found:
            if each.exchange.id == told.exchange_id and each.unread:
                wrote = {message.supplier_id for message in each.unread}
                names = [who.name for who in each.exchange.recipients if who.supplier_id in wrote]
                url = f"{self.sender.base}/besoins/{need_id}/echanges/{told.exchange_id}"
                return answer_letter(each.exchange.subject, names, url, stop_url, told.language)
        return None

    async def _digest(self, told: BuyerMail, stop_url: str) -> Letter | None:
        """The e-mail on the suppliers that fit needs since the digest before; None where there are none."""
        acting = Acting(
            services=self.services,
            actor=Actor(told.organisation_id, "server"),
            organisation=told.organisation,
            language=told.language,
            secret=b"",
            base_url=self.sender.base,
            wait_for_disconnect=wait_for_ever,
        )
        changed = []
        for need_id in told.needs:
            async with transaction(self.sender.engine) as connection:
                need = await select_need(connection, told.organisation_id, need_id)
            if need is None:
                continue
            try:
                newcomers = await newcomers_since(acting, need, told.since)
            except InvalidContent:  # its places may be no more
                continue
            if newcomers:
                name = purchase_name(need.content)
                url = f"{self.sender.base}/besoins/{need.id}"
                unnamed = need.content.reference or _SAID["unnamed"].to(told.language)
                named = name.to(told.language) if name else unnamed
                changed.append(NeedWithNewcomers(named, url, [each.name for each in newcomers]))
        return digest_letter(changed, stop_url, told.language) if changed else None


class StopForm(msgspec.Struct, frozen=True):
    """The form that stops e-mails; mail programs fill in none of it. `faire`: `reprendre` to get them again."""

    faire: str = ""


@endpoint("GET", "/courriels/{token}", tag="Replies", scope=None, answers={HTML: str})
@answered_privately("refusal.html")
async def get_mail_choice(call: Call, token: str) -> Response[bytes]:
    """The page behind the link of an e-mail to a buyer, which asks whether to send no more of its kind."""
    async with follow_link(call, token, lambda each: select_stop(each, token), _SAID["nowhere"]) as (_, stop):
        return _stop_page(call, stop, is_unwanted=stop.is_unwanted)


@endpoint(
    "POST",
    "/courriels/{token}",
    tag="Replies",
    scope=None,
    answers={HTML: str},
    takes={FORM: StopForm},
    problems=("too-many-requests", "database-away"),
)
@answered_privately("refusal.html")
async def update_mail_choice(call: Call, token: str) -> Response[bytes]:
    """Send no more e-mails of this kind to the address that got the link.

    With `faire=reprendre`, send them again.
    """
    fields, _ = await html_pages.read_form(call, 1_000, 10, call.share_of_body)
    is_unwanted = fields.get("faire", [""])[-1] != "reprendre"
    async with follow_link(call, token, lambda each: select_stop(each, token), _SAID["nowhere"]) as (connection, found):
        kinds = [found.kind] if is_unwanted else []
        now = call.services.now()
        await write_unwanted_kinds(connection, found.organisation_id, found.address, kinds, now, among=[found.kind])
    return _stop_page(call, found, is_unwanted=is_unwanted)


def _stop_page(call: Call, stop: Stop, *, is_unwanted: bool) -> Response[bytes]:
    kind = _SAID[stop.kind].to(call.language)
    return render_page("mail_stop.html", 200, call.language, stop=stop, is_unwanted=is_unwanted, kind=kind)
