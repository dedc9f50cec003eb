"""The decisions on the suppliers of a need's latest shortlist: kept or set aside, several at once, with the reason."""

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from litestar import Response

from api.desk.frame.mistakes import Mistake
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import acting_at, id_in
from api.desk.need.need_form import lots_from
from api.desk.record.one_need_page import too_long
from api.desk.record.stored_need import listed_lines, own_need_of, stored_need_page
from api.needs.decide import NO_SUPPLIER, DecisionChange, decide, repeat_decisions, repeatable
from api.needs.own_need import version_of
from api.runtime.etag import etag_of, require_known
from api.web.problems import Refusal
from db.core.engine import transaction
from db.needs.shortlists import earlier_decisions
from domain.needs.status import MOVES, NO_NEED, StoredNeed
from domain.report.summary import best_outcome
from domain.shortlists.frozen import Decision, DecisionCode, DecisionKey
from domain.text.bilingual import Text

LONGEST_REASON = 4_000
CHOICES: dict[str, DecisionCode | None] = {"kept": "kept", "set_aside": "set_aside", "none": None}


class DecisionForm(NamedTuple):
    """Decisions as they were filled in, on suppliers of one lot.

    `place`: of the lot in the page, from 1; `number`: of the version; `known`: the tag of the lot's decisions when the
    form was shown.
    """

    place: str = ""
    lot: str = ""
    number: str = ""
    known: str = ""
    suppliers: tuple[str, ...] = ()
    choice: str = ""
    reason: str = ""


@page("GET", "/besoins/{need_id}/decisions", scope="needs")
async def show_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """The suppliers of the latest version, lot by lot, with forms that decide on some of them."""
    return await _decisions(visit, await own_need_of(visit, need_id), DecisionForm())


@page("POST", "/besoins/{need_id}/decisions", scope="needs")
async def save_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """The way to the decisions; the form again where something is missing, or somebody else decided meanwhile."""
    need, form = await own_need_of(visit, need_id), _read(visit)
    if mistakes := tuple(_mistakes(form)):
        return await _decisions(visit, need, form, mistakes, HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.number != str(need.shortlists):
        return await _decisions(visit, need, form, (_of_suppliers(form, NEWER_VERSION),), HTTPStatus.CONFLICT)
    try:
        await _decide(visit, need, form)
    except Refusal as refusal:
        if refusal.kind.slug != "stale-version":
            raise
        return await _decisions(visit, need, form, (_of_suppliers(form, CROSSED),), HTTPStatus.CONFLICT)
    return visit.redirect(f"/besoins/{need.id}/decisions?fait={len(form.suppliers)}&lots={form.place}#lot-{form.place}")


@page("POST", "/besoins/{need_id}/decisions/reprendre", scope="needs")
async def repeat_earlier_decisions(visit: Visit, need_id: str) -> Response[bytes]:
    """The way to the decisions, once those of earlier versions are repeated on the latest."""
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
    mistakes: tuple[Mistake, ...] = (),
    status: int = HTTPStatus.OK,
) -> Response[bytes]:
    async with transaction(visit.services.database) as connection:
        organisation = visit.call.bearer.organisation_id
        version = await version_of(connection, organisation, need.id, "latest")
        earlier = await earlier_decisions(connection, organisation, need.id, version.number)
    repeated = await asyncio.to_thread(repeatable, version, earlier) if earlier else {}
    shortlist = await asyncio.to_thread(lambda: version.shortlist)
    return stored_need_page(
        visit,
        "record/decisions.html",
        need,
        status,
        mistakes,
        form=form,
        version=version,
        shown=lots_from(shortlist.lots, form.place or visit.text("lots"), listed_lines),
        decisions={(each.lot_id, each.supplier_id): each for each in version.decisions},
        tags={lot.id: _tag(version.decisions, lot.id) for lot in shortlist.lots},
        totals=version.totals,
        titles={lot.id: lot.title or "" for lot in version.need.lots},
        reserved={lot.id: lot.reserved for lot in version.need.lots},
        can_decide=bool(MOVES[need.status]),
        commune=visit.services.reference.territories.commune_name,
        best_outcome=best_outcome,
        repeated=len(repeated),
        longest_reason=LONGEST_REASON,
    )


def _read(visit: Visit) -> DecisionForm:
    place = visit.text("rang")
    return DecisionForm(
        place=place if place.isascii() and place.isdecimal() else "1",
        lot=visit.text("lot"),
        number=visit.text("version"),
        known=visit.text("vu"),
        suppliers=tuple(dict.fromkeys(visit.fields.get("fournisseur", ()))),
        choice=visit.text("decision"),
        reason=visit.text("motif"),
    )


def _mistakes(form: DecisionForm) -> Iterable[Mistake]:
    if not form.suppliers:
        yield _of_suppliers(form, NOBODY)
    if form.choice not in CHOICES:
        yield Mistake(f"lot-{form.place}-decision", NO_CHOICE)
    elif CHOICES[form.choice] and not form.reason:
        yield Mistake(f"lot-{form.place}-motif", NO_REASON)
    if len(form.reason) > LONGEST_REASON:
        yield Mistake(f"lot-{form.place}-motif", too_long(LONGEST_REASON))


def _of_suppliers(form: DecisionForm, detail: Text) -> Mistake:
    return Mistake(f"lot-{form.place}-fournisseurs", detail)


def _tag(decisions: Iterable[Decision], lot_id: str) -> str:
    """A tag that changes with the decisions on a lot."""
    return etag_of(msgspec.json.encode([each for each in decisions if each.lot_id == lot_id]))


NOBODY = Text("Cochez au moins un fournisseur", "Tick at least one supplier")
NO_CHOICE = Text("Choisissez : retenir, écarter, ou ne plus décider", "Choose: keep, set aside, or withdraw")
NO_REASON = Text(
    "Donnez le motif : il figure au rapport et vous protège si le choix est contesté",
    "Give the reason: it is in the report, and protects you if the choice is contested",
)
CROSSED = Text(
    "Quelqu'un d'autre vient de décider sur ce lot : voyez ses décisions dans le tableau, puis enregistrez si "
    "les vôtres tiennent toujours",
    "Somebody else has just decided on this lot: see these decisions in the table, then save if yours still stand",
)
NEWER_VERSION = Text(
    "Une nouvelle version de la liste a été figée : la voici, décidez sur elle",
    "A new version of the shortlist was frozen: here it is, decide on it",
)

PAGES = (show_decisions, save_decisions, repeat_earlier_decisions)
