"""A second judge of a supplier for a lot, who reads no words: registers and published contracts decide.

Its facts are those that matching does not look at, or not in this way. Trade: the NAF code in the register of the
supplier and the CPV codes of other contracts that it won, held against the lot's CPV codes by `trade_facts.csv`. Place:
the commune or postal code that was published with the award, else that of the buyer; matching knows the departement
alone. Kind: public bodies, clubs, schools, funds and lenders of staff by NAF code. Size: staff against yearly value.

A fact that is not known leaves its question open. One that fails makes the supplier wrong, one that is open doubtful.
"""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pyproj import Geod

from bench.reading.drawn_lots import LotKey, RealLot, read_lots, real_lots
from bench.reading.files import table
from bench.reading.precision import VERDICTS, Cause, Verdict, name_first, pool_without_lots, read_judgements
from bench.reading.real_pool import ListedSupplier
from bench.reading.titles import digest
from domain.reference.territory import Territories
from domain.suppliers.supplier import Supplier
from matching.reference import load_reference

FACTS = Path(__file__).with_name("trade_facts.csv")
HAND_KM, WORKS_KM, NEARLY, BORDER_KM = 50.0, 80.0, 0.8, 30.0
"""How far work by hand and works are gone for from a known place, the share of that from which it is doubtful, and how
far from the border of a departement where no place is known."""
EUROS_A_PERSON, MOST_TIMES = 60_000, 3
"""What a person's work may be worth a year, and how many times that of all staff is plainly too much."""
# Codes of who sells nothing, and of who lends staff or brings people to work, which tell no trade.
SELLS_NOTHING = ("84", "931", "9499", "9411", "9412", "942", "949", "64", "65", "66", "851", "852", "853", "854")
MUTE = ("78", "87", "88", "94", "7010", "8299", "8559B", "9609")
MUTE_OF_APPROVED = ("84", "85")
STAFF = ("7962", "7961", "796")
# CPV divisions that few of the suppliers read here sell: energy, medicines, vehicles, machines, insurance, engineering.
RARELY_SOLD = ("09", "33", "34", "38", "42", "66", "24", "71", "73", "65")
# Divisions of which nobody asks where the supplier stands: goods, software, studies, printing.
ANYWHERE = (*(f"{number:02}" for number in range(3, 45)), "48", "72", "73", "793", "794", "798")
WORKS = ("45", "71")
OTHERS = 2_500
"""How many awards that nobody judged are looked at besides, the first by digest."""
_EARTH = Geod(ellps="WGS84")


class Trade(NamedTuple):
    """A trade of a family of trades."""

    family: str
    name: str

    def is_neighbour(self, other: "Trade") -> bool:
        """Whether both are of one family, or one of them of a part of the other's."""
        return f"{self.family}/".startswith(f"{other.family}/") or f"{other.family}/".startswith(f"{self.family}/")


class Finding(NamedTuple):
    """The verdict of the facts on a supplier for a lot; `cause`: the first that fails or is open, "" if none is."""

    verdict: Verdict
    cause: Cause


@dataclass(frozen=True)
class FactJudge:
    """Judges pairs by facts, read once from the real files."""

    naf: Mapping[str, Trade]
    cpv: Mapping[str, Trade]
    codes: Mapping[str, str]
    """The NAF code of each SIRET in the registers, without its dot."""
    places: Mapping[LotKey, tuple[float, float]]
    """Latitude and longitude of the lots whose place is known."""

    def judge(self, lot: RealLot, listed: ListedSupplier, distance_km: float | None) -> Finding:
        """What the facts say; `distance_km`: to the lot's departement, for a lot of which no place is known."""
        cpv, supplier = lot.need.lots[0].cpv, listed.supplier
        trade = self._trade(lot, supplier)
        far = self._distance(lot, supplier, distance_km)
        found: tuple[tuple[Cause, Verdict], ...] = (
            ("need", "wrong" if trade == "wrong" and _all_begin(cpv, RARELY_SOLD) else "sensible"),
            ("kind", self._kind(cpv, supplier)),
            ("trade", trade),
            ("place", far),
            ("size", _size(lot, supplier)),
        )
        for verdict in ("wrong", "doubtful"):
            for cause, said in found:
                if said == verdict:
                    return Finding(said, cause)
        return Finding("sensible", "")

    def _trade(self, lot: RealLot, supplier: Supplier) -> Verdict:
        """Whether NAF code and other contracts name the trade of the lot's CPV codes; doubtful where either is mute."""
        asked, naf = lot.need.lots[0], self.codes.get(supplier.siret or "", "")
        words = asked.title or lot.need.title or ""
        won = [award.cpv for award in supplier.public_awards if award.cpv and award.object != words]
        is_mute = naf.startswith((*MUTE, *MUTE_OF_APPROVED) if supplier.kinds else MUTE)
        wanted, done = set(_trades(asked.cpv, self.cpv)), set(_trades(won, self.cpv))
        done |= set() if is_mute else set(_trades([naf], self.naf))
        if done & wanted:
            return "sensible"
        if _all_begin(asked.cpv, RARELY_SOLD):
            return "wrong"
        are_neighbours = any(one.is_neighbour(other) for one in wanted for other in done)
        return "wrong" if done and wanted and not are_neighbours else "doubtful"

    def _kind(self, cpv: Sequence[str], supplier: Supplier) -> Verdict:
        """Whether the supplier sells at all, and more than staff where staff is not what is asked for."""
        lends = bool(supplier.kinds) and set(supplier.kinds) <= {"GEIQ", "ETTI"}
        if lends and not any(code.startswith(STAFF) for code in cpv):
            return "wrong"
        naf = self.codes.get(supplier.siret or "", "")
        return "wrong" if not supplier.kinds and naf.startswith(SELLS_NOTHING) else "sensible"

    def _distance(self, lot: RealLot, supplier: Supplier, distance_km: float | None) -> Verdict:
        """Whether the supplier gets to the place; where none is known, how far the border of the departement is."""
        cpv, place, at = lot.need.lots[0].cpv, self.places.get(lot.key), supplier.location
        if _all_begin(cpv, ANYWHERE):
            return "sensible"
        if at is None or (place is None and distance_km is None):
            return "doubtful"
        most = WORKS_KM if any(code.startswith(WORKS) for code in cpv) else HAND_KM
        if place is None:
            away, most, least = distance_km or 0.0, BORDER_KM, 0.0
        else:
            away, least = _EARTH.inv(place[1], place[0], at.lon, at.lat)[2] / 1000, NEARLY * most
        return "sensible" if away <= least else "doubtful" if away <= most else "wrong"


def _size(lot: RealLot, supplier: Supplier) -> Verdict:
    """Whether the lot is plainly too large for the staff that a register knows."""
    asked, staff = lot.need.lots[0], supplier.size.staff
    if asked.value_eur is None or staff is None or not staff.max:
        return "sensible"
    yearly = asked.value_eur * 12 / max(asked.duration_months or 12, 12)
    return "wrong" if yearly > MOST_TIMES * EUROS_A_PERSON * staff.max else "sensible"


def _all_begin(codes: Sequence[str], beginnings: tuple[str, ...]) -> bool:
    return bool(codes) and all(code.startswith(beginnings) for code in codes)


def read_judge(data: Path, territories: Territories) -> FactJudge:
    """The judge with the facts of the real files."""
    naf: dict[str, Trade] = {}
    cpv: dict[str, Trade] = {}
    with FACTS.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            trade = Trade(row["family"], row["trade"])
            naf |= dict.fromkeys(row["naf"].split(), trade)
            cpv |= dict.fromkeys(row["cpv"].split(), trade)
    codes = {row["siret"]: row["naf"].upper() for row in table(data / "suppliers" / "siae_2020_iae.csv")}
    for name in ("StockEtablissement_transcoded", "StockEtablissement_2021_extract"):
        for row in table(data / "sirene" / f"{name}.csv.gz"):
            if code := row.get("activitePrincipaleEtablissement", ""):
                codes.setdefault(row["siret"], code.replace(".", "").upper())
    return FactJudge(naf, cpv, codes, dict(_places(data, territories)))


def _trades(codes: Iterable[str], table_: Mapping[str, Trade]) -> Iterator[Trade]:
    """The trades of codes by their longest known beginnings."""
    for code in codes:
        found = (table_.get(code[:length]) for length in range(len(code), 1, -1))
        if (trade := next(filter(None, found), None)) is not None:
            yield trade


def _places(data: Path, territories: Territories) -> Iterator[tuple[LotKey, tuple[float, float]]]:
    """The points of awards published with one commune or postal code, and of the towns of notices' buyers."""
    said: dict[str, set[str]] = defaultdict(set)
    for row in table(data / "awards" / "awards_2016_2024.csv.gz"):
        if len(row["place_code"]) == 5 and row["object"].strip():
            said[row["object"].strip()].add(row["place_code"])
    for words, codes in said.items():
        if len(codes) == 1 and (point := _point(codes.pop(), territories)):
            yield LotKey("award", digest(words), ""), point
    for line in (data / "notices" / "notices_ted_fr_sample.ndjson").read_text("utf-8").splitlines():
        notice = json.loads(line)
        if _is_of_a_town(notice["buyer"] or "") and (point := _point(notice["buyer_postal"] or "", territories)):
            for row in notice["lots"] or [{}]:
                yield LotKey("notice", notice["notice_id"], row.get("id") or ""), point


def _is_of_a_town(buyer: str) -> bool:
    return buyer.lower().startswith(("ville d", "commune d", "mairie d", "ccas"))


def _point(code: str, territories: Territories) -> tuple[float, float] | None:
    """The point of a commune by its code, else of the largest one that a postal code serves."""
    ordinal = territories.commune_ordinal(code)
    served = (ordinal,) if ordinal is not None else territories.communes_with_postal_code(code)
    found = max((territories.communes[each] for each in served), key=lambda each: each.population, default=None)
    return None if found is None or found.lat is None or found.lon is None else (found.lat, found.lon)


def agreement_on_wrong(pairs: Iterable[tuple[bool, bool]]) -> tuple[float, float]:
    """The share of pairs that two judges both call wrong, or both do not, and Cohen's kappa."""
    both = list(pairs)
    alike = sum(one == other for one, other in both) / len(both)
    one, other = (sum(pair[number] for pair in both) / len(both) for number in (0, 1))
    chance = one * other + (1 - one) * (1 - other)
    return alike, 1.0 if chance == 1 else (alike - chance) / (1 - chance)


def measure_facts(data: Path) -> None:
    """Print what the facts say of the first five candidates: of the lots that people judged, and of many others."""
    reference, judgements = load_reference(), read_judgements()
    judge, drawn = read_judge(data, reference.territories), read_lots(data, reference)
    known = {lot.key for lot in drawn}
    others = [lot for lot in real_lots(data, reference) if lot.key.source == "award" and lot.key not in known]
    others.sort(key=lambda lot: lot.key.id)
    for name, lots in (("judged by hand", drawn), ("others", others[:OTHERS])):
        pool = pool_without_lots(data, lots, reference)
        by_key = {lot.key: lot for lot in lots}
        found = {
            each.pair: judge.judge(by_key[each.pair.lot], pool.by_id[each.answer.supplier.id], each.answer.distance_km)
            for each in name_first(lots, pool, reference)
            if each.list_ == "candidates"
        }
        verdicts = Counter(each.verdict for each in found.values())
        causes = Counter(each.cause for each in found.values() if each.verdict == "wrong")
        told = ", ".join(f"{cause} {number}" for cause, number in causes.most_common())
        shares = ", ".join(f"{verdict} {verdicts[verdict] / len(found):.0%}" for verdict in VERDICTS)
        print(f"{name}: {len({pair.lot for pair in found})} lots, {len(found)} candidates; {shares}; wrong: {told}")
        both = [
            (each.verdict == "wrong", "wrong" in judgements[pair][:2])
            for pair, each in found.items()
            if pair in judgements
        ]
        if both:
            alike, kappa = agreement_on_wrong(both)
            print(f"{len(both)} candidates judged by hand too: both call {alike:.0%} wrong or not, kappa {kappa:.2f}")
