"""Sources and their settings."""

from db.connect import Engine, transaction
from db.known_sources import get_source, list_sources, put_source
from domain.source import Mapping, Source, SourceSummary
from tests.db.samples import LATER, NOW, load, new_id, put, rows

SETTINGS = Source(
    "carte", "La carte", "https://carte.example", Mapping({"10430": ("re-ressourcerie",)}, {"text_1": "description"}), 5
)


async def test_settings_are_kept_and_replaced(engine: Engine) -> None:
    async with transaction(engine) as connection:
        assert await put_source(connection, SETTINGS, NOW)
        assert await get_source(connection, "carte") == SETTINGS
        assert not await put_source(connection, Source("carte"), LATER)
        assert await get_source(connection, "carte") == Source("carte")
        assert await get_source(connection, "other") is None


async def test_writing_to_a_source_makes_it_known(engine: Engine) -> None:
    await put(engine)

    async with transaction(engine) as connection:
        assert await get_source(connection, "reseau") == Source("reseau")


async def test_sources_are_listed_with_their_counts(engine: Engine) -> None:
    """An import that stored nothing is not the last one."""
    await load(engine, rows("a", "b"))
    last = await load(engine, rows("a"), now=LATER, id=new_id())
    await load(engine, rows("a"), now=LATER, dry_run=True)
    async with transaction(engine) as connection:
        await put_source(connection, SETTINGS, NOW)

        assert await list_sources(connection) == [
            SourceSummary("carte", SETTINGS.label, SETTINGS.url, 0, None, None, None),
            SourceSummary("reseau", None, None, 2, LATER, last.id, LATER),
        ]
