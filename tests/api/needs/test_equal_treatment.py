"""Equal treatment over HTTP: the matrix of a need, from what is kept of it."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.needs.steps import Buyer, meeting_about


@dataclass
class Sourcing:
    """A need whose shortlist has suppliers A to E for its lot."""

    buyer: Buyer
    need: str
    ids: dict[str, str]

    async def open(self, to: str, body: str = "Quels volumes ?", subject: str = "Volumes") -> str:
        """Tell these suppliers something by telephone; the path of the exchange."""
        request = {"subject": subject, "body": body, "channel": "phone", "recipients": [self.ids[each] for each in to]}
        return f"/exchanges/{(await self.post(f'{self.need}/exchanges', request))['id']}"

    async def post(self, path: str, body: Any) -> dict[str, Any]:
        answer = await self.buyer.post(path, body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def matrix(self, **headers: str) -> dict[str, Any]:
        matrix: dict[str, Any] = (await self.buyer.get(f"{self.need}/equal-treatment", **headers)).json()
        return matrix

    async def gaps(self) -> set[tuple[str, str]]:
        suppliers = (await self.matrix())["suppliers"]
        return {(each["name"], gap["code"]) for each in suppliers for gap in each["gaps"]}


@pytest.fixture
async def sourcing(buyer: Buyer, source: str) -> Sourcing:
    ids = {each: await buyer.supplier(source, each, name=each) for each in "ABCDE"}
    return Sourcing(buyer, f"/needs/{(await buyer.keep())['need']['id']}", ids)


async def test_a_gap_put_there_on_purpose_is_named(sourcing: Sourcing) -> None:
    """All are asked; a question of B's is answered to all of a second exchange, to which D does not belong."""
    await sourcing.open("ABCDE")
    exchange = await sourcing.open("ABCE", subject="Calendrier", body="En mai")
    said = {"author": "supplier", "supplier_id": sourcing.ids["B"], "body": "Quel volume ?", "stance": "question"}
    asked = (await sourcing.post(f"{exchange}/messages", said))["id"]
    await sourcing.post(f"{exchange}/messages/{asked}/publication", {"answer": "Dix tonnes"})
    invited = [{"role": "supplier", "supplier_id": each} for each in sourcing.ids.values()]
    meeting = meeting_about(sourcing.need.rpartition("/")[2], title="Rencontre", participants=invited)
    await sourcing.post("/meetings", meeting)
    matrix = await sourcing.matrix()
    lacking = [{"supplier_id": sourcing.ids["D"], "name": "D"}]
    assert [(gap["code"], gap["suppliers"]) for gap in matrix["gaps"]] == [
        ("missed_information", lacking),
        ("missed_answer", lacking),
    ]
    by_name = {each["name"]: each for each in matrix["suppliers"]}
    assert [each["code"] for each in by_name["D"]["gaps"]] == ["missed_information", "missed_answer"]
    assert "4 autres" in by_name["D"]["gaps"][1]["message"]
    assert [(each["text"], each["published"]) for each in by_name["B"]["answers"]] == [("Quel volume ?", True)]
    assert [each["title"] for each in by_name["B"]["meetings"]] == ["Rencontre"]


async def test_the_gap_closes_once_the_same_words_are_sent(sourcing: Sourcing) -> None:
    await sourcing.open("ABCD", "Le site ferme à 17 h")
    assert await sourcing.gaps() == {("E", "not_contacted")}
    english = await sourcing.matrix(**{"Accept-Language": "en"})
    assert english["gaps"][0]["message"].startswith("E was not contacted")
    await sourcing.open("E", "Le site ferme à 17 h")
    assert await sourcing.gaps() == set()


async def test_decisions_on_earlier_versions_tell_since_when(sourcing: Sourcing) -> None:
    """E is set aside on the first version before the second exchange; the second version says it later."""
    await sourcing.open("ABCDE")

    async def decide(number: int, decision: str | None) -> None:
        path = f"{sourcing.need}/shortlists/{number}/suppliers/{sourcing.ids['E']}"
        assert (await sourcing.buyer.patch(path, {"lot_id": "1", "decision": decision})).status_code == 200

    await decide(1, "set_aside")
    await sourcing.open("ABCD", "En mai", "Calendrier")
    await sourcing.post(f"{sourcing.need}/shortlists", None)
    await decide(2, "set_aside")
    assert await sourcing.gaps() == set()
    await decide(1, None)
    assert await sourcing.gaps() == {("E", "missed_information")}
