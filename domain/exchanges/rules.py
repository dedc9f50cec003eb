"""Which messages may be added to an exchange, and how a question is published without naming its author.

Text that identifies the supplier who asks is detected and redacted. Parts of a text in square brackets that its author
has still to fill in are found, as in our templates: “[date]”, “[lieu]”; what stands for words left out (“[…]”), a note
(“[1]”, “[sic]”), a link or a mark (“[URGENT]”) is none.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from uuid import UUID

from domain.errors import Conflict, InvalidContent, NotFound, Problem, control_character_problem, pointer
from domain.exchanges.exchange import (
    Exchange,
    ExchangeRequest,
    Message,
    MessageRequest,
    PublicationRequest,
    Recipient,
    audience,
    correction_chains,
)
from domain.exchanges.questions import is_confidential, is_question, sole_receiver
from domain.text.bilingual import Text
from domain.text.normalise import fold
from domain.text.typography import is_one_line

_NAMED = (
    r"(?i:date|jour|heures?|lieu|(?:pr[ée])?nom|adresse|t[ée]l[ée]phone|day|hours?|place|name|xx+|votre|vos|your"
    r"|[àa]\s+(?:compl[ée]ter|pr[ée]ciser|d[ée]finir|remplir|indiquer|renseigner))\b"
)
_PLACEHOLDER = re.compile(rf"\[(?!sic\])(?:{_NAMED}[^\[\]\n…]{{0,60}}|[a-zà-öø-ÿœ][^\[\]\n…]{{1,60}})\](?!\()")


def placeholders_in(text: str) -> list[str]:
    """The placeholders of a text, each once, with their brackets."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text)))


def placeholder_problems(texts: Mapping[str, str]) -> Iterator[Problem]:
    """A problem (`placeholder_left`) for each of these fields whose text is not filled in."""
    for field, text in texts.items():
        if found := placeholders_in(text):
            left = ", ".join(found)
            detail = Text(
                f"Il reste à remplir : {left}. Remplacez chaque crochet par ce qu'il annonce, ou supprimez-le",
                f"Still to be filled in: {left}. Put in the place of each bracket what it announces, or delete it",
            )
            yield Problem(pointer(field), "placeholder_left", detail)


LEFT_OUT = "[…]"
_SIREN_DIGITS = 9
_WORD = re.compile(r"[^\W_]+")

Span = tuple[int, int]


def identifying_text(asker: Recipient, text: str) -> str | None:
    """The first name, e-mail address, SIREN or SIRET of the asker in the text, as written there; None without any.

    A name of one word counts only as it is written, capitals and all: not "Envie" in "si vous avez envie".
    """
    text = unicodedata.normalize("NFC", text)
    spans = [span for span in _identifying_spans(asker, text) if not _is_common_word(asker, text[slice(*span)])]
    return text[slice(*min(spans))] if spans else None


def redacted(asker: Recipient, text: str) -> str:
    """The text with "[…]" in the place of all that identifies the asker, a name of one word also in other letters."""
    text = unicodedata.normalize("NFC", text)
    parts, end = [], 0
    for first, last in sorted(_identifying_spans(asker, text)):
        if first >= end:
            parts += [text[end:first], LEFT_OUT]
        end = max(end, last)
    return "".join((*parts, text[end:]))


def _identifying_spans(asker: Recipient, text: str) -> Iterator[Span]:
    if asker.email:
        yield from (found.span() for found in re.finditer(re.escape(asker.email), text, re.IGNORECASE))
    if asker.siret:
        siren, rest = asker.siret[:_SIREN_DIGITS], asker.siret[_SIREN_DIGITS:]
        number = r"\s*".join(siren) + r"(?:\s*" + r"\s*".join(rest) + ")?"
        yield from (found.span() for found in re.finditer(number, text))
    words = [(fold(found.group()), found.span()) for found in _WORD.finditer(text)]
    for name in _names(asker):
        sought = fold(name).split()
        for place in range(len(words) - len(sought) + 1) if sought else ():
            if [word for word, _ in words[place : place + len(sought)]] == sought:
                yield words[place][1][0], words[place + len(sought) - 1][1][1]


def _names(asker: Recipient) -> tuple[str, str]:
    """The registered name, and the same without the brackets at its end."""
    return asker.name, asker.name.partition("(")[0]


def _is_common_word(asker: Recipient, found: str) -> bool:
    alike = [name.strip() for name in _names(asker) if fold(name) == fold(found)]
    return len(fold(found).split()) == 1 and bool(alike) and found not in alike


NO_MESSAGE = Text("Aucun message de cet identifiant dans cet échange", "No message with this id in this exchange")

NO_QUESTION = Text("Aucune question de cet identifiant dans cet échange", "No question with this id in this exchange")
NOT_TO_WHO_ASKED = Text(
    "La réponse va à qui a posé la question ; pour répondre à tous, publiez la question",
    "The answer goes to who asked; to answer to all, publish the question",
)


def require_opening(request: ExchangeRequest) -> None:
    """Raises InvalidContent, with all that is wrong, where the words of an exchange cannot be sent."""
    problems = [] if is_one_line(request.subject) else [control_character_problem(pointer("subject"))]
    if problems := [*problems, *placeholder_problems({"subject": request.subject, "body": request.body})]:
        raise InvalidContent(tuple(problems))


def require_message(exchange: Exchange, new: MessageRequest) -> None:
    """Raises InvalidContent, with all that is wrong, where the message cannot be added to the exchange."""
    if problems := (
        *_wrong_recipient(exchange, new),
        *_wrong_fields(new),
        *_wrong_correction(exchange, new),
        *_wrong_answer(exchange, new),
        *(placeholder_problems({"body": new.body}) if new.author == "buyer" else ()),
    ):
        raise InvalidContent(problems)


def published_question(exchange: Exchange, message_id: UUID, publication: PublicationRequest) -> str:
    """The words in which a question is shared with all: those given, else its own as last corrected.

    In its own words, "[…]" stands for everything that identifies its author.

    Raises NotFound where the exchange has no such message; Conflict where it is no supplier's question
    (`not_a_question`), is confidential (`confidential_question`) or was shared before (`already_published`), in this or
    another version; InvalidContent (`names_the_asker`) where the buyer's words identify the author, or
    (`placeholder_left`) are not filled in.
    """
    message = next((message for message in exchange.messages if message.id == message_id), None)
    if message is None:
        raise NotFound(NO_MESSAGE)
    if message.author != "supplier" or message.stance != "question":
        raise Conflict(
            "not_a_question",
            Text("Ce message n'est pas une question d'un fournisseur", "This message is not a supplier's question"),
        )
    versions = correction_chains(exchange.messages)[message_id]
    _require_publishable(exchange, versions)
    asker = next(each for each in exchange.recipients if each.supplier_id == message.supplier_id)
    question = publication.question or redacted(asker, versions[-1].body)
    identifying = _identifying(asker, {"question": question, "answer": publication.answer})
    if problems := (*identifying, *placeholder_problems({"answer": publication.answer})):
        raise InvalidContent(problems)
    return question


def _require_publishable(exchange: Exchange, versions: tuple[Message, ...]) -> None:
    if any(version.confidential for version in versions):
        raise Conflict(
            "confidential_question",
            Text(
                "Cette question est confidentielle : elle ne se publie pas. Une information utile à tous s'envoie "
                "comme un message à tous, dans vos propres termes",
                "This question is confidential: it is not published. What all should know is sent as a message to all, "
                "in your own words",
            ),
        )
    ids = {version.id for version in versions}
    if any(message.publishes in ids for message in exchange.messages):
        raise Conflict(
            "already_published",
            Text(
                "Cette question est déjà publiée ; une réponse se corrige par un message à tous",
                "This question is already published; an answer is corrected by a message to all",
            ),
        )


def _wrong_recipient(exchange: Exchange, new: MessageRequest) -> Iterator[Problem]:
    if new.supplier_id is None:
        if new.author == "supplier":
            detail = Text("Le fournisseur qui parle est à nommer", "The supplier who says it must be named")
            yield Problem("/supplier_id", "missing_field", detail)
    elif all(new.supplier_id != recipient.supplier_id for recipient in exchange.recipients):
        detail = Text(
            "Ce fournisseur n'est pas destinataire de cet échange", "This supplier is no recipient of this exchange"
        )
        yield Problem("/supplier_id", "unknown_recipient", detail)


def _wrong_fields(new: MessageRequest) -> Iterator[Problem]:
    if new.author == "buyer":
        detail = Text("Seul un message d'un fournisseur en a", "Only a supplier's message has this")
        if new.stance is not None:
            yield Problem("/stance", "not_for_a_buyer", detail)
        if new.barriers:
            yield Problem("/barriers", "not_for_a_buyer", detail)
        if new.confidential and new.supplier_id is None:
            everybody = Text("Un message à tous n'est pas confidentiel", "A message to all is not confidential")
            yield Problem("/confidential", "not_for_all", everybody)
    if new.barriers_note is not None and "other" not in new.barriers:
        note = Text("Se donne avec le frein « other »", "Goes with the barrier “other”")
        yield Problem("/barriers_note", "without_other", note)


def _wrong_correction(exchange: Exchange, new: MessageRequest) -> Iterator[Problem]:
    if new.corrects is None:
        return
    corrected = next((message for message in exchange.messages if message.id == new.corrects), None)
    if corrected is None:
        yield Problem("/corrects", "unknown_message", NO_MESSAGE)
    elif audience(corrected) != (new.author, new.supplier_id):
        other = Text(
            "Une correction a le même auteur et les mêmes destinataires que ce qu'elle corrige",
            "A correction has the same author and the same recipients as what it corrects",
        )
        yield Problem("/corrects", "other_audience", other)


def _wrong_answer(exchange: Exchange, new: MessageRequest) -> Iterator[Problem]:
    """An answer to a question goes to its author; to all, the question is published, unless it is confidential."""
    if new.answers is None:
        return
    if new.author == "supplier" or new.corrects is not None:
        detail = Text(
            "Se donne avec un nouveau message de l'acheteur", "Goes with a message of the buyer's that corrects none"
        )
        yield Problem("/answers", "not_for_this_message", detail)
        return
    chains = correction_chains(exchange.messages)
    to = sole_receiver([each.supplier_id for each in exchange.recipients], new.supplier_id)
    for position, question in enumerate(new.answers):
        versions = chains.get(question, ())
        if not versions or not is_question(versions):
            yield Problem(f"/answers/{position}", "not_a_question", NO_QUESTION)
        elif to != versions[0].supplier_id and not (to is None and is_confidential(versions)):
            yield Problem(f"/answers/{position}", "other_audience", NOT_TO_WHO_ASKED)


def _identifying(asker: Recipient, texts: dict[str, str]) -> Iterator[Problem]:
    for field, text in texts.items():
        if sign := identifying_text(asker, text):
            detail = Text(
                f"Ce texte contient « {sign} », qui dit qui a posé la question : à reformuler dans « {field} »",
                f"This text has “{sign}”, which tells who asked: word it otherwise in “{field}”",
            )
            yield Problem(f"/{field}", "names_the_asker", detail)
