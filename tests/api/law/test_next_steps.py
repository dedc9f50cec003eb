"""What a portal is told of the steps after the procedure: time limits, publicity, the file, proofs."""

import pytest

from tests.api.law.asking import ask, lot, lot_advice, need, need_advice, values


@pytest.mark.parametrize(
    ("value", "code", "article"),
    [
        (59_999.99, "DIRECT_AWARD_FILE", "R2122-8"),
        (60_000.00, "TIME_LIMITS", "R2151-1"),
        (215_999.99, "TIME_LIMITS", "R2151-1"),
        (216_000.00, "TIME_LIMITS", "R2161-3"),
    ],
)
def test_the_step_that_follows_the_procedure(value: float, code: str, article: str) -> None:
    """One advice, at the thresholds of the procedure itself."""
    told = need_advice(values(value))
    assert told[code]["article"] == article
    assert told[code]["message"].endswith(f"({article})")
    assert len({"TIME_LIMITS", "DIRECT_AWARD_FILE"} & told.keys()) == 1


@pytest.mark.parametrize(("value", "where"), [(89_999.99, "Publicité libre"), (90_000.00, "Avis au BOAMP")])
def test_where_an_adapted_procedure_is_published(value: float, where: str) -> None:
    assert need_advice(values(value))["TIME_LIMITS"]["message"].startswith(where)


def test_the_proofs_of_a_reserved_lot_in_both_languages() -> None:
    """An open lot has none."""
    reserved = need(lot(segments=["pr-locaux"], reserved=["handicap", "iae"]))
    assert "50 % de travailleurs handicapés ou défavorisés" in lot_advice(reserved)["RESERVED_PROOFS"]["message"]
    (english,) = [
        item["message"]
        for item in ask(reserved, language="en")["lots"][0]["advice"]
        if item["code"] == "RESERVED_PROOFS"
    ]
    assert "at least 50% of disabled or disadvantaged workers" in english
    assert "RESERVED_PROOFS" not in lot_advice(need(lot(segments=["pr-locaux"])))
