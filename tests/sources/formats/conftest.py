"""The readers' tests share this: the reference data, files of a few bytes, records that rows of CSV can express."""

import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

from hypothesis import strategies as st

from domain.reference import cpv, taxonomy, territory
from domain.reference.territory import MultiPolygon, Polygon
from domain.suppliers.source import RowError
from domain.suppliers.supplier import (
    BASES,
    EVIDENCE_KINDS,
    Address,
    Approval,
    Contact,
    Evidence,
    Kind,
    LegalForm,
    Offer,
    PlacesSize,
    Point,
    PrestaType,
    ServiceArea,
    Shares,
    SizeInEuros,
    StaffSize,
    SupplierRecord,
    SupplierSize,
)
from sources.file_reader import read_rows
from sources.rows import Context

SAMPLES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "samples.json").read_text("utf-8"))
"""A document of each format as its publisher writes it."""


CONTEXT = Context(territory.load(), taxonomy.load(), cpv.load(), language="en")
"""The reference data as it comes, and rejects in English."""


def read(data: bytes, media_type: str, name: str = "vivier") -> list[Any]:
    """Rows and rejects of bytes in a format and media type, checks included.

    A test that asks a row for its record, or a reject for its code, knows which it is.
    """
    return list(read_rows(name, io.BytesIO(data), media_type, CONTEXT))


def outcome(row: Any, expected: str | dict[str, Any]) -> str | dict[str, Any]:
    """What became of a row: the code and place of its fault, else the fields of its record that are expected."""
    if isinstance(row, RowError):
        return f"{row.code} {row.pointer}".strip()
    return {name: getattr(row.record, name) for name in expected}


class Endless(io.RawIOBase):
    """A file of `size` bytes made as it is read, of `head` and then one byte repeated, with `tail` at the end."""

    def __init__(self, head: bytes, filler: bytes, size: int, tail: bytes) -> None:
        self._pieces = self._make(head, filler, size, tail)
        self._rest = b""

    @staticmethod
    def _make(head: bytes, filler: bytes, size: int, tail: bytes) -> Iterator[bytes]:
        yield head
        block = filler * 65536
        for _ in range(size // len(block)):
            yield block
        yield tail

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        self._rest = self._rest or next(self._pieces, b"")
        taken = min(len(self._rest), len(buffer))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken


T = TypeVar("T")

TEXT = st.text(alphabet="ab é\"',;|\n\r:€=-+@09\t\\", min_size=1, max_size=12)
ITEM = st.text(alphabet="abé,-:9'0|\\ =", min_size=1, max_size=8)
CODE = st.text(alphabet="ab9-/0", min_size=1, max_size=8)
SHARE = st.floats(0, 1)


def known(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | values


def some(kind: type[T], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[T | None]:
    """A struct with at least one known field, or none at all."""
    return known(st.builds(kind, **fields).filter(lambda made: made != kind()))


def items(least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(ITEM, min_size=least, max_size=3).map(tuple)


DATES = known(st.dates(date(1900, 1, 1)))
APPROVALS = st.builds(
    Approval, kind=st.sampled_from(get_args(Kind)), valid_from=DATES, valid_until=DATES, reference=known(ITEM)
)
RINGS = st.tuples(st.floats(-5, 9), st.floats(42, 51)).map(
    lambda at: ((at, (at[0] + 1, at[1]), (at[0], at[1] + 1), at),)
)
AREAS = st.one_of(
    st.builds(ServiceArea, radius_km=st.floats(0.1, 500)),
    st.builds(ServiceArea, codes=items(1)),
    st.just(ServiceArea(national=True)),
    st.builds(ServiceArea, geometry=st.builds(Polygon, coordinates=RINGS)),
    st.builds(ServiceArea, geometry=st.builds(MultiPolygon, coordinates=st.tuples(RINGS, RINGS))),
)
EVIDENCE = st.builds(
    Evidence,
    kind=st.sampled_from(EVIDENCE_KINDS),
    label=known(ITEM),
    on=DATES,
    source=known(ITEM),
    reference=known(ITEM),
)
OFFERS = st.builds(
    Offer,
    segments=items(),
    cpv=items(),
    label=known(TEXT),
    presta_types=st.lists(st.sampled_from(get_args(PrestaType)), max_size=3).map(tuple),
    service_area=known(AREAS),
    basis=st.sampled_from(BASES),
    evidence=st.lists(EVIDENCE, max_size=3).map(tuple),
    declared_on=DATES,
).filter(lambda made: made != Offer())
AMOUNTS = {"value": st.floats(0, 1e9), "on": DATES, "source": known(ITEM)}
SIZES = some(
    SupplierSize,
    staff=known(
        st.builds(StaffSize, min=st.integers(0, 9), max=known(st.integers(9, 99)), on=DATES, source=known(ITEM))
    ),
    places=known(st.builds(PlacesSize, count=st.integers(0, 999), on=DATES, source=known(ITEM))),
    turnover_eur=known(st.builds(SizeInEuros, **AMOUNTS)),
    largest_award_eur=known(st.builds(SizeInEuros, **AMOUNTS, duration_months=known(st.integers(1, 1_200)))),
)
RECORDS = st.builds(
    SupplierRecord,
    name=TEXT,
    trade_name=known(TEXT),
    siret=known(st.text(alphabet="0123456789", min_size=14, max_size=14)),
    legal_form=known(st.sampled_from(get_args(LegalForm))),
    ess=known(st.booleans()),
    approvals=known(st.lists(APPROVALS, max_size=3).map(tuple)),
    shares=some(Shares, disabled=known(SHARE), disadvantaged=known(SHARE), detained=known(SHARE)),
    in_prison=known(st.booleans()),
    address=some(Address, street=known(TEXT), postal_code=known(CODE), city=known(TEXT), commune=known(CODE)),
    location=known(st.builds(Point, lat=st.floats(-90, 90), lon=st.floats(-180, 180))),
    offers=st.lists(OFFERS, max_size=3, unique_by=repr).map(tuple),
    description=known(TEXT),
    contact=some(Contact, email=known(TEXT), phone=known(TEXT), website=known(TEXT), person=known(TEXT)),
    employees=known(st.integers(0, 10_000)),
    turnover_eur=known(st.floats(0, 1e9)),
    size=SIZES,
    labels=items(),
    active=st.booleans(),
)
