"""Objects that name a member twice, and halves of characters."""

import pytest

from domain.strict_json import lone_surrogate, repeated_key


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (b'{"a": 1, "a": 2}', "/a"),
        (b'{"a": [1, {"b/c": 1, "b/c": 1}]}', "/a/1/b~1c"),
        (b'{"\\u0061": 1, "a": 1}', "/a"),
    ],
)
def test_the_repeated_member_is_located(document: bytes, where: str) -> None:
    problem = repeated_key(document)
    assert problem is not None
    assert (problem.pointer, problem.code) == (where, "duplicate_key")


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
