"""Stylesheets and scripts of the desk: the files of `api/desk/assets`, and one stylesheet made of its own ones.

Scripts are plain files, each small and of one matter, beside the two libraries: htmx 2.0.11 (Zero-Clause BSD) fetches
parts of pages, Leaflet 1.9.4 (BSD 2-Clause) draws maps. Their files are unchanged, their licences beside them.
"""

import hashlib
from functools import cache
from pathlib import Path

from api.exchanges.reply_page import STYLE as REPLY_STYLE

FOLDER = Path(__file__).parents[1] / "assets"
OF_LIBRARIES = ("leaflet.css",)
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


@cache
def assets() -> dict[str, bytes]:
    """The content of each file, by its name; `bureau.css`, the style of every page, begins as the reply page's."""
    files = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in MEDIA_TYPES}
    own = [content for name, content in files.items() if name.endswith(".css") and name not in OF_LIBRARIES]
    return files | {"bureau.css": b"".join([REPLY_STYLE.encode(), *own])}


@cache
def asset_path(name: str) -> str:
    """The path of a file, from the first page: it changes with the file, so that browsers never hold an old one."""
    return f"bureau/{hashlib.sha256(assets()[name]).hexdigest()[:12]}/{name}"
