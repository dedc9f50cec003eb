"""Labelled titles are parted into folds so that none is measured by a reader that learnt from its sibling."""

from bench.titles import FOLDS, SIBLING, Labelled, fold_of


def _labelled(title: str, need: str = "") -> Labelled:
    return Labelled("notice", title, need, (), held_back=False)


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
