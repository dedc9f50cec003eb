"""The status of a stored need, from draft to closed or abandoned, and what each status allows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.errors import Conflict
from domain.needs.need import PlannedNeed
from domain.text.bilingual import Text
from domain.text.labels import STATUSES

NO_NEED = Text("Aucun besoin de cet identifiant", "No need with this id")

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
"""The statuses that allow exchanges: once the notice is published, all suppliers have only what the notice says."""


AFTER_PUBLICATION = frozenset(("reference", "title", "description"))
"""The fields that may still change once the notice is published: names, not content."""


class StoredNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A stored need. `version` counts its changes; `shortlists` its frozen versions."""

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
    old, new, allowed = STATUSES[before], STATUSES[after], ", ".join(MOVES[before]) or "—"
    in_french = ", ".join(f"{STATUSES[each].fr} ({each})" for each in MOVES[before]) or "—"
    raise Conflict(
        "illegal_move",
        Text(
            f"Un besoin « {old.fr} » ne peut pas devenir « {new.fr} » ; possibles : {in_french}",
            f"A need that is “{old.en}” cannot become “{new.en}”; possible: {allowed}",
        ),
    )


def require_open(status: Status) -> None:
    """Raises Conflict (`after-publication`) once the notice is published, or the need has ended (R2111-1, L3)."""
    if status not in OPEN:
        raise Conflict(
            "after-publication",
            Text(
                f"Ce besoin est « {STATUSES[status].fr} » : les échanges avec les fournisseurs prennent fin à la "
                "publication, ou avec le besoin, pour que tous aient les mêmes informations",
                f"This need is “{STATUSES[status].en}”: exchanges with suppliers end with publication, or with the "
                "need, so that all have the same information",
            ),
        )


def changed_fields(before: PlannedNeed, after: PlannedNeed) -> tuple[str, ...]:
    """The names of the fields in which two needs differ."""
    names = PlannedNeed.__struct_fields__
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def require_change(status: Status, fields: Sequence[str]) -> None:
    """Raises Conflict (`need_is_published`, `need_has_ended`) where these fields cannot change any more."""
    refused = [name for name in fields if name not in AFTER_PUBLICATION]
    if status == "published" and refused:
        named, allowed = ", ".join(refused), ", ".join(sorted(AFTER_PUBLICATION))
        raise Conflict(
            "need_is_published",
            Text(
                f"L'avis est publié : {named} ne change plus ; peuvent encore changer : {allowed}, status",
                f"The notice is published: {named} cannot change any more; what still can: {allowed}, status",
            ),
        )
    if fields:
        require_not_ended(status)


def require_not_ended(status: Status) -> None:
    """Raises Conflict (`need_has_ended`) for a need that is closed or abandoned: nothing in it changes."""
    if not MOVES[status]:
        raise Conflict(
            "need_has_ended",
            Text(
                f"Ce besoin est « {STATUSES[status].fr} » : rien n'y change plus",
                f"This need is “{STATUSES[status].en}”: it is final",
            ),
        )
