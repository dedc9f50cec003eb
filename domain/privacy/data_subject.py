"""Who asks what is held about them: how they are recognised in what is held, and what is taken out of it."""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Annotated

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.privacy.person import email_key, name_key
from domain.suppliers.supplier import Contact
from domain.text.bilingual import Text
from domain.text.normalise import fold

_WORD = re.compile(r"[^\W_]+")
# without quotation marks, so that no name is found across two texts of a JSON document
_BETWEEN_WORDS = re.compile(r"[\s,.'’-]{1,3}")
_TELLING = 3
_LONGEST_WHOLE = 600
_AROUND = 200
_ABROAD, _NATIONAL_DIGITS = "33", 9

_WHO = Text("Dire qui : une adresse (email), un nom (name), ou les deux", "Say who: an email, a name, or both")
_NO_LETTER = Text("Un nom a au moins deux lettres", "A name has at least two letters")


class DataSubject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person: by address, by name, or both. With both, a namesake with another address is somebody else."""

    email: Annotated[str, msgspec.Meta(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=200)] | None = None

    def __repr__(self) -> str:
        return "DataSubject()"


class Traces(msgspec.Struct, frozen=True):
    """What tells that something is about the person: what was asked, and what is known under it.

    `asked`: the keys of the name and of the address that were asked for, empty where there is none. All are keys
    (`domain.privacy.person`, `phone_key`).
    """

    asked: tuple[str, str]
    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return "Traces()"


def traces_of(subject: DataSubject) -> Traces:
    """What is known of who was asked for. Raises InvalidContent where nobody can be recognised by it."""
    name, email = name_key(subject.name or ""), email_key(subject.email or "")
    if subject.name is None and subject.email is None:
        raise InvalidContent((Problem("", "missing_field", _WHO),))
    if subject.name is not None and len(name) < 2:
        raise InvalidContent((Problem(pointer("name"), "blank", _NO_LETTER),))
    return Traces((name, email), frozenset(filter(None, (name,))), frozenset(filter(None, (email,))))


def phone_key(phone: str) -> str:
    """The same for two spellings of a number: "+33 2 97 00 00 00" and "02.97.00.00.00"."""
    digits = "".join(sign for sign in phone if sign.isdecimal()).removeprefix("00")
    national = digits.removeprefix(_ABROAD).removeprefix("0")
    return f"0{national}" if len(national) == _NATIONAL_DIGITS else digits


def is_of(email: str, name: str) -> bool:
    """Whether the address names the person, as `a.legoff@…` names Anne Le Goff and `contact@…` nobody."""
    local = fold(email.partition("@")[0]).replace(" ", "")
    return any(word in local for word in fold(name).split() if len(word) >= _TELLING)


def is_meant(person: str, email: str | None, traces: Traces) -> bool:
    """Whether this name, given with that address, is the person's."""
    name, address = traces.asked
    if email and email_key(email) in traces.addresses and is_of(email, person):
        return True
    elsewhere = address and email and email_key(email) != address and is_of(email, person)
    return bool(name) and name_key(person) == name and not elsewhere


def without_person(contact: Contact, traces: Traces) -> Contact:
    """The contact of a supplier without what is the person's; the same object where nothing is.

    Goes: the name; an address that was asked for, or that names the person; the number given with either. Stays: what
    is the organisation's (`contact@…`, the web site, the switchboard that is given with no person).
    """
    known, person = contact.email is not None and email_key(contact.email) in traces.addresses, contact.person
    named = person is not None and is_meant(person, contact.email, traces)
    own = contact.email is not None and known and any(is_of(contact.email, name) for name in traces.names)
    email = known or (named and bool(contact.email) and is_of(contact.email or "", person or ""))
    gone = {"person": named, "email": email, "phone": (named or own) and contact.phone is not None}
    if not any(gone.values()):
        return contact
    return msgspec.structs.replace(contact, **{field: None for field, goes in gone.items() if goes})


def mentions(text: str, traces: Traces) -> list[tuple[int, int]]:
    """Where the person's addresses and full names stand in a text, in either order of the words of a name.

    A name of a single word is too common to be looked for.
    """
    found = sorted({*_addresses(text, traces.addresses), *_names(text, traces.names)})
    return [span for place, span in enumerate(found) if not place or span[0] >= found[place - 1][1]]


def masked(text: str, traces: Traces, pseudonym: str) -> str:
    """The text with `pseudonym` in the place of each mention."""
    for start, end in reversed(mentions(text, traces)):
        text = text[:start] + pseudonym + text[end:]
    return text


def excerpt(text: str, traces: Traces) -> str:
    """A short text whole; of a long one what stands around the mentions."""
    spans = mentions(text, traces)
    if len(text) <= _LONGEST_WHOLE or not spans:
        return text[:_LONGEST_WHOLE]
    start, end = max(spans[0][0] - _AROUND, 0), min(spans[-1][1] + _AROUND, len(text))
    shown = text[start : min(end, start + 2 * _LONGEST_WHOLE)]
    return f"{'…' if start else ''}{shown}{'…' if start + len(shown) < len(text) else ''}"


def _addresses(text: str, addresses: Collection[str]) -> Iterator[tuple[int, int]]:
    for address in addresses:
        pattern = rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)"
        yield from (found.span() for found in re.finditer(pattern, text, re.IGNORECASE))


def _names(text: str, names: Collection[str]) -> Iterator[tuple[int, int]]:
    wanted: dict[int, set[str]] = {}
    for name in names:
        wanted.setdefault(len(name.split()), set()).add(name)
    wanted.pop(1, None)
    if not wanted:
        return
    words = [(found.start(), found.end(), fold(found.group())) for found in _WORD.finditer(text)]
    for count, keys in wanted.items():
        for place in range(len(words) - count + 1):
            window = words[place : place + count]
            if " ".join(sorted(word for _, _, word in window)) in keys and _adjacent(text, window):
                yield window[0][0], window[-1][1]


def _adjacent(text: str, window: list[tuple[int, int, str]]) -> bool:
    gaps = (text[before[1] : after[0]] for before, after in pairwise(window))
    return all(_BETWEEN_WORDS.fullmatch(gap) for gap in gaps)
