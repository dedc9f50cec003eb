"""E-mails of campaigns, composed at each attempt and handed to the mail server as those of exchanges are."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from secrets import token_urlsafe
from typing import NamedTuple
from uuid import UUID

from api.campaigns.links import link_end
from api.declarations.link_pages import TOKEN_BYTES, last_day
from api.exchanges.email import AT_ONCE, IN_DOUBT, EmailSender, KeptConnections, MailKind, email_sender_of
from api.exchanges.supplier_links import page_address
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from db.campaigns.mails import SHARE, OutgoingQuestion, note_attempt, reasons_not_to_write, select_outgoing_questions
from db.core.engine import Connection, transaction
from db.declarations.links import NewLink, insert_links
from db.delivery.outbox import ClaimedRow, mail_columns
from db.journal.entries import write_entry
from db.schema.campaign_tables import campaign_mails
from db.suppliers.sources import origins_of_addresses
from domain.campaigns.letter import question_email
from domain.exchanges.letter import data_sentences
from domain.journal import Actor, Detail
from domain.text.bilingual import Language
from domain.webhooks import Outcome

CLAIMED = 48
"""E-mails that a server claims at once, to be sent by and by: to look among ten thousand takes as long for one."""


@asynccontextmanager
async def campaign_mail_kind(services: Services) -> AsyncIterator[DeliveryKind | None]:
    """The kind of delivery that sends e-mails of campaigns; None where no mail server is set."""
    sender, kept = email_sender_of(services), KeptConnections()
    if sender is None:
        yield None
        return
    campaign_sender = CampaignSender(replace(sender, kept=kept))
    try:
        yield MailKind(
            outbox=campaign_mails,
            prepare=campaign_sender.prepare,
            attempt=campaign_sender.deliver,
            columns=mail_columns,
            at_once=CLAIMED,
            least=CLAIMED // 2,
            share=SHARE,
        )
    finally:
        kept.close()


class PreparedQuestion(NamedTuple):
    """The parts of an e-mail of a campaign to be sent: the question, the link, its end, the source of the address."""

    asked: OutgoingQuestion
    link: NewLink
    end: datetime
    origin: str | None


@dataclass(frozen=True)
class CampaignSender:
    """Composes the e-mails of campaigns, and hands them to the mail server, some at a time."""

    sender: EmailSender
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def prepare(self, connection: Connection, mails: Sequence[ClaimedRow]) -> list[ClaimedRow]:
        """The e-mails with what each says and a new link, or with the reason for which it is not sent."""
        now, questions = self.sender.now(), await select_outgoing_questions(connection, mails)
        reasons = await reasons_not_to_write(connection, mails)
        origins = await origins_of_addresses(connection, [each.row["supplier_id"] for each in mails], "contact.email")
        prepared, by_campaign = list[ClaimedRow](), defaultdict[UUID, list[PreparedQuestion]](list)
        for mail in mails:
            asked = questions.get(mail.id)
            reason = "answered" if asked is None else reasons.get(mail.id)
            if mail.attempts > 1 and mail.row["failure"] == IN_DOUBT:
                reason = IN_DOUBT
            if asked is None or reason is not None:
                prepared.append(mail._replace(prepared=Outcome(failure=reason, final=True)))
                continue
            link = NewLink(mail.row["supplier_id"], token_urlsafe(TOKEN_BYTES))
            end = link_end(now, asked.content, self.sender.link_days)
            told = PreparedQuestion(asked, link, end, origins.get(link.supplier_id))
            prepared.append(mail._replace(prepared=told))
            by_campaign[mail.row["campaign_id"]].append(told)
        for campaign, some in by_campaign.items():
            links, (asked, _, end, _) = [each.link for each in some], some[0]
            await insert_links(connection, asked.organisation_id, links, now, end, campaign_id=campaign)
            actor, detail = Actor(asked.organisation_id, "server"), Detail(links=len(links))
            await write_entry(connection, actor, "campaign.links_made", f"campaign:{campaign}", now, detail=detail)
        return prepared

    async def deliver(self, mail: ClaimedRow) -> Outcome:
        """Attempt once to send a queued e-mail.

        Where a server died while the mail server had the text, nobody knows whether it arrived: it is not sent again.
        """
        told, sender = mail.prepared, self.sender
        language: Language = "en" if mail.row["language"] == "en" else "fr"
        if isinstance(told, Outcome):
            return told
        async with self.turns:
            asked: OutgoingQuestion = told.asked
            address, is_reminder = page_address(sender.base, told.link.token), mail.row["purpose"] == "reminder"
            source = data_sentences(told.origin, sender.contact, asked.organisation, asked.content.contact)
            text = question_email(
                asked.content,
                asked.organisation,
                address,
                last_day(told.end),
                source,
                language,
                is_reminder=is_reminder,
            )
            async with transaction(sender.engine) as connection:
                if not await note_attempt(connection, mail, IN_DOUBT):
                    return Outcome(failure="timeout")  # another server sends it by now
            return await sender.send_letter(mail, asked.organisation, text, language)
