"""Use case: what differs between two versions of a need's shortlist, and why suppliers came or left."""

import asyncio
from uuid import UUID

from api.needs.absences import absences_from
from api.needs.own_need import version_of
from api.runtime.actor import Acting
from db.core.engine import transaction
from domain.shortlists.diff import ShortlistDiff, compare, unexplained


async def compared(acting: Acting, need_id: UUID, number: str, other: str) -> ShortlistDiff:
    """The differences from one version to another, each a number or "latest", in the caller's language.

    Raises NotFound, and as `absences_from`.
    """
    services, organisation = acting.services, acting.organisation_id
    async with services.matches.of(str(organisation)), transaction(services.database) as connection:
        before, after = [await version_of(connection, organisation, need_id, each) for each in (number, other)]
        not_before = await absences_from(connection, acting, before, unexplained(before, after))
        not_after = await absences_from(connection, acting, after, unexplained(after, before))
    return await asyncio.to_thread(compare, before, after, not_before, not_after, acting.language)
