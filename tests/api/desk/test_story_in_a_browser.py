"""A hospital's waste, from a blank form to the report, by two people of the hospital; somebody else sees nothing of it.

Pictures of the pages are left in `build/pictures`, to be looked at.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.api.desk import pictures
from tests.api.desk.record.test_record_in_a_browser import award, go
from tests.api.desk.talk.test_talking_in_a_browser import (
    answer_as_supplier,
    confirm_the_letters,
    press,
    publish_its_question,
    type_into,
    write_to_all,
)
from tests.api.exchanges.test_reply_page import assert_fits, text_of, waiting
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client, put_record
from tests.browser import browsing, installed, on_a_socket

RENNES = {"lat": 48.1173, "lon": -1.6778}
COMPOST, PAPER, BOTH = "Compost d'Ille", "Papiers solidaires", "Tri de Rance"
COLLECTORS = {COMPOST: ["de-bio"], PAPER: ["de-5flux"], BOTH: ["de-bio", "de-5flux"]}
"""The suppliers, and the trades that they declare."""


@pytest.mark.parametrize(("width", "scripts"), [(320, False), (1280, True)], ids=["phone-without-scripts", "desktop"])
async def test_a_hospital_finds_who_takes_its_waste(
    served: Client, source: str, tmp_path: Path, width: int, scripts: bool
) -> None:
    installed()
    for name, segments in COLLECTORS.items():
        of_record = {"location": RENNES, "address": {"commune": "35238"}, "offers": [{"segments": segments}]}
        stored = await put_record(served, source, name, name=f"{name} {source}", **of_record)
        await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    anne = await member(served, "match", "needs", organisation=f"CHU {source}")
    paul = await member(served, "match", "needs", organisation=f"CHU {source}")
    stranger = await member(served, "match", "needs")
    async with on_a_socket(served.app) as base:
        await asyncio.to_thread(Story(base, source, tmp_path, width, scripts=scripts).tell, anne, paul, stranger)
    (need,) = (await paul.get("/needs")).json()["items"]
    (award_of_lot,) = (await anne.get(f"/needs/{need['id']}/awards")).json()["items"]
    assert award_of_lot["value_eur"] == 58_400


class Story:
    """The same story on a screen so wide, with scripts or without. `source`: makes the suppliers' names unique."""

    def __init__(self, base: str, source: str, folder: Path, width: int, *, scripts: bool) -> None:
        self.base, self.source, self.folder, self.width, self.scripts = base, source, folder, width, scripts

    def tell(self, anne: Member, paul: Member, stranger: Member) -> None:
        with self.signed_in(anne) as window:
            self.say_the_need(window)
            path = urlsplit(window.current_url).path
        with self.signed_in(paul) as window:
            self.decide(window)
            link = write_to_all(window, self.base + path, self.named(BOTH))
            self.picture(window, "letters")
            confirm_the_letters(window, self.base + path)
            answer_as_supplier(window, self.base + link)
            self.picture(window, "reply")
        with self.signed_in(anne) as window:
            publish_its_question(window, self.base + path, self.named(BOTH))
            self.picture(window, "exchanges")
            self.meet(window, path)
            self.conclude(window, path)
        with self.signed_in(stranger) as window:
            window.get(f"{self.base}/besoins")
            assert self.source not in window.page_source
            window.get(self.base + path)
            assert "déchets" not in text_of(window, "main")

    def named(self, supplier: str) -> str:
        return f"{supplier} {self.source}"

    @contextmanager
    def signed_in(self, somebody: Member) -> Iterator[Chrome]:
        with browsing(Path(mkdtemp(dir=self.folder)), self.width, scripts=self.scripts) as window:
            window.get(f"{self.base}/connexion")
            type_into(window, "cle", somebody.headers["Authorization"].removeprefix("Bearer "))
            press(window, "main button[type=submit]")
            yield window

    def picture(self, window: Chrome, name: str) -> None:
        """Leave a picture of the whole page, that nobody compares."""
        assert_fits(window)
        pictures.take(window, f"story-{name}-at-{self.width}{'' if self.scripts else '-without-scripts'}")

    def say_the_need(self, window: Chrome) -> None:
        """From the blank form: two lots in words, of which each finds two suppliers."""
        self.picture(window, "form")
        type_into(window, "titre", "Gestion des déchets du centre hospitalier")
        type_into(window, "lieu", "Rennes")
        type_into(window, "lot-1-objet", "collecte et compostage des biodéchets des cuisines")
        press(window, "button[value=ajouter]")
        type_into(window, "lot-2-objet", "collecte et recyclage des papiers et cartons")
        press(window, "button[formaction$='besoin/resultat']")
        for lot, expected in (("1", COMPOST), ("2", PAPER)):
            rows = text_of(window, f"[aria-labelledby='lot-{lot}'] table")
            assert self.named(expected) in rows
            assert self.named(BOTH) in rows
        self.picture(window, "answer")
        press(window, "[formaction$=besoins]")
        assert "déchets" in text_of(window, "main")
        self.picture(window, "need")

    def decide(self, window: Chrome) -> None:
        """A colleague finds the need, and keeps all that it found."""
        window.get(f"{self.base}/besoins")
        self.picture(window, "needs")
        press(window, ".needs a")
        go(window, "decisions")
        for box in window.find_elements(By.NAME, "fournisseur"):
            box.send_keys(Keys.SPACE)
        window.find_element(By.CSS_SELECTOR, "[name=decision][value=kept]").send_keys(Keys.SPACE)
        window.find_element(By.NAME, "motif").send_keys("Collecte près de l'hôpital")
        press(window, ".decide button[type=submit]")
        assert window.find_elements(By.CSS_SELECTOR, ".decision.kept")
        self.picture(window, "decisions")

    def meet(self, window: Chrome, path: str) -> None:
        """A half-day by the usual programme, to which all are invited."""
        window.get(f"{self.base}{path}/rencontres")
        press(window, "a.button")
        for box in window.find_elements(By.NAME, "fournisseur"):
            if not box.is_selected():
                box.send_keys(Keys.SPACE)
        french = window.execute_script("return navigator.language").startswith("fr")
        type_into(window, "jour", "16032027" if french else "03162027")
        press(window, ".actions [name=faire]")
        self.picture(window, "meeting")
        window.get(f"{self.base}{path}/egalite")
        self.picture(window, "equal-treatment")
        assert not window.find_elements(By.CSS_SELECTOR, ".gaps")

    def conclude(self, window: Chrome, path: str) -> None:
        """The award, and the report with all that was said."""
        window.get(self.base + path)
        award(window)
        self.picture(window, "awards")
        go(window, "rapport")
        window.find_element(By.CSS_SELECTOR, ".reports .go").send_keys(Keys.ENTER)
        waiting(window).until(lambda page: page.find_elements(By.TAG_NAME, "iframe"))
        self.picture(window, "report")
        window.switch_to.frame(window.find_element(By.TAG_NAME, "iframe"))
        waiting(window).until(lambda page: page.find_elements(By.TAG_NAME, "h1"))
        report = plain(text_of(window, "main"))
        for words in ("Collecte près de l'hôpital", "Les bacs sont-ils fournis", "Oui, sur place."):
            assert words in report
        assert re.search("58[ ,]400", report)


def plain(text: str) -> str:
    """A text with plain apostrophes and spaces."""
    return " ".join(text.replace("’", "'").split())
