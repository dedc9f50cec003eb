"""A frozen version is read from the answer it gave, whatever that answer gains over the years."""

from tests.domain.frozen import frozen, id_of, listed


def test_who_is_listed_is_read_from_the_answer() -> None:
    """Fields of an answer that are not asked for do not matter."""
    version = frozen(listed("1", ["a", "b"], ["c"], total=9), listed("2", []))
    first, second = version.shown
    assert [each.name for each in first.listed] == ["a", "b", "c"]
    assert first.supplier_ids == {id_of("a"), id_of("b"), id_of("c")}
    assert (first.total, second.listed) == (9, ())
    assert first.near_misses[0].message == "À 63 km : 3 km de trop"
