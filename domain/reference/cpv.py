"""The Common Procurement Vocabulary (CPV 2008): codes, French labels, and the tree they form.

Lists of codes as the law gives them: single codes, and ranges from one code to another. The segments that a code means
are told by `taxonomy.py`.
"""

import functools
import hashlib
import lzma
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from os.path import commonprefix
from typing import Literal

_WRITTEN = re.compile(r"([0-9]{8})(?:-[0-9])?")
_DIVISION_DIGITS = 2
_DIGITS = 8


class Cpv:
    """Every code of the nomenclature, as 8 digits, with its label."""

    def __init__(self, labels: dict[str, str], version: str) -> None:
        self.version = version
        self._labels = labels

    def __iter__(self) -> Iterator[str]:
        """Every code, in ascending order."""
        return iter(self._labels)

    def normalise(self, code: str) -> str:
        """The 8 digits of a code written with or without its check digit ("90911200-8").

        The check digit is not verified, and the code need not be a known one: see `known`.
        Raises ValueError if `code` is not written as a CPV code.
        """
        written = _WRITTEN.fullmatch(code)
        if written is None:
            raise ValueError(f"not 8 digits, optionally followed by a check digit: {code!r}")
        return written.group(1)

    def known(self, code8: str) -> bool:
        """Whether a code of 8 digits exists."""
        return code8 in self._labels

    def exists(self, code: str) -> bool:
        """Whether a code is known, with or without its check digit; False for what is not written as a CPV code."""
        written = _WRITTEN.fullmatch(code)
        return written is not None and self.known(written.group(1))

    def label(self, code8: str) -> str | None:
        """The official French label; None for a code that does not exist."""
        return self._labels.get(code8)

    def parent(self, code8: str) -> str | None:
        """The nearest broader code that exists; None for a division (two digits), or where no broader code exists."""
        lengths = range(len(code8.rstrip("0")) - 1, _DIVISION_DIGITS - 1, -1)
        broader = (code8[:length].ljust(_DIGITS, "0") for length in lengths)
        return next((code for code in broader if code in self._labels), None)

    def nearest(self, code: str) -> str | None:
        """The code most likely meant by one that does not exist or is badly written; None if nothing is close.

        One digit wrong or two neighbours swapped, then the nearest broader code.
        """
        given = "".join(character for character in code if character in "0123456789")[:_DIGITS]
        if len(given) < _DIVISION_DIGITS or not given.strip("0"):
            return None
        digits = given.ljust(_DIGITS, "0")
        if digits in self._labels:
            return digits
        slips = [slip for slip in _codes_one_slip_away(digits) if slip in self._labels and slip[0] == digits[0]]
        if slips:
            return max(slips, key=lambda slip: (len(commonprefix((slip, digits))), slip))  # noqa: RUF071 - of digits
        return self.parent(digits)


def _codes_one_slip_away(digits: str) -> Iterator[str]:
    """The codes with one digit another, or with two neighbours swapped."""
    for place in range(_DIGITS):
        head, tail = digits[:place], digits[place + 1 :]
        yield from (head + digit + tail for digit in "0123456789")
        if tail:
            yield head + tail[0] + digits[place] + tail[1:]


@functools.cache
def load() -> Cpv:
    """The nomenclature as committed in `domain/data` (its SOURCES.md says where from)."""
    table = lzma.decompress((files("domain") / "data" / "cpv.tsv.xz").read_bytes())
    labels = dict(line.split("\t", 1) for line in table.decode().splitlines())
    return Cpv(labels, f"2008-{hashlib.sha256(table).hexdigest()[:12]}")


Listing = Literal["listed", "descendant", "unlisted"]
_RANGE = re.compile(r"(\d{8})-(\d{8})")


@functools.lru_cache(maxsize=4096)
def listing(code: str, listed: frozenset[str]) -> Listing:
    """The relation of a CPV code to a list: listed, narrower than a listed code, or neither.

    A range ("55100000-55410000") holds its two ends and all codes between. A whole division on a list ("98000000") says
    nothing of narrower codes: such lists name beside it those that they mean.
    """
    codes, ranges = _codes_and_ranges(listed)
    if code in codes or any(first <= code <= last for first, last in ranges):
        return "listed"
    digits = len(code.rstrip("0"))
    if any(code[:kept].ljust(8, "0") in codes for kept in range(3, digits)):
        return "descendant"
    return "unlisted"


@functools.lru_cache(maxsize=64)
def _codes_and_ranges(listed: frozenset[str]) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """The single codes of a list, with the ends of its ranges, then the ranges."""
    found = (_RANGE.fullmatch(entry) for entry in listed)
    ranges = tuple((match[1], match[2]) for match in found if match)
    return listed | {end for ends in ranges for end in ends}, ranges


def broken_ranges(entries: Iterable[str]) -> list[str]:
    """The entries of digits and hyphens that are no valid range: two codes of 8 digits, the smaller one first."""
    written = (entry for entry in entries if "-" in entry and re.fullmatch(r"[\d-]+", entry))
    return [entry for entry in written if not ((match := _RANGE.fullmatch(entry)) and match[1] < match[2])]
