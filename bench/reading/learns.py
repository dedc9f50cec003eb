"""How many ordinary lots gain a supplier, and three, when thirty suppliers of unknown trade say what they do.

The hundred lots, chosen before any was matched: the twenty-five segments that people read most often in titles of real
contracts (`title_labels.csv`, without those titles that were drawn as doubtful), in each departement of Bretagne. Those
who answer: of the suppliers of unknown trade that a campaign in Bretagne writes to, one in so many that thirty do,
without those who are asked last (public bodies, groups of employers, clubs, who has no staff). Each ticks three, four
or five of the ten trades that its page puts before it, drawn by a digest, and leaves the rest of the form as it is.

There are several such thirties, none in two of them: each counts alone. The form is read, checked and matched as the
page's is; only the database is left out.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time
from itertools import product
from pathlib import Path
from statistics import mean
from uuid import UUID

import msgspec

from api.campaigns.recipients import suppliers_described
from api.declarations.page_form import declaration_of_form, form_of_declaration, understand_form
from bench.reading.files import TODAY
from bench.reading.real_pool import ListedSupplier, RealPool, read_pool
from bench.reading.titles import LABELS, SELECTED
from domain.campaigns.campaign import CampaignRequest
from domain.declarations.declaration import check_declaration
from domain.declarations.record import placement_of, record_of
from domain.needs.need import Lot, Need, TerritoryRequest
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import DECLARATIONS, Supplier
from matching.engine import match
from matching.index.live_index import LiveIndex
from matching.index.trade_groups import group_of_supplier
from matching.reference import Reference, load_reference
from matching.unknown_trade import likely_trades

PURCHASES, ANSWERING, LEAST_TICKS = 25, 30, 3
BRETAGNE, DEPARTEMENTS = "region:53", ("22", "29", "35", "56")
NO_TRADE: tuple[str, ...] = ()
ENOUGH = (1, 3)
"""The candidates that lots are counted by: any, and competition."""


def measure_learning(data: Path) -> None:
    """Print how many of the hundred lots have a candidate, and three, before and after each thirty answered."""
    reference = load_reference()
    pool = read_pool(data, reference)
    purchases = ordinary_purchases()
    before = lots_served(purchases, pool.live, reference)
    print(f"{PURCHASES * len(DEPARTEMENTS)} lots: {before[0]} with a candidate, {before[1]} with three")
    for asked_about in (NO_TRADE, purchases):
        told = "which names these trades" if asked_about else "which names no trade"
        print(f"a campaign {told}: with a candidate | with three, after thirty answered")
        after = []
        for some in answering(pool, reference, asked_about):
            live = pool.live.with_changes([declared(each, asked_about, pool.live, reference) for each in some], (), 2)
            after.append(lots_served(purchases, live, reference))
        print("  " + ", ".join(f"{one} | {three}" for one, three in after))
        rises = [mean(counts[place] - before[place] for counts in after) for place in (0, 1)]
        print(f"  on average {rises[0]:+.1f} | {rises[1]:+.1f}")


def ordinary_purchases() -> tuple[str, ...]:
    """The segments that people read most often in titles of real contracts."""
    with LABELS.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["set"] not in SELECTED]
    counted = Counter(segment for row in rows for segment in row["segments"].split())
    return tuple(segment for segment, _ in counted.most_common(PURCHASES))


def lots_served(purchases: Sequence[str], live: LiveIndex, reference: Reference) -> tuple[int, int]:
    """The numbers of lots with one candidate at least, and with three."""
    totals = []
    for segment, departement in product(purchases, DEPARTEMENTS):
        territory = TerritoryRequest(codes=(f"departement:{departement}",))
        need = Need((Lot("1", segments=(segment,)),), territory=territory, limit=1, near_misses=0)
        totals.append(match(need, live, reference, TODAY, "fr").lots[0].total)
    one, three = (sum(total >= enough for total in totals) for enough in ENOUGH)
    return one, three


def answering(pool: RealPool, reference: Reference, asked_about: Sequence[str]) -> list[list[ListedSupplier]]:
    """Each thirty of those who are written to and are not asked last, spread over all in the campaign's order."""
    territory = TerritoryRequest(codes=(BRETAGNE,))
    request = CampaignRequest(title="-", territory=territory, subject="-", body="-", segments=tuple(asked_about))
    asked = [pool.by_id[each] for each in suppliers_described(request, pool.live, reference, TODAY)]
    asked = [each for each in asked if not group_of_supplier(each.supplier).asked_last]
    step = len(asked) // ANSWERING
    return [asked[first::step][:ANSWERING] for first in range(step)]


def declared(listed: ListedSupplier, wanted: Sequence[str], live: LiveIndex, reference: Reference) -> Supplier:
    """The supplier once it has sent its page. `wanted`: the segments of the campaign."""
    one = listed.supplier
    trades = _ticked(one.id, likely_trades(one, wanted, live, reference))
    form = msgspec.structs.replace(form_of_declaration(None, one, TODAY), trades=trades)
    declaration = declaration_of_form(understand_form(form, reference), None)
    assert declaration.valid_until is not None
    assert not list(check_declaration(declaration, TODAY))
    record = record_of(declaration, one, declaration.valid_until, TODAY)
    now = datetime.combine(TODAY, time(), UTC)
    stored = StoredRecord(DECLARATIONS, str(one.id), record, placement_of(one), one.id, now, now)
    return assemble(one.id, [*listed.stored, stored])


def _ticked(supplier: UUID, shown: Sequence[str]) -> tuple[str, ...]:
    """Three, four or five of the trades shown, drawn by a digest."""
    drawn = sorted(shown, key=lambda segment: hashlib.sha1(f"{supplier}{segment}".encode()).digest())
    return tuple(drawn[: LEAST_TICKS + supplier.int % 3])
