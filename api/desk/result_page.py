"""The page of the answer to a need: who could answer each lot and why, what would change that, what the law says.

It asks what `POST /match` asks, and shows what that answers.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar import Response

from api.desk.need_form import changed, read_need_form
from api.desk.need_page import need_form_page
from api.desk.page import page
from api.desk.understood_need import Understood, mistakes_of, understand
from api.desk.visit import Visit
from api.match import matched
from api.reports.svg import Drawing, map_drawing
from domain.errors import InvalidContent
from domain.needs.need import Need, Place
from domain.report.build import best_outcome, standings_of
from domain.shortlists.shortlist import Advice, Confidence, LotShortlist, Severity, Shortlist, SupplierSummary
from domain.text.bilingual import Language
from matching.engine import match_json
from matching.geo.report_map import map_sheets
from matching.reference import Reference

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


class LegalPoint(NamedTuple):
    """A point of law, or of counsel: how grave it is, in words, by which article, and how sure that reading is."""

    severity: Severity
    message: str
    article: str | None
    confidence: Confidence | None


@page("GET", "/besoin/resultat", scope="match")
async def show_form_again(visit: Visit) -> Response[bytes]:
    """The way to the form: an answer is asked for by sending it."""
    query = urlencode(visit.typed())
    return visit.redirect(f"/besoin?{query}" if query else "/besoin")


@page("POST", "/besoin/resultat", scope="match")
async def show_result(visit: Visit) -> Response[bytes]:
    """The shortlist of each lot; the form again where something in it is to be corrected."""
    form = changed(read_need_form(visit.fields), visit.text("changer"))
    understood = understand(form, visit.services.reference)
    if understood.need is None:
        return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY)
    need = understood.need.matched
    try:
        answer = await matched(visit.call, need, match_json)
    except InvalidContent as invalid:
        refused = understood._replace(mistakes=tuple(mistakes_of(invalid)))
        return need_form_page(visit, understood.form, refused, HTTPStatus.UNPROCESSABLE_ENTITY)
    shortlist = msgspec.json.decode(answer, type=Shortlist)
    key = str(visit.call.bearer.organisation_id)
    drawn = await visit.services.match_work.beside(
        _map, need, shortlist, visit.language, is_much=False, key=key, left=visit.call.left
    )
    return _page(visit, understood, need, shortlist, drawn)


def _page(visit: Visit, understood: Understood, need: Need, shortlist: Shortlist, drawn: Drawing) -> Response[bytes]:
    return visit.page(
        "result.html",
        form=understood.form,
        need=need,
        body=msgspec.json.format(msgspec.json.encode(need), indent=2).decode(),
        shortlist=shortlist,
        of_need=_in_order(shortlist.advice),
        of_lots=[list(_legal_points(lot)) for lot in shortlist.lots],
        map=drawn,
        variants=VARIANTS,
        commune=visit.services.reference.territories.commune_name,
        label=visit.services.reference.taxonomy.label,
        best_outcome=best_outcome,
    )


def _legal_points(lot: LotShortlist) -> Iterator[LegalPoint]:
    """The points of law on a lot, the gravest first."""
    found = [
        LegalPoint(
            "blocking" if finding.outcome == "INELIGIBLE" else "warning",
            finding.message,
            finding.article,
            finding.confidence,
        )
        for finding in lot.reservation.findings
    ]
    yield from sorted([*found, *_in_order(lot.advice)], key=lambda each: MOST_GRAVE_FIRST.index(each.severity))


def _in_order(advice: tuple[Advice, ...]) -> list[LegalPoint]:
    points = [LegalPoint(each.severity, each.message, each.article, each.confidence) for each in advice]
    return sorted(points, key=lambda each: MOST_GRAVE_FIRST.index(each.severity))


def _map(reference: Reference, need: Need, shortlist: Shortlist, language: Language) -> Drawing:
    """The map of the suppliers of all lots, each by the best that it may do on one of them."""
    standings = standings_of(shortlist)
    placed = [(standings[each.id], each.location) for each in _suppliers(shortlist) if each.location is not None]
    territories = [lot.territory or need.territory for lot in need.lots]
    unique = list(dict.fromkeys(each for each in territories if each is not None))
    sites: list[Place] = list(dict.fromkeys(lot.site for lot in need.lots if lot.site))
    sheets = map_sheets(reference.geography, unique, sites, [at for _, at in placed])
    return map_drawing([standing for standing, _ in placed], need.title or "", language, sheets)


def _suppliers(shortlist: Shortlist) -> list[SupplierSummary]:
    rows = [row.supplier for lot in shortlist.lots for row in lot.candidates]
    rows += [row.supplier for lot in shortlist.lots for row in lot.near_misses]
    return list({each.id: each for each in rows}.values())


PAGES = (show_form_again, show_result)
