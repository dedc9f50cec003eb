"""Use case: what differs between two versions of a need's shortlist, and why suppliers came or left."""

import asyncio
from uuid import UUID

from api.needs.absences import absences_of, read_absent
from api.needs.own_need import version_of
from api.runtime.actor import Acting
from db.core.engine import transaction
from domain.shortlists.diff import ShortlistDiff, compare, unexplained


async def compared(acting: Acting, need_id: UUID, number: str, other: str) -> ShortlistDiff:
    """The differences from one version to another, each a number or "latest", in the caller's language.

    Why suppliers came or left is found while no connection is held. Raises NotFound, and as `absences_of`.
    """
    services, organisation = acting.services, acting.organisation_id
    async with services.matches.place_of(str(organisation)):
        async with transaction(services.database) as connection:
            before, after = [await version_of(connection, organisation, need_id, each) for each in (number, other)]
            came = await read_absent(connection, acting, before, unexplained(before, after))
            left = await read_absent(connection, acting, after, unexplained(after, before))
        not_before, not_after = await absences_of(acting, came), await absences_of(acting, left)
    return await asyncio.to_thread(compare, before, after, not_before, not_after, acting.language)
