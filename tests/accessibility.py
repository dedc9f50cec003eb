"""What a screen reader is given to read (Chromium's accessibility tree, the elements of a page), and what axe finds.

`axe_core/axe.min.js` is axe-core 4.14.1 (MPL 2.0) as published, its licences beside it; its npm package has
the integrity sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
"""

from collections.abc import Iterator, Sequence
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

from selenium.webdriver import Chrome

CONTROLS = ("button", "checkbox", "combobox", "Date", "DisclosureTriangle", "InputTime", "link", "listbox", "radio")
FIELDS = ("searchbox", "spinbutton", "textbox")
OTHERS = ("heading", "Iframe", "image", "navigation", "radiogroup", "region", "table")
NAMED = frozenset((*CONTROLS, *FIELDS, *OTHERS))
"""Roles, in the words of Chromium, that say nothing without a name."""


def unnamed(window: Chrome) -> list[tuple[str, str]]:
    """The role and the element of each node of the page that should have a name and has none."""
    found = []
    for node in window.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]:
        is_named = bool(node.get("name", {}).get("value", "").strip())
        if not (node["ignored"] or is_named) and (role := node["role"]["value"]) in NAMED:
            shown = window.execute_cdp_cmd("DOM.getOuterHTML", {"backendNodeId": node["backendDOMNodeId"]})
            found.append((role, str(shown["outerHTML"])[:200]))
    return found


FORM_CONTROLS = {"input", "textarea", "select"}


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
            if tag in FORM_CONTROLS and attributes.get("type") != "hidden" and not labelled:
                yield attributes.get("name")


RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OF_WIDTH = ("target-size", "scrollable-region-focusable")
"""The rules on which the width of the page has a say."""
LOAD = "window.loadAxe = () => {%s}"
"""What a tab keeps for all its pages, with what is compiled of it."""
RUN = (
    "if (!window.loadAxe) return arguments[1](null);"
    "if (!window.axe) loadAxe();"
    "axe.run(document, {runOnly: arguments[0], resultTypes: ['violations'], preload: false}).then(arguments[1])"
)


def violations(window: Chrome, rules: Sequence[str] = RULES) -> list[tuple[str, str]]:
    """The rule and the first element of each violation in the page as it stands. `rules`: by their names or tags."""
    told = window.execute_async_script(RUN, rules)
    if told is None:
        script = {"source": LOAD % _script(), "runImmediately": True}
        window.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        told = window.execute_async_script(RUN, rules)
    return [(each["id"], each["nodes"][0]["html"]) for each in told["violations"]]


@cache
def _script() -> str:
    return (Path(__file__).parent / "axe_core" / "axe.min.js").read_text(encoding="utf-8")
