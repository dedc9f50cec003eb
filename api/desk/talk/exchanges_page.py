"""The pages of the exchanges about a need: what was answered, unread first; each exchange read and added to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response

from api.declarations.link_pages import last_day
from api.desk.frame import form as forms
from api.desk.frame.form import Field, Mistake
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import SENT_FIELD, FormOutcome, Visit, acting_at, id_in, submission_name, write_once
from api.exchanges.open_exchange import preview_message
from api.exchanges.own_exchange import (
    NO_EXCHANGE,
    ExchangeToRead,
    exchanges_to_read,
    letter_of,
    own_exchange,
    read_exchange,
)
from api.exchanges.reply_links import create_links, revoke_link
from api.exchanges.write_message import confirm_delivery, publish_answer, write_message
from api.needs.freeze_shortlist import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection, transaction
from db.exchanges.reply_links import select_link_expiries
from domain.errors import InvalidContent, NotFound
from domain.exchanges.deliveries import ARRIVED, LOST, UP_TO_THE_BUYER, arrivals, by_recipient, decisive_delivery, rank
from domain.exchanges.exchange import (
    Delivery,
    DeliveryConfirmation,
    DeliveryState,
    MessageRequest,
    PublicationRequest,
    Way,
)
from domain.exchanges.letter import require_sender
from domain.exchanges.rules import NO_MESSAGE, NO_RECIPIENT, redact_author
from domain.needs.status import MOVES, NO_NEED, OPEN
from domain.text.bilingual import PARIS

MEANS = ("email", "phone", "letter", "in_person")


class MessageForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a buyer's message. `answers`: the question that it answers."""

    body: Annotated[str, Field("texte", "body", forms.required(forms.WORDS, SAID["no_text"]))] = ""
    to: Annotated[str, Field("a", "supplier_id", forms.WORDS)] = ""
    confidential: Annotated[str, Field("confidentiel", "confidential", forms.TICKED)] = ""
    channel: Annotated[str, Field("moyen", "channel", forms.WORDS)] = ""
    corrects: Annotated[str, Field("corrige", "corrects", forms.WORDS, at="texte")] = ""
    answers: Annotated[str, Field("repond", "answers", at="texte")] = ""


class NotedAnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of an answer that a supplier gave in another way, such as by telephone, noted by the buyer."""

    body: Annotated[str, Field("dit", "body", forms.required(forms.WORDS, SAID["no_text"]))] = ""
    supplier: Annotated[str, Field("de", "supplier_id", forms.WORDS)] = ""
    stance: Annotated[str, Field("position", "stance", forms.WORDS)] = ""
    barriers: Annotated[tuple[str, ...], Field("frein", "barriers", at="dit")] = ()
    note: Annotated[str, Field("precision", "barriers_note", forms.WORDS)] = ""
    confidential: Annotated[str, Field("confidence", "confidential", forms.TICKED, at="dit")] = ""
    channel: Annotated[str, Field("recu", "channel", forms.WORDS, at="dit")] = ""
    corrects: Annotated[str, Field("rectifie", "corrects", forms.WORDS, at="dit")] = ""


class PublicationForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a question and its answer, to be published; their names end with the question's id."""

    answer: Annotated[str, Field("reponse", "answer", forms.required(forms.WORDS, SAID["no_text"]))] = ""
    question: Annotated[str, Field("question", "question", forms.WORDS)] = ""


class ConfirmationForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields that confirm the handover of a message; their names end with the message's id."""

    recipients: Annotated[
        tuple[str, ...], Field("pour", "recipients", forms.required(forms.SEVERAL, SAID["nobody_ticked"]))
    ] = ()
    on: Annotated[str, Field("jour", "on", forms.WORDS)] = ""


FORMS: dict[str, type[msgspec.Struct]] = {
    "reponse": NotedAnswerForm,
    "publier": PublicationForm,
    "remis": ConfirmationForm,
}
"""By the button; of the others it is a message of the buyer's."""


@page("GET", "/besoins/{id}/echanges", scope="needs")
async def list_exchanges(visit: Visit, id: str) -> Response[bytes]:
    """The exchanges about a need: what is to be read and answered, then all of them."""
    async with transaction(visit.services.database) as connection:
        organisation = visit.organisation_id
        need, found = await exchanges_to_read(connection, organisation, id_in(id, NO_NEED))
    return visit.page(
        "talk/exchanges.html",
        need=need,
        is_open=need.status in OPEN,
        found=found,
        names={who.supplier_id: who.name for each in found for who in each.exchange.recipients},
        open_questions=[(each, one) for each in found for one in each.questions.asked if not one.answered],
        tally=[_count_by_way_and_state(arrivals(each.exchange)) for each in found],
    )


@page("POST", "/besoins/{id}/echanges/{exchange_id}", scope="needs")
async def add_to_exchange(visit: Visit, id: str, exchange_id: str) -> Response[bytes]:
    """Do what a button of the page asks for and redirect to the exchange; the page again where it has mistakes."""
    act, _, argument = visit.text("faire").partition("-")
    if act == "modifier":
        return await _exchange_page(visit, id, exchange_id)
    need_id, exchange = id_in(id, NO_NEED), id_in(exchange_id, NO_EXCHANGE)
    path = f"/besoins/{need_id}/echanges/{exchange}"
    pattern = f"{forms.NAME}-{argument}" if act in {"publier", "remis"} else forms.NAME

    async def act_on_exchange(connection: Connection, acting: Acting) -> FormOutcome:
        need = await own_need(connection, acting.organisation_id, need_id)
        if act in {"lien", "lettres"}:
            if act == "lien":
                wanted: Sequence[UUID] = [id_in(argument, NO_RECIPIENT)]
            else:
                own = await own_exchange(connection, acting.organisation_id, exchange)
                wanted = (await read_exchange(connection, acting, own)).to_be_brought
            links = await create_links(connection, acting, exchange, wanted)
            return FormOutcome(f"{path}/lien?{SENT_FIELD}={submission_name(visit)}", msgspec.json.encode(links))
        if act == "retirer":
            await revoke_link(connection, acting, exchange, id_in(argument, NO_RECIPIENT))
            return FormOutcome(f"{path}#destinataires")
        if act == "remis":
            brought = forms.read_form(ConfirmationForm, visit.fields, pattern)
            confirmation = forms.request_of_form(brought, DeliveryConfirmation, pattern, way=visit.text("voie"))
            await confirm_delivery(connection, acting, exchange, id_in(argument, NO_MESSAGE), confirmation)
            return FormOutcome(f"{path}?remis=1#m-{argument}")
        if act != "reponse":
            require_sender(need.content, acting.organisation)
        if act == "publier":
            request = forms.request_of_form(
                forms.read_form(PublicationForm, visit.fields, pattern), PublicationRequest, pattern
            )
            message = await publish_answer(connection, acting, exchange, id_in(argument, NO_MESSAGE), request)
        else:
            message = await write_message(connection, acting, exchange, _read_message(visit, act))
        return FormOutcome(f"{path}?ecrit={message.id}#m-{message.id}")

    try:
        return await (_preview_page(visit, id, exchange) if act == "relire" else write_once(visit, act_on_exchange))
    except InvalidContent as wrong:
        mistakes = forms.field_mistakes(wrong, FORMS.get(act, MessageForm), pattern)
        return await _exchange_page(visit, id, exchange_id, mistakes)


async def _preview_page(visit: Visit, id_: str, exchange_id: UUID) -> Response[bytes]:
    """The page on which a message is read again before it is sent. Raises InvalidContent."""
    acting, request = acting_at(visit), _read_message(visit, "message")
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, acting.organisation_id, id_in(id_, NO_NEED))
        require_sender(need.content, acting.organisation)
        preview = await preview_message(connection, acting, exchange_id, request)
    return visit.page(
        "talk/exchange_preview.html",
        need=need,
        preview=preview,
        path=f"besoins/{need.id}/echanges/{exchange_id}",
        fields=[(name, text) for name, text in visit.typed_fields() if name != "faire"],
        is_new=False,
    )


def _read_message(visit: Visit, act: str) -> MessageRequest:
    """The message in the form: where `act` is `reponse` a supplier's, as the buyer noted it, else the buyer's own.

    Raises InvalidContent.
    """
    if act == "reponse":
        noted = forms.read_form(NotedAnswerForm, visit.fields)
        barriers = dict.fromkeys((*noted.barriers, *(["other"] if noted.note else [])))
        return forms.request_of_form(noted, MessageRequest, author="supplier", barriers=list(barriers))
    form = forms.read_form(MessageForm, visit.fields)
    # a correction says nothing of the question that is answered; none is an empty list
    answers = None if form.corrects else [form.answers] if form.answers else []
    return forms.request_of_form(form, MessageRequest, author="buyer", answers=answers)


async def _exchange_page(visit: Visit, id: str, exchange_id: str, mistakes: Sequence[Mistake] = ()) -> Response[bytes]:
    """The page of an exchange: messages, questions, recipients; all its messages are marked as read."""
    acting, need_id = acting_at(visit), id_in(id, NO_NEED)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, acting.organisation_id, need_id)
        exchange = await own_exchange(connection, acting.organisation_id, id_in(exchange_id, NO_EXCHANGE))
        if exchange.need_id != need_id:
            raise NotFound(NO_EXCHANGE)
        expiries = await select_link_expiries(connection, exchange.id, visit.services.now())
        read = await read_exchange(connection, acting, exchange)
    named = next((each for each in exchange.messages if str(each.id) == visit.text("partager")), None)
    return visit.page(
        "talk/exchange.html",
        need=need,
        is_open=need.status in OPEN,
        exchange=exchange,
        last_days={each: last_day(at) for each, at in expiries.items()},
        mistakes=mistakes,
        answering=next((each for each in read.questions.asked if str(each.message_id) == visit.text("repond")), None),
        to_be_brought=len(read.to_be_brought),
        # the question that the message named in the address answers, or that message itself
        sharing=(named.answers or (named.id,))[0] if named else None,
        **_exchange_details(read),
        can_confirm=bool(MOVES[need.status]),
        today=visit.services.now().astimezone(PARIS).date(),
        means=MEANS,
    )


show_exchange = page("GET", "/besoins/{id}/echanges/{exchange_id}", scope="needs")(_exchange_page)


def _exchange_details(read: ExchangeToRead) -> dict[str, Any]:
    """The values that the template of an exchange reads: names, deliveries and questions, by message or supplier."""
    exchange = read.exchange
    recipients = {each.supplier_id: each for each in exchange.recipients}
    deliveries, of_message = arrivals(exchange), defaultdict[UUID, list[Delivery]](list)
    for delivery in deliveries:
        of_message[delivery.message_id].append(delivery)
    of_recipient = by_recipient(deliveries)
    questions = {each.message_id: each for each in read.questions.asked}
    return {
        "names": {supplier_id: each.name for supplier_id, each in recipients.items()},
        "tallies": {each: _count_by_way_and_state(some) for each, some in of_message.items()},
        "to_confirm": {
            each: [one for one in some if one.state in UP_TO_THE_BUYER | LOST] for each, some in of_message.items()
        },
        "contacts": {each: decisive_delivery(some) for each, some in of_recipient.items()},
        "not_arrived": {each: [one for one in some if one.state not in ARRIVED] for each, some in of_recipient.items()},
        "unread": {each.id for each in read.unread},
        "answered_by": read.answered_by,
        "questions": questions,
        "shared_words": {
            each.message_id: redact_author(recipients[each.supplier_id], each.text) for each in questions.values()
        },
        "corrected": {each.corrects for each in exchange.messages if each.corrects},
        "by_id": {each.id: each for each in exchange.messages},
        "bodies": {str(each.id): each.body for each in exchange.messages},
    }


def _count_by_way_and_state(deliveries: Iterable[Delivery]) -> Counter[tuple[Way, DeliveryState]]:
    """The number of deliveries by way (e-mail, letter…) and state; the states in order, from arrived to lost."""
    return Counter((each.way, each.state) for each in sorted(deliveries, key=lambda each: rank(each.state)))


@page("GET", "/besoins/{id}/echanges/{exchange_id}/messages/{message_id}", scope="needs")
async def show_letter(visit: Visit, id: str, exchange_id: str, message_id: str) -> Response[bytes]:
    """A message as a letter to print, with the recipients to whom the buyer brings it."""
    acting = acting_at(visit)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, acting.organisation_id, id_in(id, NO_NEED))
        exchange = await own_exchange(connection, acting.organisation_id, id_in(exchange_id, NO_EXCHANGE))
        message = id_in(message_id, NO_MESSAGE)
        letter = await letter_of(connection, acting, exchange.id, message)
    to = [
        each
        for each in exchange.recipients
        for delivery in exchange.deliveries
        if (delivery.message_id, delivery.supplier_id) == (message, each.supplier_id)
        and delivery.state in UP_TO_THE_BUYER | LOST
    ]
    return visit.page("talk/letter.html", need=need, exchange=exchange, letter=letter, to=to)
