"""What is said shortly is read once; what is said at length is read each time, and not kept."""

from domain.computations import short_cache


def test_only_short_calls_are_kept() -> None:
    read = []

    @short_cache(10, 3, len)
    def reading(text: str) -> str:
        read.append(text)
        return text.upper()

    assert [reading(text) for text in ("abc", "abc", "abcd", "abcd")] == ["ABC", "ABC", "ABCD", "ABCD"]
    assert read == ["abc", "abcd", "abcd"]
