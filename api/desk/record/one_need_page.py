"""The page of a need that is stored: what it says, where it stands, what comes next; and its moves to another state."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, cast

import msgspec
from litestar import Response

from api.desk.frame.field_kinds import DAY, WORDS, YES_OR_NO, bounded_text, one_of
from api.desk.frame.form import Field, Mistake, form_saying, read_form, said_by
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import acting_at
from api.desk.need.need_in_words import lot_lines, need_lines
from api.desk.need.understood_need import LONGEST
from api.desk.record.stored_need import changed_need, is_crossed, known_tag, own_need_of, stored_need_page
from api.needs.own_need import progress_with_answers
from api.needs.routes import delete_draft, edit_need
from api.needs.shortlists import treatment_of
from db.core.engine import transaction
from db.needs.awards import select_awards
from db.needs.shortlists import select_decisions, select_shortlists
from domain.needs.status import MOVES, OPEN, Status, StoredNeed, next_step
from domain.text.labels import PROCEDURES

LONGEST_DESCRIPTION = 20_000
MOST_AWARDS = 20


class NamesForm(msgspec.Struct, frozen=True, kw_only=True):
    """The names of a need's file as they are filled in, which may change after publication."""

    title: Annotated[str, Field("titre", "title", bounded_text(WORDS, LONGEST))] = ""
    reference: Annotated[str, Field("reference", "reference", bounded_text(WORDS, LONGEST))] = ""
    description: Annotated[str, Field("description", "description", bounded_text(WORDS, LONGEST_DESCRIPTION))] = ""


class FileForm(NamesForm, frozen=True, kw_only=True):
    """The names, dates and intentions of a need's file as they are filled in."""

    procedure: Annotated[str, Field("procedure", "procedure", one_of(PROCEDURES))] = ""
    planned: Annotated[str, Field("publication", "planned_publication_on", DAY)] = ""
    social: Annotated[str, Field("social", "social_considerations", YES_OR_NO)] = ""
    environmental: Annotated[str, Field("environnement", "environmental_considerations", YES_OR_NO)] = ""


@page("GET", "/besoins/{need_id}", scope="needs")
async def show_need(visit: Visit, need_id: str) -> Response[bytes]:
    """A need: what it says, its state, its next step."""
    return await _need(visit, await own_need_of(visit, need_id))


@page("POST", "/besoins/{need_id}", scope="needs")
async def change_file(visit: Visit, need_id: str) -> Response[bytes]:
    """Store the names, dates and intentions of a file and redirect to its need."""
    need = await own_need_of(visit, need_id)
    mistakes: list[Mistake] = []
    values = said_by(read_form(FileForm if need.status in OPEN else NamesForm, visit.fields), mistakes)
    if mistakes:
        return await _need(visit, need, mistakes)

    return await changed_need(visit, need, partial(msgspec.structs.replace, **values), "complete")


@page("GET", "/besoins/{need_id}/etat", scope="needs")
async def ask_for_state(visit: Visit, need_id: str) -> Response[bytes]:
    """The question whether the need is to move on, with what follows from it."""
    need = await own_need_of(visit, need_id)
    wanted = visit.text("vers")
    if wanted not in MOVES[need.status]:
        return visit.redirect(f"/besoins/{need.id}")
    return await _question(visit, need, wanted)


@page("POST", "/besoins/{need_id}/etat", scope="needs")
async def move_need(visit: Visit, need_id: str) -> Response[bytes]:
    """Move a need to another state and redirect to it; the question again where somebody else changed it meanwhile."""
    need = await own_need_of(visit, need_id)
    wanted = cast("Status", visit.text("vers"))
    if wanted == need.status:  # the form was sent twice
        return visit.redirect(f"/besoins/{need.id}?fait=etat")
    if wanted not in MOVES[need.status]:
        return visit.redirect(f"/besoins/{need.id}")
    edit = partial(msgspec.structs.replace, status=wanted)
    if await is_crossed(edit_need(acting_at(visit), need.id, known_tag(visit), edit, status_only=True)):
        return await _question(visit, need, wanted, crossed=True)
    return visit.redirect(f"/besoins/{need.id}?fait=etat")


async def _question(visit: Visit, need: StoredNeed, wanted: str, *, crossed: bool = False) -> Response[bytes]:
    """The question whether the need is to move on, or be deleted; before exchanges end, what they lack."""
    gaps = 0
    if wanted == "published":
        async with transaction(visit.services.database) as connection:
            gaps = len((await treatment_of(connection, visit.organisation_id, need.id, visit.language)).gaps)
    status = HTTPStatus.CONFLICT if crossed else HTTPStatus.OK
    shown: dict[str, Any] = {"wanted": wanted, "crossed": crossed, "gaps": gaps}
    return stored_need_page(visit, "record/need_state.html", need, status, **shown)


@page("GET", "/besoins/{need_id}/supprimer", scope="needs")
async def ask_for_deletion(visit: Visit, need_id: str) -> Response[bytes]:
    """The question whether a draft is to be deleted."""
    need = await own_need_of(visit, need_id)
    if need.status != "draft":
        return visit.redirect(f"/besoins/{need.id}")
    return await _question(visit, need, "deleted")


@page("POST", "/besoins/{need_id}/supprimer", scope="needs")
async def discard_draft(visit: Visit, need_id: str) -> Response[bytes]:
    """Delete a draft and redirect to the other needs."""
    need = await own_need_of(visit, need_id)
    if await is_crossed(delete_draft(acting_at(visit), need.id, known_tag(visit))):
        return await _question(visit, need, "deleted", crossed=True)
    return visit.redirect("/besoins?fait=supprime")


async def _need(visit: Visit, need: StoredNeed, mistakes: Sequence[Mistake] = ()) -> Response[bytes]:
    """The page of a need; where its file was filled in wrongly, with what was typed."""
    async with transaction(visit.services.database) as connection:
        organisation = visit.organisation_id
        progress = await progress_with_answers(connection, organisation, [need])
        versions = await select_shortlists(connection, organisation, need.id, None, 1)
        decisions = await select_decisions(connection, organisation, need.id, need.shortlists, None, None)
        awards = await select_awards(connection, organisation, need.id, None, MOST_AWARDS)
    decided = Counter(each.decision for each in decisions)
    return stored_need_page(
        visit,
        "record/one_need.html",
        need,
        mistakes=mistakes,
        step=next_step(need, progress[need.id]),
        lines=need_lines(need.content, visit.reference),
        lots=lot_lines(need.content, visit.reference),
        version=versions[0] if versions else None,
        candidates=sum(lot.total for version in versions for lot in version.totals),
        kept=decided["kept"],
        set_aside=decided["set_aside"],
        awards=awards,
        file=read_form(FileForm, visit.fields) if mistakes else form_saying(FileForm, need.content),
        moves=MOVES[need.status],
        can_be_deleted=need.status == "draft" and not progress[need.id].exchanges and not awards,
        is_open=need.status in OPEN,
        can_be_changed=need.status in OPEN and visit.call.bearer.may("match"),
        procedures=PROCEDURES,
        longest=LONGEST,
        longest_description=LONGEST_DESCRIPTION,
    )


PAGES = (show_need, change_file, ask_for_state, move_need, ask_for_deletion, discard_draft)
