"""The needs of the caller's organisation, or a 404."""

from uuid import UUID

from db.core.engine import Connection
from db.needs.needs import lock_need, select_need
from domain.errors import NotFound
from domain.needs.status import StoredNeed
from domain.text.bilingual import Text

NO_NEED = Text("Aucun besoin de cet identifiant", "No need of this id")


async def own_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed:
    """The organisation's need. Raises NotFound."""
    need = await select_need(connection, organisation_id, need_id)
    if need is None:
        raise NotFound(NO_NEED)
    return need


async def lock_own_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed:
    """As `own_need`; nobody else changes the need until the transaction ends."""
    need = await lock_need(connection, organisation_id, need_id)
    if need is None:
        raise NotFound(NO_NEED)
    return need
