"""The page behind a reply link: for everybody, in any browser, with scripts or without."""

import asyncio
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import title_contains, title_is
from selenium.webdriver.support.wait import WebDriverWait

from api.exchanges.reply_page import FOLDER, STYLE
from tests.api.exchanges.steps import BROWSER, Opened, create_exchange, keyless, move
from tests.api.sync.factories import Client
from tests.browser import Windows

BUYER = "Un acheteur public"
CONTROLS = {"input", "textarea", "select"}


class Outline(HTMLParser):
    """What a screen reader goes by: the elements with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def unlabelled(self) -> Iterator[str | None]:
        """Controls without a label around them or leading to them."""
        named = {attributes.get("for") for attributes in self.of("label")}
        for (before, _), (tag, attributes) in pairwise(self.elements):
            labelled = before == "label" or attributes.get("id") in named
            if tag in CONTROLS and attributes.get("type") != "hidden" and not labelled:
                yield attributes.get("name")


async def pages(exchange: Opened) -> list[str]:
    """Each state of the page: fresh, with mistakes, answered, corrected, closed; and that of a link to nowhere."""
    client, link = exchange.client, exchange.links[0]
    first = await exchange.reply(0, body="Oui", stance="question", barriers=["other"], barriers_note="x")
    await exchange.publish(first["id"])
    wrong = {"barriers": "other"}
    seen = [
        await keyless(client, "GET", link, headers=BROWSER),
        await keyless(client, "POST", link, headers=BROWSER, data=wrong),
        await keyless(client, "GET", f"{link}?sent={first['id']}", headers=BROWSER),
        await keyless(client, "GET", f"{link}?corrects={first['id']}", headers=BROWSER),
        await keyless(client, "GET", "/replies/nobody", headers=BROWSER),
    ]
    await move(client, exchange.need, "abandoned")
    seen.append(await keyless(client, "GET", link, headers=BROWSER))
    return [answer.text for answer in seen]


async def test_each_page_can_be_read_aloud_and_found_through(served: Client, source: str) -> None:
    exchange = await create_exchange(served, source, lot_ids=["1"])
    for text in await pages(exchange):
        outline = Outline(text)
        assert outline.of("html") == [{"lang": "fr"}]
        assert (len(outline.of("h1")), len(outline.of("title")), len(outline.of("main"))) == (1, 1, 1)
        assert list(outline.unlabelled()) == []
        assert len(outline.ids) == len(set(outline.ids))
        for name in ("aria-labelledby", "aria-describedby", "for"):
            referred = [(each.get(name) or "").split() for _, each in outline.elements]
            assert {one for each in referred for one in each} <= set(outline.ids)
        anchors = [each["href"] or "" for each in outline.of("a")]
        assert {each.partition("#")[2] for each in anchors if each.startswith("#")} <= set(outline.ids)
        levels = [int(tag[1]) for tag, _ in outline.elements if tag in {"h1", "h2", "h3"}]
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert outline.of("script", "link", "img", "iframe", "object") == []


def test_every_class_of_the_page_has_a_style() -> None:
    """`done` but says which notice it is."""
    templates = [file.read_text() for file in FOLDER.glob("*.html")]
    classes = {one for text in templates for each in re.findall(r'class="([\w -]+)"', text) for one in each.split()}
    styled = set(re.findall(r"\.([a-z]+)", STYLE))
    assert classes - styled == {"done"}


@pytest.mark.parametrize(("width", "scripts"), [(320, False), (1200, True)], ids=["phone-without-scripts", "desktop"])
async def test_a_supplier_reads_and_answers_in_a_browser(
    served: Client, source: str, windows: Windows, address: str, width: int, scripts: bool
) -> None:
    exchange = await create_exchange(served, source, 1, body="Pourriez-vous tondre " + "partout " * 40)
    window = windows.open(width, scripts=scripts)
    await asyncio.to_thread(visit, window, f"{address}{exchange.links[0]}", scripts)
    (_, kept) = (await exchange.shown())["messages"]
    assert (kept["body"], kept["stance"]) == ("Deux fois par mois\nau plus", "interested")
    assert (kept["barriers"], kept["barriers_note"], kept["confidential"]) == (["distance", "other"], "le pont", False)


def visit(window: Chrome, url: str, scripts: bool) -> None:
    """Read, send too early, mend, send, see the answer; load the page again, which sends nothing."""
    window.get("data:text/html,<title>off</title><script>document.title='on'</script>")
    assert window.title == ("on" if scripts else "off")
    window.get(url)
    assert window.find_element(By.TAG_NAME, "h1").text == "Tonte"
    assert "Pourriez-vous tondre" in text_of(window, "main")
    assert_fits(window)
    button = window.find_element(By.TAG_NAME, "button")
    button.click()
    waiting(window).until(title_contains("Erreur"))
    waiting(window).until(lambda page: "wrong" in (page.switch_to.active_element.get_attribute("class") or ""))
    assert_fits(window)
    window.find_element(By.CSS_SELECTOR, ".wrong a").send_keys(Keys.ENTER)
    assert window.switch_to.active_element.get_attribute("id") == "body"
    fill_in(window)
    waiting(window).until(title_is(f"Tonte – {BUYER}"))
    assert "bien partie" in text_of(window, "[role=status]")
    assert "au plus" in text_of(window, "li.supplier")
    assert "le pont" in text_of(window, "li.supplier")
    assert_fits(window)
    window.refresh()
    assert len(window.find_elements(By.CSS_SELECTOR, "li.supplier")) == 1
    log = window.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry for entry in log if "Content Security Policy" in entry["message"]] == []


def fill_in(window: Chrome) -> None:
    """By the keyboard alone, from the message on."""
    body = window.switch_to.active_element
    body.send_keys("Deux fois par mois\nau plus")
    window.find_element(By.CSS_SELECTOR, "[name=stance][value=interested]").send_keys(Keys.SPACE)
    for value in ("distance", "other"):
        window.find_element(By.CSS_SELECTOR, f"[name=barriers][value={value}]").send_keys(Keys.SPACE)
    window.switch_to.active_element.send_keys(Keys.TAB)
    note = window.switch_to.active_element
    assert note.get_attribute("name") == "barriers_note"
    note.send_keys("le pont", Keys.ENTER)


def waiting(window: Chrome) -> WebDriverWait[Chrome]:
    """For the next page."""
    return WebDriverWait(window, 20)


def text_of(window: Chrome, selector: str) -> str:
    return window.find_element(By.CSS_SELECTOR, selector).text


def assert_fits(window: Chrome) -> None:
    """Nothing is cut off or to be scrolled to sideways."""
    page = "document.documentElement"
    wide, room = window.execute_script(f"return [{page}.scrollWidth, {page}.clientWidth]")
    assert wide <= room
