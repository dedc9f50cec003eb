"""The status of a stored need, from draft to closed or abandoned, and what each status allows.

Its next step is the thing that its buyer has to do before anything else.
"""

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


StepCode = Literal[
    "read", "answer", "freeze", "widen", "decide", "contact", "deliver", "begin", "publish", "award", "close", "none"
]

NAMES = frozenset(
    (
        "reference",
        "title",
        "description",
        "procedure",
        "social_considerations",
        "environmental_considerations",
    )
)
"""The fields that name a need or plan its procedure: another one is no reason to look for suppliers again."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The work on a need so far.

    `frozen`: the need as its latest shortlist has it; `listed`: the lots for which that lists somebody, `decided` those
    with a decision; `exchanges`: the number of them, `meetings` that of those that were not cancelled; `unread`,
    `questions`: the numbers of suppliers' messages that nobody has read, and of questions without an answer;
    `to_deliver`: that of messages that the buyer is to bring to recipients and has not confirmed, nor any answer shown
    to have arrived; `awarded`: the lots with an award.
    """

    frozen: PlannedNeed | None = None
    listed: frozenset[str] = frozenset()
    decided: frozenset[str] = frozenset()
    exchanges: int = 0
    meetings: int = 0
    unread: int = 0
    questions: int = 0
    to_deliver: int = 0
    awarded: frozenset[str] = frozenset()


class NextStep(msgspec.Struct, frozen=True):
    """The thing to be done next, as a code and in words. `place`: of the first lot that it is about, from 1."""

    code: StepCode
    words: Text
    place: int = 1


def next_step(need: StoredNeed, progress: Progress) -> NextStep:
    """The next step of a need, by the work on it so far."""
    if not MOVES[need.status]:
        return NextStep("none", Text("Rien : le dossier est terminé", "Nothing: the file is complete"))
    lots = [lot.id for lot in need.content.lots]
    if need.status not in OPEN:
        left = [lot for lot in lots if lot not in progress.awarded]
        return _award(left, lots) if left else NextStep("close", CLOSE)
    return _with_suppliers(progress) or _with_the_list(need, progress, lots) or _moving_on(need, progress)


def _with_suppliers(progress: Progress) -> NextStep | None:
    """The next step with suppliers: those who wrote come first."""
    if progress.unread:
        return NextStep("read", _counted(progress.unread, *READ))
    return NextStep("answer", _counted(progress.questions, *ANSWER)) if progress.questions else None


def _with_the_list(need: StoredNeed, progress: Progress, lots: list[str]) -> NextStep | None:
    if progress.frozen is None or changed_criteria(progress.frozen, need.content):
        return NextStep("freeze", FREEZE)
    undecided = [lot for lot in lots if lot in progress.listed and lot not in progress.decided]
    return _decide(undecided, lots) if undecided else None


def _moving_on(need: StoredNeed, progress: Progress) -> NextStep:
    if not progress.exchanges and not progress.meetings:
        return NextStep("contact", CONTACT) if progress.listed else NextStep("widen", WIDEN)
    if progress.to_deliver:
        return NextStep("deliver", _counted(progress.to_deliver, *DELIVER))
    return NextStep("begin", BEGIN) if need.status == "draft" else NextStep("publish", PUBLISH)


def changed_criteria(before: PlannedNeed, after: PlannedNeed) -> tuple[str, ...]:
    """The names of the fields in which two needs differ, without those that name it or plan its procedure."""
    return tuple(name for name in changed_fields(before, after) if name not in NAMES)


READ = (
    Text("À lire : une réponse d'un fournisseur", "To be read: an answer of a supplier"),
    Text("À lire : {} réponses de fournisseurs", "To be read: {} answers of suppliers"),
)
ANSWER = (
    Text("Une question d'un fournisseur attend votre réponse", "A question of a supplier awaits your answer"),
    Text("{} questions de fournisseurs attendent votre réponse", "{} questions of suppliers await your answer"),
)
WIDEN = Text(
    "Personne sur la liste : élargir le besoin (territoire, distance, réservation), ou interroger ceux dont l'activité "
    "n'est pas connue",
    "Nobody on the list: widen the need (territory, distance, reservation), or ask those whose trade is not known",
)
FREEZE = Text(
    "À figer : le besoin a changé depuis la dernière version de sa liste",
    "To be frozen: the need has changed since the last version of its shortlist",
)
CONTACT = Text(
    "À consulter : écrire aux fournisseurs, ou les rencontrer",
    "To be sounded out: write to the suppliers, or meet them",
)
DELIVER = (
    Text(
        "À confirmer : une lettre à poster",
        "To be confirmed: a letter to post",
    ),
    Text(
        "À confirmer : {} lettres à poster",
        "To be confirmed: {} letters to post",
    ),
)
BEGIN = Text(
    "Des échanges sont ouverts : noter que le sourcing a commencé", "Exchanges are open: note that sourcing has begun"
)
PUBLISH = Text(
    "Échanges en cours ; une fois l'avis publié, le noter ici",
    "Exchanges under way; once the notice is published, say so here",
)
CLOSE = Text("À clore : chaque lot est attribué", "To be closed: every lot is awarded")


def _counted(number: int, one: Text, many: Text) -> Text:
    """The words for one or for many, with their number."""
    return one if number == 1 else Text(many.fr.format(number), many.en.format(number))


def _decide(undecided: list[str], lots: list[str]) -> NextStep:
    place, number = lots.index(undecided[0]) + 1, len(undecided)
    if len(lots) == 1:
        return NextStep("decide", Text("Décisions à prendre : qui retenir", "Decisions to be taken: whom to keep"))
    words = Text(
        f"Décisions à prendre : qui retenir ({number} lot{'s' if number > 1 else ''} sur {len(lots)})",
        f"Decisions to be taken: whom to keep ({number} of {len(lots)} lots)",
    )
    return NextStep("decide", words, place)


def _award(left: list[str], lots: list[str]) -> NextStep:
    place, number = lots.index(left[0]) + 1, len(left)
    if len(lots) == 1:
        return NextStep("award", Text("À attribuer", "To be awarded"))
    words = Text(
        f"À attribuer : {number} lot{'s' if number > 1 else ''} sur {len(lots)}",
        f"To be awarded: {number} of {len(lots)} lots",
    )
    return NextStep("award", words, place)
