"""The pages of exchanges: written to all or some, read, answered, published; what the API says of the same exchange."""

import asyncio
import re
from html import unescape
from io import BytesIO
from urllib.parse import urlencode

from pypdf import PdfReader

from tests.api.desk.steps import FORM, TWO, WORDS, Browser, Desk, DeskWith, heading, said
from tests.api.sync.factories import Client


async def test_what_is_said_by_telephone_is_noted_after_it_and_nothing_is_sent(desk: Desk, browser: Browser) -> None:
    """The page says so before: who is noted counts as reached from that day on."""
    await desk.open("echanges/nouveau")
    await desk.send("echanges/nouveau", faire="relire", moyen="phone", **WORDS)
    page = said(browser.page)
    assert "Ce message consigne vos propos du jour (téléphone). Vivier n'envoie rien" in page
    assert "noté comme joint ce jour" in page
    assert not any(each in page for each in ("Bonjour", "lettre à", "les lettres", "par courriel"))
    await desk.send("echanges/nouveau", faire="envoyer")
    assert "L'échange est noté." in said(browser.page)
    assert "Vivier écrit" not in said(browser.page).partition("<h2")[0]
    assert said(browser.page).count("Joint par téléphone le") == len(TWO)
    exchange = f"echanges/{(await desk.exchange())['id']}"
    await desk.send(exchange, faire="relire", texte="Et le samedi ?")
    assert "noté comme joint ce jour" in said(browser.page)


async def test_a_message_goes_to_the_whole_list_once_after_it_was_read_again(
    desk: Desk, browser: Browser, served: Client
) -> None:
    """However often its button is pressed, at once or later, the same letters are shown, to that session alone.

    On paper each is a page, with the name in its window and its own link.
    """
    await desk.open("echanges/nouveau")
    words = WORDS | {"texte": "Comme dans https://mairie.example/replies/1 : deux passages ?"}
    await desk.send("echanges/nouveau", faire="relire", **words)
    assert unescape(heading(browser.page)) == "Relire avant d’envoyer"
    assert all(name in unescape(browser.page) for name in TWO)
    assert (await desk.buyer.get(f"/{desk.api}/exchanges")).json()["items"] == []
    preview, fields = browser.page, browser.fields(f"{desk.path}/echanges/nouveau") | {"faire": ["envoyer"]}
    content, path = urlencode(fields, doseq=True), f"/{desk.path}/echanges/nouveau"
    answers = await asyncio.gather(*(browser.post(path, content=content, headers=FORM) for _ in range(3)))
    assert {each.status_code for each in answers} == {303}
    (location,) = {each.headers["location"] for each in answers}
    letters = str((await browser.open(str(answers[0].url.join(location)))).url)
    first = desk.links()
    assert set(first) == set(TWO)
    paper = await browser.get(f"{letters}&papier=oui")
    pages = ["".join(page.extract_text().split()) for page in PdfReader(BytesIO(paper.content)).pages]
    assert [each[-43:] in text for (_, each), text in zip(sorted(first.items()), pages, strict=True)] == [True, True]
    assert all(name.replace(" ", "") in text for name, text in zip(sorted(TWO), pages, strict=True))
    browser.page = preview
    await desk.send("echanges/nouveau", faire="envoyer")
    assert desk.links() == first
    assert len((await desk.buyer.get(f"/{desk.api}/exchanges")).json()["items"]) == 1
    exchange = await desk.exchange()
    assert {each["supplier_id"] for each in exchange["recipients"]} == set(desk.suppliers.values())
    assert (exchange["subject"], exchange["messages"][0]["body"]) == (words["objet"], words["texte"])
    async with Browser(served.app) as other:
        await other.be_signed_in(desk.key)
        for path in (letters, f"{letters}&papier=oui"):
            assert (await other.open(path)).status_code == 200
            assert "/replies/" not in other.page


async def test_some_are_chosen_and_what_is_missing_or_too_long_is_said_and_kept(desk: Desk, browser: Browser) -> None:
    """The form then names the exchange that is open: somebody may mean to go on with that one."""
    await desk.open("echanges/nouveau")
    assert "déjà ouverts" not in said(browser.page)
    refused = await desk.send("echanges/nouveau", faire="relire", a="choisis", objet="", texte="")
    assert refused.status_code == 422
    assert browser.page.count('class="mistake"') == 3
    some = {"faire": "relire", "a": "choisis", "fournisseur": desk.suppliers[TWO[0]]}
    long = "mot " * 5_001
    for objet, texte, wrong in (("objet " * 80, "Bonjour", "objet"), ("Court", long, "texte")):
        refused = await desk.send("echanges/nouveau", some, objet=objet, texte=texte)
        assert (refused.status_code, f'id="{wrong}-erreur"' in browser.page) == (422, True)
    assert browser.fields(f"{desk.path}/echanges/nouveau")["texte"] == [long.strip()]
    await desk.send("echanges/nouveau", some, **WORDS)
    await desk.send("echanges/nouveau", faire="envoyer")
    exchange = await desk.exchange()
    assert [each["name"] for each in exchange["recipients"]] == [TWO[0]]
    await desk.open("echanges/nouveau")
    assert "Des échanges sont déjà ouverts sur ce besoin" in said(browser.page)
    assert f"echanges/{exchange['id']}#ecrire" in browser.page


async def test_a_template_keeps_what_was_written(desk_with: DeskWith, browser: Browser) -> None:
    desk = await desk_with(title="Entretien du parc")
    await desk.open("echanges/nouveau")
    await desk.send("echanges/nouveau", faire="modele", modele="contact", texte="Bonjour aux jardins.")
    (text,) = browser.fields(f"{desk.path}/echanges/nouveau")["texte"]
    assert text.startswith("Bonjour aux jardins.\n\nNous préparons")
    await desk.send("echanges/nouveau", faire="modele", modele="invitation", texte="")
    assert "[date]" in browser.page
    for act in ("relire", "envoyer"):
        refused = await desk.send("echanges/nouveau", faire=act, a="liste")
        assert refused.status_code == 422
        assert "Il reste à remplir : [date]" in said(browser.page)
    assert (await desk.buyer.get(f"/{desk.api}/exchanges")).json()["items"] == []
    await desk.send("echanges/nouveau", faire="relire", a="liste", objet="Invitation", texte="Venez le 3 mars.")
    assert "aucun fournisseur" in browser.page


async def test_a_question_is_answered_to_all_without_its_author(desk: Desk, browser: Browser) -> None:
    await desk.write()
    links = desk.links()
    asked = f"Ici {TWO[0]} : les bacs sont-ils fournis ?"
    await desk.reply(links[TWO[0]], body=asked, stance="question")
    exchange = await desk.exchange()
    page, question = f"echanges/{exchange['id']}", exchange["messages"][-1]["id"]
    await desk.open(page)
    (suggested,) = browser.fields(f"{desk.path}/{page}")[f"question-{question}"]
    assert suggested == "Ici […] : les bacs sont-ils fournis ?"
    refused = await desk.send(page, {"faire": f"publier-{question}", f"reponse-{question}": f"Oui, {TWO[0]}."})
    assert refused.status_code == 422
    assert f'id="reponse-{question}-erreur"' in browser.page
    await desk.send(page, {"faire": f"publier-{question}", f"reponse-{question}": "Oui, sur place."})
    published = (await desk.exchange())["messages"][-1]
    assert (published["publishes"], published["body"]) == (question, "Oui, sur place.")
    assert TWO[0] not in published["question"]


async def test_a_question_is_answered_to_its_author_alone(desk: Desk, browser: Browser) -> None:
    """By the button that says so: another message to who asked leaves the question open, on the page as in the API."""
    await desk.write()
    await desk.reply(desk.links()[TWO[0]], body="Quel volume ?", stance="question")
    exchange = await desk.exchange()
    page, asked = f"echanges/{exchange['id']}", exchange["messages"][-1]["id"]
    await desk.open(page)
    assert f"?repond={asked}&amp;a={desk.suppliers[TWO[0]]}#ecrire" in browser.page
    await desk.send(page, faire="message", a=desk.suppliers[TWO[0]], texte="La visite est déplacée.")
    await desk.open("echanges")
    assert "Questions sans réponse (1)" in browser.page
    await desk.open(f"{page}?repond={asked}&a={desk.suppliers[TWO[0]]}")
    assert browser.fields(f"{desk.path}/{page}")["repond"] == [asked]
    refused = await desk.send(page, faire="relire", texte="")
    assert (refused.status_code, "Quel volume ?" in browser.page) == (422, True)
    await desk.send(page, faire="relire", texte="Dix tonnes.")
    await desk.send(page, faire="message")
    assert (await desk.exchange())["messages"][-1]["answers"] == [asked]
    await desk.open("echanges")
    assert "Questions sans réponse" not in browser.page
    matrix = (await desk.buyer.get(f"/{desk.api}/equal-treatment")).json()
    assert {each["code"] for each in matrix["gaps"]} == {"not_yet_delivered", "missed_information", "answer_not_shared"}


async def test_an_answer_by_telephone_is_noted(desk: Desk, browser: Browser) -> None:
    page = await desk.open_written()
    refused = await desk.send(page, faire="reponse", dit="Trop loin", frein=["distance", "other"])
    assert refused.status_code == 422
    assert "Trop loin" in browser.page
    who = desk.suppliers[TWO[1]]
    await desk.send(
        page,
        faire="reponse",
        de=who,
        dit="Trop loin",
        position="declined",
        frein=["distance"],
        precision="Le pont",
        recu="in_person",
    )
    noted = (await desk.exchange())["messages"][-1]
    assert (noted["author"], noted["supplier_id"], noted["stance"]) == ("supplier", who, "declined")
    assert (noted["channel"], noted["barriers"]) == ("in_person", ["distance", "other"])
    assert noted["barriers_note"] == "Le pont"
    await desk.open(f"{page}?rectifie={noted['id']}&de={who}")
    assert browser.fields(f"{desk.path}/{page}")["dit"] == ["Trop loin"]
    await desk.send(page, faire="reponse", de=who, dit="Pas si loin", recu="phone")
    assert (await desk.exchange())["messages"][-1]["corrects"] == noted["id"]


async def test_a_message_is_added_corrected_and_its_letter_shown(desk: Desk, browser: Browser) -> None:
    page = await desk.open_written()
    assert (await desk.send(page, faire="relire", texte="")).status_code == 422
    for act in ("relire", "message"):
        refused = await desk.send(page, faire=act, texte="Le parc fait [surface].", moyen="letter")
        assert refused.status_code == 422
        assert "Il reste à remplir : [surface]" in said(browser.page)
        assert browser.fields(f"{desk.path}/{page}")["texte"] == ["Le parc fait [surface]."]
    await desk.send(page, faire="relire", texte="Le parc fait 3 ha.", moyen="letter")
    assert "2 destinataires" in said(browser.page)
    await desk.send(page, faire="modifier")
    assert browser.fields(f"{desk.path}/{page}")["texte"] == ["Le parc fait 3 ha."]
    await desk.send(page, faire="message", texte="Le parc fait 3 ha.", moyen="letter")
    wrong = (await desk.exchange())["messages"][-1]["id"]
    await desk.open(f"{page}?corrige={wrong}")
    assert browser.fields(f"{desk.path}/{page}")["texte"] == ["Le parc fait 3 ha."]
    await desk.send(page, faire="message", texte="Le parc fait 4 ha.", moyen="letter")
    assert (await desk.exchange())["messages"][-1]["corrects"] == wrong
    await desk.open(f"{page}/messages/{wrong}")
    assert "Le parc fait 3 ha." in browser.page


async def test_after_publication_all_is_read_and_nothing_written(desk_with: DeskWith, browser: Browser) -> None:
    desk = await desk_with(TWO[0])
    page = await desk.open_written()
    open_page = browser.page
    await desk.buyer.patch(f"/{desk.api}", {"status": "abandoned"})
    assert (await desk.open("echanges/nouveau")).status_code == 409
    assert (await desk.open(page)).status_code == 200
    assert "textarea" not in browser.page
    browser.page = open_page
    refused = await desk.send(page, faire="message", texte="Encore un mot")
    assert refused.status_code == 409
    assert "Encore un mot" in browser.page
    assert ("Abandonné" in browser.page, "abandoned" in browser.page) == (True, False)


async def test_a_supplier_beside_the_list_is_looked_up_by_keys_that_read_the_directory(
    desk_with: DeskWith, browser: Browser, source: str
) -> None:
    desk = await desk_with(TWO[0])
    far = await desk.buyer.supplier(source, "far", name=f"Lointain {source}", location={"lat": 47.2, "lon": -1.55})
    await desk.open(f"echanges/nouveau?cherche={source}")
    assert far not in browser.page
    await browser.be_signed_in(await desk.another_key("needs", "read"))
    await desk.open("echanges/nouveau")
    await desk.send("echanges/nouveau", faire="chercher", cherche=f"lointain {source}", texte="Bonjour")
    assert browser.fields(f"{desk.path}/echanges/nouveau")["texte"] == ["Bonjour"]
    assert f'value="{far}"' in browser.page
    await desk.send("echanges/nouveau", faire="relire", a="choisis", fournisseur=far, **WORDS)
    await desk.send("echanges/nouveau", faire="envoyer")
    assert [each["supplier_id"] for each in (await desk.exchange())["recipients"]] == [far]
    await desk.open("rencontres/nouvelle")
    await desk.send("rencontres/nouvelle", faire="chercher", cherche=f"lointain {source}", lieu="Mairie")
    assert f'value="{far}"' in browser.page
    assert browser.fields(f"{desk.path}/rencontres/nouvelle")["lieu"] == ["Mairie"]


async def test_the_next_step_is_to_read_and_answer_and_the_journal_tells_both(desk: Desk, browser: Browser) -> None:
    """The list of needs says it, and one click leads to it; what was read once is no longer new."""
    await desk.write()
    await desk.reply(desk.links()[TWO[0]], body="Quel volume ?", stance="question")
    await browser.open("/besoins")
    assert "Une réponse d'un fournisseur reste à lire" in said(browser.page)
    assert f'href="./{desk.path}/echanges#a-lire"' in browser.page
    await desk.open("echanges")
    assert ("À lire (1)" in browser.page, "Quel volume ?" in browser.page) == (True, True)
    exchange = f"echanges/{(await desk.exchange())['id']}"
    for new in (1, 0):
        await desk.open(exchange)
        assert browser.page.count("Nouveau</strong>") == new
    await desk.open("echanges")
    assert "À lire" not in browser.page
    await browser.open(f"/{desk.path}")
    assert "Une question d'un fournisseur attend votre réponse" in said(browser.page)
    assert "/echanges#questions" in browser.page
    await desk.open("rencontres/nouvelle")
    await desk.send("rencontres/nouvelle", faire="enregistrer", jour="2027-03-16")
    await desk.open("journal")
    deeds = re.findall(r"<span>(.*?) <small>(.*?)</small>", said(browser.page))
    subject = WORDS["objet"]
    assert [words for words, _ in deeds[2:]] == [
        f"Échange ouvert : « {subject} »",
        "Sourcing commencé",
        f"Réponse reçue : « {subject} », {TWO[0]}",
        f"Réponses lues : « {subject} »",
        "Rencontre enregistrée : « Demi-journée acheteurs et structures de l'ESS »",
    ]
    assert deeds[4][1] == "le fournisseur, par son lien"


async def test_letters_are_prepared_again_and_links_given_anew_and_taken_away(
    desk_with: DeskWith, browser: Browser
) -> None:
    """For those who have not answered; the links that they had go on working, until they are taken away."""
    desk = await desk_with(*TWO, "Bocage en fleurs")
    await desk.write()
    first, who = desk.links(), desk.suppliers[TWO[0]]
    assert "la remise reste à confirmer : 3" in said((await browser.open(f"/{desk.path}/egalite")).text)
    await desk.reply(first[TWO[0]], body="Oui", stance="interested")
    page = f"echanges/{(await desk.exchange())['id']}"
    await desk.open(page)
    assert "Préparer à nouveau les lettres (2)" in said(browser.page)
    await desk.send(page, faire="lettres")
    again = desk.links()
    assert set(again) == {TWO[1], "Bocage en fleurs"}
    assert not {*again.values()} & {*first.values()}
    bodies = ["Par le nouveau lien", "Par le premier lien"]
    for body, links in zip(bodies, (again, first), strict=True):
        await desk.reply(links[TWO[1]], body=body)
    assert [each["body"] for each in (await desk.exchange())["messages"][-2:]] == bodies
    await desk.open(page)
    await desk.send(page, faire=f"lien-{who}")
    new = desk.links()[TWO[0]]
    assert new != first[TWO[0]]
    await desk.open(page)
    await desk.send(page, faire=f"retirer-{who}")
    assert (await desk.buyer.client.get(new)).status_code == 404


async def test_what_is_lacking_is_said_before_exchanges_end_and_whom_the_list_does_not_show(
    desk_with: DeskWith, browser: Browser
) -> None:
    desk = await desk_with(*TWO, limit=1)
    for part in ("echanges/nouveau", "egalite"):
        await desk.open(part)
        assert "la liste contient 1 des 2 fournisseurs repérés" in said(browser.page)
    desk = await desk_with(*TWO)
    await desk.buyer.patch(f"/{desk.api}", {"status": "sourcing"})
    await desk.open("etat?vers=published")
    assert "écart" not in said(browser.page)
    page = await desk.open_written(a="choisis", fournisseur=desk.suppliers[TWO[0]])
    await desk.send(page, faire="relire", texte="Dix tonnes.")
    assert "Ajouter à l'échange et préparer la lettre" in said(browser.page)
    await desk.open("etat?vers=published")
    assert "Un écart d'égalité de traitement reste ouvert" in said(browser.page)


async def test_a_letter_is_posted_by_its_button(desk: Desk, browser: Browser) -> None:
    """For those who are ticked, from the day that is given; a day that cannot be is said at its field."""
    await desk.write()
    exchange = await desk.exchange()
    page, first = f"echanges/{exchange['id']}", exchange["messages"][0]["id"]
    await desk.open(page)
    waiting = "Lettre à envoyer par vos soins, envoi à confirmer"
    assert said(browser.page).count(waiting) == 3  # the message, and both recipients
    button, to, day = f"remis-{first}", f"pour-{first}", f"jour-{first}"
    nobody = await desk.send(page, {"faire": button, "voie": "letter"})
    assert (nobody.status_code, "Cochez les destinataires du message" in said(browser.page)) == (422, True)
    chosen = desk.suppliers[TWO[0]]
    late = await desk.send(page, {"faire": button, "voie": "letter", to: [chosen], day: "2999-01-01"})
    assert (late.status_code, "pas encore venu" in said(browser.page)) == (422, True)
    await desk.send(page, {"faire": button, "voie": "letter", to: [chosen], day: ""})
    assert "L'envoi est confirmé" in said(browser.page)
    states = {each["supplier_id"]: each["state"] for each in (await desk.exchange())["recipients"]}
    assert states == {chosen: "posted", desk.suppliers[TWO[1]]: "to_post"}
    assert "Confirmer un envoi (1)" in said(browser.page)
    matrix = (await desk.buyer.get(f"/{desk.api}/equal-treatment")).json()
    assert {each["name"]: each["contacted"] for each in matrix["suppliers"]} == {TWO[0]: True, TWO[1]: False}
    await desk.open("journal")
    assert "Envoi confirmé à un destinataire" in said(browser.page)
