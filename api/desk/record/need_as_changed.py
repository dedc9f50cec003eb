"""A stored need as its form changes it: only what is said otherwise than the form was shown is another."""

from typing import Any, TypeVar

import msgspec

from api.desk.need.form_of_need import form_of_need
from api.desk.need.understood_need import understand
from api.needs.edit_need import NeedChange, NeedDocument
from domain.needs.need import Buyer, Lot, Need, NeedAndProcedure
from matching.reference import Reference

T = TypeVar("T", bound=msgspec.Struct)


def taken_over(before: NeedDocument, said: NeedAndProcedure, reference: Reference) -> NeedChange:
    """The need with what its form says otherwise than before; what the form cannot say stays as it is."""
    as_shown = understand(form_of_need(before, keep_ids=True), reference).need
    changes = _changes(before, as_shown, said, NeedAndProcedure)
    return msgspec.structs.replace(before, **changes | {"lots": tuple(_lots(before, as_shown, said))})


def _lots(before: Need, as_shown: Need | None, said: Need) -> list[Lot]:
    stored = {lot.id: lot for lot in before.lots}
    shown = {lot.id: lot for lot in as_shown.lots} if as_shown else {}
    return [_lot(stored[lot.id], shown.get(lot.id), lot) if lot.id in stored else lot for lot in said.lots]


def _lot(before: Lot, as_shown: Lot | None, said: Lot) -> Lot:
    changes = _changes(before, as_shown, said, Lot)
    if "title" in changes:
        # other words were read anew: the trades of the old ones are not theirs
        changes["segments"] = said.segments
    return msgspec.structs.replace(before, **changes)


def _changes(before: Any, as_shown: Any, said: Any, kind: type[T]) -> dict[str, Any]:
    """The fields that the form says otherwise than it was shown; all that it says, where it could not be shown."""
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "lots":
            continue
        new = getattr(said, field.name)
        shown = field.default if as_shown is None else getattr(as_shown, field.name)
        if new != shown:
            changes[field.name] = _value(getattr(before, field.name), shown, new)
    return changes


def _value(before: Any, shown: Any, new: Any) -> Any:
    """A field as it is to be stored: of the buyer, what the form does not say stays."""
    if isinstance(new, Buyer) and isinstance(before, Buyer):
        return msgspec.structs.replace(before, **_changes(before, shown, new, Buyer))
    return new
