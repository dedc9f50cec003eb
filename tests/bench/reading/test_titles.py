"""Labelled titles are parted into folds so that none is measured by a reader that learnt from its sibling."""

from pathlib import Path

from bench.reading.titles import EXAMS, FOLDS, SIBLING, LabelledTitle, fold_of, labelled, sibling


def _labelled(title: str, need: str = "") -> LabelledTitle:
    return LabelledTitle("notice", title, need, (), held_back=False)


def test_lots_of_one_need_are_in_one_fold() -> None:
    assert {fold_of(_labelled(f"Lot {lot}", "Construction d'une école")) for lot in range(20)} == {
        fold_of(_labelled("Construction d'une école"))
    }


def test_titles_that_begin_alike_are_in_one_fold() -> None:
    beginning = "Entretien des espaces verts de la commune de Redon"
    assert len(beginning) > SIBLING
    assert {fold_of(_labelled(f"{beginning.upper()} {year}")) for year in range(2000, 2020)} == {
        fold_of(_labelled(beginning))
    }


def test_every_fold_has_titles() -> None:
    assert {fold_of(_labelled(f"{number}")) for number in range(100)} == set(range(FOLDS))


def test_titles_of_which_a_reader_was_unsure_teach_and_do_not_measure(shared_data: Path) -> None:
    assert not any(title.held_back or title.exam for title in labelled(shared_data) if title.unsure)


def test_no_title_that_is_learnt_from_has_a_sibling_in_the_last_exam(shared_data: Path) -> None:
    """Earlier exams were drawn among all titles; this one among those that begin like none that was labelled."""
    titles = labelled(shared_data)
    learnt = {sibling(title.title) for title in titles if not title.held_back}
    assert not any(sibling(title.title) in learnt for title in titles if title.exam == EXAMS[-1])
