"""Pictures of pages in `build/pictures`, to be looked at and never compared, with an index to look through them."""

from base64 import b64decode
from collections.abc import Iterable
from html import escape
from pathlib import Path

from selenium.webdriver import Chrome

FOLDER = Path(__file__).parents[3] / "build" / "pictures"
HEAD = """<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Pictures</title>
<style>img { max-width: 49%; border: 1px solid }</style>"""


def take(window: Chrome, name: str) -> None:
    """Leave a picture of the whole page under this name, and the index, in which those of a page are side by side."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    taken = window.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "optimizeForSpeed": True})
    (FOLDER / f"{name}.png").write_bytes(b64decode(taken["data"]))
    (FOLDER / "index.html").write_text(HEAD + "".join(_rows(sorted(FOLDER.glob("*.png")))), encoding="utf-8")


def _rows(files: Iterable[Path]) -> Iterable[str]:
    last = ""
    for file in files:
        page = file.stem.partition("-at-")[0]
        if page != last:
            yield f"\n<h2>{escape(page)}</h2>"
        last = page
        yield f'\n<a href="{file.name}"><img src="{file.name}" alt="{escape(file.stem)}" loading=lazy></a>'
