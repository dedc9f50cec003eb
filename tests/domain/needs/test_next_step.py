"""The next step follows from the status and from what the record holds."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from domain.needs.need import Lot, PlannedNeed
from domain.needs.next_step import Progress, StepCode, next_step
from domain.needs.status import Status, StoredNeed

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CONTENT = PlannedNeed(lots=(Lot(id="1", title="tonte"), Lot(id="2", title="nettoyage")))
BOTH = frozenset(("1", "2"))
FROZEN = Progress(frozen=CONTENT, listed=BOTH)


def need(status: Status, content: PlannedNeed = CONTENT) -> StoredNeed:
    return StoredNeed(
        id=UUID(int=1), status=status, version=1, content=content, shortlists=1, created_at=NOW, updated_at=NOW
    )


@pytest.mark.parametrize(
    ("status", "progress", "code"),
    [
        ("draft", Progress(), "freeze"),
        ("draft", FROZEN, "decide"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=frozenset("1")), "decide"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=BOTH), "contact"),
        ("draft", msgspec.structs.replace(FROZEN, listed=frozenset("1"), decided=frozenset("1")), "contact"),
        ("draft", msgspec.structs.replace(FROZEN, decided=BOTH, exchanges=1), "begin"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=BOTH, exchanges=1), "publish"),
        ("published", msgspec.structs.replace(FROZEN, awarded=frozenset("2")), "award"),
        ("published", msgspec.structs.replace(FROZEN, awarded=BOTH), "close"),
        ("closed", FROZEN, "none"),
        ("abandoned", Progress(), "none"),
    ],
)
def test_the_next_step_follows_from_the_record(status: Status, progress: Progress, code: StepCode) -> None:
    assert next_step(need(status), progress).code == code


def test_another_name_asks_for_no_new_version_but_another_territory_does() -> None:
    renamed = msgspec.structs.replace(CONTENT, title="Espaces verts", description="Les parcs")
    moved = msgspec.structs.replace(CONTENT, lots=CONTENT.lots[:1])
    assert next_step(need("draft", renamed), FROZEN).code == "decide"
    assert next_step(need("draft", moved), FROZEN).code == "freeze"


def test_the_lots_left_are_counted_in_words() -> None:
    progress = msgspec.structs.replace(FROZEN, awarded=frozenset("2"))
    assert next_step(need("published"), progress).words.fr == "À attribuer : 1 lot sur 2"
