"""Small lots: the largest sets that may take a lighter procedure together."""

from datetime import date
from itertools import chain, combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.law.procedures.small_lots import largest_sets
from domain.needs.need import Need
from tests.domain.law.samples import CLEANING, TODAY, WORKS, advice, codes, law, lots, review, services, the, works


def sets(asked: Need, article: str = "R2123-1", on: date = date(2026, 11, 24)) -> list[tuple[str, ...]]:
    found = [item for item in review(asked, on).advice if item.code == "SMALL_LOT_SETS"]
    assert len(found) <= 1
    return [lots for item in found if item.article == article for lots in item.lots]


def obvious(lots: list[tuple[str, int]], cap: int) -> list[tuple[str, ...]]:
    """Every subset within the cap that no other lot can join."""
    subsets = chain.from_iterable(combinations(range(len(lots)), size) for size in range(1, len(lots) + 1))
    within = [set(places) for places in subsets if sum(lots[place][1] for place in places) <= cap]
    largest = [places for places in within if not any(places < other for other in within)]
    return sorted(tuple(lots[place][0] for place in sorted(places)) for places in largest)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=9), st.integers(100, 400))
def test_search_agrees_with_trying_every_subset(values: list[int], cap: int) -> None:
    """The branch that is cut never held an answer."""
    lots = [(str(place), value) for place, value in enumerate(values)]
    found, complete = largest_sets(lots, cap)
    assert sorted(found) == obvious(lots, cap)
    assert complete


def test_very_many_sets_are_cut_short() -> None:
    """All sets of nine lots are given; a list that happens to end at the limit, 26 sets of 25 lots, is complete."""
    for together in range(1, 10):
        found, complete = largest_sets([(str(place), 10) for place in range(9)], 10 * together)
        assert complete
        assert len(set(found)) == comb(9, together)
    found, complete = largest_sets([(str(place), 10) for place in range(60)], 100)
    assert not complete
    assert found
    assert all(len(lots) == 10 for lots in found)
    assert largest_sets([(str(place), 10) for place in range(26)], 250)[1]
    assert not largest_sets([(str(place), 10) for place in range(27)], 260)[1]


@pytest.mark.parametrize(
    ("value", "number"), [(5_000.0, 100), *((value, 200) for value in (5_000.0, 30_000.0, 59_000.0))]
)
def test_every_small_lot_is_told_even_where_the_sets_are_cut_short(value: float, number: int) -> None:
    """They are countless, and trying them all would not end. Each lot belongs to some set, listed or not."""
    found = review(services(*(value + place / 100 for place in range(number))))
    told = the("SMALL_LOT_SETS", found.advice)
    assert "liste limitée" in told.message.fr
    assert len(told.lots) > 10
    assert 650 <= sum(map(len, told.lots)) <= 650 + max(map(len, told.lots))
    assert all("SMALL_LOT_OK" in codes(lot.advice) for lot in found.lots.values())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # below 80 000 € each, for works 1 000 000 €
        (services(320_000, 240_000, 80_000), []),
        (services(320_000, 240_000, 79_999.99), [("3",)]),
        (services(400_000, 100_000), []),
        (services(400_000, 80_000), []),
        (services(400_000, 79_999.99), [("2",)]),
        (works(5_000_000, 999_999.99), [("2",)]),
        (works(5_000_000, 1_000_000), []),
        # together within a fifth of all lots, or of the stated total; the largest sets that may use it
        (services(160_000, 70_000, 57_500), [("3",)]),
        (services(159_999.95, 70_000, 57_500), []),
        (services(200_000, 50_000), [("2",)]),
        (services(199_999.99, 50_000), []),
        (services(400_000, 60_000, 40_000), [("2", "3")]),
        (services(400_000, 60_000, 40_000.01), [("2",), ("3",)]),
        (services(400_000, 60_000, 60_000, 60_000), [("2",), ("3",), ("4",)]),
        (services(60_000, 90_000, 40_000, 30_000, 400_000), [("1", "3"), ("1", "4"), ("3", "4")]),
        (services(100_000, 60_000, estimated_total_eur=300_000), [("2",)]),
        (services(100_000, 60_000.01, estimated_total_eur=300_000), []),
        # below the EU threshold everything is adapted already
        (services(150_000, 60_000), []),
        (services(100_000, 100_000, 15_999.99), []),
        (services(100_000, 100_000, 16_000), [("3",)]),
    ],
)
def test_small_lots_of_a_formal_procedure(asked: Need, expected: list[tuple[str, ...]]) -> None:
    assert sets(asked) == expected


def test_sets_follow_the_amounts_they_rest_on() -> None:
    """For direct award below 60 000 € each and within 20 % together; not so before; weak amounts make weak sets."""
    for asked, expected in [
        (services(30_000, 30_000, 30_000), []),
        (services(100_000, 15_000, 10_000), [("2", "3")]),
        (services(100_000, 20_000, 10_000), [("2",), ("3",)]),
    ]:
        assert sets(asked, "R2122-8") == expected
    asked = services(170_000, 42_500)
    assert sets(asked, "R2122-8", date(2026, 3, 31)) == []
    assert sets(asked, "R2122-8", date(2026, 4, 1)) == [("2",)]
    asked = services(300_000, 40_000)
    assert the("SMALL_LOT_SETS", review(asked, date(2021, 6, 1)).advice).confidence == "low"
    assert the("SMALL_LOT_SETS", review(asked).advice).confidence == "high"
    assert "SMALL_LOT_SETS" not in advice(services(6_000_000, 30_000, 30_000, contract="concession"))
    for total in [None, 240_000, 400_000]:
        found = review(services(40_000, estimated_total_eur=total))
        assert not {"SMALL_LOT_SETS", "SMALL_LOT_OK"} & {*codes(found.advice), *codes(found.lots["1"].advice)}
        assert sets(services(40_000, 100_000, estimated_total_eur=400_000)) == [("1",)]


def test_adapted_procedures_and_direct_awards_share_one_envelope() -> None:
    """One advice: the sets of all small lots, and which of them may be direct awards within the same 20 %."""
    asked = services(300_000, 70_000, 30_000, 20_000)
    found = review(asked)
    told = the("SMALL_LOT_SETS", found.advice)
    assert told.lots == (("2",), ("3", "4"))
    assert "dans cette même enveloppe, les lots 3 et 4 peuvent être achetés sans publicité" in told.message.fr
    assert told.message.fr.endswith("selon R2122-8 (R2123-1)")
    of_lots = [the("SMALL_LOT_OK", found.lots[lot].advice).message.fr for lot in "234"]
    assert ["sans publicité" in text for text in of_lots] == [False, True, True]
    assert all("procédure adaptée" in text for text in of_lots)
    assert [codes(found.lots[lot].advice).count("SMALL_LOT_OK") for lot in "1234"] == [0, 1, 1, 1]
    assert "le lot 3 peut être acheté" in the("SMALL_LOT_SETS", review(services(4e5, 7e4, 3e4)).advice).message.fr
    assert "tous peuvent être achetés" in the("SMALL_LOT_SETS", review(services(4e5, 3e4, 3e4)).advice).message.fr


def test_works_and_other_lots_share_an_envelope_or_have_their_own() -> None:
    """One contract where that is formal, to be checked; else each its own."""
    joint = lots({"w": (WORKS, 300_000), "s": (CLEANING, 221_000), "t": (CLEANING, 79_000)})
    told = the("SMALL_LOT_SETS", review(joint).advice)
    assert told.lots == (("t",),)
    assert told.confidence == "low"
    assert "travaux et autres lots comptés comme un seul marché" in told.message.fr
    apart = {"w": (WORKS, 700_000.0), "s": (CLEANING, 221_000.0), "t": (CLEANING, 79_000.0)}
    assert sets(lots(apart)) == []
    told = the("SMALL_LOT_SETS", review(lots(apart | {"u": (CLEANING, 71_000.0)})).advice)
    assert told.lots == (("u",),)
    assert "comptés à part" in told.message.fr
    assert told.confidence != "low"
    small_works = {
        "w": (WORKS, 50_000.0),
        "v": (WORKS, 200_000.0),
        "s": (CLEANING, 221_000.0),
        "t": (CLEANING, 70_000.0),
    }
    told = the("SMALL_LOT_SETS", review(lots(small_works)).advice)
    assert told.lots == (("w",), ("t",))
    assert "le lot w peut être acheté" in told.message.fr


def test_each_market_is_told_its_own_use() -> None:
    """Services in a formal procedure; works that are adapted anyway, whose small lot may be a direct award."""
    asked = {"1": (CLEANING, 250_000.0), "2": (CLEANING, 50_000.0), "3": (WORKS, 400_000.0), "4": (WORKS, 70_000.0)}
    found = review(lots(asked))
    told = the("SMALL_LOT_SETS", found.advice)
    assert told.lots == (("2",), ("4",))
    others, works_alone = told.message.fr.split(" ; petit lot de travaux : ")
    assert others.startswith("Petit lot hors travaux : le lot 2 peut être passé en procédure adaptée")
    assert others.endswith("il peut être acheté sans publicité ni mise en concurrence selon R2122-8")
    assert "dans une enveloppe de 20 % de la valeur de tous les lots hors travaux" in others
    assert "adaptée" not in works_alone
    assert "peut être acheté sans publicité ni mise en concurrence selon R2122-8, dans une enveloppe" in works_alone
    assert "20 % de la valeur de tous les lots de travaux ; travaux et autres lots comptés à part" in works_alone
    of_lot = the("SMALL_LOT_OK", found.lots["4"].advice)
    assert of_lot.article == "R2122-8"
    assert "adaptée" not in of_lot.message.fr
    assert "20 % de la valeur de tous les lots de travaux" in of_lot.message.fr
    assert "procédure adaptée, ou achat" in the("SMALL_LOT_OK", found.lots["2"].advice).message.fr


@pytest.mark.parametrize(
    ("asked", "unsure"),
    [
        (services(50_000, 90_000, 200_000), False),
        (works(95_000, 600_000), False),
        (works(99_999.99, 600_000), False),
        (works(100_000, 600_000), True),
        (works(120_000, 600_000), True),
    ],
)
def test_lots_of_works_under_a_law_that_was_not_read(asked: Need, unsure: bool) -> None:
    """From 2027-01-01 a need of works has 140 000 €; only lots that rest on that amount are to be checked."""
    found = review(asked, date(2027, 1, 1))
    told = the("SMALL_LOT_SETS", found.advice), the("SMALL_LOT_OK", found.lots["1"].advice)
    assert [item.confidence == "low" for item in told] == [unsure, unsure]
    words = "voir si la loi 2026-403, art. 13, y étend ses 140 000 €"
    assert [words in item.message.fr for item in told] == [unsure, unsure]
    before = [item for item in review(asked, date(2026, 12, 31)).advice if item.code == "SMALL_LOT_SETS"]
    assert bool(before) != unsure
    assert all(item.confidence == "high" for item in before)


def test_direct_awards_have_a_share_of_their_own() -> None:
    """The same as that of small lots today; a lower one bounds them within the same envelope."""
    lower = law(("direct_award_lot_share", "value = 20", "value = 10"))
    asked = services(30_000, 30_000, 30_000, 340_000)
    found = review(asked, TODAY, lower)
    told = the("SMALL_LOT_SETS", found.advice)
    assert told.lots == (("1", "2"), ("1", "3"), ("2", "3"))
    limit = "(dont 10 % de la valeur de tous les lots au plus sans mise en concurrence)"
    assert f"dans cette même enveloppe {limit}, tous peuvent être achetés" in told.message.fr
    assert limit in the("SMALL_LOT_OK", found.lots["1"].advice).message.fr
    assert "dont" not in the("SMALL_LOT_SETS", review(asked).advice).message.fr
    alone = review(services(100_000, 15_000, 10_000), TODAY, lower)
    assert the("SMALL_LOT_SETS", alone.advice).lots == (("3",),)
