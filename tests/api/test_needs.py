"""Needs that are kept: described, matched, changed, moved on; each organisation sees its own."""

from tests.api.factories import Client
from tests.api.needs import NEED


async def test_a_need_is_kept_with_its_first_shortlist(served: Client) -> None:
    """The answer has the need as it is kept, and the shortlist that a match would give."""
    answer = await served.post("/needs", json=NEED | {"description": "Entretien", "procedure": "adapted"})
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    assert answer.headers["location"] == f"/needs/{kept['need']['id']}"
    assert (kept["need"]["status"], kept["need"]["version"], kept["need"]["description"]) == ("draft", 1, "Entretien")
    matched = (await served.post("/match", json=NEED)).json()
    assert kept["shortlist"]["lots"] == matched["lots"]
    shown = await served.get(answer.headers["location"])
    assert shown.json() == kept["need"]
    assert shown.headers["etag"] == answer.headers["etag"]
