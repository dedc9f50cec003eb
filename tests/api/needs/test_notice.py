"""The notice of a need over HTTP: valid by the published rules, read back as the same need, noted in the journal."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from domain.notices.eforms import SDK
from tests.api.needs.steps import Buyer, stranger
from tests.api.refusals import assert_refused
from tests.eforms_rules import broken_rules, schema_faults

XML, PLAIN = "application/xml", "text/plain"
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMESPACES = {"cac": f"{_UBL}CommonAggregateComponents-2", "cbc": f"{_UBL}CommonBasicComponents-2"}
BUYER = {"name": "Département du Morbihan <CD 56>", "siret": "22560001400016", "kind": "local"}
LOTS = [
    {
        "id": "A&B",
        "title": "Centres médico-sociaux",
        "cpv": ["90919200-4", "90911300"],
        "nature": "services",
        "value_eur": 240_000,
        "duration_months": 36,
        "renewal_months": 12,
        "reserved": ["handicap", "iae"],
        "site": {"commune": "56260"},
    },
    {"id": "2", "title": "Papier", "cpv": ["30197630"], "value_eur": 1_234.5, "reserved": ["ess"]},
    {"id": "3", "title": "Tonte", "segments": ["ev-entretien"], "reserved": ["iae", "penitentiary"]},
]
WHOLE: dict[str, Any] = {
    "reference": "CD56-NETT",
    "title": "Entretien des sites\u000b",
    "description": "Nettoyage, papier & espaces verts ]]> <script>",
    "planned_publication_on": "2027-03-01",
    "procedure": "adapted",
    "technique": "framework_agreement",
    "buyer": BUYER,
    "territory": {"codes": ["region:53"]},
    "lots": LOTS,
}


async def notice_of(buyer: Buyer, need: dict[str, Any], media: str = XML, **headers: str) -> httpx.Response:
    """The notice of a need that is kept first."""
    kept = await buyer.post("/needs", need)
    assert kept.status_code == 201, kept.text
    return await buyer.get(f"/needs/{kept.json()['need']['id']}/notice", **{"Accept": media} | headers)


LARGE = WHOLE | {
    "title": "Restauration collective",
    "reference": "REST-27",
    "technique": "framework_agreement",
    "procedure": "open",
    "estimated_total_eur": 2_400_000,
    "social_considerations": True,
    "environmental_considerations": True,
    "lots": [
        {
            "id": str(number),
            "title": f"Repas de la zone {number}",
            "cpv": ["55523000"],
            "nature": "services",
            "value_eur": 800_000,
            "options_eur": 50_000,
            "duration_months": 24,
            "renewal_months": 24,
            "reserved": ["ess"] if number == 1 else [],
        }
        for number in (1, 2, 3)
    ],
}
DECIDED = {
    "answers_by": "2027-02-01",
    "answers_url": "https://profil.example/42",
    "answers_email": "achats.publics@vannes.fr",
}
WITHOUT_MUCH = {"title": "Espaces verts", "description": "Tonte", "buyer": {"name": "Vannes"}}


@pytest.mark.parametrize(
    "need",
    [
        WHOLE,
        WHOLE
        | {"answers_by": "2027-02-01", "answers_url": "https://profil.example/42", "answers_email": "a.b@vannes.fr"},
        WHOLE | {"buyer": BUYER | {"kind": "utility"}, "estimated_total_eur": 300_000, "technique": None},
        LARGE,
        WHOLE | {"contract": "concession", "territory": {"codes": ["country:FR"]}, "planned_publication_on": None},
        WITHOUT_MUCH | {"territory": {"codes": ["departement:971"]}, "lots": [{"id": "1", "keywords": ["tonte"]}]},
    ],
)
async def test_it_follows_the_published_schema_and_rules(buyer: Buyer, shared_data: Path, need: dict[str, Any]) -> None:
    sdk = shared_data / "eforms-sdk"
    answer = await notice_of(buyer, need)
    assert answer.status_code == 200, answer.text
    assert schema_faults(sdk, answer.content) == []
    assert broken_rules(sdk, answer.content) == []


async def test_a_fault_is_found_by_these_rules(buyer: Buyer, shared_data: Path) -> None:
    sdk, notice = shared_data / "eforms-sdk", (await notice_of(buyer, WHOLE)).content
    assert schema_faults(sdk, notice.replace(b"IssueDate", b"IssuedDate"))
    assert broken_rules(sdk, notice.replace(b"LOT-0001", b"LOT-1")) == ["BR-BT-00137-0155"]


async def test_the_need_is_read_back_from_it(buyer: Buyer) -> None:
    """Lots, codes, natures, values with renewals, durations, reservations, places and buyer are those of the need."""
    answer = await notice_of(buyer, WHOLE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml; charset=utf-8"), answer.text
    headers = {"Content-Type": XML}
    read = (await buyer.client.post("/notices", content=answer.content, headers=buyer.headers | headers)).json()["need"]
    names = ("title", "cpv", "nature", "value_eur", "duration_months", "renewal_months", "reserved")
    lots = [tuple(lot[name] for name in names) for lot in read["lots"]]
    assert lots == [
        ("Centres médico-sociaux", ["90919200", "90911300"], "services", 320_000, 36, 12, ["handicap", "iae"]),
        ("Papier", ["30197630"], "supplies", 1_234.5, None, None, ["ess"]),
        ("Tonte", ["77300000"], "services", None, None, None, ["iae", "penitentiary"]),
    ]
    assert {name: read["buyer"][name] for name in BUYER} == BUYER
    said = [read[name] for name in ("reference", "title", "planned_publication_on")]
    assert said == ["CD56-NETT", "Entretien des sites", "2027-03-01"]
    assert read["lots"][0]["site"] == {"commune": "56260"}
    assert read["lots"][1]["territory"]["codes"] == ["nuts:FRH01", "nuts:FRH02", "nuts:FRH03", "nuts:FRH04"]


ARTICLES = {"handicap iae": "L2113-14", "ess": "L2113-15", "iae penitentiary": "L2113-13-1", "": ""}


@pytest.mark.parametrize("need", [WHOLE, WHOLE | DECIDED, LARGE, LARGE | {"contract": "concession", "technique": None}])
async def test_another_parser_finds_all_that_the_need_says(buyer: Buyer, need: dict[str, Any]) -> None:
    """By XPath alone, above and below the European thresholds; also in the text for a buyer profile."""
    root = etree.fromstring((await notice_of(buyer, need)).content)
    spaces = {name: space for name, space in root.nsmap.items() if name} | NAMESPACES
    text = (await notice_of(buyer, need, PLAIN)).text.replace("\N{NO-BREAK SPACE}", " ").replace("\u202f", " ")

    def found(path: str, node: Any = root) -> list[str]:
        return [str(each) for each in node.xpath(path, namespaces=spaces)]

    project = "cac:ProcurementProject/"
    assert found(f"{project}cbc:ID/text()") == [need["reference"]]
    assert found(f"{project}cbc:Description/text()") == [need["description"]]
    assert found("//cac:PartyLegalEntity/cbc:CompanyID/text()") == [need["buyer"]["siret"]]
    assert found("//cbc:PlannedDate/text()")[0].startswith(need["planned_publication_on"])
    total = need.get("estimated_total_eur")
    assert found(f"{project}cac:RequestedTenderTotal/*/text()") == ([f"{total}.00"] if total else [])
    for number, lot in enumerate(need["lots"], 1):
        place = f"cac:ProcurementProjectLot[cbc:ID='LOT-{number:04}']/cac:ProcurementProject"
        (node,) = root.xpath(place, namespaces=spaces)
        assert found("cbc:ID/text()", node) == [lot["id"]]
        assert found("cbc:Name/text()", node) == [lot["title"]]
        codes = [code[:8] for code in lot.get("cpv", [])]
        assert found(".//cbc:ItemClassificationCode/text()", node)[: len(codes) or 1] == (codes or ["77300000"])
        firm, renewals = lot.get("duration_months"), lot.get("renewal_months", 0)
        assert found(".//cbc:DurationMeasure/text()", node) == ([str(firm)] if firm else [])
        whole = lot["value_eur"] * (firm + renewals) / firm if firm else lot.get("value_eur")
        amount = found(".//cbc:EstimatedOverallContractAmount/text()", node)
        assert amount == ([f"{whole + lot.get('options_eur', 0):.2f}"] if whole else [])
        (words,) = found("cbc:Description/text()", node)
        assert ARTICLES[" ".join(lot["reserved"])] in words
        assert not renewals or f"{firm + renewals} mois" in words
        assert lot["title"] in text
        assert ARTICLES[" ".join(lot["reserved"])] in text
    (note,) = found(f"{project}cbc:Note/text()")
    for name, words in (("social", "sociales"), ("environmental", "environnementales")):
        assert (words in note, words in text) == (bool(need.get(f"{name}_considerations")),) * 2
    names = "reference", "description", "answers_url", "answers_email"
    said = need["buyer"]["name"], *map(need.get, names)
    assert [each for each in said if each and each not in text] == []
    assert total is None or "2 400 000 € HT" in text


async def test_it_names_its_form_and_its_version(buyer: Buyer) -> None:
    root = etree.fromstring((await notice_of(buyer, WHOLE)).content)
    texts = {etree.QName(each).localname: each.text for each in root.iter() if isinstance(each.tag, str)}
    assert (texts["SubTypeCode"], texts["NoticeTypeCode"], texts["CustomizationID"]) == ("E1", "pmc", SDK)
    assert texts["EndDate"] == "2027-02-28+01:00", "the eve of the planned publication"
    assert "proposée" in (texts["Note"] or "")


async def test_what_is_decided_is_not_proposed(buyer: Buyer) -> None:
    text = (await notice_of(buyer, WHOLE | DECIDED, PLAIN)).text
    assert [said for said in ("1er février 2027", *list(DECIDED.values())[1:]) if said not in text] == []
    assert "proposée" not in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", ["Avis de consultation préalable", "320 000 € HT", "EA, ESAT et SIAE", "48 mois"]),
        ("en", ["Notice of a preliminary market consultation", "€320,000 excl. tax", "work integration", "48 months"]),
    ],
)
async def test_the_text_for_a_buyer_profile(buyer: Buyer, language: str, words: list[str]) -> None:
    answer = await notice_of(buyer, WHOLE, PLAIN, **{"Accept-Language": language})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    plain = answer.text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert [word for word in words if word not in plain] == [], plain


@pytest.mark.parametrize("media", [XML, PLAIN])
async def test_what_it_must_say_and_the_need_does_not_is_listed(buyer: Buyer, media: str) -> None:
    lots = [
        {"id": "1", "segments": ["ev-entretien"]},
        {"id": "2", "title": "Travaux", "cpv": ["77310000"], "nature": "works"},
        {"id": "3", "title": "Xyzzy"},
    ]
    answer = await notice_of(buyer, {"territory": {"codes": ["departement:56"]}, "lots": lots}, media)
    assert_refused(answer, 422, "invalid-content")
    faults = {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    missing = "/title", "/description", "/buyer/name", "/lots/0/title", "/lots/2/cpv"
    assert faults == {*((each, "missing") for each in missing), ("/lots/1/cpv", "other_nature")}


async def test_days_and_texts_that_a_notice_cannot_have(buyer: Buyer) -> None:
    need = WHOLE | {"answers_by": "2020-01-01", "description": "a" * 6_001, "territory": {"codes": ["departement:987"]}}
    answer = await notice_of(buyer, need)
    faults = {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    assert faults == {("/answers_by", "past_day"), ("/description", "too_long"), ("/territory", "no_nuts")}


async def test_the_journal_notes_each_notice(buyer: Buyer) -> None:
    kept = (await buyer.post("/needs", WHOLE)).json()["need"]
    for media in (XML, PLAIN):
        assert (await buyer.get(f"/needs/{kept['id']}/notice", Accept=media)).status_code == 200
    entries = [entry for entry in await buyer.journal(kept["id"]) if entry.action == "notice.made"]
    assert {(entry.detail or {})["format"] for entry in entries} == {"xml", "txt"}


async def test_another_organisation_has_no_notice_of_it(buyer: Buyer) -> None:
    kept = (await buyer.post("/needs", WHOLE)).json()["need"]
    other = await stranger(buyer.client)
    assert_refused(await buyer.client.get(f"/needs/{kept['id']}/notice", headers=other), 404, "not-found")


async def test_where_to_answer_is_an_address(buyer: Buyer) -> None:
    wrong = {"answers_url": "https://vannes.fr/" + "a" * 400, "answers_email": "achats@vannes"}
    kept = (await buyer.post("/needs", WHOLE)).json()["need"]
    for answer in (await buyer.post("/needs", WHOLE | wrong), await buyer.patch(f"/needs/{kept['id']}", wrong)):
        assert_refused(answer, 422, "invalid-content")
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/answers_url", "/answers_email"]
