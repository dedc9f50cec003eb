"""Titles read by readers trained without them: `python -m bench.reading.title_folds [DATA]`, some ten minutes of CPU.

All labelled titles but the exams, held back or tuned on, in five folds: those of each are read by a reader whose model
and clue weights are fitted to the other four. Phrases that people wrote after they had seen a title are not taken away,
so titles tuned on come out better than new ones.
"""

import sys
from pathlib import Path

from bench.reading.files import DATA
from bench.reading.titles import FOLDS, HEADER, figures, fold_of, labelled
from matching.words.title_reader import Reading
from scripts.train_words import Trainer


def main() -> None:
    """Print the figures of all titles, of those tuned on and of those held back."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    trainer = Trainer(data)
    titles = [title for title in labelled(data) if not title.exam]
    read: dict[tuple[str, str], tuple[Reading, ...]] = {}
    for fold in range(FOLDS):
        reader = trainer.reader_of(trainer.train([title for title in titles if fold_of(title) != fold]))
        read |= {title[1:3]: reader.read(title.title, title.need) for title in titles if fold_of(title) == fold}
    print(HEADER)
    usual = [title for title in titles if not title.selected]
    for name, chosen in (
        ("all", usual),
        ("tuned on", [title for title in usual if not title.held_back]),
        ("held back", [title for title in titles if title.held_back]),
    ):
        print(f"{name:20} {figures(chosen, lambda title, need: read[title, need])}")


if __name__ == "__main__":
    main()
