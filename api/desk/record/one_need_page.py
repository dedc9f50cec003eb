"""The page of a need that is stored: what it says, where it stands, what comes next; and its moves to another state."""

from collections import Counter
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Response

from api.desk.frame.mistakes import Mistake
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import acting_at, id_in
from api.desk.need.need_in_words import lot_lines, need_lines
from api.desk.need.understood_need import LONGEST, day_in
from api.desk.record.stored_need import changed_need, known_tag, own_need_of, stored_need_page
from api.needs.edit_need import NeedChange, NeedDocument, delete_draft, edit_need
from api.needs.own_need import progress_with_answers
from api.needs.shortlists import treatment_of
from api.web.problems import Refusal
from db.core.engine import transaction
from db.needs.awards import select_awards
from db.needs.shortlists import select_decisions, select_shortlists
from domain.needs.status import MOVES, NO_NEED, OPEN, Status, StoredNeed, next_step
from domain.text.bilingual import Text
from domain.text.labels import PROCEDURES

LONGEST_DESCRIPTION = 20_000
MOST_AWARDS = 20
FILE_FIELDS = {
    "title": "titre",
    "reference": "reference",
    "description": "description",
    "procedure": "procedure",
    "planned_publication_on": "publication",
    "social_considerations": "social",
    "environmental_considerations": "environnement",
}
"""The fields of the form of a need's file, by the fields of the need."""
YES_OR_NO = {"": None, "oui": True, "non": False}
ALWAYS = ("title", "reference", "description")
"""The fields that may change after publication."""


@page("GET", "/besoins/{need_id}", scope="needs")
async def show_need(visit: Visit, need_id: str) -> Response[bytes]:
    """A need: what it says, its state, its next step."""
    return await _need(visit, await own_need_of(visit, need_id))


@page("POST", "/besoins/{need_id}", scope="needs")
async def change_file(visit: Visit, need_id: str) -> Response[bytes]:
    """The way to the need with the names, dates and intentions of its file as they were filled in."""
    need = await own_need_of(visit, need_id)
    mistakes: list[Mistake] = []
    values = _file_values(visit, need, mistakes)
    if mistakes:
        return await _need(visit, need, tuple(mistakes), HTTPStatus.UNPROCESSABLE_ENTITY)

    def edit(before: NeedDocument) -> NeedChange:
        return msgspec.structs.replace(before, **values)

    return await changed_need(visit, need_id, edit, "complete")


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
    """The way to the need in its new state; the question again where somebody else changed it meanwhile."""
    need = await own_need_of(visit, need_id)
    wanted = cast("Status", visit.text("vers"))
    if wanted == need.status:  # the form was sent twice
        return visit.redirect(f"/besoins/{need.id}?fait=etat")
    if wanted not in MOVES[need.status]:
        return visit.redirect(f"/besoins/{need.id}")
    try:
        await edit_need(acting_at(visit), need.id, known_tag(visit), _moved(wanted), status_only=True)
    except Refusal as refusal:
        if refusal.kind.slug != "stale-version":
            raise
        return await _question(visit, need, wanted, crossed=True)
    return visit.redirect(f"/besoins/{need.id}?fait=etat")


async def _question(visit: Visit, need: StoredNeed, wanted: str, *, crossed: bool = False) -> Response[bytes]:
    """The question whether the need is to move on; before exchanges end, what is still lacking in them."""
    treatment = None
    if wanted == "published":
        async with transaction(visit.services.database) as connection:
            organisation = visit.call.bearer.organisation_id
            treatment = await treatment_of(connection, organisation, need.id, visit.language)
    return stored_need_page(
        visit,
        "record/need_state.html",
        need,
        HTTPStatus.CONFLICT if crossed else HTTPStatus.OK,
        wanted=wanted,
        crossed=crossed,
        gaps=len(treatment.gaps) if treatment else 0,
    )


@page("GET", "/besoins/{need_id}/supprimer", scope="needs")
async def ask_for_deletion(visit: Visit, need_id: str) -> Response[bytes]:
    """The question whether a draft is to be deleted."""
    need = await own_need_of(visit, need_id)
    if need.status != "draft":
        return visit.redirect(f"/besoins/{need.id}")
    return stored_need_page(visit, "record/need_state.html", need, wanted="deleted", crossed=False, gaps=0)


@page("POST", "/besoins/{need_id}/supprimer", scope="needs")
async def discard_draft(visit: Visit, need_id: str) -> Response[bytes]:
    """The way to the other needs, once the draft is deleted."""
    need = await own_need_of(visit, need_id)
    try:
        await delete_draft(acting_at(visit), id_in(need_id, NO_NEED), known_tag(visit))
    except Refusal as refusal:
        if refusal.kind.slug != "stale-version":
            raise
        return stored_need_page(
            visit, "record/need_state.html", need, HTTPStatus.CONFLICT, wanted="deleted", crossed=True, gaps=0
        )
    return visit.redirect("/besoins?fait=supprime")


async def _need(
    visit: Visit, need: StoredNeed, mistakes: tuple[Mistake, ...] = (), status: int = HTTPStatus.OK
) -> Response[bytes]:
    """The page of a need; where its file was filled in wrongly, with what was typed."""
    async with transaction(visit.services.database) as connection:
        organisation = visit.call.bearer.organisation_id
        progress = await progress_with_answers(connection, organisation, [need])
        versions = await select_shortlists(connection, organisation, need.id, None, 1)
        decisions = await select_decisions(connection, organisation, need.id, need.shortlists, None, None)
        awards = await select_awards(connection, organisation, need.id, None, MOST_AWARDS)
    decided = Counter(each.decision for each in decisions)
    typed = {name: visit.text(field) for name, field in FILE_FIELDS.items()}
    return stored_need_page(
        visit,
        "record/one_need.html",
        need,
        status,
        mistakes,
        step=next_step(need, progress[need.id]),
        lines=need_lines(need.content, visit.services.reference),
        lots=lot_lines(need.content, visit.services.reference),
        version=versions[0] if versions else None,
        candidates=sum(lot.total for version in versions for lot in version.totals),
        kept=decided["kept"],
        set_aside=decided["set_aside"],
        awards=awards,
        file=typed if mistakes else _file_texts(need),
        moves=MOVES[need.status],
        can_be_deleted=need.status == "draft" and not progress[need.id].exchanges and not awards,
        is_open=need.status in OPEN,
        can_be_changed=need.status in OPEN and visit.call.bearer.may("match"),
        procedures=PROCEDURES,
        longest=LONGEST,
        longest_description=LONGEST_DESCRIPTION,
    )


def _file_texts(need: StoredNeed) -> dict[str, str]:
    """The fields of the form of a need's file, as the need has them."""
    content = need.content
    answers = {value: text for text, value in YES_OR_NO.items()}
    return {
        "title": content.title or "",
        "reference": content.reference or "",
        "description": content.description or "",
        "procedure": content.procedure or "",
        "planned_publication_on": content.planned_publication_on.isoformat() if content.planned_publication_on else "",
        "social_considerations": answers[content.social_considerations],
        "environmental_considerations": answers[content.environmental_considerations],
    }


def _file_values(visit: Visit, need: StoredNeed, mistakes: list[Mistake]) -> dict[str, Any]:
    """The fields of the need that the form fills in, as far as the state of the need allows it."""
    texts = {name: visit.text(field) for name, field in FILE_FIELDS.items()}
    for name in ALWAYS:
        most = LONGEST_DESCRIPTION if name == "description" else LONGEST
        if len(texts[name]) > most:
            mistakes.append(Mistake(FILE_FIELDS[name], too_long(most)))
    values: dict[str, Any] = {name: texts[name] or None for name in ALWAYS}
    if need.status not in OPEN:
        return values
    name = "planned_publication_on"
    planned = day_in(texts[name], FILE_FIELDS[name], mistakes)
    return values | {
        "procedure": texts["procedure"] if texts["procedure"] in PROCEDURES else None,
        "planned_publication_on": planned,
        "social_considerations": YES_OR_NO.get(texts["social_considerations"]),
        "environmental_considerations": YES_OR_NO.get(texts["environmental_considerations"]),
    }


def too_long(most: int) -> Text:
    """The mistake of a text of more characters than that."""
    return Text(f"{most} caractères au plus", f"At most {most} characters")


def _moved(wanted: Status) -> Any:
    def edit(before: NeedDocument) -> NeedChange:
        return msgspec.structs.replace(before, status=wanted)

    return edit


PAGES = (show_need, change_file, ask_for_state, move_need, ask_for_deletion, discard_draft)
