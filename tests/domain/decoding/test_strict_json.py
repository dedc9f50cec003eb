"""Objects that name a member twice, and halves of characters."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decoding.strict_json import decode_once, lone_surrogate, null_character, repeated_key


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (b'{"a": 1, "a": 2}', "/a"),
        (b'{"a": [1, {"b/c": 1, "b/c": 1}]}', "/a/1/b~1c"),
        (b'{"\\u0061": 1, "a": 1}', "/a"),
        (b'{"a": "\\u003a", "b": 1, "b": 1}', "/b"),
        (b'{"a": "\\u003A", "b" : 1, "b": 1}', "/b"),
        (b'{"a": 1e999, "b": 1, "b": 1}', "/b"),
        (b'{"a": "\\ud800", "b": 1, "b": 1}', "/b"),
    ],
)
def test_the_repeated_member_is_located(document: bytes, where: str) -> None:
    problem = repeated_key(document)
    assert problem is not None
    assert (problem.pointer, problem.code) == (where, "duplicate_key")


class Members(list[tuple[str, object]]):
    """The members of an object as they are to be written."""


_DOCUMENTS = st.recursive(
    st.none() | st.text(alphabet='a:"\\\\é\\u003a', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.tuples(st.sampled_from(["a", "b", ":", '":']), inner), max_size=4).map(Members)
    ),
    max_leaves=12,
)


@given(_DOCUMENTS, st.booleans(), st.sampled_from([":", " : "]))
def test_a_member_is_repeated_wherever_some_object_names_it_twice(value: object, ascii_: bool, colon: str) -> None:
    """However texts are escaped and whatever blanks stand about."""
    found = repeated_key(written(value, ascii_, colon).encode())
    assert (found is not None) == repeats(value)


@given(_DOCUMENTS, st.booleans(), st.sampled_from([":", " : "]))
def test_decoded_once_is_what_the_decoder_gives(value: object, ascii_: bool, colon: str) -> None:
    """Where a member may be repeated, the plain document is not vouched for."""
    raw, decoder = written(value, ascii_, colon).encode(), msgspec.json.Decoder[Any](Any)
    typed, document = decode_once(raw, decoder)
    assert typed == decoder.decode(raw)
    assert document in (None, typed)
    assert document is None or repeated_key(raw) is None


class Loan(msgspec.Struct):
    """A type of which JSON has no values of its own."""

    on: date
    rate: float
    by: dict[int, str] = {}


@pytest.mark.parametrize("raw", [b'{"on":"2026-11-24","rate":1}', b'{"on":"2026-11-24","rate":1e2,"by":{"1":"a"}}'])
def test_texts_become_dates_and_numbers_as_the_decoder_reads_them(raw: bytes) -> None:
    decoder = msgspec.json.Decoder(Loan)
    assert decode_once(raw, decoder) == (decoder.decode(raw), json.loads(raw))


@pytest.mark.parametrize(
    "raw", [b"{", b'{"on":1,"on":"2026-11-24","rate":1}', b'{"on":"2026-11-24","rate":1e999}', b"[" * 100_000]
)
def test_what_fails_is_refused_as_the_decoder_refuses_it(raw: bytes) -> None:
    decoder = msgspec.json.Decoder(Loan)
    with pytest.raises(msgspec.DecodeError) as expected:
        decoder.decode(raw)
    with pytest.raises(msgspec.DecodeError) as refused:
        decode_once(raw, decoder)
    assert str(refused.value) == str(expected.value)


def written(value: object, ascii_: bool, colon: str) -> str:
    if isinstance(value, Members):
        return "{" + ",".join(text(key, ascii_) + colon + written(inner, ascii_, colon) for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(inner, ascii_, colon) for inner in value) + "]"
    return text(value, ascii_)


def text(value: object, ascii_: bool) -> str:
    """As JSON permits: plain, or its colons and all beyond ASCII escaped."""
    return json.dumps(value, ensure_ascii=ascii_).replace(":", "\\u003a" if ascii_ else ":")


def repeats(value: object) -> bool:
    if isinstance(value, Members):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(repeats, value))


def test_the_same_name_in_different_objects_is_no_repetition() -> None:
    assert repeated_key(b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}') is None


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (b'"\\ud800"', ""),
        (b'{"a": ["\\ud83d\\ude00", "x\\udc00"]}', "/a/1"),
        (b'{"a": {"\\ud800": 1}}', "/a"),
    ],
)
def test_half_a_character_is_located(document: bytes, where: str) -> None:
    problem = lone_surrogate(document)
    assert problem is not None
    assert (problem.pointer, problem.code) == (where, "lone_surrogate")


@pytest.mark.parametrize("document", [b'"\\ud83d\\ude00"', '["é😀"]'.encode(), b'"\\ud800', b"[" * 100_000, b"\xff"])
def test_whole_characters_and_what_is_not_json_are_left_alone(document: bytes) -> None:
    assert lone_surrogate(document) is None


@pytest.mark.parametrize(
    ("document", "where"), [(b'["a", "\\u0000"]', "/1"), (b'{"a": {"\\u0000": 1}}', "/a"), (b'"\\\\u0000"', None)]
)
def test_a_null_character_is_located(document: bytes, where: str | None) -> None:
    problem = null_character(document)
    assert (problem and (problem.pointer, problem.code)) == (where if where is None else (where, "null_character"))
