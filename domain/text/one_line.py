"""Texts of one line: what a header or a line of a calendar can hold without being taken for several."""

import re
from typing import Annotated

import msgspec

_BREAKING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters but the tab, and what some programs take for the end of a line."""

WebAddress = Annotated[
    str,
    msgspec.Meta(
        max_length=2_000,
        pattern=r"^https?://[^\u0000-\u0020\u007f-\u009f\u2028\u2029]+$",
        description="An http or https address",
        extra={"fr": "une adresse http ou https"},
    ),
]


def is_one_line(text: str) -> bool:
    """Whether the text holds no line break and no other control character but tabs."""
    return _BREAKING.search(text) is None


def cut(text: str, most: int = 60) -> str:
    """The text to be quoted in a message: as it is, or so many characters of it and an ellipsis."""
    return text if len(text) <= most else f"{text[:most].rstrip()}…"


def on_one_line(text: str) -> str:
    """The text without line breaks and other control characters, for a header or a title."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
