"""The report made of facts: what it takes from where, and what each variant tells."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from domain.meetings.meeting import Participant
from domain.needs.need import Lot
from domain.report.lots import advice_in_words
from domain.shortlists.listed_suppliers import (
    Eligibility,
    Grouping,
    GroupingSupplier,
    NearMiss,
    SupplierSummary,
    UnknownSupplier,
    UnknownTrade,
)
from domain.shortlists.shortlist import Advice, RequestedSegment, Shortlist, SuggestedSegment
from domain.shortlists.version import FrozenShortlist, members_of_groupings
from domain.suppliers.supplier import Contact, Point, Supplier
from tests.domain.equal_treatment.samples import frozen, set_aside
from tests.domain.exchanges.samples import NOW, exchange, message, supplier
from tests.domain.report.samples import MET, facts, made
from tests.factories import award


def with_lot(version: FrozenShortlist, **fields: Any) -> FrozenShortlist:
    """The version with a first lot changed so."""
    shortlist = version.shortlist
    lots = (msgspec.structs.replace(shortlist.lots[0], **fields), *shortlist.lots[1:])
    body = msgspec.json.encode(Shortlist(None, shortlist.stamp, lots, ()))
    return msgspec.structs.replace(version, body=body)


def directory(letter: str, **fields: Any) -> dict[UUID, Supplier]:
    return {supplier(letter): Supplier(id=supplier(letter), name=letter, updated_at=NOW, **fields)}


def test_the_estimated_value_of_a_lot_is_shown_as_the_sum_that_it_is() -> None:
    version = frozen({"1": "AB"}, ())
    lot = msgspec.structs.replace(version.need.lots[0], value_eur=50_000, duration_months=12, renewal_months=36)

    def told(lot: Lot) -> tuple[float | None, str | None]:
        need = msgspec.structs.replace(version.need, lots=(lot,))
        (found,) = made(facts(msgspec.structs.replace(version, need=need))).lots
        return found.estimated_value_eur, found.estimated_value_sum

    assert told(lot) == (200_000, "50 000 € + 3 reconductions de 50 000 € = 200 000 €")
    assert told(msgspec.structs.replace(lot, value_covers="all")) == (50_000, None)
    assert told(msgspec.structs.replace(lot, duration_months=None)) == (None, None)


def test_the_sum_of_lots_is_that_of_the_law() -> None:
    """Three lots of 21 666,666… € are 65 000 €; one whose value is not known counts for nothing."""
    version = frozen({"1": "A", "2": "A", "3": "A", "4": "A"}, ())
    lot = msgspec.structs.replace(version.need.lots[0], value_eur=20_000, duration_months=12, renewal_months=1)
    endless = msgspec.structs.replace(lot, duration_months=None)

    def summed(*lots: Lot) -> float | None:
        numbered = tuple(msgspec.structs.replace(each, id=str(n)) for n, each in enumerate(lots, 1))
        need = msgspec.structs.replace(version.need, lots=numbered)
        return made(facts(msgspec.structs.replace(version, need=need))).need.lots_value_eur

    assert summed(lot, lot, lot, endless) == 65_000
    assert summed(*[endless] * 4) is None


def test_the_best_standing_over_the_lots_counts() -> None:
    """And the map shows no supplier twice."""
    version = frozen({"1": "AB", "2": "B"}, ())
    first = version.shortlist.lots[0]
    on_proof = Eligibility("iae", "ELIGIBLE_IF", None, (), "r", "L2113-13", "high", "")
    located = [
        msgspec.structs.replace(row, eligibility=(on_proof,), supplier=_placed(row.supplier))
        for row in first.candidates
    ]
    missed = NearMiss(located[0].supplier, "distance", None, (), "")
    found = made(facts(with_lot(version, candidates=tuple(located), near_misses=(missed,))))
    assert {each.name: each.standing for each in found.placement.suppliers} == {"A": "on_proof", "B": "eligible"}


def test_groupings_name_what_each_does_and_hide_who_works_alone() -> None:
    """In a redacted report, also where the version lists only others."""
    version = frozen({"1": "A"}, ())
    wanted = RequestedSegment("de-bio", "Biodéchets", (), 1.0, "object")
    alone = GroupingSupplier(supplier("B"), "Luc B", ("de-bio",), 3.1)
    version = with_lot(version, requested=(wanted,), groupings=(Grouping((alone,), "Ensemble"),))
    known = facts(version, directory=directory("B", kinds=("TIH",)))
    assert members_of_groupings(version) == {supplier("B")}
    for redacted in (False, True):
        ((found,),) = (grouping.suppliers for grouping in made(known, redacted=redacted).lots[0].groupings)
        assert found.segments == ("Biodéchets",)
        assert (found.supplier.name == "Luc B", found.supplier.kinds) == (not redacted, ("TIH",))


def test_what_the_words_may_mean_is_told_beside_what_was_sought() -> None:
    doubtful = SuggestedSegment("rs-collective", "Restauration collective", ("title:cantine",), 0.5)
    assert made(facts(with_lot(frozen({"1": "A"}, ()), suggested=(doubtful,)))).lots[0].suggested == (doubtful,)


def test_suppliers_of_unknown_trade_are_told_beside_the_others() -> None:
    """With the rules of their eligibility; they are no candidates, and not on the map."""
    version = frozen({"1": "A"}, ())
    alone = msgspec.structs.replace(version.shortlist.lots[0].candidates[0].supplier, id=supplier("B"), name="Luc B")
    alone = _placed(msgspec.structs.replace(alone, kinds=("TIH",)))
    sure = Eligibility("handicap", "ELIGIBLE", None, (), "r", "L2113-12", "high", "")
    unknown = UnknownTrade(7, 6, (UnknownSupplier(alone, 3.1, (sure,)),), "Sept fournisseurs")
    given = facts(with_lot(version, unknown_trade=unknown))
    found = made(given)
    told = found.lots[0].unknown_trade
    assert (told.total, told.eligible, told.message) == (7, 6, "Sept fournisseurs")
    assert [(row.supplier.name, row.distance_km, row.outcome) for row in told.nearest] == [("Luc B", 3.1, "ELIGIBLE")]
    assert [each.name for each in found.placement.suppliers] == []
    (hidden,) = made(given, redacted=True).lots[0].unknown_trade.nearest
    assert "Luc B" not in hidden.supplier.name


def test_advice_names_the_lots_that_its_message_does_not() -> None:
    def told(message: str, *lots: tuple[str, ...]) -> str:
        return advice_in_words(Advice("X", "info", None, message, lots=lots), "fr")

    assert told("Lots 1 et 2 trop petits", ("1", "2")) == "Lots 1 et 2 trop petits"
    assert told("Sans procédure", ("1", "2"), ("3",)) == "Sans procédure : lots 1 et 2 ; ou 3"


def _placed(summary: SupplierSummary) -> SupplierSummary:
    return msgspec.structs.replace(summary, location=Point(47.6, -2.7))


def test_a_supplier_that_is_one_person_is_not_named_in_a_redacted_report() -> None:
    version = frozen({"1": "AB"}, ())
    rows = list(version.shortlist.lots[0].candidates)
    alone = msgspec.structs.replace(rows[0].supplier, kinds=("TIH",), name="Luc Morvan", siret="12345678900011")
    rows[0] = msgspec.structs.replace(rows[0], supplier=alone)
    known = facts(
        with_lot(version, candidates=tuple(rows)), exchanges=(exchange(message(1, "buyer", body="Cher Luc Morvan")),)
    )
    redacted = msgspec.json.encode(made(known, redacted=True)).decode()
    assert [secret for secret in ("Morvan", "12345678900011", str(supplier("A"))) if secret in redacted] == []
    assert "Morvan" in msgspec.json.encode(made(known)).decode()


def test_persons_are_left_out_of_a_redacted_report() -> None:
    said = exchange(message(1, "buyer"), message(2, "supplier", "A", "Voir Zoé Kerbrat et Mme Le Goff"))
    known = facts(exchanges=(said,), meetings=(MET,), directory=directory("A", contact=Contact(person="Zoé Kerbrat")))
    redacted = made(known, redacted=True)
    text = msgspec.json.encode(redacted).decode()
    assert [name for name in ("Goff", "Kerbrat", "tout noté") if name in text] == []
    (told,) = redacted.meetings
    assert (told.has_minutes, told.minutes) == (True, None)
    assert told.participants == (Participant("buyer", organisation="Mairie"), Participant("supplier", organisation="A"))
    assert [(each.what, each.who) for each in told.follow_ups] == [("Rappeler Mme […]", None)]


def test_a_gap_names_who_lacks_something_but_not_who_asked() -> None:
    """C did not get the answer; B's question alone was answered to it alone, and A's not at all."""
    asked = message(2, "supplier", "A", stance="question")
    said = (
        message(1, "buyer"),
        asked,
        message(3, "buyer", publishes=asked.id, question="?"),
        message(4, "supplier", "B", "Et les clés ?", stance="question"),
    )
    found = made(facts(frozen({"1": "ABC"}, (set_aside("C"),)), exchanges=(exchange(*said, to="AB"),)))
    unnamed = [gap.message for gap in found.treatment.gaps if not gap.suppliers]
    assert unnamed == ["Une question est restée sans réponse"]
    assert all(
        gap.code not in {"question_unanswered", "answer_not_shared"} for gap in found.treatment.gaps if gap.suppliers
    )


def test_rules_on_the_need_are_those_of_the_planned_day_and_on_suppliers_those_of_evaluation() -> None:
    """Each with the period that holds on its day."""
    verdict = Eligibility("ess", "REVIEW", None, (), "ess_award_bar_months", "L2113-16", "medium", "")
    version = frozen({"1": "A"}, ())
    shortlist = version.shortlist
    stamp = msgspec.structs.replace(shortlist.stamp, on=date(2026, 3, 1), law_on=date(2026, 9, 1))
    (lot,) = shortlist.lots
    (row,) = lot.candidates
    lot = msgspec.structs.replace(lot, candidates=(msgspec.structs.replace(row, eligibility=(verdict,)),))
    advice = Advice("ENVIRONMENTAL_CONSIDERATION", "warning", None, "", rule="environmental_consideration")
    shortlist = msgspec.structs.replace(shortlist, stamp=stamp, lots=(lot,), advice=(advice,))
    found = made(facts(msgspec.structs.replace(version, stamp=stamp, body=msgspec.json.encode(shortlist))))
    since = {rule.id: rule.valid_from for rule in found.rules.items}
    assert {"R2111-1", "R2111-2"} <= {rule.article for rule in found.rules.items}
    assert since["environmental_consideration"] == date(2026, 8, 22)
    assert "ess_award_bar_months" in since
    of_id = {rule.id: rule for rule in found.rules.items}
    sourcing = of_id["sourcing"]
    assert sourcing.quote is not None
    assert sourcing.version == date(2019, 4, 1)
    assert sourcing.url is not None


def test_awards_and_changes_since_are_told() -> None:
    version = frozen({"1": "A"}, ())
    won = award(lot_id="1", supplier_id=supplier("A"), supplier_name="A")
    known = facts(version, awards=(won,))
    changed = msgspec.structs.replace(known.need, content=msgspec.structs.replace(version.need, title="Parcs"))
    found = made(msgspec.structs.replace(known, need=changed))
    assert [(each.lot_id, each.supplier.name) for each in found.awards] == [("1", "A")]
    assert found.need.changed_since == ("title",)
    assert found.need.buyer == "Mairie"
