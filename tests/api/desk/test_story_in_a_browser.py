"""A hospital's waste, from a blank form to the report, by two people of the hospital.

By the keyboard: one of them on a small screen without scripts, the other on a large one with scripts.
"""

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.api.desk.steps import key_of, put_all
from tests.api.desk.window import Windows, appears, arrive, hit, press, refused, sign_in, text_of, type_into, waiting
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client

TOWN: dict[str, Any] = {"location": {"lat": 42.6886, "lon": 2.8948}, "address": {"commune": "66136"}}
"""Perpignan, where no other test has suppliers of these trades."""
COMPOST, PAPER, BOTH = "Compost d'Ille", "Papiers solidaires", "Tri de Rance"
COLLECTORS = {COMPOST: ["de-bio"], PAPER: ["de-5flux"], BOTH: ["de-bio", "de-5flux"]}
"""The suppliers, and the trades that they declare."""


async def test_a_hospital_finds_who_takes_its_waste(
    served: Client, source: str, address: str, windows: Windows
) -> None:
    offers = {name: [{"segments": segments}] for name, segments in COLLECTORS.items()}
    await put_all(served, source, *({"name": f"{name} {source}", "offers": of, **TOWN} for name, of in offers.items()))
    anne, paul = [await member(served, "match", "needs", organisation=f"CHU {source}") for _ in range(2)]
    await asyncio.to_thread(Story(windows, address, source).tell, anne, paul)
    (need,) = (await paul.get("/needs")).json()["items"]
    (award,) = (await anne.get(f"/needs/{need['id']}/awards")).json()["items"]
    assert award["value_eur"] == 58_400
    (meeting,) = (await anne.get(f"/meetings?need={need['id']}")).json()["items"]
    assert {each["organisation"] for each in meeting["participants"]} == {f"{name} {source}" for name in COLLECTORS}
    assert (await anne.get(f"/needs/{need['id']}/equal-treatment")).json()["gaps"] == []


class Story:
    """Anne is on a telephone without scripts, Paul at a large screen. `source`: makes the suppliers' names unique."""

    def __init__(self, windows: Windows, address: str, source: str) -> None:
        self.windows, self.address, self.source = windows, address, source
        self.window = windows.open()

    def tell(self, anne: Member, paul: Member) -> None:
        self.enter(anne, by_phone=True)
        self.say_the_need()
        need = self.window.current_url.partition("?")[0]
        self.enter(paul)
        self.decide()
        link = self.write_to_all(need)
        self.enter(anne, by_phone=True)
        self.confirm_the_letters(need)
        self.answer_as_supplier(self.address + link)
        self.publish_its_question(need)
        self.tell_one_then_the_others(need)
        self.enter(paul)
        self.meet(need)
        self.conclude(need)
        press(self.window, ".leave button")
        appears(self.window, "#cle")
        assert refused(self.window) == []

    def enter(self, somebody: Member, *, by_phone: bool = False) -> None:
        assert refused(self.window) == []
        self.window = self.windows.open(320, scripts=False) if by_phone else self.windows.open()
        sign_in(self.window, f"{self.address}/connexion", key_of(somebody))

    def named(self, supplier: str) -> str:
        return f"{supplier} {self.source}"

    def press(self, selector: str) -> None:
        press(self.window, selector)

    def go(self, part: str) -> None:
        """Follow the link to a part of the need."""
        self.press(f".parts a[href$='/{part}']")

    def say_the_need(self) -> None:
        """From the blank form, searched too early: two lots in words, of which each finds two suppliers."""
        type_into(self.window, "titre", "Gestion des déchets du centre hospitalier")
        type_into(self.window, "lot-1-objet", "collecte et compostage des biodéchets des cuisines")
        self.press("button[value=ajouter]")
        type_into(self.window, "lot-2-objet", "collecte et recyclage des papiers et cartons")
        self.press("button[formaction$='besoin/resultat']")
        hit(self.window, ".wrong a")
        appears(self.window, "#lieu:focus").send_keys("Perpignan")
        self.press("button[formaction$='besoin/resultat']")
        for lot, expected in (("1", COMPOST), ("2", PAPER)):
            rows = text_of(self.window, f"[aria-labelledby='lot-{lot}'] table")
            assert self.named(expected) in rows
            assert self.named(BOTH) in rows
        for variant in ("iae", "none"):  # with scripts, the page stays: see test_forms_in_a_browser
            self.press(f"#choix-1-{variant}")
            assert self.window.find_elements(By.CSS_SELECTOR, f"#choix-1-{variant}[aria-pressed=true]")
        self.press("[formaction$=besoins]")
        assert "déchets" in text_of(self.window, "main")

    def decide(self) -> None:
        """A colleague finds the need, freezes it again and keeps all that it found: without a reason, then with one."""
        self.window.get(f"{self.address}/besoins")
        self.press(".needs a")
        self.go("versions")
        self.press("main form button")
        arrive(self.window, "/versions/2")
        self.go("decisions")
        boxes = self.window.find_elements(By.NAME, "fournisseur")
        for expected in (True, False):
            hit(self.window, "[data-tick-all] button")
            of_lot = self.window.find_elements(By.CSS_SELECTOR, ".answer:first-of-type [name=fournisseur]")
            assert {box.is_selected() for box in of_lot} == {expected}
        for box in boxes:
            box.send_keys(Keys.SPACE)
        self.window.find_element(By.CSS_SELECTOR, "[name=decision][value=kept]").send_keys(Keys.SPACE)
        self.press(".decide button[type=submit]")
        hit(self.window, ".wrong a")
        appears(self.window, "textarea:focus").send_keys("Collecte près de l'hôpital")
        self.press(".decide button[type=submit]")
        assert self.window.find_elements(By.CSS_SELECTOR, ".decision.kept")

    def write_to_all(self, need: str) -> str:
        """Write to the whole list by a template; the path of the link that one of them gets."""
        self.window.get(f"{need}/echanges")
        self.press("a.button")
        self.window.find_element(By.CSS_SELECTOR, "#modele [value=contact]").click()
        self.press("[name=faire][value=modele]")
        self.press(".actions [name=faire]")
        self.press("[name=faire][value=envoyer]")
        sheets = self.window.find_elements(By.CSS_SELECTOR, ".sheet")
        (letter,) = (each for each in sheets if self.named(BOTH) in each.text)
        letter.find_element(By.TAG_NAME, "summary").click()
        found = re.search(r"/replies/[\w-]+", letter.find_element(By.CSS_SELECTOR, ".letter").text)
        assert found
        return found[0]

    def confirm_the_letters(self, need: str) -> None:
        """All letters were posted today."""
        self.window.get(f"{need}/echanges")
        self.press("section[aria-labelledby=tous] a")
        self.window.find_element(By.CSS_SELECTOR, ".exchange summary").click()
        for each in self.window.find_elements(By.CSS_SELECTOR, "fieldset[id^=pour-] input"):
            each.click()
        self.press("button[value^=remis-]")
        assert text_of(self.window, ".done")
        assert not self.window.find_elements(By.CSS_SELECTOR, "fieldset[id^=pour-]")

    def answer_as_supplier(self, link: str) -> None:
        self.window.get(link)
        self.window.find_element(By.CSS_SELECTOR, "[name=stance][value=question]").send_keys(Keys.SPACE)
        type_into(self.window, "body", "Les bacs sont-ils fournis ?")
        self.press("button[type=submit]")

    def publish_its_question(self, need: str) -> None:
        self.window.get(f"{need}/echanges")
        assert self.named(BOTH) in text_of(self.window, "section[aria-labelledby=a-lire]")
        self.press("section[aria-labelledby=questions] a")
        self.window.find_element(By.CSS_SELECTOR, ".exchange .supplier summary").click()
        (answer,) = self.window.find_elements(By.CSS_SELECTOR, "textarea[name^=reponse-]")
        answer.send_keys("Oui, sur place.")
        self.press("button[value^=publier-]")
        assert "Oui, sur place." in text_of(self.window, ".exchange li:last-child")

    def tell_one_then_the_others(self, need: str) -> None:
        """What one was told alone is a gap of the others, which a button closes."""
        Select(self.window.find_element(By.ID, "a")).select_by_visible_text(self.named(BOTH))
        type_into(self.window, "texte", "Le site produit 40 tonnes par an.")
        self.press("[name=faire][value=relire]")
        assert self.named(BOTH) in text_of(self.window, "table")
        self.press("[name=faire][value=message]")
        self.window.get(f"{need}/egalite")
        self.press(".gaps button")
        assert self.named(PAPER) in text_of(self.window, "fieldset")
        self.press("[name=faire][value=envoyer]")
        assert not self.window.find_elements(By.CSS_SELECTOR, ".gaps")

    def meet(self, need: str) -> None:
        """A half-day to which one is invited; the gap leads to the form in which the others are ticked."""
        self.window.get(f"{need}/rencontres")
        self.press("a.button")
        self.window.find_element(By.CSS_SELECTOR, f'label[data-name="{self.named(BOTH)}"] input').click()
        hours = [each.text for each in self.window.find_elements(By.CLASS_NAME, "hours")]
        assert hours[:3] == ["09:00 – 10:15", "10:15 – 10:30", "10:30 – 12:00"]
        self.press(".actions [name=faire]")
        assert "date" in text_of(self.window, ".wrong")
        french = self.window.execute_script("return navigator.language").startswith("fr")
        type_into(self.window, "jour", "16032027" if french else "03162027")
        self.press(".actions [name=faire]")
        assert "1 " in text_of(self.window, "dl")
        assert self.window.find_elements(By.CSS_SELECTOR, "a.button[href$='/agenda.ics']")
        self.window.get(f"{need}/egalite")
        self.press(".gaps button")
        assert len(self.window.find_elements(By.CSS_SELECTOR, "[name=fournisseur]:checked")) == 2
        self.press(".actions [name=faire]")
        self.window.get(f"{need}/egalite")
        assert not self.window.find_elements(By.CSS_SELECTOR, ".gaps")

    def report(self) -> str:
        return " ".join(text_of(self.window, "main").replace("’", "'").split())

    def conclude(self, need: str) -> None:
        """The award, and the report with all that was said."""
        self.window.get(need)
        self.go("attributions")
        self.window.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
        Select(self.window.find_element(By.ID, "lot-1-titulaire")).select_by_index(1)
        type_into(self.window, "lot-1-montant", "58 400", Keys.ENTER)
        arrive(self.window, "fait=note")
        self.go("rapport")
        hit(self.window, ".reports .go")
        frame = appears(self.window, "iframe")
        self.window.switch_to.frame(frame)
        told = ("Collecte près de l'hôpital", "Les bacs sont-ils fournis", "Oui, sur place.", "58[ ,]400")
        waiting(self.window).until(lambda _: all(re.search(each, self.report()) for each in told))
        self.window.switch_to.default_content()
        assert urlsplit(self.window.current_url).path.endswith("/rapport")
