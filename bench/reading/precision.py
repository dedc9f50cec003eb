"""How many of the first five suppliers that are named for real lots a buyer would find it sensible to write to.

The lots are those of `drawn_lots.py`, the suppliers those of `real_pool.py`. Two lists are looked at: the candidates,
and the suppliers of unknown trade worth asking first. `judgements.csv` has what two readings, each blind to the other,
say of a supplier for a lot, under rules that stand at its head; pairs that nobody judged are told apart, and count
neither as right nor as wrong. `judging.py` prints those for a judge to read.

Three figures, the strictest first. Sensible: both readings say so of the supplier, nothing is open. Not wrong: neither
reading says wrong of it, as somebody would say who answers only whether to write or not; the 62 % that were found
before there were rules are of such answers, of suppliers whatever their lot. Lots right: the lots of whose first five
four fifths are not wrong.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

import msgspec

from bench.reading.drawn_lots import LotKey, RealLot, read_lots
from bench.reading.files import TODAY
from bench.reading.real_pool import RealPool, read_pool
from domain.shortlists.listed_suppliers import Candidate, UnknownSupplier
from domain.shortlists.shortlist import LotShortlist
from matching.engine import match
from matching.reference import Reference, load_reference

JUDGEMENTS = Path(__file__).with_name("judgements.csv")
FIRST = 5
Verdict = Literal["sensible", "doubtful", "wrong"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Cause = Literal["need", "trade", "place", "kind", "size", ""]
CAUSES: tuple[Cause, ...] = get_args(Cause)
List = Literal["candidates", "to ask"]
LISTS: tuple[List, ...] = get_args(List)
MOST = 0.8
"""The share of a lot's first five from which on they are right together."""
HEADER = f"{'first five':34} lots  named  unjudged  sensible  not wrong  lots right  lots with one"


class Judgement(NamedTuple):
    """The verdicts of two readings on a supplier for a lot; `cause`: why it is not sensible, "" where it is."""

    first: Verdict
    second: Verdict
    cause: Cause


class Pair(NamedTuple):
    """A supplier, by its key in the pool, for a lot."""

    lot: LotKey
    supplier: str


class Named(NamedTuple):
    """A supplier among the first in a list of a lot's answer."""

    pair: Pair
    list_: List
    answer: Candidate | UnknownSupplier


class Precision(NamedTuple):
    """Counts of suppliers named first: `lots` of which any is named, and those of which one is found sensible.

    `lots_right`: those of which most are not wrong, of the `lots_judged`, of which any was judged.
    """

    lots: int
    named: int
    judged: int
    sensible: int
    not_wrong: int
    lots_judged: int
    lots_right: int
    lots_with_sensible: int

    @property
    def line(self) -> str:
        """The counts, shares of those that were judged, to stand under `HEADER`."""
        parts = (self.sensible, self.judged), (self.not_wrong, self.judged), (self.lots_right, self.lots_judged)
        shares = [f"{part / whole:.0%}" if whole else "-" for part, whole in parts]
        counts = f"{self.lots:4}  {self.named:5}  {self.named - self.judged:8}"
        return f"{counts}  {shares[0]:>8}  {shares[1]:>9}  {shares[2]:>10}  {self.lots_with_sensible:13}"


def read_judgements(path: Path = JUDGEMENTS) -> dict[Pair, Judgement]:
    """The judgements by lot and supplier. Raises ValueError for a row that cannot be."""
    found: dict[Pair, Judgement] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            pair = Pair(LotKey(row["source"], row["id"], row["lot"]), row["supplier"])
            first, second, cause = (row[name] for name in ("first", "second", "cause"))
            if {first, second} - set(VERDICTS) or cause not in CAUSES:
                raise ValueError(f"{path.name}: unknown word: {row}")
            if pair in found:
                raise ValueError(f"{path.name}: judged twice: {row}")
            if (first == second == "sensible") == bool(cause):
                raise ValueError(f"{path.name}: a cause tells why it is not sensible: {row}")
            judgement = Judgement(cast(Verdict, first), cast(Verdict, second), cast(Cause, cause))
            found[pair] = judgement
    return found


def count_precision(pairs: Sequence[Pair], judgements: Mapping[Pair, Judgement]) -> Precision:
    """Count those among the named pairs that both readings find sensible, and those that neither finds wrong."""
    judged = {pair: judgements[pair] for pair in pairs if pair in judgements}
    sensible = [pair for pair, each in judged.items() if each.first == each.second == "sensible"]
    acceptable: dict[LotKey, list[bool]] = {}
    for pair, each in judged.items():
        acceptable.setdefault(pair.lot, []).append("wrong" not in each[:2])
    not_wrong = sum(map(sum, acceptable.values()))
    lots_right = sum(sum(each) >= MOST * len(each) for each in acceptable.values())
    return Precision(
        len({pair.lot for pair in pairs}),
        len(pairs),
        len(judged),
        len(sensible),
        not_wrong,
        len(acceptable),
        lots_right,
        len({pair.lot for pair in sensible}),
    )


def agreement(judgements: Iterable[Judgement]) -> tuple[float, float]:
    """The share of pairs of which two readings say the same, and Cohen's kappa: the share beyond what chance gives."""
    verdicts = [each[:2] for each in judgements]
    alike = sum(first == second for first, second in verdicts) / len(verdicts)
    one, other = (Counter(pair[number] for pair in verdicts) for number in (0, 1))
    chance = sum(one[verdict] * other[verdict] for verdict in VERDICTS) / len(verdicts) ** 2
    return alike, 1.0 if chance == 1 else (alike - chance) / (1 - chance)


def name_first(lots: Iterable[RealLot], pool: RealPool, reference: Reference) -> Iterator[Named]:
    """The first five candidates of each lot, and the first five to ask; nobody for a lot in which no trade was read."""
    for lot in lots:
        answer = answer_of(lot, pool, reference)
        asked = answer.unknown_trade.nearest if answer.requested else ()
        yield from (_named(lot, "candidates", row, pool) for row in answer.candidates[:FIRST])
        yield from (_named(lot, "to ask", row, pool) for row in asked[:FIRST])


def _without_reservation(lot: RealLot) -> RealLot:
    """The lot as a client sends it that leaves its words alone: a reservation that they name is not ticked."""
    lots = tuple(msgspec.structs.replace(each, reserved=()) for each in lot.need.lots)
    return lot._replace(need=msgspec.structs.replace(lot.need, lots=lots))


def _named(lot: RealLot, list_: List, row: Candidate | UnknownSupplier, pool: RealPool) -> Named:
    return Named(Pair(lot.key, pool.by_id[row.supplier.id].key), list_, row)


def answer_of(lot: RealLot, pool: RealPool, reference: Reference) -> LotShortlist:
    """The shortlist of a real lot, with five rows of each list."""
    need = msgspec.structs.replace(lot.need, limit=FIRST, unknown_trade=FIRST, near_misses=0)
    return match(need, pool.live, reference, TODAY, "fr").lots[0]


def pool_without_lots(data: Path, lots: Iterable[RealLot], reference: Reference) -> RealPool:
    """The pool of real suppliers, of which nobody knows that they won these lots."""
    return read_pool(data, reference, frozenset(lot.need.lots[0].title or "" for lot in lots))


def measure_precision(data: Path) -> None:
    """Print the precision of the first five of either list, by half and kind of lot, and what is behind its faults."""
    reference, judgements = load_reference(), read_judgements()
    lots = read_lots(data, reference)
    pool = pool_without_lots(data, lots, reference)
    named = list(name_first(lots, pool, reference))
    unticked = list(name_first([_without_reservation(lot) for lot in lots if lot.key.held_back], pool, reference))
    print(f"{len(lots)} lots, {sum(lot.key.held_back for lot in lots)} of them held back\n{HEADER}")
    for list_ in LISTS:
        pairs = [each.pair for each in named if each.list_ == list_]
        for name, chosen in (
            ("all", pairs),
            ("- awards", [pair for pair in pairs if pair.lot.source == "award"]),
            ("- notices", [pair for pair in pairs if pair.lot.source == "notice"]),
            ("- to tune on", [pair for pair in pairs if not pair.lot.held_back]),
            ("- held back", [pair for pair in pairs if pair.lot.held_back]),
            ("- held back, unticked", [each.pair for each in unticked if each.list_ == list_]),
        ):
            print(f"{list_ + ', ' + name:34} {count_precision(chosen, judgements).line}")
    for list_ in LISTS:
        causes = Counter(
            judgements[each.pair].cause
            for each in named
            if each.list_ == list_ and each.pair in judgements and not each.pair.lot.held_back
        )
        told = ", ".join(f"{cause} {number}" for cause, number in causes.most_common() if cause)
        print(f"why {list_} of the lots to tune on are not sensible: {told or '-'}")
    if judgements:
        alike, kappa = agreement(judgements.values())
        print(f"{len(judgements)} pairs judged: the readings agree on {alike:.0%}, kappa {kappa:.2f}")
