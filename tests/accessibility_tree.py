"""What a screen reader is given to read: the accessibility tree of Chromium."""

from selenium.webdriver import Chrome

CONTROLS = ("button", "checkbox", "combobox", "Date", "DisclosureTriangle", "InputTime", "link", "listbox", "radio")
FIELDS = ("searchbox", "spinbutton", "textbox")
OTHERS = ("heading", "Iframe", "image", "navigation", "radiogroup", "region", "table")
NAMED = frozenset((*CONTROLS, *FIELDS, *OTHERS))
"""Roles, in the words of Chromium, that say nothing without a name."""


def unnamed(window: Chrome) -> list[tuple[str, str]]:
    """The role and the element of each node of the page that should have a name and has none."""
    nodes = window.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [
        (node["role"]["value"], _element(window, node["backendDOMNodeId"]))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED and not node.get("name", {}).get("value", "").strip()
    ]


def _element(window: Chrome, node: int) -> str:
    return str(window.execute_cdp_cmd("DOM.getOuterHTML", {"backendNodeId": node})["outerHTML"])[:200]
