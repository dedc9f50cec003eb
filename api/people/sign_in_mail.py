"""E-mail that lets people in who were invited: a link or a code, made at each attempt and stored as its digest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import randbelow, token_urlsafe

from api.exchanges.email import AT_ONCE, PATIENCE, SCHEDULE, EmailSender, email_sender_of, message_to
from api.exchanges.reply_links import TOKEN_BYTES, last_day
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from db.core.engine import transaction
from db.delivery.outbox import ClaimedRow
from db.invitations import CODE_LIFE, LINK_LIFE, code_digest, secret_digest, select_mail_to_send, write_outcome
from db.schema.person_tables import sign_in_mails
from domain.exchanges.letter import shown_buyer
from domain.sign_in_letters import code_letter, invitation_letter
from domain.text.bilingual import Language
from domain.webhooks import Outcome

CODE_DIGITS = 8


@asynccontextmanager
async def sign_in_mail_kind(services: Services) -> AsyncIterator[DeliveryKind | None]:
    """The kind of delivery that lets people in; None where no mail server is set."""
    sender = email_sender_of(services)
    yield (
        None
        if sender is None
        else DeliveryKind(
            outbox=sign_in_mails,
            schedule=SCHEDULE,
            attempt=SignInSender(sender).deliver,
            also_note=write_outcome,
            at_once=AT_ONCE,
            patience=PATIENCE,
        )
    )


@dataclass(frozen=True)
class SignInSender:
    """Sends links and codes by the mail server."""

    sender: EmailSender

    async def deliver(self, mail: ClaimedRow) -> Outcome:
        """Attempt once to send a queued e-mail, with a new link or code in place of that of the attempt before."""
        language: Language = mail.row["language"]
        now, browser = self.sender.now(), mail.row["browser"]
        token, code = token_urlsafe(TOKEN_BYTES), f"{randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        digest = code_digest(browser, code) if browser else secret_digest(token)
        async with transaction(self.sender.engine) as connection:
            person = await select_mail_to_send(connection, mail, digest, now)
        if person is None:
            return Outcome(failure="too_late", final=True)
        if browser:
            minutes = int(CODE_LIFE.total_seconds()) // 60
            text = code_letter(person.organisation, person.name, code, minutes, language)
        else:
            address = f"{self.sender.base}/invitation/{token}"
            text = invitation_letter(person.organisation, person.name, address, last_day(now + LINK_LIFE), language)
        author = shown_buyer(person.organisation).to(language)
        addressed = mail._replace(row={**mail.row, "address": person.email})
        message = message_to(addressed, author, self.sender.sender, text, language, now)
        return Outcome(failure="not_an_address", final=True) if message is None else await self.sender.submit(message)
