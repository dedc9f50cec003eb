"""Accept headers are weighed as RFC 9110 says."""

import tracemalloc
from collections.abc import Callable

import pytest

from api.web.content_negotiation import accepts_gzip, choose_language, choose_media

OFFERED = ("application/json", "application/geo+json", "text/csv")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/csv"),
        ("application/geo+json", "application/geo+json"),
        ("APPLICATION/GEO+JSON", "application/geo+json"),
        ("application/geo+json, */*;q=0.8", "application/geo+json"),
        ("application/geo+json, */*", "application/geo+json"),
        ("application/geo+json;q=0.5, application/json", "application/json"),
        ("application/geo+json, application/json", "application/json"),
        ("application/json;q=0, */*;q=0.1", "application/geo+json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/html", None),
        ("image/*", None),
        ("*/*;q=0", None),
        ("application/json;q=0", None),
        ("rubbish", None),
        ("application/json;q=2", None),
        ("application/json;q=x", None),
    ],
)
def test_choice(accept: str, chosen: str | None) -> None:
    """Quality first, then precision, then the order of what is offered; nothing acceptable is None."""
    assert choose_media(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("br", False),
        ("identity", False),
        ("gzip, identity", True),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=0.5, identity;q=0.4", True),
        ("gzip;q=2", False),
        ("not-gzip", False),
    ],
)
def test_gzip(accept_encoding: str, accepted: bool) -> None:
    """Where it is named or covered by the wildcard, with a quality above 0, and not below that of no coding."""
    assert accepts_gzip(accept_encoding) is accepted


@pytest.mark.parametrize("read", [choose_language, accepts_gzip, lambda header: choose_media(header, OFFERED)])
def test_long_headers_are_read_but_not_kept(read: Callable[[str], object]) -> None:
    """Nobody fills the memory with what nobody sends twice."""
    tracemalloc.start()
    try:
        for number in range(200):
            read(f"en, gzip, */*;q={number}" + " " * 10_000)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
