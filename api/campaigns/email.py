"""E-mails of campaigns, composed at each attempt and handed to the mail server as those of exchanges are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_urlsafe

from api.campaigns.links import link_end, page_address
from api.exchanges.email import AT_ONCE, PATIENCE, SCHEDULE, EmailSender, email_sender_of, message_to
from api.exchanges.reply_links import TOKEN_BYTES, last_day
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from db.campaigns.mails import SHARE, select_outgoing_question, why_not_to_write, write_mail_outcome
from db.core.engine import transaction
from db.declarations.links import NewLink, insert_links
from db.delivery.outbox import ClaimedRow
from db.journal.entries import write_entry
from db.schema.campaign_tables import campaign_mails
from domain.campaigns.letter import question_email
from domain.exchanges.letter import shown_buyer
from domain.journal import Actor, Detail
from domain.text.bilingual import Language
from domain.webhooks import Outcome


@asynccontextmanager
async def campaign_mail_kind(services: Services) -> AsyncIterator[DeliveryKind | None]:
    """The kind of delivery that sends e-mails of campaigns; None where no mail server is set."""
    sender = email_sender_of(services)
    yield (
        None
        if sender is None
        else DeliveryKind(
            outbox=campaign_mails,
            schedule=SCHEDULE,
            attempt=CampaignSender(sender).deliver,
            also_note=write_mail_outcome,
            at_once=AT_ONCE,
            share=SHARE,
            patience=PATIENCE,
        )
    )


@dataclass(frozen=True)
class CampaignSender:
    """Composes the e-mails of campaigns, and hands them to the mail server."""

    sender: EmailSender

    async def deliver(self, mail: ClaimedRow) -> Outcome:
        """Attempt once to send a queued e-mail; with a new link, as one that failed may have arrived."""
        sender, language = self.sender, _language(mail)
        now, token = sender.now(), token_urlsafe(TOKEN_BYTES)
        async with transaction(sender.engine) as connection:
            asked = await select_outgoing_question(connection, mail)
            if asked is None:
                return Outcome(failure="answered", final=True)
            if failure := await why_not_to_write(connection, mail):
                return Outcome(failure=failure, final=True)
            end = link_end(now, asked.content, sender.link_days)
            link, campaign = NewLink(mail.row["supplier_id"], token), mail.row["campaign_id"]
            await insert_links(connection, asked.organisation_id, [link], now, end, campaign_id=campaign)
            actor, detail = Actor(asked.organisation_id, "server"), Detail(supplier_id=str(link.supplier_id))
            await write_entry(connection, actor, "campaign.link_made", f"campaign:{campaign}", now, detail=detail)
        text = question_email(
            asked.content,
            asked.organisation,
            page_address(sender.base, token),
            last_day(end),
            language,
            is_reminder=mail.row["purpose"] == "reminder",
        )
        author = shown_buyer(asked.organisation).to(language)
        message = message_to(mail, author, sender.sender, text, language, now)
        return Outcome(failure="not_an_address", final=True) if message is None else await sender.submit(message)


def _language(mail: ClaimedRow) -> Language:
    return "en" if mail.row["language"] == "en" else "fr"
