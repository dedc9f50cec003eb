"""Records that a CSV row can express: at most one offer, lists without `|`, nothing known to be empty."""

from datetime import date
from typing import Any, TypeVar, get_args

from hypothesis import strategies as st

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
    Point,
    ServiceArea,
    Shares,
    SupplierRecord,
)

T = TypeVar("T")

TEXT = st.text(alphabet="ab é\"',;|\n\r:€", min_size=1, max_size=12)
ITEM = st.text(alphabet="abé,-:9", min_size=1, max_size=8)
SHARE = st.floats(0, 1)


def known(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | values


def some(kind: type[T], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[T | None]:
    """A struct with at least one known field, or none at all."""
    return known(st.builds(kind, **fields).filter(lambda made: made != kind()))


def items(least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(ITEM, min_size=least, max_size=3).map(tuple)


DATES = known(st.dates(date(1900, 1, 1)))
APPROVALS = st.builds(Approval, kind=st.sampled_from(get_args(Kind)), valid_from=DATES, valid_until=DATES)
AREAS = st.one_of(
    st.builds(ServiceArea, radius_km=st.floats(0.1, 500)),
    st.builds(ServiceArea, codes=items(1)),
    st.just(ServiceArea(national=True)),
)
CODE = known(st.text(alphabet="ab9-/", min_size=1, max_size=8))
EVIDENCE = st.builds(
    Evidence, kind=st.sampled_from(EVIDENCE_KINDS), label=known(ITEM), on=DATES, source=CODE, reference=CODE
)
OFFERS = st.builds(
    Offer,
    segments=items(),
    cpv=items(),
    service_area=known(AREAS),
    basis=st.sampled_from(BASES),
    evidence=st.lists(EVIDENCE, max_size=3).map(tuple),
).filter(lambda made: made != Offer())
RECORDS = st.builds(
    SupplierRecord,
    name=TEXT,
    trade_name=known(TEXT),
    siret=known(TEXT),
    legal_form=known(st.sampled_from(get_args(LegalForm))),
    ess=known(st.booleans()),
    approvals=known(st.lists(APPROVALS, min_size=1, max_size=3).map(tuple)),
    shares=some(Shares, disabled=known(SHARE), disadvantaged=known(SHARE), detained=known(SHARE)),
    in_prison=known(st.booleans()),
    address=some(Address, street=known(TEXT), postal_code=known(ITEM), city=known(TEXT), commune=known(ITEM)),
    location=known(st.builds(Point, lat=st.floats(-90, 90), lon=st.floats(-180, 180))),
    offers=st.lists(OFFERS, max_size=1).map(tuple),
    description=known(TEXT),
    contact=some(Contact, email=known(TEXT), phone=known(TEXT), website=known(TEXT), person=known(TEXT)),
    employees=known(st.integers(0, 10_000)),
    turnover_eur=known(st.floats(0, 1e9)),
    labels=items(),
    active=st.booleans(),
)
