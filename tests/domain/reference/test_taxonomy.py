"""The taxonomy holds together, and codes read in it as the law of the longest prefix and of informative NAF says."""

import csv
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest

from domain.reference import cpv, taxonomy
from domain.text.normalise import fold, stem

TAXONOMY = taxonomy.load()
CPV = cpv.load()
SEGMENTS = TAXONOMY.segments.values()
FILE = Path(taxonomy.__file__).parents[1] / "data" / "segments.toml"


def test_families_and_segments_hold_together() -> None:
    """Neighbours are mutual, few and never oneself; CPV prefixes cover codes that exist."""
    assert len(TAXONOMY.families) == 14
    assert len(SEGMENTS) == 76
    assert [s.id for family in TAXONOMY.families for s in family.segments] == list(TAXONOMY.segments)
    assert all(segment.id.startswith(f"{segment.family}-") for segment in SEGMENTS)
    for segment in SEGMENTS:
        assert len(segment.related) <= 4
        assert segment.id not in segment.related
        for neighbour in segment.related:
            assert segment.id in TAXONOMY.segments[neighbour].related
    with_codes = {code[:length] for code in CPV for length in range(2, 9)}
    listed = *(segment.cpv for segment in SEGMENTS), *(part.cpv for part in TAXONOMY.parts.values())
    assert {prefix for each in listed for prefix in each} <= with_codes
    assert [segment.id for segment in SEGMENTS if not (segment.naf and segment.naf2025)] == []


def test_parts_are_of_segments_and_known_by_codes_of_these() -> None:
    for part in TAXONOMY.parts.values():
        segment = TAXONOMY.segments[taxonomy.segment_of(part.id)]
        assert {code for code in part.known_by if code[:1].isdigit()} <= {*segment.naf}
        assert TAXONOMY.label(part.id) not in {segment.label, *(TAXONOMY.label(one) for one in TAXONOMY.segments)}
        assert not TAXONOMY.known(part.id), "asked for by its id"


@pytest.mark.parametrize(
    ("title", "codes", "need_title", "bought"),
    [
        ("PLOMBERIE", (), "", "bt-elec-plomb/plomberie"),
        ("Lot 9 : courants forts", ("45331000",), "", "bt-elec-plomb/electricite"),
        ("Lot 2", (), "Travaux d'éclairage", "bt-elec-plomb/electricite"),
        ("Lot 2", ("45331000",), "Travaux d'éclairage", "bt-elec-plomb/plomberie"),
        ("Électricité, chauffage", ("45310000",), "Travaux d'éclairage", "bt-elec-plomb"),
        ("Lot 9", ("45310000", "45331000"), "Travaux d'éclairage", "bt-elec-plomb"),
    ],
)
def test_a_lot_buys_the_only_part_that_its_words_else_its_codes_tell(
    title: str, codes: tuple[str, ...], need_title: str, bought: str
) -> None:
    assert TAXONOMY.part_bought("bt-elec-plomb", (title,), codes, need_title) == bought


def test_names_of_places_and_common_words_tell_no_part() -> None:
    for segment, title in {
        "bt-elec-plomb": "Rénovation thermique et sanitaires du centre d'incendie et de secours",
        "bt-maconnerie": "La Chapelle-Saint-Aubin, rue Pierre Curie : patrimoine de l'office",
        "bt-menuiserie": "Fontenay-sous-Bois, porte de Paris, volet 2",
        "cc-impression": "Marché ayant pour objet la reprographie",
        "lo-personnes": "Transport scolaire d'élèves en situation de handicap",
        "pr-specialise": "Nettoyage et désinfection des hottes",
    }.items():
        assert TAXONOMY.part_bought(segment, (title,), ()) == segment


@pytest.mark.parametrize(
    ("segment", "grounds", "shown"),
    [
        ("bt-elec-plomb", ("4322A",), ("bt-elec-plomb/plomberie",)),
        ("bt-menuiserie", ("43.32B",), ("bt-menuiserie/menuiserie", "bt-menuiserie/serrurerie")),
        ("ev-vegetal", ("ferme, potager",), ("ev-vegetal/legumes",)),
        ("bt-peinture", ("espaces verts, peinture",), ("bt-peinture/peinture",)),
        ("bt-elec-plomb", ("4322A", "81.10Z"), ("bt-elec-plomb",)),
        ("bt-elec-plomb", (), ("bt-elec-plomb",)),
        ("bt", ("4322A",), ("bt",)),
    ],
)
def test_what_an_offer_is_known_by_shows_parts_where_all_of_it_does(
    segment: str, grounds: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    assert TAXONOMY.parts_shown(segment, grounds) == shown


def test_synonyms_are_folded_and_said_once() -> None:
    """None belongs to two segments unless buyers mean both."""
    for segment in SEGMENTS:
        assert all(synonym.isascii() and synonym == synonym.lower().strip() for synonym in segment.synonyms)
        assert len(set(segment.synonyms)) == len(segment.synonyms)
    owners = defaultdict(set)
    for segment in SEGMENTS:
        for synonym in segment.synonyms:
            owners[" ".join(map(stem, fold(synonym).split()))].add(segment.id)
    shared = {synonym: ids for synonym, ids in owners.items() if len(ids) > 1}
    assert shared == {"cartouche": {"de-deee", "te-fournitures"}}


@pytest.mark.parametrize(
    ("code", "segments"),
    [
        ("90911300", ("pr-specialise",)),  # 909113 is longer than 90911
        ("45112710", ("ev-creation",)),  # 4511271 is longer than 45111
        ("90511000", ("de-bio", "de-deee", "de-textile", "de-chantier", "re-ressourcerie")),
        ("90500000", ()),  # broader than any prefix: reported, not guessed
        # what real contracts under them were let for
        ("45111220", ("ev-elagage", "ev-milieux")),  # brush is cleared, not demolished
        ("45112700", ("ev-creation", "ev-milieux")),
        ("85310000", ()),  # social work of any kind
        ("75231240", ()),  # contracts of insertion hide their trade
        ("92600000", ("so-sport",)),  # by itself it says no young people
        ("92512000", ("te-secretariat", "lo-stockage")),  # archives are no museum's
        ("45453100", ("bt-tce",)),  # refurbished, not tended
        ("72212000", ("nu-dev",)),
        ("55243000", ("so-jeunesse",)),  # camps, in no hotel
        ("60100000", ()),  # of people or of goods
        ("79625000", ()),  # doctors
        ("92522000", ()),  # monuments preserved
    ],
)
def test_the_longest_cpv_prefix_wins(code: str, segments: tuple[str, ...]) -> None:
    assert TAXONOMY.of_cpv(code) == segments


def test_of_cpv_agrees_with_trying_every_prefix() -> None:
    silent = [(prefix, "") for prefix in file_content().cpv.silent]
    listed = [*silent, *((prefix, s.id) for s in SEGMENTS for prefix in s.cpv)]
    for code in CPV:
        fitting = [(len(prefix), segment) for prefix, segment in listed if code.startswith(prefix)]
        longest = max((length for length, _ in fitting), default=0)
        named = tuple(segment for length, segment in fitting if length == longest)
        assert TAXONOMY.of_cpv(code) == (() if "" in named else named)


def file_content() -> taxonomy.TaxonomyFile:
    return msgspec.convert(tomllib.loads(FILE.read_text("utf-8")), taxonomy.TaxonomyFile)


def test_codes_too_general_give_way_to_words() -> None:
    general = {code for code in CPV if TAXONOMY.is_general_cpv(code)}
    assert {"45000000", "90910000", "80000000", "90511000", "55520000", "92312000", "45443000"} <= general
    assert not {"90911200", "77310000", "80530000"} & general
    prefixes = file_content().cpv.general
    assert all(any(TAXONOMY.of_cpv(code) for code in CPV if code.startswith(prefix)) for prefix in prefixes)


def test_naf_of_either_vintage() -> None:
    """With or without its dot; the letter decides: 38.32Z was recovery, 38.32Y is landfill."""
    for naf in ["81.21Z", "8121Z", " 8121z ", "81.21Y", "8121y"]:
        assert TAXONOMY.of_naf(naf) == ("pr-locaux",)
    for rev2, naf2025, segments in [
        ("45.20A", "95.31G", ("lo-vehicules",)),
        ("43.99C", "43.91Y", ("bt-maconnerie",)),
        ("43.99A", "43.41J", ("bt-couverture",)),
        ("62.03Z", "62.20H", ("nu-parc",)),
        ("96.01A", "96.10G", ("lt-blanchisserie",)),
        ("38.32Z", "38.21Y", ("de-5flux",)),
        ("81.29A", "81.23G", ("pr-specialise",)),
    ]:
        assert set(segments) <= set(TAXONOMY.of_naf(rev2))
        assert TAXONOMY.of_naf(naf2025) == segments
        assert TAXONOMY.of_naf(rev2[:-1] + "Y") == ()
    for naf in ["74.7Z", "85.3K", "853K", "38.32Y", "62.03Y", "81.21M"]:
        assert TAXONOMY.of_naf(naf) == ()
    silent = "88.99B 8899B 94.99Z 78.20Z 78.30Z 88.99A 85.59B 38.21Z 52.10B 01.11Z 81.2 nettoyage 88.99H 8899H 94.99Y"
    for naf in ("", *silent.split(), *["78.20G", "78.20H", "88.99G", "85.59H", "88.10J", "01.11Y"]):
        assert TAXONOMY.of_naf(naf) == ()


def test_every_naf_2025_code_exists_and_the_vintages_have_no_letter_in_common(shared_data: Path) -> None:
    with (shared_data / "sirene" / "naf2025_labels.csv").open(encoding="utf-8", newline="") as lines:
        labels = {row["code"] for row in csv.DictReader(lines)}
    assert {code for segment in SEGMENTS for code in segment.naf2025} <= labels
    assert {code[-1] for code in labels} == set("GHJKLY")
    assert {code[-1] for segment in SEGMENTS for code in segment.naf} <= set("ABCDEFZ")


def test_jobs_say_the_trades_of_those_who_offer_them(shared_data: Path) -> None:
    with (shared_data / "rome" / "rome_labels.csv").open(encoding="utf-8", newline="") as lines:
        known = {row["code"] for row in csv.DictReader(lines)}
    assert {code for segment in SEGMENTS for code in segment.rome} <= known
    assert TAXONOMY.of_rome("a1203") == ("ev-entretien", "ev-creation")
    assert TAXONOMY.of_rome("K2204") == ("pr-locaux",)
    assert TAXONOMY.of_rome("M1102") == ()  # managing research: no trade of any supplier here


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('naf2025 = ["81.21Y"]', 'naf2025 = ["81.21Z"]'),
        ('naf2025 = ["81.21Y"]', 'naf2025 = ["8121Y"]'),
        ('naf = ["81.21Z"]', 'naf = ["81.21Y"]'),
        ('"82.10Y" = ["te-secretariat"]', '"82.10M" = ["te-secretariat"]'),
        ('"38.23Y", "71.12Y",', '"38.23Y", "71.12",'),
    ],
)
def test_a_code_of_the_other_vintage_is_refused(before: str, after: str) -> None:
    text = FILE.read_text("utf-8")
    assert text.count(before) == 1
    with pytest.raises(msgspec.ValidationError, match="regex"):
        taxonomy.parse(text.replace(before, after))


def test_every_naf_code_that_segments_share_is_decided() -> None:
    """Named to be one of a few trades in the taxonomy's order, or declared silent: never all who list it."""
    listed = Counter(code for segment in SEGMENTS for code in (*segment.naf, *segment.naf2025))
    order = list(TAXONOMY.segments)
    for code, count in listed.items():
        named = TAXONOMY.of_naf(code)
        assert len(named) <= (2 if count > 1 else 1)
        of_named = [TAXONOMY.segments[segment] for segment in named]
        assert all(code in (*segment.naf, *segment.naf2025) for segment in of_named)
        assert list(named) == sorted(named, key=order.index)


def test_families_answer_to_their_ids_like_segments() -> None:
    """A wrong id suggests a near one."""
    assert TAXONOMY.known("pr")
    assert TAXONOMY.known("pr-locaux")
    assert not TAXONOMY.known("pr-toits")
    assert TAXONOMY.label("pr") == "Propreté & hygiène"
    assert TAXONOMY.label("pr-locaux") == "Nettoyage de locaux et bureaux"
    family = TAXONOMY.family("pr")
    assert family is not None
    assert next(segment.id for segment in family.segments) == "pr-locaux"
    assert TAXONOMY.family("pr-locaux") is None
    near = [TAXONOMY.nearest(wrong) for wrong in ("pr-locau", "PR_LOCAUX", "ev-elagages", "zzz", "")]
    assert near == ["pr-locaux", "pr-locaux", "ev-elagage", None, None]
