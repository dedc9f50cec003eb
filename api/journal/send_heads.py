"""Sends the signed heads of the journals where the operator keeps them: to a file, an address on the web, a mailbox."""

import asyncio
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from pathlib import Path

import httpx

from api.exchanges.email import EmailSender
from db.delivery.outbox import Claimed
from domain.delivery import Outcome

MAILTO = "mailto:"


class HeadSender:
    """Makes attempts to send a line `to` the path of a file, an address on the web, or `mailto:` an e-mail address."""

    def __init__(self, to: str, client: httpx.AsyncClient, email_sender: EmailSender | None) -> None:
        self._to, self._client, self._email_sender = to, client, email_sender

    async def attempt(self, claimed: Claimed) -> Outcome:
        line: str = claimed.row["line"]
        if self._to.startswith(MAILTO):
            if self._email_sender is None:
                return Outcome(failure="no_mail_server")
            return await self._email_sender.hand_over(self._message(self._email_sender, claimed, line))
        if not self._to.startswith(("http://", "https://")):
            return await asyncio.to_thread(_append, Path(self._to), line)
        try:
            answer = await self._client.post(
                self._to, content=line, headers={"User-Agent": "Vivier", "Content-Type": "application/json"}
            )
        except httpx.HTTPError as failure:
            return Outcome(failure="timeout" if isinstance(failure, httpx.TimeoutException) else "connection")
        return Outcome(failure=None if answer.is_success else "http_status", code=answer.status_code)

    def _message(self, email_sender: EmailSender, claimed: Claimed, line: str) -> EmailMessage:
        message = EmailMessage(policy=WIRE)
        message["From"], message["To"] = email_sender.sender, self._to.removeprefix(MAILTO)
        message["Subject"] = "Vivier : dernières entrées des journaux, signées"
        message["Date"] = format_datetime(claimed.queued_at)
        message["Message-ID"] = f"<{claimed.id}@{email_sender.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{line}\n", cte="base64")
        return message


def _append(path: Path, line: str) -> Outcome:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    except OSError:
        return Outcome(failure="not_written")
    return Outcome()
