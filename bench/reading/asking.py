"""The place of real winners among the suppliers of unknown trade that a buyer is told to ask.

The directory is made of the files of suppliers, with what contracts and purposes add, but for the contracts measured.
Of these, in the segments that a person read (else those of the object), each winner of which no trade is known is
looked for in the list, as it is told and in the order of distance alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from bench.reading import files
from domain.needs.need import Buyer, Lot, Need, Place, TerritoryRequest
from domain.reference import territory
from domain.shortlists.listed_suppliers import UnknownSupplier
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.source import Row
from domain.suppliers.supplier import SIREN_DIGITS, Placement, Supplier
from matching.engine import match
from matching.geo.record_placement import find_placements
from matching.index.live_index import Index, LiveIndex
from matching.reference import Reference, load_reference
from sources.file_types.csv_cells import legible_text

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FIRST = (5, 10, 50)


def measure_asking(data: Path) -> None:
    """Print how many winners of unknown trade stand among the first to ask."""
    reference = load_reference()
    awards = list(_awards(data))
    pool = list(_suppliers(data, reference, {award["award_id"] for award in awards}))
    by_siret = {supplier.siret: supplier for supplier in pool if supplier.siret}
    live = LiveIndex(Index.build(pool, reference.taxonomy, reference.cpv, reference.geography), 1)
    places: dict[str, Counter[int]] = {"as told": Counter(), "by distance alone": Counter()}
    winners = unknown = 0
    for award in awards:
        winner = by_siret.get(award["winner_siret"])
        winners += winner is not None
        if winner is None or winner.offers:
            continue
        unknown += 1
        told = match(_need(award), live, reference, NOW.date(), "fr").lots[0].unknown_trade.nearest
        for name, rows in (("as told", list(told)), ("by distance alone", sorted(told, key=_distance))):
            place = next((place for place, row in enumerate(rows) if row.supplier.id == winner.id), None)
            places[name].update(first for first in FIRST if place is not None and place < first)
    print(f"{len(pool)} suppliers, {winners} contracts with their winner among them, {unknown} of unknown trade")
    for name, counts in places.items():
        print(f"{name:18} " + ", ".join(f"among the first {first}: {counts[first]}" for first in FIRST))


def _distance(row: UnknownSupplier) -> float:
    return float("inf") if row.distance_km is None else row.distance_km


def _awards(data: Path) -> Iterator[dict[str, str]]:
    """The contracts that suppliers of the lists won, each once."""
    seen = set()
    for name in ("ess_awards.csv", "ess_awards_by_name.csv"):
        for award in files.table(data / "awards" / name):
            if award["departement"] and (key := (award["award_id"], award["winner_siret"])) not in seen:
                seen.add(key)
                yield award


def _need(award: Mapping[str, str]) -> Need:
    """The need that a contract answered: its segments, its place, and its words for what these do not say."""
    known = {code: commune.code for commune in territory.load().communes for code in commune.postal_codes}
    commune = award["commune"] or known.get(award["postal_code"], "")
    segments = tuple(award.get("segments", "").split())
    title = legible_text(award["object"])[:400]
    lot = Lot(id="1", title=title, segments=segments, site=Place(commune=commune) if commune else None)
    buyer = Buyer(siret=award["buyer_siret"]) if len(award["buyer_siret"]) == 14 else None
    within = TerritoryRequest(codes=(f"departement:{award['departement']}",))
    return Need(lots=(lot,), territory=within, buyer=buyer, unknown_trade=200)


def _suppliers(data: Path, reference: Reference, left_out: set[str]) -> Iterator[Supplier]:
    """The suppliers of the files, of one SIRET together; `left_out`: ids of contracts that nothing is learnt from."""
    context = files.load_context()
    makers = {"siae": files.siae, "esat": files.esat, "geiq": files.geiq, "sirene": files.sirene_of_2017}
    records = [(name, row) for name, read in makers.items() for row in read(data, context)]
    adding: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    learnt = (row for row in files.decp(data, context) if not any(one in row.external_id for one in left_out))
    for row in chain(learnt, files.rna(data, context)):
        adding[row.joins or ""].append(("decp", row))
    placements = find_placements([row.record for _, row in records], reference.geography)
    together: dict[str, list[StoredRecord]] = defaultdict(list)
    for (name, row), placement in zip(records, placements, strict=True):
        key = row.record.siret or f"{name}:{row.external_id}"
        together[key].append(_stored(name, row, placement))
    for key, stored in together.items():
        added = [_stored(*one, Placement()) for number in (key, key[:SIREN_DIGITS]) for one in adding.get(number, ())]
        yield assemble(uuid5(NAMESPACE_OID, key), [*stored, *added])


def _stored(source: str, row: Row, placement: Placement) -> StoredRecord:
    maker = None if row.joins else uuid5(NAMESPACE_OID, row.external_id)
    return StoredRecord(source, row.external_id, row.record, placement, maker, NOW, NOW)
