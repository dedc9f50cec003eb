"""The characters that the typefaces of a printed report can draw; anything else is shown as an empty box."""

import re
import unicodedata
from bisect import bisect_right

_RANGES = """
20-7e a0-ac ae-2ff 370-377 37a-37f 384-38a 38c-38c 38e-3a1 3a3-482 48a-4ff 510-513 51a-51d 1e00-1f15 1f18-1f1d
1f20-1f45 1f48-1f4d 1f50-1f57 1f59-1f59 1f5b-1f5b 1f5d-1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fc4 1fc6-1fd3 1fd6-1fdb
1fdd-1fef 1ff2-1ff4 1ff6-1ffe 2000-200a 2010-2027 202f-2040 2042-2042 2044-2052 2054-205f 2070-2071 2074-208e
2090-209c 20a0-20c0 2100-211e 2120-2120 2122-2122 2124-2124 2126-2151 2153-2184 2189-2189 2190-23ff 2422-2423
2460-262f 2638-268b 2690-269c 26a0-26a7 26aa-26b2 2701-2704 2706-2709 270c-2727 2729-274b 274d-274d 274f-2752
2756-2756 2758-275e 2761-277f 2794-2794 2798-27af 27b1-2b73 2b76-2b95 2b97-2bff fb00-fb06 fffd-fffd
"""
"""First and last code point of each range, in hexadecimal: what Libertinus Serif and DejaVu Sans Mono, as typst has
them, hold of Latin, Greek, Cyrillic and signs. Marks that combine and scripts that need shaping are left out: typst
0.15 breaks down on some of them where a typeface stands in for another."""
_BOUNDS = [int(bound, 16) + (place % 2) for place, bound in enumerate(re.split(r"[-\s]+", _RANGES.strip()))]
_MISSING = "\N{WHITE SQUARE}"
_LONG_WORD = re.compile(r"\S{24,}")
LONGEST_RUN = 12


def drawable(character: str) -> bool:
    """Whether a character can be drawn."""
    return bisect_right(_BOUNDS, ord(character)) % 2 == 1


def with_glyphs(text: str) -> str:
    """The text, composed, with something in the place of what cannot be drawn."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(each if each == "\n" or drawable(each) else _instead(each) for each in composed)


def printable(text: str) -> str:
    """The text as it can be printed, with places to break very long words."""
    pieces = re.compile(f".{{1,{LONGEST_RUN}}}")
    return _LONG_WORD.sub(lambda word: "\N{ZERO WIDTH SPACE}".join(pieces.findall(word[0])), with_glyphs(text))


def _instead(character: str) -> str:
    kind = unicodedata.category(character)
    return " " if kind in {"Cc", "Zl", "Zp"} else "" if kind == "Cf" or kind.startswith("M") else _MISSING
