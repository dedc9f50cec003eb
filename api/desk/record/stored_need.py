"""The pages of an organisation's needs: listed, stored, shown, changed, moved; what all pages of a need share."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, TypeVar, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame import form as forms
from api.desk.frame.form import Field, Mistake
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import FormOutcome, Visit, acting_at, id_in, match_and_write_once
from api.desk.need.need_form import form_of_need, read_need_form
from api.desk.need.need_in_words import changed_lines, lot_lines, need_lines
from api.desk.need.need_page import need_form_page, refused_need_form
from api.desk.need.understood_need import LONGEST, understand_in_worker, understand_need, with_all_to_ask
from api.needs.freeze_shortlist import MatchedNeed, input_of_new_need, newcomers_since, own_need, progress_with_answers
from api.needs.routes import Edit, NeedChange, NeedDocument, delete_draft, edit_need, need_document, plan_need
from api.needs.shortlists import acts_with_suppliers, treatment_of
from api.runtime.actor import Acting
from api.runtime.etag import etag_of
from api.web.problems import Refusal
from db.core.engine import Connection, transaction
from db.needs.needs import NeedFilters, select_awards, select_needs
from db.needs.shortlists import select_shortlists
from domain.equal_treatment.acts import decision_in_words
from domain.errors import InvalidContent
from domain.needs.need import EMAIL_ADDRESS, WEB_ADDRESS, Buyer, Lot, NeedAndProcedure, PlannedNeed
from domain.needs.status import MOVES, NO_NEED, OPEN, Status, StoredNeed, next_step, state_in_words
from domain.shortlists.version import IdAndName
from domain.text.bilingual import Text
from domain.text.labels import PROCEDURES
from matching.reference import Reference

KNOWN_FIELD = "etat"
"""The field with the entity tag of the need as the form was filled in from it."""


class LotEntryForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form about one lot on a page of lots. `number`: the lot's, from 1, among all lots."""

    number: Annotated[str, Field("rang")] = ""
    lot: Annotated[str, Field("lot")] = ""

    @property
    def pattern(self) -> str:
        """The pattern of the ids that the form's fields have on the page."""
        return f"lot-{self.number}-{forms.NAME}"

    def mistake(self, name: str, detail: Text) -> Mistake:
        """A mistake at the field `name` of this form."""
        return Mistake(self.pattern.replace(forms.NAME, name), detail)


LotForm = TypeVar("LotForm", bound=LotEntryForm)


def read_lot_form(form: type[LotForm], visit: Visit) -> LotForm:
    """The submitted form about a lot; with the number 1 where it says none."""
    read = forms.read_form(form, visit.fields)
    is_numbered = read.number.isascii() and read.number.isdecimal()
    return read if is_numbered else msgspec.structs.replace(read, number="1")


async def own_need_of(visit: Visit, need_id: str) -> StoredNeed:
    """The need with this id, of the visitor's organisation. Raises NotFound."""
    async with transaction(visit.services.database) as connection:
        return await own_need(connection, visit.organisation_id, id_in(need_id, NO_NEED))


def stored_need_page(
    visit: Visit,
    template: str,
    need: StoredNeed,
    status: int | None = None,
    mistakes: Sequence[Mistake] = (),
    **shown: Any,
) -> Response[bytes]:
    """A page about a need. `shown`: what the template reads besides the need, its entity tag and the mistakes."""
    return visit.page(template, status, need=need, etag=etag_of(need_document(need)), mistakes=mistakes, **shown)


def submitted_etag(visit: Visit) -> str:
    """The entity tag of the need from which the form was filled in; a tag that fits no need where the form has none."""
    return visit.text(KNOWN_FIELD) or '""'


async def was_changed_meanwhile(change: Awaitable[object]) -> bool:
    """Await a change; returns whether it was refused because somebody else made one before. Raises as the change."""
    try:
        await change
    except Refusal as refusal:
        if refusal.kind.slug != "stale-version":
            raise
        return True
    return False


async def change_need(visit: Visit, need: StoredNeed, edit: Edit, done_word: str) -> Response[bytes]:
    """Change a need by `edit` and redirect to it; a page with both changes where somebody made another meanwhile.

    `done_word`: the word in the address by which the page says what was done. Raises as `edit_need`.
    """
    if await was_changed_meanwhile(edit_need(acting_at(visit), need.id, submitted_etag(visit), edit)):
        need = await own_need_of(visit, str(need.id))
        now = need_document(need)
        if lines := list(changed_lines(now, edit(now), visit.reference)):
            typed = [(name, text) for name, text in visit.typed_fields() if name != KNOWN_FIELD]
            again, path = [*typed, (KNOWN_FIELD, etag_of(now))], visit.call.scope["path"]
            shown: dict[str, Any] = {"lines": lines, "again": again, "path": path}
            return stored_need_page(visit, "record/need_crossed.html", need, HTTPStatus.CONFLICT, **shown)
    return visit.redirect(f"/besoins/{need.id}?fait={done_word}")


LONGEST_DESCRIPTION = 20_000
MOST_AWARDS = 20
MOST_ACTS = 500
"""Suppliers of a list with which the page of a need says what happened; of a longer one, other pages say it."""


def _fits(pattern: re.Pattern[str]) -> Callable[[str | None], bool]:
    """A function that tells whether a text, if any is given, fits the pattern."""
    return lambda words: words is None or pattern.fullmatch(words) is not None


PAGE = forms.restricted(forms.WORDS, _fits(WEB_ADDRESS), SAID["no_web_address"])
EMAIL = forms.restricted(forms.WORDS, _fits(EMAIL_ADDRESS), SAID["no_email_address"])


class NamesForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a need's details that may change after publication: title, reference, description."""

    title: Annotated[str, Field("titre", "title", forms.bounded_text(LONGEST))] = ""
    reference: Annotated[str, Field("reference", "reference", forms.bounded_text(LONGEST))] = ""
    description: Annotated[str, Field("description", "description", forms.bounded_text(LONGEST_DESCRIPTION))] = ""


class DetailsForm(NamesForm, frozen=True, kw_only=True):
    """The form fields of a need's details: its names, procedure, day of the notice and intentions."""

    procedure: Annotated[str, Field("procedure", "procedure", forms.choice_of(PROCEDURES))] = ""
    planned: Annotated[str, Field("publication", "planned_publication_on", forms.DAY)] = ""
    social: Annotated[str, Field("social", "social_considerations", forms.YES_OR_NO)] = ""
    environmental: Annotated[str, Field("environnement", "environmental_considerations", forms.YES_OR_NO)] = ""
    buyer: Annotated[str, Field("acheteur", "buyer/name", forms.bounded_text(LONGEST))] = ""
    answers_by: Annotated[str, Field("reponses", "answers_by", forms.DAY)] = ""
    answers_url: Annotated[str, Field("page-reponses", "answers_url", PAGE)] = ""
    answers_email: Annotated[str, Field("courriel", "answers_email", EMAIL)] = ""


@page("GET", "/besoins/{need_id}", scope="needs")
async def show_need(visit: Visit, need_id: str) -> Response[bytes]:
    """The page of a need: what it says, its status, its next step."""
    return await _need_page(visit, await own_need_of(visit, need_id))


@page("POST", "/besoins/{need_id}", scope="needs")
async def change_need_details(visit: Visit, need_id: str) -> Response[bytes]:
    """Store the details that the form on a need's page gives (title, dates…) and redirect to that page."""
    need = await own_need_of(visit, need_id)
    mistakes: list[Mistake] = []
    values = forms.request_parts(
        forms.read_form(DetailsForm if need.status in OPEN else NamesForm, visit.fields), mistakes
    )
    if mistakes:
        return await _need_page(visit, need, mistakes)

    return await change_need(visit, need, partial(_with_details, **values), "complete")


def _with_details(before: NeedDocument, *, buyer: dict[str, Any] | None = None, **details: Any) -> NeedChange:
    """The stored need with other details; `buyer`: what of the buyer is another, the rest of which stays."""
    if buyer is not None and (before.buyer is not None or any(buyer.values())):
        details["buyer"] = msgspec.structs.replace(before.buyer or Buyer(), **buyer)
    return msgspec.structs.replace(before, **details)


@page("GET", "/besoins/{need_id}/etat", scope="needs")
async def ask_to_move_need(visit: Visit, need_id: str) -> Response[bytes]:
    """The page that asks to confirm a need's next status, and says what follows from it."""
    need = await own_need_of(visit, need_id)
    wanted = visit.text("vers")
    if wanted not in MOVES[need.status]:
        return visit.redirect(f"/besoins/{need.id}")
    return await _confirmation_page(visit, need, wanted)


@page("POST", "/besoins/{need_id}/etat", scope="needs")
async def move_need(visit: Visit, need_id: str) -> Response[bytes]:
    """Give a need its next status and redirect to it; ask again where somebody else changed it meanwhile."""
    need = await own_need_of(visit, need_id)
    wanted = cast("Status", visit.text("vers"))
    if wanted == need.status:  # the form was sent twice
        return visit.redirect(f"/besoins/{need.id}?fait=etat")
    if wanted not in MOVES[need.status]:
        return visit.redirect(f"/besoins/{need.id}")
    edit = partial(msgspec.structs.replace, status=wanted)
    if await was_changed_meanwhile(edit_need(acting_at(visit), need.id, submitted_etag(visit), edit, status_only=True)):
        return await _confirmation_page(visit, need, wanted, crossed=True)
    return visit.redirect(f"/besoins/{need.id}?fait=etat")


async def _confirmation_page(visit: Visit, need: StoredNeed, wanted: str, *, crossed: bool = False) -> Response[bytes]:
    """The page that asks to confirm a need's next status or deletion; before publication it counts the gaps.

    `crossed`: the page (409) says that somebody else changed the need meanwhile.
    """
    gaps = 0
    if wanted == "published":
        async with transaction(visit.services.database) as connection:
            gaps = len((await treatment_of(connection, visit.organisation_id, need.id, visit.language)).gaps)
    status = HTTPStatus.CONFLICT if crossed else HTTPStatus.OK
    shown: dict[str, Any] = {"wanted": wanted, "crossed": crossed, "gaps": gaps}
    return stored_need_page(visit, "record/need_state.html", need, status, **shown)


@page("GET", "/besoins/{need_id}/supprimer", scope="needs")
async def ask_for_deletion(visit: Visit, need_id: str) -> Response[bytes]:
    """The page that asks to confirm that a draft is deleted."""
    need = await own_need_of(visit, need_id)
    if need.status != "draft":
        return visit.redirect(f"/besoins/{need.id}")
    return await _confirmation_page(visit, need, "deleted")


@page("POST", "/besoins/{need_id}/supprimer", scope="needs")
async def discard_draft(visit: Visit, need_id: str) -> Response[bytes]:
    """Delete a draft and redirect to the list of needs."""
    need = await own_need_of(visit, need_id)
    if await was_changed_meanwhile(delete_draft(acting_at(visit), need.id, submitted_etag(visit))):
        return await _confirmation_page(visit, need, "deleted", crossed=True)
    return visit.redirect("/besoins?fait=supprime")


async def _need_page(visit: Visit, need: StoredNeed, mistakes: Sequence[Mistake] = ()) -> Response[bytes]:
    """The page of a need; with mistakes, the form of its details is shown as it was filled in."""
    async with transaction(visit.services.database) as connection:
        organisation = visit.organisation_id
        progress = await progress_with_answers(connection, organisation, [need])
        versions = await select_shortlists(connection, organisation, need.id, None, 1)
        shown = sum(lot.shown for version in versions for lot in version.totals)
        acts = (
            await acts_with_suppliers(connection, acting_at(visit), need.id) if versions and shown <= MOST_ACTS else []
        )
        awards = await select_awards(connection, organisation, need.id, None, MOST_AWARDS)
    newcomers: tuple[IdAndName, ...] = ()
    if need.status in OPEN:
        with suppress(InvalidContent):  # the version's need may be of places that are no more
            newcomers = await newcomers_since(acting_at(visit), need)
    form = forms.read_form(DetailsForm, visit.fields) if mistakes else forms.form_of_request(DetailsForm, need.content)
    return stored_need_page(
        visit,
        "record/one_need.html",
        need,
        mistakes=mistakes,
        step=next_step(need, progress[need.id]),
        state=state_in_words(need, progress[need.id]),
        lines=need_lines(need.content, visit.reference),
        lots=[(lot, lot_lines(lot, visit.reference)) for lot in need.content.lots],
        version=versions[0] if versions else None,
        candidates=sum(lot.total for version in versions for lot in version.totals),
        newcomers=newcomers,
        acts=acts,
        counts=Counter(each.act for each in acts),
        decision_in_words=decision_in_words,
        awards=awards,
        form=form,
        moves=MOVES[need.status],
        can_be_deleted=need.status == "draft" and not progress[need.id].exchanges and not awards,
        is_open=need.status in OPEN,
        can_be_changed=need.status in OPEN and visit.call.bearer.may("match"),
        procedures=PROCEDURES,
        longest=LONGEST,
        longest_description=LONGEST_DESCRIPTION,
    )


STATUS_CODES: tuple[Status, ...] = get_args(Status)
NEEDS_AT_ONCE = 20


@page("GET", "/besoins", scope="needs")
async def list_own_needs(visit: Visit) -> Response[bytes]:
    """The organisation's needs, the newest first, each with its state and next step."""
    chosen = cast("Status", visit.text("etat")) if visit.text("etat") in STATUS_CODES else None
    filters = NeedFilters(None if chosen is None else (chosen,))
    organisation = visit.organisation_id
    async with transaction(visit.services.database) as connection:
        fetch = partial(select_needs, connection, organisation, filters)
        needs, following = await visit.page_of_list(f"besoins/{chosen}", UUID, fetch, NEEDS_AT_ONCE)
        progress = await progress_with_answers(connection, organisation, needs)
    return visit.page(
        "record/needs.html",
        needs=[(need, *(tell(need, progress[need.id]) for tell in (state_in_words, next_step))) for need in needs],
        chosen=chosen,
        is_first=not visit.text("suite"),
        following=following,
    )


@page("POST", "/besoins", scope="needs")
async def store_need(visit: Visit) -> Response[bytes]:
    """Store the need that the form says and redirect to it; the form again where something is to be corrected."""
    return await store_need_and_redirect(visit, "?fait=garde")


async def store_need_and_redirect(visit: Visit, way: str) -> Response[bytes]:
    """Store the need of the form with its first shortlist, once, and redirect to its path followed by `way`.

    The form again where something is to be corrected.
    """
    understood = await understand_in_worker(visit, read_need_form(visit.fields))
    if understood.need is None:
        return refused_need_form(visit, understood)
    content = with_all_to_ask(msgspec.convert(understood.need, PlannedNeed, from_attributes=True))

    async def store_matched_need(connection: Connection, acting: Acting, matched: MatchedNeed | None) -> FormOutcome:
        """Store the need with its first shortlist; the outcome is the path to redirect to."""
        stored, _ = await plan_need(connection, acting, content, matched)
        return FormOutcome(f"/besoins/{stored.id}{way}")

    try:
        return await match_and_write_once(visit, partial(input_of_new_need, content=content), store_matched_need)
    except InvalidContent as invalid:
        return refused_need_form(visit, understood, invalid)


def merge_into_need(before: NeedDocument, submitted: NeedAndProcedure, reference: Reference) -> NeedChange:
    """The stored need with the values that its form changed; what the form has no field for stays as it is."""
    as_shown = understand_need(form_of_need(before, keep_ids=True), reference).need
    stored = {lot.id: lot for lot in before.lots}
    shown = {lot.id: lot for lot in as_shown.lots} if as_shown else {}
    lots = []
    for lot in submitted.lots:
        if (was := stored.get(lot.id)) is None:
            lots.append(lot)
            continue
        changes = _changed_values(was, shown.get(lot.id), lot, Lot)
        if "title" in changes:
            # other words were read anew: the trades of the old ones are not theirs
            changes["segments"] = lot.segments
        lots.append(msgspec.structs.replace(was, **changes))
    changes = _changed_values(before, as_shown, submitted, NeedAndProcedure)
    return msgspec.structs.replace(before, **changes | {"lots": tuple(lots)})


def _changed_values(before: Any, as_shown: Any, submitted: Any, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The values of `submitted`, by field, that differ from `as_shown` or, where that is None, from the defaults."""
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "lots":
            continue
        new, old = getattr(submitted, field.name), getattr(before, field.name)
        shown = field.default if as_shown is None else getattr(as_shown, field.name)
        if new == shown:
            continue
        if isinstance(new, Buyer) and isinstance(old, Buyer):
            # what the form does not say of the buyer stays
            new = msgspec.structs.replace(old, **_changed_values(old, shown, new, Buyer))
        changes[field.name] = new
    return changes


@page("GET", "/besoins/{need_id}/changer", scope="needs")
async def show_change_form(visit: Visit, need_id: str) -> Response[bytes]:
    """The form that changes a need, filled in from the stored need."""
    need = await own_need_of(visit, need_id)
    if need.status not in OPEN:
        return visit.redirect(f"/besoins/{need.id}")
    form = form_of_need(need.content, keep_ids=True)
    form = msgspec.structs.replace(form, need_id=str(need.id), known=etag_of(need_document(need)))
    understood = await understand_in_worker(visit, form)
    # what the form cannot say of the need is no mistake yet
    return need_form_page(visit, understood._replace(mistakes=()))


@page("POST", "/besoins/{need_id}/changer", scope="needs")
async def save_changed_need(visit: Visit, need_id: str) -> Response[bytes]:
    """Change a need as its form says and redirect to it; the form again where something is to be corrected."""
    need = await own_need_of(visit, need_id)
    form = msgspec.structs.replace(read_need_form(visit.fields), need_id=str(need.id))
    understood = await understand_in_worker(visit, form)
    if understood.need is None:
        return refused_need_form(visit, understood)
    try:
        edit = partial(merge_into_need, submitted=understood.need, reference=visit.reference)
        return await change_need(visit, need, edit, "change")
    except InvalidContent as invalid:
        return refused_need_form(visit, understood, invalid)
