"""Identifiers that sort by the time they were made."""

from collections.abc import Iterable
from datetime import datetime
from os import urandom
from uuid import UUID

RANDOM_BYTES = 10
_LEFT_TO_CHANCE = 48
_COUNTED = 74 - _LEFT_TO_CHANCE


def new_id(now: datetime) -> UUID:
    """An identifier of its own, that sorts after those made before `now`."""
    return uuid7(now, urandom(RANDOM_BYTES))


def ids_in_order(now: datetime, places: Iterable[int]) -> list[UUID]:
    """Identifiers of their own that sort by their places among each other: indexes then grow at their end.

    The place, modulo 2^26, stands before 48 random bits (RFC 9562 §6.2, method 1): places should differ.
    """
    start = int.from_bytes(uuid7(now, bytes(RANDOM_BYTES)).bytes)
    counted = [place % (1 << _COUNTED) for place in places]
    random, size = urandom(_LEFT_TO_CHANCE // 8 * len(counted)), _LEFT_TO_CHANCE // 8
    return [
        UUID(
            int=start | place >> 14 << 64 | (place & 0x3FFF) << _LEFT_TO_CHANCE | int.from_bytes(random[at : at + size])
        )
        for at, place in zip(range(0, len(random), size), counted, strict=True)
    ]


def uuid7(now: datetime, random: bytes) -> UUID:
    """The UUID version 7 (RFC 9562 §5.7) of `now`, to the millisecond, and of ten `random` bytes.

    Raises ValueError on another number of bytes.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"uuid7 takes {RANDOM_BYTES} random bytes, not {len(random)}")
    milliseconds = int(now.timestamp() * 1000)
    value = milliseconds << 80 | int.from_bytes(random)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
