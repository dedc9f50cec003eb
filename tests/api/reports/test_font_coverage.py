"""What a printed report can draw, held against the typefaces themselves."""

import pytest
import typst

from api.reports.html import drawable, printable
from api.reports.typst_process import STANDARDS, fonts

PAGE = b"""#set document(title: "x")
#set text(font: ("Libertinus Serif", "DejaVu Sans Mono"), lang: "fr")
#sys.inputs.text"""


def compiled(text: str) -> None:
    typst.compile(
        PAGE,
        format="pdf",
        font_paths=fonts(),
        ignore_system_fonts=True,
        sys_inputs={"text": text},
        pdf_standards=STANDARDS,
    )


def test_everything_said_to_be_drawable_is() -> None:
    """The standard of the PDF refuses what has no glyph."""
    compiled(" ".join(chr(code) for code in range(0x20, 0x30000) if drawable(chr(code))))


def test_the_standard_refuses_what_is_not() -> None:
    assert not drawable("漢")
    with pytest.raises(typst.TypstError):
        compiled("漢")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Bâti « œuvre » 15 m³ – 20 €…", "Bâti « œuvre » 15 m³ – 20 €…"),
        ("e\u0301te\u0301", "été"),
        ("ESAT 😀 漢", "ESAT □ □"),
        ("a\x0bb\u200ec", "a bc"),
    ],
)
def test_the_rest_is_shown_as_missing(text: str, printed: str) -> None:
    assert printable(text) == printed
    compiled(printed)


def test_very_long_words_can_be_broken() -> None:
    assert printable("W" * 30).replace("\u200b", "") == "W" * 30
    assert max(map(len, printable("W" * 30).split("\u200b"))) == 12
    compiled(printable("W" * 30))
