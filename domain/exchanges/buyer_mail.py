"""E-mails to buyers, in words: suppliers answered; new suppliers fit their needs. Each says how to get no more.

And the letters that let people in who were invited: an invitation with its link, a code to sign in.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from domain.exchanges.letter import LONGEST_SUBJECT, Letter, shown_buyer
from domain.text.bilingual import Language, Text, cut, long_date, on_one_line, said_by, same_text

MailKind = Literal["answers", "digest"]
KINDS: tuple[MailKind, ...] = ("answers", "digest")
MOST_NAMED = 5
_SAID = said_by(__name__)


class NeedWithNewcomers(msgspec.Struct, frozen=True):
    """A need, by its name and the address of its page, and the names of the suppliers that fit it only now."""

    name: str
    url: str
    newcomers: Sequence[str]


def answer_letter(subject: str, suppliers: Sequence[str], url: str, stop_url: str, language: Language) -> Letter:
    """The e-mail that says which suppliers answered in an exchange; not what they wrote."""
    head = _SAID["one_answered"] if len(suppliers) == 1 else _SAID["many_answered"]
    parts = [
        head.filled(names=same_text(_listed(suppliers)), subject=same_text(subject)),
        _SAID["read"].filled(url=same_text(url)),
    ]
    title = _SAID["answer_subject"].filled(subject=same_text(subject))
    return _letter(title, parts, _SAID["why_answers"], stop_url, language)


def digest_letter(needs: Sequence[NeedWithNewcomers], stop_url: str, language: Language) -> Letter:
    """The e-mail that names the suppliers that fit kept needs since it was sent last."""
    parts = [_SAID["newcomers"]]
    for each in needs:
        values = {"need": each.name, "names": _listed(each.newcomers), "url": each.url}
        parts.append(_SAID["of_need"].filled(**{name: same_text(value) for name, value in values.items()}))
    return _letter(_SAID["digest_subject"], parts, _SAID["why_digest"], stop_url, language)


def _letter(subject: Text, parts: Sequence[Text], why: Text, stop_url: str, language: Language) -> Letter:
    whole = [_SAID["hello"], *parts, why.filled(url=same_text(stop_url)), _SAID["do_not_reply"]]
    text = "\n\n".join(each.to(language) for each in whole) + "\n"
    return Letter(cut(on_one_line(subject.to(language)), LONGEST_SUBJECT), text)


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many there are besides."""
    return ", ".join(names[:MOST_NAMED]) + (f" (+ {len(names) - MOST_NAMED})" if len(names) > MOST_NAMED else "")


def invitation_letter(organisation: str, name: str, url: str, until: date, language: Language) -> Letter:
    """The letter that invites somebody to an organisation; `until`: the last day of its link."""
    asking = shown_buyer(organisation).capitalised()
    told: dict[str, Text | str | int] = {"name": name, "organisation": asking, "url": url, "until": long_date(until)}
    return _letter_of("invitation_subject", ("dear", "invited", "open", "yours", "not_expected"), language, told)


def code_letter(organisation: str, name: str, code: str, minutes: int, language: Language) -> Letter:
    """The letter that brings somebody a code to sign in to an organisation, valid for so many minutes."""
    asking = shown_buyer(organisation)
    told: dict[str, Text | str | int] = {"name": name, "organisation": asking, "code": code, "minutes": minutes}
    return _letter_of("code_subject", ("dear", "code", "type_code", "tell_nobody"), language, told)


def _letter_of(subject: str, parts: Sequence[str], language: Language, told: dict[str, Text | str | int]) -> Letter:
    """The letter of sentences by their names, filled with what is `told`."""
    title, *paragraphs = (_SAID[each].filled(**told).to(language) for each in (subject, *parts))
    return Letter(title, "\n\n".join(paragraphs) + "\n")
