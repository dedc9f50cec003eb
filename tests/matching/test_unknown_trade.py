"""Suppliers near a lot of which no offer is known: who they are, in which order, and what follows for the supply.

Who is near a lot is what `tests/matching/oracle` measures for every one.
"""

from typing import Any

import msgspec
import pytest

from domain.needs.need import Lot, Need
from domain.shortlists.shortlist import LotShortlist, Tension
from domain.suppliers.supplier import StaffSize, Supplier, SupplierSize
from matching.engine import match
from matching.tension import tension_of_whole_lot
from matching.unknown_trade import likely_trades, usual_trades
from tests.factories import (
    NANTES,
    ON,
    RENNES,
    approved,
    codes,
    live,
    lot,
    matched,
    moved,
    names,
    need,
    offer,
    offerless,
    reference,
    supplier,
)

RENNES_ALONE = codes("commune:35238")


def asked(territory: Any = RENNES_ALONE, near_misses: int = 5, **fields: Any) -> Need:
    return need(lot(**fields), territory=territory, near_misses=near_misses)


def esats(count: int) -> list[Supplier]:
    """As many ESAT in Rennes of which nothing else is known."""
    return [offerless(f"esat {number}", approvals=approved("ESAT")) for number in range(count)]


def codes_of(found: LotShortlist) -> set[str]:
    return {each.code for each in found.advice}


def test_of_those_equally_far_some_are_drawn() -> None:
    pool, seen = esats(60), set()
    for number in range(12):
        need_of_it = need(title=str(number), near_misses=2, territory=RENNES_ALONE)
        drawn = names(matched(need_of_it, *pool).unknown_trade.nearest)
        assert drawn == names(matched(need_of_it, *reversed(pool)).unknown_trade.nearest)
        seen.update(drawn)
    assert len(seen) > 10


@pytest.mark.parametrize(
    ("unknown", "known", "level"),
    [(2, 0, "none"), (3, 0, "unknown"), (3, 2, "unknown"), (3, 3, "low"), (9, 5, "good"), (2, 1, "critical")],
)
def test_a_scarce_supply_is_unknown_where_three_may_be_asked(unknown: int, known: int, level: str) -> None:
    pool = [supplier(f"{n}", approvals=approved("ESAT")) for n in range(known)]
    pool += [*esats(unknown), offerless("ei", approvals=approved("EI"))]
    found = matched(asked(reserved=("handicap",)), *pool)
    assert found.tension.level == level
    assert ("TRADE_UNKNOWN" in codes_of(found)) == (level == "unknown")
    assert ("RISK_INFRUCTUEUX" in codes_of(found)) == (level == "none")


def test_those_of_unknown_trade_are_counted_under_every_reservation() -> None:
    """All near the lot, within its cap, whatever it is reserved to."""
    pool = [*esats(3), offerless("ei", approvals=approved("EI")), offerless("mutual", legal_form="mutual", ess=True)]
    pool += [offerless("far", at=NANTES, approvals=approved("ESAT"))]
    for reserved, eligible in ((), 5), (("handicap",), 3), (("iae",), 1):
        found = matched(asked(reserved=reserved), *pool)
        assert found.alternatives.unknown_trade == {
            "none": 5,
            "handicap": 3,
            "iae": 1,
            "handicap_iae": 4,
            "penitentiary": 0,
            "ess": 1,
        }
        assert (found.tension.unknown, found.unknown_trade.eligible) == (eligible, eligible)


def test_an_advice_on_reserving_counts_those_of_unknown_trade() -> None:
    """The widest first; a reservation of which nothing is known is told so, never as 0."""
    known = [supplier(f"ei {number}", approvals=approved("EI")) for number in range(4)]
    found = matched(asked(), *known, *esats(7))
    (said,) = [each.message for each in found.advice if each.code == "RESERVATION_POSSIBLE"]
    assert said.index(
        "Aux EA, ESAT et SIAE : 4 fournisseurs potentiels, éligibilité établie pour 4 ; 7 à interroger. "
    ) < said.index("Aux SIAE : 4 fournisseurs potentiels, éligibilité établie pour 4")
    assert "Aux EA et ESAT : nombre inconnu, 7 à interroger" in said
    (said,) = [each.message for each in matched(asked(), *known).advice if each.code == "RESERVATION_POSSIBLE"]
    assert "inconnu" not in said
    one = supplier("esat", approvals=approved("ESAT"))
    reserved = matched(asked(reserved=("handicap",)), *known, *esats(7), one)
    (said,) = [each.message for each in reserved.advice if each.code == "RESERVATION_POSSIBLE"]
    assert "Aux EA, ESAT et SIAE : 5 fournisseurs potentiels" in said
    assert "Aux SIAE" not in said


def test_an_advice_on_reserving_counts_only_those_for_whom_the_lot_is_not_too_large() -> None:
    """Three of four are of one person: for 2,000,000 euros a year a reservation leaves one."""
    one_person = SupplierSize(staff=StaffSize(1, 1))
    small = [supplier(f"ei {number}", approvals=approved("EI"), size=one_person) for number in range(3)]
    pool = *small, supplier("ei", approvals=approved("EI"))
    for value, is_said in ((1_000, True), (2_000_000, False)):
        found = matched(asked(value_eur=value, duration_months=12), *pool)
        assert ("RESERVATION_POSSIBLE" in codes_of(found)) == is_said
        assert found.alternatives.reserved["iae"] == 4


def test_of_a_trade_that_no_segment_covers_nobody_is_asked() -> None:
    household_waste = asked(segments=(), title="Collecte des ordures ménagères")
    assert "TRADE_UNKNOWN" not in codes_of(matched(household_waste, *esats(7)))
    assert "TRADE_UNKNOWN" in codes_of(matched(asked(), *esats(7)))


def test_a_lot_that_nobody_answers_in_whole_is_not_good() -> None:
    """Five for each of five trades, and no four together for all."""
    trades = ("pr-locaux", "de-bio", "de-5flux", "ev-entretien", "lt-blanchisserie")
    lot = need(Lot(id="1", segments=trades), territory=RENNES_ALONE)
    apart = [supplier(f"{code} {number}", offer(code)) for code in trades for number in range(5)]
    found = matched(lot, *apart)
    assert found.tension.level == "low"
    assert "Personne ne répond à tout le lot" in found.tension.message
    assert matched(lot, *apart, supplier("two", offer(*trades[:2]))).tension.level == "good"


def test_what_is_not_known_is_never_told_as_a_lack_of_supply() -> None:
    french, english = (matched(asked(), *esats(7), language=language) for language in ("fr", "en"))
    assert french.tension.message.startswith("Aucun fournisseur connu pour « Nettoyage de locaux et bureaux »")
    assert "Rien ne permet de conclure" in french.tension.message
    assert "Nothing can be concluded" in english.tension.message
    (told,) = (each.message for each in french.advice if each.code == "TRADE_UNKNOWN")
    assert "les 7 fournisseurs proches" in told
    (told,) = (each.message for each in english.advice if each.code == "TRADE_UNKNOWN")
    assert "ask the 7 suppliers nearby" in told
    reserved = matched(asked(reserved=("handicap",)), *esats(2), offerless("none", approvals=None)).unknown_trade
    assert "2 peuvent répondre à ce lot réservé" in reserved.message
    assert english.unknown_trade.message == "What 7 suppliers nearby offer is not known: ask them"
    assert matched(asked()).unknown_trade.message == "Aucun fournisseur proche dont l'activité n'est pas renseignée"


def test_kinds_that_offer_the_trade_are_asked_first_whatever_their_distance() -> None:
    """Together, the nearest first; an approval says more than a name or a legal form."""
    known = supplier("known", approvals=approved("ESAT"), kinds=("ESAT",))
    pool = [
        offerless("town", legal_form="public_body"),
        offerless("Club de philatélie", legal_form="association"),
        offerless("lender", approvals=approved("GEIQ"), kinds=("GEIQ",)),
        offerless("other kind", approvals=approved("ETTI"), kinds=("ETTI",)),
        offerless("far", moved(RENNES, 0.2), approvals=approved("ESAT"), kinds=("ESAT",)),
        offerless("Club de la ville", moved(RENNES, 0.1), kinds=("ESAT", "ACI"), legal_form="public_body"),
    ]
    found = matched(asked(near_misses=9), known, *pool).unknown_trade
    assert names(found.nearest)[:2] == ["Club de la ville", "far"]
    why = {row.supplier.name: [each.code for each in row.reasons] for row in found.nearest}
    assert why["far"] == ["kind_offers", "distance"]
    assert why["other kind"] == ["kind_never_offers", "presence_local"]
    assert [why[name][0] for name in ("town", "Club de philatélie", "lender")] == [
        "public_body", "club", "employers_group"
    ]  # fmt: skip
    assert found.by_kind == {"ESAT": 2, "none": 2, "ACI": 1, "ETTI": 1, "GEIQ": 1}
    (said, _) = found.nearest[1].reasons
    assert said.message == "D'autres structures de ce genre (ESAT) proposent : Nettoyage de locaux et bureaux"
    assert names(matched(asked(near_misses=2), known, *pool).unknown_trade.nearest) == ["Club de la ville", "far"]


def test_whom_to_ask_follows_what_becomes_known() -> None:
    """Of an index that caches and after every change, as of one that is built anew."""
    ei, aci = (offerless(kind, approvals=approved(kind), kinds=(kind,)) for kind in ("EI", "ACI"))
    far = msgspec.structs.replace(ei, location=moved(RENNES, 0.1))
    knows = supplier("knows", approvals=approved("EI"), kinds=("EI",))
    need_of_it, ours, seen = asked(), live(far, aci), []
    for changed, removed in (([], []), ([knows], []), ([], [knows.id]), ([knows], [])):
        ours = ours.with_changes(changed, removed, ours.data_version + 1)
        (found,) = match(need_of_it, ours, reference(), ON, "fr").lots
        seen.append(names(found.unknown_trade.nearest))
    assert seen == [["ACI", "EI"], ["EI", "ACI"], ["ACI", "EI"], ["EI", "ACI"]]


def test_without_a_trade_nobody_is_asked_for_his_kind() -> None:
    known = supplier("known", approvals=approved("ESAT"), kinds=("ESAT",))
    pool = [known, offerless("far", moved(RENNES, 0.1)), offerless("town", legal_form="public_body")]
    found = matched(need(Lot(id="1", keywords=("zzyzx",)), territory=RENNES_ALONE), *pool).unknown_trade
    assert [[each.code for each in row.reasons] for row in found.nearest] == [
        ["distance"], ["public_body", "presence_local"]
    ]  # fmt: skip


def test_a_lot_that_is_not_understood_says_so_first() -> None:
    found = matched(need(Lot(id="1", keywords=("zzyzx",)), territory=RENNES_ALONE), *esats(3))
    assert (found.tension.level, "TRADE_UNKNOWN" in codes_of(found)) == ("unknown", True)
    assert found.tension.message == "Aucun métier n'a été reconnu dans ce lot : préciser l'objet"


def test_a_search_given_up_is_no_verdict() -> None:
    """What is not found out is not told as nobody."""
    good = Tension("good", "Au moins 9 fournisseurs repérés")
    found = tension_of_whole_lot(good, 0, lambda: None, "fr")
    assert (found.level, "personne" in found.message, "établir" in found.message) == ("low", False, True)


POOL = (
    *(supplier(f"green {n}", offer("ev-entretien"), kinds=("ESAT",)) for n in range(3)),
    *(supplier(f"laundry {n}", offer("lt-blanchisserie"), kinds=("ESAT",)) for n in range(2)),
    *(supplier(f"walls {n}", offer("bt-peinture"), kinds=("EI",)) for n in range(4)),
)


def likely(one: Supplier, *wanted: str, **options: Any) -> tuple[str, ...]:
    return likely_trades(one, wanted, live(*POOL), reference(), **options)


ESAT = offerless("Les Genêts", kinds=("ESAT",))


def test_trades_known_of_its_kind_and_usual_in_it_come_first_then_those_of_all() -> None:
    assert likely(ESAT)[:3] == ("ev-entretien", "lt-blanchisserie", "in-conditionnement")
    assert (len(likely(ESAT)), likely(ESAT, most=12)[11]) == (10, "bt-peinture")
    assert {trade for some in usual_trades().values() for trade in some} <= reference().taxonomy.segments.keys()


def test_the_need_that_led_here_goes_before_and_a_family_is_its_trades() -> None:
    assert likely(ESAT, "de-bio", "nonsense", most=3) == ("de-bio", "ev-entretien", "lt-blanchisserie")
    assert set(likely(ESAT, "lt", most=3)) == {"lt-blanchisserie", "lt-couture", "lt-epi"}
    assert likely(ESAT, "de-bio", "ev-entretien")[:2] == ("ev-entretien", "de-bio"), "what its kind does before"


def test_a_trade_that_the_name_says_follows_the_first_of_the_kind() -> None:
    assert likely(offerless("Imprimerie du Golfe", kinds=("ESAT",))).index("cc-impression") == 3
    assert likely(offerless("Imprimerie du Golfe"))[0] == "cc-impression"


def test_who_lends_staff_is_offered_that_and_a_supplier_of_no_kind_what_its_like_offer() -> None:
    assert likely(offerless("GEIQ", kinds=("GEIQ",)))[:2] == ("so-mad", "bt-peinture")
    stage, lender = supplier("stage", offer("cc-spectacle"), legal_form="association"), supplier("ai", offer("so-mad"))
    nobody = offerless("Amicale", legal_form="association")
    assert likely_trades(nobody, (), live(stage, lender, lender), reference())[0] == "cc-spectacle"


def test_ten_are_offered_before_anybody_is_known() -> None:
    assert len(set(likely_trades(ESAT, (), live(), reference()))) == 10
