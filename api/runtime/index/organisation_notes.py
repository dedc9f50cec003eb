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
        is_stale = {name: not _has_same_suppliers(view, index) for name, view in self.views.items()}
        notes = {name: view.noted.notes for name, view in self.views.items() if view.noted is not None}
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


def _has_same_suppliers(view: LiveIndex, index: LiveIndex) -> bool:
    """Whether an organisation's notes are on suppliers that are as they were in the index as it saw it last."""
    return view.noted is not None and index.has_same_suppliers(view.noted)
