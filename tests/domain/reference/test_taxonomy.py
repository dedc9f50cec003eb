"""The taxonomy holds together, and codes read in it as the law of the longest prefix and of informative NAF says."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from domain.reference import cpv, taxonomy
from domain.text.normalise import fold, stem

TAXONOMY = taxonomy.load()
CPV = cpv.load()
SEGMENTS = TAXONOMY.segments.values()


def test_it_has_14_families_and_67_segments() -> None:
    assert len(TAXONOMY.families) == 14
    assert len(SEGMENTS) == 67
    assert [s.id for family in TAXONOMY.families for s in family.segments] == list(TAXONOMY.segments)
    assert all(segment.id.startswith(f"{segment.family}-") for segment in SEGMENTS)


def test_neighbours_are_mutual_few_and_never_oneself() -> None:
    for segment in SEGMENTS:
        assert len(segment.related) <= 4
        assert segment.id not in segment.related
        for neighbour in segment.related:
            assert segment.id in TAXONOMY.segments[neighbour].related


def test_synonyms_are_folded_in_advance_and_said_once() -> None:
    for segment in SEGMENTS:
        assert all(synonym.isascii() and synonym == synonym.lower().strip() for synonym in segment.synonyms)
        assert len(set(segment.synonyms)) == len(segment.synonyms)


def test_no_synonym_belongs_to_two_segments_unless_buyers_mean_both() -> None:
    owners = defaultdict(set)
    for segment in SEGMENTS:
        for synonym in segment.synonyms:
            owners[" ".join(map(stem, fold(synonym).split()))].add(segment.id)
    shared = {synonym: ids for synonym, ids in owners.items() if len(ids) > 1}
    assert shared == {"cartouche": {"de-deee", "te-fournitures"}}


def test_cpv_prefixes_cover_codes_that_exist() -> None:
    with_codes = {code[:length] for code in CPV for length in range(2, 9)}
    assert {prefix for segment in SEGMENTS for prefix in segment.cpv} <= with_codes


@pytest.mark.parametrize(
    ("code", "segments"),
    [
        ("90919200", ("pr-locaux",)),
        ("90911300", ("pr-specialise",)),  # 909113 is longer than 90911
        ("45112710", ("ev-creation",)),  # 4511271 is longer than 45111
        ("77310000", ("ev-entretien", "ev-creation")),  # a tie, in the taxonomy's order
        ("90511000", ("de-bio", "de-deee", "de-textile", "de-chantier", "re-ressourcerie")),
        ("90500000", ()),  # broader than any prefix: reported, not guessed
        ("33000000", ()),
    ],
)
def test_the_longest_cpv_prefix_wins(code: str, segments: tuple[str, ...]) -> None:
    assert TAXONOMY.of_cpv(code) == segments


def test_of_cpv_agrees_with_trying_every_prefix() -> None:
    for code in CPV:
        fitting = [(len(prefix), s.id) for s in SEGMENTS for prefix in s.cpv if code.startswith(prefix)]
        longest = max((length for length, _ in fitting), default=0)
        assert TAXONOMY.of_cpv(code) == tuple(segment for length, segment in fitting if length == longest)


@pytest.mark.parametrize("naf", ["81.21Z", "8121Z", " 8121z "])
def test_naf_reads_with_or_without_its_dot(naf: str) -> None:
    assert TAXONOMY.of_naf(naf) == ("pr-locaux",)


@pytest.mark.parametrize(
    "naf", ["88.99B", "8899B", "94.99Z", "78.20Z", "78.30Z", "88.99A", "85.59A", "01.11Z", "", "81.2", "nettoyage"]
)
def test_naf_codes_that_say_nothing_of_the_trade_stay_silent(naf: str) -> None:
    assert TAXONOMY.of_naf(naf) == ()


def test_every_naf_code_that_segments_share_is_decided() -> None:
    """Named to be one of a few trades in the taxonomy's order, or declared silent: never all who list it."""
    listed = Counter(code for segment in SEGMENTS for code in segment.naf)
    order = list(TAXONOMY.segments)
    for code, count in listed.items():
        named = TAXONOMY.of_naf(code)
        assert len(named) <= (2 if count > 1 else 1)
        assert all(code in TAXONOMY.segments[segment].naf for segment in named)
        assert list(named) == sorted(named, key=order.index)


def test_some_650_real_structures_have_an_informative_naf_code(shared_data: Path) -> None:
    with (shared_data / "suppliers" / "siae_2020_iae.csv").open(encoding="utf-8", newline="") as lines:
        informative = [row for row in csv.DictReader(lines) if TAXONOMY.of_naf(row["naf"])]
    assert 600 <= len(informative) <= 700


def test_families_answer_to_their_ids_like_segments() -> None:
    assert TAXONOMY.known("pr")
    assert TAXONOMY.known("pr-locaux")
    assert not TAXONOMY.known("pr-toits")
    assert TAXONOMY.label("pr") == "Propreté & hygiène"
    assert TAXONOMY.label("pr-locaux") == "Nettoyage de locaux et bureaux"
    family = TAXONOMY.family("pr")
    assert family is not None
    assert next(segment.id for segment in family.segments) == "pr-locaux"
    assert TAXONOMY.family("pr-locaux") is None


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("pr-locau", "pr-locaux"), ("PR_LOCAUX", "pr-locaux"), ("ev-elagages", "ev-elagage"), ("zzz", None), ("", None)],
)
def test_a_wrong_id_suggests_a_near_one(wrong: str, meant: str | None) -> None:
    assert TAXONOMY.nearest(wrong) == meant
