"""Notes of organisations on suppliers, laid over the index that all share: read again only where it changed."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from db.core.engine import Engine
from db.suppliers.notes import noted_suppliers, version_of_notes, versions_of_notes
from domain.suppliers.note import NotedSupplier
from matching.index.live_index import LiveIndex

Views = Mapping[UUID, LiveIndex]
"""By organisation, the index as its matches see it."""


@dataclass(frozen=True)
class OrganisationNotes:
    """The notes of all organisations at a `version`, and the index as each organisation with notes matches against it.

    `versions`: of the notes of each organisation.
    """

    version: UUID | None = None
    versions: Mapping[UUID, UUID] = field(default_factory=dict)
    views: Views = field(default_factory=dict)

    async def over(
        self, index: LiveIndex, engine: Engine, run_in_thread: Callable[..., Awaitable[Views]]
    ) -> "OrganisationNotes":
        """The present notes over another `index`: those read again that have changed, or whose suppliers have.

        `run_in_thread`: calls a function in a thread.
        """
        async with engine.connect() as connection:
            version = await version_of_notes(connection)
        if not self.views and version == self.version:
            return self
        noted = {name: view.noted for name, view in self.views.items() if view.noted is not None}
        is_stale = {name: name not in noted or not index.has_same_suppliers(noted[name]) for name in self.views}
        notes = {name: of_one.notes for name, of_one in noted.items()}
        versions = self.versions
        if version != self.version or any(is_stale.values()):
            async with engine.connect() as connection:
                versions = await versions_of_notes(connection)
                changed = [
                    name for name, of_it in versions.items() if self.versions.get(name) != of_it or is_stale.get(name)
                ]
                notes |= await noted_suppliers(connection, changed) if changed else {}
        present = {name: some for name, some in notes.items() if some and name in versions}
        return OrganisationNotes(version, versions, await run_in_thread(self._views, index, present))

    def _views(self, index: LiveIndex, notes: Mapping[UUID, tuple[NotedSupplier, ...]]) -> Views:
        """The index as each organisation matches against it; what it kept of earlier answers stays where it holds."""
        before = {name: view.noted for name, view in self.views.items()}
        return {name: index.with_notes(some, before.get(name)) for name, some in notes.items()}
