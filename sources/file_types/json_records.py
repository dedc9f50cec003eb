"""Readers of other directories' JSON: from items to records."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import msgspec

from domain.decoding.explain import explain
from domain.decoding.strict_json import null_character
from domain.errors import InvalidContent, Problem
from domain.suppliers.rows import Row, RowError, reject
from domain.suppliers.supplier import Flag
from domain.text.bilingual import Text
from sources.file_types.json_stream import Item, read_item_lines, read_items
from sources.rows import NOT_UTF8, TOO_LONG, Context, Document, Reader, row_of

T = TypeVar("T")

Scalar = str | int | float | bool | None


class Draft(NamedTuple):
    """An unchecked record of an item, and flags for what a record cannot hold."""

    external_id: str | None
    document: Document
    flags: tuple[Flag, ...] = ()


class Refused(NamedTuple):
    """One of several records of an item that cannot be taken, and why."""

    external_id: str | None
    problem: Problem


class _Identified(msgspec.Struct):
    """The id of a faulty item."""

    id: str | int | None = None


_id_decoder = msgspec.json.Decoder(_Identified)


def readers(
    lists: tuple[str, ...],
    kind: type[T],
    drafts_in: Callable[[Context], Callable[[T], Iterable[Draft | Refused]]],
    wrapper: str = "",
) -> tuple[Reader, Reader]:
    """The readers of a whole document and of lines, for items that decode as `kind` and become drafts.

    `lists`: the members that hold the items of a page; `wrapper`: the one that may hold the page.
    """
    decoder = msgspec.json.Decoder(kind)

    def rows(items: Iterable[Item], context: Context) -> Iterator[Row | RowError]:
        return rows_of_items(items, kind, lambda _, data: decoder.decode(data), drafts_in(context), context)

    return (
        lambda stream, context: rows(read_items(stream, lists, wrapper=wrapper), context),
        lambda stream, context: rows(read_item_lines(stream, lists, wrapper), context),
    )


def rows_of_items(
    items: Iterable[Item],
    kind: object,
    decode: Callable[[Item, bytes], T],
    drafts: Callable[[T], Iterable[Draft | Refused]],
    context: Context,
) -> Iterator[Row | RowError]:
    """The rows of the items: `decode` reads each, `drafts` makes one or several records of what was read.

    `kind` is the type that items are decoded to. Where one does not decode, the place in its reject is one in the item;
    otherwise it is one in the record. `drafts` may raise InvalidContent.
    """
    for item in items:
        if item.data is None:
            yield reject(item.line, None, (TOO_LONG,), context.language)
            continue
        try:
            made = list(drafts(decode(item, item.data)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            problems: tuple[Problem, ...] = (decoding_problem(error, kind, item.data),)
        except InvalidContent as invalid:
            problems = invalid.problems
        else:
            for draft in made:
                if isinstance(draft, Refused):
                    yield reject(item.line, draft.external_id, (draft.problem,), context.language)
                else:
                    yield row_of(item.line, draft.external_id, draft.document, context, draft.flags)
            continue
        yield reject(item.line, _identity(item.data), problems, context.language)


def text_of(value: Scalar) -> str:
    """The value as text without blanks around it; "" for what is not known. Whole numbers have no decimal point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def unmapped(category: str) -> Flag:
    """The flag for a category of the source that stands for no segment."""
    return Flag("unmapped_category", category)


def _identity(data: bytes) -> str | None:
    try:
        identity = _id_decoder.decode(data).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return text_of(identity) or None


def decoding_problem(error: Exception, kind: object, data: bytes) -> Problem:
    """The problem of JSON that raised `error` while it was decoded as `kind`: of its null character, if it has one."""
    if isinstance(error, msgspec.ValidationError):
        return null_character(data) or explain(error, kind)
    if isinstance(error, UnicodeDecodeError):
        return NOT_UTF8
    return Problem("", "malformed_json", _malformed(str(error)))


def _malformed(message: str) -> Text:
    if "truncated" in message:
        return Text("Ce JSON est incomplet", "This JSON is incomplete")
    byte = re.search(r"\(byte ([0-9]+)\)", message)
    fr, en = (f" (octet {byte[1]})", f" (byte {byte[1]})") if byte else ("", "")
    return Text(f"Ce n'est pas du JSON bien formé{fr}", f"This is not well-formed JSON{en}")
