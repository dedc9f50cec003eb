"""E-mails of campaigns, composed at each attempt and handed to the mail server as those of exchanges are."""

from functools import partial
from secrets import token_urlsafe

from api.campaigns.links import link_end, page_address
from api.exchanges.email import EmailSender, kind_of_mail
from api.exchanges.reply_links import TOKEN_BYTES, last_day
from db.campaigns.mails import SHARE, select_outgoing_question, why_not_to_write, write_mail_outcome
from db.core.engine import transaction
from db.declarations.links import NewLink, insert_links
from db.delivery.outbox import ClaimedRow
from db.journal.entries import write_entry
from db.schema.campaign_tables import campaign_mails
from domain.campaigns.letter import question_email
from domain.journal import Actor, Detail
from domain.text.bilingual import Language
from domain.webhooks import Outcome


async def deliver_question(sender: EmailSender, mail: ClaimedRow) -> Outcome:
    """Attempt once to send a campaign's queued e-mail; with a new link, as one that failed may have arrived."""
    language: Language = "en" if mail.row["language"] == "en" else "fr"
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
    address, is_reminder = page_address(sender.base, token), mail.row["purpose"] == "reminder"
    text = question_email(asked.content, asked.organisation, address, last_day(end), language, is_reminder=is_reminder)
    return await sender.send_letter(mail, asked.organisation, text, language)


campaign_mail_kind = partial(
    kind_of_mail, outbox=campaign_mails, attempt=deliver_question, also_note=write_mail_outcome, share=SHARE
)
"""The kind of delivery that sends e-mails of campaigns."""
