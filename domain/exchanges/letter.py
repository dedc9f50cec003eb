"""The text of a buyer's message to a supplier, whether Vivier sends it by e-mail or the buyer brings it.

The purchase as suppliers read it in it: its name, and the terms that the buyer chooses to tell.
And the e-mails to buyers and to people who are invited. Those to buyers say how to get no more.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from datetime import date
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.exchanges.exchange import NamedContact
from domain.needs.lot_words import Term, terms_in, without_terms
from domain.needs.need import Lot, Need, PlannedNeed
from domain.organisation import DEFAULT_ORGANISATION
from domain.suppliers.supplier import DECLARATIONS, SIREN_DIGITS, Address, Kind, SourceRef
from domain.text.bilingual import (
    NOTHING,
    Language,
    Text,
    article_of,
    cut,
    euros,
    join_texts,
    listed,
    long_date,
    on_one_line,
    said_by,
    same_text,
)
from domain.text.labels import LETTER, RESERVED
from domain.text.normalise import folded_words

_SAID = said_by(__name__)

ToldTerm = Literal["value", "months", "reserved"]
LONGEST_NAME = 200


def bought_name(title: str) -> str:
    """The words of a title that say what is bought, with a capital."""
    return (name := without_terms(title))[:1].upper() + name[1:]


def lot_name(lot: Lot) -> str | None:
    """The words of a lot's title that say what is bought; None where there are none."""
    return bought_name(lot.title or "") or None


def purchase_name(need: Need, lot_ids: Collection[str] = ()) -> Text | None:
    """A name for what is bought: the need's title, else those of its lots (all if none given); None without a title.

    Of many lots the first are named, and the others counted.
    """
    if own := cut(bought_name(need.title or ""), LONGEST_NAME):
        return Text(own, own)
    lots = lots_about(need, lot_ids)
    names = list(dict.fromkeys(filter(None, map(lot_name, lots))))
    if not names:
        return None
    told = [cut(names[0], LONGEST_NAME)]
    while len(told) < len(names) and len(" ; ".join(names[: len(told) + 1])) <= LONGEST_NAME:
        told.append(names[len(told)])
    left = sum(lot_name(lot) not in names[: len(told)] for lot in lots)
    more = [Text(f"et {left} autre{'s' * (left > 1)} lot{'s' * (left > 1)}", f"and {left} other lot{'s' * (left > 1)}")]
    name = join_texts([Text(each, each) for each in told])
    return join_texts([name, *more], Text(" ", " ")) if left else name


def lots_about(need: Need, lot_ids: Collection[str]) -> list[Lot]:
    """The lots of the need with these ids; all of them where no id is given."""
    return [lot for lot in need.lots if not lot_ids or lot.id in lot_ids]


def term_sentences(need: Need, lot_ids: Collection[str], chosen: Collection[ToldTerm]) -> Iterator[Text]:
    """Sentences on each lot's `chosen` terms (value, duration, reservation), from its fields, else from its title."""
    lots = lots_about(need, lot_ids)
    for lot in lots:
        said, sentences = terms_in(lot.title or ""), list[Text]()
        value, months = lot.value_eur or _term_value(said, "value"), lot.duration_months or _term_value(said, "months")
        if "value" in chosen and value:
            fr, en = euros(round(value * 100))
            sentences.append(
                Text(f"le montant est estimé à {fr} hors taxe.", f"the value is estimated at {en} excluding tax.")
            )
        if "months" in chosen and months:
            fr, en = f"la durée envisagée est de {int(months)} mois", f"the planned term is {int(months)} months"
            if renewal := int(lot.renewal_months or _term_value(said, "renewal") or 0):
                fr, en = f"{fr}, plus {renewal} mois de reconduction", f"{en}, and {renewal} of renewal"
            sentences.append(Text(f"{fr}.", f"{en}."))
        reserved = lot.reserved or [each.value for each in said if each.kind == "reserved"]
        if "reserved" in chosen and reserved:
            names = [RESERVED[each].long for each in reserved]
            fr, en = listed([each.fr for each in names]).fr, listed([each.en for each in names]).en
            sentences.append(Text(f"une réservation est envisagée : {fr}.", f"a reservation is planned: {en}."))
        of_lot = Text(f"Lot {lot.id} : ", f"Lot {lot.id}: ")
        for each in sentences:
            yield join_texts([of_lot, each], NOTHING) if len(lots) > 1 else each.capitalised()


def _term_value(terms: Collection[Term], kind: str) -> float | None:
    """The number of the first of the terms that is of this kind; None without any."""
    return next((float(each.value) for each in terms if each.kind == kind), None)


LONGEST_SUBJECT = 200


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's message to be sent. `purchase`: what is bought, as `purchase_name` words it.

    `is_first`: it opened the exchange; `question`: the published question it answers; `reply_by`, `contact`: the day by
    which an answer is asked for, which the first message tells, and whom suppliers may ask.
    """

    buyer: str
    purchase: Text | None
    subject: str
    body: str
    question: str | None = None
    is_correction: bool = False
    is_first: bool = False
    reply_by: date | None = None
    contact: NamedContact | None = None


class Link(msgspec.Struct, frozen=True):
    """A reply link: the URL to read and answer by, and the last day on which it works."""

    url: str
    valid_until: date


class Letter(msgspec.Struct, frozen=True):
    """A text to be sent or printed."""

    subject: str
    """One line"""
    text: str
    """Paragraphs, in plain text"""


def buyer_name(need: PlannedNeed, organisation: str) -> str:
    """The buyer that the need names, else the organisation whose need it is."""
    named = need.buyer.name if need.buyer else None
    return organisation if named is None or is_nameless(named) else named


def shown_buyer(buyer: str) -> Text:
    """The buyer's name on one line; "A public buyer" where the given text is no name."""
    name = on_one_line(buyer)
    return NAMELESS if is_nameless(name) else Text(name, name)


def buyer_in_sentence(buyer: str) -> Text:
    """The buyer's name as a sentence begins with it: “La Ville de Vannes”, “Ville de Vannes” in English."""
    shown = shown_buyer(buyer)
    return Text(article_of(shown.fr) + shown.fr, shown.en).capitalised()


def sender_name(need: PlannedNeed, organisation: str) -> str | None:
    """The need's buyer, else its organisation, on one line; None where that is blank or the placeholder name."""
    name = on_one_line(buyer_name(need, organisation))
    return None if is_nameless(name) else name


def require_sender(need: PlannedNeed, organisation: str) -> None:
    """Raises InvalidContent (`sender_unnamed`) where neither the need nor its organisation names who writes."""
    if sender_name(need, organisation) is None:
        raise InvalidContent((Problem(pointer("sender"), "sender_unnamed", _SAID["sender_unnamed"]),))


def is_nameless(name: str) -> bool:
    """Whether the text cannot sign a letter: it is blank or the placeholder `DEFAULT_ORGANISATION`."""
    return on_one_line(name).casefold() in {"", DEFAULT_ORGANISATION}


def letter(message: OutgoingMessage, link: Link | None, language: Language, *, by_server: bool) -> Letter:
    """The letter for a message. `link`: None where the recipient has one already; `by_server`: Vivier e-mails it.

    Without `link`, its text points to the earlier one; by the server, it says that nobody reads answers to the e-mail.
    """
    buyer, about = shown_buyer(message.buyer), on_one_line(message.subject)
    name = message.purchase
    object_ = Text(f", « {on_one_line(name.fr)} »,", f", “{on_one_line(name.en)}”,") if name else NOTHING
    kind = "correction" if message.is_correction else "message"
    if message.is_first or message.question is not None:
        kind = "opening" if message.is_first else "answer"
    rule, body = "-" * 60, message.body.strip()
    said = Text(body, body)
    if message.question is not None:
        asked = message.question.strip()
        said = LETTER["question_and_answer"].filled(question=Text(asked, asked), answer=said)
    answer = LETTER["without_link"]
    if link is not None:
        answer = LETTER["link"].filled(url=Text(link.url, link.url), until=long_date(link.valid_until))
    parts = [
        Text("Bonjour,", "Hello,"),
        LETTER[kind].filled(buyer=buyer, object=object_, about=Text(about, about)),
        Text(f"{rule}\n{said.fr}\n{rule}", f"{rule}\n{said.en}\n{rule}"),
        answer,
        *([reply_by_sentence(message.reply_by)] if message.is_first and message.reply_by else []),
        *([contact_sentence(message.contact)] if message.contact else []),
        LETTER["who_reads_answers"],
        *([LETTER["do_not_reply"]] if by_server else []),
    ]
    text = "\n\n".join(part.to(language) for part in parts) + "\n"
    colon = {"fr": " : ", "en": ": "}[language]
    subject = on_one_line(f"{buyer.to(language)}{colon}{message.subject}")
    return Letter(subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1] + "…", text)


def reply_by_sentence(day: date) -> Text:
    """The sentence that names the day by which an answer is asked for."""
    return Text("Réponse souhaitée avant le {day}", "Please answer by {day}").filled(day=long_date(day))


def contact_sentence(contact: NamedContact) -> Text:
    """The sentence that names whom suppliers may ask."""
    told = ", ".join(contact_lines(contact))
    return Text(f"Une question ? {told}", f"Any question? {told}")


def contact_lines(contact: NamedContact | None) -> Iterator[str]:
    """The name, telephone number and e-mail address of a contact, as far as they are given."""
    if contact is not None:
        yield from filter(None, (contact.name, contact.phone, contact.email))


def data_sentences(source: str | None, operator: str | None, asking: str, contact: NamedContact | None = None) -> Text:
    """The sentences on where a recipient's address comes from, and on its rights over its data.

    `source`: its label, or `declarations`; None where only registers are known; `operator`: the server's contact, else
    the asking organisation's, else its name.
    """
    whom = operator or ", ".join([*contact_lines(contact)][1:])
    of_itself = _SAID["own_declaration"] if source == DECLARATIONS else _SAID["registers"]
    origin = _SAID["origin"].filled(source=same_text(source) if source and source != DECLARATIONS else of_itself)
    rights = _SAID["rights"].filled(contact=same_text(whom) if whom else shown_buyer(asking))
    return join_texts([origin, rights], Text(" ", " "))


NAMELESS = Text("Un acheteur public", "A public buyer")


class Addressed(Protocol):
    """A supplier with its identifiers, as far as they say who gets a letter."""

    @property
    def id(self) -> UUID: ...
    @property
    def siret(self) -> str | None: ...
    @property
    def kinds(self) -> Sequence[Kind]: ...


_WAYS = frozenset({"r", "rue", "av", "avenue", "bd", "boulevard", "che", "chem", "chemin", "imp", "impasse"})
_SMALL_WORDS = frozenset({"d", "de", "du", "des", "l", "la", "le", "les"})


def addressee(supplier: Addressed, address: Address | None, sources: Iterable[SourceRef] = ()) -> Hashable:
    """The legal unit and address that a letter to the supplier goes to; of a GEIQ, the legal unit, wherever it stands.

    Branches of a GEIQ without a SIRET have one, by its number in a source; else the supplier alone is written to.
    """
    siren = (supplier.siret or "")[:SIREN_DIGITS]
    if tuple(supplier.kinds) == ("GEIQ",):
        numbers = ((of.source, *of.external_id.split("/")) for of in sources)  # of the GEIQ, then of the branch
        of_branch = (each[:2] for each in numbers if len(each) == 3 and all(map(str.isdigit, each[1:])))
        return siren or next(of_branch, supplier.id)
    if siren and address and address.street and (town := address.postal_code or address.commune):
        # registers shorten the way and leave small words out: “4 R GABRIEL MARIE”
        words = (word[:1] if word in _WAYS else word for word in folded_words(address.street))
        return siren, " ".join(word for word in words if word not in _SMALL_WORDS), town
    return supplier.id


def address_lines(address: Address | None) -> tuple[str, ...]:
    """The lines of a postal address below the name; empty without postal code and town, as no letter would arrive."""
    if address is None or not (address.postal_code and address.city):
        return ()
    street = " ".join((address.street or "").split())
    town = f"{address.postal_code.strip()} {' '.join(address.city.split()).upper()}"
    return (street, town) if street else (town,)


MailKind = Literal["answers", "digest"]
KINDS: tuple[MailKind, ...] = ("answers", "digest")
MOST_NAMED = 5


class NeedWithNewcomers(msgspec.Struct, frozen=True):
    """A need, by its name and the address of its page, and the names of the suppliers that fit it only now."""

    name: str
    url: str
    newcomers: Sequence[str]


def answer_letter(subject: str, suppliers: Sequence[str], url: str, stop_url: str, language: Language) -> Letter:
    """The e-mail that says which suppliers answered in an exchange; not what they wrote."""
    head = _SAID["one_answered"] if len(suppliers) == 1 else _SAID["many_answered"]
    parts = [head.filled(names=_listed(suppliers), subject=subject), _SAID["read"].filled(url=url)]
    return _letter(_SAID["answer_subject"].filled(subject=subject), parts, _SAID["why_answers"], stop_url, language)


def digest_letter(needs: Sequence[NeedWithNewcomers], stop_url: str, language: Language) -> Letter:
    """The e-mail that names the suppliers that fit kept needs since it was sent last."""
    of_needs = (_SAID["of_need"].filled(need=each.name, names=_listed(each.newcomers), url=each.url) for each in needs)
    return _letter(_SAID["digest_subject"], [_SAID["newcomers"], *of_needs], _SAID["why_digest"], stop_url, language)


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
