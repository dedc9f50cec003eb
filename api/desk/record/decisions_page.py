"""The decisions on the suppliers of a need's latest shortlist: kept or set aside, several at once, with the reason."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Response

from api.desk.frame.field_kinds import WORDS, bounded_text
from api.desk.frame.form import Field, Mistake, said_by
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.words import SAID
from api.desk.frame.written_once import acting_at, id_in
from api.desk.record.stored_need import (
    LotEntryForm,
    is_crossed,
    own_need_of,
    parts_of_version,
    read_lot_form,
    stored_need_page,
)
from api.needs.own_need import version_of
from api.needs.shortlists import NO_SUPPLIER, DecisionChange, decide, repeat_decisions, repeatable
from api.runtime.etag import etag_of, require_known
from db.core.engine import transaction
from db.needs.shortlists import earlier_decisions
from domain.needs.status import MOVES, NO_NEED, StoredNeed
from domain.shortlists.frozen import Decision, DecisionCode, DecisionKey
from domain.text.bilingual import Text

LONGEST_REASON = 4_000
CHOICES: dict[str, DecisionCode | None] = {"kept": "kept", "set_aside": "set_aside", "none": None}


class DecisionForm(LotEntryForm, frozen=True, kw_only=True):
    """Decisions as they were filled in, on suppliers of one lot.

    `number`: of the version; `known`: the tag of the lot's decisions when the form was shown.
    """

    number: Annotated[str, Field("version")] = ""
    known: Annotated[str, Field("vu")] = ""
    suppliers: Annotated[tuple[str, ...], Field("fournisseur")] = ()
    choice: Annotated[str, Field("decision")] = ""
    reason: Annotated[str, Field("motif", "reason", bounded_text(WORDS, LONGEST_REASON))] = ""


@page("GET", "/besoins/{need_id}/decisions", scope="needs")
async def show_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """The suppliers of the latest version, lot by lot, with forms that decide on some of them."""
    return await _decisions(visit, await own_need_of(visit, need_id), DecisionForm())


@page("POST", "/besoins/{need_id}/decisions", scope="needs")
async def save_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """Store decisions and redirect to all; the form again where something is missing, or somebody else decided."""
    need, form = await own_need_of(visit, need_id), read_lot_form(DecisionForm, visit)
    if mistakes := _mistakes(form):
        return await _decisions(visit, need, form, mistakes)
    if form.number != str(need.shortlists):
        return await _decisions(visit, need, form, [_of_suppliers(form, SAID["newer_version"])], HTTPStatus.CONFLICT)
    if await is_crossed(_decide(visit, need, form)):
        return await _decisions(visit, need, form, [_of_suppliers(form, SAID["crossed"])], HTTPStatus.CONFLICT)
    return visit.redirect(f"/besoins/{need.id}/decisions?fait={len(form.suppliers)}&lots={form.place}#lot-{form.place}")


@page("POST", "/besoins/{need_id}/decisions/reprendre", scope="needs")
async def repeat_earlier_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """Repeat the decisions of earlier versions on the latest, and redirect to them."""
    own = id_in(need_id, NO_NEED)
    async with transaction(visit.services.database) as connection:
        number = await repeat_decisions(connection, acting_at(visit), own)
    return visit.redirect(f"/besoins/{own}/decisions?fait={number}")


async def _decide(visit: Visit, need: StoredNeed, form: DecisionForm) -> None:
    choice = CHOICES[form.choice]
    reason = form.reason if choice else None
    changes = [(id_in(each, NO_SUPPLIER), DecisionChange(form.lot, choice, reason)) for each in form.suppliers]

    def check(decisions: Mapping[DecisionKey, Decision]) -> None:
        wanted = None if choice is None else (choice, reason)
        present = {
            key.supplier_id: (each.decision, each.reason) for key, each in decisions.items() if key.lot_id == form.lot
        }
        if any(present.get(supplier) != wanted for supplier, _ in changes):  # else the form was sent twice
            require_known(form.known, _tag(decisions.values(), form.lot))

    async with transaction(visit.services.database) as connection:
        await decide(connection, acting_at(visit), need.id, form.number, changes, check)


async def _decisions(
    visit: Visit,
    need: StoredNeed,
    form: DecisionForm,
    mistakes: Sequence[Mistake] = (),
    status: int | None = None,
) -> Response[bytes]:
    async with transaction(visit.services.database) as connection:
        organisation = visit.organisation_id
        version = await version_of(connection, organisation, need.id, "latest")
        earlier = await earlier_decisions(connection, organisation, need.id, version.number)
    repeated = await asyncio.to_thread(repeatable, version, earlier) if earlier else ()
    shortlist = await asyncio.to_thread(lambda: version.shortlist)
    return stored_need_page(
        visit,
        "record/decisions.html",
        need,
        status,
        mistakes,
        form=form,
        **parts_of_version(version, shortlist, form.place or visit.text("lots")),
        tags={lot.id: _tag(version.decisions, lot.id) for lot in shortlist.lots},
        totals=version.totals,
        can_decide=bool(MOVES[need.status]),
        repeated=len(repeated),
        longest_reason=LONGEST_REASON,
    )


def _mistakes(form: DecisionForm) -> list[Mistake]:
    mistakes = [] if form.suppliers else [_of_suppliers(form, SAID["nobody"])]
    if form.choice not in CHOICES:
        mistakes.append(Mistake(form.names.format(name="decision"), SAID["no_choice"]))
    elif CHOICES[form.choice] and not form.reason:
        mistakes.append(Mistake(form.names.format(name="motif"), SAID["no_reason"]))
    said_by(form, mistakes, form.names)
    return mistakes


def _of_suppliers(form: DecisionForm, detail: Text) -> Mistake:
    return Mistake(form.names.format(name="fournisseurs"), detail)


def _tag(decisions: Iterable[Decision], lot_id: str) -> str:
    """A tag that changes with the decisions on a lot."""
    return etag_of(msgspec.json.encode([each for each in decisions if each.lot_id == lot_id]))


PAGES = (show_decisions, save_decisions, repeat_earlier_decisions)
