"""Violations that axe finds in a page.

`axe_core/axe.min.js` is axe-core 4.14.1 (MPL 2.0) as published, its licences beside it; its npm package has
the integrity sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from selenium.webdriver import Chrome

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OF_WIDTH = ("target-size", "scrollable-region-focusable")
"""The rules on which the width of the page has a say."""
RUN = "axe.run(document, {runOnly: arguments[0], resultTypes: ['violations'], preload: false}).then(arguments[1])"


def violations(window: Chrome, rules: Sequence[str] = RULES) -> list[tuple[str, str]]:
    """The rule and the first element of each violation in the page as it stands. `rules`: by their names or tags."""
    if not window.execute_script("return 'axe' in window"):
        window.execute_script(_script())
    told = window.execute_async_script(RUN, rules)
    return [(each["id"], each["nodes"][0]["html"]) for each in told["violations"]]


@cache
def _script() -> str:
    return (Path(__file__).parent / "axe_core" / "axe.min.js").read_text(encoding="utf-8")
