"""Mentions of a person: columns that may have some, patterns that match them, contacts in frozen shortlists.

The columns are those that may hold something about a person, apart from persons themselves and sources' records.

The patterns are regular expressions for PostgreSQL that match a person's full name, address or number in a text, and
nothing else. Every case and accent is spelt out: what the server takes for a letter depends on the locale it was set up
with.

A person's address and number in frozen shortlists are found, and taken out. Shortlists are many and long: they are read
a slice at a time and worked on in a thread, so that a server goes on answering others meanwhile and never holds many of
them.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa

from db.core.engine import Connection
from db.schema.campaign_tables import (
    campaign_mails,
    campaign_recipients,
    campaigns,
    declaration_links,
    declaration_mails,
    declarations,
)
from db.schema.organisation_tables import (
    awards,
    exchange_recipients,
    exchanges,
    follow_ups,
    meetings,
    message_mails,
    messages,
    needs,
    participants,
    shortlist_decisions,
    shortlists,
    supplier_notes,
)
from db.schema.supplier_tables import api_keys, idempotency_keys, import_errors, imports, sources, webhooks
from domain.privacy import SHORTEST_NAME_WORD, Fate, Identifiers, without_contacts
from domain.text.normalise import fold

_CONTACT_IN_ANSWER = r'"contact":\{[^}]*\}'
# By table: the one with the organisation, or one that all organisations share; the ids of the object that a row is part
# of; since when it is there.
_ROWS: dict[sa.Table, tuple[sa.Table, tuple[sa.Column[Any], ...], sa.Column[Any]]] = {
    meetings: (meetings, (meetings.c.id,), meetings.c.created_at),
    follow_ups: (meetings, (meetings.c.id,), meetings.c.created_at),
    participants: (meetings, (meetings.c.id,), meetings.c.created_at),
    needs: (needs, (needs.c.id,), needs.c.created_at),
    shortlists: (needs, (needs.c.id, shortlists.c.number), shortlists.c.created_at),
    shortlist_decisions: (needs, (needs.c.id, shortlist_decisions.c.number), shortlist_decisions.c.decided_at),
    awards: (awards, (awards.c.id,), awards.c.created_at),
    supplier_notes: (supplier_notes, (supplier_notes.c.supplier_id,), supplier_notes.c.noted_at),
    exchanges: (exchanges, (exchanges.c.id,), exchanges.c.opened_at),
    exchange_recipients: (exchanges, (exchanges.c.id,), exchanges.c.opened_at),
    messages: (exchanges, (messages.c.id,), messages.c.created_at),
    message_mails: (exchanges, (exchanges.c.id,), message_mails.c.queued_at),
    declarations: (declarations, (declarations.c.supplier_id,), declarations.c.declared_at),
    declaration_mails: (declaration_links, (declaration_links.c.id,), declaration_mails.c.queued_at),
    campaigns: (campaigns, (campaigns.c.id,), campaigns.c.created_at),
    campaign_recipients: (campaigns, (campaigns.c.id,), campaigns.c.created_at),
    campaign_mails: (campaigns, (campaigns.c.id,), campaign_mails.c.queued_at),
    api_keys: (api_keys, (api_keys.c.id,), api_keys.c.created_at),
    idempotency_keys: (idempotency_keys, (idempotency_keys.c.route,), idempotency_keys.c.created_at),
    webhooks: (webhooks, (webhooks.c.id,), webhooks.c.created_at),
    sources: (sources, (sources.c.name,), sources.c.created_at),
    imports: (imports, (imports.c.id,), imports.c.started_at),
    import_errors: (imports, (imports.c.id, import_errors.c.position), imports.c.started_at),
}


class MentionColumn(NamedTuple):
    """A column that may mention a person; `kind`, `field`, `fate`: as in its holdings; `longest`: in characters."""

    kind: str
    field: str
    column: sa.Column[Any]
    fate: Fate
    longest: int | None = None

    @property
    def table(self) -> sa.Table:
        return self.column.table

    @property
    def is_shared(self) -> bool:
        """Whether the column is in a table that all organisations share."""
        return "organisation_id" not in _ROWS[self.table][0].c

    @property
    def owner(self) -> sa.ColumnElement[Any]:
        """The column with a row's organisation, once joined by `is_joined`; NULL in shared tables."""
        return sa.cast(sa.null(), sa.Uuid) if self.is_shared else _ROWS[self.table][0].c.organisation_id

    def is_within(self, organisation_ids: Collection[UUID]) -> sa.ColumnElement[bool]:
        """The condition that a row, once joined by `is_joined`, is one of these organisations' or shared."""
        return sa.true() if self.is_shared else self.owner.in_(organisation_ids)

    @property
    def is_joined(self) -> sa.ColumnElement[bool]:
        """The condition that joins the table to the one that has the organisation's id."""
        parent = _ROWS[self.table][0]
        if parent is self.table:
            return sa.true()
        key = "link_id" if parent is declaration_links else f"{parent.name.removesuffix('s')}_id"
        return self.table.c[key] == parent.c.id

    @property
    def where(self) -> sa.ColumnElement[str]:
        """The SQL expression of an object's name in holdings, such as `shortlist:<need>/<version>`."""
        return sa.func.concat(f"{self.kind}:", sa.func.concat_ws("/", *_ROWS[self.table][1]))

    @property
    def row_came_at(self) -> sa.Column[Any]:
        """The column with the instant at which a row was written."""
        return _ROWS[self.table][2]

    @property
    def text(self) -> sa.ColumnElement[str]:
        """The column as text to be searched; of a shortlist's answer without its contacts, which are searched apart."""
        if not isinstance(self.column.type, sa.LargeBinary):
            return sa.cast(self.column, sa.Text)
        text = sa.func.convert_from(self.column, "UTF8")
        return sa.func.regexp_replace(text, _CONTACT_IN_ANSWER, "", "g") if self.table is shortlists else text


ADDRESSES = (
    MentionColumn("exchange", "recipients.email", exchange_recipients.c.email, "erased"),
    MentionColumn("exchange", "mails.address", message_mails.c.address, "erased"),
    MentionColumn("supplier_link", "mails.address", declaration_mails.c.address, "erased"),
    MentionColumn("campaign", "recipients.email", campaign_recipients.c.email, "erased"),
    MentionColumn("campaign", "mails.address", campaign_mails.c.address, "erased"),
)
MENTION_COLUMNS = (
    MentionColumn("meeting", "title", meetings.c.title, "pseudonym", 400),
    MentionColumn("meeting", "minutes", meetings.c.minutes, "pseudonym", 100_000),
    MentionColumn("meeting", "agenda", meetings.c.agenda, "pseudonym"),
    MentionColumn("meeting", "place", meetings.c.place, "pseudonym"),
    # an address has no spaces
    MentionColumn("meeting", "url", meetings.c.url, "pseudonym", 0),
    MentionColumn("meeting", "follow_ups", follow_ups.c.what, "pseudonym", 2_000),
    MentionColumn("meeting", "participants", participants.c.organisation, "pseudonym", 400),
    MentionColumn("need", "content", needs.c.content, "pseudonym"),
    MentionColumn("shortlist", "need", shortlists.c.need, "pseudonym"),
    MentionColumn("shortlist", "answer", shortlists.c.body, "kept"),
    MentionColumn("decision", "reason", shortlist_decisions.c.reason, "pseudonym"),
    MentionColumn("note", "how", supplier_notes.c.how, "pseudonym", 400),
    MentionColumn("note", "offers", supplier_notes.c.offers, "pseudonym"),
    MentionColumn("award", "supplier", awards.c.supplier_name, "kept"),
    MentionColumn("exchange", "subject", exchanges.c.subject, "kept"),
    MentionColumn("exchange", "contact", exchanges.c.contact, "pseudonym"),
    MentionColumn("message", "body", messages.c.body, "kept"),
    MentionColumn("message", "question", messages.c.question, "kept"),
    MentionColumn("message", "barriers_note", messages.c.barriers_note, "kept"),
    MentionColumn("exchange", "recipients.name", exchange_recipients.c.name, "kept"),
    *ADDRESSES,
    MentionColumn("declaration", "content", declarations.c.content, "pseudonym"),
    MentionColumn("declaration", "withdrawal", declarations.c.reason, "pseudonym", 2_000),
    MentionColumn("declaration", "others", declarations.c.others, "pseudonym"),
    MentionColumn("campaign", "content", campaigns.c.content, "pseudonym"),
    MentionColumn("campaign", "recipients.name", campaign_recipients.c.name, "kept"),
    MentionColumn("campaign", "recipients.address", campaign_recipients.c.address, "kept"),
    MentionColumn("key", "name", api_keys.c.name, "pseudonym"),
    MentionColumn("answer", "key", idempotency_keys.c.key, "erased"),
    MentionColumn("answer", "body", idempotency_keys.c.body, "erased"),
    MentionColumn("webhook", "url", webhooks.c.url, "pseudonym", 0),
    MentionColumn("source", "label", sources.c.label, "pseudonym"),
    MentionColumn("source", "url", sources.c.url, "pseudonym", 0),
    MentionColumn("import", "external_id", import_errors.c.external_id, "pseudonym"),
    MentionColumn("import", "pointer", import_errors.c.pointer, "pseudonym"),
    MentionColumn("import", "detail", import_errors.c.detail, "pseudonym"),
    MentionColumn("import", "failure", imports.c.failure, "pseudonym"),
)


MOST_WORDS_TURNED = 8
"""Words of the longest name that is also looked for with its last words first."""
# those of word processors too, some of no width; and their hyphens and dashes
_SPACE, _DASH = "\\s\u00a0\u2000-\u200b\u202f\u2060\ufeff", "\u2010-\u2015"
_LETTER = "0-9A-Za-z\u00c0-\u024f"
_ACCENTS = "[\u0300-\u036f]*"
# In the text of a JSON document a line break is written \n. Quotation marks end a text there, and a mention with it.
_BREAK = r"\\[nrt]"
_BETWEEN_WORDS = rf"(?:[{_SPACE}{_DASH},.'’_/()-]|{_BREAK}){{1,3}}"
_BETWEEN_DIGITS = f"[{_SPACE}{_DASH}./()-]{{0,3}}"
_FRENCH = rf"(?:(?:\+|00)33{_BETWEEN_DIGITS}(?:0{_BETWEEN_DIGITS})?|0)"
# One lookaround for all alternatives: PostgreSQL takes fifty times as long with one for each.
_WORDS = rf"(?:({_BREAK})|(?<![{_LETTER}]))(?:{{}})(?![{_LETTER}])"
_ADDRESSES = rf"(?:({_BREAK})|(?<![{_LETTER}_.+-]))(?:{{}})(?![{_LETTER}_-]|\.[{_LETTER}])"
_LOCAL = f"[{_LETTER}_.+-]"
# in addresses of pages an @ is written %40
_AT, _DOMAIN = "(?:@|%40)", rf"[{_LETTER}-]+(?:\.[{_LETTER}-]+)+"
_TOUCHING = rf"((?:[{_SPACE},;:<>()/|_.+–—-]|{_BREAK}|mailto:){{{{0,4}}}})"
_NAME_AND_ADDRESS = rf"(?:({_BREAK})|(?<![{_LETTER}])){{}}{_TOUCHING}{{}}(?![{_LETTER}_-]|\.[{_LETTER}])"
# the name behind an address is not the beginning of another address
_ADDRESS_AND_NAME = rf"(?:({_BREAK})|(?<![{_LETTER}_.+-])){{}}{_TOUCHING}{{}}(?![{_LETTER}]|{_LOCAL}*{_AT})"

_LIGATURES = {"oe": "œŒ", "ae": "æÆ"}
_SPELLINGS: dict[str, str] = {}
for _sign in map(chr, range(ord("0"), 0x180)):
    if len(_folded := fold(_sign)) == 1:
        _SPELLINGS[_folded] = _SPELLINGS.get(_folded, "") + _sign


def mention_pattern(identifiers: Identifiers, *, with_phones: bool = True) -> str | None:
    """The pattern of all mentions of a person; None if they have no address, name of two words or, if wanted, phone."""
    return "|".join(mention.pattern for mention in _mentions(identifiers, with_phones=with_phones)) or None


def mask_mentions(text: sa.ColumnElement[str], identifiers: Identifiers, mask: str) -> sa.ColumnElement[str]:
    """The SQL expression of the text with `mask` in the place of each mention."""
    for mention in _mentions(identifiers):
        text = sa.func.regexp_replace(text, mention.pattern, mention.replacement.format(mask), "g", type_=sa.Text)
    return text


class _Mention(NamedTuple):
    """A pattern for one way to mention the person, and its replacement, with `{}` for the mask."""

    pattern: str
    replacement: str


def _mentions(identifiers: Identifiers, *, with_phones: bool = True) -> Iterator[_Mention]:
    """Yield the patterns of mentions in the order of masking: names beside addresses, addresses, names, numbers.

    The person's addresses are those known; those that are the full name (`anne.le.goff@…`); and, where they touch the
    full name, those that have a word of it or are its initials (`a.goff@…`, `alg@…`).
    """
    known = [
        "".join(f"[{sign}{sign.upper()}]" if sign.isalnum() else f"\\{sign}" for sign in email).replace(r"\@", _AT)
        for email in sorted(identifiers.emails)
    ]
    names = sorted(name for name in identifiers.names if " " in name)
    own: list[str] = []
    if names:
        beside = []
        for each in names:
            words = [_word_pattern(word) for word in each.split() if len(word) >= SHORTEST_NAME_WORD]
            if words:
                beside.append(_address_pattern(_any_of(words), f"{_LOCAL}*", f"{_LOCAL}*"))
            beside.append(_address_pattern("[_.-]?".join(_word_pattern(word[0]) for word in each.split())))
        name, theirs = _any_of(_spellings(names)), _any_of((*known, *beside))
        yield _Mention(_NAME_AND_ADDRESS.format(name, theirs), r"\1{0}\2{0}")
        yield _Mention(_ADDRESS_AND_NAME.format(theirs, name), r"\1{0}\2{0}")
        spelt = _any_of(_spellings(names, "[_.+-]"))
        own = [_address_pattern(spelt, rf"(?:{_LOCAL}*[_.+-])?", rf"(?:[0-9_.+-]{_LOCAL}*)?")]
    if addresses := (*known, *own):
        yield _Mention(_ADDRESSES.format("|".join(addresses)), r"\1{0}")
    phones = (
        (_FRENCH if phone.startswith("0") else "") + _BETWEEN_DIGITS.join(phone.removeprefix("0"))
        for phone in sorted(identifiers.phones if with_phones else ())
    )
    if named := (*_spellings(names), *phones):
        yield _Mention(_WORDS.format("|".join(named)), r"\1{0}")


def _address_pattern(local: str, before: str = "", after: str = "") -> str:
    return f"{before}{local}{after}{_AT}{_DOMAIN}"


def name_pattern(names: Iterable[str]) -> str:
    """The pattern of a text that is one of these folded names and nothing else."""
    return f"^[^{_LETTER}]*(?:{'|'.join(_spellings(names))})[^{_LETTER}]*$"


def _spellings(names: Iterable[str], between: str = _BETWEEN_WORDS) -> list[str]:
    """A pattern for each name in each order of its words: as given, or with the last words put first ("Le Goff Anne").

    Of a name of many words as given only: PostgreSQL would take minutes to read a pattern of all their orders.
    """
    orders = {
        tuple(words[at:] + words[:at])
        for words in map(str.split, names)
        for at in range(len(words) if len(words) <= MOST_WORDS_TURNED else 1)
    }
    return [between.join(map(_word_pattern, words)) for words in sorted(orders)]


def _any_of(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns)})"


def _word_pattern(word: str) -> str:
    letters = [f"[{_SPELLINGS.get(sign, sign + sign.upper())}]{_ACCENTS}" for sign in word]
    for at, pair in enumerate(pairwise(word)):
        if ligature := _LIGATURES.get("".join(pair)):
            letters[at : at + 2] = [f"(?:[{ligature}]|{letters[at]}{letters[at + 1]})", ""]
    return "".join(letters)


READ_AT_ONCE = 20


class RedactedShortlist(NamedTuple):
    """A frozen shortlist's row, its body without the person's contacts, and the fields removed with their texts."""

    row: sa.Row[Any]
    body: bytes
    removed: tuple[tuple[str, str], ...]


async def redacted_shortlists(
    connection: Connection,
    organisation_ids: Collection[UUID],
    known: Identifiers,
    supplier_ids: Collection[UUID],
    *,
    lock: bool = False,
) -> AsyncIterator[Sequence[RedactedShortlist]]:
    """Yield, redacted, the frozen shortlists with the person's addresses, or phone numbers at these suppliers.

    They come in the order of their keys, a slice at a time. `lock`: rows read stay as they are.
    """
    pattern = mention_pattern(msgspec.structs.replace(known, names=frozenset()))
    if pattern is None:
        return
    own = shortlists.c
    columns = (own.need_id, own.number, own.created_at.label("since"), own.body, needs.c.organisation_id)
    body = sa.func.convert_from(own.body, "UTF8", type_=sa.Text)
    is_own = (own.need_id == needs.c.id) & needs.c.organisation_id.in_(organisation_ids)
    query: sa.Select[Any] = (
        sa.select(*columns).where(is_own, body.regexp_match(pattern)).order_by(own.need_id, own.number)
    )
    query = query.with_for_update(of=shortlists) if lock else query
    rows = await connection.stream(query, execution_options={"yield_per": READ_AT_ONCE})
    async for some in rows.partitions():
        yield await asyncio.to_thread(_redact, some, known, supplier_ids)


def _redact(
    rows: Sequence[sa.Row[Any]], known: Identifiers, supplier_ids: Collection[UUID]
) -> Sequence[RedactedShortlist]:
    found = [RedactedShortlist(row, *without_contacts(row.body, known, supplier_ids)) for row in rows]
    return [each for each in found if each.removed]
