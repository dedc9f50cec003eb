"""The page of a need's form, shown with what was understood; the page that proposes hours of a social clause."""

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Response

from api.desk.frame.form import Mistake
from api.desk.frame.layout import CODE_WORDS, SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import (
    LOTS,
    LOTS_AT_ONCE,
    MOST_LOTS,
    LotsOnPage,
    NeedForm,
    TerritoryForm,
    change_form,
    form_of_need,
    lots_on_page,
    pack_fields,
    read_need_form,
)
from api.desk.need.territory_field import MOST_CHOICES, territory_choices, understand_territory
from api.desk.need.understood_need import (
    UnderstoodNeed,
    need_form_mistakes,
    read_trades_in_worker,
    understand_in_worker,
)
from api.match import answer_match, need_of_notice
from api.web.problems import Refusal
from domain.errors import InvalidContent, require_found
from domain.law.procedures.lot_facts import lot_value_as_sum
from domain.needs.estimate import hours_figures, proposed_hours
from domain.needs.need import RESERVED_TYPES, Need
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Text
from matching.engine import match_json

FIELD = "avis"
AUTHORITIES = {"": CODE_WORDS["buyers"][""], "oui": Text("Oui", "Yes"), "non": Text("Non", "No")}
_PART = re.compile(r"(?:lot-([1-9][0-9]{0,2})-)?(lieu|site|metiers|compte)", re.ASCII)


async def need_form_of_query(visit: Visit, rules: msgspec.Struct | None = None) -> Response[bytes]:
    """The page of a need's form: empty, the example, or the query's fields; `rules`: of its division into lots."""
    form = _example_form() if visit.text("exemple") else read_need_form(visit.fields)
    return need_form_page(visit, None if form == NeedForm() else await understand_in_worker(visit, form), rules=rules)


show_need_form = page("GET", "/besoin", scope="match")(need_form_of_query)


@cache
def _example_form() -> NeedForm:
    need = msgspec.json.decode(files("api.sample").joinpath("need.json").read_bytes(), type=Need)
    return form_of_need(need, keep_ids=False)


async def need_form_after_change(visit: Visit, rules: msgspec.Struct | None = None) -> Response[bytes]:
    """The page of a need's form after the change that its button asks for; `rules`: of its division into lots."""
    wish, form = visit.text("faire"), read_need_form(visit.fields)
    if wish == "avis":
        read = await _read_notice_file(visit, form)
        if isinstance(read, Mistake):
            understood = (await understand_in_worker(visit, form))._replace(mistakes=(read,))
            return refused_need_form(visit, understood, rules=rules)
        filled, notice = read
        return need_form_page(visit, await understand_in_worker(visit, filled), notice=notice, rules=rules)
    understood = await understand_in_worker(visit, change_form(form, wish))
    if wish != "comprendre":
        # a lot was added or taken away: what is not filled in yet is no mistake
        understood = understood._replace(mistakes=())
    return need_form_page(visit, understood, rules=rules)


change_need_form = page("POST", "/besoin", scope="match", files=True)(need_form_after_change)


async def _read_notice_file(visit: Visit, form: NeedForm) -> tuple[NeedForm, dict[str, Any]] | Mistake:
    """The form filled in from the uploaded notice, with a report on the reading; a mistake where it is unreadable.

    The report: `name` of the file, number of `lots`, `doubts` (what was not read, or on a supposition), `others` (what
    a need has no field for), `before` (the fields that the notice replaced).
    """
    file = visit.files.get(FIELD)
    if file is None or not file.content.strip():
        return Mistake(FIELD, SAID["no_notice_file"])
    is_json = file.content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}
    try:
        found = await need_of_notice(visit.call, file.content, is_json=is_json)
    except InvalidContent as invalid:
        return Mistake(FIELD, SAID["unreadable"].filled(reason=invalid.problems[0].detail))
    except Refusal as refusal:
        if refusal.kind.status != HTTPStatus.BAD_REQUEST:
            raise
        return Mistake(FIELD, SAID["unreadable"].filled(reason=refusal.detail))
    return form_of_need(found.need, keep_ids=False), {
        "name": file.name,
        "lots": len(found.need.lots),
        "doubts": list(dict.fromkeys(each.detail for each in found.unread if not each.expected)),
        "others": list(dict.fromkeys(each.detail for each in found.unread if each.expected)),
        "before": form.hidden_fields() if form != NeedForm() else [],
    }


@page("POST", "/besoin/compris", scope="match")
async def show_understood_part(visit: Visit) -> Response[bytes]:
    """Part of the form as understood so far, for a script: territory, site, lot's trades, or numbers of candidates."""
    asked = require_found(_PART.fullmatch(visit.text("montrer")), SAID["no_part"])
    form, reference = read_need_form(visit.fields), visit.reference
    position = min(int(asked[1] or 1), len(form.lots)) - 1
    part, prefix = asked[2], f"lot-{position + 1}-" if asked[1] else ""
    if part == "compte":
        # as a match answers it now, without its rows; nothing while it is not whole
        answer, need = None, (await understand_in_worker(visit, form)).need
        if need is not None:
            brief = msgspec.structs.replace(need.matched, limit=1, near_misses=0)
            with suppress(InvalidContent):
                answer = msgspec.json.decode(await answer_match(visit.call, brief, match_json), type=Shortlist)
        return visit.page("need/need_count.html", answer=answer, most_counted=LOTS_AT_ONCE)
    if part == "metiers":
        lot, understood = await read_trades_in_worker(visit, form, position)
        return visit.page("need/need_live.html", part=part, prefix=prefix, lot=lot, understood=understood)
    if part == "site":
        sites = reference.gazetteer.search(form.lots[position].site, "commune", MOST_CHOICES)
        return visit.page("need/need_live.html", part=part, prefix=prefix, sites=sites)
    place: TerritoryForm = form.lots[position] if asked[1] else form
    mistakes: list[Mistake] = []
    _, chosen = understand_territory(msgspec.structs.replace(place, place=""), prefix, reference, mistakes)
    where = chosen._replace(choices=territory_choices(place, reference))
    shown = {"part": part, "prefix": prefix, "place_form": place, "where": where}
    return visit.page("need/need_live.html", HTTPStatus.OK, mistakes=mistakes, **shown)


def refused_need_form(
    visit: Visit, understood: UnderstoodNeed, invalid: InvalidContent | None = None, rules: msgspec.Struct | None = None
) -> Response[bytes]:
    """The page (422) of a need's form with its mistakes, or where `invalid` is given with the mistakes in that."""
    if invalid is not None:
        understood = understood._replace(mistakes=need_form_mistakes(invalid))
    return need_form_page(visit, understood, HTTPStatus.UNPROCESSABLE_ENTITY, rules=rules)


def need_form_page(
    visit: Visit,
    understood: UnderstoodNeed | None,
    status: int = HTTPStatus.OK,
    *,
    notice: dict[str, Any] | None = None,
    rules: msgspec.Struct | None = None,
) -> Response[bytes]:
    """The page of a need's form beside what was understood; an empty form where `understood` is None.

    `notice`: the report on the notice that filled it in; `rules`: of the division into lots that it is filled in for.
    """
    form, mistakes = (understood.form, understood.mistakes) if understood else (NeedForm(), ())
    shown = _lots_shown(visit, form, mistakes)
    here = range(shown.first, shown.first + len(shown.lots))
    elsewhere = sorted({LOTS.row_number_of(each.field) or here[0] for each in mistakes} - {*here})
    lot_ids, valued = form.lot_ids, understood.need.lots if understood and understood.need else ()
    return visit.page(
        "need/need.html",
        status,
        form=form,
        understood=understood,
        sums=[lot_value_as_sum(lot, visit.reference.rules) for lot in valued],
        shown=shown,
        others=pack_fields(form.lot_fields(n - 1 for n in range(1, len(form.lots) + 1) if n not in here)),
        elsewhere=[lot_ids[number - 1] for number in elsewhere],
        lot_ids=lot_ids,
        lots_at_once=LOTS_AT_ONCE,
        pages=range(1, len(form.lots) + 1, LOTS_AT_ONCE) if len(form.lots) > LOTS_AT_ONCE else (),
        notice=notice,
        rules=rules,
        mistakes=[each for each in mistakes if LOTS.row_number_of(each.field) not in elsewhere],
        authorities=AUTHORITIES,
        reserved_types=RESERVED_TYPES,
        most_lots=MOST_LOTS,
        outlines=f"contours/{visit.reference.territories.version}",
    )


def _lots_shown(visit: Visit, form: NeedForm, mistakes: Sequence[Mistake]) -> LotsOnPage:
    """The page of lots to show: the one asked for, unless only lots of other pages have mistakes."""
    what, _, number = visit.text("faire").partition("-")
    if what == "ajouter":
        return lots_on_page(form.lots, str(len(form.lots)))
    asked = number if what in {"lots", "retirer"} else visit.text("debut")
    last = len(form.lots)
    shown = lots_on_page(form.lots, str(last) if what == "retirer" and asked == str(last + 1) else asked)
    wrong = [LOTS.row_number_of(each.field) for each in mistakes]
    if not wrong or any(number is None or 0 <= number - shown.first < LOTS_AT_ONCE for number in wrong):
        return shown
    return lots_on_page(form.lots, str(wrong[0]))


_NUMBER = re.compile(r"[0-9]{1,12}([.,][0-9]{1,2})?", re.ASCII)


@page("GET", "/heures", scope=("match", "needs"))
async def show_hours(visit: Visit) -> Response[bytes]:
    """The hours proposed for the amount and trade of the query; the form alone without either, and for supplies."""
    amount, rate = _number_in(visit.text("montant")), _number_in(visit.text("taux"))
    taxonomy, trade = visit.reference.taxonomy, visit.text("metier")
    trade = trade if taxonomy.known(trade) else ""
    share = None if rate is None or rate > 100 else rate / 100
    is_supplies = visit.text("nature") == "supplies"
    return visit.page(
        "need/hours.html",
        proposed=proposed_hours(amount, trade, share) if amount and trade and not is_supplies else None,
        is_supplies=is_supplies,
        figures=hours_figures(),
        families=taxonomy.families,
        trade=trade,
    )


def _number_in(text: str) -> float | None:
    """The number in a text, with a decimal point or comma; None where there is none."""
    plain = "".join(text.split())
    return float(plain.replace(",", ".")) if _NUMBER.fullmatch(plain) else None
