"""The schemas of the OpenAPI document: those of request and answer types, and the named enumerations.

The closed sets of words that the API takes and gives come first, under the names by which clients know them.

msgspec makes the schemas. What generators of clients need beside is added here: names of closed sets, the text that
follows a field in the source as the description of its property, `required` where an answer always has a property, and
pairs of numbers as arrays of two.
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from inspect import cleandoc
from itertools import pairwise
from typing import Any, Literal, get_args

import msgspec

from api.web.content_negotiation import CSV, FORM, NDJSON
from sources.file_reader import FORMATS

ProcessState = Literal["live", "ready"]
DatabaseState = Literal["answering", "away"]


def _closed_sets() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names and words of the closed sets that `closed_sets.toml` lists."""
    listed = msgspec.toml.decode((files("api.web") / "closed_sets.toml").read_bytes(), type=dict[str, str])
    for name, path in listed.items():
        module, _, variable = path.rpartition(".")
        yield name, tuple(word for word in get_args(getattr(import_module(module), variable)) if word is not None)


CLOSED_SETS: Mapping[str, tuple[str, ...]] = {"ImportFormat": tuple(FORMATS), **dict(_closed_sets())}


REF = "#/components/schemas/{name}"
_AREAS = {name: REF.format(name=name) for name in ("Polygon", "MultiPolygon")}
FORM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "The fields of the page's form, as a browser sends them.",
    "additionalProperties": {"type": "string"},
}
"""Of any form, without a type of its own: generators refer to one and do not make it."""
UNIONS: Mapping[str, Any] = {
    "AreaGeometry": {
        "description": "A polygon or several (GeoJSON).",
        "oneOf": [{"$ref": reference} for reference in _AREAS.values()],
        "discriminator": {"propertyName": "type", "mapping": _AREAS},
    }
}
"""Types told apart by a property, which generators name badly where they stand in a field."""


def components(taken: Iterable[Any], given: Iterable[Any], patched: Iterable[type]) -> dict[str, Any]:
    """The component schemas by name: of types in requests (`taken`; `patched`: merge patches) and in answers (`given`).

    Of what is only given, every property that is always written is required.
    """
    taken, given, patched = tuple(taken), tuple(given), tuple(patched)
    _, schemas = msgspec.json.schema_components([*taken, *given, *patched], ref_template=REF)
    classes = _structs_by_name([*taken, *given, *patched])
    in_requests = _structs_by_name([*taken, *patched])
    for name, schema in schemas.items():
        schema["description"] = cleandoc(schema.get("description", ""))
        _describe_properties(schema, classes[name])
        config = classes[name].__struct_config__
        if name not in in_requests and not config.omit_defaults:
            fields = msgspec.structs.fields(classes[name])
            always = [field.encode_name for field in fields if field.default is not msgspec.UNSET]
            schema["required"] = [*([config.tag_field] if config.tag_field else []), *always]
    for kind in patched:
        text = "A merge patch (RFC 7396): fields that are left out stay as they are, null makes one null."
        schemas[kind.__name__] = {
            "type": "object",
            "description": text,
            "properties": schemas[kind.__name__]["properties"],
            "additionalProperties": False,
        }
    named: dict[str, Any] = adapt_for_generators(schemas) | UNIONS
    return named | {name: {"type": "string", "enum": sorted(values)} for name, values in CLOSED_SETS.items()}


def content_schema(media: str, kind: Any) -> dict[str, Any]:
    """The schema of a body of type `kind`; for CSV and NDJSON that of any bytes, as the route describes their rows."""
    if media == FORM:
        return dict(FORM_SCHEMA)
    return {"type": "string", "format": "binary"} if kind is bytes or media in {CSV, NDJSON} else schema_of(kind)


def schema_of(kind: Any) -> dict[str, Any]:
    """The schema of one use of a type: a reference where it is a component."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema


def adapt_for_generators(node: Any) -> Any:
    """The schema as client generators read it: enumerations as references, tuples as arrays of fixed length."""
    if isinstance(node, list):
        return [adapt_for_generators(member) for member in node]
    if not isinstance(node, dict):
        return node
    changed = {key: adapt_for_generators(value) for key, value in node.items()}
    if isinstance(changed.get("enum"), list):
        return _refer_to_closed_set(changed)
    if "discriminator" in changed:
        (name,) = (name for name, union in UNIONS.items() if union["discriminator"] == changed["discriminator"])
        return {"$ref": REF.format(name=name)}
    if changed.get("items") is False and "prefixItems" in changed:
        (item, *others) = changed.pop("prefixItems")
        if any(other != item for other in others):
            raise ValueError(f"a tuple of several kinds of items, which generators cannot read: {node}")
        changed["items"] = item
    return changed


def _refer_to_closed_set(schema: dict[str, Any]) -> dict[str, Any]:
    """An enumeration's schema as a reference to the named closed set of its values; unchanged where there is none."""
    values = schema["enum"]
    if values == [True]:
        return {key: value for key, value in schema.items() if key != "enum"} | {"type": "boolean", "const": True}
    name = _NAMES.get(frozenset(values) - {None})
    if name is None or (schema.get("type") == "string" and "properties" in schema):
        return schema
    reference = {"$ref": REF.format(name=name)}
    rest = {key: value for key, value in schema.items() if key not in {"enum", "type"}}
    if None in values:
        return {"anyOf": [reference, {"type": "null"}], **rest}
    return {"allOf": [reference], **rest} if rest else reference


def _describe_properties(schema: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Describe each property, its default in words; `default` is removed: generators would expect it always."""
    texts = field_texts(kind)
    if tag_field := kind.__struct_config__.tag_field:
        schema["properties"][tag_field]["description"] = f"Always `{kind.__struct_config__.tag}`"
    for field in msgspec.structs.fields(kind):
        described = schema["properties"][field.encode_name]
        default = described.pop("default", None)
        sentences = [texts.get(field.name) or described.get("description", "")]
        if default not in (None, [], "", {}):
            sentences.append(f"Default: {msgspec.json.encode(default).decode()}")
        if any(sentences):
            described["description"] = ". ".join(filter(None, sentences))


def _structs_by_name(kinds: Iterable[Any]) -> dict[str, Any]:
    """All structs inside the types, by the names that msgspec gives their schemas, such as `Page_Award_`."""
    found: dict[str, Any] = {}
    for info in msgspec.inspect.multi_type_info(kinds):
        for kind in _structs(info):
            of = [each.__name__ for each in get_args(kind)]
            found["_".join([kind.__name__, *of, ""]) if of else kind.__name__] = getattr(kind, "__origin__", kind)
    return found


def _structs(info: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """The struct types inside a type that msgspec inspected, each once; `seen`: ids of the parts already visited."""
    seen = set() if seen is None else seen
    if id(info) in seen:
        return
    seen.add(id(info))
    if isinstance(info, msgspec.inspect.StructType):
        yield info.cls
    for name in getattr(info, "__struct_fields__", ()):
        value = getattr(info, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, msgspec.inspect.Type | msgspec.inspect.Field):
                yield from _structs(part, seen)


def field_texts(kind: Any) -> Mapping[str, str]:
    """The description of each field of a struct: the string literal after the field in its class, or in a base.

    A struct without source names by `field_texts_of` the one that has the texts.
    """
    texts: dict[str, str] = {}
    for base in reversed(getattr(kind, "field_texts_of", kind).__mro__):
        texts |= _texts_in_module(base.__module__).get(base.__name__, {})
    return texts


@cache
def _texts_in_module(module: str) -> Mapping[str, Mapping[str, str]]:
    """The string literals after fields in a module's source, by class and field; empty where there is no source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):
        return {}
    found: dict[str, dict[str, str]] = {}
    for node in (each for each in ast.walk(tree) if isinstance(each, ast.ClassDef)):
        texts = found[node.name] = {}
        for field, after in pairwise(node.body):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[name] = cleandoc(text)
    return found


_NAMES = {frozenset(values): name for name, values in CLOSED_SETS.items()}
