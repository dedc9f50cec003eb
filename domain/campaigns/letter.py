"""The text of a campaign's message to a supplier, as an e-mail and as the parts of a printed letter."""

import re
from datetime import date

import msgspec

from domain.campaigns.campaign import CampaignRequest
from domain.exchanges.letter import (
    LONGEST_SUBJECT,
    Letter,
    contact_lines,
    contact_sentence,
    reply_by_sentence,
    shown_buyer,
)
from domain.text.bilingual import Language, Text, cut, long_date, on_one_line, said_by, same_text, typeset
from domain.text.normalise import fold

_SAID = said_by(__name__)

_GREETING = re.compile(r"(bonjour|madame|monsieur|mesdames|messieurs|cher|chere|chers|hello|dear)\b")


class LetterTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts that all letters of a campaign or a message share, in one language; empty ones are not printed."""

    language: Language
    sender: str
    contact: tuple[str, ...]
    """Lines below the sender: its postal address, and whom to ask; empty where neither is given"""
    day: str
    subject: str
    greeting: str = ""
    """Empty where the body has one of its own"""
    paragraphs: tuple[str, ...]
    reminder: str = ""
    """Stands before the body of a reminder"""
    call: str
    scan: str
    page: str = ""
    """The address at which the code is typed"""
    type: str = ""
    tick: str = ""
    reply_by: str = ""
    """Empty where no day is named"""
    yours: str = ""


def letter_texts(
    content: CampaignRequest, organisation: str, page: str, today: date, until: date, language: Language
) -> LetterTexts:
    """The texts of a campaign's letters. `page`: where the code is typed; `until`: the last day of the links."""
    day = long_date(today)

    def printed(text: Text) -> str:
        return typeset(text.to(language), language)

    paragraphs = re.split(r"\n\s*\n", content.body.strip())
    return LetterTexts(
        language=language,
        sender=printed(shown_buyer(organisation).capitalised()),
        contact=(*content.sender_address, *contact_lines(content.contact)),
        day=printed(Text(f"Le {day.fr}", day.en)),
        subject=printed(_SAID["subject"].filled(subject=same_text(content.subject))),
        greeting="" if _has_greeting(content.body) else printed(_SAID["hello"]),
        paragraphs=tuple(printed(same_text(each.strip())) for each in paragraphs),
        reminder=printed(_SAID["reminder"]),
        call=printed(_SAID["call"]),
        scan=printed(_SAID["scan"]),
        page=page,
        type=printed(_SAID["type"]),
        tick=printed(_SAID["tick"]),
        reply_by=printed(reply_by_sentence(content.reply_by)) if content.reply_by else "",
        yours=printed(_SAID["yours"].filled(until=long_date(until))),
    )


def question_email(
    content: CampaignRequest,
    organisation: str,
    url: str,
    until: date,
    source: Text,
    language: Language,
    *,
    is_reminder: bool,
) -> Letter:
    """The e-mail that puts a campaign's question to a recipient, or reminds it. `until`: the last day of its link.

    `source`: the sentences on where the address comes from, and on the recipient's rights.
    """
    sender, rule = shown_buyer(organisation).capitalised(), "-" * 60
    parts = [
        *([_SAID["reminder"]] if is_reminder else []),
        same_text("" if _has_greeting(content.body) else _SAID["hello"].to(language)),
        same_text(f"{content.body.strip()}\n\n{sender.to(language)}\n{rule}"),
        _SAID["by_link"].filled(url=same_text(url)),
        *([reply_by_sentence(content.reply_by)] if content.reply_by else []),
        *([contact_sentence(content.contact)] if content.contact else []),
        _SAID["yours"].filled(until=long_date(until)),
        source,
        _SAID["no_reply"],
    ]
    text = "\n\n".join(filter(None, (each.to(language) for each in parts))) + "\n"
    colon = {"fr": " : ", "en": ": "}[language]
    subject = cut(on_one_line(f"{sender.to(language)}{colon}{content.subject}"), LONGEST_SUBJECT)
    return Letter(subject, text)


def _has_greeting(body: str) -> bool:
    """Whether the text begins with words of greeting of its own."""
    return _GREETING.match(fold(body.strip()[:40])) is not None
