"""The page of a territory says what GET /supply counts."""

import re
from html import unescape

from tests.api.desk.steps import Browser, heading
from tests.api.sync.factories import Client, put_record

CODE = "departement:56"


async def open_territory(served: Client, browser: Browser, source: str) -> str:
    stored = await put_record(served, source)
    await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    await browser.sign_in(path=f"/territoires/{CODE}")
    return browser.page


async def test_the_table_has_the_counts_of_the_api(served: Client, browser: Browser, source: str) -> None:
    page = await open_territory(served, browser, source)
    supply = (await served.get(f"/supply?territory={CODE}")).json()
    assert "Morbihan" in heading(page)
    rows = re.findall(r'<th scope="row"><a[^>]*>(.*?)</a></th>\s*<td>(\d+).*?</td>\s*<td>(\d+)</td>', page, re.DOTALL)
    shown = {unescape(label): (int(all_), int(local)) for label, all_, local in rows}
    assert shown == {each["label"]: (each["suppliers"], each["local"]) for each in supply["items"] if each["suppliers"]}
    assert "Entretien d'espaces verts" in shown
    assert " style=" not in page


async def test_a_trade_leads_to_the_form_of_a_need_for_it(served: Client, browser: Browser, source: str) -> None:
    page = await open_territory(served, browser, source)
    (link,) = [unescape(each) for each in re.findall(r'href="([^"]*espaces\+verts[^"]*)"', page)]
    await browser.open("/territoires/" + link)
    fields = browser.fields("besoin")
    assert (fields["territoire"], fields["lot-1-metier"]) == ([CODE], ["ev-entretien"])


async def test_a_territory_is_found_by_its_name(browser: Browser) -> None:
    await browser.sign_in()
    assert (await browser.open("/territoires?lieu=Morbihan")).url.path == f"/territoires/{CODE}"
    await browser.open("/territoires?lieu=Saint-Denis")
    assert "territoires/commune:93066" in browser.page
    await browser.open("/territoires?lieu=Xyzzyplugh")
    assert "Aucun lieu de ce nom" in unescape(browser.page)


async def test_a_territory_that_is_none_is_not_found(browser: Browser) -> None:
    await browser.sign_in()
    answer = await browser.open("/territoires/departement:00")
    assert (answer.status_code, "<h1>" in answer.text) == (404, True)
