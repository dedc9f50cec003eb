"""Forms as structs: each field is declared once, with its place in a request and how its text is read and shown.

A form is a struct of texts as they were typed, kept even where they are wrong. Its attributes are annotated with a
`Field` or, where forms repeat in it, with `Rows`. From these annotations a form is read from submitted fields and
written as fields, made into a request, filled in from one, and its mistakes are put at their fields. A `pattern` says
how a page names the fields of a form: `{name}`, or `lot-2-{name}` for those of the second lot.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from math import inf
from typing import Any, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from api.desk.frame.layout import SAID
from api.web.html_pages import Fields
from domain.decoding.requests import explain
from domain.errors import InvalidContent, Problem
from domain.text.bilingual import Text


class Unreadable(Exception):
    """Raised for a text that a field does not admit. `detail`: what to enter instead."""

    def __init__(self, detail: Text) -> None:
        super().__init__(detail.en)
        self.detail = detail


class FieldKind(NamedTuple):
    """Two conversions: of a field's text or texts into a value of the request (`read`), and of that value back.

    `read` raises Unreadable; `show` makes the text.
    """

    read: Callable[[Any], Any]
    show: Callable[[Any], Any]


def _read_number(text: str) -> float | None:
    plain = "".join(text.split()).removesuffix("€").removesuffix("km").replace(",", ".")
    if not plain:
        return None
    if plain.replace(".", "", 1).isdecimal() and plain.isascii() and len(plain) <= 15:
        return float(plain)
    raise Unreadable(SAID["no_number"])


def plain_number(number: float | None) -> str:
    """A number as people write it, to the cent: “240 000”, “12.5”."""
    if number is None:
        return ""
    whole, _, part = f"{number:,.2f}".partition(".")
    return ".".join(filter(None, (whole.replace(",", " "), part.rstrip("0"))))


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Unreadable(SAID["no_day"]) from None


def siret_in(text: str) -> str | None:
    """The text without its spaces where that is a SIRET (14 digits); None where it is not."""
    digits = "".join(text.split())
    return digits if len(digits) == 14 and digits.isascii() and digits.isdecimal() else None


def choice_of(codes: Collection[str]) -> FieldKind:
    """The kind of a field that takes one of `codes`; any other text is read as None."""
    return FieldKind(lambda text: text if text in codes else None, lambda code: code or "")


def choices_among(codes: Collection[str]) -> FieldKind:
    """The kind of a field of check boxes, one per code: read as the ticked codes in the order of `codes`."""
    return FieldKind(lambda texts: tuple(code for code in codes if code in texts), lambda ticked: tuple(ticked or ()))


def restricted(kind: FieldKind, is_right: Callable[[Any], bool], otherwise: Text) -> FieldKind:
    """The kind that reads as `kind` does, but where `is_right` is false of the value, the mistake is `otherwise`."""

    def read_and_check(text: Any) -> Any:
        value = kind.read(text)
        if not is_right(value):
            raise Unreadable(otherwise)
        return value

    return FieldKind(read_and_check, kind.show)


def required(kind: FieldKind, missing: Text) -> FieldKind:
    """The kind for a field that must be filled in; `missing` is the mistake where it is empty."""
    return restricted(kind, bool, missing)


def bounded_text(most: int) -> FieldKind:
    """The kind of a text field of at most `most` characters."""
    detail = Text(f"{most} caractères au plus", f"At most {most} characters")
    return restricted(WORDS, lambda words: len(words or "") <= most, detail)


def bounded_number(no_number: Text, least: float = -inf, most: float = inf) -> FieldKind:
    """The kind of a field with a number from `least` to `most`; `no_number` is the mistake for any other text."""
    return restricted(NUMBER, lambda number: number is None or least <= number <= most, no_number)


def whole_number(no_number: Text, least: float = -inf, most: float = inf) -> FieldKind:
    """The kind of a field with a whole number from `least` to `most`; `no_number` is the mistake for any other text."""
    kind = restricted(bounded_number(no_number, least, most), lambda n: n is None or n.is_integer(), no_number)
    return FieldKind(lambda text: None if (number := kind.read(text)) is None else int(number), kind.show)


WORDS = FieldKind(lambda text: text or None, lambda words: words or "")
AS_TYPED = FieldKind(str, str)
SEVERAL = FieldKind(tuple, tuple)
NUMBER = FieldKind(_read_number, plain_number)
"""As people write it in French or English: “240 000”, “12,5”."""
DAY = FieldKind(_read_day, lambda day: day.isoformat() if day else "")
TICKED = FieldKind(bool, lambda is_so: "oui" if is_so else "")
YES_OR_NO = FieldKind({"oui": True, "non": False}.get, {True: "oui", False: "non", None: ""}.get)


Form = TypeVar("Form", bound=msgspec.Struct)
Request = TypeVar("Request", bound=msgspec.Struct)
NAME = "{name}"


class Mistake(NamedTuple):
    """A mistake in a form: the id of the field, and a sentence that says what to enter."""

    field: str
    detail: Text


class WrongForm(InvalidContent):
    """Raised for a form with mistakes, which its page then shows at the fields."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(tuple(Problem("", "form", each.detail) for each in mistakes))
        self.mistakes = mistakes


class Field(NamedTuple):
    """A form field: its `name` in HTML, and the `path` that its value has in the request, such as `buyer/siret`.

    Without a `kind` the value is not read from this field alone. `also`: further paths whose problems are shown here;
    `at`: the field at which problems are shown instead.
    """

    name: str
    path: str = ""
    kind: FieldKind | None = None
    also: tuple[str, ...] = ()
    at: str = ""


class Rows(NamedTuple):
    """A form repeated in rows numbered from 1. `pattern`: of its field names, such as `lot-{row}-{name}`.

    `path`: of the list in the request; `most`: the rows read at most; `otherwise`: the field of problems with no other.
    """

    pattern: str
    path: str
    most: int
    otherwise: str

    def pattern_in_row(self, row: int) -> str:
        """The pattern of the field names in this row, such as `lot-2-{name}`."""
        return self.pattern.replace("{row}", str(row))

    def row_number_of(self, name: str) -> int | None:
        """The number of the row to which the field `name` belongs; None where it belongs to none."""
        found = _row_regex(self.pattern).fullmatch(name)
        return int(found["row"]) if found else None


@cache
def _row_regex(name_pattern: str, among: tuple[str, ...] = ()) -> re.Pattern[str]:
    """The regular expression for field names in rows, with the number as `row`; `among`: the only fields allowed."""
    name = "|".join(map(re.escape, among)) or r"\w+"
    row = r"(?P<row>[1-9][0-9]{0,2})"
    return re.compile(re.escape(name_pattern).replace(r"\{row\}", row).replace(r"\{name\}", f"(?:{name})"), re.ASCII)


@cache
def _annotations(form: type[msgspec.Struct]) -> Mapping[str, tuple[Field | Rows, Any]]:
    """For each annotated attribute of a form: its `Field` or `Rows`, and its type."""
    hints = get_type_hints(form, include_extras=True).items()
    return {name: (hint.__metadata__[0], hint.__origin__) for name, hint in hints if hasattr(hint, "__metadata__")}


def _fields(form: type[msgspec.Struct]) -> Iterator[tuple[str, Field]]:
    """Each attribute of a form that is annotated with a `Field`, with that `Field`."""
    for attribute, (declared, _) in _annotations(form).items():
        if isinstance(declared, Field):
            yield attribute, declared


def _rows(form: type[msgspec.Struct]) -> Iterator[tuple[str, Rows, type[msgspec.Struct]]]:
    """Each attribute of a form that is annotated with `Rows`, with the `Rows` and the type of the repeated form."""
    for attribute, (declared, kind) in _annotations(form).items():
        if isinstance(declared, Rows):
            yield attribute, declared, get_args(kind)[0]


def read_form(form: type[Form], fields: Fields, name_pattern: str = NAME) -> Form:
    """The form filled in from the submitted `fields`; an attribute whose field is absent has its default."""
    read: dict[str, Any] = {}
    for attribute, field in _fields(form):
        texts = fields.get(name_pattern.replace(NAME, field.name))
        if texts is not None:
            is_one = _annotations(form)[attribute][1] is str
            read[attribute] = texts[-1] if is_one else tuple(dict.fromkeys(filter(None, texts)))
    for attribute, rows, of_row in _rows(form):
        own = _row_regex(rows.pattern, tuple(field.name for _, field in _fields(of_row)))
        last = min(rows.most, max((int(found["row"]) for name in fields if (found := own.fullmatch(name))), default=0))
        if last:
            read[attribute] = tuple(read_form(of_row, fields, rows.pattern_in_row(row)) for row in range(1, last + 1))
    return form(**read)


def form_fields(form: msgspec.Struct, name_pattern: str = NAME) -> Iterator[tuple[str, str]]:
    """The name and text of each field of a form, as a browser submits them."""
    for attribute, field in _fields(type(form)):
        value = getattr(form, attribute)
        for text in (value,) if isinstance(value, str) else value:
            yield name_pattern.replace(NAME, field.name), text
    for attribute, rows, _ in _rows(type(form)):
        for row, each in enumerate(getattr(form, attribute), 1):
            yield from form_fields(each, rows.pattern_in_row(row))


def texts_of(form: msgspec.Struct, name_pattern: str = NAME) -> dict[str, list[str]]:
    """The texts of a form's fields, by field name (the type of `Visit.fields`)."""
    texts: dict[str, list[str]] = {}
    for name, text in form_fields(form, name_pattern):
        texts.setdefault(name, []).append(text)
    return texts


def form_of_request(form: type[Form], request: object, **others: Any) -> Form:
    """The form filled in from a request; `others`: attributes that are set as given, not from the request."""
    said: dict[str, Any] = {}
    for attribute, field in _fields(form):
        if field.kind is not None:
            value = request
            for step in field.path.split("/"):
                value = getattr(value, step, None)
            said[attribute] = field.kind.show(value)
    for attribute, rows, of_row in _rows(form):
        if attribute not in others:
            said[attribute] = tuple(form_of_request(of_row, each) for each in getattr(request, rows.path, None) or ())
    return form(**said | others)


def request_parts(form: msgspec.Struct, mistakes: list[Mistake], name_pattern: str = NAME) -> dict[str, Any]:
    """The nested dicts of a request that a form's fields (not its rows) make; what is unreadable joins `mistakes`."""
    said: dict[str, Any] = {}
    for attribute, field in _fields(type(form)):
        if field.kind is None:
            continue
        part, (*outer, last) = said, field.path.split("/")
        for step in outer:
            part = part.setdefault(step, {})
        part[last] = read_text(field.kind, getattr(form, attribute), name_pattern.replace(NAME, field.name), mistakes)
    return said


def request_list(
    rows: Rows, forms: Iterable[msgspec.Struct], mistakes: list[Mistake], unnamed: Text
) -> list[dict[str, Any]]:
    """The list in a request that filled-in rows make; `unnamed`: the mistake of a row whose first field is empty."""
    said = []
    for row, form in enumerate(forms, 1):
        texts = [getattr(form, attribute) for attribute, field in _fields(type(form)) if field.kind is not TICKED]
        if texts[0]:
            said.append(request_parts(form, mistakes, rows.pattern_in_row(row)))
        elif any(texts):
            mistakes.append(Mistake(rows.pattern_in_row(row).replace(NAME, rows.otherwise), unnamed))
    return said


def read_text(kind: FieldKind, text: str | tuple[str, ...], field: str, mistakes: list[Mistake]) -> Any:
    """The value of the text in `field`, read by `kind`; None, and one more of `mistakes`, where it is unreadable."""
    try:
        return kind.read(text)
    except Unreadable as unreadable:
        mistakes.append(Mistake(field, unreadable.detail))
        return None


def checked_request(parts: object, kind: type[Request]) -> Request:
    """The request of type `kind` made of `parts`, dicts or an instance, its bounds checked. Raises InvalidContent."""
    try:
        # as JSON has it: what is an instance already would be taken as it is, its bounds unchecked
        return msgspec.convert(msgspec.to_builtins(parts), kind)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, kind),)) from None


def request_of_form(form: msgspec.Struct, kind: type[Request], name_pattern: str = NAME, **others: Any) -> Request:
    """The request of type `kind` that a form makes; `others` replace parts of it. Raises InvalidContent."""
    mistakes: list[Mistake] = []
    parts = request_parts(form, mistakes, name_pattern) | others
    if mistakes:
        raise WrongForm(mistakes)
    return checked_request(parts, kind)


def field_mistakes(
    wrong: InvalidContent,
    form: type[msgspec.Struct],
    name_pattern: str = NAME,
    otherwise: str = "",
    **elsewhere: str,
) -> tuple[Mistake, ...]:
    """The problems of a request as mistakes at the form's fields; `elsewhere` names a field for paths that have none.

    Problems with neither are put at the field `otherwise`, or without that at the first field.
    """
    if isinstance(wrong, WrongForm):
        return tuple(wrong.mistakes)
    other = name_pattern.replace(NAME, otherwise or next(_fields(form))[1].name)
    paths = ((each.pointer.removeprefix("/"), each.detail) for each in wrong.problems)
    return tuple(
        Mistake(elsewhere.get(path) or _field_name_at(form, path, name_pattern) or other, detail)
        for path, detail in paths
    )


def _field_name_at(form: type[msgspec.Struct], path: str, name_pattern: str) -> str | None:
    """The name of the field for a path in the request, else for the nearest path above; None where there is none."""
    for _, rows, of_row in _rows(form):
        step, _, inner = path.partition("/")
        position, _, inner = inner.partition("/")
        if step == rows.path:
            own = rows.pattern_in_row(int(position) + 1 if position.isdecimal() else 1)
            return _field_name_at(of_row, inner, own) or own.replace(NAME, rows.otherwise)
    told = {part: field.at or field.name for _, field in _fields(form) for part in (field.path, *field.also)}
    while path and path not in told:
        path = path.rpartition("/")[0]
    return name_pattern.replace(NAME, told[path]) if path else None
