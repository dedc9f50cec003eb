"""The page of the answer to a need: who could answer each lot, on what evidence, and what would change that.

It asks what `POST /match` asks, and shows what that answers. A button that changes a lot is answered by the lot alone
where a script asks for it, else by the whole page.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from typing import Any, NamedTuple, get_args

import msgspec
from litestar import Response
from markupsafe import Markup

from api.desk.frame.layout import CODE_WORDS, NEAR_KM
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import (
    LOTS_IN_FIELDS,
    NeedForm,
    change_form,
    read_need_form,
)
from api.desk.need.need_page import refused_need_form
from api.desk.need.understood_need import understand_in_worker, with_all_to_ask
from api.draw_maps_and_charts import lot_maps
from api.match import answer_match
from domain.errors import InvalidContent
from domain.exchanges.letter import lot_name
from domain.needs.lot_words import without_terms
from domain.needs.need import Lot, Need
from domain.report.lots import best_outcome, decisive_and_general, points_of_law, reminders_in_words
from domain.shortlists.listed_suppliers import Candidate, Fit, Gate, NearMiss, SegmentAnswer
from domain.shortlists.shortlist import LotShortlist, Shortlist
from domain.text.bilingual import Text, join_texts, said_by
from domain.text.labels import BASES, RESERVED
from matching.engine import RowCounts, match_json

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
CHOSEN = "choix"
"""The field with a lot's number and a supplier's id, such as `1:0190…`, for each supplier that is ticked."""
MOST_EVIDENCE = 3
"""An answer carries no more pieces of evidence for one offer."""


@page("GET", "/besoin/resultat", scope="match")
async def show_result_of_query(visit: Visit) -> Response[bytes]:
    """The answer to the need in the query; a redirect to the form where the query has no need."""
    form = read_need_form(visit.fields)
    return visit.redirect("/besoin") if form == NeedForm() else await _result_page(visit, form)


@page("POST", "/besoin/resultat", scope="match")
async def show_result(visit: Visit) -> Response[bytes]:
    """The answer to the need in the form, after the change its button asks for; the form again if it has mistakes."""
    form, wish = read_need_form(visit.fields), visit.text("changer")
    typed = [f"rayon-{lot_id}" for lot_id in form.lot_ids] if wish == "distances" else [wish]
    for field in typed:
        # the distance that is typed in a field such as `rayon-1`
        if field in visit.fields:
            text, measured = visit.text(field), visit.text(field.replace("rayon", "depuis", 1))
            # measured from a supposed site, which only the button of the lot itself confirms
            confirmed = f"@{measured}" if text and measured and wish == field else ""
            form = change_form(form, f"{field}-{text}{confirmed}")
    return await _result_page(visit, form if wish == "distances" or wish in visit.fields else change_form(form, wish))


async def _result_page(visit: Visit, form: NeedForm) -> Response[bytes]:
    """The page of a need's shortlist, or the part that a script asks for; its form again where it has mistakes."""
    understood = await understand_in_worker(visit, form)
    if understood.need is None:
        return refused_need_form(visit, understood)
    need = msgspec.structs.replace(with_all_to_ask(understood.need.matched), groupings=GROUPINGS)
    is_one = len(need.lots) == 1 and not understood.lots[0].pasted
    opened, is_part = _opened_lots(visit, need)
    try:
        shortlist = await _match_opened_lots(visit, need, opened)
    except InvalidContent as invalid:
        return refused_need_form(visit, understood, invalid)
    decisive, general = decisive_and_general(shortlist.advice)
    asked_of, positions = {lot.id: lot for lot in need.lots}, {lot.id: n for n, lot in enumerate(shortlist.lots, 1)}
    # the body of the same request to the API; of many lots without a line for each value
    body = json.dumps(without_defaults(need), ensure_ascii=False, indent=None if len(need.lots) > MOST_OPEN else 2)
    return visit.page(
        "answer/result_changed.html" if is_part else "answer/result.html",
        form=understood.form,
        buyer=understood.buyer,
        need=need,
        name=without_terms(need.title or (need.lots[0].title if is_one else None) or ""),
        candidate_rows=candidate_rows,
        chosen=set(visit.fields.get(CHOSEN, ())),
        body=Markup(escape(body, quote=False)),  # noqa: S704 - what stands between tags may have its quotes
        shortlist=shortlist,
        opened=[lot for lot in shortlist.lots if lot.id in opened],
        only=positions[opened[0]] if len(need.lots) > MOST_OPEN else None,
        tensions=Counter(lot.tension.level for lot in shortlist.lots),
        of_need=decisive,
        general=general,
        reminders=reminders_in_words(general, need.contract),
        of_lots={lot.id: points_of_law(lot) for lot in shortlist.lots},
        asked_of=asked_of,
        positions=positions,
        understood_of=dict(zip(understood.form.lot_ids, understood.lots, strict=True)),
        maps=await visit.run_work(lot_maps, need, shortlist, opened, visit.language),
        first=SHOWN_FIRST,
        at_once=need.limit,
        most_candidates=MOST_CANDIDATES,
        variants=VARIANTS,
        now_of={lot.id: reservation_name(lot.reserved or ()) for lot in need.lots},
        best_outcome=best_outcome,
        near_miss_questions=near_miss_questions,
        question=question_to_suppliers,
        evidence_summary=evidence_summary,
        ground_of=ground_of,
        grounds_counted=grounds_counted,
    )


def _opened_lots(visit: Visit, need: Need) -> tuple[tuple[str, ...], bool]:
    """The ids of the lots whose suppliers are shown, and whether a script asks for just these, without the page."""
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


async def _match_opened_lots(visit: Visit, need: Need, opened: tuple[str, ...]) -> Shortlist:
    """Match a need, with rows of the opened lots only; a button may name the rank at which one lot's rows begin."""
    named, first = MORE.fullmatch(visit.text("changer")), dict[str, int]()
    if named and int(named[1]) <= len(need.lots):
        first[need.lots[int(named[1]) - 1].id] = int(named[2])
    counts = {
        lot_id: RowCounts(first.get(lot_id, 1) + need.limit - 1, need.near_misses, need.groupings) for lot_id in opened
    }
    # of the other lots the page says how many candidates there are, not who
    brief = msgspec.structs.replace(need, limit=1, near_misses=0, groupings=0)
    full = msgspec.structs.replace(need, lots=tuple(lot for lot in need.lots if lot.id in opened))
    answer = await answer_match(visit.call, brief, partial(match_json, rows_of=counts), other_need=full)
    shortlist = msgspec.json.decode(answer, type=Shortlist)
    farthest = max(NEAR_KM, *(2 * (lot.max_distance_km or 0) for lot in need.lots))
    lots = (
        msgspec.structs.replace(
            lot,
            candidates=lot.candidates[first.get(lot.id, 1) - 1 :],
            near_misses=tuple(each for each in lot.near_misses if (each.distance_km or 0) <= farthest),
        )
        for lot in shortlist.lots
    )
    return msgspec.structs.replace(shortlist, lots=tuple(lots))


class CandidateRow(NamedTuple):
    """A candidate as the page shows it. `own`: its reasons that others of the page do not share; `is_tied`: only a draw
    puts it before or behind the next one or the one before."""

    candidate: Candidate
    own: tuple[str, ...]
    is_tied: bool


def candidate_rows(lot: LotShortlist) -> tuple[list[CandidateRow], list[str]]:
    """The candidates of a lot as rows, and the reasons that all of them share."""
    told = [{each.message: None for each in row.reasons if each.code not in SHOWN_OTHERWISE} for row in lot.candidates]
    shared = [message for message in told[0] if all(message in each for each in told)] if len(told) > 1 else []
    standings = [standing(row) for row in lot.candidates]
    return [
        CandidateRow(row, tuple(message for message in own if message not in shared), own_standing in around)
        for row, own, own_standing, around in zip(
            lot.candidates,
            told,
            standings,
            zip([None, *standings], [*standings[1:], None], strict=False),
            strict=True,
        )
    ], shared


SHOWN_OTHERWISE = {
    *("distance", "presence_local"),
    *("segment_exact", "segment_broader", "segment_narrower", "segment_related"),
}
"""Reasons that a row shows as badges, or in a column."""


def standing(row: Candidate) -> tuple[Any, ...]:
    """All that puts a candidate before another, but the draw."""
    answers = [each for each in row.segments if each.role == "object" and each.fit != "related"]
    return (
        best_outcome(row.eligibility),
        len(answers),
        max((FITS.index(each.fit) for each in answers), default=0),
        {each.code for each in row.reasons if each.code.startswith("basis_")},
        row.presence == "national",
        row.distance_km,
    )


FITS: tuple[Fit, ...] = get_args(Fit)


def near_miss_questions(lot: LotShortlist, lot_of_need: Lot) -> Iterator[tuple[Gate, Text, Sequence[NearMiss]]]:
    """Each gate that near misses of a lot fail, the question to put to these near misses, and they in their order."""
    for gate in dict.fromkeys(row.excluded_by for row in lot.near_misses):
        rows = [row for row in lot.near_misses if row.excluded_by == gate]
        yield gate, question_to_suppliers(gate, lot, lot_of_need), rows


def question_to_suppliers(about: str, lot: LotShortlist, lot_of_need: Lot) -> Text:
    """The question to put to suppliers of a lot who fail the gate `about`, or (`trade`) whose trade is unknown."""
    trades = lot_name(lot_of_need) or ", ".join(each.label for each in lot.requested)
    where, limit = lot.territory.label, f"{lot_of_need.max_distance_km or 0:g} km"
    proofs = join_texts((CODE_WORDS["proofs_of_reserved"][each] for each in lot_of_need.reserved or ()), OR_ELSE)
    return CODE_WORDS["asks"][about].filled(
        trades=Text(trades, trades), where=Text(where, where), limit=Text(limit, limit), proofs=proofs
    )


def ground_of(answer: SegmentAnswer) -> Text:
    """The ground of an offer in words: whose word it is where it is declared."""
    if answer.declared_by == "buyer":
        return Text("Noté par votre organisation", "Noted by your organisation")
    if answer.declared_by and answer.basis == "declared":
        return CODE_WORDS["declarers"][answer.declared_by].capitalised()
    return BASES[answer.basis]


def grounds_counted(lot: LotShortlist) -> Text:
    """The best grounds of the candidates shown, each behind its number of candidates."""
    best = [
        min(row.segments, key=lambda each: (each.role != "object", list(BASES).index(each.basis)))
        for row in lot.candidates
    ]
    grounds = Counter(map(ground_of, best)).items()
    return join_texts((Text(f"{number} « {each.fr} »", f"{number} “{each.en}”") for each, number in grounds), COMMA)


COMMA = Text(", ", ", ")
OR_ELSE = Text(" ; ou ", "; or ")


def evidence_summary(answer: SegmentAnswer) -> Text | None:
    """A sentence that sums up two or more pieces of evidence for an offer; None where there are fewer."""
    won = [each for each in answer.evidence if each.kind == "award"]
    if len(won) > 1:
        number = Text("d'au moins ", "of at least ") if len(won) == MOST_EVIDENCE else Text("de ", "of ")
        years = [each.on.year for each in won if each.on]
        when = Text(f", le dernier en {max(years)}", f", the last in {max(years)}") if years else Text("", "")
        return said_by(__name__)["holder_of_contracts"].filled(number=number, count=len(won), when=when)
    if len(answer.evidence) > 1:
        return Text(f"{len(answer.evidence)} indices", f"{len(answer.evidence)} pieces of evidence")
    return None


def reservation_name(reserved: Sequence[str]) -> str:
    """The name of a reservation in an answer's alternatives, such as `handicap_iae` or `none`; empty if not there."""
    named = "_".join(sorted(reserved)) or "none"
    return named if named == "none" or named in RESERVED else ""


def without_defaults(need: Need) -> dict[str, Any]:
    """The body of a request `POST /match` that asks for a need, without the fields that have no value."""
    said: dict[str, Any] = _without_null(msgspec.to_builtins(need))
    for lot, given in zip(said["lots"], need.lots, strict=True):
        if not lot["innovative"]:
            del lot["innovative"]
        if given.site is None:  # which is not the same as saying nothing
            lot["site"] = None
    return said


def _without_null(part: Any) -> Any:
    """The value without None and empty tuples in any dict within it."""
    if isinstance(part, dict):
        return {name: _without_null(value) for name, value in part.items() if value is not None and value != ()}
    return [_without_null(each) for each in part] if isinstance(part, tuple) else part
