"""The page of the answer to a need: who could answer each lot and why, what would change that, what the law says.

It asks what `POST /match` asks, and shows what that answers. A button that changes a lot is answered by the lot alone
where a script asks for it, else by the whole page.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from typing import Any

import msgspec
from litestar import Response
from markupsafe import Markup

from api.desk.frame.layout import CODE_WORDS
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import LOTS_IN_FIELDS, NeedForm, change_form, read_need_form
from api.desk.need.need_page import refused_need_form
from api.desk.need.understood_need import understand_beside_requests
from api.drawings import Drawing, Pin, map_drawing
from api.match import answer_match
from domain.errors import InvalidContent
from domain.exchanges.letter import lot_name
from domain.needs.need import Lot, Need
from domain.report.lots import best_outcome, by_gravity, points_of_law, standings_of
from domain.shortlists.shortlist import Gate, LotShortlist, NearMiss, SegmentAnswer, Shortlist
from domain.text.bilingual import Language, Text, join_texts
from domain.text.labels import RESERVED
from matching.engine import RowCounts, match_json
from matching.geo.map_sheets import map_sheets
from matching.reference import Reference

VARIANTS = {"none": ""} | {
    name: name.replace("_", "+") for name in ("handicap", "iae", "handicap_iae", "penitentiary", "ess")
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
MOST_EVIDENCE = 3
"""An answer carries no more pieces of evidence for one offer."""


@page("GET", "/besoin/resultat", scope="match")
async def show_result_of_address(visit: Visit) -> Response[bytes]:
    """The answer to the need in the query; a redirect to the form where the query has none."""
    form = read_need_form(visit.fields)
    return visit.redirect("/besoin") if form == NeedForm() else await _answer_need(visit, form)


@page("POST", "/besoin/resultat", scope="match")
async def show_result(visit: Visit) -> Response[bytes]:
    """The shortlist of each lot; the form again where something in it is to be corrected."""
    form, wish = read_need_form(visit.fields), visit.text("changer")
    typed = [f"rayon-{lot_id}" for lot_id in form.lot_ids] if wish == "distances" else [wish]
    for field in typed:
        # the distance that is typed in a field such as `rayon-1`
        if field in visit.fields:
            form = change_form(form, f"{field}-{visit.text(field)}")
    return await _answer_need(visit, form if wish == "distances" or wish in visit.fields else change_form(form, wish))


async def _answer_need(visit: Visit, form: NeedForm) -> Response[bytes]:
    understood = await understand_beside_requests(visit, form)
    if understood.need is None:
        return refused_need_form(visit, understood)
    need = msgspec.structs.replace(understood.need.matched, groupings=GROUPINGS)
    opened, is_part = _opened_lots(visit, need)
    try:
        shortlist = await _shortlist(visit, need, opened)
    except InvalidContent as invalid:
        return refused_need_form(visit, understood, invalid)
    asked_of, positions = {lot.id: lot for lot in need.lots}, {lot.id: n for n, lot in enumerate(shortlist.lots, 1)}
    # the body of the same request to the API; of many lots without a line for each value
    body = json.dumps(without_defaults(need), ensure_ascii=False, indent=None if len(need.lots) > MOST_OPEN else 2)
    return visit.page(
        "answer/result_changed.html" if is_part else "answer/result.html",
        form=understood.form,
        need=need,
        body=Markup(escape(body, quote=False)),  # noqa: S704 - what stands between tags may have its quotes
        shortlist=shortlist,
        opened=[lot for lot in shortlist.lots if lot.id in opened],
        only=positions[opened[0]] if len(need.lots) > MOST_OPEN else None,
        tensions=Counter(lot.tension.level for lot in shortlist.lots),
        of_need=by_gravity(shortlist.advice),
        of_lots={lot.id: points_of_law(lot) for lot in shortlist.lots},
        asked_of=asked_of,
        positions=positions,
        maps=await visit.work_out(lot_maps, need, shortlist, opened, visit.language),
        first=SHOWN_FIRST,
        at_once=need.limit,
        most_candidates=MOST_CANDIDATES,
        variants=VARIANTS,
        now_of={lot.id: reservation_name(lot.reserved or ()) for lot in need.lots},
        best_outcome=best_outcome,
        near_miss_questions=near_miss_questions,
        question=question_to_suppliers,
        evidence_summary=evidence_summary,
    )


def _opened_lots(visit: Visit, need: Need) -> tuple[tuple[str, ...], bool]:
    """The ids of the lots to show with their suppliers, and whether a script asks for them alone, without the page."""
    lot_ids = [lot.id for lot in need.lots]
    target = visit.call.headers.get("hx-target", "") if visit.call.method == "POST" else ""
    if len(lot_ids) > MOST_OPEN:
        asked = visit.text("voir") or visit.text("debut")
        number = int(asked) if asked.isdecimal() and asked.isascii() and len(asked) <= MOST_DIGITS else 1
        only = lot_ids[number - 1] if 1 <= number <= len(lot_ids) else lot_ids[0]
        is_part = target == "ouvert" or target.startswith("reponse-")
        return (only,), is_part
    part = next((lot_id for n, lot_id in enumerate(lot_ids, 1) if f"reponse-{n}" == target), None)
    return (part,) if part else tuple(lot_ids), part is not None


async def _shortlist(visit: Visit, need: Need, opened: tuple[str, ...]) -> Shortlist:
    """The answer to a need, with rows of the opened lots; of one of them from the candidate on that a button names."""
    named, first = MORE.fullmatch(visit.text("changer")), dict[str, int]()
    if named and int(named[1]) <= len(need.lots):
        first[need.lots[int(named[1]) - 1].id] = int(named[2])
    counts = {
        lot_id: RowCounts(first.get(lot_id, 1) + need.limit - 1, need.near_misses, need.groupings) for lot_id in opened
    }
    # of the other lots the page says how many candidates there are, not who
    brief = msgspec.structs.replace(need, limit=1, near_misses=0, groupings=0)
    full = msgspec.structs.replace(need, lots=tuple(lot for lot in need.lots if lot.id in opened))
    answer = await answer_match(visit.call, brief, partial(match_json, rows_of=counts), besides=full)
    shortlist = msgspec.json.decode(answer, type=Shortlist)
    lots = (
        msgspec.structs.replace(lot, candidates=lot.candidates[first.get(lot.id, 1) - 1 :]) for lot in shortlist.lots
    )
    return msgspec.structs.replace(shortlist, lots=tuple(lots))


def lot_maps(
    reference: Reference, need: Need, shortlist: Shortlist, chosen: tuple[str, ...], language: Language
) -> dict[str, Drawing]:
    """The maps of the chosen lots by id, each with its territory, site, and suppliers marked by their best outcome."""
    asked_of, drawn = {lot.id: lot for lot in need.lots}, {}
    for number, lot in enumerate(shortlist.lots, 1):
        if lot.id not in chosen:
            continue
        asked, standings = asked_of[lot.id], standings_of(msgspec.structs.replace(shortlist, lots=(lot,)))
        suppliers = [row.supplier for row in lot.candidates] + [row.supplier for row in lot.near_misses]
        suppliers += [row.supplier for row in lot.unknown_trade.nearest]
        shown = [(each, each.location) for each in suppliers if each.location]
        territory = asked.territory or need.territory
        sheets = map_sheets(
            reference.geography,
            [territory] if territory else [],
            [asked.site] if asked.site else [],
            [at for _, at in shown],
            asked.max_distance_km,
        )
        pins = [
            Pin(standings.get(supplier.id, "unknown_trade"), supplier.name, f"#f-{number}-{supplier.id}")
            for supplier, _ in shown
        ]
        drawn[lot.id] = map_drawing(pins, asked.title or "", language, sheets)
    return drawn


def near_miss_questions(lot: LotShortlist, asked: Lot) -> Iterator[tuple[Gate, Text, Sequence[NearMiss]]]:
    """Each gate that near misses do not pass, with the question to ask them, and these near misses in their order."""
    lacking: dict[Gate, list[NearMiss]] = {}
    for row in lot.near_misses:
        lacking.setdefault(row.excluded_by, []).append(row)
    for gate, rows in lacking.items():
        yield gate, question_to_suppliers(gate, lot, asked), rows


def question_to_suppliers(about: str, lot: LotShortlist, asked: Lot) -> Text:
    """The question to ask suppliers who do not pass the gate `about`, or whose trade is not known (`trade`)."""
    trades = lot_name(asked) or ", ".join(each.label for each in lot.requested)
    where, limit = lot.territory.label, f"{asked.max_distance_km or 0:g} km"
    proofs = join_texts((CODE_WORDS["proofs_of_reserved"][each] for each in asked.reserved or ()), OR_ELSE)
    return CODE_WORDS["asks"][about].filled(
        trades=Text(trades, trades), where=Text(where, where), limit=Text(limit, limit), proofs=proofs
    )


OR_ELSE = Text(" ; ou ", "; or ")


def evidence_summary(answer: SegmentAnswer) -> Text | None:
    """A sentence for several pieces of evidence for one offer; None where there are not several."""
    won = [each for each in answer.evidence if each.kind == "award"]
    if len(won) > 1:
        number = Text("d'au moins ", "of at least ") if len(won) == MOST_EVIDENCE else Text("de ", "of ")
        years = [each.on.year for each in won if each.on]
        when = Text(f", le dernier en {max(years)}", f", the last in {max(years)}") if years else Text("", "")
        return Text(
            f"Titulaire {number.fr}{len(won)} marchés publics de ce métier{when.fr}",
            f"Holder {number.en}{len(won)} public contracts of this trade{when.en}",
        )
    if len(answer.evidence) > 1:
        return Text(f"{len(answer.evidence)} indices", f"{len(answer.evidence)} pieces of evidence")
    return None


def reservation_name(reserved: Sequence[str]) -> str:
    """The name of a reservation in the answer's alternatives, such as `handicap_iae`; empty where they lack it."""
    named = "_".join(sorted(reserved)) or "none"
    return named if named == "none" or named in RESERVED else ""


def without_defaults(need: Need) -> dict[str, Any]:
    """The body of `POST /match` for a need, without the fields that have no value."""
    said: dict[str, Any] = _without_empty(msgspec.to_builtins(need))
    for lot in said["lots"]:
        if not lot["innovative"]:
            del lot["innovative"]
    return said


def _without_empty(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _without_empty(value) for name, value in part.items() if value is not None and value != ()}
    return [_without_empty(each) for each in part] if isinstance(part, tuple) else part
