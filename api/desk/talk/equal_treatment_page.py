"""The page of equal treatment: what each supplier of a need was told and asked, who lacks what, how gaps are closed."""

from http import HTTPStatus
from typing import Literal, cast
from uuid import UUID

from litestar import Response

from api.desk.frame.layout import CODE_WORDS
from api.desk.frame.page import page
from api.desk.frame.visit import FormOutcome, Visit, acting_at, id_in, write_once
from api.desk.talk.exchanges_page import MEANS
from api.desk.talk.new_exchange_page import SOME, ExchangeForm, new_exchange_form_page
from api.exchanges.write_message import missing_message, send_to_addressees
from api.needs.freeze_shortlist import own_need
from api.needs.shortlists import treatment_of
from api.runtime.actor import Acting
from db.core.engine import Connection, transaction
from domain.equal_treatment.gaps import GapCode
from domain.equal_treatment.matrix import SupplierTreatment
from domain.exchanges.deliveries import ARRIVED, LOST, decisive_delivery, delivery_words
from domain.exchanges.exchange import Channel
from domain.exchanges.letter import require_sender
from domain.exchanges.rules import NO_MESSAGE
from domain.needs.status import NO_NEED, OPEN
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import Text

CellState = Literal["received", "pending", "not_delivered", "lacks", "invited", "came", "absent", ""]
SAME_WORDS: frozenset[GapCode] = frozenset(
    ("not_contacted", "missed_information", "missed_answer", "missed_correction", "not_delivered")
)
"""The gaps that the same words close."""
LACKING = SAME_WORDS - {"not_delivered"} | {"answer_not_shared"}
"""The gaps of suppliers who lack what other suppliers were told."""
MOST_NAMED = 3
NOTHING_TOLD = Text("–", "–")


Cell = tuple[CellState, Text]
"""The state of an information or a meeting with a supplier, and that in words."""


@page("GET", "/besoins/{id}/egalite", scope="needs")
async def show_equal_treatment(visit: Visit, id: str) -> Response[bytes]:
    """The matrix of suppliers and what each was told, and the gaps in it, each with a way to close it."""
    organisation, need_id = visit.organisation_id, id_in(id, NO_NEED)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, organisation, need_id)
        treatment = await treatment_of(connection, organisation, need_id, visit.language)
    shared = [each for each in treatment.informations if each.shared]
    meetings = {
        each.meeting_id: each
        for supplier in treatment.suppliers
        for each in supplier.meetings
        if each.status != "cancelled"
    }
    told = [set(each.messages) for each in shared]
    cells = {
        supplier.supplier_id: [_message_cell(supplier, each) for each in told]
        + [_meeting_cell(supplier, each) for each in meetings]
        for supplier in treatment.suppliers
    }
    # who was not contacted is to be told what opened the exchange
    openings = {
        each.exchange_id: each.message_id
        for supplier in treatment.suppliers
        for each in supplier.informations
        if each.kind == "opening"
    }
    # without the names that end them, where they are many
    sentences = [
        each.message.removesuffix(", ".join(one.name for one in each.suppliers)).rstrip(" :") + "."
        if len(each.suppliers) > MOST_NAMED
        else each.message
        for each in treatment.gaps
    ]
    return visit.page(
        "talk/equal_treatment.html",
        need=need,
        is_open=need.status in OPEN,
        treatment=treatment,
        informations=shared,
        meetings=list(meetings.values()),
        cells=cells,
        same_words=SAME_WORDS,
        most_named=MOST_NAMED,
        openings=openings,
        sentences=sentences,
    )


def _message_cell(supplier: SupplierTreatment, messages: set[UUID]) -> Cell:
    """The cell that says whether a supplier got a piece of information, which each of these messages carries."""
    lacking = {each.code for each in supplier.gaps if each.message_id in messages}
    if lacking & LACKING:
        return "lacks", CODE_WORDS["treatment_states"]["lacks"]
    told = [each for each in supplier.informations if each.message_id in messages]
    if not told:
        return "", NOTHING_TOLD
    best = decisive_delivery(each.delivery for each in told)
    state: CellState = "received" if best.state in ARRIVED else "not_delivered" if best.state in LOST else "pending"
    return state, delivery_words(best)


def _meeting_cell(supplier: SupplierTreatment, meeting_id: UUID) -> Cell:
    """The cell for a supplier and a meeting: whether the supplier was invited, and came."""
    words = CODE_WORDS["treatment_states"]
    if any(each.meeting_id == meeting_id for each in supplier.gaps):
        return "lacks", words["lacks"]
    own = next((each for each in supplier.meetings if each.meeting_id == meeting_id), None)
    if own is None:
        return "", NOTHING_TOLD
    state: CellState = "invited" if own.attended is None else "came" if own.attended else "absent"
    return state, words[state]


@page("POST", "/besoins/{id}/egalite/message", scope="needs")
async def send_missing_message(visit: Visit, id: str) -> Response[bytes]:
    """A preview of the message to the suppliers that lack it; a redirect once it is sent.

    A message that opened an exchange is sent as a new exchange, whose form comes filled in.
    """
    need_id, message_id = id_in(id, NO_NEED), id_in(visit.text("message"), NO_MESSAGE)
    suppliers = [id_in(each, NO_SUPPLIER) for each in visit.fields.get("fournisseur", [])]
    if visit.text("faire") == "envoyer":
        channel = visit.text("moyen")

        async def send_missing_to_each(connection: Connection, acting: Acting) -> FormOutcome:
            missing = await missing_message(connection, acting, need_id, message_id, suppliers)
            require_sender(missing.need.content, acting.organisation)
            means = cast("Channel", channel) if channel in MEANS else None
            await send_to_addressees(connection, acting, missing, means)
            return FormOutcome(f"/besoins/{need_id}/egalite?envoye={len(missing.addressees)}")

        return await write_once(visit, send_missing_to_each)
    async with transaction(visit.services.database) as connection:
        missing = await missing_message(connection, acting_at(visit), need_id, message_id, suppliers)
    if missing.opens:
        form = ExchangeForm(
            to=SOME,
            suppliers=tuple(str(each) for each in suppliers),
            lots=missing.exchange.lot_ids,
            channel=missing.exchange.channel,
            subject=missing.exchange.subject,
            body=missing.message.body,
        )
        return await new_exchange_form_page(visit, id, form, same_words=True)
    require_sender(missing.need.content, visit.call.bearer.organisation)
    return visit.page("talk/missing_message.html", HTTPStatus.OK, missing=missing, means=MEANS)
