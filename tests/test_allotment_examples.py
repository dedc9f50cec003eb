"""The worked examples of the buyer's guide are what the sample pool gives, figure by figure."""

import json
from functools import cache

import pytest

from api.commands.answers import allotment_parts
from api.commands.console import Remarks
from api.web.request_body import JsonBody
from domain.allotment.allotment import Allotment, AllotmentNeed, ProposedLot
from domain.text.bilingual import OR, euros, listed
from domain.text.labels import RESERVED
from matching.allotment.allot import allot
from tests.conftest import ROOT
from tests.factories import reference
from tests.test_docs import blocks, sample_pool

GUIDE = ROOT / "docs" / "achat.md"
EXAMPLES = blocks(GUIDE, "json")
SHOWN = 3


def asked(example: str) -> AllotmentNeed:
    return JsonBody(AllotmentNeed).decode(example.encode())


@cache
def answered(example: str) -> Allotment:
    need = asked(example)
    assert need.on is not None
    return allot(need, sample_pool(), reference(), need.on, "fr")


def figures(found: Allotment) -> list[str]:
    """The rows of the table of figures, for the lots as given and the first proposals."""
    summaries = [found.as_given, *(proposal.summary for proposal in found.proposals[:SHOWN])]
    names = {
        "without_supply": "lots sans fournisseur repéré",
        "with_competition": "lots ayant au moins 3 fournisseurs potentiels",
        "suppliers_alone": "fournisseurs qui répondent seuls à un lot entier",
        "reserved": "lots réservés",
        "lots": "lots",
    }
    return [
        f"| {name} | {' | '.join(str(getattr(each, field)) for each in summaries)} |" for field, name in names.items()
    ]


def row(lot: ProposedLot, *, placed: bool) -> str:
    """The row of a lot of the best proposal; `placed`: with its territory."""
    reserved = listed([RESERVED[kind].name.fr for kind in lot.reserved], OR).fr
    value = euros(round(100 * (lot.value_eur or 0))).fr.replace("\N{NARROW NO-BREAK SPACE}", " ")
    title = f"{lot.title} : {lot.territory.label}" if placed else lot.title
    return f"| {title} | {reserved} | {value} | {lot.total} | {lot.eligible} | {lot.local} |"


@pytest.mark.parametrize(("number", "placed"), [(0, False), (1, True)], ids=("waste", "cleaning"))
def test_an_example_is_what_the_sample_pool_gives(number: int, placed: bool) -> None:
    found, page = answered(EXAMPLES[number]), plain(GUIDE.read_text(encoding="utf-8"))
    for expected in (*figures(found), *(row(lot, placed=placed) for lot in found.proposals[0].lots)):
        assert plain(expected) in page
    assert found.complete


def test_a_part_is_reserved_and_the_rest_is_open() -> None:
    """Of one departement; each part says who could do it."""
    found, page = answered(EXAMPLES[2]), plain(GUIDE.read_text(encoding="utf-8"))
    lots = found.proposals[0].lots
    assert [lot.reserved for lot in lots] == [("handicap",), ()]
    told = [reason.message for lot in lots for reason in lot.reasons if reason.code == "part_supply"]
    rows = (
        f"| {lot.title} | {under} | {lot.total} | {lot.eligible} | {lot.local} |"
        for lot, under in zip(lots, ("handicap", "non réservé"), strict=True)
    )
    for expected in (*figures(found), *rows, *(f"- {lot.id} : {said}." for lot, said in zip(lots, told, strict=True))):
        assert " ".join(plain(expected).split()) in " ".join(page.split())
    assert not found.complete
    remarks = [part.remarks for part in allotment_parts(asked(EXAMPLES[2]), found) if isinstance(part, Remarks)]
    printed = [str(one) for each in remarks for one in each]
    for lot, said in zip(lots, told, strict=True):
        assert f"{lot.id} – {said}" in printed


def test_the_waste_of_a_hospital() -> None:
    """One lot that 42 suppliers would enter and 4 can answer alone; four lots that 33 can; the procedure of the sum."""
    found = answered(EXAMPLES[0])
    assert (found.as_given.suppliers_reached, found.as_given.suppliers_alone) == (42, 4)
    best = found.proposals[0]
    assert best.summary.suppliers_alone == 33
    for proposal in found.proposals:
        said = {advice.code: advice.message for advice in proposal.advice}
        assert said["PROC_FORMALISEE"].startswith("250")
        assert {"PROCEDURE_OF_SUM", "DUTY_TO_ALLOT", "SMALL_LOT_SETS"} <= said.keys()


def test_the_cleaning_of_a_departement() -> None:
    """A sector with too little supply is joined with another; alone it is critical, and not reserved."""
    found = answered(EXAMPLES[1])
    alone = next(lot for lot in found.proposals[2].lots if lot.id == "pontivy-1")
    assert (alone.from_lots, alone.segments) == (("pontivy",), ("pr-locaux",))
    assert (alone.total, alone.reserved, alone.tension.level) == (2, (), "critical")
    assert [[lot.from_lots for lot in each.lots if len(lot.from_lots) > 1] for each in found.proposals[:2]] == [
        [("lorient", "pontivy")],
        [("vannes", "pontivy")],
    ]


def test_the_example_of_the_openapi_document_is_the_first() -> None:
    example = ROOT / "openapi" / "examples" / "allotment.request.json"
    assert json.loads(example.read_text(encoding="utf-8")) == json.loads(EXAMPLES[0])


def plain(text: str) -> str:
    """The text with plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
