"""What the tests of the law share: suppliers of every legal sort, and needs asked as a portal asks them."""

from datetime import date
from typing import Any

import msgspec

from domain.needs.need import Need
from domain.suppliers.supplier import Approval, Kind, LegalForm, Point, Shares, Supplier
from domain.text.bilingual import Language
from matching.engine import match
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
    return {
        "approvals": approvals,
        "legal_form": form,
        "ess": ess,
        "in_prison": in_prison,
        "shares": Shares(**shares),
    }


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


def values(*amounts: float | None, **fields: Any) -> Json:
    """Office cleaning in lots of these values, numbered from 1."""
    lots = (lot(id=str(n), segments=["pr-locaux"], cpv=["90919200"], value_eur=a) for n, a in enumerate(amounts, 1))
    return need(*lots, **fields)


def works(*amounts: float | None, **fields: Any) -> Json:
    """Painting in lots of these values, numbered from 1."""
    lots = (lot(id=str(n), segments=["bt-peinture"], nature="works", value_eur=a) for n, a in enumerate(amounts, 1))
    return need(*lots, **fields)


def ask(asked: Json, *suppliers: Supplier, on: date = TODAY, language: Language = "fr") -> Json:
    """The answer to a need, as a client reads it."""
    found = match(msgspec.convert(asked, Need), live(*suppliers), reference(), on, language)
    answer: Json = msgspec.json.decode(msgspec.json.encode(found))
    return answer


def by_code(advice: list[Json]) -> dict[str, Json]:
    """Advice or findings by code; of several with one code, the first."""
    return {item["code"]: item for item in reversed(advice)}


def need_advice(asked: Json, on: date = TODAY) -> dict[str, Json]:
    return by_code(ask(asked, on=on)["advice"])


def lot_advice(asked: Json, *suppliers: Supplier, on: date = TODAY, at: int = 0) -> dict[str, Json]:
    return by_code(ask(asked, *suppliers, on=on)["lots"][at]["advice"])


def findings(asked: Json, on: date = TODAY, at: int = 0) -> dict[str, str]:
    """Code → outcome of what the law says of one lot's reservation."""
    reservation = ask(asked, on=on)["lots"][at]["reservation"]
    return {finding["code"]: finding["outcome"] for finding in reservation["findings"]}


def forbidden(asked: Json, on: date = TODAY, at: int = 0) -> dict[str, str]:
    """Reservation → code of what forbids it for one lot."""
    closed = ask(asked, on=on)["lots"][at]["alternatives"]["forbidden"]
    return {option: finding["code"] for option, finding in closed.items()}


def verdicts(asked: Json, *suppliers: Supplier, on: date = TODAY) -> dict[str, tuple[str, str | None]]:
    """Supplier → its best outcome and code for the first lot, refused suppliers included."""
    shown = ask(asked | {"limit": 100, "near_misses": 50}, *suppliers, on=on)["lots"][0]
    order = ("ELIGIBLE", "ELIGIBLE_IF", "UNKNOWN", "REVIEW", "INELIGIBLE")
    found = {}
    for row in (*shown["candidates"], *shown["near_misses"]):
        best = min(row["eligibility"], key=lambda verdict: order.index(verdict["outcome"]))
        found[row["supplier"]["name"]] = best["outcome"], best["code"]
    return found


PROCEDURES = ("GRE_A_GRE", "MAPA", "PROC_FORMALISEE", "CONCESSION_SIMPLIFIED")


def procedures(asked: Json, on: date = TODAY) -> list[str]:
    """The procedures told, in order; more than one where works are counted apart."""
    return [item["code"] for item in ask(asked, on=on)["advice"] if item["code"] in PROCEDURES]


def those(found: dict[str, tuple[str, str | None]], outcome: str) -> set[str]:
    """The suppliers with this outcome."""
    return {name for name, (reached, _) in found.items() if reached == outcome}
