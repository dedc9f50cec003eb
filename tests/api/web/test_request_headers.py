"""Headers are read as the framework reads them: of one that is sent several times, the first counts."""

from typing import Any

from litestar.datastructures import Headers

from api.web.request_headers import first_values, values_of

SENT = [
    (b"host", b"vivier.example"),
    (b"accept", b"text/html"),
    (b"x-name", "é".encode("latin-1")),
    (b"accept", b"*/*"),
]
SCOPE: Any = {"headers": SENT}


def test_of_a_header_sent_twice_the_first_value_counts() -> None:
    read = first_values(SCOPE)
    assert read == {"host": "vivier.example", "accept": "text/html", "x-name": "é"}
    assert read == {name: Headers(SENT).get(name) for name in read}


def test_all_values_of_a_header() -> None:
    assert list(values_of(SCOPE, b"accept")) == ["text/html", "*/*"]
    assert list(values_of(SCOPE, b"authorization")) == []
