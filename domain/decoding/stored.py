"""Documents of the database, which a later release may have written: read leniently, and what it added is kept.

They are decoded with the strict types of requests first: where nothing is unknown, leniency costs nothing. Else members
of other names are passed over, and values that a closed list has not: null where the type allows it, else the nearest
item of a list or member that may be left out. A field whose `Meta` says `extra=WHOLE` is read whole or not at all.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, cast

import msgspec
from msgspec import inspect as types

T = TypeVar("T")
Decode = Callable[[str | bytes], T]

WHOLE: Final = {"whole": True}
"""For `Meta(extra=…)`: a reader who left a part of it out would take it for something else."""

_LISTS = (types.ListType, types.VarTupleType, types.SetType, types.FrozenSetType, types.CollectionType)
_UNREADABLE: Final = object()
_encode, _parse = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
_sorted = msgspec.json.Encoder(order="sorted").encode


def stored_decoder(kind: type[T]) -> Decode[T]:
    """A lenient decoder of stored JSON to a `kind`: it passes over what a later release added.

    It raises msgspec.ValidationError for what cannot be read without the part that is unknown.
    """
    return cast("Decode[T]", _cached_decoder(cast("Hashable", kind)))


@cache
def _cached_decoder(kind: Any) -> Decode[Any]:
    strict = msgspec.json.Decoder(kind).decode

    def decode_leniently(stored: str | bytes) -> Any:
        try:
            return strict(stored)
        except msgspec.ValidationError:
            return strict(known_part(stored, kind))

    return decode_leniently


def read_stored(stored: str | bytes, kind: type[T]) -> T:
    """Decode stored JSON to a `kind`, leniently: a later release may have written the document."""
    return stored_decoder(kind)(stored)


def known_part(stored: str | bytes, kind: Any) -> bytes:
    """Stored JSON without members unknown to this release's `kind`; unchanged where the rest would be no `kind`."""
    document = _parse(stored)
    found = _known_value(document, _type_info(kind))
    return _encode(document if found is _UNREADABLE else found)


def read_row(row: Any, kind: type[T]) -> T:
    """A row of a table as a `kind`, read as leniently as a document."""
    try:
        return msgspec.convert(row, kind, from_attributes=True)
    except msgspec.ValidationError:
        names = kind.__struct_fields__  # type: ignore[attr-defined]
        fields = {name: getattr(row, name) for name in names if hasattr(row, name)}
        return msgspec.json.decode(known_part(_encode(fields), kind), type=kind)


def with_later_members(written: bytes, stored: str | bytes, kind: Any) -> bytes:
    """The new document `written`, with members unknown to this release kept from `stored`, which it replaces.

    Objects correspond by name. In lists those do that are the same to this release; else those of one `id`, or of one
    first member where the kind has no ids, if either list has it once.
    """
    before = stored.encode() if isinstance(stored, str) else stored
    try:
        # what this release would write so, byte for byte, holds nothing unknown
        if before == written or _encode(_cached_decoder(kind)(before)) == before:
            return written
    except msgspec.ValidationError:
        pass
    return _encode(_merge_values(_parse(before), _parse(written), _type_info(kind)))


class _Member(NamedTuple):
    """The type of a struct's member (None where nothing in it can be unknown), and whether it may be left out."""

    kind: types.Type | None
    may_be_absent: bool


_type_info = cache(types.type_info)


@cache
def _members_by_name(struct: type) -> dict[str, _Member]:
    fields = _type_info(struct).fields  # type: ignore[attr-defined]
    return {
        each.encode_name: _Member(
            each.type if _is_open(each.type) else None,
            not each.required and each.default in (None, (), msgspec.UNSET) and not _is_whole(each.type),
        )
        for each in fields
    }


def _is_open(kind: types.Type) -> bool:
    """Whether a value of this type may hold something that a later release added."""
    return any(isinstance(each, (types.StructType, types.LiteralType, types.DictType)) for each in _inner_types(kind))


def _inner_types(kind: types.Type) -> Iterator[types.Type]:
    """The type and every type inside it, without those of the members of structs."""
    yield kind
    inner: tuple[types.Type, ...] = ()
    if isinstance(kind, types.Metadata):
        inner = (kind.type,)
    elif isinstance(kind, types.UnionType):
        inner = kind.types
    elif isinstance(kind, _LISTS):
        inner = (kind.item_type,)
    elif isinstance(kind, types.DictType):
        inner = (kind.value_type,)
    for each in inner:
        yield from _inner_types(each)


def _fitting_type(value: Any, kind: types.Type) -> types.Type | None:
    """The type that a JSON value fits: `kind` without its metadata, or a member of the union; None if none fits."""
    if isinstance(kind, types.Metadata):
        return _fitting_type(value, kind.type)
    if isinstance(kind, types.UnionType):
        return next((found for each in kind.types if (found := _fitting_type(value, each)) is not None), None)
    if isinstance(kind, types.StructType):
        is_it = isinstance(value, dict) and (kind.tag_field is None or value.get(kind.tag_field) == kind.tag)
    elif isinstance(kind, (*_LISTS, types.TupleType)):
        is_it = isinstance(value, list)
    elif isinstance(kind, types.DictType):
        is_it = isinstance(value, dict)
    elif isinstance(kind, types.LiteralType):
        is_it = not isinstance(value, (dict, list)) and value in kind.values
    else:
        is_it = isinstance(kind, types.NoneType) == (value is None) and not isinstance(value, (dict, list))
    return kind if is_it or isinstance(kind, (types.AnyType, types.RawType)) else None


def _known_value(value: Any, kind: types.Type) -> Any:
    """The JSON value without what its type does not know; `_UNREADABLE` where what is left would not be of the type."""
    whole, variant = _is_whole(kind), _fitting_type(value, kind)
    found: Any = value
    if variant is None:
        found = _UNREADABLE if _is_open(kind) else value
    elif isinstance(variant, types.StructType):
        found = _known_members(value, variant)
    elif isinstance(variant, _LISTS):
        items = [_known_value(each, variant.item_type) for each in value]
        found = [each for each in items if each is not _UNREADABLE]
        found = _UNREADABLE if whole and len(found) < len(items) else found
    elif isinstance(variant, types.DictType):
        of_kind = {name: each for name, each in value.items() if _fitting_type(each, variant.value_type) is not None}
        read = {name: _known_value(each, variant.value_type) for name, each in of_kind.items()}
        found = {name: each for name, each in read.items() if each is not _UNREADABLE}
    may_be_null = found is _UNREADABLE and not whole and _fitting_type(None, kind) is not None
    return None if may_be_null else found


def _is_whole(kind: types.Type) -> bool:
    """Whether a field of this type is read whole or not at all (`WHOLE`)."""
    if isinstance(kind, types.UnionType):
        return any(map(_is_whole, kind.types))
    return isinstance(kind, types.Metadata) and kind.extra == WHOLE


def _known_members(value: dict[str, Any], struct: types.StructType) -> Any:
    """The members of a JSON object that a struct knows; `_UNREADABLE` where one that it needs cannot be read."""
    members, found = _members_by_name(struct.cls), {}
    for name, each in value.items():
        member = members.get(name)
        if member is None:
            if name == struct.tag_field:
                found[name] = each
        elif member.kind is None:
            found[name] = each
        elif (read := _known_value(each, member.kind)) is not _UNREADABLE:
            found[name] = read
        elif not member.may_be_absent:
            return _UNREADABLE
    return found


def _merge_values(before: Any, after: Any, kind: types.Type) -> Any:
    """The new value `after`, with those members and values of the old `before` that this release does not know."""
    variant = _fitting_type(after, kind)
    if not isinstance(variant, types.StructType) and _known_value(before, kind) == after:
        return before
    if isinstance(variant, types.StructType) and isinstance(before, dict):
        members = _members_by_name(variant.cls)
        later = {name: each for name, each in before.items() if name not in members and name != variant.tag_field}
        known = {name: member.kind for name, member in members.items() if member.kind is not None}
        merged = {name: _merge_values(before.get(name), after[name], known[name]) for name in after if name in known}
        return after | merged | later
    if isinstance(variant, types.DictType) and isinstance(before, dict):
        later = {name: each for name, each in before.items() if _fitting_type(each, variant.value_type) is None}
        return later | {name: _merge_values(before.get(name), each, variant.value_type) for name, each in after.items()}
    if isinstance(variant, _LISTS) and isinstance(before, list) and _is_open(variant.item_type):
        item = variant.item_type
        return [
            _merge_values(old, new, item) for old, new in zip(_counterparts(before, after, item), after, strict=True)
        ]
    return after


def _counterparts(before: list[Any], after: list[Any], item: types.Type) -> list[Any]:
    """The item of `before` that is the same as each item of `after`, None for a new one; `item`: the type of both."""
    known = [_known_value(each, item) for each in before]
    same = {_sorted(part): each for part, each in zip(known, before, strict=True) if part is not _UNREADABLE}
    old, new = [_identity_member(part, item) for part in known], [_identity_member(each, item) for each in after]
    sole = {name for name, times in Counter(new).items() if name is not None and times == 1 == old.count(name)}
    by_name = {name: each for name, each in zip(old, before, strict=True) if name in sole}
    return [same.get(_sorted(each), by_name.get(name or b"")) for name, each in zip(new, after, strict=True)]


def _identity_member(value: Any, kind: types.Type) -> bytes | None:
    """The JSON of the member that identifies an item of a list: `id`, else its type's first member; None if absent."""
    if not isinstance(value, dict):
        return None
    variant = _fitting_type(value, kind)
    members = _members_by_name(variant.cls) if isinstance(variant, types.StructType) else {}
    named = "id" if "id" in members else next(iter(members), "")
    return _sorted(value[named]) if named in value else None
