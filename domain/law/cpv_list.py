"""Lists of CPV codes as the law gives them: single codes, and ranges from one code to another."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

Listing = Literal["listed", "descendant", "unlisted"]
_RANGE = re.compile(r"(\d{8})-(\d{8})")


@lru_cache(maxsize=4096)
def listing(code: str, listed: frozenset[str]) -> Listing:
    """A CPV code against a list: on it, narrower than a code on it, or neither.

    A range ("55100000-55410000") holds its two ends and all codes between. A whole division on a list ("98000000") says
    nothing of narrower codes: such lists name beside it those that they mean.
    """
    codes, ranges = _parts(listed)
    if code in codes or any(first <= code <= last for first, last in ranges):
        return "listed"
    digits = len(code.rstrip("0"))
    if any(code[:kept].ljust(8, "0") in codes for kept in range(3, digits)):
        return "descendant"
    return "unlisted"


@lru_cache(maxsize=64)
def _parts(listed: frozenset[str]) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """The codes that a list names, the ends of its ranges among them, and its ranges."""
    found = (_RANGE.fullmatch(entry) for entry in listed)
    ranges = tuple((match[1], match[2]) for match in found if match)
    return listed | {end for ends in ranges for end in ends}, ranges


def broken_ranges(entries: Iterable[str]) -> list[str]:
    """The entries of digits and hyphens that are no range of two codes of 8 digits, the smaller one first."""
    written = (entry for entry in entries if re.fullmatch(r"[\d-]*-[\d-]*", entry))
    return [entry for entry in written if not ((match := _RANGE.fullmatch(entry)) and match[1] < match[2])]
