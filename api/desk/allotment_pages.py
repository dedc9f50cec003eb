"""The page that compares other divisions of a need into lots, and the form with the rules by which they are made.

It asks what `POST /allotment` asks, and shows what that answers; a proposal of lots fills in the form of a need.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from litestar import Response

from api.desk.frame import form as forms
from api.desk.frame.form import Field, FieldKind, Unreadable
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import LOTS_AT_ONCE, NeedForm, checksum_of_terms, read_need_form, words_of_trades
from api.desk.need.need_page import need_form_after_change, need_form_of_query, refused_need_form
from api.desk.need.understood_need import understand_in_worker
from api.match import answer_allotment
from api.web.html_pages import Fields
from domain.allotment.allotment import FIGURES, Allotment, AllotmentNeed, Axis, Proposal
from domain.errors import InvalidContent
from domain.text.bilingual import Text

AREAS: tuple[Axis, ...] = ("departement", "epci")


def _whole_number_kind(highest: int, otherwise: Text) -> FieldKind:
    """The kind of a field with a whole number from 1 to `highest`; any other text is the mistake `otherwise`."""

    def read_whole_number(text: str) -> int:
        if text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= highest:
            return int(text)
        raise Unreadable(otherwise)

    return FieldKind(read_whole_number, str)


class AllotmentForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields that say how a need is divided into lots. `area`: the kind of areas to divide by, empty for none.

    `values`: the amount of each segment of each lot, by the name of its field.
    """

    least: Annotated[str, Field("candidats", "min_candidates", _whole_number_kind(100, SAID["no_least"]))] = "3"
    most: Annotated[str, Field("lots", "max_lots", _whole_number_kind(200, SAID["no_most"]))] = "20"
    by_trade: Annotated[str, Field("par-metier")] = "oui"
    area: Annotated[str, Field("par-lieu")] = "departement"
    join: Annotated[str, Field("reunir", "join", forms.TICKED)] = "oui"
    reserve: Annotated[str, Field("reserver", "reserve", forms.TICKED)] = "oui"
    values: dict[str, str] = {}

    @property
    def is_changed(self) -> bool:
        """Whether these rules differ from the defaults."""
        return self != AllotmentForm()


BLANK = {name: [""] for name in ("candidats", "lots", "par-metier", "par-lieu", "reunir", "reserver")}
"""Browsers leave out what is not ticked."""


def read_allotment_form(fields: Fields) -> AllotmentForm:
    """The rules of division read from submitted fields; the defaults where these have none."""
    values = {name: texts[-1] for name, texts in fields.items() if name.startswith("montant-") and texts[-1]}
    rules = forms.read_form(AllotmentForm, BLANK | dict(fields)) if "regles" in fields else AllotmentForm()
    return msgspec.structs.replace(rules, values=values)


@page("GET", "/lotissement", scope="match")
async def show_allotment_form(visit: Visit) -> Response[bytes]:
    """The form of a need to be divided: empty, filled in with the example, or with the fields of the query."""
    return await need_form_of_query(visit, read_allotment_form(visit.fields))


@page("POST", "/lotissement", scope="match", files=True)
async def compare_divisions(visit: Visit) -> Response[bytes]:
    """The page of proposed lots beside the given ones; the need's form again, changed by a button or with mistakes."""
    rules = read_allotment_form(visit.fields)
    if visit.text("faire"):
        return await need_form_after_change(visit, rules)
    understood = await understand_in_worker(visit, read_need_form(visit.fields))
    mistakes = list(understood.mistakes)
    options = forms.request_parts(rules, mistakes)
    options["divide"] = [*(["segment"] if rules.by_trade else []), *(each for each in AREAS if each == rules.area)]
    values = list[dict[str, float]]()
    for position, given in enumerate(understood.form.lots, 1):
        fields = {segment: f"montant-{position}-{segment}" for segment in given.chosen}
        read = {
            segment: forms.read_text(forms.NUMBER, rules.values.get(field, ""), field, mistakes)
            for segment, field in fields.items()
        }
        values.append({segment: amount for segment, amount in read.items() if amount is not None})
    if understood.need is None or mistakes:
        return refused_need_form(visit, understood._replace(mistakes=tuple(mistakes)), rules=rules)
    matched = msgspec.structs.asdict(understood.need.matched)
    lots = [
        msgspec.to_builtins(lot) | {"values_eur": of_lot or None}
        for lot, of_lot in zip(matched["lots"], values, strict=True)
    ]
    try:
        need = forms.checked_request(matched | {"lots": lots, "allotment": options}, AllotmentNeed)
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


def _comparison_rows(found: Allotment) -> Iterator[tuple[Text, int, list[tuple[int, str]]]]:
    """For each figure its label, its number for the given lots, and each proposal's, rated "better", "worse" or ""."""
    for figure in FIGURES:
        given, others = figure.of(found.as_given), []
        for number in (figure.of(proposal.summary) for proposal in found.proposals):
            is_same = number == given or figure.more_is_better is None
            is_better = (number > given) == figure.more_is_better
            others.append((number, "" if is_same else "better" if is_better else "worse"))
        yield figure.label, given, others


def form_of_proposal(form: NeedForm, proposal: Proposal) -> NeedForm:
    """The need's form with a proposal's lots; each keeps what else was filled in for the first lot it is made of."""
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
            heard=checksum_of_terms(lot.title),
            cpv=cpv,
            keywords="",
            reserved=lot.reserved,
            value=forms.plain_number(lot.value_eur),
            options=forms.plain_number(lot.options_eur),
        )
        codes = lot.territory.codes
        if codes is not None and codes != (before.territories or form.territories):
            made = msgspec.structs.replace(made, place="", territories=codes, radius="", centre="", drawn="")
        lots.append(made)
    return msgspec.structs.replace(form, lots=tuple(lots))
