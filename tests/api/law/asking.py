"""Suppliers of every legal sort, and needs asked as a portal asks them."""

from datetime import date
from functools import cache
from typing import Any

import msgspec

from domain.needs.need import Need
from domain.suppliers.supplier import Approval, Kind, LegalForm, Point, Shares, Supplier
from domain.text.bilingual import Language
from matching.engine import match
from matching.index.live_index import LiveIndex
from tests.factories import VANNES, live, offer, reference, supplier

TODAY = date(2026, 11, 24)
LOCAL = {"kind": "local", "contracting_authority": True}
Json = dict[str, Any]


def sort(
    *kinds: Kind,
    form: LegalForm | None = None,
    ess: bool | None = None,
    in_prison: bool | None = False,
    until: date | None = None,
    **shares: float,
) -> Json:
    """A legal sort of supplier: all that the law looks at, and nothing of its trade."""
    approvals = tuple(Approval(kind, date(2015, 1, 1), until) for kind in kinds)
    legal = {"approvals": approvals, "legal_form": form, "ess": ess, "in_prison": in_prison}
    return legal | {"shares": Shares(**shares)}


SORTS = {
    "EI": sort("EI", form="commercial_company", disadvantaged=0.62),
    "ACI": sort("ACI", form="association", disadvantaged=0.78),
    "ESAT": sort("ESAT", form="association", disabled=1.0),
    "EA": sort("EA", form="commercial_company", disabled=0.70),
    "EA 45 %": sort("EA", form="commercial_company", disabled=0.45),
    "SCIC": sort(form="cooperative", ess=True),
    "association": sort(form="association", ess=True),
    "SEP": sort("SEP", in_prison=True, detained=1.0),
    "EA in prison": sort("EA", in_prison=True, detained=0.60),
    "SAS": sort(form="commercial_company", ess=False),
    "GEIQ": sort("GEIQ", form="association"),
    "TIH": sort("TIH"),
    "ETTI": sort("ETTI"),
    "EI, share unknown": sort("EI"),
    "EITI": sort("EITI", until=date(2026, 12, 22)),
}


def shop(name: str, *segments: str, at: Point = VANNES, **fields: Any) -> Supplier:
    """A supplier of these segments (office cleaning) throughout France."""
    return supplier(name, offer(*segments, national=True), at=at, **fields)


def pool(*segments: str) -> tuple[Supplier, ...]:
    """One supplier of each sort, all of which offer these segments."""
    return tuple(shop(name, *segments, **fields) for name, fields in SORTS.items())


def lot(**fields: Any) -> Json:
    return {"id": "1"} | fields


def need(*lots: Json, **fields: Any) -> Json:
    """A need of a local authority in the Morbihan, unless said otherwise."""
    return {"territory": {"codes": ["departement:56"]}, "buyer": LOCAL, "lots": list(lots)} | fields


def values(*amounts: float | None, nature: str = "services", **fields: Any) -> Json:
    """Office cleaning, or painting, in lots of these values, numbered from 1."""
    bought = {"segments": ["bt-peinture"]} if nature == "works" else {"segments": ["pr-locaux"], "cpv": ["90919200"]}
    lots = (lot(id=str(n), nature=nature, value_eur=amount, **bought) for n, amount in enumerate(amounts, 1))
    return need(*lots, **fields)


@cache
def directory(suppliers: tuple[Supplier, ...]) -> LiveIndex:
    return live(*suppliers)


def ask(asked: Json, *suppliers: Supplier, on: date = TODAY, language: Language = "fr") -> Json:
    """The answer to a need, as a client reads it."""
    found = match(msgspec.convert(asked, Need), directory(suppliers), reference(), on, language)
    answer: Json = msgspec.json.decode(msgspec.json.encode(found))
    return answer


def by_code(advice: list[Json]) -> dict[str, Json]:
    """Advice or findings by code; of several with one code, the first."""
    return {item["code"]: item for item in reversed(advice)}
