"""The page of the answer to a need: who could answer each lot and why, what would change that, what the law says.

It asks what `POST /match` asks, and shows what that answers. A button that changes a lot is answered by the lot alone
where a script asks for it, else by the whole page.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from litestar import Response

from api.desk.need_form import NeedForm, changed, read_need_form
from api.desk.need_page import need_form_page
from api.desk.page import page
from api.desk.result_map import lot_maps
from api.desk.result_words import evidence_summary, near_miss_questions, reserved_to, trade_question
from api.desk.understood_need import Understood, mistakes_of, understood_beside
from api.desk.visit import Visit
from api.match import matched
from api.reports.svg import Drawing
from domain.errors import InvalidContent
from domain.needs.need import Need
from domain.report.build import best_outcome
from domain.shortlists.shortlist import Advice, Confidence, LotShortlist, Severity, Shortlist
from matching.engine import match_json

MOST_GRAVE_FIRST: tuple[Severity, ...] = ("blocking", "warning", "info")
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


class LegalPoint(NamedTuple):
    """A point of law, or of counsel: how grave it is, in words, by which article, and how sure that reading is."""

    severity: Severity
    message: str
    article: str | None
    confidence: Confidence | None


@page("GET", "/besoin/resultat", scope="match")
async def show_result_of_address(visit: Visit) -> Response[bytes]:
    """The answer to the need that the address says; the way to the form where it says none."""
    form = read_need_form(visit.fields)
    return visit.redirect("/besoin") if form == NeedForm() else await _answered(visit, form)


@page("POST", "/besoin/resultat", scope="match")
async def show_result(visit: Visit) -> Response[bytes]:
    """The shortlist of each lot; the form again where something in it is to be corrected."""
    form, wish = read_need_form(visit.fields), visit.text("changer")
    if wish == "distances":
        for lot_id in form.lot_ids:
            form = _with_distance(visit, form, f"rayon-{lot_id}")
        return await _answered(visit, form)
    return await _answered(visit, _with_distance(visit, form, wish) if wish in visit.fields else changed(form, wish))


def _with_distance(visit: Visit, form: NeedForm, field: str) -> NeedForm:
    """The form with the distance that is typed in a field such as `rayon-1`, where there is one."""
    return changed(form, f"{field}-{visit.text(field)}") if field in visit.fields else form


async def _answered(visit: Visit, form: NeedForm) -> Response[bytes]:
    understood = await understood_beside(visit, form)
    if understood.need is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)
    need = msgspec.structs.replace(understood.need.matched, groupings=GROUPINGS)
    try:
        answer = await matched(visit.call, need, match_json)
    except InvalidContent as invalid:
        refused = understood._replace(mistakes=tuple(mistakes_of(invalid)))
        return need_form_page(visit, understood.form, refused, HTTPStatus.UNPROCESSABLE_ENTITY)
    shortlist = msgspec.json.decode(answer, type=Shortlist)
    part = _lot_asked_for(visit, shortlist)
    shown = (part,) if part else tuple(lot.id for lot in shortlist.lots)
    key = str(visit.call.bearer.organisation_id)
    maps = await visit.services.match_work.beside(
        lot_maps, need, shortlist, shown, visit.language, is_much=False, key=key, left=visit.call.left
    )
    return _page(visit, understood, need, shortlist, part, maps)


def _lot_asked_for(visit: Visit, shortlist: Shortlist) -> str | None:
    """The lot that a script asks for, of a page that shows the others already; None where the whole page is."""
    asked = visit.call.headers.get("hx-target", "") if visit.call.method == "POST" else ""
    return next((lot.id for n, lot in enumerate(shortlist.lots, 1) if f"reponse-{n}" == asked), None)


def _page(
    visit: Visit, understood: Understood, need: Need, shortlist: Shortlist, part: str | None, maps: dict[str, Drawing]
) -> Response[bytes]:
    """The page, or the part of it that changes with a lot. `maps`: of the lots that are shown."""
    lots = {lot.id: lot for lot in need.lots}
    return visit.page(
        "result_changed.html" if part else "result.html",
        form=understood.form,
        need=need,
        body=msgspec.json.format(msgspec.json.encode(need), indent=2).decode(),
        shortlist=shortlist,
        part=part,
        of_need=_in_order(shortlist.advice),
        of_lots={lot.id: _legal_points(lot) for lot in shortlist.lots},
        asked_of=lots,
        positions={lot.id: n for n, lot in enumerate(shortlist.lots, 1)},
        maps=maps,
        first=SHOWN_FIRST,
        variants=VARIANTS,
        now_of={lot.id: reserved_to(lots[lot.id].reserved or ()) for lot in shortlist.lots},
        commune=visit.services.reference.territories.commune_name,
        label=visit.services.reference.taxonomy.label,
        best_outcome=best_outcome,
        near_miss_questions=near_miss_questions,
        trade_question=trade_question,
        evidence_summary=evidence_summary,
    )


def _legal_points(lot: LotShortlist) -> list[LegalPoint]:
    """The points of law on a lot, the gravest first."""
    return sorted([*_findings(lot), *_in_order(lot.advice)], key=lambda each: MOST_GRAVE_FIRST.index(each.severity))


def _findings(lot: LotShortlist) -> Iterator[LegalPoint]:
    for each in lot.reservation.findings:
        severity: Severity = "blocking" if each.outcome == "INELIGIBLE" else "warning"
        yield LegalPoint(severity, each.message, each.article, each.confidence)


def _in_order(advice: tuple[Advice, ...]) -> list[LegalPoint]:
    points = [LegalPoint(each.severity, each.message, each.article, each.confidence) for each in advice]
    return sorted(points, key=lambda each: MOST_GRAVE_FIRST.index(each.severity))


PAGES = (show_result_of_address, show_result)
