"""The suppliers in the database as an index that a command searches in its own process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from api.commands.database import attached
from api.runtime.index.index_files import IndexFiles
from api.runtime.index.live_index import IndexLoader
from api.settings import Settings
from db.core.engine import engine
from matching.index import LiveIndex
from matching.reference import Reference, load_reference


def load_index(settings: Settings) -> tuple[LiveIndex, Reference]:
    """The index of all suppliers as they are now, and the reference data, which is loaded meanwhile."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(1) as background:
            loading = background.submit(load_reference, settings.rules)
            url = stack.enter_context(attached(settings))
        reference = loading.result()
        files = IndexFiles(settings.index_folder, reference)
        return asyncio.run(IndexLoader(url, engine(url, pool_size=0), files).first()), reference
