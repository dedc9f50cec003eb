"""The life of a need: every move is either allowed, or refused with those that are.

The next step follows from the status and from what the record holds.
"""

from datetime import UTC, datetime
from itertools import product
from typing import get_args
from uuid import UUID

import msgspec
import pytest

from domain.errors import Conflict
from domain.needs.need import Lot, PlannedNeed
from domain.needs.status import (
    MOVES,
    Progress,
    Status,
    StepCode,
    StoredNeed,
    next_step,
    require_move,
    state_in_words,
)

STATUSES: tuple[Status, ...] = get_args(Status)


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_moves(before: Status, after: Status) -> None:
    if after == before or after in MOVES[before]:
        require_move(before, after)
        return
    with pytest.raises(Conflict) as refused:
        require_move(before, after)
    assert refused.value.code == "illegal_move"
    assert all(allowed in refused.value.detail.fr for allowed in MOVES[before])


def test_what_has_ended_stays_so_and_all_else_can_be_abandoned() -> None:
    assert {status for status in STATUSES if "abandoned" in MOVES[status]} == {"draft", "sourcing", "published"}
    assert [status for status in STATUSES if not MOVES[status]] == ["closed", "abandoned"]


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
        ("draft", FROZEN, "contact"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=frozenset("1"), exchanges=1), "decide"),
        ("sourcing", msgspec.structs.replace(FROZEN, exchanges=1, to_deliver=1), "deliver"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=BOTH), "contact"),
        ("draft", msgspec.structs.replace(FROZEN, listed=frozenset("1"), decided=frozenset("1")), "contact"),
        ("draft", msgspec.structs.replace(FROZEN, decided=BOTH, exchanges=1), "begin"),
        ("draft", msgspec.structs.replace(FROZEN, decided=BOTH, exchanges=1, to_deliver=2), "deliver"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=BOTH, exchanges=1, to_deliver=1), "deliver"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=BOTH, exchanges=1), "publish"),
        ("sourcing", msgspec.structs.replace(FROZEN, decided=BOTH, meetings=1), "publish"),
        ("sourcing", msgspec.structs.replace(FROZEN, exchanges=1, unread=2, questions=1), "read"),
        ("sourcing", msgspec.structs.replace(FROZEN, exchanges=1, questions=1), "answer"),
        ("published", msgspec.structs.replace(FROZEN, exchanges=1, unread=2, questions=1), "award"),
        ("draft", Progress(frozen=CONTENT), "widen"),
        ("draft", Progress(frozen=CONTENT, exchanges=1), "begin"),
        ("published", msgspec.structs.replace(FROZEN, awarded=frozenset("2")), "award"),
        ("published", msgspec.structs.replace(FROZEN, awarded=BOTH), "close"),
        ("sourcing", msgspec.structs.replace(FROZEN, awarded=BOTH), "publish"),
        ("closed", FROZEN, "none"),
        ("abandoned", Progress(), "none"),
    ],
)
def test_the_next_step_follows_from_the_record(status: Status, progress: Progress, code: StepCode) -> None:
    assert next_step(need(status), progress).code == code


def test_what_the_step_is_about() -> None:
    """Another name asks for no new version, another territory does; it leads to the first lot."""
    renamed = msgspec.structs.replace(CONTENT, title="Espaces verts", description="Les parcs")
    moved = msgspec.structs.replace(CONTENT, lots=CONTENT.lots[:1])
    assert next_step(need("draft", renamed), FROZEN).code == "contact"
    assert next_step(need("draft", moved), FROZEN).code == "freeze"
    progress = msgspec.structs.replace(FROZEN, decided=frozenset("1"), meetings=1)
    assert next_step(need("sourcing"), progress).first_lot == 2
    assert next_step(need("published"), msgspec.structs.replace(FROZEN, awarded=frozenset("1"))).first_lot == 2
    progress = msgspec.structs.replace(FROZEN, awarded=frozenset("2"))
    assert next_step(need("published"), progress).words.fr == "Prochaine étape : noter l'attribution (1 lot sur 2)"


def test_the_state_follows_the_awards() -> None:
    told = [state_in_words(need("sourcing"), Progress(awarded=lots)).fr for lots in (frozenset(), frozenset("2"), BOTH)]
    assert told == ["Sourcing en cours", "En partie attribué", "Attribué"]
    assert state_in_words(need("abandoned"), Progress(awarded=BOTH)).fr == "Abandonné"


@pytest.mark.parametrize(("number", "words"), [(1, "Une réponse d'un"), (3, "3 réponses de")])
def test_what_is_to_be_read_is_counted_in_words(number: int, words: str) -> None:
    assert words in next_step(need("sourcing"), msgspec.structs.replace(FROZEN, unread=number)).words.fr
