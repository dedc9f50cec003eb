"""Paths such as "/meetings/{id}.ics": the framework's parameters are whole segments, so the suffix becomes one."""

import re
from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

_SUFFIX = re.compile(r"(?<=\})\.\w+$")


def path_in_parts(path: str) -> str:
    """The path with the suffix of its last parameter as a segment of its own: "/meetings/{id}/.ics"."""
    return _SUFFIX.sub(lambda found: f"/{found[0]}", path)


class FilePaths:
    """ASGI middleware that rewrites requests to those of `paths` that have a suffix, as `path_in_parts` does."""

    def __init__(self, app: ASGIApp, paths: Iterable[str]) -> None:
        self._app = app
        shapes = [
            re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path[: found.start()])) + f"(?={re.escape(found[0])}$)"
            for path in paths
            if (found := _SUFFIX.search(path))
        ]
        self._shape = re.compile("|".join(shapes)) if shapes else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and self._shape is not None and (found := self._shape.match(scope["path"])):
            scope["path"] = f"{scope['path'][: found.end()]}/{scope['path'][found.end() :]}"
        await self._app(scope, receive, send)
