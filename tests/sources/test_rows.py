"""Lines of a file of any size, in bounded memory."""

import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sources.rows import UnreadableFile, lines


@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.integers(1, 10))
def test_every_line_is_there_once_the_long_ones_without_their_text(texts: list[bytes], longest: int) -> None:
    data = b"\n".join(texts)
    assume(not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")))
    expected = [
        (number, None if len(line.rstrip(b"\n")) > longest else line)
        for number, line in enumerate(io.BytesIO(data), start=1)
    ]
    assert [(line.number, line.data) for line in lines(io.BytesIO(data), longest)] == expected


def test_a_byte_order_mark_is_no_text() -> None:
    assert [line.data for line in lines(io.BytesIO(b"\xef\xbb\xbfa\r\nb"))] == [b"a\r\n", b"b"]


def test_utf_16_is_named_as_what_it_is() -> None:
    with pytest.raises(UnreadableFile, match="UTF-16"):
        list(lines(io.BytesIO("a\n".encode("utf-16"))))
