"""Items of JSON documents: in arrays, alone and on pages, against the standard library's reader."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.file_types.json_items import elements, page_members, read_item_lines, read_items
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import Endless

TEXT = st.text(alphabet='a"\\[]{},\n é', max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 0, 2]), st.integers(1, 20), st.booleans())
def test_elements_are_those_of_the_array_whatever_the_chunks(
    values: list[Any], indent: int | None, chunk_size: int, ascii_only: bool
) -> None:
    data = b" \n" + json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode() + b"\n"
    found = [json.loads(element.data or b"") for element in elements(io.BytesIO(data), chunk_size=chunk_size)]
    assert found == values


def test_an_element_is_on_the_line_where_it_starts() -> None:
    data = b'\n[\n{"a":\n1},\n\n {"b":2},{"c":3}]'
    assert [element.line for element in elements(io.BytesIO(data), chunk_size=2)] == [3, 6, 6]


@pytest.mark.parametrize("data", [b'[1,\n{"a":"%b"}]' % (b"x" * 50), b"[1,\n[%b]]" % (b"[]," * 50 + b"1")])
def test_an_element_beyond_the_bound_is_not_held(data: bytes) -> None:
    found = elements(io.BytesIO(data), longest=20, chunk_size=8)
    assert next(found).data == b"1"
    with pytest.raises(UnreadableFile, match="line 2 is too long"):
        next(found)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"a":1}\n{"a":2}', b'[{"a":1}', b'[{"a":"]', b"[] x", b"[[]"])
def test_what_is_not_one_whole_array_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        list(elements(io.BytesIO(data)))


@pytest.mark.parametrize("chunk_size", [1, 7, 64])
@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'[{},\n{"a": {"b": 1},\n{}\n]', 3),
        (b'[{},\n{"a": 1},\n{"a": "\n\n', 3),
        (b"[{},\n\n1 2\n]", 3),
        (b"[1,\n,2]", 2),
        (b"[1,\n2,]", 2),
        (b"[\n" + b"[" * 100_000, 2),
    ],
)
def test_a_malformed_array_is_refused_with_the_line_of_its_fault(data: bytes, line: int, chunk_size: int) -> None:
    with pytest.raises(UnreadableFile, match=f"line {line}"):
        list(elements(io.BytesIO(data), chunk_size=chunk_size))


def test_what_no_record_holds_costs_only_its_element() -> None:
    """Numbers that JSON does not know, or huge ones, broken texts and what is not UTF-8 are for who decodes them."""
    written = (b"NaN", b"1" * 5_000, b'"a\tb"', b'"\\ud800"', b'"caf\xe9"', b'{"a":1,"a":2}', b"[" * 500 + b"]" * 500)
    data = b"[" + b",".join(written) + b"]"
    assert tuple(element.data for element in elements(io.BytesIO(data), chunk_size=16)) == written


LISTS = ("results", "data")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='aé"\\,[]{}: \n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.lists(st.fixed_dictionaries({"id": st.integers(), "x": JSON}), max_size=4)
AROUND = st.dictionaries(st.sampled_from(["count", "next", "é", 'q"']), JSON, max_size=3)


def items(document: bytes, chunk_size: int = 64) -> list[Any]:
    found = read_items(io.BytesIO(document), LISTS, chunk_size=chunk_size)
    return [json.loads(item.data) for item in found if item.data is not None]


@given(ITEMS, AROUND, AROUND, st.integers(1, 40), st.sampled_from([None, 1]))
def test_a_page_is_read_whatever_stands_around_its_list(
    listed: list[Any], before: dict[str, Any], after: dict[str, Any], chunk_size: int, indent: int | None
) -> None:
    page = before | {"results": listed} | {name: value for name, value in after.items() if name not in before}
    document = json.dumps(page, ensure_ascii=False, indent=indent).encode()
    assert items(document, chunk_size) == listed
    around = {name: json.loads(bytes(value)) for name, value in page_members(io.BytesIO(document), LISTS).items()}
    assert around == {name: value for name, value in page.items() if name != "results"}


@pytest.mark.parametrize(
    "document",
    [
        '[{"id": 1}, {"id": 2}]',
        '{"results": [{"id": 1}, {"id": 2}]}',
        '[{"results": [{"id": 1}]}, {"results": [{"id": 2}]}]',
        ' \n{"data": [{"id": 1},\n{"id": 2}], "mapping": ["id"]}\n',
        '[{"id": 1, "data": [7]}, {"id": 2}]',
    ],
)
def test_lists_pages_and_lists_of_pages(document: str) -> None:
    assert [item["id"] for item in items(document.encode())] == [1, 2]


def test_one_item_needs_no_list() -> None:
    assert items(b'{"id": 1, "name": "A"}') == [{"id": 1, "name": "A"}]
    assert items(b'{"licence": "x", "data": {"id": 1}}') == [{"id": 1}]


def test_lines_are_those_of_the_file_and_each_may_be_an_item_or_a_page() -> None:
    document = b'\n{"count": 2,\n"results": [\n{"id": 1},\n\n{"id": 2}]}'
    assert [item.line for item in read_items(io.BytesIO(document), LISTS)] == [4, 6]
    nested = b'[\n{"count": 2,\n"results": [{"id": 1},\n{"id": 2}]}]'
    assert [item.line for item in read_items(io.BytesIO(nested), LISTS)] == [3, 4]
    document = b'{"id": 1}\n\n \t{"next": null, "results": [{"id": 2},{"id": 3}]}\n[1]\n'
    found = list(read_item_lines(io.BytesIO(document), LISTS))
    assert [(item.line, item.data) for item in found] == [
        (1, b'{"id": 1}\n'),
        (3, b'{"id": 2}'),
        (3, b'{"id": 3}'),
        (4, b"[1]\n"),
    ]
    assert bytes(found[1].page["next"]) == b"null"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "7",
        '"text"',
        '{"results": [{"id": 1}',
        '{"results": [{"id": 1}]',
        '{"results": [{"id": 1}]} {}',
        '{"results": [{"id": 1}], "next"}',
        '{"count": }',
        "{7: 8}",
        '{"count": 1',
        "[{}] []",
        '{"count":\n1',
        '{"id": 5,\n"name": "A',
        '{"results": [{}],\n"next": ',
    ],
)
def test_a_document_that_is_cut_or_malformed_is_refused(document: str) -> None:
    with pytest.raises(UnreadableFile, match="on line 2" if "\n" in document else "."):
        items(document.encode())
    assert page_members(io.BytesIO(document.encode()), LISTS) == {}


def test_what_comes_before_the_list_is_bounded() -> None:
    """An endless string before the list is refused, not held."""
    stream = io.BufferedReader(Endless(b'{"a": "', b"x", 20 * 1024 * 1024, b'"}'))
    with pytest.raises(UnreadableFile):
        list(read_items(stream, LISTS, longest=1024 * 1024))
    assert stream.read(1)
