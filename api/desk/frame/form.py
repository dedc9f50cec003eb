"""Forms told once: each field of a page, the part of a request that it says, and how its text is read and shown.

A form is a struct of texts as they were typed, which nothing that is wrong with them removes. Its attributes are
annotated with a `Field` or, where forms repeat in it, with `Rows`. From that follow the form in the fields of a page,
the fields that carry it, what it says, the form that says what a request says, and the fields of what is wrong.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from math import inf
from typing import Any, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from api.desk.frame.layout import SAID
from api.web.forms import Fields
from domain.decoding.requests import explain
from domain.errors import InvalidContent, Problem
from domain.text.bilingual import Text


class Unreadable(Exception):
    """A text that a field cannot have. `detail`: what would be right."""

    def __init__(self, detail: Text) -> None:
        super().__init__(detail.en)
        self.detail = detail


class Kind(NamedTuple):
    """A way to read the text of a field, or its texts, as a part of a request, and to show it from that.

    `read` raises Unreadable.
    """

    read: Callable[[Any], Any]
    show: Callable[[Any], Any]


def _number(text: str) -> float | None:
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


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Unreadable(SAID["no_day"]) from None


def one_of(codes: Collection[str]) -> Kind:
    """A choice among these codes; what is none of them says nothing."""
    return Kind(lambda text: text if text in codes else None, lambda code: code or "")


def some_of(codes: Collection[str]) -> Kind:
    """The codes among these that are ticked, in their order."""
    return Kind(lambda texts: tuple(code for code in codes if code in texts), lambda ticked: tuple(ticked or ()))


def required(kind: Kind, missing: Text) -> Kind:
    """The same, where the field must be filled in."""

    def read(text: Any) -> Any:
        if not text:
            raise Unreadable(missing)
        return kind.read(text)

    return Kind(read, kind.show)


def bounded_text(kind: Kind, most: int) -> Kind:
    """The same, where the text has at most that many characters."""

    def read(text: str) -> Any:
        if len(text) > most:
            raise Unreadable(Text(f"{most} caractères au plus", f"At most {most} characters"))
        return kind.read(text)

    return Kind(read, kind.show)


def bounded_number(kind: Kind, no_number: Text, least: float = -inf, most: float = inf, *, whole: bool = False) -> Kind:
    """The same, where the number must be within these bounds, and a `whole` one if asked for."""

    def read(text: str) -> float | int | None:
        number = kind.read(text)
        if number is not None and not (least <= number <= most and (number.is_integer() or not whole)):
            raise Unreadable(no_number)
        return int(number) if whole and number is not None else number

    return Kind(read, kind.show)


WORDS = Kind(lambda text: text or None, lambda words: words or "")
AS_TYPED = Kind(str, str)
SEVERAL = Kind(tuple, tuple)
NUMBER = Kind(_number, plain_number)
"""As people write it in French or English: “240 000”, “12,5”."""
DAY = Kind(_day, lambda day: day.isoformat() if day else "")
TICKED = Kind(bool, lambda is_so: "oui" if is_so else "")
YES_OR_NO = Kind({"oui": True, "non": False}.get, {True: "oui", False: "non", None: ""}.get)


Form = TypeVar("Form", bound=msgspec.Struct)
Request = TypeVar("Request", bound=msgspec.Struct)
NAME = "{name}"


class Mistake(NamedTuple):
    """Something to correct: the id of the field, and what would be right."""

    field: str
    detail: Text


class WrongForm(InvalidContent):
    """A form with something to be corrected."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(tuple(Problem("", "form", each.detail) for each in mistakes))
        self.mistakes = mistakes


class Field(NamedTuple):
    """A field. `name`: in the page; `path`: of the part of the request that it says, such as `buyer/siret`.

    Without a `kind` that part is not read from it alone. `also`: other parts of which the problems are shown here;
    `at`: the field at which they are shown, where it is another.
    """

    name: str
    path: str = ""
    kind: Kind | None = None
    also: tuple[str, ...] = ()
    at: str = ""


class Rows(NamedTuple):
    """Forms that repeat. `names`: of their fields, such as `lot-{row}-{name}`, by rows that count from 1.

    `path`: of the list that they say; `most`: as many as are read; `otherwise`: the field of a problem with no other.
    """

    names: str
    path: str
    most: int
    otherwise: str

    def of_row(self, row: int) -> str:
        """The names of the fields of a row."""
        return self.names.replace("{row}", str(row))

    def row_of(self, name: str) -> int | None:
        """The row of the field of that name; None where it is of none."""
        found = _row_pattern(self.names).fullmatch(name)
        return int(found["row"]) if found else None


@cache
def _row_pattern(names: str, among: tuple[str, ...] = ()) -> re.Pattern[str]:
    name = "|".join(map(re.escape, among)) or r"\w+"
    row = r"(?P<row>[1-9][0-9]{0,2})"
    return re.compile(re.escape(names).replace(r"\{row\}", row).replace(r"\{name\}", f"(?:{name})"), re.ASCII)


@cache
def _declared(form: type[msgspec.Struct]) -> Mapping[str, tuple[Field | Rows, Any]]:
    """The annotation and the type of each attribute of a form that has one."""
    hints = get_type_hints(form, include_extras=True).items()
    return {name: (hint.__metadata__[0], hint.__origin__) for name, hint in hints if hasattr(hint, "__metadata__")}


def _fields(form: type[msgspec.Struct]) -> Iterator[tuple[str, Field]]:
    for attribute, (declared, _) in _declared(form).items():
        if isinstance(declared, Field):
            yield attribute, declared


def _rows(form: type[msgspec.Struct]) -> Iterator[tuple[str, Rows, type[msgspec.Struct]]]:
    for attribute, (declared, kind) in _declared(form).items():
        if isinstance(declared, Rows):
            yield attribute, declared, get_args(kind)[0]


def read_form(form: type[Form], fields: Fields, names: str = NAME) -> Form:
    """The form in these fields; what they do not have is as in an empty form."""
    read: dict[str, Any] = {}
    for attribute, field in _fields(form):
        texts = fields.get(names.replace(NAME, field.name))
        if texts is not None:
            is_one = _declared(form)[attribute][1] is str
            read[attribute] = texts[-1] if is_one else tuple(dict.fromkeys(filter(None, texts)))
    for attribute, rows, of_row in _rows(form):
        own = _row_pattern(rows.names, tuple(field.name for _, field in _fields(of_row)))
        last = min(rows.most, max((int(found["row"]) for name in fields if (found := own.fullmatch(name))), default=0))
        if last:
            read[attribute] = tuple(read_form(of_row, fields, rows.of_row(row)) for row in range(1, last + 1))
    return form(**read)


def form_fields(form: msgspec.Struct, names: str = NAME) -> Iterator[tuple[str, str]]:
    """The names and texts of the fields, as the page sends them."""
    for attribute, field in _fields(type(form)):
        value = getattr(form, attribute)
        for text in (value,) if isinstance(value, str) else value:
            yield names.replace(NAME, field.name), text
    for attribute, rows, _ in _rows(type(form)):
        for row, each in enumerate(getattr(form, attribute), 1):
            yield from form_fields(each, rows.of_row(row))


def texts_of(form: msgspec.Struct, names: str = NAME) -> dict[str, list[str]]:
    """The texts of each field, as a request has them."""
    texts: dict[str, list[str]] = {}
    for name, text in form_fields(form, names):
        texts.setdefault(name, []).append(text)
    return texts


def form_saying(form: type[Form], request: object, **others: Any) -> Form:
    """The form that says what a request says, as far as its fields do; `others`: attributes that are known."""
    said: dict[str, Any] = {}
    for attribute, field in _fields(form):
        if field.kind is not None:
            value = request
            for step in field.path.split("/"):
                value = getattr(value, step, None)
            said[attribute] = field.kind.show(value)
    for attribute, rows, of_row in _rows(form):
        if attribute not in others:
            said[attribute] = tuple(form_saying(of_row, each) for each in getattr(request, rows.path, None) or ())
    return form(**said | others)


def said_by(form: msgspec.Struct, mistakes: list[Mistake], names: str = NAME) -> dict[str, Any]:
    """The parts of the request that the fields say, without those of rows. Adds what is wrong to the mistakes."""
    said: dict[str, Any] = {}
    for attribute, field in _fields(type(form)):
        if field.kind is None:
            continue
        part, (*outer, last) = said, field.path.split("/")
        for step in outer:
            part = part.setdefault(step, {})
        part[last] = read_text(field.kind, getattr(form, attribute), names.replace(NAME, field.name), mistakes)
    return said


def said_by_rows(
    rows: Rows, forms: Iterable[msgspec.Struct], mistakes: list[Mistake], unnamed: Text
) -> list[dict[str, Any]]:
    """The list that rows say, without blank ones; `unnamed`: the mistake where only the first field of one is empty."""
    said = []
    for row, form in enumerate(forms, 1):
        texts = [getattr(form, attribute) for attribute, field in _fields(type(form)) if field.kind is not TICKED]
        if texts[0]:
            said.append(said_by(form, mistakes, rows.of_row(row)))
        elif any(texts):
            mistakes.append(Mistake(rows.of_row(row).replace(NAME, rows.otherwise), unnamed))
    return said


def read_text(kind: Kind, text: str | tuple[str, ...], field: str, mistakes: list[Mistake]) -> Any:
    """The part of a request that a text says; None where it is unreadable, which is added to the mistakes."""
    try:
        return kind.read(text)
    except Unreadable as unreadable:
        mistakes.append(Mistake(field, unreadable.detail))
        return None


def request_of(said: object, kind: type[Request]) -> Request:
    """The request that is said by its parts, or by an instance whose bounds are unchecked. Raises InvalidContent."""
    try:
        # as JSON has it: what is an instance already would be taken as it is, its bounds unchecked
        return msgspec.convert(msgspec.to_builtins(said), kind)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, kind),)) from None


def request_by(form: msgspec.Struct, kind: type[Request], names: str = NAME, **others: Any) -> Request:
    """The request that a form says; `others`: parts that it says otherwise. Raises InvalidContent."""
    mistakes: list[Mistake] = []
    said = said_by(form, mistakes, names) | others
    if mistakes:
        raise WrongForm(mistakes)
    return request_of(said, kind)


def field_mistakes(
    wrong: InvalidContent,
    form: type[msgspec.Struct],
    names: str = NAME,
    otherwise: str = "",
    **elsewhere: str,
) -> tuple[Mistake, ...]:
    """The problems of a request at the fields of its form, or `elsewhere`, by the part that no field says.

    Others are shown `otherwise`, else at the first field.
    """
    if isinstance(wrong, WrongForm):
        return tuple(wrong.mistakes)
    other = names.replace(NAME, otherwise or next(_fields(form))[1].name)
    paths = ((each.pointer.removeprefix("/"), each.detail) for each in wrong.problems)
    return tuple(Mistake(elsewhere.get(path) or _name_at(form, path, names) or other, detail) for path, detail in paths)


def _name_at(form: type[msgspec.Struct], path: str, names: str) -> str | None:
    """The name of the field that says a part of a request; None where there is none."""
    for _, rows, of_row in _rows(form):
        step, _, inner = path.partition("/")
        position, _, inner = inner.partition("/")
        if step == rows.path:
            own = rows.of_row(int(position) + 1 if position.isdecimal() else 1)
            return _name_at(of_row, inner, own) or own.replace(NAME, rows.otherwise)
    told = {part: field.at or field.name for _, field in _fields(form) for part in (field.path, *field.also)}
    while path and path not in told:
        path = path.rpartition("/")[0]
    return names.replace(NAME, told[path]) if path else None
