"""Paths that end like the name of a file."""

from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from api.web.path_suffix import FilePaths, path_in_parts

PATHS = ("/meetings/{id}", "/meetings/{id}.ics", "/meetings.ics")


@pytest.mark.parametrize(
    ("path", "parted"),
    [
        ("/meetings/7.ics", "/meetings/7/.ics"),
        ("/meetings/7", "/meetings/7"),
        ("/meetings.ics", "/meetings.ics"),
        ("/meetings/7.icsx", "/meetings/7.icsx"),
        ("/sources/a/suppliers/7.ics", "/sources/a/suppliers/7.ics"),
    ],
)
async def test_only_declared_suffixes_are_parted(path: str, parted: str) -> None:
    """An identifier of a source may end like a file name."""
    seen: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["path"])

    scope: Any = {"type": "http", "path": path}
    unused: Any = None  # neither reads nor answers
    await FilePaths(app, PATHS)(scope, unused, unused)
    assert seen == [parted]


def test_the_framework_is_told_the_same_parts() -> None:
    assert [path_in_parts(path) for path in PATHS] == ["/meetings/{id}", "/meetings/{id}/.ics", "/meetings.ics"]
