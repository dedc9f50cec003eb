"""The page on which suppliers are written to: to whom, by which means, in which words; read again before it is sent.

Letters to begin with are those of `letters.toml`, to be changed before they are sent. Greeting, buyer, the law and the
way to answer are added to every message (`domain.exchanges.letter`). What the buyer has to fill in stands in square
brackets, which `domain.exchanges.rules` finds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec
from litestar import Response

from api.campaigns.letters import message_letters_pdf
from api.campaigns.links import PDF
from api.desk.frame import form as forms
from api.desk.frame.form import Field, Mistake, WrongForm
from api.desk.frame.layout import SAID, words_in
from api.desk.frame.page import page
from api.desk.frame.visit import (
    SENT_FIELD,
    FormOutcome,
    Visit,
    acting_at,
    document_of_submission,
    id_in,
    submission_name,
    write_once,
)
from api.exchanges.open_exchange import open_exchange, preview_exchange
from api.exchanges.own_exchange import NO_EXCHANGE, CreatedExchange, CreatedReplyLink, RecipientLetter, own_exchange
from api.exchanges.reply_links import reveal_tokens
from api.meetings.routes import NO_MEETING, own_meeting
from api.needs.freeze_shortlist import own_need
from api.needs.routes import begin_sourcing
from api.runtime.actor import Acting
from api.runtime.processes.match_work import run_in_thread
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import select_exchanges
from db.needs.shortlists import select_shortlist
from db.persons import find_account
from db.suppliers.read import Filters, living_suppliers, page_of_suppliers
from domain.decoding.stored import read_stored
from domain.errors import Conflict, InvalidContent
from domain.exchanges.exchange import ExchangeRequest, ExchangeSummary, NamedContact
from domain.exchanges.letter import (
    ToldTerm,
    address_lines,
    lot_name,
    purchase_name,
    require_sender,
    sender_name,
    term_sentences,
)
from domain.meetings.meeting import HALF_DAY, Meeting
from domain.needs.need import Need, PlannedNeed
from domain.needs.status import NO_NEED, StoredNeed, require_open
from domain.shortlists.listed_suppliers import SupplierSummary
from domain.shortlists.version import FrozenShortlist, suppliers_to_contact
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Language, Text, day, time_of_day

TEMPLATES = words_in(Path(__file__).with_name("letters.toml"))
"""The name, subject and body of each letter. `{title}`, `{lots}`, `{day}`, `{hours}`, `{place}`, `{agenda}` are
filled in."""
_DAY, _HOURS, _PLACE = Text("[date]", "[day]"), Text("[heures]", "[hours]"), Text("[lieu]", "[place]")
_AT, _FROM = Text("à {place}", "at {place}"), Text("de {start} à {end}", "from {start} to {end}")
_LOT = Text("lot {id}", "lot {id}")


def fill_template(
    name: str, need: PlannedNeed, language: Language, meeting: Meeting | None = None, place: str = ""
) -> tuple[str, str]:
    """Subject and body of a letter template, filled in from a need and the meeting, at `place`, that it invites to."""
    template, lot = TEMPLATES[name], _LOT.to(language)
    title = purchase_name(need) or TEMPLATES["contact"]["subject"]
    agenda = (meeting.agenda or ()) if meeting else HALF_DAY.agenda
    values = {
        "title": title.to(language),
        "lots": "\n".join(f"- {lot_name(each) or lot.format(id=each.id)}" for each in need.lots),
        "agenda": "\n".join(f"- {each.title}" for each in agenda),
        "day": _DAY.to(language),
        "hours": _HOURS.to(language),
        "place": _PLACE.to(language),
    }
    if meeting is not None:
        start, end = time_of_day(meeting.starts_at, language), time_of_day(meeting.ends_at, language)
        values |= {"day": day(meeting.starts_at, language), "hours": _FROM.to(language).format(start=start, end=end)}
        if place := place or meeting.url or "":
            values["place"] = _AT.to(language).format(place=place)
    return template["subject"].to(language).format(**values), template["body"].to(language).format(**values)


ALL, SOME, UNKNOWN = "liste", "choisis", "inconnus"
"""The recipients: all candidates of the shortlist, those that are ticked, all of its suppliers of unknown trade."""
MOST_FOUND, LONGEST_SOUGHT = 20, 200


TOLD_TERMS: tuple[ToldTerm, ...] = get_args(ToldTerm)


class ContactForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields that say until when an answer is asked for, and whom to ask."""

    reply_by: Annotated[str, Field("reponse", "reply_by", forms.DAY)] = ""
    name: Annotated[str, Field("contact", "contact/name", forms.WORDS, also=("contact",))] = ""
    email: Annotated[str, Field("courriel", "contact/email", forms.WORDS)] = ""
    phone: Annotated[str, Field("telephone", "contact/phone", forms.WORDS)] = ""

    def parts(self, mistakes: list[Mistake]) -> dict[str, Any]:
        """The parts of the request that the form makes; without a contact where none of its fields is filled in."""
        said = forms.request_parts(self, mistakes)
        if not any(said["contact"].values()):
            said["contact"] = None
        elif not said["contact"]["name"]:
            mistakes.append(Mistake("contact", SAID["no_name"]))
        return said


class ExchangeForm(ContactForm, frozen=True, kw_only=True):
    """The form fields of a new exchange.

    `to`: all of the shortlist, or the `suppliers` that are ticked; `told`: the terms of the purchase that the message
    mentions; `sought`: a name to be looked up in the directory.
    """

    to: Annotated[str, Field("a", "recipients")] = ALL
    include_unknown: Annotated[str, Field("inconnus", "include_unknown_trade", at="a")] = ""
    suppliers: Annotated[tuple[str, ...], Field("fournisseur")] = ()
    lots: Annotated[tuple[str, ...], Field("lot", "lot_ids", forms.SEVERAL)] = ()
    channel: Annotated[str, Field("moyen", "channel", forms.AS_TYPED)] = "email"
    template: Annotated[str, Field("modele")] = ""
    subject: Annotated[str, Field("objet", "subject", forms.required(forms.WORDS, SAID["no_subject"]))] = ""
    body: Annotated[str, Field("texte", "body", forms.required(forms.WORDS, SAID["no_body"]))] = ""
    told: Annotated[tuple[str, ...], Field("dire", "told", forms.choices_among(TOLD_TERMS))] = ()
    meeting: Annotated[str, Field("rencontre")] = ""
    sought: Annotated[str, Field("cherche")] = ""


SupplierChoice = tuple[SupplierSummary | Supplier, Collection[str]]
"""A supplier that can be written to, and the lots for which the shortlist names it."""


def read_exchange_form(visit: Visit) -> ExchangeForm:
    """The form of a new exchange, read from a visit's fields."""
    form = forms.read_form(ExchangeForm, visit.fields)
    if "a" not in visit.fields and form.suppliers:
        return msgspec.structs.replace(form, to=SOME)
    return form


def exchange_request(form: ExchangeForm, need: Need, language: Language) -> ExchangeRequest:
    """The exchange that the form makes; sentences on the ticked terms of the need end its message.

    Raises InvalidContent.
    """
    mistakes: list[Mistake] = []
    said = form.parts(mistakes)
    if form.to == SOME and not form.suppliers:
        mistakes.append(Mistake("a", SAID["nobody_written_to"]))
    if mistakes:
        raise WrongForm(mistakes)
    sentences = term_sentences(need, form.lots, said.pop("told"))
    told = filter(None, ["\n".join(each.to(language) for each in sentences)])
    said |= {
        "body": "\n\n".join((form.body, *told)),
        "recipients": form.suppliers if form.to == SOME else "shortlist",
        "include_unknown_trade": form.to != SOME and bool(form.include_unknown),
    }
    return forms.checked_request(said, ExchangeRequest)


def supplier_choices(
    version: FrozenShortlist | None, named: Mapping[UUID, Supplier], found: Sequence[Supplier] = ()
) -> dict[str, list[SupplierChoice]]:
    """The suppliers to choose from, by group: the shortlist's `candidates` not set aside and its suppliers of `unknown`
    trade, `others` that are named by their ids, and those `found` by a search."""
    lots: dict[UUID, dict[str, None]] = {}
    for lot in version.shown_lots if version else ():
        for one in lot.listed:
            lots.setdefault(one.id, {})[lot.id] = None
    seen = set[UUID]()

    def take_new(suppliers: Iterable[SupplierSummary | Supplier], *, listed: bool) -> list[SupplierChoice]:
        """The suppliers that are in no earlier group, each with its lots if the shortlist lists them (`listed`)."""
        new = {each.id: each for each in suppliers if each.id not in seen}
        seen.update(new)
        return [(each, lots[each.id] if listed else ()) for each in new.values()]

    return {
        "candidates": take_new(suppliers_to_contact(version, ()) if version else (), listed=True),
        "unknown": take_new(suppliers_to_contact(version, (), of_unknown_trade=True) if version else (), listed=True),
        "others": take_new(named.values(), listed=False),
        "found": take_new(found, listed=False),
    }


async def find_in_directory(visit: Visit, connection: Connection, sought: str) -> Sequence[Supplier]:
    """Active suppliers with the name or SIRET `sought`; none for a key that may not read the directory."""
    if not sought or not visit.call.bearer.may("read"):
        return ()
    siret = forms.siret_in(sought)
    filters = Filters(siret=siret, active=True) if siret else Filters(q=sought[:LONGEST_SOUGHT], active=True)
    entries = await page_of_suppliers(connection, filters, None, MOST_FOUND)
    return [each.supplier for each in entries]


MOST_OPENED = 5
"""As many exchanges as the form names that were opened before."""
MEANS = ("email", "letter", "phone", "in_person")


@page("GET", "/besoins/{id}/echanges/nouveau", scope="needs")
async def show_new_exchange(visit: Visit, id: str) -> Response[bytes]:
    """The form of a new exchange: empty, or with the suppliers, the meeting and the template that the query names."""
    return await new_exchange_form_page(visit, id, read_exchange_form(visit))


@page("POST", "/besoins/{id}/echanges/nouveau", scope="needs")
async def change_new_exchange(visit: Visit, id: str) -> Response[bytes]:
    """Do what the pressed button asks: fill in a message template, preview the exchange, or open it and redirect."""
    form, wish = read_exchange_form(visit), visit.text("faire")
    if wish not in {"relire", "envoyer"}:
        return await new_exchange_form_page(visit, id, form, use_template=wish == "modele")
    need_id = id_in(id, NO_NEED)

    async def open_this_exchange(connection: Connection, acting: Acting) -> FormOutcome:
        need = await own_need(connection, acting.organisation_id, need_id)
        request = exchange_request(form, need.content, visit.language)
        require_sender(need.content, acting.organisation)
        opened = await open_exchange(connection, acting, need_id, request)
        await begin_sourcing(connection, acting, need_id)
        path = f"/besoins/{need_id}/echanges/{opened.id}"
        if opened.to_be_delivered_by_you:
            return FormOutcome(f"{path}/lettres?{SENT_FIELD}={submission_name(visit)}", msgspec.json.encode(opened))
        return FormOutcome(f"{path}?parti=1")

    try:
        if wish == "envoyer":
            return await write_once(visit, open_this_exchange)
        async with transaction(visit.services.database) as connection:
            need = await own_need(connection, visit.organisation_id, need_id)
            request = exchange_request(form, need.content, visit.language)
            preview = await preview_exchange(connection, acting_at(visit), need_id, request)
    except InvalidContent as wrong:
        mistakes = forms.field_mistakes(wrong, ExchangeForm, otherwise="texte", sender="expediteur")
        return await new_exchange_form_page(visit, id, form, mistakes=mistakes)
    except Conflict as conflict:
        if conflict.code != "nobody_to_contact":
            raise
        return await new_exchange_form_page(visit, id, form, mistakes=[Mistake("a", SAID["nobody_listed"])])
    return visit.page(
        "talk/exchange_preview.html",
        need=need,
        preview=preview,
        path=f"besoins/{need_id}/echanges/nouveau",
        fields=list(forms.form_fields(form)),
        is_new=True,
        sends=visit.services.settings.smtp is not None,
    )


async def new_exchange_form_page(
    visit: Visit,
    id_: str,
    form: ExchangeForm,
    *,
    use_template: bool = False,
    same_words: bool = False,
    mistakes: Sequence[Mistake] = (),
) -> Response[bytes]:
    """The page of a new exchange's form; `use_template`: its template is filled in; `same_words`: as told to others."""
    organisation, need_id = visit.organisation_id, id_in(id_, NO_NEED)
    ids = [id_in(each, NO_NEED) for each in form.suppliers]
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, organisation, need_id)
        require_open(need.status)
        version = await select_shortlist(connection, organisation, need_id, None)
        named = await living_suppliers(connection, ids)
        found = await find_in_directory(visit, connection, form.sought)
        opened = await select_exchanges(connection, organisation, need_id, None, MOST_OPENED)
        contact = await _usual_contact(visit, connection, opened)
        meeting = None
        if form.meeting:
            meeting = await own_meeting(connection, organisation, id_in(form.meeting, NO_MEETING))
    ticked = [str(named[each].id) for each in ids if each in named]
    if form.to == UNKNOWN and version:
        ticked = [str(each.id) for each in suppliers_to_contact(version, (), of_unknown_trade=True)]
        form = msgspec.structs.replace(form, to=SOME, template=form.template or "activite")
    form = msgspec.structs.replace(form, suppliers=tuple(ticked))
    if "contact" not in visit.fields and contact:
        form = msgspec.structs.replace(form, name=contact.name, email=contact.email or "", phone=contact.phone or "")
    if use_template or (form.template and not form.body):
        form = _with_template(visit, form, need, meeting)
    return visit.page(
        "talk/new_exchange.html",
        need=need,
        form=form,
        choices=supplier_choices(version, named, found),
        totals=version.totals if version else (),
        templates=TEMPLATES,
        means=MEANS,
        mistakes=mistakes,
        same_words=same_words,
        sends=visit.services.settings.smtp is not None,
        opened=opened,
        sender=sender_name(need.content, visit.call.bearer.organisation),
        can_tell=[each for each in TOLD_TERMS if any(term_sentences(need.content, (), [each]))],
    )


async def _usual_contact(
    visit: Visit, connection: Connection, opened: Sequence[ExchangeSummary]
) -> NamedContact | None:
    """The contact of the latest of these exchanges that names one, else who is signed in; None where no address is
    known."""
    if named := next((each.contact for each in reversed(opened) if each.contact), None):
        return named
    client = visit.call.bearer
    account = await find_account(connection, client.id, visit.services.now()) if client.person else None
    return NamedContact(account.name, account.email) if account and account.email else None


def _with_template(visit: Visit, form: ExchangeForm, need: StoredNeed, meeting: Meeting | None) -> ExchangeForm:
    """The form with its template's text, after the buyer's own if any; with its subject unless the buyer wrote one."""
    if form.template not in TEMPLATES:
        return form
    commune, at = visit.reference.territories.commune_name, meeting.place if meeting else None
    place = ", ".join(filter(None, (at.name, commune(at.commune)))) if at else ""
    texts = {name: fill_template(name, need.content, visit.language, meeting, place) for name in TEMPLATES}
    subject, body = texts[form.template]
    untouched = {"", *(text for _, text in texts.values())}
    subjects = {"", *(text for text, _ in texts.values())}
    return msgspec.structs.replace(
        form,
        subject=subject if form.subject in subjects else form.subject,
        body=body if form.body in untouched else f"{form.body}\n\n{body}",
    )


async def _letters_page(visit: Visit, id: str, exchange_id: str) -> Response[bytes]:
    """The page of the letters that the buyer hands over, with reply links; without letters if not of this session."""
    is_new = visit.call.scope["path"].endswith("/lettres")
    sent_to = f"/besoins/{id}/echanges/{'nouveau' if is_new else exchange_id}"
    acting = acting_at(visit)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, acting.organisation_id, id_in(id, NO_NEED))
        exchange = await own_exchange(connection, acting.organisation_id, id_in(exchange_id, NO_EXCHANGE))
        document = await document_of_submission(visit, connection, sent_to)
        letters: tuple[RecipientLetter, ...] = ()
        if document and b'"reply_links"' in document:
            opened = read_stored(document, CreatedExchange)
            shown = await reveal_tokens(connection, acting, opened.reply_links, document)
            if shown is not None and opened.id == exchange.id:
                letters = read_stored(shown, CreatedExchange).to_be_delivered_by_you
        elif document:
            issued = read_stored(document, list[CreatedReplyLink])
            shown = await reveal_tokens(connection, acting, issued, document)
            links = read_stored(shown, list[CreatedReplyLink]) if shown else []
            letters = tuple(
                RecipientLetter(each.letter.subject, each.letter.text, supplier_id=each.supplier_id) for each in links
            )
        suppliers = await living_suppliers(connection, [each.supplier_id for each in letters])
    recipients = {each.supplier_id: each for each in exchange.recipients}
    letters = tuple(sorted(letters, key=lambda each: recipients[each.supplier_id].name))
    if letters and visit.text("papier"):
        lines = {one: address_lines(supplier.address) for one, supplier in suppliers.items()}
        paper = [(each, (recipients[(to := each.supplier_id)].name, *lines.get(to, ()))) for each in letters]
        sender, now = sender_name(need.content, acting.organisation) or "", visit.services.now()
        file = partial(message_letters_pdf, paper, sender, exchange, now, visit.language)
        async with visit.services.reports.slot_of(str(acting.organisation_id)):
            headers = {"content-disposition": 'attachment; filename="vivier-lettres.pdf"'}
            return Response(await run_in_thread(None, file), media_type=PDF, headers=headers)
    return visit.page(
        "talk/letters.html",
        need=need,
        exchange=exchange,
        letters=letters,
        suppliers=suppliers,
        recipients=recipients,
        is_new=is_new,
    )


show_letters = page("GET", "/besoins/{id}/echanges/{exchange_id}/lettres", scope="needs")(_letters_page)
show_new_link = page("GET", "/besoins/{id}/echanges/{exchange_id}/lien", scope="needs")(_letters_page)
