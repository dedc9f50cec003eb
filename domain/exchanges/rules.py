"""Which messages may be added to an exchange; its questions, and how one is published without naming its author.

Questions are answered by messages or published. Text that identifies the supplier who asks is detected and redacted.
Parts of a text in square brackets that its author has still to fill in are found, as in our templates: “[date]”,
“[lieu]”; what stands for words left out (“[…]”), a note (“[1]”, “[sic]”), a link or a mark (“[URGENT]”) is none.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import compress
from uuid import UUID

import msgspec

from domain.errors import Conflict, Problem, control_character_problem, pointer, require_found, require_no_problem
from domain.exchanges.exchange import (
    Exchange,
    ExchangeRequest,
    Message,
    MessageRequest,
    NamedContact,
    PublicationRequest,
    Recipient,
    audience,
    correction_chains,
)
from domain.text.bilingual import Text, is_one_line, said_by
from domain.text.normalise import fold

_SAID = said_by(__name__)

Chains = Mapping[UUID, Sequence[Message]]
"""The versions of each message, by the id of any of them"""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's question, as last corrected; `message_id`: that of the first version.

    `answered`: by a publication, or by a message to this supplier alone or, where the question is confidential and so
    cannot be published, to all: one that says so, or a later one that does not say what it answers.
    """

    message_id: UUID
    supplier_id: UUID
    text: str
    asked_at: datetime
    confidential: bool
    published: bool
    answered: bool


class MessageToOne(msgspec.Struct, frozen=True):
    """A buyer's message to one supplier. `answers`: the text of the questions that the message answers.

    `private`: nobody else needs it, for it is confidential, follows something confidential of this supplier's, or
    answers questions that are confidential or were answered to all as well.
    """

    answers: str | None
    private: bool


class ExchangeQuestions(msgspec.Struct, frozen=True):
    """The questions of an exchange, in order, and the buyer's messages to a single supplier, by message id."""

    asked: tuple[Question, ...]
    replies: dict[UUID, MessageToOne]


def questions_of(exchange: Exchange) -> ExchangeQuestions:
    """The questions of an exchange, and the buyer's messages to a single supplier with the questions they answer."""
    recipients = [each.supplier_id for each in exchange.recipients]
    chains, published, answered, replies = _questions_and_replies(exchange.messages, recipients)
    questions = tuple(
        Question(
            message_id=message_id,
            supplier_id=versions[0].supplier_id,
            text=versions[-1].body,
            asked_at=versions[0].created_at,
            confidential=is_confidential(versions),
            published=message_id in published,
            answered=message_id in published or message_id in answered,
        )
        for message_id, versions in _question_versions(chains)
        if versions[0].supplier_id is not None
    )
    return ExchangeQuestions(questions, replies)


def open_questions(messages: Iterable[Message], recipients: Sequence[UUID]) -> list[UUID]:
    """The ids of an exchange's unanswered questions, each that of its first version; messages may lack their texts."""
    chains, published, answered, _ = _questions_and_replies(tuple(messages), recipients)
    return [message_id for message_id, _ in _question_versions(chains) if message_id not in published | answered]


def _question_versions(chains: Chains) -> Iterator[tuple[UUID, Sequence[Message]]]:
    """The id of the first version, and all versions, of each question among the messages."""
    firsts = ((message_id, versions) for message_id, versions in chains.items() if message_id == versions[0].id)
    return ((message_id, versions) for message_id, versions in firsts if is_question(versions))


def _questions_and_replies(
    messages: Sequence[Message], recipients: Sequence[UUID]
) -> tuple[Chains, set[UUID], set[UUID], dict[UUID, MessageToOne]]:
    """Versions of suppliers' messages; ids of published, and of answered, questions; buyer's messages to one supplier.

    A message to one supplier that does not say what it answers answers its questions since the last such message, else
    what that one answered; one to all, the confidential ones, which cannot be published.
    """
    chains = correction_chains(each for each in messages if each.author == "supplier")
    published = {chains[each.publishes][0].id for each in messages if each.publishes in chains}
    answered: set[UUID] = set()
    replies: dict[UUID, MessageToOne] = {}
    pending: dict[UUID, UUID | None] = {}
    last_answers: dict[UUID, list[UUID]] = {}
    told_in_confidence: dict[UUID | None, bool] = {}
    for message in messages:
        if message.author == "supplier":
            versions = chains[message.id]
            told_in_confidence[message.supplier_id] = is_confidential(versions)
            if message is versions[0] and is_question(versions):
                pending[message.id] = message.supplier_id
        elif message.publishes is not None:
            for version in chains.get(message.publishes, ()):
                pending.pop(version.id, None)
        elif message.corrects is None:
            to = sole_receiver(recipients, message.supplier_id)
            if message.answers is not None:
                taken = [chains[each][0].id for each in message.answers if each in chains]
            else:
                open_to = (asker == to if to else is_confidential(chains[each]) for each, asker in pending.items())
                taken = list(compress(pending, open_to))
            answered.update(taken)
            pending = {each: asker for each, asker in pending.items() if each not in taken}
            if to is not None:
                answers = [each for each in taken if not is_confidential(chains[each])]
                in_confidence = not answers and (bool(message.answers) or told_in_confidence.get(to, False))
                if message.answers is None and not answers and not in_confidence:
                    answers = last_answers.get(to, [])
                last_answers[to] = answers
                private = in_confidence or message.confidential or (bool(answers) and published.issuperset(answers))
                replies[message.id] = MessageToOne(
                    "\n".join(chains[each][-1].body for each in answers) or None, private
                )
    return chains, published, answered, replies


def sole_receiver(recipients: Sequence[UUID], supplier_id: UUID | None) -> UUID | None:
    """The supplier that a buyer's message goes to: the one it names, or the only recipient; None if several get it."""
    return recipients[0] if len(recipients) == 1 else supplier_id


def is_question(versions: Sequence[Message]) -> bool:
    """Whether a supplier's message, with its corrections, is a question: the last stance that one of them states."""
    stances = [each.stance for each in versions if each.stance is not None]
    return bool(stances) and stances[-1] == "question"


def is_confidential(versions: Sequence[Message]) -> bool:
    """Whether any version of a message is for the buyer alone."""
    return any(each.confidential for each in versions)


_NAMED = (
    r"(?i:date|jour|heures?|lieu|(?:pr[ée])?nom|adresse|t[ée]l[ée]phone|day|hours?|place|name|xx+|votre|vos|your"
    r"|[àa]\s+(?:compl[ée]ter|pr[ée]ciser|d[ée]finir|remplir|indiquer|renseigner))\b"
)
_PLACEHOLDER = re.compile(rf"\[(?!sic\])(?:{_NAMED}[^\[\]\n…]{{0,60}}|[a-zà-öø-ÿœ][^\[\]\n…]{{1,60}})\](?!\()")


def placeholders_in(text: str) -> list[str]:
    """The parts of a text that are still to be filled in, each once, with their brackets: “[date]”."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text)))


def placeholder_problems(texts: Mapping[str, str]) -> Iterator[Problem]:
    """A problem (`placeholder_left`) for each field whose text has a part still to be filled in; `texts`: by field."""
    for field, text in texts.items():
        if found := placeholders_in(text):
            yield Problem(pointer(field), "placeholder_left", _SAID["placeholder_left"].filled(left=", ".join(found)))


MARK = "[…]"
"""The sign that stands for what is left out of a text."""
_SIREN_DIGITS = 9
_WORD = re.compile(r"[^\W_]+")

Span = tuple[int, int]


def folded_words_with_spans(text: str) -> list[tuple[str, Span]]:
    """The words of a text, folded, each with its start and end in the text."""
    return [(fold(found.group()), found.span()) for found in _WORD.finditer(text)]


def replace_by_marks(text: str, spans: Iterable[Span]) -> str:
    """The text with "[…]" in the place of these spans, a single mark where spans overlap."""
    parts, end = list[str](), 0
    for first, last in sorted(spans):
        if first >= end:
            parts += [text[end:first], MARK]
        end = max(end, last)
    return "".join((*parts, text[end:]))


def identifying_text(asker: Recipient, text: str) -> str | None:
    """The first name, e-mail address, SIREN or SIRET of the asker in the text, as written there; None without any.

    A name of one word counts only as it is written, capitals and all: not "Envie" in "si vous avez envie".
    """
    text = unicodedata.normalize("NFC", text)
    found: list[Span] = []
    for span in _identifying_spans(asker, text):
        said = text[slice(*span)]
        alike = [name.strip() for name in _author_names(asker) if fold(name) == fold(said)]
        if not alike or said in alike or len(fold(said).split()) != 1:
            found.append(span)
    return text[slice(*min(found))] if found else None


def redact_author(asker: Recipient, text: str) -> str:
    """The text with "[…]" in the place of all that identifies the asker, a one-word name even without capitals."""
    text = unicodedata.normalize("NFC", text)
    return replace_by_marks(text, _identifying_spans(asker, text))


def _identifying_spans(asker: Recipient, text: str) -> Iterator[Span]:
    """The spans of the text that hold an address, a number or a name of the asker."""
    if asker.email:
        yield from (found.span() for found in re.finditer(re.escape(asker.email), text, re.IGNORECASE))
    if asker.siret:
        siren, rest = asker.siret[:_SIREN_DIGITS], asker.siret[_SIREN_DIGITS:]
        number = r"\s*".join(siren) + r"(?:\s*" + r"\s*".join(rest) + ")?"
        yield from (found.span() for found in re.finditer(number, text))
    words = folded_words_with_spans(text)
    for name in _author_names(asker):
        sought = fold(name).split()
        for start in range(len(words) - len(sought) + 1) if sought else ():
            if [word for word, _ in words[start : start + len(sought)]] == sought:
                yield words[start][1][0], words[start + len(sought) - 1][1][1]


def _author_names(asker: Recipient) -> tuple[str, str]:
    """The registered name of the asker, and that name without what stands in brackets at its end."""
    return asker.name, asker.name.partition("(")[0]


NO_MESSAGE = Text("Aucun message de cet identifiant dans cet échange", "No message with this id in this exchange")
NO_RECIPIENT = _SAID["no_recipient"]


def contact_problems(reply_by: date | None, contact: NamedContact | None, today: date) -> Iterator[Problem]:
    """The problems of the day by which an answer is asked for, and of whom to ask, each with its JSON pointer."""
    if reply_by is not None and reply_by < today:
        yield Problem(pointer("reply_by"), "past", _SAID["past"])
    if contact is None:
        return
    for name in ("name", "email", "phone"):
        value: str | None = getattr(contact, name)
        if value is not None and not is_one_line(value):
            yield control_character_problem(pointer("contact", name))
    if not (contact.email or contact.phone):
        yield Problem(pointer("contact"), "no_way_to_reach", _SAID["unreachable"])
    user, _, host = (contact.email or "").strip().rpartition("@")
    if contact.email and not (user and host and " " not in user + host):
        yield Problem(pointer("contact", "email"), "invalid_email", _SAID["no_email"])


def require_opening(request: ExchangeRequest, today: date) -> None:
    """Raises InvalidContent where the subject is not one line, it or the text has a part still to be filled in, or the
    day for answers or the contact is none."""
    problems = [] if is_one_line(request.subject) else [control_character_problem(pointer("subject"))]
    problems += placeholder_problems({"subject": request.subject, "body": request.body})
    require_no_problem([*problems, *contact_problems(request.reply_by, request.contact, today)])


def require_message(exchange: Exchange, new: MessageRequest) -> None:
    """Raises InvalidContent, with all that is wrong, where the message cannot be added to the exchange.

    An answer goes to who asked, or to all where the question is confidential.
    """
    recipients, is_buyers = [each.supplier_id for each in exchange.recipients], new.author == "buyer"
    corrected = next((message for message in exchange.messages if message.id == new.corrects), None)
    cannot_answer = new.answers is not None and (not is_buyers or new.corrects is not None)
    is_other = corrected is not None and audience(corrected) != (new.author, new.supplier_id)
    faults = (
        (new.supplier_id is None and not is_buyers, "supplier_id", "missing_field", _SAID["supplier_unnamed"]),
        (new.supplier_id not in {None, *recipients}, "supplier_id", "unknown_recipient", NO_RECIPIENT),
        (is_buyers and new.stance is not None, "stance", "not_for_a_buyer", _SAID["of_suppliers_alone"]),
        (is_buyers and bool(new.barriers), "barriers", "not_for_a_buyer", _SAID["of_suppliers_alone"]),
        (
            is_buyers and new.confidential and new.supplier_id is None,
            "confidential",
            "not_for_all",
            _SAID["not_for_all"],
        ),
        (
            new.barriers_note is not None and "other" not in new.barriers,
            "barriers_note",
            "without_other",
            _SAID["with_other"],
        ),
        (new.corrects is not None and corrected is None, "corrects", "unknown_message", NO_MESSAGE),
        (is_other, "corrects", "other_audience", _SAID["other_audience"]),
        (cannot_answer, "answers", "not_for_this_message", _SAID["with_a_new_message"]),
    )
    problems = [Problem(pointer(field), code, detail) for is_wrong, field, code, detail in faults if is_wrong]
    chains, to = correction_chains(exchange.messages), sole_receiver(recipients, new.supplier_id)
    for position, question in enumerate(() if cannot_answer else new.answers or ()):
        versions = chains.get(question, ())
        if not versions or not is_question(versions):
            problems.append(Problem(pointer("answers", position), "not_a_question", _SAID["no_question"]))
        elif to != versions[0].supplier_id and not (to is None and is_confidential(versions)):
            problems.append(Problem(pointer("answers", position), "other_audience", _SAID["not_to_who_asked"]))
    problems += placeholder_problems({"body": new.body}) if is_buyers else ()
    require_no_problem(problems)


def published_question(exchange: Exchange, message_id: UUID, publication: PublicationRequest) -> str:
    """The words in which a question is published: those the buyer gives, else the question's own as last corrected.

    In its own words, "[…]" stands for everything that identifies its author.
    Raises NotFound where the exchange has no such message; Conflict where it is no supplier's question
    (`not_a_question`), is confidential (`confidential_question`) or was shared before (`already_published`), in this or
    another version; InvalidContent (`names_the_asker`) where the buyer's words identify the author, or
    (`placeholder_left`) are not filled in.
    """
    message = require_found(next((each for each in exchange.messages if each.id == message_id), None), NO_MESSAGE)
    if message.author != "supplier" or message.stance != "question":
        raise Conflict("not_a_question", _SAID["not_a_question"])
    versions = correction_chains(exchange.messages)[message_id]
    if is_confidential(versions):
        raise Conflict("confidential_question", _SAID["confidential_question"])
    if any(each.publishes in {version.id for version in versions} for each in exchange.messages):
        raise Conflict("already_published", _SAID["already_published"])
    asker = next(each for each in exchange.recipients if each.supplier_id == message.supplier_id)
    question = publication.question or redact_author(asker, versions[-1].body)
    problems = list(placeholder_problems({"answer": publication.answer}))
    for field, text in (("answer", publication.answer), ("question", question)):
        if sign := identifying_text(asker, text):
            detail = _SAID["names_the_asker"].filled(sign=sign, field=field)
            problems.insert(0, Problem(pointer(field), "names_the_asker", detail))
    require_no_problem(problems)
    return question
