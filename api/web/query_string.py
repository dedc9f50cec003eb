"""Strict query strings: every parameter is known, of its type, and given once unless it is a list.

A route declares them as the fields of a msgspec Struct: their `Meta` (bounds) and the string after a field also reach
OpenAPI. Days and instants become instants that the database compares.
"""

import math
from datetime import UTC, date, datetime, time, timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin
from urllib.parse import unquote_to_bytes

import msgspec

from api.web.problems import Refusal, shared_slug
from domain.decoding.requests import explain, hint_of_nearest
from domain.errors import Problem, null_character_problem, pointer
from domain.text.bilingual import PARIS, Text

T = TypeVar("T")


class NoQuery(msgspec.Struct, frozen=True):
    """The query of a route that takes no parameter."""


_WRITTEN_AS_TEXT = (msgspec.inspect.IntType, msgspec.inspect.FloatType, msgspec.inspect.BoolType)


class QueryReader(Generic[T]):
    """Reads a query string as the Struct `kind`; fields that are tuples may be repeated."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self.fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}  # type: ignore[arg-type]
        self._types = {name: _type_without_none(field.type) for name, field in self.fields.items()}
        # `extra={"opaque"}`: whoever reads it refuses what it did not write, in its own way
        self._repeatable, self._lax, self._opaque = set[str](), set[str](), set[str]()
        for name, written in self._types.items():
            info = msgspec.inspect.type_info(written)
            if isinstance(info, msgspec.inspect.Metadata):
                self._opaque |= {name} if (info.extra or {}).get("opaque") else set()
                info = info.type
            self._repeatable |= {name} if isinstance(info, msgspec.inspect.VarTupleType) else set()
            self._lax |= {name} if isinstance(info, _WRITTEN_AS_TEXT) else set()
        self._empty = kind() if not any(field.required for field in self.fields.values()) else None

    def read(self, query_string: bytes) -> T:
        """The parameters as a `kind`. Raises Refusal: 400 for an unknown name, 422 with all faults of the values."""
        if not query_string and self._empty is not None:
            return self._empty
        given = self._split(query_string)
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        for name, field in self.fields.items():
            if name in given:
                try:
                    texts = given[name] if name in self._repeatable else given[name][-1]
                    value = msgspec.convert(texts, self._types[name], strict=name not in self._lax)
                    if isinstance(value, float) and not math.isfinite(value):
                        raise msgspec.ValidationError("Expected `float`, got `str`")
                    values[field.name] = value
                except msgspec.ValidationError as error:
                    problem = explain(error, self._types[name])
                    problems.append(msgspec.structs.replace(problem, pointer=pointer(name) + problem.pointer))
            elif field.required:
                detail = Text(f"Le paramètre « {name} » est obligatoire", f"The parameter “{name}” is required")
                problems.append(Problem(pointer(name), "missing_parameter", detail))
        detail = Text("Ce paramètre ne se donne qu'une fois", "This parameter may be given only once")
        repeated = (name for name, texts in given.items() if len(texts) > 1 and name not in self._repeatable)
        problems.extend(Problem(pointer(name), "repeated_parameter", detail) for name in repeated)
        if problems:
            raise invalid_query(*problems)
        return self.kind(**values)

    def _split(self, query_string: bytes) -> dict[str, list[str]]:
        """The decoded texts of each parameter, in the order given. Raises Refusal (400) for an unknown name."""
        given: dict[str, list[str]] = {}
        for pair in query_string.split(b"&"):
            if pair:
                raw_name, _, raw_value = pair.partition(b"=")
                name = unquote_to_bytes(raw_name.replace(b"+", b" ")).decode(errors="replace")
                if name not in self.fields:
                    none = Text(" ; cette route n'en prend aucun", "; this route takes none")
                    hint = hint_of_nearest(name, tuple(self.fields)) if self.fields else none
                    shown = name[:80]
                    detail = Text(f"Paramètre inconnu : « {shown} »{hint.fr}", f"Unknown parameter: “{shown}”{hint.en}")
                    problem = Problem(pointer(name), "unknown_parameter", detail)
                    raise Refusal("unknown-query-parameter", detail, (problem,), place="query")
                given.setdefault(name, []).append(_decode_value(name, raw_value, strict=name not in self._opaque))
        return given


def invalid_query(*problems: Problem) -> Refusal:
    """The refusal (422) of a query for these problems; their pointers name parameters, such as `/limit`."""
    return Refusal(shared_slug(problems, "invalid-query"), problems[0].detail, problems, place="query")


def _decode_value(name: str, raw: bytes, *, strict: bool) -> str:
    """A value, percent-decoded. Raises Refusal (422) where it is not UTF-8 or holds a NUL character, if `strict`."""
    decoded = unquote_to_bytes(raw.replace(b"+", b" "))
    if not strict:
        return decoded.decode(errors="replace")
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        detail = Text("Texte en UTF-8 attendu", "Expected a text in UTF-8")
        raise invalid_query(Problem(pointer(name), "wrong_encoding", detail)) from None
    if "\0" in text:
        raise invalid_query(null_character_problem(pointer(name)))
    return text


def _type_without_none(kind: Any) -> Any:
    """The type without None, which stands for an absent parameter and cannot be written."""
    if get_origin(kind) is Annotated:
        inner, *meta = get_args(kind)
        return Annotated[(_type_without_none(inner), *meta)]
    if get_origin(kind) in {Union, UnionType}:
        return Union[tuple(member for member in get_args(kind) if member is not NoneType)]  # noqa: UP007
    return kind


def start_of_day(day: date | None) -> datetime | None:
    """The instant a day begins in France; None for `date.min`, which cannot be converted to UTC."""
    return None if day is None or day == date.min else datetime.combine(day, time(), PARIS)


def end_of_day(day: date | None) -> datetime | None:
    """The instant the next day begins in France; None for `date.max`."""
    return None if day is None or day == date.max else start_of_day(day + timedelta(days=1))


def in_utc(instant: datetime | None) -> datetime | None:
    """The instant in UTC; `datetime.min` or `datetime.max` where the conversion would lead beyond them."""
    if instant is None:
        return None
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        early = instant.year == date.min.year
        return datetime.min.replace(tzinfo=UTC) if early else datetime.max.replace(tzinfo=UTC)
