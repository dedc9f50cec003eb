"""The guides as a site, served under /guides where `make docs` built them."""

import sys
from collections.abc import Sequence
from pathlib import Path

from litestar import Response, Router
from litestar.static_files import create_static_files_router

PATH = "/guides"
# in a checkout; in an installation
FOLDERS = (Path(__file__).parents[2] / "site", Path(sys.prefix) / "share" / "vivier" / "site")
# its pages set their colours by a script of their own, in place
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def guides(folders: Sequence[Path] = FOLDERS) -> tuple[Router, ...]:
    """The route of the first folder that holds the site; none where it was not built."""
    for folder in folders:
        if (folder / "index.html").is_file():
            return (create_static_files_router(PATH, [folder], html_mode=True, after_request=_guarded),)
    return ()


def _guarded(response: Response[bytes]) -> Response[bytes]:
    response.headers["content-security-policy"] = POLICY
    return response
