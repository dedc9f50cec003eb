"""Which messages may be added to an exchange, and how a question is published without naming its author."""

from collections.abc import Iterator
from uuid import UUID

from domain.errors import Conflict, InvalidContent, NotFound, Problem, control_character_problem, pointer
from domain.exchanges.anonymise import identifying_text, redacted
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
from domain.exchanges.placeholders import placeholder_problems
from domain.exchanges.questions import is_confidential, is_question, sole_receiver
from domain.text.bilingual import Text
from domain.text.one_line import is_one_line

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
