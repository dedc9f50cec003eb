"""An element of a GoGoCarto map, from either form that the software answers.

The compact form is a list: id, the values of some fields, latitude, longitude, ids of categories, status, state of
moderation. Which fields these are is said by the second entry of `mapping`, beside the list of elements.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from domain.errors import InvalidContent, Problem
from domain.text.bilingual import Text
from sources.formats.json_records import Scalar, text_of
from sources.formats.json_stream import Members

Values = Scalar | list[Scalar]

_RENAMED = {
    "iri": "@id",
    "moderation": "moderationState",
    "categories_full": "categoriesFull",
    "description_more": "descriptionMore",
}
_SHORTEST = 5
_UNKNOWN_SHAPE = Text(
    "Un élément compact est une liste : identifiant, [valeurs], latitude, longitude, [catégories]",
    "A compact element is a list: identifier, [values], latitude, longitude, [categories]",
)


class Position(msgspec.Struct, frozen=True):
    """The point at which the element is drawn."""

    latitude: Scalar = None
    longitude: Scalar = None


class Parts(msgspec.Struct, frozen=True, rename="camel"):
    """An address in the words of schema.org."""

    street_number: Scalar = None
    street_address: Scalar = None
    address_locality: Scalar = None
    postal_code: Scalar = None
    address_country: Scalar = None
    custom_formated_address: Scalar = None


class Category(msgspec.Struct, frozen=True):
    """A category of the map, by its id, its name, or both."""

    id: str | int | None = None
    name: str | None = None


Categories = list[Category | str | int] | dict[str, Category | str | int]


class Element(msgspec.Struct, frozen=True, rename=_RENAMED):
    """The fields that every map has. PHP writes `[]` for an empty object, and an object for a list with gaps."""

    id: str | int | None = None
    iri: str | None = None
    name: Scalar = None
    title: Scalar = None
    status: int | None = None
    moderation: int | None = None
    geo: Position | list[Any] | None = None
    latitude: Scalar = None
    lat: Scalar = None
    longitude: Scalar = None
    lng: Scalar = None
    long: Scalar = None
    address: Parts | str | list[Any] | None = None
    categories_full: Categories | None = None
    categories: Categories | None = None
    taxonomy: Categories | None = None
    abstract: Scalar = None
    description: Scalar = None
    description_more: Scalar = None
    commitment: Scalar = None
    telephone: Values = None
    email: Values = None
    website: Values = None
    siret: Scalar = None


class Decoded(NamedTuple):
    """An element, and all its fields by name, the map's own ones too."""

    element: Element
    fields: dict[str, Any]


def decode(data: bytes, page: Members) -> Decoded:
    """The element in `data`, which stands on `page`. Raises what msgspec does, and InvalidContent for another list."""
    written = msgspec.json.decode(data)
    fields = _expanded(written, page) if isinstance(written, list) else written
    return Decoded(msgspec.convert(fields, Element), fields)


def categories_of(element: Element) -> Iterator[Category]:
    """The categories of the element, each by what the map tells of it."""
    categories = element.categories_full or element.categories or element.taxonomy or []
    for category in categories.values() if isinstance(categories, dict) else categories:
        yield category if isinstance(category, Category) else Category(category)


def names_of_categories(page: Members) -> Mapping[str, str]:
    """The names of a map's categories by id, where its taxonomy stands on the page."""
    raw = page.get("taxonomy")
    return dict(_category_names(msgspec.json.decode(raw))) if raw else {}


def _category_names(node: Any) -> Iterator[tuple[str, str]]:
    """The ids and names of options; they alternate with categories in `options`, `subcategories` and `suboptions`."""
    if isinstance(node, list):
        for inner in node:
            yield from _category_names(inner)
    elif isinstance(node, dict):
        for options in (node.get("options"), node.get("suboptions")):
            for option in options if isinstance(options, list) else ():
                if isinstance(option, dict) and "id" in option and "name" in option:
                    yield text_of(option["id"]), text_of(option["name"])
                yield from _category_names(option)
        yield from _category_names(node.get("subcategories"))


def _expanded(values: list[Any], page: Members) -> dict[str, Any]:
    if len(values) < _SHORTEST or not isinstance(values[1], list):
        raise InvalidContent((Problem("", "unknown_shape", _UNKNOWN_SHAPE),))
    identity, named, latitude, longitude, categories, *states = values
    fields = dict(zip(_compact_fields(page), named, strict=False))
    # older maps write a rank after each category
    ids = [category[0] if isinstance(category, list) and category else category for category in categories or ()]
    fields |= {"id": identity, "latitude": latitude, "longitude": longitude, "categories": ids}
    address = fields.get("address")
    if isinstance(address, str) and address.startswith("{"):
        fields["address"] = msgspec.json.decode(address)
    return fields | dict(zip(("status", "moderationState"), states, strict=False))


def _compact_fields(page: Members) -> list[str]:
    mapping = msgspec.json.decode(page["mapping"]) if "mapping" in page else None
    match mapping:
        case [_, [*names], *_]:
            return [text_of(name) for name in names]
    return ["name"]
