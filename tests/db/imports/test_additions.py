"""Records that make no supplier: they wait for the suppliers of their SIRET or SIREN, and add to them."""

from collections import Counter
from datetime import date

import msgspec
import pytest

from db.core.engine import Engine
from db.imports.run import Order
from db.suppliers.regroup import split_record
from db.suppliers.sources import put_source
from domain.errors import InvalidContent
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.source import Row, RowError, Source
from domain.suppliers.supplier import Approval, Flag, Placement, PublicAward
from tests.db.suppliers.samples import (
    LATER,
    PONTIVY,
    Gate,
    addition,
    ask,
    broken,
    counts,
    delete,
    described,
    execute,
    load,
    names,
    new_id,
    put,
    record,
    row,
    same_name,
    the_only_one,
    version,
)

SIREN = "807469317"
SIRET, BRANCH, OTHER = SIREN + "00018", SIREN + "00026", "22560001400016"
ACI = Approval("ACI", valid_from=date(2025, 1, 1))


async def test_what_adds_to_nobody_waits_and_goes_without_a_trace(engine: Engine) -> None:
    first = await load(engine, [addition(1, "1", SIRET, approvals=(ACI,))], source="liste")
    again = await load(engine, [addition(1, "1", SIRET, approvals=())], source="liste")

    assert counts(first) == counts(again) == {"received": 1, "waiting": 1}
    assert (first.data_version, await version(engine), await names(engine)) == (0, 0, [])
    assert await described(engine, source="liste") is None
    assert await delete(engine, "1", source="liste") == await version(engine) == 0
    await put(engine, what=record(siret=SIRET))
    assert len((await the_only_one(engine)).sources) == 1


@pytest.mark.parametrize("way", ["put", "file"])
@pytest.mark.parametrize("number", [SIRET, SIREN])
async def test_it_joins_its_supplier_the_day_that_one_comes(engine: Engine, way: str, number: str) -> None:
    await load(engine, [addition(1, "1", number, ess=True, approvals=(ACI,))], source="liste")
    if way == "put":
        await put(engine, what=record(siret=SIRET))
    else:
        await load(engine, [row(1, "1", "Les Jardins du Blavet", siret=SIRET), row(2, "2", siret=OTHER)])

    found = await the_only_one(engine, siret=SIRET)
    assert (found.name, found.ess, found.approvals, found.siret) == ("Les Jardins du Blavet", True, (ACI,), SIRET)
    assert [ref.source for ref in found.sources] == ["reseau", "liste"]
    assert (found.provenance or {})["ess"] == "liste"
    assert await described(engine, source="liste") == found.id
    assert (await the_only_one(engine, source="liste")).id == found.id


async def test_it_adds_to_suppliers_that_are_known_as_one_change_of_the_directory(engine: Engine) -> None:
    """By SIREN, to each establishment of a legal unit."""
    await load(engine, [row(1, "1", siret=SIRET), row(2, "2", siret=BRANCH), row(3, "3", siret=OTHER)])
    added = [addition(1, "1", SIRET, approvals=(ACI,)), addition(2, "2", "1" * 14), addition(3, "3", SIREN, ess=True)]
    done = await load(engine, added, source="liste")

    assert counts(done) == {"received": 3, "added": 2, "waiting": 1}
    assert done.data_version == await version(engine) == 2
    found = [await the_only_one(engine, siret=siret) for siret in (SIRET, BRANCH, OTHER)]
    assert [(each.approvals, each.ess) for each in found] == [((ACI,), True), (None, True), (None, None)]


async def test_what_changes_or_goes_changes_its_suppliers(engine: Engine) -> None:
    await load(engine, [row(1, "1", siret=SIRET), row(2, "2", siret=OTHER)])
    some = [addition(line, str(line), SIRET, labels=(f"L{line}",)) for line in range(1, 7)]
    await load(engine, some, source="liste")
    assert len((await the_only_one(engine, siret=SIRET)).labels) == 6

    moved = addition(1, "1", OTHER, labels=("L1",))
    done = await load(engine, [moved, *some[1:5]], source="liste", now=LATER, mode="snapshot")
    assert counts(done) == {"received": 5, "changed": 1, "unchanged": 4, "removed": 1}
    assert (await the_only_one(engine, siret=SIRET)).labels == ("L2", "L3", "L4", "L5")
    assert (await the_only_one(engine, siret=OTHER)).labels == ("L1",)

    before = await version(engine)
    assert await delete(engine, "1", source="liste") == before + 1
    assert (await the_only_one(engine, siret=OTHER)).labels == ()


async def test_a_changed_supplier_keeps_what_is_added_to_its_siret(engine: Engine) -> None:
    """Whether a file or a single put changes it; with another SIRET it leaves that behind."""
    await load(engine, [addition(1, "1", SIRET, approvals=(ACI,))], source="liste")
    await load(engine, [row(1, "1", siret=SIRET)])
    await load(engine, [row(1, "1", "Atelier neuf", siret=SIRET)], now=LATER)
    assert (await the_only_one(engine)).approvals == (ACI,)
    await put(engine, what=record("Atelier plus neuf", siret=SIRET), now=LATER)
    assert (await the_only_one(engine)).approvals == (ACI,)
    await put(engine, what=record(siret=OTHER), now=LATER)
    assert (await the_only_one(engine)).approvals is None
    assert await described(engine, source="liste") is None


async def test_makers_and_additions_of_one_source_do_not_take_each_others_identifiers(engine: Engine) -> None:
    await load(engine, [row(1, "1", siret=SIRET)])
    done = await load(engine, [addition(1, "1", SIRET), addition(2, "2", SIRET)])
    assert counts(done) == {"received": 2, "added": 1, "rejected": 1}
    assert [(each.line, each.code) for each in done.errors] == [(1, "other_kind_of_record")]
    done = await load(engine, [row(1, "2", siret=OTHER)])
    assert counts(done) == {"received": 1, "rejected": 1}


async def test_a_put_makes_a_supplier_of_what_only_added_to_one(engine: Engine) -> None:
    await load(engine, [row(1, "1", siret=SIRET)])
    await load(engine, [addition(1, "1", SIRET, approvals=(ACI,))], source="liste")
    written = await put(engine, what=record("Atelier", siret=OTHER), source="liste", now=LATER)

    assert written.status == "changed"
    assert (await the_only_one(engine, siret=OTHER)).name == "Atelier"
    assert (await the_only_one(engine, siret=SIRET)).approvals is None


async def test_an_offer_that_is_added_takes_the_flag_of_having_none(engine: Engine) -> None:
    bare = Placement(PONTIVY.location, PONTIVY.commune, (Flag("no_offer", ""),))
    await put(engine, what=record(siret=SIRET, offers=()), placement=bare)
    await load(engine, [addition(1, "1", SIRET, offers=record().offers)], source="liste")
    found = await the_only_one(engine)
    assert ([each.segments for each in found.offers], found.flags) == ([("ev-entretien",)], ())


async def test_the_rank_of_a_list_counts_among_lists(engine: Engine) -> None:
    await put(engine, what=record(siret=SIRET))
    for source, employees in (("a", 1), ("b", 2)):
        await load(engine, [addition(1, "1", SIRET, employees=employees)], source=source)
    assert (await the_only_one(engine)).employees == 1
    await ask(engine, put_source, Source("b", rank=3), LATER)
    assert (await the_only_one(engine)).employees == 2


async def test_the_latest_twenty_contracts_are_told_with_their_sources(engine: Engine) -> None:
    await put(engine, what=record(siret=SIRET))
    days = [date(2020 + number % 5, 1, 1 + number) for number in range(25)]
    won = [PublicAward(object=f"M{number}", notified_on=day) for number, day in enumerate(days)]
    some = [addition(line, str(line), SIRET, public_awards=(each,)) for line, each in enumerate(won, 1)]
    await load(engine, some, source="decp")

    latest = sorted(won, key=lambda each: str(each.notified_on), reverse=True)[:20]
    told = (await the_only_one(engine)).public_awards
    assert [(each.object, each.notified_on, each.source) for each in told] == [
        (each.object, each.notified_on, "decp") for each in latest
    ]


@pytest.mark.parametrize(
    ("code", "mode"), [("withheld", "upsert"), ("natural_person", "snapshot"), ("not_active", "upsert")]
)
async def test_what_may_not_be_kept_takes_its_earlier_record_away(engine: Engine, mode: str, code: str) -> None:
    """Of a supplier's own record and of one that adds to it alike; other rejected rows keep theirs."""
    makers = [row(line, str(line), siret=f"{line}" * 14) for line in range(1, 4)]
    lists = [addition(line, str(line), f"{line}" * 14, ess=True) for line in range(1, 4)]
    await load(engine, makers)
    await load(engine, lists, source="liste")
    refused = [RowError(1, "1", "", code, ""), broken(2, "2")]

    done = await load(engine, [*refused, lists[2]], source="liste", now=LATER, mode=mode)
    assert counts(done) == {"received": 3, "unchanged": 1, "rejected": 2, "removed": 1}
    assert [(await the_only_one(engine, siret=f"{each}" * 14)).ess for each in (1, 2, 3)] == [None, True, True]

    done = await load(engine, [*refused, makers[2]], now=LATER, mode=mode, dry_run=True)
    assert counts(done)["removed"] == 1
    await load(engine, [*refused, makers[2]], now=LATER, mode=mode)
    assert await names(engine) == ["Atelier 2", "Atelier 3"]
    assert counts(await load(engine, [*refused, makers[2]], now=LATER, mode=mode)) == {
        "received": 3,
        "unchanged": 1,
        "rejected": 2,
    }


async def test_more_records_add_to_a_supplier_than_a_query_takes_parameters(engine: Engine) -> None:
    await put(engine, what=record(siret=SIRET))
    await load(engine, [addition(1, "0", SIRET)], source="liste")
    columns = "payload, content_hash, flags, created_at, changed_at, received_at, joins"
    numbered = f"SELECT source, n::text, {columns} FROM records, generate_series(1, 16400) n WHERE source = 'liste'"
    await execute(engine, f"INSERT INTO records (source, external_id, {columns}) {numbered}")
    await put(engine, what=record("Atelier", siret=SIRET), now=LATER)
    assert len((await the_only_one(engine)).sources) == 16_402


async def test_a_contract_that_two_sources_publish_is_told_once(engine: Engine) -> None:
    """The same twice from one source are two contracts."""
    await put(engine, what=record(siret=SIRET))
    lot = PublicAward("Ville", "Tonte", notified_on=date(2025, 1, 1))
    await load(engine, [addition(1, "V1/1", SIRET, public_awards=(lot, lot))], source="a")
    other = msgspec.structs.replace(lot, buyer="21560178600010")
    some = [addition(1, "V1/1", SIRET, public_awards=(other,)), addition(2, "V2/1", SIRET, public_awards=(lot,))]
    await load(engine, some, source="b", now=LATER)
    assert Counter(each.source for each in (await the_only_one(engine)).public_awards) == {"b": 2}


async def test_what_only_adds_is_not_split_from_its_supplier(engine: Engine) -> None:
    written = await put(engine, what=record(siret=SIRET))
    await load(engine, [addition(1, "1", SIRET)], source="liste")
    with pytest.raises(InvalidContent) as refused:
        await ask(engine, split_record, written.supplier_id, RecordKey("liste", "1"), same_name, LATER)
    assert refused.value.problems[0].code == "adds_by_number"


@pytest.mark.parametrize("under_way", ["suppliers", "list"])
async def test_what_comes_while_its_supplier_is_being_imported_joins_once(engine: Engine, under_way: str) -> None:
    """Whichever of the two imports has staged its rows when the other begins and ends."""
    makers = [row(line, str(line), siret=siret) for line, siret in enumerate((SIRET, OTHER), 1)]
    lists = [addition(1, "1", SIREN, ess=True), addition(2, "2", OTHER, labels=("RSEi",))]
    files: list[tuple[str, list[Row]]] = [("reseau", makers), ("liste", lists)]
    (slow, slow_rows), (fast, fast_rows) = files if under_way == "suppliers" else files[::-1]
    gate = Gate(slow_rows)
    importing = await gate.begin(engine, Order(id=new_id(), source=slow))
    await load(engine, fast_rows, source=fast)
    gate.open()
    await importing
    for siret, said in ((SIRET, (True, ())), (OTHER, (None, ("RSEi",)))):
        found = await the_only_one(engine, siret=siret)
        assert (found.ess, found.labels) == said
        assert Counter(ref.source for ref in found.sources) == {"reseau": 1, "liste": 1}
