"""The page of decisions on a need's suppliers: whom to ask and, once they were asked, whom to retain."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Response

from api.desk.frame import form as forms
from api.desk.frame.form import Field, Mistake
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, acting_at, id_in
from api.desk.record.stored_need import (
    LotEntryForm,
    own_need_of,
    read_lot_form,
    stored_need_page,
    was_changed_meanwhile,
)
from api.desk.record.versions_page import version_details
from api.needs.freeze_shortlist import version_of
from api.needs.shortlists import (
    NO_SUPPLIER,
    DecisionChange,
    acts_with_suppliers,
    change_decisions,
    repeat_decisions,
    repeatable_decisions,
)
from api.runtime.etag import etag_of, require_if_match
from db.core.engine import transaction
from db.needs.shortlists import earlier_decisions
from domain.equal_treatment.acts import is_to_be_confirmed
from domain.needs.status import MOVES, NO_NEED, StoredNeed
from domain.shortlists.version import Decision, DecisionCode, DecisionKey

LONGEST_REASON = 4_000
MOST_NAMED = 20
"""Suppliers that a confirmation names; of more it says how many."""
CHOICES: dict[str, DecisionCode | None] = {"kept": "kept", "set_aside": "set_aside", "none": None}


class DecisionForm(LotEntryForm, frozen=True, kw_only=True):
    """The form fields of a decision on suppliers of one lot.

    `version`: its number; `known`: the tag of the lot's decisions when the form was shown.
    """

    version: Annotated[str, Field("version")] = ""
    known: Annotated[str, Field("vu")] = ""
    suppliers: Annotated[tuple[str, ...], Field("fournisseur")] = ()
    choice: Annotated[str, Field("decision")] = ""
    reason: Annotated[str, Field("motif", "reason", forms.bounded_text(LONGEST_REASON))] = ""


@page("GET", "/besoins/{need_id}/decisions", scope="needs")
async def show_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """The suppliers of the latest version, lot by lot, with forms that decide on some of them."""
    return await _decisions_page(visit, await own_need_of(visit, need_id), DecisionForm())


@page("POST", "/besoins/{need_id}/decisions", scope="needs")
async def save_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """Store decisions and redirect to them; the form again where something is missing, or somebody else decided."""
    need, form = await own_need_of(visit, need_id), read_lot_form(DecisionForm, visit)
    mistakes = [] if form.suppliers else [form.mistake("fournisseurs", SAID["nobody"])]
    if form.choice not in CHOICES:
        mistakes.append(form.mistake("decision", SAID["no_choice"]))
    elif CHOICES[form.choice] and not form.reason:
        mistakes.append(form.mistake("motif", SAID["no_reason"]))
    forms.request_parts(form, mistakes, form.pattern)
    if mistakes:
        return await _decisions_page(visit, need, form, mistakes)
    if form.version != str(need.shortlists):
        newer = form.mistake("fournisseurs", SAID["newer_version"])
        return await _decisions_page(visit, need, form, [newer], HTTPStatus.CONFLICT)
    if form.choice == "kept" and not visit.text("confirme") and (asking := await _confirmation_page(visit, need, form)):
        return asking
    choice, reason = CHOICES[form.choice], form.reason if CHOICES[form.choice] else None
    chosen = [id_in(each, NO_SUPPLIER) for each in form.suppliers]
    changes = [(each, DecisionChange(form.lot, choice, reason)) for each in chosen]

    def require_unchanged(decisions: Mapping[DecisionKey, Decision]) -> None:
        """Raise Refusal where others decided on the lot since the form was shown; not where the form is sent twice."""
        wanted = None if choice is None else (choice, reason)
        of_lot = {key.supplier_id: each for key, each in decisions.items() if key.lot_id == form.lot}
        present = {supplier: (each.decision, each.reason) for supplier, each in of_lot.items()}
        if any(present.get(supplier) != wanted for supplier in chosen):
            require_if_match(form.known, _etag_of_decisions(decisions.values(), form.lot))

    async def store_decisions() -> None:
        async with transaction(visit.services.database) as connection:
            acts = await acts_with_suppliers(connection, acting_at(visit), need.id) if choice == "kept" else ()
            # retained since now, and not since it was to be asked
            again = {each.supplier_id for each in acts if is_to_be_confirmed(each, form.lot)}
            undone = [(each, DecisionChange(form.lot, None)) for each in chosen if each in again]
            both = [*undone, *changes]
            await change_decisions(connection, acting_at(visit), need.id, form.version, both, require_unchanged)

    if await was_changed_meanwhile(store_decisions()):
        crossed = form.mistake("fournisseurs", SAID["crossed"])
        return await _decisions_page(visit, need, form, [crossed], HTTPStatus.CONFLICT)
    return visit.redirect(f"/besoins/{need.id}/decisions?fait={len(changes)}&lots={form.number}#lot-{form.number}")


@page("POST", "/besoins/{need_id}/decisions/reprendre", scope="needs")
async def repeat_earlier_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """Repeat the decisions of earlier versions on the latest, and redirect to them."""
    own = id_in(need_id, NO_NEED)
    async with transaction(visit.services.database) as connection:
        number = await repeat_decisions(connection, acting_at(visit), own)
    return visit.redirect(f"/besoins/{own}/decisions?fait={number}")


async def _confirmation_page(visit: Visit, need: StoredNeed, form: DecisionForm) -> Response[bytes] | None:
    """The page that says what retaining means, and who of the lot was not asked; None where nobody was asked yet, and
    the decision is about whom to ask."""
    async with transaction(visit.services.database) as connection:
        acts = await acts_with_suppliers(connection, acting_at(visit), need.id)
    if not any(each.asked_at for each in acts):
        return None
    chosen = {id_in(each, NO_SUPPLIER) for each in form.suppliers}
    of_lot = [each for each in acts if form.lot in each.lots or each.supplier_id in chosen]
    return stored_need_page(
        visit,
        "record/retain.html",
        need,
        retained=len(chosen),
        names=[each.name for each in of_lot if each.supplier_id in chosen],
        not_asked=[each for each in of_lot if each.asked_at is None],
        lot=next((lot for lot in need.content.lots if lot.id == form.lot), None),
        reason=form.reason,
        typed=visit.typed_fields(),
        most_named=MOST_NAMED,
    )


async def _decisions_page(
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
        acts = await acts_with_suppliers(connection, acting_at(visit), need.id)
    repeated = await asyncio.to_thread(repeatable_decisions, version, earlier) if earlier else ()
    return stored_need_page(
        visit,
        "record/decisions.html",
        need,
        status,
        mistakes,
        form=form,
        **await version_details(version, acts, form.number or visit.text("lots")),
        is_asked=any(each.asked_at for each in acts),
        tags={lot.id: _etag_of_decisions(version.decisions, lot.id) for lot in version.need.lots},
        totals=version.totals,
        can_decide=bool(MOVES[need.status]),
        repeated=len(repeated),
        longest_reason=LONGEST_REASON,
    )


def _etag_of_decisions(decisions: Iterable[Decision], lot_id: str) -> str:
    """An entity tag of the decisions on one lot."""
    return etag_of(msgspec.json.encode([each for each in decisions if each.lot_id == lot_id]))
