"""The quota of e-mail that each organisation has for a day."""

from datetime import timedelta
from math import ceil

from api.runtime.actor import Acting
from api.web.problems import Refusal
from db.core.engine import Connection
from db.exchanges.email_outbox import count_mails_since, mail_queued_since
from domain.errors import InvalidContent, Problem
from domain.text.bilingual import Text

DAY = timedelta(days=1)


async def require_email_quota(connection: Connection, acting: Acting, wanted: int) -> None:
    """Raises Refusal (429) where `wanted` e-mails more would be over what the organisation may send in 24 hours.

    `Retry-After` says when they no longer are. Raises InvalidContent where they are more than a day's quota.
    """
    quota, now, organisation_id = acting.services.settings.emails_per_day, acting.now(), acting.organisation_id
    if wanted > quota:
        raise InvalidContent((Problem("", "over_email_quota", _never(wanted, quota)),))
    sent = await count_mails_since(connection, organisation_id, now - DAY)
    if (over := sent + wanted - quota) > 0:
        last = await mail_queued_since(connection, organisation_id, now - DAY, over - 1)
        seconds = max(1, ceil((last + DAY - now).total_seconds()))
        raise Refusal("email-quota", _later(wanted, sent, quota), headers={"retry-after": str(seconds)})


def _never(wanted: int, quota: int) -> Text:
    return Text(
        f"Ce message partirait à {wanted} adresses, et cette organisation peut envoyer {quota} courriels par jour : "
        "écrire à moins de destinataires à la fois, ou par un autre canal",
        f"This message would go to {wanted} addresses, and this organisation may send {quota} e-mails a day: write to "
        "fewer recipients at a time, or by another channel",
    )


def _later(wanted: int, sent: int, quota: int) -> Text:
    return Text(
        f"Cette organisation a envoyé {sent} courriels en 24 heures, sur {quota} permis ; ce message en demande "
        f"{wanted} : écrire à moins de destinataires, par un autre canal, ou reprendre plus tard (Retry-After)",
        f"This organisation has sent {sent} e-mails in 24 hours, of {quota} allowed; this message takes {wanted}: "
        "write to fewer recipients, by another channel, or try again later (Retry-After)",
    )
