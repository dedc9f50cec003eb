"""The page of the answer to a need: who could answer each lot and why, what would change that, what the law says.

It asks what `POST /match` asks, and shows what that answers. A button that changes a lot is answered by the lot alone
where a script asks for it, else by the whole page.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from html import escape
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from litestar import Response
from markupsafe import Markup

from api.desk.answer.result_map import lot_maps
from api.desk.answer.result_words import evidence_summary, near_miss_questions, reserved_to, said_in, trade_question
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import LOTS_IN_FIELDS, NeedForm, changed, read_need_form
from api.desk.need.need_page import need_form_page
from api.desk.need.understood_need import Understood, mistakes_of, understood_beside
from api.drawings import Drawing
from api.match import matched
from domain.errors import InvalidContent
from domain.needs.need import Need
from domain.report.lots import best_outcome, by_gravity, points_of_law
from domain.shortlists.shortlist import Shortlist
from matching.engine import RowCounts, match_json

VARIANTS = {
    "none": "",
    "handicap": "handicap",
    "iae": "iae",
    "handicap_iae": "handicap+iae",
    "penitentiary": "penitentiary",
    "ess": "ess",
}
"""The reservations of `alternatives`, as a button asks for them."""
GROUPINGS = 3
SHOWN_FIRST = 10
"""Candidates of a lot that are seen at once; the others unfold."""


MOST_OPEN = LOTS_IN_FIELDS
"""Lots that a page shows with their suppliers; of more, it shows one at a time."""
MOST_CANDIDATES, MOST_DIGITS = 100, 3
"""Candidates of a lot that can be looked at, as in the API."""
MORE = re.compile(r"suite-([1-9][0-9]{0,2})-(1|21|41|61|81)", re.ASCII)
"""The wish for the candidates of a lot, by its number, from one of them on."""


class Opened(NamedTuple):
    """The lots that are shown with their suppliers.

    `first`: the rank of the first candidate shown, of a lot where that is not 1. `is_part`: a script asks for them
    alone, for a page that has the rest.
    """

    lot_ids: tuple[str, ...]
    first: Mapping[str, int]
    is_part: bool


@page("GET", "/besoin/resultat", scope="match")
async def show_result_of_address(visit: Visit) -> Response[bytes]:
    """The answer to the need that the address says; the way to the form where it says none."""
    form = read_need_form(visit.fields)
    return visit.redirect("/besoin") if form == NeedForm() else await _answer(visit, form)


@page("POST", "/besoin/resultat", scope="match")
async def show_result(visit: Visit) -> Response[bytes]:
    """The shortlist of each lot; the form again where something in it is to be corrected."""
    form, wish = read_need_form(visit.fields), visit.text("changer")
    if wish == "distances":
        for lot_id in form.lot_ids:
            form = _with_distance(visit, form, f"rayon-{lot_id}")
        return await _answer(visit, form)
    return await _answer(visit, _with_distance(visit, form, wish) if wish in visit.fields else changed(form, wish))


def _with_distance(visit: Visit, form: NeedForm, field: str) -> NeedForm:
    """The form with the distance that is typed in a field such as `rayon-1`, where there is one."""
    return changed(form, f"{field}-{visit.text(field)}") if field in visit.fields else form


async def _answer(visit: Visit, form: NeedForm) -> Response[bytes]:
    understood = await understood_beside(visit, form)
    if understood.need is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)
    need = msgspec.structs.replace(understood.need.matched, groupings=GROUPINGS)
    opened = _opened(visit, need)
    try:
        shortlist = await _shortlist(visit, need, opened)
    except InvalidContent as invalid:
        refused = understood._replace(mistakes=tuple(mistakes_of(invalid)))
        return need_form_page(visit, understood.form, refused, HTTPStatus.UNPROCESSABLE_ENTITY)
    key = str(visit.call.bearer.organisation_id)
    maps = await visit.services.match_work.run_function(
        lot_maps,
        need,
        shortlist,
        opened.lot_ids,
        visit.language,
        is_much=False,
        key=key,
        left=visit.call.wait_for_disconnect,
    )
    return _page(visit, understood, need, shortlist, opened, maps)


def _opened(visit: Visit, need: Need) -> Opened:
    """The lots to show with their suppliers, and from which candidate on: as a button, or a script, asks for them."""
    lot_ids = [lot.id for lot in need.lots]
    named = MORE.fullmatch(visit.text("changer"))
    first = {lot_ids[int(named[1]) - 1]: int(named[2])} if named and int(named[1]) <= len(lot_ids) else {}
    target = visit.call.headers.get("hx-target", "") if visit.call.method == "POST" else ""
    if len(lot_ids) > MOST_OPEN:
        asked = visit.text("voir") or visit.text("debut")
        number = int(asked) if asked.isdecimal() and asked.isascii() and len(asked) <= MOST_DIGITS else 1
        only = lot_ids[number - 1] if 1 <= number <= len(lot_ids) else lot_ids[0]
        is_part = target == "ouvert" or target.startswith("reponse-")
        return Opened((only,), first, is_part=is_part)
    part = next((lot_id for n, lot_id in enumerate(lot_ids, 1) if f"reponse-{n}" == target), None)
    return Opened((part,) if part else tuple(lot_ids), first, is_part=part is not None)


async def _shortlist(visit: Visit, need: Need, opened: Opened) -> Shortlist:
    """The answer to a need, with rows of the opened lots; of each, from the candidate on from which they are shown."""
    counts = {
        lot_id: RowCounts(opened.first.get(lot_id, 1) + need.limit - 1, need.near_misses, need.groupings)
        for lot_id in opened.lot_ids
    }
    # of the other lots the page says how many candidates there are, not who
    brief = msgspec.structs.replace(need, limit=1, near_misses=0, groupings=0)
    full = msgspec.structs.replace(need, lots=tuple(lot for lot in need.lots if lot.id in opened.lot_ids))
    answer = await matched(visit.call, brief, partial(match_json, rows_of=counts), besides=full)
    shortlist = msgspec.json.decode(answer, type=Shortlist)
    lots = (
        msgspec.structs.replace(lot, candidates=lot.candidates[opened.first.get(lot.id, 1) - 1 :])
        for lot in shortlist.lots
    )
    return msgspec.structs.replace(shortlist, lots=tuple(lots))


def _page(
    visit: Visit, understood: Understood, need: Need, shortlist: Shortlist, opened: Opened, maps: dict[str, Drawing]
) -> Response[bytes]:
    """The page, or the part of it that changes with a lot. `maps`: of the lots that are opened."""
    # the body of the same request to the API; of many lots without a line for each value
    body = json.dumps(said_in(need), ensure_ascii=False, indent=None if len(need.lots) > MOST_OPEN else 2)
    lots, positions = {lot.id: lot for lot in need.lots}, {lot.id: n for n, lot in enumerate(shortlist.lots, 1)}
    return visit.page(
        "answer/result_changed.html" if opened.is_part else "answer/result.html",
        form=understood.form,
        need=need,
        body=Markup(escape(body, quote=False)),  # noqa: S704 - what stands between tags may have its quotes
        shortlist=shortlist,
        opened=[lot for lot in shortlist.lots if lot.id in opened.lot_ids],
        only=positions[opened.lot_ids[0]] if len(lots) > MOST_OPEN else None,
        tensions=Counter(lot.tension.level for lot in shortlist.lots),
        of_need=by_gravity(shortlist.advice),
        of_lots={lot.id: points_of_law(lot) for lot in shortlist.lots},
        asked_of=lots,
        positions=positions,
        maps=maps,
        first=SHOWN_FIRST,
        at_once=need.limit,
        most_candidates=MOST_CANDIDATES,
        variants=VARIANTS,
        now_of={lot.id: reserved_to(lots[lot.id].reserved or ()) for lot in shortlist.lots},
        commune=visit.services.reference.territories.commune_name,
        label=visit.services.reference.taxonomy.label,
        best_outcome=best_outcome,
        near_miss_questions=near_miss_questions,
        trade_question=trade_question,
        evidence_summary=evidence_summary,
    )


PAGES = (show_result_of_address, show_result)
