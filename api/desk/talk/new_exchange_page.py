"""The page on which suppliers are written to: to whom, by which means, in which words; read again before it is sent."""

from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame.mistakes import Mistake
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import SENT_FIELD, Done, acting_at, document_of, id_in, sent_as, written_once
from api.desk.talk.exchange_form import (
    NOBODY_LISTED,
    TOLD_TERMS,
    ExchangeForm,
    choices_of,
    form_in,
    found_in_directory,
    mistakes_in,
    request_of,
)
from api.desk.talk.letter_templates import TEMPLATES, filled_in
from api.exchanges.buyer_view import CreatedExchange, CreatedReplyLink, RecipientLetter
from api.exchanges.open_exchange import open_exchange
from api.exchanges.own_exchange import NO_EXCHANGE, own_exchange
from api.exchanges.preview_exchange import Preview, preview_exchange
from api.exchanges.reply_links import reveal_tokens
from api.meetings.plan_meeting import NO_MEETING, own_meeting
from api.needs.own_need import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import select_exchanges
from db.needs.shortlists import select_shortlist
from db.suppliers.read import living_suppliers
from domain.decoding.stored import read_stored
from domain.errors import Conflict, InvalidContent
from domain.exchanges.exchange import ExchangeRequest
from domain.exchanges.letter import require_sender, sender_name, told_terms
from domain.meetings.meeting import Meeting
from domain.needs.status import NO_NEED, StoredNeed, require_open

MOST_OPENED = 5
"""As many exchanges as the form names that were opened before."""
MEANS = ("email", "letter", "phone", "in_person")


@page("GET", "/besoins/{id}/echanges/nouveau", scope="needs")
async def show_new_exchange(visit: Visit, id: str) -> Response[bytes]:  # noqa: A002 - as the path names it
    """The form of a new exchange: empty, or with the suppliers, the meeting and the template that the query names."""
    return await new_exchange_form(visit, id, form_in(visit))


@page("POST", "/besoins/{id}/echanges/nouveau", scope="needs")
async def change_new_exchange(visit: Visit, id: str) -> Response[bytes]:  # noqa: A002
    """The form with a template, the exchange to be read again, or the way to the exchange that was opened."""
    form, wish = form_in(visit), visit.text("faire")
    if wish not in {"relire", "envoyer"}:
        return await new_exchange_form(visit, id, form, use_template=wish == "modele")
    need_id = id_in(id, NO_NEED)
    try:
        async with transaction(visit.services.database) as connection:
            need = await own_need(connection, visit.call.bearer.organisation_id, need_id)
            request = request_of(form, need.content, visit.language)
            acting = acting_at(visit)
            preview = None if wish == "envoyer" else await preview_exchange(connection, acting, need_id, request)
        if preview is None:
            return await _sent(visit, need_id, request)
    except InvalidContent as invalid:
        mistakes = mistakes_in(invalid)
    except Conflict as conflict:
        if conflict.code != "nobody_to_contact":
            raise
        mistakes = [Mistake("a", NOBODY_LISTED)]
    else:
        return _preview_page(visit, need, form, preview)
    return await new_exchange_form(visit, id, form, mistakes=mistakes)


async def _sent(visit: Visit, need_id: UUID, request: ExchangeRequest) -> Response[bytes]:
    """The way to the exchange; to the letters that the buyer has to bring, where there are some."""

    async def carry_out(connection: Connection, acting: Acting) -> Done:
        require_sender((await own_need(connection, acting.organisation_id, need_id)).content, acting.organisation)
        opened = await open_exchange(connection, acting, need_id, request)
        path = f"/besoins/{need_id}/echanges/{opened.id}"
        if opened.to_be_delivered_by_you:
            return Done(f"{path}/lettres?{SENT_FIELD}={sent_as(visit)}", msgspec.json.encode(opened))
        return Done(f"{path}?parti=1")

    return await written_once(visit, carry_out)


async def new_exchange_form(
    visit: Visit,
    id_: str,
    form: ExchangeForm,
    *,
    use_template: bool = False,
    same_words: bool = False,
    mistakes: Sequence[Mistake] = (),
) -> Response[bytes]:
    """The page of the form. `same_words`: it tells some what others were told, and says so."""
    organisation, need_id = visit.call.bearer.organisation_id, id_in(id_, NO_NEED)
    ids = [id_in(each, NO_NEED) for each in form.suppliers]
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, organisation, need_id)
        require_open(need.status)
        version = await select_shortlist(connection, organisation, need_id, None)
        named = await living_suppliers(connection, ids)
        found = await found_in_directory(visit, connection, form.sought)
        opened = await select_exchanges(connection, organisation, need_id, None, MOST_OPENED)
        meeting = None
        if form.meeting:
            meeting = await own_meeting(connection, organisation, id_in(form.meeting, NO_MEETING))
    form = msgspec.structs.replace(form, suppliers=tuple(str(named[each].id) for each in ids if each in named))
    if use_template or (form.template and not form.body):
        form = _with_template(visit, form, need, meeting)
    return visit.page(
        "talk/new_exchange.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK,
        need=need,
        form=form,
        choices=choices_of(version, named, found),
        totals=version.totals if version else (),
        templates=TEMPLATES,
        means=MEANS,
        mistakes=mistakes,
        wrong={each.field for each in mistakes},
        same_words=same_words,
        sends=visit.services.settings.smtp is not None,
        opened=opened,
        sender=sender_name(need.content, visit.call.bearer.organisation),
        can_tell=[each for each in TOLD_TERMS if any(told_terms(need.content, (), [each]))],
        commune=visit.services.reference.territories.commune_name,
    )


def _with_template(visit: Visit, form: ExchangeForm, need: StoredNeed, meeting: Meeting | None) -> ExchangeForm:
    """The form with the words of its template: in the place of another template's, after what the buyer wrote."""
    if form.template not in TEMPLATES:
        return form
    commune, at = visit.services.reference.territories.commune_name, meeting.place if meeting else None
    place = ", ".join(filter(None, (at.name, commune(at.commune)))) if at else ""
    texts = {name: filled_in(name, need.content, visit.language, meeting, place) for name in TEMPLATES}
    subject, body = texts[form.template]
    untouched = {"", *(text for _, text in texts.values())}
    subjects = {"", *(text for text, _ in texts.values())}
    return msgspec.structs.replace(
        form,
        subject=subject if form.subject in subjects else form.subject,
        body=body if form.body in untouched else f"{form.body}\n\n{body}",
    )


def _preview_page(visit: Visit, need: StoredNeed, form: ExchangeForm, preview: Preview) -> Response[bytes]:
    return visit.page(
        "talk/exchange_preview.html",
        need=need,
        path=f"besoins/{need.id}/echanges/nouveau",
        fields=list(form.fields()),
        is_new=True,
        preview=preview,
        sends=visit.services.settings.smtp is not None,
    )


@page("GET", "/besoins/{id}/echanges/{exchange_id}/lettres", scope="needs")
async def show_letters(visit: Visit, id: str, exchange_id: str) -> Response[bytes]:  # noqa: A002
    """The letters that the buyer has to bring, each with its link: for the session that opened the exchange."""
    return await _letters_page(visit, id, exchange_id, f"/besoins/{id}/echanges/nouveau")


@page("GET", "/besoins/{id}/echanges/{exchange_id}/lien", scope="needs")
async def show_new_link(visit: Visit, id: str, exchange_id: str) -> Response[bytes]:  # noqa: A002
    """The letters of recipients' new links: for the session that asked for them."""
    return await _letters_page(visit, id, exchange_id, f"/besoins/{id}/echanges/{exchange_id}")


async def _letters_page(visit: Visit, id_: str, exchange_id: str, sent_to: str) -> Response[bytes]:
    acting = acting_at(visit)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, acting.organisation_id, id_in(id_, NO_NEED))
        exchange = await own_exchange(connection, acting.organisation_id, id_in(exchange_id, NO_EXCHANGE))
        document = await document_of(visit, connection, sent_to)
        letters = await _letters(connection, acting, document or b"", exchange.id)
        suppliers = await living_suppliers(connection, [each.supplier_id for each in letters])
    return visit.page(
        "talk/letters.html",
        need=need,
        exchange=exchange,
        letters=letters,
        suppliers=suppliers,
        recipients={each.supplier_id: each for each in exchange.recipients},
        is_new=visit.call.scope["path"].endswith("/lettres"),
    )


async def _letters(
    connection: Connection, acting: Acting, document: bytes, exchange_id: UUID
) -> tuple[RecipientLetter, ...]:
    """The letters in the document of an exchange that was opened, or of links that were given; with their links."""
    if not document:
        return ()
    if b'"reply_links"' in document:
        opened = read_stored(document, CreatedExchange)
        shown = await reveal_tokens(connection, acting, opened.reply_links, document)
        if shown is None or opened.id != exchange_id:
            return ()
        return read_stored(shown, CreatedExchange).to_be_delivered_by_you
    issued = read_stored(document, list[CreatedReplyLink])
    shown = await reveal_tokens(connection, acting, issued, document)
    links = read_stored(shown, list[CreatedReplyLink]) if shown else []
    return tuple(RecipientLetter(each.letter.subject, each.letter.text, supplier_id=each.supplier_id) for each in links)


PAGES = (show_new_exchange, change_new_exchange, show_letters, show_new_link)
