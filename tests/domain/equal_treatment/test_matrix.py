"""Who was told, asked and met; each kind of gap, put there on purpose, is named.

What was told, each thing once, and who is known to have it.
"""

from datetime import timedelta
from string import ascii_lowercase, ascii_uppercase
from uuid import UUID

import msgspec
import pytest

from domain.equal_treatment.disclosures import DisclosedInformation, disclosures, group_disclosures
from domain.equal_treatment.matrix import equal_treatment
from domain.exchanges.exchange import DeliveryState, Exchange, Message
from tests.domain.equal_treatment.samples import gaps, meeting, of, set_aside, treated
from tests.domain.exchanges.samples import NOW, by_hand, delivered, e_mail, exchange, message, supplier
from tests.domain.shortlists.samples import frozen, listed, summary

ASKED = message(2, "supplier", "A", "Quel volume ?", stance="question")
WEEK = timedelta(days=7)


def test_the_answer_that_all_but_one_received() -> None:
    """A second exchange, with a question answered to all its recipients; G is not one of them."""
    first = exchange(message(1, "buyer"), to="ABCDEFGHIJ")
    answer = message(4, "buyer", body="Dix tonnes", publishes=UUID(int=3), question="Quel volume ?")
    asked = message(3, "supplier", "A", "Quel volume ?", stance="question")
    second = exchange(message(2, "buyer"), asked, answer, to="ABCDEFHIJ", number=2)
    matrix = treated(first, second, listed="ABCDEFGHIJ")
    assert gaps(matrix) == {("G", "missed_information"), ("G", "missed_answer")}
    missed = next(gap for gap in of(matrix, "G").gaps if gap.code == "missed_answer")
    assert missed.others == 9
    assert missed.message == (
        "G n'a pas reçu la réponse du 3 mars 2026 (« Sujet 2 ») destinée à 9 autres (envoi à confirmer)"
    )
    assert "A" not in missed.message.split()


def test_two_of_a_lot_written_to_and_met_is_a_gap_for_the_others_of_that_lot_said_once() -> None:
    """38 suppliers, two lots: those of the other lot lack nothing, and whoever nobody wrote to lacks no message."""
    wrote = delivered(exchange(message(1, "buyer"), message(2, "buyer"), to="AB", lot_ids=("1",)))
    listed = {"1": ascii_uppercase[:19], "2": ascii_lowercase[:19]}
    cancelled = meeting(13, ascii_uppercase[:19], status="cancelled")
    matrix = treated(wrote, listed=listed, meetings=[meeting(12, "AB"), cancelled])
    others = ascii_uppercase[2:19]
    assert [(gap.code, "".join(each.name for each in gap.suppliers), gap.others) for gap in matrix.gaps] == [
        ("not_contacted", others, 2),
        ("not_invited", others, 2),
    ]
    assert {gap.lot_ids for gap in matrix.gaps} == {("1",)}
    assert matrix.gaps[0].message == (
        "17 fournisseurs n'ont pas été contactés, alors que 2 autres l'ont été, la première fois le 3 mars 2026 "
        f"(« Sujet 1 ») : {', '.join(others)}"
    )
    assert "écarts relevés : 2 (fournisseurs : 17)" in matrix.statement
    assert [gap.code for gap in of(matrix, "C").gaps] == ["not_contacted", "not_invited"]
    assert of(matrix, "C").gaps[1].message == (
        "C n'a pas été invité à la réunion du 12 avril 2026 (« Réunion 12 »), alors que 2 autres l'ont été"
    )


def test_a_meeting_is_about_the_lots_that_its_guests_were_written_to_about() -> None:
    """A and B are candidates for both lots; they were written to about the second alone."""
    wrote = exchange(message(1, "buyer"), to="ABC", lot_ids=("2",))
    listed = {"1": "ABD", "2": "ABC"}
    assert gaps(treated(wrote, listed=listed, meetings=[meeting(12, "AB")])) == {("C", "not_invited")}
    assert gaps(treated(listed=listed, meetings=[meeting(12, "AB")])) == {("C", "not_invited"), ("D", "not_invited")}


def test_who_was_never_contacted_though_others_were() -> None:
    matrix = treated(delivered(exchange(message(1, "buyer"), to="AB")), language="en")
    assert gaps(matrix) == {("C", "not_contacted")}
    c = of(matrix, "C")
    assert (c.contacted, c.contact.code, c.informations) == (False, "nobody_wrote", ())
    assert c.gaps[0].message == "C was not contacted, though 2 others were, first on 3 March 2026 (“Sujet 1”)"
    nobody_told = treated()
    assert not nobody_told.gaps
    assert {each.contact.code for each in nobody_told.suppliers} == {"nothing_on_its_lots"}


def test_who_was_set_aside_without_contact_misses_nothing_and_is_told_with_the_reason() -> None:
    aside = set_aside("C", at=NOW + WEEK, reason="Trop loin")
    matrix = treated(exchange(message(1, "buyer"), to="AB"), set_aside=[aside])
    assert not matrix.gaps
    told = of(matrix, "C").contact
    assert (told.code, told.message) == ("set_aside", "Non interrogé, par décision de l'acheteur : Trop loin")


def test_who_is_set_aside_is_so_since_the_version_that_said_it_first() -> None:
    """A new version begins without decisions; it said the same again, later than the second exchange."""
    first, second = exchange(message(1, "buyer")), exchange(message(2, "buyer"), to="AB", number=2)
    again = set_aside("C", at=NOW + WEEK, reason="Trop loin")
    before = set_aside("C", at=message(1, "buyer").created_at)
    matrix = treated(first, second, set_aside=[again], earlier=[before])
    assert not matrix.gaps
    assert [(each.reason, each.decided_at) for each in of(matrix, "C").set_aside] == [("Trop loin", before.decided_at)]
    assert gaps(treated(first, second, earlier=[before])) == {("C", "missed_information")}


SECRET = message(2, "supplier", "A", "Quel volume ?", stance="question", confidential=True)
TO_ALL = message(4, "buyer", body="Dix tonnes par an", publishes=ASKED.id, question="Quel volume ?")
TO_ONE = message(3, "buyer", "A", "Dix tonnes")
IN_CONFIDENCE = message(3, "supplier", "A", "Nous sommes en difficulté", confidential=True)
OPEN, UNSHARED = {("A", "question_unanswered")}, {("B", "answer_not_shared"), ("C", "answer_not_shared")}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((ASKED, TO_ONE), UNSHARED),
        ((ASKED, msgspec.structs.replace(TO_ONE, answers=(ASKED.id,))), UNSHARED),
        # it is about something else where it says so
        (
            (ASKED, msgspec.structs.replace(TO_ONE, answers=())),
            OPEN | {("B", "missed_information"), ("C", "missed_information")},
        ),
        # what is told to all after it is too: a question is answered by publishing it
        ((ASKED, message(3, "buyer")), OPEN),
        ((ASKED, TO_ONE, TO_ALL), set()),
        ((SECRET,), OPEN),
        ((SECRET, message(3, "buyer")), set()),
        ((SECRET, message(3, "buyer", answers=())), OPEN),
        ((SECRET, message(3, "buyer", answers=(SECRET.id,))), set()),
        # what is confidential is not spread, and does not hide the answer to a question
        ((IN_CONFIDENCE, message(4, "buyer", "A")), set()),
        ((message(2, "buyer", "A", confidential=True),), set()),
        ((ASKED, IN_CONFIDENCE, message(4, "buyer", "A", "Dix tonnes")), UNSHARED),
    ],
)
def test_a_question_is_answered_to_who_asked_and_shared_with_all_unless_it_is_confidential(
    said: tuple[Message, ...], expected: set[tuple[str, str]]
) -> None:
    matrix = treated(exchange(message(1, "buyer"), *said))
    assert gaps(matrix) == expected
    published = [(each.published, each.answered) for each in of(matrix, "A").answers if each.stance == "question"]
    is_open = ("A", "question_unanswered") in expected
    assert published == [(TO_ALL in said, not is_open)] * (ASKED in said or SECRET in said)


def test_what_failed_for_the_same_reason_is_said_once() -> None:
    one = message(1, "buyer")
    failed = [e_mail(one.id, to, "undeliverable", NOW, why) for to, why in (("A", "x"), ("B", "y"), ("C", "x"))]
    matrix = treated(delivered(exchange(one, to="ABCD"), *failed), listed="ABCD")
    assert [gap.message.partition(" a échoué ")[2] for gap in matrix.gaps] == ["(x) : A, C", "(y)"]
    assert of(matrix, "D").informations[0].state == "to_be_confirmed"
    assert [of(matrix, who).informations[0].state for who in "ABC"] == ["not_delivered"] * 3
    assert (of(matrix, "A").contacted, of(matrix, "A").contact.code) == (False, "not_delivered")
    given_up = [e_mail(one.id, "A", "undeliverable", NOW, "timeout"), e_mail(one.id, "B", "cancelled", NOW, "deferred")]
    said = [gap.message for gap in treated(delivered(exchange(one, to="AB"), *given_up), listed="AB").gaps]
    assert [each.partition(" a échoué")[2] for each in said] == [" (serveur de courrier sans réponse)", ""]


def test_what_the_buyer_delivers_is_to_be_confirmed() -> None:
    """Of what was sent before deliveries were confirmed, nothing is known: it counts neither as told nor as missed."""
    matrix = treated(exchange(message(1, "buyer")))
    (told,) = matrix.informations
    assert (told.received, told.to_be_confirmed) == (0, 3)
    assert "remises à confirmer par vous : 3" in matrix.statement
    assert (of(matrix, "A").contacted, of(matrix, "A").contact.message) == (None, "Contact inconnu : envoi à confirmer")
    assert not matrix.gaps
    assert "aucun écart relevé" in matrix.statement


def test_each_supplier_is_told_with_the_way_and_the_day_of_its_contact() -> None:
    """Mails sent and bounced, letters posted or not, a call, in one exchange: who was contacted is who was reached."""
    one = message(1, "buyer")
    matrix = treated(
        delivered(
            exchange(one, to="ABCDEFG"),
            e_mail(one.id, "A", "sent", NOW),
            e_mail(one.id, "B", "queued"),
            e_mail(one.id, "C", "undeliverable", NOW, "recipient_refused"),
            by_hand(one.id, "D", "letter", NOW + timedelta(days=2)),
            by_hand(one.id, "E", "letter"),
            by_hand(one.id, "F", "letter"),
            by_hand(one.id, "G", "phone", NOW + timedelta(days=1)),
        ),
        listed="ABCDEFG",
    )
    assert {each.name: (each.contacted, each.contact.message) for each in matrix.suppliers} == {
        "A": (True, "Contacté : courriel envoyé le 3 mars 2026"),
        "B": (False, "Contact non confirmé : courriel en attente"),
        "C": (False, "N'a reçu aucun message : courriel non remis (adresse refusée)"),
        "D": (True, "Contacté : lettre postée le 5 mars 2026"),
        "E": (False, "Contact non confirmé : lettre à envoyer par vos soins, envoi à confirmer"),
        "F": (False, "Contact non confirmé : lettre à envoyer par vos soins, envoi à confirmer"),
        "G": (True, "Contacté : joint par téléphone le 4 mars 2026"),
    }
    d = of(matrix, "D").contact
    assert (d.way, d.state, str(d.since)) == ("letter", "posted", "2026-03-05")
    assert gaps(matrix) == {
        ("B", "not_yet_delivered"),
        ("C", "not_delivered"),
        ("E", "not_yet_delivered"),
        ("F", "not_yet_delivered"),
    }
    assert next(gap.message for gap in matrix.gaps if gap.suppliers[0].name == "E") == (
        "2 fournisseurs : la remise de l'information du 3 mars 2026 (« Sujet 1 ») que 3 autres ont reçue n'est pas "
        "confirmée (lettre à envoyer par vos soins, envoi à confirmer) : E, F"
    )
    assert next(gap.message for gap in matrix.gaps if gap.code == "not_delivered") == (
        "C : la remise de l'information du 3 mars 2026 (« Sujet 1 ») que 3 autres ont reçue a échoué (adresse refusée)"
    )
    assert matrix.statement.startswith(
        "Liste n° 2 du 3 mars 2026 ; fournisseurs : 7 ; contactés : 3 ; contact non confirmé : 3 ; "
    )


def test_letters_that_wait_for_all_are_no_gap() -> None:
    one = message(1, "buyer")
    letters = delivered(exchange(one, to="AB"), by_hand(one.id, "A", "letter"), by_hand(one.id, "B", "letter"))
    matrix = treated(letters, listed="ABC")
    assert [each.contacted for each in matrix.suppliers] == [False, False, False]
    assert gaps(matrix) == {("C", "not_contacted")}
    assert matrix.gaps[0].message == (
        "C n'a pas été contacté, alors qu'un message a été préparé pour 2 autres (envoi à confirmer), la première "
        "fois le 3 mars 2026 (« Sujet 1 »)"
    )


def test_who_is_told_much_later_than_the_first() -> None:
    late = message(2, "buyer", body="Bonjour", created_at=NOW + 2 * WEEK)
    first = exchange(message(1, "buyer", body="Bonjour"), to="AB", subject="Sourcing")
    assert gaps(treated(first, exchange(late, to="C", number=2, subject="Sourcing"))) == {("C", "late_information")}


def test_a_session_held_twice_is_no_gap_but_a_second_one_without_somebody_is() -> None:
    """Meetings one by one need not be as many."""
    assert not treated(meetings=[meeting(12, "AB"), meeting(13, "C")]).gaps
    assert gaps(treated(meetings=[meeting(12, "ABC"), meeting(13, "AB")])) == {("C", "not_invited")}
    one_by_one = [meeting(12, "A", "one_to_one"), meeting(13, "A", "one_to_one"), meeting(14, "B", "one_to_one")]
    assert gaps(treated(meetings=one_by_one)) == {("C", "not_invited")}


def test_who_is_beside_the_shortlist_is_shown_in_its_order_and_treated_alike() -> None:
    first = exchange(message(1, "buyer"), to="ABD")
    matrix = treated(first, exchange(message(2, "buyer"), to="AB", number=2), listed="AB", meetings=[meeting(12, "E")])
    assert [each.name for each in matrix.suppliers][:3] == ["A", "B", "D"]
    assert [each.on_shortlist for each in matrix.suppliers] == [True, True, False, False]
    assert of(matrix, "E").contact.code == "met_only"
    assert ("D", "missed_information") in gaps(matrix)
    lot = listed("1", [], unknown=[summary(each, supplier(each)) for each in "CAB"])
    matrix = equal_treatment(frozen(lot), [exchange(message(1, "buyer"), to="ABCD")], (), "fr", {})
    assert [each.name for each in matrix.suppliers] == ["C", "A", "B", "D"]


def test_one_that_was_merged_into_another_is_that_one() -> None:
    matrix = treated(exchange(message(1, "buyer"), to="AD"), listed="AB", living={supplier("D"): supplier("B")})
    assert not matrix.gaps
    assert [each.name for each in matrix.suppliers] == ["A", "B"]


FIRST, CORRECTION = 2, 3


def corrected(first: DeliveryState, correction: DeliveryState, words: str = "Visite lundi") -> Exchange:
    """An exchange with A: an opening, then a message and its correction that were delivered so."""
    told = (
        message(FIRST, "buyer", body=words),
        message(CORRECTION, "buyer", body=f"Non : {words}", corrects=UUID(int=2)),
    )
    deliveries = [
        e_mail(UUID(int=number), "A", state, NOW + timedelta(hours=number))
        for number, state in ((FIRST, first), (CORRECTION, correction))
    ]
    return msgspec.structs.replace(exchange(message(1, "buyer"), *told, to="A"), deliveries=tuple(deliveries))


def told(*exchanges: Exchange) -> DisclosedInformation:
    """The information after the opening."""
    return group_disclosures(disclosures(exchanges, {}))[1]


@pytest.mark.parametrize(
    ("first", "correction", "best"),
    [
        ("sent", "queued", FIRST),
        ("queued", "sent", CORRECTION),
        ("unconfirmed", "sent", CORRECTION),
        ("to_post", "unconfirmed", CORRECTION),
        ("sent", "sent", FIRST),
        ("undeliverable", "queued", CORRECTION),
        ("undeliverable", "undeliverable", None),
    ],
)
def test_of_several_wordings_the_surest_receipt_counts_then_the_earliest(
    first: DeliveryState, correction: DeliveryState, best: int | None
) -> None:
    """Whatever the words are: strings have another order in each process."""
    for number in range(20):
        given = told(corrected(first, correction, f"Visite {number}")).given
        assert [each.message_id.int for each in given.values()] == ([] if best is None else [best])


def test_an_information_is_about_all_lots_of_its_exchanges() -> None:
    """About the whole need where one of them is."""
    one, other = (
        exchange(message(10 * n, "buyer"), message(10 * n + 1, "buyer", body="Visite lundi"), number=n, lot_ids=lots)
        for n, lots in ((1, ("1", "2")), (2, ("3",)))
    )
    whole = exchange(message(30, "buyer"), message(31, "buyer", body="visite  lundi"), number=3)

    def lots(*exchanges: Exchange) -> frozenset[str]:
        return next(each.lots for each in group_disclosures(disclosures(exchanges, {})) if "lundi" in each.first.words)

    assert lots(one, other) == {"1", "2", "3"}
    assert lots(one, whole, other) == frozenset()


def test_an_information_names_all_messages_that_say_it() -> None:
    """Its corrections, and the same words in another exchange or to one supplier in confidence."""
    elsewhere = message(22, "buyer", "A", "Non :  visite lundi", confidential=True)
    other = exchange(message(21, "buyer"), elsewhere, to="A", number=2)
    found = told(corrected("sent", "sent"), other)
    assert [each.int for each in found.messages] == [FIRST, CORRECTION, 22]
