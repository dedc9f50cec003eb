"""The sample pool, imported into a database as any source's file is."""

from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO

import msgspec

from api.sample.generate import SAMPLE_DEPARTEMENTS, SAMPLE_SEED, SAMPLE_SIZE, generate
from api.sync.pipeline import SourceFile, import_file
from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.imports.log import Order
from db.suppliers.sources import put_source
from domain.audit import Actor
from domain.suppliers.source import Import, Source
from matching.reference import Reference
from sources.formats.registry import NDJSON

SAMPLE_SOURCE = Source("exemple", label="Fournisseurs générés pour la démonstration")


async def load_sample(
    engine: Engine, reference: Reference, on: date, clock: Callable[[], datetime], actor: Actor
) -> Import:
    """Import the sample pool; in the same month it finds what it left there unchanged.

    Approvals are dated around the first of the month of `on`, so that most of them are in force.
    """
    generated = generate(SAMPLE_SIZE, SAMPLE_SEED, reference, on.replace(day=1), SAMPLE_DEPARTEMENTS)
    async with transaction(engine) as connection:
        await put_source(connection, SAMPLE_SOURCE, clock())
    order = Order(id=new_id(clock()), source=SAMPLE_SOURCE.name, actor=actor)
    rows = ({"external_id": each.external_id, **msgspec.structs.asdict(each.record)} for each in generated)
    file = SourceFile(BytesIO(msgspec.json.Encoder().encode_lines(rows)), NDJSON)
    return await import_file(engine, reference, order, file, clock)
