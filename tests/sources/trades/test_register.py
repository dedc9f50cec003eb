"""Offers by the main activity under which a supplier is registered."""

from domain.reference import taxonomy
from sources.trades.register import registered, telling

TAXONOMY = taxonomy.load()


def test_a_telling_code_is_an_offer_and_its_evidence() -> None:
    (offer,) = registered(TAXONOMY, "81.21Z", "sirene")
    assert offer.segments == ("pr-locaux",)
    assert (offer.evidence[0].kind, offer.evidence[0].reference) == ("register", "81.21Z")
    assert registered(TAXONOMY, "94.99Z", "sirene") == registered(TAXONOMY, None, "sirene") == ()


def test_of_two_vintages_the_one_that_names_a_trade_counts() -> None:
    assert telling(TAXONOMY, "94.99Z", "81.21Y") == "81.21Y"
    assert telling(TAXONOMY, "94.99Z", None) == "94.99Z"
    assert telling(TAXONOMY, None, "") is None
