"""Objects that name a member twice."""

import pytest

from domain.strict_json import repeated_key


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
