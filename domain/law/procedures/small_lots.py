"""Small lots inside a large need: which of them may together take a lighter procedure."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from math import inf
from typing import NamedTuple

from domain.law.findings import LegalAdvice, advice, applies, bracketed_lots, least_sure, listed_briefly, sentence
from domain.law.procedures.procedure import Decided, Decisions
from domain.law.rules import InForce, RuleRow
from domain.needs.need import Need
from domain.text.bilingual import NOTHING, Text, join_texts

MOST_NAMED = 650
"""The most lots that all sets together name, give or take one set: enough for the 126 sets of five of nine lots."""
MANY = Text("liste limitée", "list cut short")
ONE_MARKET = Text("travaux et autres lots comptés comme un seul marché", "works and other lots counted as one contract")
APART = Text("travaux et autres lots comptés à part", "works and other lots counted apart")
# whose small lots a sentence is about: those of the need, or of its works, or of the rest
ALL, WORKS, OTHERS = NOTHING, Text(" de travaux", " of works"), Text(" hors travaux", " other than works")
ADAPTED = sentence("small_lots_adapted")
DIRECT = sentence("small_lots_direct")
PARTLY_DIRECT = sentence("small_lots_partly_direct")
SMALL_LOTS, SMALL_LOT = Text("petits lots{of} : ", "small lots{of}: "), Text("petit lot{of} : ", "small lot{of}: ")
EACH = Text("chacun de ces ensembles", "each of these sets")
UNDER = Text(" selon {article}", " under {article}")
LIMIT = sentence("direct_share_limit")
# of a lot, by whether it may take an adapted procedure and whether it may be a direct award
OF_LOT = {
    (True, False): sentence("small_lot_adapted"),
    (False, True): sentence("small_lot_direct"),
    (True, True): sentence("small_lot_adapted_or_direct"),
}


class Sets(NamedTuple):
    """Advice on the largest sets of lots that may take a lighter procedure: on the need, and on each lot of a set."""

    of_need: LegalAdvice
    of_lots: Mapping[str, LegalAdvice]


class Opened(NamedTuple):
    """The lots (id → cents) to which `rule` opens a lighter procedure, and all the rules that this rests on.

    `unsure`: of these lots, those to which only a text that was not read may open it.
    """

    rule: RuleRow
    lots: dict[str, int]
    rows: tuple[RuleRow, ...]
    unsure: tuple[str, ...] = ()


class Market(NamedTuple):
    """The lots that one share is taken of, how messages call them (`of`), and the `small` ones among them, in cents."""

    part: Decided
    of: Text
    adapted: Opened
    direct: Opened
    small: dict[str, int]

    @property
    def widest(self) -> Opened:
        """The use that more lots have, whose share bounds the sets."""
        return self.adapted if self.adapted.lots else self.direct

    @property
    def rows(self) -> tuple[RuleRow, ...]:
        return (*self.adapted.rows, *self.direct.rows)


def review_sets(need: Need, decided: Decisions, view: InForce) -> Sets | None:
    """SMALL_LOT_SETS for the need, and SMALL_LOT_OK for each lot that belongs to a set; nothing for a need of one lot.

    A contract that is not divided has no small lots, whatever more its stated total counts than its only lot. The share
    is one, of the value of all lots, for those in an adapted procedure and direct awards together: the sets are those
    of all small lots, and of each set any part may be direct awards as far as its lots are below that amount.
    """
    if need.contract == "concession" or len(need.lots) == 1:
        return None
    markets = _markets(decided, view)
    if not markets:
        return None
    rule = next((market for market in markets if market.adapted.lots), markets[0]).widest.rule
    joint = markets[0].part is decided.whole and len(decided.parts) > 1
    doubtful = joint or any(part.group.doubtful for part in decided.parts)
    sets, complete = _sets_of_all(markets, view)
    parts = [_of_market(market, rule, view) for market in markets]
    unsure = tuple(lot_id for market in markets for lot_id in market.direct.unsure)
    parts += [_extended(view, unsure)] if unsure else []
    parts += [*([] if complete else [MANY]), *([ONE_MARKET if joint else APART] if len(decided.parts) > 1 else [])]
    sure = least_sure(*(row for market in markets for row in market.rows), doubtful=doubtful or bool(unsure))
    return Sets(
        advice("SMALL_LOT_SETS", "info", rule, join_texts(parts).capitalised(), sets, sure),
        {lot_id: told for market in markets for lot_id, told in _of_lots(market, view, doubtful)},
    )


def _sets_of_all(markets: tuple[Market, ...], view: InForce) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """The largest sets of each market within its share; false where there may be more."""
    found: list[tuple[str, ...]] = []
    whole = True
    for market in markets:
        values, group = market.small, market.part.group
        small = [(lot_id, values[lot_id]) for lot_id in group.ids if lot_id in values]
        sets, complete = largest_sets(small, _cap(market.part, market.widest.rule.id, view))
        found += sets
        whole = whole and complete
    return tuple(found), whole


def _cap(part: Decided, share: str, view: InForce) -> int:
    """The share of the value of these lots, in cents."""
    return (part.group.total or 0) * (view.number(share) or 0) // 100


def _markets(decided: Decisions, view: InForce) -> tuple[Market, ...]:
    """The groups of lots of which a share is taken, as far as they have small lots.

    They are one, unless that would have a lighter procedure than works or the others apart are told.
    """
    whole, parts = decided.whole, decided.parts
    if whole.level is None or any(whole.is_lighter_than(part) for part in parts):
        names = (ALL,) if len(parts) == 1 else (OTHERS, WORKS)
    else:
        parts, names = (whole,), (ALL,)
    markets = []
    for part, of in zip(parts, names, strict=True):
        adapted, direct = small_lots(part, view), direct_lots(part, view)
        if adapted.lots or direct.lots:
            markets.append(Market(part, of, adapted, direct, direct.lots | adapted.lots))
    return tuple(markets)


@applies("small_lot_supplies_services", "small_lot_works", "small_lot_share")
def small_lots(part: Decided, view: InForce) -> Opened:
    """In a formal procedure, small lots may take an adapted one if together they stay within a share of all lots.

    A small lot is below an amount of its own for works, another for supplies and services. The answer is not yes or no
    but the sets of lots that may use it together: each set is admissible, and no other lot can be added to it. Works
    and other lots are taken as one market, unless that market would not be formal while some of them apart are.
    """
    if part.level != "formal":
        return Opened(view["small_lot_share"], {}, ())
    opened = _opened("small_lot_share", "small_lot_supplies_services", "small_lot_works", part, view)
    thresholds = map(view.__getitem__, part.thresholds)
    return opened._replace(rows=(*opened.rows, *thresholds)) if opened.lots else opened


@applies("direct_award_lot_share", "direct_award_lot_works")
def direct_lots(part: Decided, view: InForce) -> Opened:
    """Above the direct-award amount, lots below it may be awarded directly if together within a share of all lots.

    They count towards the share of the small lots in an adapted procedure as well. From 2027-01-01 the amount of a need
    of works is that of a law which was not read: whether it is that of a lot of works too is to be checked, above the
    amount that lots have without it.
    """
    if part.level not in {"adapted", "formal"}:
        return Opened(view["direct_award_lot_share"], {}, ())
    opened = _opened("direct_award_lot_share", "direct_award_supplies_services", "direct_award_works", part, view)
    sure = view.cents("direct_award_lot_works")
    if sure is None or view["direct_award_works"] not in opened.rows:
        return opened
    works = {lot.lot.id for lot in part.group.lots if lot.object.works}
    unsure = tuple(lot_id for lot_id, value in opened.lots.items() if lot_id in works and value >= sure)
    rows = tuple(view["direct_award_lot_works"] if row.id == "direct_award_works" else row for row in opened.rows)
    return opened._replace(rows=rows, unsure=unsure)


def _opened(rule: str, of_others: str, of_works: str, part: Decided, view: InForce) -> Opened:
    """The lots below the amount of their nature, and alone within the share of their market that is `rule`'s value."""
    found: dict[str, int] = {}
    bounds: dict[str, None] = {}
    group, cap = part.group, _cap(part, rule, view)
    for lot in group.lots:
        bound = of_works if lot.object.works and "division" not in group.assumptions else of_others
        if lot.cents is not None and lot.cents <= cap and lot.cents < (view.cents(bound) or 0):
            found[lot.lot.id] = lot.cents
            bounds[bound] = None
    return Opened(view[rule], found, (view[rule], *(view[bound] for bound in bounds)) if found else ())


def _of_market(market: Market, quoted: RuleRow, view: InForce) -> Text:
    """The sentence on a market: the use of its sets, and where there are two, which lots may be direct awards."""
    adapted, direct, of, lots = market.adapted, market.direct, market.of, tuple(market.small)
    share = view.value_text("small_lot_share" if adapted.lots else "direct_award_lot_share")
    article = NOTHING if direct.rule is quoted else _quoting(view["direct_award_lot_share"])
    whose = (SMALL_LOTS if len(lots) > 1 else SMALL_LOT).filled(of=of)
    each = EACH if len(lots) > 1 else Text(f"le lot {lots[0]}", f"lot {lots[0]}")
    told = (ADAPTED if adapted.lots else DIRECT).filled(whose=whose, each=each, share=share, of=of, article=article)
    if not (adapted.lots and direct.lots):
        return told
    who = _directly_bought(adapted.lots, direct.lots)
    return join_texts((told, PARTLY_DIRECT.filled(lots=who, limit=_limit(view), article=article)))


def _directly_bought(adapted: Mapping[str, int], direct: Mapping[str, int]) -> Text:
    """The small lots that may be direct awards."""
    if len(direct.keys() | adapted.keys()) == 1:
        return Text("il peut être acheté", "it may be awarded")
    if direct.keys() >= adapted.keys():
        return Text("tous peuvent être achetés", "all may be awarded")
    names = listed_briefly(tuple(direct))
    if len(direct) == 1:
        return Text(f"le lot {names.fr} peut être acheté", f"lot {names.en} may be awarded")
    return Text(f"les lots {names.fr} peuvent être achetés", f"lots {names.en} may be awarded")


def _quoting(rule: RuleRow) -> Text:
    return UNDER.filled(article=Text(rule.article or "", rule.article or ""))


def _limit(view: InForce) -> Text:
    """The share of direct awards where it is less than that of all small lots."""
    if (view.number("direct_award_lot_share") or 0) >= (view.number("small_lot_share") or 0):
        return NOTHING
    return LIMIT.filled(share=view.value_text("direct_award_lot_share"))


def _extended(view: InForce, lots: tuple[str, ...] = ()) -> Text:
    """The law to read where only its amount lets a lot of works be a direct award; `lots`: named where there are."""
    law = view["direct_award_works"]
    amount = view.value_text(law.id)
    return sentence("works_lots_to_be_read", about=bracketed_lots(lots), law=law.article, amount=amount)


def _of_lots(market: Market, view: InForce, doubtful: bool) -> Iterator[tuple[str, LegalAdvice]]:
    """SMALL_LOT_OK for each small lot, by whether an adapted procedure and a direct award are open to it."""
    told: dict[tuple[bool, bool, bool], LegalAdvice] = {}
    article, limit = _quoting(view["direct_award_lot_share"]), _limit(view)
    for lot_id in market.small:
        kind = lot_id in market.adapted.lots, lot_id in market.direct.lots
        unsure = lot_id in market.direct.unsure
        if (*kind, unsure) not in told:
            uses = [use for use, is_open in zip((market.adapted, market.direct), kind, strict=True) if is_open]
            row = uses[0].rule
            text = OF_LOT[kind].filled(share=row.value_text, of=market.of, article=article, limit=limit)
            message = join_texts((text, _extended(view))) if unsure else text
            sure = least_sure(*(each for use in uses for each in use.rows), doubtful=doubtful or unsure)
            told[*kind, unsure] = advice("SMALL_LOT_OK", "info", row, message, (), sure)
        yield lot_id, told[*kind, unsure]


def largest_sets(lots: list[tuple[str, int]], cap: int) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """The sets of lots (id, cents) within `cap` to which no other lot can be added; false where there may be more.

    Each lot alone is within `cap`. Ids keep the given order, in a set and between sets.
    """
    values, ids = [value for _, value in lots], tuple([lot_id for lot_id, _ in lots])
    # as the search would find them, for most needs
    if sum(values) <= cap:
        return ((ids,) if ids else ()), True
    if sum(sorted(values)[:2]) > cap:
        return tuple([(each,) for each in ids]), True
    search = _Search(values)
    search.explore(0, cap, 0, 0)
    return tuple([_members(places, ids) for places in sorted(search.found, reverse=True)]), search.complete


def _members(places: int, ids: tuple[str, ...]) -> tuple[str, ...]:
    """The ids whose bits are set; the first one has the highest bit."""
    members = []
    while places:
        highest = places.bit_length()
        members.append(ids[-highest])
        places ^= 1 << highest - 1
    return tuple(members)


class _Search:
    """Depth-first choice of places among values in decreasing order; none but the largest sets is ever reached.

    A set of places is a number with a bit for each, the highest one for the first place: in decreasing order of these
    numbers, sets are in the order of their places.
    """

    def __init__(self, values: list[int]) -> None:
        places = sorted(range(len(values)), key=lambda place: -values[place])
        self.bits = [1 << len(values) - 1 - place for place in places]
        self.negatives = [-values[place] for place in places]
        self.rest = _sums_to_the_end([values[place] for place in places])
        self.all_from = _sums_to_the_end(self.bits)
        self.found: list[int] = []
        self.least_two = -sum(self.negatives[-2:]) if len(values) > 1 else inf
        self.advised_lots = 0
        self.complete = True

    def explore(self, first: int, room: int, chosen: int, size: int) -> None:
        """Find the sets of the `size` places that are `chosen`, which leave `room`, and of some from `first` on.

        A value may be left out only as long as the smaller ones do not leave room for it.
        """
        if self.advised_lots >= MOST_NAMED:
            self.complete = False
            return
        negatives, bits, rest = self.negatives, self.bits, self.rest
        first = bisect_left(negatives, -room, first)
        if rest[first] <= room:
            self._add([chosen | self.all_from[first]], size + len(bits) - first)
            return
        if self.least_two > room:  # one more of these at most, whichever: no need to look at each
            self._add([chosen | bit for bit in bits[first:]], size + 1)
            return
        for step in range(first, len(bits)):
            left = room + negatives[step]
            self.explore(step + 1, left, chosen | bits[step], size + 1)
            if not self.complete or rest[step + 1] <= left:
                return

    def _add(self, sets: list[int], size: int) -> None:
        """Add sets of one size, as many as may be named."""
        added = sets[: (MOST_NAMED - self.advised_lots) // size + 1]
        self.found += added
        self.advised_lots += len(added) * size
        self.complete = len(added) == len(sets)


def _sums_to_the_end(numbers: list[int]) -> list[int]:
    """For each place the sum of the numbers from it on; a last one of 0."""
    return [*accumulate(reversed(numbers), initial=0)][::-1]
