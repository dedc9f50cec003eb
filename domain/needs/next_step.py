"""The next step of a stored need: the thing that its buyer has to do before anything else."""

from typing import Literal

import msgspec

from domain.needs.need import PlannedNeed
from domain.needs.status import MOVES, OPEN, StoredNeed, changed_fields
from domain.text.bilingual import Text

StepCode = Literal["freeze", "decide", "contact", "begin", "publish", "award", "close", "none"]

NAMES = frozenset(
    (
        "reference",
        "title",
        "description",
        "procedure",
        "planned_publication_on",
        "social_considerations",
        "environmental_considerations",
    )
)
"""The fields that name a need or plan its notice: another one is no reason to look for suppliers again."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The work on a need so far.

    `frozen`: the need as its latest shortlist has it; `listed`: the lots for which that lists somebody, `decided` those
    with a decision; `exchanges`: the number of them; `awarded`: the lots with an award.
    """

    frozen: PlannedNeed | None = None
    listed: frozenset[str] = frozenset()
    decided: frozenset[str] = frozenset()
    exchanges: int = 0
    awarded: frozenset[str] = frozenset()


class NextStep(msgspec.Struct, frozen=True):
    """The thing to be done next, as a code and in words."""

    code: StepCode
    words: Text


def next_step(need: StoredNeed, progress: Progress) -> NextStep:
    """The next step of a need, by the work on it so far."""
    if not MOVES[need.status]:
        return NextStep("none", Text("Rien : le dossier est terminé", "Nothing: the file is complete"))
    lots = [lot.id for lot in need.content.lots]
    if need.status not in OPEN:
        left = [lot for lot in lots if lot not in progress.awarded]
        return _award(len(left), len(lots)) if left else NextStep("close", CLOSE)
    if progress.frozen is None or changed_criteria(progress.frozen, need.content):
        return NextStep("freeze", FREEZE)
    undecided = [lot for lot in lots if lot in progress.listed and lot not in progress.decided]
    if undecided:
        return _decide(len(undecided), len(lots))
    if not progress.exchanges:
        return NextStep("contact", CONTACT)
    return NextStep("begin", BEGIN) if need.status == "draft" else NextStep("publish", PUBLISH)


def changed_criteria(before: PlannedNeed, after: PlannedNeed) -> tuple[str, ...]:
    """The names of the fields in which two needs differ, without those that name it or plan its notice."""
    return tuple(name for name in changed_fields(before, after) if name not in NAMES)


FREEZE = Text(
    "À figer : le besoin a changé depuis la dernière version de sa liste",
    "To be frozen: the need has changed since the last version of its shortlist",
)
CONTACT = Text(
    "À consulter : écrire aux fournisseurs, ou les rencontrer",
    "To be sounded out: write to the suppliers, or meet them",
)
BEGIN = Text(
    "Des échanges sont ouverts : noter que le sourcing a commencé", "Exchanges are open: note that sourcing has begun"
)
PUBLISH = Text(
    "Échanges en cours ; une fois l'avis publié, le noter ici",
    "Exchanges under way; once the notice is published, say so here",
)
CLOSE = Text("À clore : chaque lot est attribué", "To be closed: every lot is awarded")


def _decide(undecided: int, lots: int) -> NextStep:
    if lots == 1:
        return NextStep("decide", Text("Décisions à prendre : qui retenir", "Decisions to be taken: whom to keep"))
    return NextStep(
        "decide",
        Text(
            f"Décisions à prendre : qui retenir ({undecided} lot{'s' if undecided > 1 else ''} sur {lots})",
            f"Decisions to be taken: whom to keep ({undecided} of {lots} lots)",
        ),
    )


def _award(left: int, lots: int) -> NextStep:
    if lots == 1:
        return NextStep("award", Text("À attribuer", "To be awarded"))
    return NextStep(
        "award",
        Text(f"À attribuer : {left} lot{'s' if left > 1 else ''} sur {lots}", f"To be awarded: {left} of {lots} lots"),
    )
