"""Needs of notices: every one is a need that a match takes, whatever the notice holds."""

import re
import tomllib
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidContent
from domain.needs.need import NeedAndProcedure
from sources.notices.element import Element, from_xml
from sources.notices.need_of_notice import NoticeNeed, need_in_record, need_in_xml
from sources.notices.notice import MOST_PARTS, MOST_PLACED
from tests.factories import reference
from tests.sources.notices.conftest import (
    FNSIMPLE,
    boamp,
    eforms,
    eforms_donnees,
    eforms_lot,
    noted,
    object_descr,
    project,
    read_xml,
    reserved,
    system,
    ted,
    ted_2013,
    ted_object,
)

FILLED = re.compile(r"\{\w+\}")
CASES = (
    eforms(eforms_lot("LOT-0001", reserved("res-ws") + system() + project())),
    ted(ted_object(object_descr(1, '<TITLE><P>Vitres</P></TITLE><DURATION TYPE="MONTH">12</DURATION>'))),
    ted_2013(),
)


def assert_taken(read: NoticeNeed) -> None:
    """A match takes the need, as it is sent over HTTP."""
    sent = msgspec.json.decode(msgspec.json.encode(read.need), type=NeedAndProcedure)
    assert sent == read.need
    assert len(reference().reader.read(sent.matched)) == len(sent.lots)


def test_the_places_of_unread_parts_are_found_for_so_many_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice of 125 kB may have fifteen thousand of them."""
    found, path_of = list[str](), vars(Element)["path"].fget

    def noted_path(element: Element) -> str:
        found.append(element.name)
        return str(path_of(element))

    notice, end = eforms(eforms_lot("LOT-0001", project())), b"</ContractNotice>"
    before = read_xml(notice).unread
    monkeypatch.setattr(Element, "path", property(noted_path))
    unread = read_xml(notice.replace(end, b"<z>1</z>" * 15_500 + end)).unread
    assert 0 < found.count("z") <= MOST_PLACED
    counted = [int(number) for each in unread for number in re.findall(r"\d+(?= fois| autres)", each.detail.fr)]
    assert sum(counted) + sum("fois" not in each.detail.fr for each in unread) - 1 == 15_500 + len(before)


def test_more_lots_than_a_need_may_have_are_told() -> None:
    for raw in (
        eforms(*(eforms_lot(f"LOT-{number:04}", project()) for number in range(250))),
        ted(ted_object(*(object_descr(number, "<TITLE><P>Vitres</P></TITLE>") for number in range(250)))),
    ):
        read = read_xml(raw)
        assert len(read.need.lots) == 200
        assert "Un besoin a au plus 200 lots : 50 ne sont pas lus" in noted(read)
        assert len(read.unread) <= MOST_PARTS + 1
        assert_taken(read)


def test_ids_are_made_distinct_and_titles_cut() -> None:
    read = read_xml(
        eforms(*(eforms_lot(identifier, project(title="x" * 500)) for identifier in ("A", "A", "", "b" * 300)))
    )
    assert [lot.id[:5] for lot in read.need.lots] == ["A", "A-2", "3", "bbbbb"]
    assert {len(lot.title or "") for lot in read.need.lots} == {400}
    assert "Intitulé coupé à 400 caractères, sur 500 (4 fois)" in noted(read)
    assert_taken(read)


def test_an_unknown_code_is_told_and_a_lot_without_object_left_out() -> None:
    wrong = project(cpv="90919299")
    read = read_xml(eforms(eforms_lot("LOT-0001", wrong), whole=wrong))
    assert (read.need.lots[0].cpv, read.need.lots[0].title) == ((), "Nettoyage des locaux")
    assert any(text.startswith("Code CPV inconnu : « 90919299 » ; peut-être 909192") for text in noted(read))
    empty = project(title="", cpv="")
    read = read_xml(eforms(eforms_lot("LOT-0001", project()), eforms_lot("LOT-0002", empty), whole=empty))
    assert [lot.id for lot in read.need.lots] == ["LOT-0001"]
    assert "Ni CPV ni intitulé : ce lot n'est pas lu" in noted(read)


def test_the_values_of_all_lots_make_the_total_only_where_it_differs() -> None:
    """The whole says 240,000: so do two lots of 120,000 together, and not those of 100,000."""
    for each, total in ((120_000, None), (100_000, 240_000)):
        amount = f'<cbc:EstimatedOverallContractAmount currencyID="EUR">{each}</cbc:EstimatedOverallContractAmount>'
        lots = (eforms_lot(f"LOT-{number}", project(amount=amount)) for number in (1, 2))
        assert read_xml(eforms(*lots)).need.estimated_total_eur == total


VALUES = st.one_of(
    st.sampled_from(
        ["", "FRH04", "FR", "FRZZZ", "90919200", "90919200-1", "1e400", "-1", "12", "0", "MONTH", "YEAR", "EUR",
         "res-ws", "res-pub-ser", "Vannes", "56000", "97500", "3 fois un an", "fa-mix", "open", "FRA", "BEL",
         "anyw-cou", "98800"]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60),
)  # fmt: skip


@given(st.data())
def test_a_notice_with_anything_in_its_fields_is_taken_or_refused(data: st.DataObject) -> None:
    """Texts and attributes of real structure, replaced at random."""
    raw = data.draw(st.sampled_from(CASES))
    root = from_xml(raw)
    waiting, changed = [root], []
    while waiting:
        element = waiting.pop()
        waiting += element.children
        changed.append(element)
    text = raw.decode()
    for element in data.draw(st.lists(st.sampled_from(changed), max_size=12)):
        for value in (*element.pieces, *element.attributes.values()):
            if len(value) > 1:
                text = text.replace(f">{value}<", f">{escaped(data.draw(VALUES))}<", 1)
                text = text.replace(f'"{value}"', f'"{escaped(data.draw(VALUES))}"', 1)
    try:
        read = need_in_xml(text.encode(), reference())
    except InvalidContent:
        return
    assert_taken(read)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 99999999), st.floats(allow_nan=False), VALUES),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(VALUES, inner, max_size=4)),
    max_leaves=12,
)


@given(st.data())
def test_a_record_with_anything_in_it_is_taken_or_refused(data: st.DataObject) -> None:
    document: Any = boamp(data.draw(st.sampled_from([FNSIMPLE, eforms_donnees(), {}])))
    donnees = msgspec.json.decode(document["donnees"])
    places: list[tuple[Any, Any]] = []
    waiting = [donnees]
    while waiting:
        value = waiting.pop()
        members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, each in members:
            places.append((value, key))
            waiting.append(each)
    if places:
        for position in data.draw(st.lists(st.integers(0, len(places) - 1), max_size=6)):
            holder, key = places[position]
            holder[key] = data.draw(JSON)
    document["donnees"] = donnees
    document[data.draw(st.sampled_from(sorted(document)))] = data.draw(JSON)
    try:
        read = need_in_record(document, reference())
    except InvalidContent:
        return
    assert_taken(read)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def test_every_remark_is_made_somewhere_and_every_one_that_is_made_is_written() -> None:
    """By the names that the readers give them; what fills one is the same in both languages."""
    folder = files("sources.notices")
    remarks = tomllib.loads((folder / "remarks.toml").read_text("utf-8"))["remarks"]
    code = "".join(module.read_text("utf-8") for module in folder.iterdir() if module.name.endswith(".py"))
    assert set(re.findall(r'\.note\([^,]+, "([a-z_]+)"', code)) <= remarks.keys()
    assert remarks.keys() <= set(re.findall(r'"([a-z_]+)"', code))
    assert {name for name, (fr, en) in remarks.items() if set(FILLED.findall(fr)) != set(FILLED.findall(en))} == set()
