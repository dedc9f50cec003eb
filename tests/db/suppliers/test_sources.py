"""Sources and their settings."""

from datetime import date

from db.core.engine import Engine, transaction
from db.suppliers.sources import describe_source, get_source, list_sources, put_source
from domain.suppliers.source import QualityGap, QualityGaps, Row, Source, SourceMapping, SourceSummary
from domain.suppliers.supplier import Approval, Contact, Flag, Placement
from tests.db.suppliers.samples import LATER, NOW, addition, ask, load, new_id, put, record, row, rows

ON = date(2026, 11, 25)
SIRET = "22560001400016"

SETTINGS = Source(
    "carte",
    "La carte",
    "https://carte.example",
    SourceMapping({"10430": ("re-ressourcerie",)}, {"text_1": "description"}),
    5,
)


async def test_sources_are_listed_with_their_counts(engine: Engine) -> None:
    """An import that stored nothing is not the last one."""
    await load(engine, rows("a", "b"))
    last = await load(engine, rows("a"), now=LATER, id=new_id())
    await load(engine, rows("a"), now=LATER, dry_run=True)
    await ask(engine, put_source, SETTINGS, NOW)
    unsent, sent = await ask(engine, list_sources, ON)
    assert await ask(engine, get_source, "reseau") == Source("reseau")

    assert unsent == SourceSummary(name="carte", label=SETTINGS.label, url=SETTINGS.url)
    assert (sent.name, sent.records, sent.last_received_at) == ("reseau", 2, LATER)
    assert (sent.last_import_id, sent.last_import_at) == (last.id, LATER)


async def test_what_the_records_of_a_source_lack_is_counted(engine: Engine) -> None:
    """As it is now, whichever way they came, and however often they changed; other sources do not count."""
    full = record(siret=SIRET, contact=Contact(email="a@b.fr"))
    await load(engine, [row(1, "a"), row(2, "b", siret=SIRET), row(3, "c", siret=SIRET, offers=())])
    await put(engine, "d", record(offers=()), placement=Placement(flags=(Flag("no_place", ""), Flag("no_offer", ""))))
    await load(engine, [Row(1, "a", full), row(2, "c", contact=Contact(phone="0297000000"))])
    await put(engine, "b", full)
    await put(engine, "b", source="other")

    found = await ask(engine, describe_source, "reseau", ON)
    assert found is not None
    assert found.without == QualityGaps(
        place=QualityGap(1, 0.25), siret=QualityGap(2, 0.5), segment=QualityGap(1, 0.25), email=QualityGap(2, 0.5)
    )
    assert found.flags == {"no_offer": 1, "no_place": 1}


async def test_records_about_nobody_known_wait(engine: Engine) -> None:
    """By SIRET and by SIREN, until their supplier comes; sources without any such record have none."""
    added = [addition(1, "a", SIRET), addition(2, "b", SIRET[:9]), addition(3, "c", "55210055400013")]
    await load(engine, added, source="lists")
    assert [each.waiting for each in await ask(engine, list_sources, ON)] == [3]
    await put(engine, "a", record(siret=SIRET))
    assert {each.name: each.waiting for each in await ask(engine, list_sources, ON)} == {"lists": 1, "reseau": 0}


async def test_approvals_expire_without_a_change(engine: Engine) -> None:
    """One of the two kinds of `b` has ended; the approval of `c` is followed by another."""
    ended, until = Approval("ACI", valid_until=date(2026, 1, 31)), Approval("EI", valid_until=ON)
    await load(engine, [row(1, "a", approvals=(until,)), row(2, "b", approvals=(ended, until))])
    await put(engine, "c", record(approvals=(ended, Approval("ACI", valid_from=ON))))

    async with transaction(engine) as connection:
        for on, count in ((date(2026, 1, 31), 0), (ON, 1), (date(2026, 11, 26), 2)):
            (found,) = await list_sources(connection, on)
            assert found.flags == ({"approval_expired": count} if count else {})
