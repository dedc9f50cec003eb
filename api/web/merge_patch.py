"""Merge patches (RFC 7396) of stored documents."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from domain.decoding.explain import explain
from domain.errors import InvalidContent

T = TypeVar("T")
Patch = dict[str, Any]


def patched(current: T, patch: Patch, kind: type[T]) -> T:
    """`current` with the merge patch applied, as a `kind`; other fields than those of `kind` cannot be changed.

    Members that the patch leaves out stay, null restores a member's default, objects are merged, lists replaced.
    Raises InvalidContent at the first place where the result is not a `kind`.
    """
    names = [field.encode_name for field in msgspec.structs.fields(kind)]  # type: ignore[arg-type]
    before = msgspec.to_builtins(current)
    merged = _merged({name: before[name] for name in names if name in before}, patch)
    # refused also where null would only have removed it
    unknown = {name: None for name in patch if name not in names}
    try:
        return msgspec.convert(merged | unknown, kind)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, kind),)) from None


def _merged(before: Any, patch: Any) -> Any:
    """`before` with `patch` applied: the algorithm of RFC 7396 §2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(before) if isinstance(before, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
