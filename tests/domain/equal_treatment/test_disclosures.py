"""What was told, each thing once, and who is known to have it."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from domain.equal_treatment.disclosures import Information, disclosures, informations
from domain.exchanges.exchange import DeliveryState, Exchange
from tests.domain.exchanges.samples import NOW, e_mail, exchange, message

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


def told(*exchanges: Exchange) -> Information:
    """The information after the opening."""
    return informations(disclosures(exchanges, {}))[1]


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
        return next(each.lots for each in informations(disclosures(exchanges, {})) if "lundi" in each.first.words)

    assert lots(one, other) == {"1", "2", "3"}
    assert lots(one, whole, other) == frozenset()


def test_an_information_names_all_messages_that_say_it() -> None:
    """Its corrections, and the same words in another exchange or to one supplier in confidence."""
    elsewhere = message(22, "buyer", "A", "Non :  visite lundi", confidential=True)
    other = exchange(message(21, "buyer"), elsewhere, to="A", number=2)
    found = told(corrected("sent", "sent"), other)
    assert [each.int for each in found.messages] == [FIRST, CORRECTION, 22]
