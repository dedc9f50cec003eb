"""Templates write signs as French has them, refusals speak to people, the site map and statement are open to all."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.desk.frame.layout import CODE_WORDS, MENU, SAID, TEMPLATES, pages_above
from api.desk.pages import PAGES
from api.web.problems import CATALOGUE
from tests.api.desk.steps import Browser, heading
from tests.api.sync.factories import Client
from tests.conftest import ROOT

SHOWN_ON_PAGES = ("api/admin", "api/desk", "api/exchanges", "api/meetings", "api/needs", "db")
OF_PROGRAMS = r"\b(?:GET|POST|PUT|PATCH|DELETE)\b|\b[a-z]+_[a-z]+|[a-z]=[a-z]"
"""Methods, names of fields and queries."""
SAID_OTHERWISE = re.compile("kept (ou|or) set_aside")
"""Pages offer no other decision."""


REFUSALS = CODE_WORDS["refusals"]


@pytest.mark.parametrize("slug", REFUSALS)
def test_a_refusal_is_said_without_what_only_programs_read(slug: str) -> None:
    """No header, route, setting or name of a field."""
    assert slug in CATALOGUE
    for sentence in REFUSALS[slug]:
        assert re.findall(r"[A-Z][a-z]+-[A-Z]|ETag|VIVIER_|[A-Z]{4}|/|`", sentence) == []


def sentences() -> Iterator[tuple[str, str]]:
    """The French and English sentences of the folders whose refusals pages show, with the names of their files."""
    for folder in SHOWN_ON_PAGES:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                    for argument in node.args:
                        yield file.name, " ".join(literals(argument))


def literals(argument: ast.expr) -> list[str]:
    parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def test_pages_show_no_sentence_that_is_written_for_programs() -> None:
    words = (("words.toml", text) for table in CODE_WORDS.values() for each in table.values() for text in each)
    found = [(file, said) for file, said in (*sentences(), *words) if re.search(OF_PROGRAMS, said)]
    assert [each for each in found if not SAID_OTHERWISE.search(each[1])] == []


def test_colons_between_words_are_those_of_the_language() -> None:
    """French has a space before them, English none: outside of bilingual texts they are `colon` and `semicolon`."""
    outside = re.compile(r'(?:\}\}|>) [:;] ?(?:\{\{|<)|" [:;] "')
    found = [
        f"{file.name}: {each}"
        for file in TEMPLATES.rglob("*.html")
        for each in outside.findall(file.read_text("utf-8"))
    ]
    assert found == []


def test_the_pages_above_one_are_named_from_the_first() -> None:
    for path, names in (
        ("/besoins", []),
        ("/besoin/resultat", ["Nouveau besoin"]),
        ("/rencontres/nouvelle", ["Besoins", "Rencontres"]),
        ("/accessibilite", ["Plan du site"]),
        ("/besoins/1/echanges/2/lettres", ["Besoins", "Besoin", "Échanges", "Échange"]),
        ("/besoins/1/rapport", ["Besoins", "Besoin"]),
        ("/admin/personnes/1", ["Administration", "Personnes"]),
        ("/admin/organisations/1", ["Administration"]),
        ("/territoires/departement:35", ["État des lieux"]),
    ):
        assert [name.fr for _, name in pages_above(path)] == names, path


def test_every_page_that_the_menu_does_not_mark_has_one_above() -> None:
    paths = {each.opt["page"].path.strip("/") for each in PAGES if each.opt["page"].scopes}
    assert {path for path in paths - MENU.keys() if not pages_above(f"/{path}")} == {"contours/{version}/{code}/{kind}"}


async def test_every_page_leads_to_the_statement_which_says_whom_to_write_to(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a session too."""
    await browser.open("/connexion")
    assert '"./accessibilite"' in browser.page
    await browser.open("/accessibilite")
    assert heading(browser.page) == "Accessibilité"
    assert "partiellement conformes" in browser.page
    assert "n’a pas encore donné d’adresse" in browser.page
    await browser.sign_in()
    assert '"./accessibilite"' in browser.page
    settings = replace(served.services.settings, operator="Région X", publisher="Anne Le Gall", hosted_by="Centre Y")
    monkeypatch.setattr(served.services, "settings", settings)
    for path, words in {
        "accessibilite": ["Région X s’engage"],
        "mentions": ["Région X", "Anne Le Gall", "Centre Y"],
    }.items():
        await browser.open(f"/{path}")
        assert [each for each in words if each not in browser.page] == []
    for contact in ("acces@exemple.fr", "https://exemple.fr/contact"):
        monkeypatch.setattr(served.services, "settings", replace(served.services.settings, contact=contact))
        await browser.open("/accessibilite")
        assert f'{contact}"' in browser.page


def test_every_sentence_is_said_somewhere_and_every_name_has_one() -> None:
    texts = [file.read_text("utf-8") for file in TEMPLATES.parent.rglob("*.py")]
    named = re.findall(r"\bSAID\[([^\]]+)\]", "".join(texts))
    assert {name for each in named for name in re.findall(r'"(\w+)"', each)} == SAID.keys()
