"""Every page leads to the accessibility statement, which says what was tried and whom to tell of an obstacle."""

from dataclasses import replace

import pytest

from tests.api.desk.steps import Browser, heading
from tests.api.sync.factories import Client


async def test_every_page_leads_to_the_statement_also_without_a_session(browser: Browser) -> None:
    await browser.open("/connexion")
    assert '"./accessibilite"' in browser.page
    await browser.open("/accessibilite")
    assert heading(browser.page) == "Accessibilité"
    assert "partiellement conformes" in browser.page
    await browser.sign_in()
    assert '"./accessibilite"' in browser.page


@pytest.mark.parametrize("contact", ["acces@exemple.fr", "https://exemple.fr/contact"])
async def test_the_statement_says_whom_to_write_to(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, contact: str
) -> None:
    await browser.open("/accessibilite")
    assert "n’a pas encore donné d’adresse" in browser.page
    monkeypatch.setattr(served.services, "settings", replace(served.services.settings, contact=contact))
    await browser.open("/accessibilite")
    assert f'{contact}"' in browser.page
