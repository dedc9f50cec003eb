"""The life of a need that is kept: from draft to closed, or abandoned."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.errors import Conflict
from domain.need import PlannedNeed
from domain.wording import Text

Status = Literal["draft", "sourcing", "published", "closed", "abandoned"]

MOVES: dict[Status, tuple[Status, ...]] = {
    "draft": ("sourcing", "abandoned"),
    "sourcing": ("published", "abandoned"),
    "published": ("closed", "abandoned"),
    "closed": (),
    "abandoned": (),
}
"""From each status, those that may follow it."""

OPEN: frozenset[Status] = frozenset(("draft", "sourcing"))
"""While a need may be talked over: once its notice is published, all suppliers have only what the notice says."""


class StoredNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A need as it is kept for an organisation. `version` counts its changes; `shortlists` those frozen so far."""

    id: UUID
    status: Status
    version: int
    content: PlannedNeed
    shortlists: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None = None
    ended_at: datetime | None = None


def require_move(before: Status, after: Status) -> None:
    """Raises Conflict (`illegal_move`), naming the moves that are allowed, where `after` cannot follow `before`."""
    if after == before or after in MOVES[before]:
        return
    allowed = ", ".join(MOVES[before]) or "—"
    raise Conflict(
        "illegal_move",
        Text(
            f"Un besoin « {before} » ne peut pas devenir « {after} » ; possibles : {allowed}",
            f"A need that is “{before}” cannot become “{after}”; possible: {allowed}",
        ),
    )


def require_open(status: Status) -> None:
    """Raises Conflict (`after-publication`) once the notice is published, or the need has ended (R2111-1, L3)."""
    if status not in OPEN:
        raise Conflict(
            "after-publication",
            Text(
                f"Ce besoin est « {status} » : plus d'échange avec des fournisseurs après la publication, "
                "pour que tous aient les mêmes informations",
                f"This need is “{status}”: no exchange with suppliers after publication, "
                "so that all have the same information",
            ),
        )
