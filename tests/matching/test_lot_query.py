"""A need is read lot by lot: codes, CPV and words as segments; all that is wrong is told at once, each at its place."""

from typing import Any

import msgspec
import pytest

from domain.errors import InvalidContent
from domain.needs.need import Lot, Need, Place, TerritoryRequest
from matching.lot_query import SURE, LotQuery, WantedSegment
from matching.reference import Reference
from tests.factories import codes, lot, need

MEDICAL = "33000000"  # medical equipment: no segment covers it
SHARED = "92512000"  # archives: written and stored


@pytest.fixture
def read(reference: Reference) -> Any:
    """Reads a need's first lot."""
    return lambda asked: reference.reader.read(asked)[0]


def problems(reference: Reference, asked: Need) -> list[tuple[str, str]]:
    """Where a need is wrong, and how."""
    with pytest.raises(InvalidContent) as caught:
        reference.reader.read(asked)
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def wanted(query: LotQuery) -> dict[str, WantedSegment]:
    return {one.segment: one for one in query.wanted}


def test_one_segment_from_three_places(read: Any) -> None:
    """The code, the CPV and the words mean the same, and twice is once: one segment, which says where it comes from."""
    said: dict[str, Any] = {"cpv": ("90919200", "90919200"), "keywords": ("nettoyage de bureaux",)}
    query = read(need(lot("pr-locaux", "pr-locaux", **said)))
    assert query.wanted == (
        WantedSegment(
            "pr-locaux", "object", ("segment:pr-locaux", "cpv:90919200", "keyword:nettoyage de bureaux"), 1.0
        ),
    )


def test_words_are_as_sure_as_they_are_read(read: Any) -> None:
    """The surest of what names a segment counts: a code is certain."""
    words = "nettoyage de la piscine municipale et des bureaux"
    unsure = wanted(read(need(lot(keywords=(words,)))))["pr-locaux"]
    assert 0.6 <= unsure.confidence < 1
    assert wanted(read(need(lot("pr-locaux", keywords=(words,)))))["pr-locaux"].confidence == 1


def test_the_title_of_a_need_is_that_of_its_only_lot(read: Any) -> None:
    """Beside a code that says another trade, as the lot's own title would be; of several lots it names none alone."""
    asked = need(lot(cpv=("90522400",)), title="Nettoiement de la voirie")
    assert list(wanted(read(asked))) == ["pr-urbain"]
    assert wanted(read(need(lot(cpv=("90522400",)), lot(cpv=("90522400",), id="2"), title=asked.title))) == {}


def test_words_that_name_a_trade_of_no_segment_demand_nothing_that_is_doubtful(read: Any) -> None:
    """Neither what they may mean beside it, nor what a code too general to decide alone stands for."""
    vending = "Exploitation de distributeurs de boissons chaudes"
    said: Any
    for said in ({"keywords": (vending,)}, {"title": vending}, {"title": vending, "cpv": ("55000000",)}):
        query = read(need(Lot("1", **said)))
        assert (wanted(query), [each.segment for each in query.suggested]) == ({}, ["rs-collective"])


def test_a_code_that_several_segments_share_asks_for_all_of_them(reference: Reference, read: Any) -> None:
    segments = reference.taxonomy.of_cpv(SHARED)
    assert (list(wanted(read(need(lot(cpv=(SHARED,)))))), len(segments)) == ([*segments], 2)


def test_a_segment_named_by_code_settles_what_its_cpv_means(reference: Reference, read: Any) -> None:
    """The buyer that names one of the segments a CPV code may mean has said which."""
    _, second = reference.taxonomy.of_cpv(SHARED)
    assert list(wanted(read(need(lot(second, cpv=(SHARED,)))))) == [second]


@pytest.mark.parametrize("object_", [{"segments": ("ev-entretien",)}, {"cpv": ("77310000",)}, {"keywords": ("tonte",)}])
def test_a_segment_asked_as_object_stays_object(read: Any, object_: dict[str, Any]) -> None:
    query = read(need(Lot(id="1", support_segments=("ev-entretien",), **object_)))
    assert wanted(query)["ev-entretien"].role == "object"


def test_what_is_not_understood_is_set_aside_not_refused(read: Any) -> None:
    query = read(need(lot(cpv=(MEDICAL,), keywords=("zzyzx",))))
    assert (query.wanted, query.unmapped, query.unknown) == ((), (MEDICAL,), ("zzyzx",))
    query = read(need(Lot(id="1", title="Zzyzx")))
    assert (query.wanted, query.unknown) == ((), ("Zzyzx",))


def test_everything_wrong_is_told_at_once(reference: Reference) -> None:
    """Not only the first: every fault of every lot, each at its place."""
    asked = need(
        lot("pr-locau", support_segments=("ev-entretien", "zz"), cpv=("99999999",)),
        lot(
            cpv=("90919200", "909"),
            site=Place(commune="35999"),
            territory=TerritoryRequest(codes=("departement:35", "epci:1")),
        ),
        lot(segments=(), support_segments=("ev-entretien",)),
    )
    assert problems(reference, asked) == [
        ("/lots/1/id", "duplicate_id"),
        ("/lots/2/id", "duplicate_id"),
        ("/lots/0/segments/0", "unknown_code"),
        ("/lots/0/support_segments/1", "unknown_code"),
        ("/lots/0/cpv/0", "unknown_code"),
        ("/lots/1/cpv/1", "unknown_code"),
        ("/lots/1/territory/codes/1", "unknown_code"),
        ("/lots/1/site/commune", "unknown_code"),
        ("/lots/2", "no_object"),
    ]


OF_35 = lot(id="2", territory=codes("departement:35"))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (
            need(lot(), lot("zz", id="2"), lot(id="3"), territory=codes("nuts:FRZZZ")),
            [("/territory/codes/0", "unknown_code"), ("/lots/1/segments/0", "unknown_code")],
        ),
        (need(OF_35, territory=codes("departement:999")), [("/territory/codes/0", "unknown_code")]),
        (
            Need(lots=(lot(), OF_35, lot("zz", id="3"))),
            [
                ("/lots/0/territory", "no_territory"),
                ("/lots/2/segments/0", "unknown_code"),
                ("/lots/2/territory", "no_territory"),
            ],
        ),
    ],
    ids=["once for all lots", "even where no lot rests on it", "of each lot where there is none"],
)
def test_a_wrong_territory_is_told(reference: Reference, asked: Need, found: list[tuple[str, str]]) -> None:
    assert problems(reference, asked) == found


@pytest.mark.parametrize(
    ("wrong", "suggested"),
    [
        (lot("pr-locau"), "pr-locaux"),
        (lot("Propreté locaux", support_segments=("EV_entretien",)), "ev-entretien"),
        (lot(cpv=("90919201",)), "90919200"),
        (lot(territory=codes("departement:3")), "departement:03"),
        (lot(territory=codes("commune:Redon")), "commune:35236"),
    ],
)
def test_a_near_spelling_is_suggested(reference: Reference, wrong: Lot, suggested: str) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.reader.read(need(wrong))
    assert any(suggested in problem.detail.fr and suggested in problem.detail.en for problem in caught.value.problems)


def sources_of(query: Any) -> dict[str, tuple[str, ...]]:
    return {segment: one.sources for segment, one in wanted(query).items()}


def test_a_title_is_read_where_nothing_else_names_a_segment(read: Any) -> None:
    query = read(need(Lot(id="1", title="Tonte des pelouses")))
    assert sources_of(query) == {"ev-entretien": ("title:Tonte des pelouses",)}
    assert 0.5 < query.wanted[0].confidence <= 1
    query = read(need(Lot(id="1", title="Secteur nord"), title="Entretien des espaces verts"))
    assert sources_of(query) == {"ev-entretien": ("title:Entretien des espaces verts",)}


def test_what_the_needs_title_says_of_several_lots_is_asked_of_those_that_say_it(reference: Reference) -> None:
    """A lot that says no trade is read with all of it."""
    titles = ("Nettoyage des locaux", "Espaces verts", "Lot 3")
    asked = need(*(Lot(id=title, title=title) for title in titles), title=f"{titles[0]} et entretien des espaces verts")
    read_of = [{one.segment for one in query.wanted + query.suggested} for query in reference.reader.read(asked)]
    assert read_of == [{"pr-locaux"}, {"ev-entretien"}, {"pr-locaux", "ev-entretien"}]
    alone = need(Lot(id="1", title="Nettoyage des cuisines"), title="Restauration collective")
    (query,) = reference.reader.read(alone)
    assert {one.segment: one.sources for one in query.wanted + query.suggested} == {
        "rs-collective": ("title:Restauration collective",),
        "pr-locaux": ("title:Nettoyage des cuisines",),
    }


def test_a_title_is_read_where_a_code_hides_the_trade(read: Any) -> None:
    query = read(need(Lot(id="1", title="Ramassage des cartons", cpv=("75231240",))))
    assert sources_of(query) == {"de-5flux": ("title:Ramassage des cartons",)}
    assert query.unmapped == ("75231240",)


def test_codes_too_general_give_way_to_the_title(read: Any) -> None:
    assert sources_of(read(need(Lot(id="1", cpv=("90910000",))))) == {"pr-locaux": ("cpv:90910000",)}
    query = read(need(Lot(id="1", title="Nettoyage des vitres", cpv=("90910000",))))
    assert sources_of(query) == {"pr-specialise": ("title:Nettoyage des vitres",)}
    query = read(need(Lot(id="1", title="Nettoyage des bureaux", cpv=("90910000",))))
    assert sources_of(query) == {"pr-locaux": ("title:Nettoyage des bureaux", "cpv:90910000")}
    assert query.title_says == ()
    assert read(need(Lot(id="1", title="Nettoyage des bureaux", cpv=("90910000", "90914000")))).title_says == ()
    unlikely = Lot(id="1", title="Groupe 1077 - Les Charmettes - Consultation modification DCE", cpv=("45261210",))
    assert list(sources_of(read(need(unlikely)))) == ["bt-couverture"]
    assert read(need(Lot(id="1", cpv=("50800000",)))).unmapped == ("50800000",)
    for code, says in (("45262500", ("bt-peinture",)), ("45262000", ())):  # one that says a trade is told to give way
        assert read(need(Lot(id="1", title="PEINTURE", cpv=(code,)))).title_says == says
    doubtful = read(need(Lot(id="1", title="Mise aux normes électriques de la villa - Couverture", cpv=("45261210",))))
    assert (list(sources_of(doubtful)), doubtful.suggested[0].segment) == (["bt-couverture"], "bt-elec-plomb")


def test_works_are_not_asked_for_where_engineers_are(read: Any) -> None:
    """An architect's competition names the building, which nobody is asked to build; advice is asked of who advises."""
    title, advice = "Réhabilitation de bâtiments", "Mission de conseil stratégique"
    assert sources_of(read(need(Lot(id="1", title=title)))) == {"bt-tce": (f"title:{title}",)}
    for said, asked in ((title, []), (advice, ["so-conseil"]), (f"{advice} et programmation d'une piscine", [])):
        assert list(sources_of(read(need(Lot(id="1", title=said, cpv=("71241000",)))))) == asked


def test_a_further_trade_that_a_title_surely_says_is_asked_for_beside_the_codes(read: Any) -> None:
    query = read(need(Lot(id="1", title="Cloisons, faux-plafonds et peinture", cpv=("45421141",))))
    assert list(sources_of(query)) == ["bt-menuiserie", "bt-peinture"]


def test_any_works_are_suggested_beside_a_title_that_says_no_trade(read: Any) -> None:
    query = read(need(Lot(id="1", title="Antenne avec socle", cpv=("45000000",))))
    suggested = {each.segment: each.sources for each in query.suggested}
    assert (query.wanted, suggested) == ((), {"bt-tce": ("cpv:45000000",)})
    assert list(sources_of(read(need(Lot(id="1", cpv=("45000000",)))))) == ["bt-tce"]


def test_a_code_says_which_part_of_an_operation_is_bought(read: Any) -> None:
    lot = Lot(id="1", title="Réhabilitation d'un pavillon à Brénod", cpv=("45432130",))
    query = read(need(lot))
    assert (list(sources_of(query)), [one.segment for one in query.suggested]) == (["bt-peinture"], ["bt-tce"])
    assert "bt-tce" in sources_of(read(need(msgspec.structs.replace(lot, cpv=("45000000",)))))
    for name, trade in (("électricité", "bt-elec-plomb"), ("métallerie", "in-metal")):
        part = msgspec.structs.replace(lot, cpv=("45210000",), title=f"{lot.title} - Lot 4 : {name}")
        assert list(sources_of(read(need(part)))) == [trade]
    upkeep = Lot(id="1", title="Entretien courant des bâtiments - Plafonds suspendus", cpv=("45421146",))
    housed = Lot(id="1", title="Réhabilitation du cinéma et du théâtre", cpv=("45421000",))
    assert [list(sources_of(read(need(lot)))) for lot in (upkeep, housed)] == [["bt-menuiserie"], ["bt-menuiserie"]]


def test_a_general_code_is_silent_where_the_title_is_likely_another_trade(read: Any) -> None:
    code = ("50700000",)
    helium = Lot(id="1", title="Maintenance d'un liquéfacteur d'hélium pour l'Institut Jean Lamour", cpv=code)
    assert (read(need(helium)).wanted, read(need(helium)).unknown) == ((), (helium.title,))
    assert list(sources_of(read(need(Lot(id="1", title="MS 32", cpv=code))))) == ["bt-maintenance"]


@pytest.mark.parametrize(
    ("title", "says"), [("Tonte des pelouses", ("ev-entretien",)), ("Nettoyage des bureaux", ()), ("Lot 3", ())]
)
def test_a_title_that_contradicts_the_codes_is_noted(read: Any, title: str, says: tuple[str, ...]) -> None:
    """What it says surely is asked for too."""
    query = read(need(Lot(id="1", title=title, cpv=("90919200",))))
    assert sources_of(query) == {"pr-locaux": ("cpv:90919200",)} | dict.fromkeys(says, (f"title:{title}",))
    assert query.title_says == says


def test_a_title_adds_nothing_to_segments_that_are_named(read: Any) -> None:
    query = read(need(Lot(id="1", title="Tonte des pelouses", segments=("pr-locaux",), cpv=("90919200",))))
    assert set(sources_of(query)) == {"pr-locaux"}
    assert [one.segment for one in query.suggested] == ["ev-entretien"]


def test_how_long_and_reserved_to_whom_tells_nothing_of_the_trade(read: Any) -> None:
    said, more = "Nettoyage des collèges", ", 3 ans, 50 000 € par an, réservé aux SIAE, clause sociale d'insertion"
    alone, whole = (read(need(Lot(id="1", title=title))) for title in (said, said + more))
    assert [(one.segment, one.confidence) for one in whole.wanted] == [
        (one.segment, one.confidence) for one in alone.wanted
    ]


def test_sure_words_are_demanded_and_doubtful_ones_suggested(read: Any) -> None:
    """Where none is sure, the best reading alone is demanded, beside a code of another trade if it is likely."""
    query = read(need(Lot(id="1", title="Collecte de biodéchets des restaurants scolaires")))
    confidences = [one.confidence for one in query.suggested]
    unsure = Lot(id="1", title="Suivis ornithologiques 2024: suivis de la fauvette pitchou")
    assert [one.confidence < SURE for one in read(need(unsure)).wanted] == [True]
    assert read(need(msgspec.structs.replace(unsure, cpv=("70000000",)))).wanted == ()
    likely = Lot(id="1", title="Suivis des oiseaux nicheurs des marais")
    asked = [bool(read(need(msgspec.structs.replace(likely, cpv=(code,)))).wanted) for code in ("90710000", "90711500")]
    assert asked == [True, False]  # the second code says exactly what else it is
    assert confidences == sorted(confidences, reverse=True) != []
    assert all(one.confidence >= SURE for one in query.wanted) or len(query.wanted) == 1
    assert max(confidences) < SURE or max(confidences) <= min(one.confidence for one in query.wanted)
