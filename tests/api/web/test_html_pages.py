"""Forms with files are read as browsers send them; what is none is refused, whatever its bytes."""

import pytest
from multipart import MultipartError

from api.web.html_pages import FormFile, parse_multipart

EDGE = "----edge"


def part(name: str, content: bytes, file: str | None = None) -> bytes:
    of_file = "" if file is None else f'; filename="{file}"\r\nContent-Type: application/xml'
    return f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"{of_file}\r\n\r\n'.encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{EDGE}--\r\n".encode()


def test_fields_and_files_are_told_apart() -> None:
    """Texts are cleaned as those of other forms; files come as they are; one that was not chosen is none."""
    raw = body(part("lieu", " Évreux\r\n".encode()), part("lieu", b"Lens\0"), part("avis", b"<a/>\r\n\0", "a b.xml"))
    fields, files = parse_multipart(raw, EDGE, 10)
    assert fields == {"lieu": ["Évreux", "Lens"]}
    assert files == {"avis": FormFile("a b.xml", b"<a/>\r\n\0")}
    assert parse_multipart(body(part("avis", b"", ""), part("titre", b"")), EDGE, 10) == ({"titre": [""]}, {})


@pytest.mark.parametrize(
    ("raw", "edge", "most"),
    [
        (b"", EDGE, 10),
        (b"titre=1", EDGE, 10),
        (body(part("a", b"1"))[:-6], EDGE, 10),
        (body(part("a", b"1"), part("b", b"2")), EDGE, 1),
        (body(part("a", b"1")), "other", 10),
        (body(part("a", b"1")), "", 10),
        (f"--{EDGE}\r\n\r\n1\r\n--{EDGE}--\r\n".encode(), EDGE, 10),
        (body(part("a" * 5_000, b"1")), EDGE, 10),
        (body(part("titre", b"\xe9")), EDGE, 10),
    ],
)
def test_what_is_no_form_is_refused(raw: bytes, edge: str, most: int) -> None:
    """So are texts that are not UTF-8."""
    with pytest.raises((MultipartError, UnicodeDecodeError)):
        parse_multipart(raw, edge, most)
