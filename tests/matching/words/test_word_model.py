"""The model sums weights of words and pairs, and says which of them count most."""

import numpy as np
import pytest

from matching.words.word_model import WordModel, features_of

MODEL = WordModel(
    segments=["a", "b"],
    features=["haie", "taille", "taille haie"],
    weights=np.array([[10, 0, 0], [2, 0, 0], [0, 120, 0]], dtype=np.int8),
    scales=np.ones(3, np.float32),
    biases=np.zeros(3, np.float32),
    common=["haie"],
    trust=[0.0],
)


def test_features_are_words_their_beginnings_and_pairs_of_neighbours_in_one_part() -> None:
    assert features_of([("taille", "haie"), ("haie", "bois")]) == ("taille", "haie", "taille haie", "bois", "haie bois")
    assert features_of([("elagage", "elague")]) == ("elagage", "elague", "elagage elague", "elagag*")


def test_long_words_share_their_ends() -> None:
    ends = [{f for f in features_of([(word,)]) if f.startswith("*")} for word in ("microscope", "endoscope", "haie")]
    assert ends == [{"*scope"}, {"*scope"}, set()]


def test_probabilities_add_up_and_follow_the_weights() -> None:
    chances = MODEL.probabilities([("haie",)])
    assert chances.likeliest == 0
    assert chances.known == ("haie",)
    assert chances.segments.sum() + chances.other == pytest.approx(1)
    assert MODEL.probabilities([("taille", "haie")]).likeliest == 1
    assert MODEL.probabilities([("inconnu",)]).segments == pytest.approx([1 / 3, 1 / 3])


def test_reasons_are_the_features_with_the_greatest_weight() -> None:
    known = ("haie", "taille", "taille haie")
    assert MODEL.reasons(known, 0) == ("haie",)
    assert MODEL.reasons(known, 1) == ("taille haie",)
    assert MODEL.reasons((), 0) == ()


def test_a_beginning_is_told_as_one() -> None:
    model = WordModel(
        segments=["a"],
        features=["reprog*"],
        weights=np.array([[10, 0]], dtype=np.int8),
        scales=np.ones(2, np.float32),
        biases=np.zeros(2, np.float32),
        common=[],
        trust=[0.0],
    )
    known = model.probabilities([("reprographie",)]).known
    assert model.reasons(known, 0) == ("reprog…",)
