"""The quota of storage that each organisation has for its needs, with all that belongs to them."""

from functools import partial

from api.runtime.actor import Acting
from db.core.engine import Connection
from db.needs.needs import stored_bytes
from domain.errors import Conflict
from domain.text.bilingual import Text


async def require_storage(connection: Connection, acting: Acting) -> None:
    """Raises Conflict (`storage_quota`) where the organisation's needs, with what is theirs, take all its room."""
    services, organisation_id = acting.services, acting.organisation_id
    quota = services.settings.storage_quota
    if await services.storage_use.of(organisation_id, partial(stored_bytes, connection, organisation_id)) >= quota:
        raise Conflict("storage_quota", _full(quota >> 20))


def _full(mib: int) -> Text:
    return Text(
        "Les besoins, listes, échanges, réunions et réponses gardées un jour de cette organisation occupent les "
        f"{mib} Mio qu'elle a : effacer des brouillons (DELETE /needs/{{id}}), demander moins de candidats par lot "
        "(limit), ou voir avec l'exploitant, qui peut supprimer ce dont la durée est écoulée (vivier retention purge) "
        "ou donner plus de place (VIVIER_STORAGE_QUOTA_MIB)",
        "The needs, shortlists, exchanges, meetings and answers kept for a day of this organisation take the "
        f"{mib} MiB that it has: delete drafts (DELETE /needs/{{id}}), ask for fewer candidates by lot (limit), or see "
        "the operator, who can remove what has been kept for its time (vivier retention purge) or give more room "
        "(VIVIER_STORAGE_QUOTA_MIB)",
    )
