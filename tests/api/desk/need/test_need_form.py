"""What a need says, its form says, and what the form says is that need again; many lots are filled in ten at a time."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.desk.frame.form import form_fields
from api.desk.need.need_form import (
    CARRIED,
    LINES_AT_ONCE,
    LOTS_IN_FIELDS,
    MOST_LOTS,
    LotForm,
    NeedForm,
    change_form,
    form_of_need,
    lots_on_page,
    pack_fields,
    read_need_form,
)
from api.desk.need.need_in_words import lot_lines, need_lines
from api.desk.need.understood_need import understand_need
from domain.needs.need import Lot, NeedAndProcedure, Place, PlannedNeed, TerritoryRequest
from matching.reference import Reference
from tests import factories
from tests.api.desk.steps import Browser, put_all, said, sign_in_as
from tests.api.desk.test_answer_pages import names, request_on
from tests.api.needs.steps import Buyer
from tests.api.sync.factories import Client

POLYGON = {"type": "Polygon", "coordinates": [[[-3.0, 48.0], [-2.8, 48.0], [-2.8, 48.2], [-3.0, 48.0]]]}
LOT: dict[str, Any] = {
    "id": "1",
    "title": "Nettoyage des collèges",
    "cpv": ["90919200"],
    "nature": "services",
    "value_eur": 1_234_567.5,
    "duration_months": 36,
    "renewal_months": 12,
    "value_covers": "all",
    "options_eur": 1_500.25,
    "innovative": True,
    "reserved": ["handicap", "iae"],
    "support_segments": ["so-insertion"],
    "site": {"commune": "56260"},
    "max_distance_km": 62.5,
}
NEED: dict[str, Any] = {
    "reference": "CD56",
    "title": "Entretien",
    "on": "2026-11-24",
    "planned_publication_on": "2027-01-15",
    "buyer": {
        "name": "Département du Morbihan",
        "siret": "22560001400016",
        "kind": "local",
        "contracting_authority": False,
        "annual_purchases_eur": 90_000_000,
        "body": "local_authority",
        "defence": False,
    },
    "contract": "concession",
    "technique": "framework_agreement",
    "procedure": "open",
    "estimated_total_eur": 2_000_000,
    "territory": {"codes": ["departement:56"]},
    "lots": [LOT],
}


@pytest.mark.parametrize(
    "said",
    [
        NEED,
        NEED | {"territory": {"near": {"commune": "56178"}, "radius_km": 20}},
        NEED | {"territory": {"near": {"lat": 48.06889, "lon": -2.96}, "radius_km": 7.5}},
        NEED | {"territory": {"geometry": POLYGON}},
        NEED | {"territory": {"geometry": {"type": "MultiPolygon", "coordinates": [POLYGON["coordinates"]]}}},
        NEED | {"buyer": None, "contract": "market", "technique": None, "procedure": None, "on": None},
        NEED | {"lots": [LOT | {"site": {"lat": 47.65, "lon": -2.76}}]},
        NEED | {"lots": [LOT | {"territory": {"codes": ["epci:200066777", "commune:56178"]}}, LOT | {"id": "2"}]},
        {name: NEED[name] for name in NEED if name != "territory"}
        | {"lots": [LOT | {"territory": {"near": {"commune": "56178"}, "radius_km": 30}}]},
        NEED | {"lots": [{"id": "1", "keywords": ["tonte de pelouses", "taille de haies"], "reserved": []}]},
        NEED | {"lots": [{"id": "1", "title": "Divers", "segments": ["pr-locaux", "lt-blanchisserie"]}]},
    ],
)
def test_a_need_comes_back_as_it_was(reference: Reference, said: dict[str, Any]) -> None:
    need = msgspec.convert(said, NeedAndProcedure)
    understood = understand_need(form_of_need(need), reference)
    assert understood.mistakes == ()
    assert understood.need == need
    fields: dict[str, list[str]] = {}
    for name, text in understood.form.fields():
        fields.setdefault(name, []).append(text)
    assert understand_need(read_need_form(fields), reference).need == need


def test_lots_of_a_stored_need_stay_the_same_lots(reference: Reference) -> None:
    """Decisions know a lot by its id: one that is taken away leaves the others theirs, a new one gets a free one."""
    need = msgspec.convert(NEED | {"lots": [LOT | {"id": each} for each in ("LOT-0001", "2", "3")]}, NeedAndProcedure)
    form = form_of_need(need)
    assert form.lot_ids == ("LOT-0001", "2", "3")
    form = change_form(change_form(form, "retirer-1"), "ajouter")
    assert form.lot_ids == ("2", "3", "4")
    assert change_form(form, "reserver-3-ess").lots[1].reserved == ("ess",)
    assert form_of_need(need, keep_ids=False).lot_ids == ("1", "2", "3")
    assert understand_need(form_of_need(need), reference).need == need


def test_a_code_goes_with_the_trade_that_it_says(reference: Reference) -> None:
    """A CPV code whose trade was unticked would ask for it again."""
    form = form_of_need(msgspec.convert(NEED, NeedAndProcedure))
    understood = understand_need(form, reference)
    trade = understood.lots[0].trades[0]
    assert trade.cpv == "90919200"
    lot = msgspec.structs.replace(understood.form.lots[0], more="blanchisserie")
    lot = understand_need(msgspec.structs.replace(understood.form, lots=(lot,)), reference).form.lots[0]
    others = tuple(each for each in lot.chosen if each != trade.segment)
    found = understand_need(
        msgspec.structs.replace(form, lots=(msgspec.structs.replace(lot, chosen=others),)), reference
    ).need
    assert found is not None
    assert (found.lots[0].segments, found.lots[0].cpv) == (others, ())


@pytest.mark.parametrize("count", [1, LOTS_IN_FIELDS, LOTS_IN_FIELDS + 1, MOST_LOTS])
def test_a_page_that_does_not_show_a_form_carries_it(count: int) -> None:
    lots = [LOT | {"id": str(n), "title": f"Lot & « {n} »"} for n in range(1, count + 1)]
    form = form_of_need(msgspec.convert(NEED | {"lots": lots}, NeedAndProcedure))
    fields: dict[str, list[str]] = {}
    for name, text in form.hidden_fields():
        fields.setdefault(name, []).append(text)
    assert read_need_form(fields) == form
    assert (CARRIED in fields) == (count > LOTS_IN_FIELDS)


def test_a_lot_that_is_shown_is_as_it_is_there_and_the_others_as_they_are_hidden_fields() -> None:
    """Boxes that were unticked, for one, are not ticked again."""
    lots = [LOT | {"id": str(n)} for n in range(1, 4)]
    form = form_of_need(msgspec.convert(NEED | {"lots": lots}, NeedAndProcedure))
    along = dict(pack_fields(form.lot_fields((0, 1, 2))))
    read = read_need_form({CARRIED: [along[CARRIED]], "lot-2-objet": ["Autre"]}).lots
    assert (read[0], read[2]) == (form.lots[0], form.lots[2])
    assert (read[1].title, read[1].reserved, read[1].cpv) == ("Autre", (), "")
    assert read_need_form({"contrat": [""], "lot-1-objet": [""], "jeton": ["x"]}) == NeedForm()


FAR = '{"type": "Polygon", "coordinates": [[[1e308, 1e308], [1e308, 0], [0, 1e308], [1e308, 1e308]]]}'
DEEP = '{"type": ' + "[" * 100_000
ODD = (
    *("", "0", "-1", "1e9", "9" * 400, "12,5", "Pontivy", "commune:56178", "departement:999", "56178", "90919200"),
    *("pr-locaux", "handicap", "48.07,-2.96", "91,181", FAR, DEEP, "[]", "null", '{"type": "Polygon"}', "2026-02-30"),
    *("market", "local", "oui", "a" * 5_000, "a," * 300, "22560001400016"),
)
TYPED = st.text(max_size=20) | st.sampled_from(ODD)
FULL: dict[str, Any] = dict.fromkeys(("territories", "offered", "chosen", "terms", "support", "reserved"), ("",))
NAMES = st.sampled_from([name for name, _ in form_fields(NeedForm(territories=("",), lots=(LotForm(**FULL),) * 2))])


@given(st.dictionaries(NAMES, st.lists(TYPED, min_size=1, max_size=3)))
def test_whatever_is_typed_is_understood_or_said_to_be_wrong(fields: dict[str, list[str]]) -> None:
    form = read_need_form(fields)
    understood = understand_need(form, factories.reference())
    assert (understood.need is None) == bool(understood.mistakes)
    assert len(understood.form.lots) == len(form.lots)
    for mistake in understood.mistakes:
        assert mistake.detail.fr


LONG = [120, 80, 1, LINES_AT_ONCE + 1, 5]


@pytest.mark.parametrize(
    ("lines", "place", "expected"),
    [
        *(([1] * 12, place, ([1] * 10, 1, None, 11)) for place in ("1", "", "10", "13", "-1")),
        ([1] * 12, "11", ([1, 1], 11, 1, None)),
        (LONG, "1", ([120, 80], 1, None, 3)),
        (LONG, "3", ([1], 3, 1, 4)),
        (LONG, "4", ([LINES_AT_ONCE + 1], 4, 3, 5)),
        (LONG, "5", ([5], 5, 4, None)),
        ([], "1", ([], 1, None, None)),
    ],
)
def test_lots_come_ten_at_a_time_or_as_many_as_a_page_has_lines_for(
    lines: list[int], place: str, expected: object
) -> None:
    shown = lots_on_page(lines, place, lambda each: each)
    assert (list(shown.lots), shown.first, shown.before, shown.after) == expected


def test_a_circle_is_said_by_its_centre(reference: Reference) -> None:
    for near, fr, en in (
        (Place(commune="56260"), "de Vannes", "Vannes"),
        (Place(commune="72181"), "du Mans", "Le Mans"),
        (Place(lat=48.1173, lon=-1.6778), "du point 48.1173, -1.6778", "point 48.1173, -1.6778"),
    ):
        need = PlannedNeed(lots=(Lot(id="1"),), territory=TerritoryRequest(near=near, radius_km=30))
        lines = {name.fr: words for name, words in need_lines(need, reference)}
        words = tuple(each.replace("\N{NO-BREAK SPACE}", " ") for each in lines["Territoire"])
        assert words == (f"à 30 km au plus {fr}", f"within 30 km of {en}")


def test_the_estimated_value_is_said_as_the_sum_that_it_is(reference: Reference) -> None:
    """Of an amount that covers all, that it does."""
    firm = Lot(id="1", value_eur=50_000, duration_months=12, renewal_months=36)
    whole = Lot(id="2", value_eur=50_000, duration_months=12, renewal_months=36, value_covers="all")
    first, second = ({name.en: words for name, words in lot_lines(lot, reference)} for lot in (firm, whole))
    assert first["Estimated value, all included"].en.startswith("€50,000 + 3 renewals of €50,000 = €200,000")
    assert "Estimated value, all included" not in second
    assert "Estimated value with renewals and options" in second


TRADES = ("tonte de pelouses", "nettoyage de bureaux", "blanchisserie du linge hospitalier", "collecte de biodéchets")
LARGEST_PAGE = 200_000


@pytest.fixture(scope="module")
async def many_gardeners(served: Client) -> None:
    """25 suppliers to be found at Pontivy."""
    await put_all(served, "many-gardeners", *({"name": f"Jardin {number}"} for number in range(25)))


@pytest.fixture
async def signed_in(buyer: Buyer, browser: Browser, many_gardeners: None) -> Buyer:
    """The buyer, signed in with that browser."""
    await sign_in_as(browser, buyer)
    return buyer


def lots(count: int) -> list[dict[str, Any]]:
    """Lots as a large contract has them."""
    return [
        {
            "id": str(number),
            "title": f"{TRADES[number % len(TRADES)].capitalize()} du secteur {number}, sites de l'établissement",
            "value_eur": 90_000 + number,
            "duration_months": 24,
            "reserved": ["handicap", "iae"] if number % 2 else [],
        }
        for number in range(1, count + 1)
    ]


def need(count: int) -> dict[str, Any]:
    return {"title": "Entretien du patrimoine", "territory": {"codes": ["commune:56178"]}, "lots": lots(count)}


def without_drawings(page: str) -> int:
    """The bytes of a page, but those of its maps."""
    return len(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).encode())


async def test_a_stored_need_of_the_most_lots_is_changed_ten_at_a_time(browser: Browser, signed_in: Buyer) -> None:
    stored = (await signed_in.post("/needs", need(MOST_LOTS))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    assert "Lots 1 à 10 sur 200" in said(browser.page)
    assert without_drawings(browser.page) < LARGEST_PAGE
    await browser.submit("besoin", {"lot-3-valeur": "1 000"}, faire="lots-141")
    assert browser.fields("besoin")["lot-141-valeur"] == ["90 141"]
    await browser.submit("besoin", {"lot-142-objet": "tonte du parc", "lot-145-reserve": []}, faire="retirer-150")
    assert "sur 199" in said(browser.page)
    await browser.submit("besoin", to=f"besoins/{stored['id']}/changer")
    changed = (await signed_in.get(f"/needs/{stored['id']}")).json()["lots"]
    expected = {lot["id"]: lot for lot in stored["lots"] if lot["id"] != "150"}
    expected["3"]["value_eur"] = 1_000
    expected["142"]["title"] = "tonte du parc"
    expected["145"]["reserved"] = []
    assert changed == list(expected.values())


async def test_what_is_wrong_in_lots_of_other_pages_is_said_and_shown_first(browser: Browser, signed_in: Buyer) -> None:
    stored = (await signed_in.post("/needs", need(30))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    await browser.submit("besoin", {"lot-2-valeur": "cher"}, faire="lots-11")
    assert "À corriger" not in said(browser.page)
    await browser.submit("besoin", {"lot-12-duree": "longue"}, faire="lots-21")
    answer = await browser.submit("besoin", to="besoin/resultat")
    assert answer.status_code == 422
    assert '<a href="#lot-2-valeur">' in browser.page
    assert "#lot-12-duree" not in browser.page
    assert "À corriger aussi, dans des lots d'autres pages : 12." in said(browser.page)
    await browser.submit("besoin", {"lot-2-valeur": "1"}, to="besoin/resultat")
    assert '<a href="#lot-12-duree">' in browser.page
    await browser.submit("besoin", faire="ajouter")
    assert set(browser.fields("besoin")) & {"lot-30-objet", "lot-31-objet"} == {"lot-31-objet"}


async def test_of_many_lots_one_is_open_with_the_suppliers_of_the_api(browser: Browser, signed_in: Buyer) -> None:
    """A script gets the one that it opens."""
    stored = (await signed_in.post("/needs", need(MOST_LOTS))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    await browser.submit("besoin", to="besoin/resultat")
    others = re.findall(r'name="voir" value="(\d+)"[^>]*>Lot \d', browser.page)
    assert (browser.page.count('class="answer"'), len(others)) == (1, MOST_LOTS - 1)
    assert without_drawings(browser.page) < LARGEST_PAGE
    fields = {**browser.fields("besoin/resultat"), "voir": "7"}
    part = (await browser.post("/besoin/resultat", data=fields, headers={"hx-target": "ouvert"})).text
    assert re.findall(r'<section [^>]*id="reponse-(\d+)"', part) == ["7"]
    assert '<input type="hidden" name="debut" value="7">' in part
    assert "<html" not in part
    await browser.submit("besoin/resultat", voir="172")
    asked = request_on(browser.page)
    answered = (await signed_in.post("/match", asked)).json()["lots"]
    assert names(browser.page) == [each["supplier"]["name"] for each in answered[171]["candidates"]]
    assert 'id="reponse-172"' in browser.page
    await browser.submit("besoin/resultat", changer="reserver-172-iae")
    assert request_on(browser.page)["lots"][171]["reserved"] == ["iae"]
    assert 'id="reponse-172"' in browser.page
    await browser.submit("besoin/resultat", to="besoin", faire="comprendre")
    assert browser.fields("besoin")["lot-172-reserve"] == ["iae"]


async def test_candidates_beyond_the_first_are_a_button_away(browser: Browser, signed_in: Buyer) -> None:
    """Twenty at a time, in the order of the API, and on the map as well."""
    await browser.open("/besoin")
    typed = {"lieu": "commune:56178", "lot-1-objet": "tonte de pelouses"}
    await browser.submit("besoin", typed, to="besoin/resultat")
    asked = request_on(browser.page)
    (lot,) = (await signed_in.post("/match", asked | {"limit": 100})).json()["lots"]
    expected = [each["supplier"]["name"] for each in lot["candidates"]]
    assert lot["total"] >= 25
    pages = [expected[first : first + 20] for first in range(0, len(expected), 20)]
    for number, page in enumerate(pages):
        assert names(browser.page) == page
        more = re.search(r'id="suite-1" class="plain" name="changer" value="([^"]+)"', browser.page)
        assert (more is None) == (number == len(pages) - 1)
        if more:
            await browser.submit("besoin/resultat", changer=more[1])
    await browser.submit("besoin/resultat", changer="suite-1-1")
    assert names(browser.page) == pages[0]
