"""The needs of the caller's organisation, their lots, versions and progress, or the problem that there is none."""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from db.core.engine import Connection
from db.exchanges.exchanges import count_answers_due
from db.needs.needs import lock_need, progress_of, select_need
from db.needs.shortlists import select_shortlist
from domain.decoding.requests import near
from domain.errors import NotFound, Problem, pointer
from domain.needs.status import NO_NEED, Progress, StoredNeed
from domain.shortlists.frozen import FrozenShortlist
from domain.text.bilingual import Text

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
NO_VERSION = Text(
    "La liste de ce besoin n'a aucune version de ce numéro : elles se comptent à partir de 1",
    "The shortlist of this need has no version of this number: they are counted from 1",
)


def unknown_lot(lot_id: str, known: Iterable[str], *place: str | int) -> Problem:
    """The problem of a lot id that is none of `known`; `place`: where in the body the lot is named."""
    hint = near(lot_id, tuple(known))
    detail = Text(f"Aucun lot « {lot_id} »{hint.fr}", f"No lot “{lot_id}”{hint.en}")
    return Problem(pointer(*place), "unknown_lot", detail)


async def own_need(connection: Connection, organisation_id: UUID, need_id: UUID, *, lock: bool = False) -> StoredNeed:
    """The organisation's need; with `lock`, nobody else changes it until the transaction ends. Raises NotFound."""
    need = await (lock_need if lock else select_need)(connection, organisation_id, need_id)
    if need is None:
        raise NotFound(NO_NEED)
    return need


async def version_of(connection: Connection, organisation_id: UUID, need_id: UUID, number: str) -> FrozenShortlist:
    """The version of the organisation's need with this number, or the latest for "latest". Raises NotFound."""
    frozen = None
    if number == "latest" or _NUMBER.fullmatch(number):
        wanted = None if number == "latest" else int(number)
        frozen = await select_shortlist(connection, organisation_id, need_id, wanted)
    if frozen is None:
        raise NotFound(NO_VERSION)
    return frozen


async def progress_with_answers(
    connection: Connection, organisation_id: UUID, needs: Sequence[StoredNeed]
) -> dict[UUID, Progress]:
    """The progress of each need, by its id, with what its suppliers wait for."""
    found = await progress_of(connection, organisation_id, [need.id for need in needs])
    asked = [need_id for need_id, progress in found.items() if progress.exchanges]
    waiting = await count_answers_due(connection, organisation_id, asked)
    return found | {
        each: msgspec.structs.replace(found[each], unread=waiting.unread[each], questions=waiting.questions[each])
        for each in asked
    }
