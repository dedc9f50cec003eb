"""A letter says who asks, for what, what was said, and where to answer until when.

Suppliers read the name of the purchase, never how much, how long or for whom, unless the buyer tells it.
"""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidContent
from domain.exchanges.letter import (
    LONGEST_NAME,
    Link,
    OutgoingMessage,
    data_sentences,
    letter,
    lot_name,
    purchase_name,
    require_sender,
    sender_name,
    term_sentences,
)
from domain.needs.need import Buyer, Lot, Need, PlannedNeed
from domain.text.bilingual import Text

TOLD = OutgoingMessage(
    buyer="Centre hospitalier de Vannes",
    purchase=Text("Collecte des biodéchets", "Collecte des biodéchets"),
    subject="Volumes et fréquences",
    body="Pourriez-vous passer trois fois par semaine ?\n\nBien à vous",
    is_first=True,
)
LINK = Link("https://vivier.example.org/replies/abc", date(2027, 1, 1))


def text(**changes: object) -> str:
    return letter(msgspec.structs.replace(TOLD, **changes), LINK, "fr", by_server=True).text


def test_the_first_letter_says_all_there_is_to_know() -> None:
    """In the language of the exchange; a purchase without a name is not named by the subject."""
    written = letter(TOLD, LINK, "fr", by_server=True)
    assert written.subject == "Centre hospitalier de Vannes : Volumes et fréquences"
    for said in (
        "Centre hospitalier de Vannes prépare un achat, « Collecte des biodéchets »",
        TOLD.body,
        "\nhttps://vivier.example.org/replies/abc\n",
        "jusqu'au 1er janvier 2027",
        "sans nommer son auteur",
        "Ne répondez pas à ce courriel",
    ):
        assert said in written.text
    english = letter(TOLD, LINK, "en", by_server=True)
    assert english.subject == "Centre hospitalier de Vannes: Volumes et fréquences"
    assert "until 1 January 2027" in english.text
    assert "Bonjour" not in english.text
    nameless = text(purchase=None)
    assert "Centre hospitalier de Vannes prépare un achat et interroge" in nameless
    assert "Volumes et fréquences" not in nameless


@pytest.mark.parametrize("buyer", ["default", " Default ", "", "  "])
def test_what_is_no_name_signs_nothing(buyer: str) -> None:
    need = PlannedNeed(lots=(Lot(id="1", title="Tonte"),))
    with pytest.raises(InvalidContent) as refused:
        require_sender(need, buyer)
    assert refused.value.problems[0].code == "sender_unnamed"
    written = letter(msgspec.structs.replace(TOLD, buyer=buyer), LINK, "fr", by_server=True)
    assert written.subject == "Un acheteur public : Volumes et fréquences"
    assert "default" not in written.text.casefold()


def test_the_buyer_that_the_need_names_signs_for_any_organisation() -> None:
    need = PlannedNeed(lots=(Lot(id="1", title="Tonte"),), buyer=Buyer(name="Ville de Vannes"))
    require_sender(need, "default")
    assert sender_name(need, "Groupement d'achat") == "Ville de Vannes"
    assert sender_name(msgspec.structs.replace(need, buyer=Buyer(name=" default")), "Rennes") == "Rennes"


def test_later_letters_say_what_they_are() -> None:
    assert "vous écrit :" in text(is_first=False)
    assert "rectifie un message" in text(is_first=False, is_correction=True)
    shared = text(is_first=False, question="Quel tonnage ?", body="12 t par an.")
    assert "Question posée par un fournisseur :\nQuel tonnage ?\n\nRéponse de l'acheteur :\n12 t par an." in shared


def test_what_the_buyer_sends_may_be_answered_and_calls_the_old_link_to_mind_without_a_new_one() -> None:
    assert "courriel" not in letter(TOLD, LINK, "fr", by_server=False).text
    written = letter(TOLD, None, "fr", by_server=False).text
    assert "lien reçu avec le premier message" in written
    assert "http" not in written


@pytest.mark.parametrize("subject", ["a\r\nBcc: eve@example.org", "a\u2028b", "a\x85b", "a\0b", "a\tb", "é" * 400])
def test_a_subject_stays_on_one_line(subject: str) -> None:
    told = msgspec.structs.replace(TOLD, subject=subject, buyer="Ville\nde Vannes", purchase=Text("Dé\nchets", ""))
    written = letter(told, LINK, "fr", by_server=True)
    assert (len(written.subject.splitlines()), written.subject.isprintable()) == (1, True)
    assert (len(written.subject) == 200) == written.subject.endswith("é…") == (len(subject) > 200)
    assert "Ville de Vannes prépare un achat, « Dé chets »" in written.text


WORDS = "Entretien des espaces verts de 12 collèges du Finistère, 4 ans, 300 000 €, réservé aux ESAT ?"
OBJECT = "Entretien des espaces verts de 12 collèges du Finistère"
TERMS = ("value", "months", "reserved")


def need(*titles: str | None, **fields: Any) -> Need:
    lots = tuple(Lot(id=str(n), title=title, segments=("ev-entretien",)) for n, title in enumerate(titles, 1))
    return Need(lots=lots, **fields)


def french(*args: Any) -> str | None:
    name = purchase_name(*args)
    return name and name.fr


def test_the_title_names_the_purchase_else_its_lots_do() -> None:
    assert french(need("Tonte", title=WORDS)) == OBJECT
    assert french(need(WORDS, None, "Tonte")) == f"{OBJECT} ; Tonte et 1 autre lot"
    assert french(need(WORDS, "Tonte"), ("2",)) == "Tonte"
    assert french(need(None, "3 ans, 90 000 €")) is None
    assert lot_name(Lot(id="1", title=WORDS)) == OBJECT


@given(
    st.lists(st.sampled_from([None, WORDS, "Tonte", "é" * 400, *(f"Lot du secteur {n}" for n in range(9))]), min_size=1)
)
def test_the_name_of_many_lots_is_short_and_counts_the_others(titles: list[str | None]) -> None:
    name = french(need(*titles))
    named = [each for each in dict.fromkeys(titles) if each]
    if name is None:
        assert not named
        return
    assert len(name) <= LONGEST_NAME + len("… et 100 autres lots")
    assert name.startswith((lot_name(Lot(id="1", title=named[0])) or "")[:LONGEST_NAME])


@pytest.mark.parametrize("told", [(), ("value",), ("months",), ("reserved",), TERMS])
def test_only_what_is_chosen_is_told_in_a_sentence(told: tuple[Any, ...]) -> None:
    said = "\n".join(each.fr for each in term_sentences(need(WORDS), (), told))
    sentences = {
        "value": "Le montant est estimé à 300 000 € hors taxe.",
        "months": "La durée envisagée est de 48 mois.",
        "reserved": "Une réservation est envisagée : travail adapté et protégé (handicap).",
    }
    assert said == "\n".join(sentences[each] for each in told)


def test_what_a_lot_says_in_its_fields_is_told_before_its_words() -> None:
    lots = (
        Lot(id="A", title=WORDS, value_eur=90_000, duration_months=12, renewal_months=24),
        Lot(id="B", title="Tonte"),
    )
    assert [each.fr for each in term_sentences(Need(lots=lots), (), ("value", "months"))] == [
        "Lot A : le montant est estimé à 90 000 € hors taxe.",
        "Lot A : la durée envisagée est de 12 mois, plus 24 mois de reconduction.",
    ]


@pytest.mark.parametrize(
    ("source", "operator", "told"),
    [
        ("FINESS", "dpo@vivier.example", ("FINESS", "dpo@vivier.example")),
        ("declarations", None, ("votre déclaration sur votre page", "Ville d'Auray")),
        (None, None, ("annuaire de fournisseurs établi à partir de registres publics", "Ville d'Auray")),
    ],
)
def test_a_letter_says_where_the_address_comes_from_and_whom_to_ask_about_data(
    source: str | None, operator: str | None, told: tuple[str, str]
) -> None:
    said = data_sentences(source, operator, "Ville d'Auray").fr
    assert f"Origine de votre adresse : {told[0]}. " in said
    assert f"vous opposer à leur usage : {told[1]}. Réclamation possible auprès de la CNIL (cnil.fr)." in said
