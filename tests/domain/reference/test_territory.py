"""Administrative France as it is on 1 January 2026, and what is made of codes that mean nothing any more."""

import csv
import json
import lzma
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reference.territory import DATA, KINDS, TerritoryKind, UnknownTerritory, load

territories = load()


def test_communes_stand_in_the_order_of_their_codes() -> None:
    """There are as many areas as INSEE counts."""
    counts: dict[TerritoryKind, int] = {"country": 1, "region": 18, "departement": 109, "epci": 1253, "commune": 34969}
    for kind, count in (*counts.items(), ("nuts", 142)):
        areas = territories.areas(kind)
        assert len({area.code for area in areas}) == len(areas) == count
        assert all(area.communes == tuple(sorted(set(area.communes))) and area.communes for area in areas)
    listed = [commune.code for commune in territories.communes]
    assert listed == sorted(listed)
    assert [area.code for area in territories.areas("commune")] == listed
    assert all(territories.commune_ordinal(code) == ordinal for ordinal, code in enumerate(listed))


def test_bretagne_is_whole() -> None:
    """And Redon Agglomération reaches from it into Loire-Atlantique."""
    bretagne = [territories.communes[ordinal] for ordinal in territories.area("region:53").communes]
    assert Counter(commune.departement for commune in bretagne) == {"22": 344, "29": 277, "35": 332, "56": 249}
    assert sum(commune.population for commune in bretagne) == 3_449_370
    assert len({postal_code for commune in bretagne for postal_code in commune.postal_codes}) == 323
    assert {commune.code for commune in bretagne if commune.epci is None} == {"22016", "29083", "29155"}
    assert len({commune.epci for commune in bretagne} - {None}) == 61
    redon = territories.area("epci:243500741")
    assert redon.label == "Redon Agglomération"
    assert Counter(territories.communes[ordinal].departement for ordinal in redon.communes)["44"] == 8
    assert [parent.id for parent in territories.parents(redon)] == [
        "departement:35",
        "departement:44",
        "departement:56",
        "region:52",
        "region:53",
        "country:FR",
    ]


def test_corse_and_overseas() -> None:
    """Collectivities have codes but neither EPCI, region nor place."""
    for departement, count, region in [
        ("2A", 124, "94"),
        ("2B", 236, "94"),
        ("971", 32, "01"),
        ("972", 34, "02"),
        ("973", 22, "03"),
        ("974", 24, "04"),
        ("976", 17, "06"),
    ]:
        area = territories.area(f"departement:{departement}")
        assert len(area.communes) == count
        assert [parent.id for parent in territories.parents(area)] == [f"region:{region}", "country:FR"]
    placeless = [commune for commune in territories.communes if commune.lat is None]
    assert len(placeless) == 94
    assert {(commune.epci, commune.region, commune.lon) for commune in placeless} == {(None, None, None)}
    assert {commune.departement for commune in placeless} == {
        area.code
        for area in territories.areas("departement")
        if area.code[:3] in ("975", "977", "978") or area.code > "98"
    }
    assert territories.area("commune:97801").label == "Saint-Martin"


@pytest.mark.parametrize(
    ("code", "successor"),
    [
        ("commune:75111", "commune:75056"),
        ("commune:69381", "commune:69123"),
        ("commune:13216", "commune:13055"),
        ("commune:22200", "commune:22237"),  # merged
        ("commune:49069", "commune:49126"),  # delegated
        ("commune:55273", "commune:55386"),  # associated to another commune than it once was merged into
        ("epci:245701222", "epci:992367730"),
        ("nuts:FR523", "nuts:FRH03"),
        ("nuts:FR", "country:FR"),
        ("nuts:FR52", "nuts:FRH0"),
        ("nuts:FR3", "nuts:FRE1"),
        ("nuts:FR244", "nuts:FRB04"),
        ("nuts:FRA40", "nuts:FRY40"),
        ("nuts:FR940", "nuts:FRY40"),
    ],
)
def test_retired_codes_lead_to_their_successors(code: str, successor: str) -> None:
    assert territories.area(code).id == successor


def test_a_retired_code_leads_to_a_commune_of_today_in_one_step() -> None:
    retired = json.loads(lzma.decompress((DATA / "communes.json.xz").read_bytes()))["retired_communes"]
    today = {commune.code for commune in territories.communes}
    assert len(retired) > 4_000
    assert not today & set(retired)
    assert today >= set(retired.values())
    for code, successor in retired.items():
        assert territories.commune_ordinal(code) == territories.commune_ordinal(successor)
    assert territories.commune_ordinal("00000") is None


def test_nuts_levels_nest_and_level_3_is_the_departements() -> None:
    """NUTS 2013 level 1 areas such as FR2 (Bassin parisien) have no single successor."""
    areas = territories.areas("nuts")
    departements = {area.communes for area in territories.areas("departement") if area.code[:2] < "98"}
    level_3 = {area.communes for area in areas if len(area.code) == 5}
    assert len(level_3) == 101
    assert level_3 <= departements
    for area in areas:
        assert all(set(area.communes) <= set(parent.communes) for parent in territories.parents(area))
    assert [parent.id for parent in territories.parents(territories.area("nuts:FRH03"))] == [
        "nuts:FRH0",
        "nuts:FRH",
        "country:FR",
    ]
    parts = [territories.area(f"nuts:FR2{part}") for part in range(1, 7)]
    group = territories.area("nuts:FR2")
    assert group.label == "Bassin parisien"
    assert sorted(ordinal for part in parts for ordinal in part.communes) == list(group.communes)


def test_nuts_codes_bear_the_names_of_the_official_list(shared_data: Path) -> None:
    with (shared_data / "taxonomy" / "eforms_nuts_france_fr.csv").open(encoding="utf-8") as lines:
        official = {row["code"]: row["label_fr"].replace("’", "'") for row in csv.DictReader(lines)}
    listed = {code for code in official if code != "FR" and not code.startswith("FRZ")}
    assert {area.code for area in territories.areas("nuts")} == listed
    for area in territories.areas("nuts"):
        if len(area.code) == 5:
            (departement,) = {territories.communes[ordinal].departement for ordinal in area.communes}
            assert territories.area(f"departement:{departement}").name == area.name == official[area.code]


def test_every_commune_is_in_the_epci_that_insee_says(shared_data: Path) -> None:
    with (shared_data / "geo" / "insee_epci_membership.csv").open(encoding="utf-8") as lines:
        official = {row["commune"]: row["epci"] for row in csv.DictReader(lines)}
    ours = {commune.code: commune.epci or "ZZZZZZZZZ" for commune in territories.communes if commune.lat is not None}
    assert ours == official


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("departement:243500741", "epci:243500741"),
        ("epci:243500714", "epci:243500741"),
        ("department:35", "departement:35"),
        ("comune:35238", "commune:35238"),
        ("town:35238", "commune:35238"),
        ("departement:2a", "departement:2A"),
        ("departement:1", "departement:01"),
        ("commune:1001", "commune:01001"),
        ("commune:35000", "commune:35238"),  # a postal code
        ("departement:Morbihan", "departement:56"),
        ("region:bretagne", "region:53"),
        ("Rennes", "commune:35238"),
        ("nuts:frh03", "nuts:FRH03"),
        ("35", "departement:35"),
        ("nuts:FRZZZ", None),
        ("planet:earth", None),
        ("", None),
    ],
)
def test_an_unknown_code_gets_the_one_that_may_be_meant(wrong: str, meant: str | None) -> None:
    with pytest.raises(UnknownTerritory) as unknown:
        territories.area(wrong)
    assert (unknown.value.code, unknown.value.suggestion) == ("unknown_code", meant)


@given(kind=st.sampled_from([*KINDS, "", "dept"]), code=st.text(alphabet="0123456789ABFRHYZ :é", max_size=10))
def test_whatever_is_suggested_exists(kind: str, code: str) -> None:
    """Any text either is a code of the kind it names or is refused with a suggestion that is one."""
    written = f"{kind}:{code}"
    try:
        area = territories.area(written)
    except UnknownTerritory as unknown:
        suggested, detail = unknown.suggestion, unknown.detail
    else:
        assert area.kind == kind
        return
    if suggested is not None:
        assert territories.area(suggested).id == suggested
        assert suggested in detail.fr
        assert suggested in detail.en


def test_labels_are_what_people_say_and_the_version_names_the_vintage() -> None:
    labels = {
        "departement:56": "Morbihan",
        "commune:35238": "Rennes",
        "region:53": "Bretagne",
        "country:FR": "France",
        "epci:243500139": "Rennes Métropole",
        "epci:242200715": "CC du Kreiz-Breizh (CCKB)",
    }
    assert {code: territories.area(code).label for code in labels} == labels
    vintage, _, digest = territories.version.partition("-")
    assert vintage == "2026"
    assert len(digest) == 8
