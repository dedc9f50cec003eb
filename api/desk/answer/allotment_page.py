"""The page on which divisions of a need into lots are compared with the lots as they are given.

It asks what `POST /allotment` asks, by the rules that are filled in, and shows what that answers; a proposal fills in
the form of a need.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from litestar import Response

from api.desk.frame.form import (
    NUMBER,
    TICKED,
    Field,
    FieldKind,
    Mistake,
    Unreadable,
    checked_request,
    plain_number,
    read_form,
    read_text,
    request_parts,
)
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import LOTS_AT_ONCE, NeedForm, mark_of_terms, read_need_form, words_of_trades
from api.desk.need.need_page import changed_need_form, form_of_query, refused_need_form
from api.desk.need.understood_need import understand_beside_requests
from api.match import answer_allotment
from api.web.html_pages import Fields
from domain.allotment.allotment import FIGURES, Allotment, AllotmentNeed, Axis, Proposal
from domain.errors import InvalidContent
from domain.text.bilingual import Text

AREAS: tuple[Axis, ...] = ("departement", "epci")


def _whole_number_kind(highest: int, otherwise: Text) -> FieldKind:
    """The kind of a field with a whole number from 1 to `highest`; `otherwise`: the mistake."""

    def read_whole_number(text: str) -> int:
        if text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= highest:
            return int(text)
        raise Unreadable(otherwise)

    return FieldKind(read_whole_number, str)


class AllotmentForm(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of the comparison as they are filled in. `area`: the areas to divide by, empty for none.

    `values`: the amount of each segment of each lot, by the name of its field.
    """

    least: Annotated[str, Field("candidats", "min_candidates", _whole_number_kind(100, SAID["no_least"]))] = "3"
    most: Annotated[str, Field("lots", "max_lots", _whole_number_kind(200, SAID["no_most"]))] = "20"
    by_trade: Annotated[str, Field("par-metier")] = "oui"
    area: Annotated[str, Field("par-lieu")] = "departement"
    join: Annotated[str, Field("reunir", "join", TICKED)] = "oui"
    reserve: Annotated[str, Field("reserver", "reserve", TICKED)] = "oui"
    values: dict[str, str] = {}

    @property
    def is_changed(self) -> bool:
        """Whether these rules differ from the usual ones."""
        return self != AllotmentForm()


BLANK = {name: [""] for name in ("candidats", "lots", "par-metier", "par-lieu", "reunir", "reserver")}
"""Browsers leave out what is not ticked."""


def read_allotment_form(fields: Fields) -> AllotmentForm:
    """The rules in these fields; the usual ones where the form has none."""
    values = {name: texts[-1] for name, texts in fields.items() if name.startswith("montant-") and texts[-1]}
    rules = read_form(AllotmentForm, BLANK | dict(fields)) if "regles" in fields else AllotmentForm()
    return msgspec.structs.replace(rules, values=values)


@page("GET", "/lotissement", scope="match")
async def show_allotment_form(visit: Visit) -> Response[bytes]:
    """The form of a need to be divided: empty, filled in with the example, or with the fields of the query."""
    return await form_of_query(visit, read_allotment_form(visit.fields))


@page("POST", "/lotissement", scope="match", files=True)
async def compare_divisions(visit: Visit) -> Response[bytes]:
    """The proposals beside the lots as given; the form again where a button changed it, or something in it is wrong."""
    rules = read_allotment_form(visit.fields)
    if visit.text("faire"):
        return await changed_need_form(visit, rules)
    understood = await understand_beside_requests(visit, read_need_form(visit.fields))
    mistakes = list(understood.mistakes)
    options = request_parts(rules, mistakes)
    options["divide"] = [*(["segment"] if rules.by_trade else []), *(each for each in AREAS if each == rules.area)]
    values = _amounts_by_segment(understood.form, rules, mistakes)
    if understood.need is None or mistakes:
        return refused_need_form(visit, understood._replace(mistakes=tuple(mistakes)), rules=rules)
    matched = msgspec.structs.asdict(understood.need.matched)
    lots = [
        msgspec.structs.asdict(lot) | {"values_eur": of_lot}
        for lot, of_lot in zip(matched["lots"], values, strict=True)
    ]
    try:
        need = checked_request(matched | {"lots": lots, "allotment": options}, AllotmentNeed)
        found = msgspec.json.decode(await answer_allotment(visit.call, need), type=Allotment)
    except InvalidContent as invalid:
        return refused_need_form(visit, understood, invalid, rules=rules)
    return visit.page(
        "answer/allotment.html",
        form=understood.form,
        understood=understood,
        rules=rules,
        lots_at_once=LOTS_AT_ONCE,
        found=found,
        figures=list(_comparison_rows(found)),
        proposals=[(each, form_of_proposal(understood.form, each)) for each in found.proposals],
    )


def _amounts_by_segment(form: NeedForm, rules: AllotmentForm, mistakes: list[Mistake]) -> list[dict[str, float] | None]:
    """For each lot the amounts that are filled in, by segment; None where none is."""
    values: list[dict[str, float] | None] = []
    for position, lot in enumerate(form.lots, 1):
        found = {}
        for segment in lot.chosen:
            field = value_field(position, segment)
            amount = read_text(NUMBER, rules.values.get(field, ""), field, mistakes)
            if amount is not None:
                found[segment] = amount
        values.append(found or None)
    return values


def value_field(position: int, segment: str) -> str:
    """The name of the field of the amount of a lot's segment; lots count from 1."""
    return f"montant-{position}-{segment}"


def _comparison_rows(found: Allotment) -> Iterator[tuple[Text, int, list[tuple[int, str]]]]:
    """A row of the comparison for each figure: its label, its number for the lots as given, and for each proposal."""
    for figure in FIGURES:
        given, others = figure.of(found.as_given), []
        for number in (figure.of(proposal.summary) for proposal in found.proposals):
            is_same = number == given or figure.more_is_better is None
            is_better = (number > given) == figure.more_is_better
            others.append((number, "" if is_same else "better" if is_better else "worse"))
        yield figure.label, given, others


def form_of_proposal(form: NeedForm, proposal: Proposal) -> NeedForm:
    """The form of the need with the lots of a proposal, which keep all else from the lots that they are made of."""
    by_id, lots = dict(zip(form.lot_ids, form.lots, strict=True)), []
    for lot in proposal.lots:
        before, cpv = by_id[lot.from_lots[0]], ", ".join(lot.cpv)
        made = msgspec.structs.replace(
            before,
            id="",
            title=lot.title,
            reading=words_of_trades((lot.title, form.title), cpv, ""),
            offered=lot.segments,
            chosen=lot.segments,
            more="",
            heard=mark_of_terms(lot.title),
            cpv=cpv,
            keywords="",
            reserved=lot.reserved,
            value=plain_number(lot.value_eur),
            options=plain_number(lot.options_eur),
        )
        codes = lot.territory.codes
        if codes is not None and codes != (before.territories or form.territories):
            made = msgspec.structs.replace(made, place="", territories=codes, radius="", centre="", drawn="")
        lots.append(made)
    return msgspec.structs.replace(form, lots=tuple(lots))
