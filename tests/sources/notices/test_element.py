"""Trees of elements: what is refused, where things stand, what was read."""

from typing import Any

import pytest

from domain.errors import InvalidContent
from sources.notices import element
from sources.notices.element import DEEPEST, MalformedNotice, from_json, from_xml


@pytest.mark.parametrize(
    "raw",
    [
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY % b "c">]><a/>',
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        "<!DOCTYPE a><a/>".encode("utf-16"),
        b"<!DOCTYPE a><a><not closed",
    ],
)
def test_a_document_type_or_entity_is_refused_whatever_it_holds(raw: bytes) -> None:
    with pytest.raises(InvalidContent) as refused:
        from_xml(raw)
    assert [problem.code for problem in refused.value.problems] == ["document_type"]


@pytest.mark.parametrize("raw", [b"<a><b></a>", b"<a>&nbsp;</a>", b"a", b"<a/><b/>", b"<a>\xff</a>"])
def test_what_is_no_xml_says_at_which_line_and_column(raw: bytes) -> None:
    with pytest.raises(MalformedNotice) as refused:
        from_xml(b"\n" + raw)
    assert "line 2, column" in refused.value.detail.en


def test_an_unknown_encoding_is_malformed() -> None:
    with pytest.raises(MalformedNotice):
        from_xml(b'<?xml version="1.0" encoding="klingon"?><a/>')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings_that_xml_declares_are_read(encoding: str) -> None:
    raw = f'<?xml version="1.0" encoding="{encoding}"?><a>été</a>'.encode(encoding)
    assert from_xml(raw).text() == "été"


def test_depth_and_number_are_bounded_in_xml_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 1_000
    monkeypatch.setattr(element, "MOST_ELEMENTS", most)
    deep: Any = "x"
    for _ in range(DEEPEST + 1):
        deep = {"a": deep}
    cases: list[tuple[Any, Any, str]] = [
        (from_xml, b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1), "too_deep"),
        (from_xml, b"<a>" + b"<b/>" * most + b"</a>", "too_many_elements"),
        (from_json, deep, "too_deep"),
        (from_json, {"a": ["x"] * (most + 1)}, "too_many_elements"),
    ]
    for read, raw, code in cases:
        with pytest.raises(InvalidContent) as refused:
            read(raw)
        assert [problem.code for problem in refused.value.problems] == [code]
    from_xml(b"<a>" + b"<b/>" * (most - 1) + b"</a>")


def test_xml_in_json_is_the_same_tree() -> None:
    as_xml = from_xml(b'<x:a xmlns:x="urn:x"><x:b c="d">e  f</x:b><x:b/></x:a>')
    as_json = from_json({"x:b": [{"@c": "d", "#text": "e  f"}, ""]}, "a")
    for root in (as_xml, as_json):
        assert [each.path for each in root.all("b")] == ["/a/b[1]", "/a/b[2]"]
        assert next(root.all("b")).attributes == {"c": "d"}
        assert root.first_text("b") == ("/a/b[1]", "e f")


def test_what_was_not_read_is_told_by_the_uppermost_element() -> None:
    root = from_xml(b"<a><b><c>1</c><d>2</d></b><e><f>3</f><f>4</f></e><g/></a>")
    root.first_text("b", "c")
    assert [each.path for each in root.unread()] == ["/a/b/d", "/a/e"]
