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
from domain.text.bilingual import Language, Text, cut, long_date, on_one_line, typeset
from domain.text.normalise import fold

_GREETING = re.compile(r"(bonjour|madame|monsieur|mesdames|messieurs|cher|chere|chers|hello|dear)\b")
_HELLO = Text("Madame, Monsieur,", "Dear Sir or Madam,")
_SUBJECT = Text("Objet : {subject}", "Subject: {subject}")
_REMINDER = Text(
    "Rappel : nous n'avons pas encore reçu votre réponse à cette question.",
    "Reminder: we have asked you this before, and have no answer from you yet.",
)
_CALL = Text("Répondez en deux minutes, sans créer de compte", "Answer in two minutes, without an account")
_SCAN = Text("Scannez ce code avec un téléphone, ou ouvrez", "Scan this code with a telephone, or open")
_TYPE = Text("et tapez le code", "and type the code")
_TICK = Text(
    "Cochez vos métiers : les acheteurs publics qui les cherchent près de chez vous vous trouveront.",
    "Tick your trades: public buyers who look for them near you will find you.",
)
_YOURS = Text(
    "Ce code est personnel : toute personne qui le détient peut écrire au nom de votre structure. Il est "
    "valable jusqu'au {until}. Les acheteurs "
    "publics lisent votre fiche. Vous pouvez la modifier, la retirer, ou demander à ne plus être "
    "sollicité.",
    "This code is yours alone: whoever has it speaks for your organisation. It works until {until}. What you say can "
    "be read by public buyers; you can change it, take it back, or ask not to be written to again.",
)
_BY_LINK = Text(
    "Répondez en deux minutes, sans créer de compte :\n{url}", "Answer in two minutes, without an account:\n{url}"
)
_NO_REPLY = Text(
    "Ne répondez pas à ce courriel : les messages envoyés à cette adresse ne sont pas lus. Utilisez votre lien.",
    "This e-mail is sent by a machine: nobody reads answers to it.",
)


class LetterTexts(msgspec.Struct, frozen=True):
    """The texts that all letters of a campaign share, in one language."""

    language: Language
    sender: str
    contact: tuple[str, ...]
    """Lines below the sender; empty where nobody is named"""
    day: str
    subject: str
    greeting: str
    """Empty where the body has one of its own"""
    paragraphs: tuple[str, ...]
    reminder: str
    """Stands before the body of a reminder"""
    call: str
    scan: str
    page: str
    """The address at which the code is typed"""
    type: str
    tick: str
    reply_by: str
    """Empty where no day is named"""
    yours: str


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
        sender=printed(_sender(organisation)),
        contact=tuple(contact_lines(content.contact)),
        day=printed(Text(f"Le {day.fr}", day.en)),
        subject=printed(_SUBJECT.filled(subject=_same(content.subject))),
        greeting="" if _has_greeting(content.body) else printed(_HELLO),
        paragraphs=tuple(printed(_same(each.strip())) for each in paragraphs),
        reminder=printed(_REMINDER),
        call=printed(_CALL),
        scan=printed(_SCAN),
        page=page,
        type=printed(_TYPE),
        tick=printed(_TICK),
        reply_by=printed(reply_by_sentence(content.reply_by)) if content.reply_by else "",
        yours=printed(_YOURS.filled(until=long_date(until))),
    )


def question_email(
    content: CampaignRequest, organisation: str, url: str, until: date, language: Language, *, is_reminder: bool
) -> Letter:
    """The e-mail that puts a campaign's question to a recipient, or reminds it. `until`: the last day of its link."""
    sender, rule = _sender(organisation), "-" * 60
    parts = [
        *([_REMINDER] if is_reminder else []),
        _same("" if _has_greeting(content.body) else _HELLO.to(language)),
        _same(f"{content.body.strip()}\n\n{sender.to(language)}\n{rule}"),
        _BY_LINK.filled(url=_same(url)),
        *([reply_by_sentence(content.reply_by)] if content.reply_by else []),
        *([contact_sentence(content.contact)] if content.contact else []),
        _YOURS.filled(until=long_date(until)),
        _NO_REPLY,
    ]
    text = "\n\n".join(filter(None, (each.to(language) for each in parts))) + "\n"
    colon = {"fr": " : ", "en": ": "}[language]
    subject = cut(on_one_line(f"{sender.to(language)}{colon}{content.subject}"), LONGEST_SUBJECT)
    return Letter(subject, text)


def _sender(organisation: str) -> Text:
    return shown_buyer(organisation).capitalised()


def _has_greeting(body: str) -> bool:
    """Whether the text begins with words of greeting of its own."""
    return _GREETING.match(fold(body.strip()[:40])) is not None


def _same(text: str) -> Text:
    return Text(text, text)
