"""Notices as trees of elements, whether they came as XML or as XML written in JSON; what was read of them is marked."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from html import unescape
from itertools import pairwise
from typing import Any, NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from domain.errors import DomainError, InvalidContent, Problem
from domain.text.bilingual import Text, on_one_line, said_by

_SAID = said_by(__name__)

MOST_ELEMENTS, DEEPEST = 200_000, 100
"""The elements of a notice, and how deep they may lie: the longest real ones have a quarter of the first, a fifth of
the second."""

_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,9} ?/?>")
TOO_MANY = Text(f"Plus de {MOST_ELEMENTS} éléments", f"More than {MOST_ELEMENTS} elements")
TOO_DEEP = _SAID["too_deep"].filled(deepest=DEEPEST)


class MalformedNotice(DomainError):
    """Raised for bytes that are no XML or in an unknown encoding; `detail` says why, and where that is known."""


class PlacedText(NamedTuple):
    """A text as a notice writes it, and the path of the element that it stands in."""

    path: str
    text: str


class Element:
    """An element of a notice: name without prefix, attributes, the pieces of its own text, and child elements.

    `is_read`: whether its text or an attribute was asked for.
    """

    __slots__ = ("_numbers", "attributes", "children", "is_read", "name", "parent", "pieces")

    def __init__(self, name: str, parent: "Element | None", attributes: Mapping[str, str]) -> None:
        self.name, self.parent, self.attributes = name, parent, attributes
        self.children: list[Element] = []
        self.pieces: list[str] = []
        self.is_read = False
        self._numbers: dict[int, str] | None = None

    @property
    def path(self) -> str:
        """The path from the root, such as `/notice/lot[2]/title`: numbered from 1 where siblings share a name."""
        upwards = (self, *self.ancestors())
        steps = [around.step_to(each) for each, around in pairwise(upwards)]
        return "/" + "/".join((*filter(None, (upwards[-1].name,)), *reversed(steps)))

    def step_to(self, child: "Element") -> str:
        """The last step of a child's path, such as `lot[2]`; all children are numbered at the first call."""
        if self._numbers is None:
            totals = Counter(each.name for each in self.children)
            seen: Counter[str] = Counter()
            self._numbers = {}
            for each in self.children:
                seen[each.name] += 1
                numbered = f"{each.name}[{seen[each.name]}]" if totals[each.name] > 1 else each.name
                self._numbers[id(each)] = numbered
        return self._numbers[id(child)]

    def all(self, *names: str) -> Iterator["Element"]:
        """Yield the elements at the path `names` below this one, in document order."""
        if not names:
            yield self
            return
        for child in self.children:
            if child.name == names[0]:
                yield from child.all(*names[1:])

    def child(self, *names: str) -> "Element | None":
        """The first element at the path `names` below this one; None where there is none."""
        return next(self.all(*names), None)

    def descendants(self, *names: str) -> Iterator["Element"]:
        """Yield the elements with one of these names at any depth, in document order; none inside one of the others."""
        for child in self.children:
            if child.name in names:
                yield child
            else:
                yield from child.descendants(*names)

    def ancestors(self) -> Iterator["Element"]:
        """Yield the elements around this one, its parent first."""
        each = self
        while each.parent is not None:
            each = each.parent
            yield each

    def is_within(self, ids: Collection[int]) -> bool:
        """Whether this element, or an element around it, has one of these `id()`s."""
        return any(id(each) in ids for each in (self, *self.ancestors()))

    def text(self) -> str:
        """All text in this element on one line, "" where there is none; marks the elements with it as read."""
        pieces: list[str] = []
        waiting = [self]
        while waiting:
            element = waiting.pop()
            element.is_read = True
            pieces += element.pieces
            waiting += reversed(element.children)
        return on_one_line(" ".join(pieces))

    def attribute(self, name: str) -> str:
        """The value of an attribute, "" where there is none; marks the element as read."""
        self.is_read = True
        return self.attributes.get(name, "").strip()

    def first_text(self, *names: str) -> PlacedText | None:
        """The first text, with its path, at the path `names` below this element; None where there is none."""
        for element in self.all(*names):
            if text := element.text():
                return PlacedText(element.path, text)
        return None

    def text_at(self, *names: str) -> str:
        """The first text at the path `names` below this element; "" where there is none."""
        found = self.first_text(*names)
        return found.text if found else ""

    def unread(self) -> list["Element"]:
        """The topmost elements with content of which nothing was read, in document order."""
        found: list[Element] = []
        is_read, holds = _look_for_unread(self, found)
        return found if is_read else [self] if holds else []


def _look_for_unread(element: Element, found: list[Element]) -> tuple[bool, bool]:
    """Whether part of an element was read, and whether the element holds anything; adds the unread parts to `found`."""
    is_read, holds = element.is_read, bool(element.pieces or (element.attributes and not element.children))
    for child in element.children:
        within: list[Element] = []
        child_read, child_holds = _look_for_unread(child, within)
        is_read, holds = is_read or child_read, holds or child_holds
        found += within if child_read else [child] if child_holds else []
    return is_read, holds


def placed_texts(elements: Iterable["Element"]) -> list[PlacedText]:
    """The texts of the elements that have one, each with the element's path."""
    return [PlacedText(each.path, text) for each in elements if (text := each.text())]


def mark_read(*elements: "Element | None") -> None:
    """Mark elements as read that a need has no use for, such as the number of the notice."""
    for element in elements:
        if element is not None:
            element.is_read = True


class _Builder:
    """Builds the tree of elements as target of the XML parser. Raises InvalidContent for too many or too deep ones."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise _invalid_content("too_many_elements", TOO_MANY)
        if len(self._open) >= DEEPEST:
            raise _invalid_content("too_deep", TOO_DEEP)
        parent = self._open[-1] if self._open else None
        named = {_name_without_prefix(name): value for name, value in attributes.items()}
        element = Element(_name_without_prefix(tag), parent, named)
        if parent is None:
            self.root = element
        else:
            parent.children.append(element)
        self._open.append(element)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser has checked it
        self._open.pop()

    def data(self, text: str) -> None:
        if self._open and not text.isspace():
            self._open[-1].pieces.append(text)

    def close(self) -> "Element | None":
        return self.root


def from_xml(raw: bytes) -> Element:
    """Parse an XML document into elements, without ever opening a file or address that it names.

    Raises MalformedNotice, and InvalidContent for a document type, an entity declaration, and what is past the bounds.
    """
    parser = DefusedXMLParser(target=_Builder(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(raw)
        root = parser.close()
    except DefusedXmlException:
        raise _invalid_content("document_type", _SAID["document_type"]) from None
    except ParseError as error:
        line, column = error.position
        raise MalformedNotice(_SAID["no_xml"].filled(line=line, column=column + 1)) from None
    except (LookupError, ValueError):  # an encoding that is not known, or not that of the bytes
        raise MalformedNotice(
            Text("Le codage des caractères du XML n'est pas reconnu", "The encoding of the XML is not known")
        ) from None
    if not isinstance(root, Element):
        raise MalformedNotice(Text("Le corps n'est pas du XML", "The body is not XML"))
    return root


def from_json(document: Mapping[str, Any], name: str = "") -> Element:
    """Read XML that is written as JSON into elements: `@name` is an attribute, `#text` text, a list repeats.

    Raises InvalidContent for what is past the bounds.
    """
    root = Element(name, None, {})
    waiting: list[tuple[Element, Any, int]] = [(root, document, 1)]
    count = 0
    while waiting:
        element, value, depth = waiting.pop()
        if depth > DEEPEST:
            raise _invalid_content("too_deep", TOO_DEEP)
        if not isinstance(value, dict):
            element.pieces.extend(_texts_of_value(value))
            continue
        element.attributes = {key[1:]: each for key, each in value.items() if key[:1] == "@" and isinstance(each, str)}
        for key, each in value.items():
            if key == "#text":
                element.pieces.extend(_texts_of_value(each))
            elif key[:1] != "@":
                for one in each if isinstance(each, list) else (each,):
                    child = Element(_name_without_prefix(key), element, {})
                    element.children.append(child)
                    waiting.append((child, one, depth + 1))
                    count += 1
        if count > MOST_ELEMENTS:
            raise _invalid_content("too_many_elements", TOO_MANY)
    return root


def _texts_of_value(value: Any) -> list[str]:
    """The texts of a JSON value, without the mark-up that BOAMP escapes in them, once or twice."""
    if value is None or value == "":
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    texts = (str(each) for each in (value if isinstance(value, list) else [value]) if each is not None)
    plain = (unescape(unescape(text)) if "&" in text else text for text in texts)
    return [_TAG.sub(" ", text) if "<" in text else text for text in plain]


def _name_without_prefix(name: str) -> str:
    """The name of an element or attribute without namespace and prefix."""
    return name.rpartition("}")[2].rpartition(":")[2]


def _invalid_content(code: str, detail: Text) -> InvalidContent:
    return InvalidContent((Problem("", code, detail),))
