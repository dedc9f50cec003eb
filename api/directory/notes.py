"""Routes of what a buyer's organisation notes of suppliers: its own matches find it, and nobody else's."""

import asyncio
from functools import partial
from uuid import UUID

from litestar import Response

from api.directory.routes import TAG
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, etag_response, require_if_match
from api.runtime.services import Services
from db.core.engine import Connection, transaction
from db.journal.entries import write_entry
from db.suppliers import notes as stored_notes
from db.suppliers.write import survivors
from domain.errors import InvalidContent, NotFound, require_found
from domain.journal import Actor
from domain.suppliers.note import NoteBody, SupplierNote, check_note, noted_offers
from domain.suppliers.supplier import NO_SUPPLIER, Offer, SupplierRecord
from domain.text.bilingual import Text
from sources.validation import check, draws_areas

NO_NOTE = Text("Rien n'est noté de ce fournisseur", "Nothing is noted of this supplier")

note_endpoint = partial(endpoint, path="/suppliers/{id}/notes", tag=TAG, scope="needs")


@note_endpoint(
    "PUT",
    answers=SupplierNote,
    headers=IF_MATCH,
    problems=("unknown-territory", "unknown-segment", "stale-version", "conflict"),
    example="note",
)
async def put_note(call: Call, id: UUID, body: NoteBody) -> Response[bytes]:
    """Note what a supplier told your organisation.

    Replaces what it had noted of this supplier. Its own matches, shortlists, proposals of lots and supply find these
    offers within a second, as declared by a `buyer`; no other organisation ever sees them. A segment that the supplier
    itself or a directory declares goes before the note. 409 where the organisation has 2,000 notes.
    """
    note = await store_note(call.services, actor_of(call.bearer), id, body, call.headers.get("if-match"))
    return etag_response(note, etag_of(note))


@note_endpoint("GET", answers=SupplierNote, status=(200, 304), headers=IF_NONE_MATCH)
async def get_note(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """The note of your organisation on a supplier, with those on suppliers that were merged into it."""
    living = (await survivors(connection, [id])).get(id, id)
    note = require_found(await stored_notes.get_note(connection, call.bearer.organisation_id, living), NO_NOTE)
    return conditional_get(call, note, etag=etag_of(note))


@note_endpoint("DELETE", answers=None, status=204, headers=IF_MATCH, problems=("stale-version",))
async def delete_note(call: Call, id: UUID) -> None:
    """Delete the note of your organisation on a supplier, and those on suppliers that were merged into it."""
    await remove_note(call.services, actor_of(call.bearer), id, call.headers.get("if-match"))


async def store_note(
    services: Services, actor: Actor, supplier_id: UUID, body: NoteBody, if_match: str | None = None
) -> SupplierNote:
    """Store what an organisation notes of a supplier; the caller has checked its right to.

    Raises InvalidContent with everything wrong in the note, NotFound, Conflict, and Refusal (412) where `if_match` does
    not name the present entity tag.
    """
    offers = await _checked_offers(services, body)
    async with transaction(services.database) as connection:
        living = require_found((await survivors(connection, [supplier_id])).get(supplier_id), NO_SUPPLIER)
        before = await stored_notes.get_note(connection, actor.organisation_id, living, lock=True)
        require_if_match(if_match, None if before is None else etag_of(before))
        now = services.now()
        await stored_notes.put_note(connection, actor, living, body, offers, now)
        note = await stored_notes.get_note(connection, actor.organisation_id, living)
        assert note is not None  # noqa: S101 - it was just written
        segments = sorted({segment for offer in offers for segment in offer.segments})
        await write_entry(connection, actor, "note.written", f"supplier:{living}", now, detail={"segments": segments})
    return note


async def remove_note(services: Services, actor: Actor, supplier_id: UUID, if_match: str | None = None) -> None:
    """Delete what an organisation noted of a supplier. Raises NotFound, and Refusal (412) as `store_note`."""
    async with transaction(services.database) as connection:
        living = (await survivors(connection, [supplier_id])).get(supplier_id, supplier_id)
        before = await stored_notes.get_note(connection, actor.organisation_id, living, lock=True)
        require_if_match(if_match, None if before is None else etag_of(before))
        if not await stored_notes.delete_note(connection, actor.organisation_id, living):
            raise NotFound(NO_NOTE)
        await write_entry(connection, actor, "note.deleted", f"supplier:{living}", services.now())


async def _checked_offers(services: Services, body: NoteBody) -> tuple[Offer, ...]:
    """The offers of a note as they are stored, areas simplified. Raises InvalidContent with everything wrong in it."""
    reference, offers = services.reference, noted_offers(body)
    record = SupplierRecord("-", offers=offers)
    known = reference.territories, reference.taxonomy, reference.cpv
    checked = await asyncio.to_thread(check, record, *known) if draws_areas(record) else check(record, *known)
    if problems := (*check_note(body, services.today()), *checked.problems):
        raise InvalidContent(problems)
    return checked.record.offers
