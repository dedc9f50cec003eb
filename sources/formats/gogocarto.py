"""Format `gogocarto`: the elements (entries) of a map made with GoGoCarto, as its API gives them (JSON, NDJSON).

Read are the full and the compact form, and a map's own file of elements with its taxonomy beside them. What a map's
categories and own fields mean is not in them: it is set on the source (`mapping`), by id or by name. A category that
is not mapped is flagged on the record; one that is mapped to nothing (`[]`) says nothing. An element that was deleted,
refused or not yet validated is a record that is not active. Not read: opening hours, images, drawn shapes, stamps,
votes, reports, and who contributed what.

The compact form of an element is a list: id, the values of some fields, latitude, longitude, ids of categories, status,
state of moderation. Which fields these are is said by the second entry of `mapping`, beside the list of elements.
"""

import html
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import Flag
from domain.text.bilingual import said_by
from domain.text.normalise import fold
from sources.file_types.json_items import (
    Draft,
    Item,
    Members,
    Scalar,
    page_members,
    read_item_lines,
    read_items,
    rows_of_items,
    text_of,
)
from sources.formats.vivier import document_of, put_inferred_offers
from sources.postal_addresses import PostalAddress, commune_names, split_address
from sources.rows import Context, mapped_segments, unmapped_flag
from sources.trades.inference import OfferInference

_SAID = said_by(__name__)

Values = Scalar | list[Scalar]

_RENAMED = {
    "iri": "@id",
    "moderation": "moderationState",
    "categories_full": "categoriesFull",
    "description_more": "descriptionMore",
}
_SHORTEST = 5


class Position(msgspec.Struct, frozen=True):
    """The point at which an element is drawn on the map."""

    latitude: Scalar = None
    longitude: Scalar = None


class AddressParts(msgspec.Struct, frozen=True, rename="camel"):
    """An address in parts, which are named as in schema.org."""

    street_number: Scalar = None
    street_address: Scalar = None
    address_locality: Scalar = None
    postal_code: Scalar = None
    address_country: Scalar = None
    custom_formated_address: Scalar = None


class Category(msgspec.Struct, frozen=True):
    """A category of the map, given by its id, its name, or both."""

    id: str | int | None = None
    name: str | None = None


Categories = list[Category | str | int] | dict[str, Category | str | int]


class Element(msgspec.Struct, frozen=True, rename=_RENAMED):
    """An element with the fields of every map; PHP writes `[]` for an empty object, an object for a list with gaps."""

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
    address: AddressParts | str | list[Any] | None = None
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


def _category_names(node: Any) -> Iterator[tuple[str, str]]:
    """Yield the id and name of every option in a map's taxonomy, where categories and options are nested in turn."""
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


def _compact_fields(values: list[Any], page: Members) -> dict[str, Any]:
    """The fields of an element in compact form by name; the member `mapping` of its page lists the names."""
    if len(values) < _SHORTEST or not isinstance(values[1], list):
        raise InvalidContent((Problem("", "unknown_shape", _SAID["unknown_shape"]),))
    identity, named, latitude, longitude, categories, *states = values
    names = ["name"]
    match msgspec.json.decode(page["mapping"]) if "mapping" in page else None:
        case [_, [*written], *_]:
            names = [text_of(name) for name in written]
    fields = dict(zip(names, named, strict=False))
    # older maps write a rank after each category
    ids = [category[0] if isinstance(category, list) and category else category for category in categories or ()]
    fields |= {"id": identity, "latitude": latitude, "longitude": longitude, "categories": ids}
    address = fields.get("address")
    if isinstance(address, str) and address.startswith("{"):
        fields["address"] = msgspec.json.decode(address)
    return fields | dict(zip(("status", "moderationState"), states, strict=False))


LISTS = ("data", "elements")

# Deleted, refused (by vote, by the map's owner), a duplicate of another, or proposed and not validated yet. One whose
# change is pending (-1) or that is being imported anew (-7) is still shown as it was.
_NOT_SHOWN = frozenset({-6, -4, -3, -2, 0})
_PROPOSED_CHANGE = -5
_NOT_LOCATED = -2
_WITHHELD = frozenset({"hidden", "private"})
_FRANCE = frozenset(["", "fr", "france", "gp", "mq", "gf", "re", "yt", "pm", "bl", "mf", "wf", "pf", "nc"])
_LISTED = frozenset({"segments", "cpv", "area_codes", "labels", "approvals"})
# up to the next `<` at most: the time that a text takes grows with its length alone
_BREAKING_TAG = re.compile(r"<(?:br|/p|/li|/div|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)


def read_json(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read the elements in an answer of the API, in a list of answers, or in a list of elements."""
    elements = _Elements(context, page_members(stream, LISTS))
    return rows_of_items(read_items(stream, LISTS), Element, elements.decode, elements.drafts, context)


def read_ndjson(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read elements from NDJSON, where each line is an element or a whole answer of the API."""
    elements = _Elements(context, {})
    return rows_of_items(read_item_lines(stream, LISTS), Element, elements.decode, elements.drafts, context)


class _Elements:
    """Makes records of the elements of one map."""

    def __init__(self, context: Context, around: Members) -> None:
        self._communes = commune_names(context.territories)
        self._inference = OfferInference(context.taxonomy, context.source)
        self._taxonomy, self._mapping = context.taxonomy, context.mapping
        self._around = around
        # the names of the map's categories by id, where its taxonomy stands on the page
        self._names = dict(_category_names(msgspec.json.decode(around.get("taxonomy") or b"null")))

    def decode(self, item: Item, data: bytes) -> tuple[Element, dict[str, Any]]:
        """Decode an element; returns its standard fields, and all its fields by name, the map's own included.

        Raises what msgspec does, and InvalidContent for a list that is no compact element.
        """
        written = msgspec.json.decode(data)
        fields = _compact_fields(written, {**self._around, **item.page}) if isinstance(written, list) else written
        return msgspec.convert(fields, Element), fields

    def drafts(self, decoded: tuple[Element, dict[str, Any]]) -> Iterator[Draft]:
        element, fields = decoded
        if element.status == _PROPOSED_CHANGE:
            raise InvalidContent((Problem(pointer("status"), "not_an_element", _SAID["a_change"]),))
        cells = _standard_cells(element) | self._own_cells(element, fields)
        segments, flags = self._segments(element, cells.pop("segments", ""))
        if segments:
            cells["segments"] = "|".join(segments)
        country = element.address.address_country if isinstance(element.address, AddressParts) else None
        postal_code, city = cells.get("address.postal_code", ""), cells.get("address.city", "")
        if city and fold(text_of(country)) in _FRANCE and (commune := self._communes.find(postal_code, city)):
            cells.setdefault("address.commune", commune)
        external_id = cells.pop("external_id", None)
        document = document_of(cells)
        if not segments and "cpv" not in cells:
            # from the name alone: what shops and farms say of their products is not what they do for buyers
            put_inferred_offers(document, self._inference.offers(None, None, (cells.get("name", ""),), city))
        yield Draft(external_id, document, flags)

    def _own_cells(self, element: Element, fields: dict[str, Any]) -> dict[str, str]:
        """The cells, by column, of the map's own fields to which the source's mapping assigns a column."""
        cells: dict[str, str] = {}
        for name, column in self._mapping.fields.items():
            if text := _own_text(fields.get(name), name, column):
                if column in _LISTED and column in cells:
                    cells[column] += f"|{text}"
                elif column == "description" and column in cells:
                    cells[column] += f"\n\n{text}"
                else:
                    cells.setdefault(column, text)
        if own := cells.get("description"):
            standard = _description(element)
            cells["description"] = f"{standard}\n\n{own}" if standard else own
        return cells

    def _segments(self, element: Element, own_categories: str) -> tuple[list[str], tuple[Flag, ...]]:
        """The segments of an element's categories and of its map's own ones, and a flag for each without a segment."""
        found: dict[str, None] = {}
        flags: dict[Flag, None] = {}
        listed = element.categories_full or element.categories or element.taxonomy or []
        own_names = [Category(name=value) for value in own_categories.split("|") if value]
        for written in (*(listed.values() if isinstance(listed, dict) else listed), *own_names):
            category = written if isinstance(written, Category) else Category(written)
            identity = text_of(category.id)
            name = category.name or self._names.get(identity, "")
            mapped = mapped_segments(self._mapping, identity, name)
            if mapped is None and not identity and self._taxonomy.known(name):
                mapped = (name,)
            if mapped is None:
                flags[unmapped_flag(identity, name)] = None
            found |= dict.fromkeys(mapped or ())
        return list(found), tuple(flags)


def _standard_cells(element: Element) -> dict[str, str]:
    """The cells, by column of format `vivier`, of an element's standard fields; unknown ones are left out."""
    address = _address(element)
    geo = element.geo if isinstance(element.geo, Position) else Position()
    lat = next(filter(None, map(text_of, (element.latitude, element.lat, geo.latitude))), "")
    lon = next(filter(None, map(text_of, (element.longitude, element.lng, element.long, geo.longitude))), "")
    # a map says that it could not find a position, or shows it at 0, 0
    is_located = element.moderation != _NOT_LOCATED and (lat, lon) != ("0", "0")
    cells = {
        "external_id": text_of(element.id) or text_of(element.iri),
        "name": text_of(element.name) or text_of(element.title),
        "siret": text_of(element.siret),
        "address.street": address.street,
        "address.postal_code": address.postal_code,
        "address.city": address.city,
        "description": _description(element),
        "contact.email": _first_public_contact(element.email),
        "contact.phone": _first_public_contact(element.telephone),
        "contact.website": _first_public_contact(element.website),
        "active": "false" if element.status in _NOT_SHOWN else "",
        "location.lat": lat if is_located else "",
        "location.lon": lon if is_located else "",
    }
    return {column: cell for column, cell in cells.items() if cell}


def _address(element: Element) -> PostalAddress:
    match element.address:
        case str(line):
            return split_address(line)
        case AddressParts() as parts:
            street = " ".join(filter(None, map(text_of, (parts.street_number, parts.street_address))))
            known = PostalAddress(street, text_of(parts.postal_code), text_of(parts.address_locality))
            return known if any(known) else split_address(text_of(parts.custom_formated_address))
    return PostalAddress("", "", "")


def _description(element: Element) -> str:
    texts = (element.abstract, element.description, element.description_more, element.commitment)
    return "\n\n".join(dict.fromkeys(filter(None, (_without_html(text_of(text)) for text in texts))))


def _first_public_contact(value: Values) -> str:
    first = next((text_of(item) for item in value if text_of(item)), "") if isinstance(value, list) else text_of(value)
    return "" if first in _WITHHELD else first


def _own_text(value: Any, name: str, column: str) -> str:
    """The value of a map's own field as a cell of `column`. Raises InvalidContent for an object."""
    items: list[Scalar] = value if isinstance(value, list) else [value]
    if any(isinstance(item, dict | list) for item in items):
        raise InvalidContent((Problem(pointer(name), "wrong_type", _SAID["no_text"]),))
    texts = [_without_html(text_of(item)) for item in items]
    return ("|" if column in _LISTED else ", ").join(filter(None, texts))


def _without_html(text: str) -> str:
    """The text without HTML tags and entities; tags that end a line become line breaks."""
    if "<" not in text and "&" not in text:
        return text
    return html.unescape(_TAG.sub("", _BREAKING_TAG.sub("\n", text))).strip()
