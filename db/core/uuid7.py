"""Identifiers that sort by the time they were made (UUID version 7)."""

from collections.abc import Iterable
from datetime import datetime
from os import urandom
from uuid import UUID

RANDOM_BYTES = 10
_RANDOM_BITS = 48
_POSITION_BITS = 74 - _RANDOM_BITS


def new_id(now: datetime) -> UUID:
    """A new identifier, which sorts after those made before `now`."""
    return uuid7(now, urandom(RANDOM_BYTES))


def increasing_ids(now: datetime, positions: Iterable[int]) -> list[UUID]:
    """A new identifier for each of `positions` (numbers of rows); the identifiers sort as the positions do.

    The position, modulo 2^26, stands before 48 random bits (RFC 9562 §6.2, method 1): positions should differ.
    """
    start = int.from_bytes(lowest_id(now).bytes)
    counted = (position % (1 << _POSITION_BITS) for position in positions)
    # on both sides of the two bits of the variant
    spread = [position >> 14 << 64 | (position & 0x3FFF) << _RANDOM_BITS for position in counted]
    size = _RANDOM_BITS // 8
    random = urandom(size * len(spread))
    return [
        UUID(int=start | bits | int.from_bytes(random[at : at + size]))
        for at, bits in zip(range(0, len(random), size), spread, strict=True)
    ]


def lowest_id(moment: datetime) -> UUID:
    """The lowest identifier that can be made at `moment`: all earlier ones sort before it."""
    return uuid7(moment, bytes(RANDOM_BYTES))


def uuid7(now: datetime, random: bytes) -> UUID:
    """Make a UUID version 7 (RFC 9562 §5.7) from the instant `now`, to the millisecond, and ten random bytes.

    Raises ValueError on another number of bytes.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"uuid7 takes {RANDOM_BYTES} random bytes, not {len(random)}")
    milliseconds = int(now.timestamp() * 1000)
    value = milliseconds << 80 | int.from_bytes(random)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
