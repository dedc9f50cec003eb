"""The route of equal treatment: what each supplier of a need was told, asked and invited to, and what some lack."""

import asyncio
from uuid import UUID

from api.runtime.endpoint import Call, endpoint
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import exchanges_of
from db.meetings import meetings_of
from db.needs.shortlists import earlier_decisions, select_shortlist
from db.suppliers.write import survivors
from domain.equal_treatment.matrix import EqualTreatment, equal_treatment
from domain.errors import NotFound
from domain.needs.status import NO_NEED
from domain.text.bilingual import Language


@endpoint("GET", "/needs/{id}/equal-treatment", tag="Exchanges", scope="needs", answers=EqualTreatment)
async def get_equal_treatment(call: Call, id: UUID) -> EqualTreatment:  # noqa: A002 - as the contract names it
    """Equal treatment of the suppliers of a need's latest shortlist: the matrix, and the gaps.

    For each supplier: whether and why it was contacted, what it was told and when, what it answered, where it was met,
    and its gaps. Those contacted or met beside the shortlist come last. A gap of the document is one thing with all who
    lack it: `not_contacted`, `missed_information`, `missed_answer`, `missed_correction`, `answer_not_shared`,
    `not_delivered`, `late_information` (more than a week after the first), `question_unanswered`, `not_invited`. A
    supplier lacks nothing that is about lots of others, or that came after it was set aside; one that nobody wrote to
    lacks a contact, not each message. To close a gap, send the same words; what is said to one supplier and is of no
    use to others is sent `confidential`.

    For the buyer alone: `published` marks questions whose author suppliers must not learn, `to_one` what was told to
    one, `confidential` what others must not read.
    """
    async with transaction(call.services.database) as connection:
        return await treatment_of(connection, call.bearer.organisation_id, id, call.language)


ROUTES = (get_equal_treatment,)


async def treatment_of(connection: Connection, organisation: UUID, need_id: UUID, language: Language) -> EqualTreatment:
    """The matrix of the organisation's need, its sentences in that language. Raises NotFound."""
    version = await select_shortlist(connection, organisation, need_id, None)
    if version is None:
        raise NotFound(NO_NEED)
    exchanges = await exchanges_of(connection, organisation, need_id)
    meetings = await meetings_of(connection, organisation, need_id)
    listed = {each.supplier.id for lot in version.shown_lots for each in lot.candidates}
    written_to = {each.supplier_id for exchange in exchanges for each in exchange.recipients}
    met = {each.supplier_id for meeting in meetings for each in meeting.participants if each.supplier_id}
    living = await survivors(connection, listed | written_to | met)
    earlier = await earlier_decisions(connection, organisation, need_id, version.number)
    return await asyncio.to_thread(equal_treatment, version, exchanges, meetings, language, living, earlier)
