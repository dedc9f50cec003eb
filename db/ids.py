"""Identifiers that sort by the time they were made."""

from datetime import datetime
from os import urandom
from uuid import UUID

RANDOM_BYTES = 10


def new_id(now: datetime) -> UUID:
    """An identifier of its own, that sorts after those made before `now`."""
    return uuid7(now, urandom(RANDOM_BYTES))


def new_ids(now: datetime, count: int) -> list[UUID]:
    """As many identifiers, for less than one by one."""
    random = urandom(RANDOM_BYTES * count)
    return [uuid7(now, random[start : start + RANDOM_BYTES]) for start in range(0, len(random), RANDOM_BYTES)]


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
