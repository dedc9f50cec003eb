"""The judged first five: their file is well-formed, and what is counted of them is what two readings say."""

from pathlib import Path

import pytest

from bench.reading.drawn_lots import DRAWN, LotKey, read_lots
from bench.reading.files import table
from bench.reading.precision import Judgement, Pair, Precision, agreement, count_precision, read_judgements
from bench.reading.titles import EXAMS, FOLDS, SIBLING, LabelledTitle, fold_of, labelled, sibling
from tests import factories

HEAD = "# rules\nsource,id,lot,supplier,first,second,cause\n"
LOT, OTHER_LOT = LotKey("award", "a1", ""), LotKey("notice", "1-2018", "2")
JUDGED = {
    Pair(LOT, "1"): Judgement("sensible", "sensible", ""),
    Pair(LOT, "2"): Judgement("sensible", "doubtful", "size"),
    Pair(LOT, "3"): Judgement("wrong", "wrong", "trade"),
    Pair(OTHER_LOT, "1"): Judgement("doubtful", "wrong", "place"),
}


def test_judgements_are_of_drawn_lots_each_pair_once() -> None:
    drawn = {LotKey(**row) for row in table(DRAWN)}
    assert {pair.lot for pair in read_judgements()} <= drawn


def test_both_halves_hold_lots_of_either_kind_and_nothing_was_learnt_from_any(shared_data: Path) -> None:
    drawn = {LotKey(**row) for row in table(DRAWN)}
    assert {(lot.source, lot.held_back) for lot in drawn} == {
        (source, held) for source in ("award", "notice") for held in (True, False)
    }
    learnt = {sibling(title.title) for title in labelled(shared_data) if not title.held_back}
    lots = read_lots(shared_data, factories.reference())
    assert len(lots) == len(drawn)
    assert [lot.key for lot in lots if sibling(lot.need.lots[0].title or lot.need.title or "") in learnt] == []


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("award,a1,,1,sensible,sensible,", "judged twice"),
        ("award,a1,,2,good,sensible,", "unknown word"),
        ("award,a1,,2,sensible,sensible,luck", "unknown word"),
        ("award,a1,,2,sensible,wrong,", "a cause"),
        ("award,a1,,2,sensible,sensible,need", "a cause"),
    ],
)
def test_a_faulty_judgement_is_refused(row: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "judged.csv").write_text(f"{HEAD}award,a1,,1,sensible,sensible,\n{row}\n")
    with pytest.raises(ValueError, match=fault):
        read_judgements(tmp_path / "judged.csv")


def test_what_nobody_judged_is_neither_right_nor_wrong() -> None:
    pairs = [*JUDGED, Pair(OTHER_LOT, "9")]
    assert count_precision(pairs, JUDGED) == Precision(
        lots=2, named=5, judged=4, sensible=1, not_wrong=2, lots_judged=2, lots_right=0, lots_with_sensible=1
    )
    assert count_precision(pairs[4:], JUDGED).line.split() == ["1", "1", "1", "-", "-", "-", "0"]
    assert count_precision(pairs[:2], JUDGED).line.split() == ["1", "2", "0", "50%", "100%", "100%", "1"]


def test_agreement_is_told_beyond_chance() -> None:
    alike, kappa = agreement(JUDGED.values())
    assert alike == 0.5
    assert kappa == pytest.approx((0.5 - 5 / 16) / (1 - 5 / 16))
    assert agreement([Judgement("sensible", "sensible", "")]) == (1.0, 1.0)


def _labelled(title: str, need: str = "") -> LabelledTitle:
    return LabelledTitle("notice", title, need, (), held_back=False)


def test_titles_of_one_need_or_that_begin_alike_are_in_one_fold() -> None:
    need, beginning = "Construction d'une école", "Entretien des espaces verts de la commune de Redon"
    assert len(beginning) > SIBLING
    lots = [_labelled(need), *(_labelled(f"Lot {lot}", need) for lot in range(20))]
    years = [_labelled(beginning), *(_labelled(f"{beginning.upper()} {year}") for year in range(2000, 2020))]
    assert [len(set(map(fold_of, titles))) for titles in (lots, years)] == [1, 1]


def test_every_fold_has_titles() -> None:
    assert {fold_of(_labelled(f"{number}")) for number in range(100)} == set(range(FOLDS))


def test_titles_chosen_by_how_they_were_read_teach_and_do_not_measure(shared_data: Path) -> None:
    assert not any(title.held_back or title.exam for title in labelled(shared_data) if title.selected)


def test_no_title_that_is_learnt_from_has_a_sibling_in_the_last_exam(shared_data: Path) -> None:
    """Earlier exams were drawn among all titles; this one among those that begin like none that was labelled."""
    titles = labelled(shared_data)
    learnt = {sibling(title.title) for title in titles if not title.held_back}
    assert not any(sibling(title.title) in learnt for title in titles if title.exam == EXAMS[-1])
