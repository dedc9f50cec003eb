"""Use case: the progress of needs, from which their next steps follow, for a whole page of them at once."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from db.core.engine import Connection
from db.exchanges.exchanges import to_answer
from db.needs.needs import progress_of
from domain.needs.status import Progress, StoredNeed


async def progress_with_answers(
    connection: Connection, organisation_id: UUID, needs: Sequence[StoredNeed]
) -> dict[UUID, Progress]:
    """The work on each of these needs of the organisation, with what its suppliers wait for."""
    found = await progress_of(connection, organisation_id, [need.id for need in needs])
    asked = [need_id for need_id, progress in found.items() if progress.exchanges]
    waiting = await to_answer(connection, organisation_id, asked)
    return found | {
        each: msgspec.structs.replace(found[each], unread=waiting.unread[each], questions=waiting.questions[each])
        for each in asked
    }
