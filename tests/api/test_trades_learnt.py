"""What was learnt of suppliers' trades since a day: in GET /supply, in GET /sources, on their pages and on paper."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from api.supply import count_trades_today
from tests.api.desk.steps import Browser, put_all
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

HOEDIC = "commune:56085"
UNKNOWN: dict[str, Any] = {
    "name": "ESAT du Beg-Lagatt",
    "approvals": [{"kind": "ESAT"}],
    "address": {"commune": "56085"},
    "location": None,
    "offers": [],
}


async def test_what_was_learnt_since_a_day_is_told(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = served.services
    unknown = [UNKNOWN | {"name": f"ESAT du Beg-Lagatt {number}"} for number in range(2)]
    await put_all(served, source, *unknown)
    month_ago = services.now() - timedelta(days=30)
    with monkeypatch.context() as patched:
        patched.setattr(services, "now", lambda: month_ago)
        assert await count_trades_today(services)
        assert not await count_trades_today(services)
        day = services.today()
    before = (await served.get("/sources")).json()
    await put_all(served, source, unknown[0] | {"offers": [{"segments": ["lt-blanchisserie"]}]})
    asked = f"/supply?territory={HOEDIC}&segments=lt-blanchisserie&since={day}"
    answer = (await served.get(asked)).json()
    kind = {"kind": "ESAT", "suppliers": 2}
    assert answer["trades_before"] == {
        "suppliers": 2, "with_trade": 0, "share": 0.0, "by_kind": [kind | {"with_trade": 0}], "on": str(day),
    }  # fmt: skip
    assert (answer["trades"]["with_trade"], answer["trades"]["by_kind"]) == (1, [kind | {"with_trade": 1}])
    assert (await served.get(f"/supply?territory={HOEDIC}&segments=ev")).json()["trades_before"] is None
    after = (await served.get("/sources")).json()
    assert after["directory"]["with_trade"] == before["directory"]["with_trade"] + 1
    (counted,) = (each for each in after["history"] if each["on"] == str(day))
    assert counted["with_trade"] == before["directory"]["with_trade"]
    refused = await served.get(asked, headers={"accept": "text/csv"})
    assert_refused(refused, 422, "invalid-query")
    async with Browser(served.app) as browser:
        await browser.sign_in()
        page = (await browser.open(f"/territoires/{HOEDIC}?depuis={day}")).text
        assert "Métiers connus : 0 % → 50 % depuis le" in page.replace("\N{NO-BREAK SPACE}", " ")
        assert 'id="connus"' in (await browser.open("/sources")).text


async def test_the_handout_of_a_territory_has_four_pages_at_most(served: Client, source: str) -> None:
    """Whatever is there, and whatever it is called; also of a commune, which has no map."""
    names = ("Été #panic($x) 😀", "ESAT <b>gras</b>", *(f"Structure sans métier {n} {'x' * 60}" for n in range(60)))
    await put_all(served, source, *(UNKNOWN | {"name": name} for name in names))
    async with Browser(served.app) as browser:
        await browser.sign_in()
        for asked in (f"{HOEDIC}/etat-des-lieux.pdf", "departement:29/etat-des-lieux.pdf?avec=departement:22"):
            answer = await browser.get(f"/territoires/{asked}")
            assert answer.headers["content-type"] == "application/pdf"
            (pages,) = re.findall(rb"/Type/Pages/Count (\d+)", answer.content)
            assert 1 <= int(pages) <= 4
        assert (await browser.get("/territoires/departement:00/etat-des-lieux.pdf")).status_code == 404


async def test_the_handout_names_nobody_to_ask_of_whom_the_organisation_noted_what_it_does(
    served: Client, source: str
) -> None:
    await put_all(served, source, *(UNKNOWN | {"name": name} for name in ("Atelier Houat", "Atelier Belz")))
    found = (await served.get(f"/suppliers?source={source}")).json()["items"]
    (noted,) = (each["id"] for each in found if each["name"] == "Atelier Houat")
    note = {"offers": [{"segments": ["ev-entretien"]}]}
    assert (await served.put(f"/suppliers/{noted}/notes", json=note)).status_code == 200
    await served.services.directory.catch_up()
    async with Browser(served.app) as browser:
        await browser.sign_in()
        answer = await browser.get(f"/territoires/{HOEDIC}/etat-des-lieux.pdf")
        text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    assert ("Atelier Houat" in text, "Atelier Belz" in text) == (False, True)
    assert re.search(r"Structures dont le nombre de salariés n’est pas connu : \d+\.", " ".join(text.split()))
    assert (await served.delete(f"/suppliers/{noted}/notes")).status_code == 204
