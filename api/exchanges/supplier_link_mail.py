"""E-mail that brings suppliers the link to their own page, composed at each attempt with a token of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_urlsafe

from api.exchanges.email import AT_ONCE, PATIENCE, SCHEDULE, EmailSender, email_sender_of, message_to
from api.exchanges.reply_links import TOKEN_BYTES, last_day
from api.exchanges.supplier_links import page_address
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from db.core.engine import transaction
from db.declarations.links import select_mail_to_send, write_mail_outcome
from db.delivery.outbox import ClaimedRow
from db.journal.entries import write_entry
from db.schema.declaration_tables import declaration_mails
from db.suppliers.read import get_supplier
from domain.declarations.link import link_letter
from domain.exchanges.letter import shown_buyer
from domain.journal import Actor, Detail
from domain.text.bilingual import Language
from domain.webhooks import Outcome


@asynccontextmanager
async def supplier_link_kind(services: Services) -> AsyncIterator[DeliveryKind | None]:
    """The kind of delivery that sends links to suppliers' own pages; None where no mail server is set."""
    sender = email_sender_of(services)
    yield (
        None
        if sender is None
        else DeliveryKind(
            outbox=declaration_mails,
            schedule=SCHEDULE,
            attempt=LinkSender(sender).deliver,
            also_note=write_mail_outcome,
            at_once=AT_ONCE,
            patience=PATIENCE,
        )
    )


@dataclass(frozen=True)
class LinkSender:
    """Sends links to suppliers' own pages by the mail server."""

    sender: EmailSender

    async def deliver(self, mail: ClaimedRow) -> Outcome:
        """Attempt once to send a queued e-mail; with a new token of its link, as one that failed may have arrived."""
        language: Language = mail.row["language"]
        now, token = self.sender.now(), token_urlsafe(TOKEN_BYTES)
        async with transaction(self.sender.engine) as connection:
            outgoing = await select_mail_to_send(connection, mail, token, now)
            entry = outgoing and await get_supplier(connection, outgoing.supplier_id)
            if outgoing is not None:
                actor, detail = Actor(outgoing.organisation_id, "server"), Detail(link=str(mail.row["link_id"]))
                about = f"supplier:{outgoing.supplier_id}"
                await write_entry(connection, actor, "supplier_link.sent", about, now, detail=detail)
        if outgoing is None or not entry:
            return Outcome(failure="link_revoked", final=True)
        text = link_letter(
            mail.row["kind"],
            outgoing.organisation,
            entry.supplier.name,
            page_address(self.sender.base, token),
            last_day(outgoing.expires_at),
            language,
        )
        author = shown_buyer(outgoing.organisation).to(language)
        message = message_to(mail, author, self.sender.sender, text, language, now)
        return Outcome(failure="not_an_address", final=True) if message is None else await self.sender.submit(message)
