"""Needs of Breton buyers, with assumed numbers, and the supply of a lot, put to POST /match's own function.

The amounts and days of the law are those of tests/domain/law; here is what a portal is told, beside its candidates.
"""

from datetime import date
from typing import Any

from tests.api.law.asking import TODAY, Json, ask, by_code, lot, need, pool, shop, sort

CLEANING = need(
    lot(id="1", segments=["pr-locaux"], cpv=["90919300"], value_eur=320_000, duration_months=48),
    lot(id="2", segments=["pr-locaux"], cpv=["90919200"], value_eur=240_000, reserved=["handicap", "iae"]),
    lot(id="3", segments=["pr-specialise"], cpv=["90911300"], value_eur=79_999.99, duration_months=48),
)


def verdicts(asked: Json, *suppliers: Any, on: date = TODAY) -> dict[str, tuple[str, str | None]]:
    """Supplier → its best outcome and code for the first lot, refused suppliers included."""
    shown = ask(asked | {"limit": 100, "near_misses": 50}, *suppliers, on=on)["lots"][0]
    order = ("ELIGIBLE", "ELIGIBLE_IF", "UNKNOWN", "REVIEW", "INELIGIBLE")
    found = {}
    for row in (*shown["candidates"], *shown["near_misses"]):
        best = min(row["eligibility"], key=lambda verdict: order.index(verdict["outcome"]))
        found[row["supplier"]["name"]] = best["outcome"], best["code"]
    return found


def those(found: dict[str, tuple[str, str | None]], outcome: str) -> set[str]:
    """The suppliers with this outcome."""
    return {name for name, (reached, _) in found.items() if reached == outcome}


def test_cleaning_of_offices() -> None:
    """A formal procedure with its considerations, a small lot, and what each lot might be reserved to."""
    answer = ask(CLEANING)
    told = by_code(answer["advice"])
    assert (told["PROC_FORMALISEE"]["severity"], told["PROC_FORMALISEE"]["article"]) == ("warning", "L2124-1")
    assert told["SOCIAL_CONSIDERATION"]["severity"] == told["ENVIRONMENTAL_CONSIDERATION"]["severity"] == "warning"
    assert told["SMALL_LOT_SETS"]["lots"] == [["3"]]
    assert by_code(answer["lots"][2]["advice"])["SMALL_LOT_OK"]["article"] == "R2123-1"
    for shown in answer["lots"]:
        forbidden = {option: finding["code"] for option, finding in shown["alternatives"]["forbidden"].items()}
        assert forbidden == {"penitentiary": "INELIGIBLE_OBJECT", "ess": "NOT_LISTED"}


def test_suppliers_of_cleaning_for_handicap_and_insertion() -> None:
    found = verdicts(need(CLEANING["lots"][1]), *pool("pr-locaux"))
    assert those(found, "ELIGIBLE") == {"EI", "ACI", "ESAT", "EA", "EA in prison", "ETTI", "EI, share unknown"}
    assert those(found, "REVIEW") == {"GEIQ", "TIH", "EITI"}
    assert those(found, "INELIGIBLE") == {"EA 45 %", "SCIC", "association", "SAS", "SEP"}
    assert found["EA 45 %"][1] == "SHARE_LT_50"
    assert found["EI, share unknown"][1] == "PRESUMED_SHARE"


SUPPLY = (
    *(shop(f"EI {n}", **sort("EI", form="association", disadvantaged=0.7)) for n in range(3)),
    *(shop(f"ESAT {n}", **sort("ESAT", disabled=0.9)) for n in range(2)),
    shop("EA without share or dates", **sort("EA")),
    shop("EA lapsed", **sort("EA", until=date(2026, 1, 1))),
    shop("unknown", approvals=None, in_prison=False),
    shop("SAS", **sort(form="commercial_company", ess=False)),
)
OFFICES: Json = {"segments": ["pr-locaux"], "cpv": ["90919200"]}


def test_another_reservation_is_told_with_what_it_would_leave() -> None:
    """The counts, the certain ones, and what the law forbids, side by side; each count is what reserving so gives."""
    found = ask(need(lot(**OFFICES)), *SUPPLY)["lots"][0]
    counts = {"none": 9, "handicap": 5, "iae": 4, "handicap_iae": 8, "penitentiary": 0, "ess": 8}
    assert found["alternatives"]["reserved"] == counts
    closed = found["alternatives"]["forbidden"]["ess"]
    told = by_code(found["advice"])
    assert told["RESERVATION_POSSIBLE"]["message"] == (
        "Conseil : réserver au handicap laisse 5 candidats (3 certains) ; à l'insertion laisse 4 candidats "
        "(3 certains) ; au handicap et à l'insertion laisse 8 candidats (6 certains) ; concurrence limitée"
    )
    assert told["RESERVATION_NOT_OPEN"]["message"] == (
        "Réserver à l'ESS laisse 8 candidats (0 certain), mais n'est pas ouvert à ce lot. " + closed["message"]
    )
    for option, count in counts.items():
        types = [] if option == "none" else ["handicap", "iae"] if option == "handicap_iae" else [option]
        assert ask(need(lot(**OFFICES, reserved=types)), *SUPPLY)["lots"][0]["total"] == count
