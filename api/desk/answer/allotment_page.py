"""The page on which divisions of a need into lots are compared with the lots as they are given.

It asks what `POST /allotment` asks, and shows what that answers; a proposal fills in the form of a need.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from litestar import Response

from api.desk.frame.form import Mistake
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.allotment_form import AllotmentForm, allotment_need, form_of_proposal, read_allotment_form
from api.desk.need.need_form import LOTS_AT_ONCE, NeedForm, read_need_form
from api.desk.need.need_page import changed_need_form, form_of_query, need_form_page
from api.desk.need.understood_need import Understood, mistakes_of, understood_beside
from api.match import proposed
from domain.allotment.allotment import FIGURES, Allotment, Proposal
from domain.errors import InvalidContent
from domain.text.bilingual import Text


class Compared(NamedTuple):
    """A row of the comparison: of the lots as given, then of each proposal; with it, how it compares."""

    label: Text
    given: int
    others: tuple[tuple[int, str], ...]


class Shown(NamedTuple):
    """A proposal, with the form of the need whose lots are its own."""

    proposal: Proposal
    form: NeedForm


@page("GET", "/lotissement", scope="match")
async def show_allotment_form(visit: Visit) -> Response[bytes]:
    """The form of a need to be divided: empty, filled in with the example, or with the fields of the query."""
    return await form_of_query(visit, read_allotment_form(visit.fields))


@page("POST", "/lotissement", scope="match", files=True)
async def compare_divisions(visit: Visit) -> Response[bytes]:
    """The proposals beside the lots as given; the form again where a button changes it, or it is to be corrected."""
    rules = read_allotment_form(visit.fields)
    if visit.text("faire"):
        return await changed_need_form(visit, rules)
    understood = await understood_beside(visit, read_need_form(visit.fields))
    mistakes: list[Mistake] = []
    need = allotment_need(understood, rules, mistakes)
    if need is None:
        return _refused(visit, understood._replace(mistakes=tuple(mistakes)), rules)
    try:
        found = msgspec.json.decode(await proposed(visit.call, need), type=Allotment)
    except InvalidContent as invalid:
        return _refused(visit, understood._replace(mistakes=tuple(mistakes_of(invalid))), rules)
    return _page(visit, understood, rules, found)


def _refused(visit: Visit, understood: Understood, rules: AllotmentForm) -> Response[bytes]:
    return need_form_page(visit, understood.form, understood, HTTPStatus.UNPROCESSABLE_ENTITY, rules=rules)


def _page(visit: Visit, understood: Understood, rules: AllotmentForm, found: Allotment) -> Response[bytes]:
    return visit.page(
        "answer/allotment.html",
        form=understood.form,
        understood=understood,
        rules=rules,
        lots_at_once=LOTS_AT_ONCE,
        found=found,
        figures=list(_figures(found)),
        proposals=[Shown(each, form_of_proposal(understood.form, each)) for each in found.proposals],
        label=visit.services.reference.taxonomy.label,
    )


def _figures(found: Allotment) -> Iterator[Compared]:
    for figure in FIGURES:
        given = figure.of(found.as_given)
        others = (figure.of(proposal.summary) for proposal in found.proposals)
        yield Compared(
            figure.label, given, tuple((each, _comparison(each - given, figure.more_is_better)) for each in others)
        )


def _comparison(difference: int, more_is_better: bool | None) -> str:
    if difference == 0 or more_is_better is None:
        return ""
    return "better" if (difference > 0) == more_is_better else "worse"


PAGES = (show_allotment_form, compare_divisions)
