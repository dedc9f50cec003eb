"""Routes of awards: which supplier got a lot, taken into account in later shortlists of the same organisation."""

from functools import partial
from uuid import UUID

from litestar import Response

from api.needs.award_lot import NO_AWARD, award_lot, withdraw_award
from api.needs.own_need import own_need
from api.needs.routes import needs_creation, needs_endpoint
from api.runtime.actor import acting_of
from api.runtime.endpoint import Call
from api.runtime.idempotency import carry_out_once, created
from api.web.pagination import Page, Paging, paged
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from db.needs.awards import select_award, select_awards
from domain.errors import NotFound
from domain.needs.need import Award, AwardRequest


@needs_creation("/needs/{id}/awards", answers=Award, example="award")
async def create_award(call: Call, id: UUID, body: AwardRequest) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """Enter the award of a lot of a need.

    Allowed in every status. From `awarded_on` on, it counts in the shortlists that the organisation freezes, also in
    those of this need: a supplier awarded an ESS-reserved contract is barred from another for three years (to be
    checked where the two needs name buyers of different SIRETs); the third award of a segment to one supplier within
    36 months, and one that weighs much beside a supplier's turnover, are pointed out. `POST /match` knows of none. The
    id of a supplier that was merged stands for the one it is part of.
    """

    async def carry_out(connection: Connection) -> Answer:
        award = await award_lot(connection, acting_of(call), id, body)
        return created(award, f"/needs/{id}/awards/{award.id}")

    return await carry_out_once(call, body, carry_out)


@needs_endpoint("GET", "/needs/{id}/awards", answers=Page[Award])
async def list_awards(call: Call, id: UUID, query: Paging) -> Response[bytes]:  # noqa: A002
    """The awards of a need, in the order in which they were entered, without those that were withdrawn."""
    organisation = call.bearer.organisation_id
    async with transaction(call.services.database) as connection:
        await own_need(connection, organisation, id)
        return await paged(call, query, f"awards/{id}", UUID, partial(select_awards, connection, organisation, id))


@needs_endpoint("GET", "/needs/{id}/awards/{award_id}", answers=Award)
async def get_award(call: Call, id: UUID, award_id: UUID) -> Award:  # noqa: A002
    """An award."""
    async with transaction(call.services.database) as connection:
        award = await select_award(connection, call.bearer.organisation_id, id, award_id)
    if award is None:
        raise NotFound(NO_AWARD)
    return award


@needs_endpoint("DELETE", "/needs/{id}/awards/{award_id}", answers=None, status=204)
async def delete_award(call: Call, id: UUID, award_id: UUID) -> None:  # noqa: A002
    """Withdraw an award that was entered by mistake.

    It counts no more in shortlists frozen from now on; those frozen meanwhile stay as they are. The journal keeps both
    entries.
    """
    async with transaction(call.services.database) as connection:
        await withdraw_award(connection, acting_of(call), id, award_id)


ROUTES = (create_award, list_awards, get_award, delete_award)
