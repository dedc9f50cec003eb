"""The description of a route that the server and the OpenAPI document share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar.types import Method

from domain.client import Scope


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route. `answers` maps each media type it can produce (the first is the default) to the type of its content.

    `scopes`: any one of them suffices; empty: no key needed. `problems` are the slugs it adds to those that follow from
    the rest. `patch`: the body is a merge patch of this type. `takes` maps media types to the type of a body that the
    handler reads by itself, as a stream.
    """

    method: Method
    path: str
    name: str
    summary: str
    description: str
    tag: str
    scopes: tuple[Scope, ...]
    statuses: tuple[int, ...]
    answers: Mapping[str, Any]
    query: type | None
    body: type | None
    patch: type | None
    takes: Mapping[str, Any]
    parameters: Mapping[str, type]
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    example: str | None = None

    @property
    def produces(self) -> tuple[str, ...]:
        return tuple(self.answers)
