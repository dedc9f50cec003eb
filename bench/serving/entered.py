"""Count the files of the project that a request enters, as the interpreter tells: a reader opens as many.

    python -m bench.serving.entered [--files]        (--files: name them)

The whole application in this process, on an embedded database that holds one supplier; each request is the first of its
kind, but for the one that is asked again.
"""

import asyncio
import logging
import re
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from html import unescape
from types import FrameType
from typing import Any

import httpx
from litestar import Litestar

from api.app import create_app
from api.settings import read_settings
from bench.results import ROOT
from bench.server import ADMIN_KEY, home
from db.embedded import serve as embedded
from db.migrate import upgrade

ROOMS = ("api", "db", "domain", "matching", "sources")
OFFER = {"segments": ["pr-locaux"], "service_area": {"radius_km": 40}}
RECORD = {"name": "Atelier", "approvals": [{"kind": "ESAT"}], "address": {"commune": "56260"}, "offers": [OFFER]}
LOT = {"id": "1", "title": "Nettoyage des bureaux", "cpv": ["90919200"], "reserved": ["handicap"], "value_eur": 90000}
NEED = {"on": "2026-11-24", "territory": {"codes": ["departement:56"]}, "lots": [LOT]}
FORM = {"territoire": "departement:22", "lot-1-objet": "Entretien des espaces verts", "lot-1-valeur": "90 000"}
TOKEN = re.compile(r'<input type="hidden" name="jeton" value="([^"]*)"')


class EnteredFiles:
    """A profiler of this process that records the files whose functions are called during one request.

    What the event loop runs at the same time for others, such as the follower of changes, is left out: it has another
    context. Of other threads all is noted, so nothing else must be under way.
    """

    def __init__(self) -> None:
        self.files: set[str] | None = None
        self._asked = ContextVar("asked", default=False)
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def end(self) -> None:
        """Stop profiling."""
        threading.setprofile(None)
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        if self.files is None or event != "call":
            return
        if self._asked.get() or threading.current_thread() is not threading.main_thread():
            self.files.add(frame.f_code.co_filename)

    async def during(self, request: Any) -> tuple[httpx.Response, list[str]]:
        """The answer to a request, and the project's own files that were entered for it, sorted."""
        found: set[str] = set()
        self.files, token = found, self._asked.set(True)
        try:
            answer: httpx.Response = await request
        finally:
            self._asked.reset(token)
            self.files = None
        inside = (name.removeprefix(f"{ROOT}/") for name in found)
        return answer, sorted(name for name in inside if name.partition("/")[0] in ROOMS)


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application, which runs inside the block and is ready."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        client.headers.update(headers)
        await wait_until_matched(app, await client.put("/sources/bench/suppliers/0", json=RECORD))
        yield client


async def wait_until_matched(app: Litestar, put: httpx.Response) -> None:
    """Wait until matches use the data version that a PUT was answered with."""
    await app.state.services.directory.wait_beyond(put.json()["data_version"] - 1, 60)


async def files_entered(url: str) -> dict[str, list[str]]:
    """By kind of request, the sorted files that it enters. Raises RuntimeError where a request is refused."""
    profiler, entered = EnteredFiles(), dict[str, list[str]]()

    async def send(name: str, request: Any) -> httpx.Response:
        answer, entered[name] = await profiler.during(request)
        if answer.status_code >= 300:
            raise RuntimeError(f"{name}: {answer.status_code} {answer.text[:500]}")
        return answer

    app = create_app(read_settings({"VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": url}))
    async with client_of(app) as client:
        await wait_until_matched(app, await send("PUT a record", client.put("/sources/bench/suppliers/1", json=RECORD)))
        await send("POST /match, first", client.post("/match", json=NEED))
        await send("POST /match, again", client.post("/match", json=NEED))
        await send("POST /needs", client.post("/needs", json=NEED))
        client.headers["Accept"] = "text/html"
        form = {"cle": ADMIN_KEY, "jeton": _token(await client.get("/connexion"))}
        await client.post("/connexion", data=form)
        form = FORM | {"jeton": _token(await client.get("/besoin"))}
        await send("POST /besoin/resultat", client.post("/besoin/resultat", data=form))
    profiler.end()
    return entered


def _token(page: httpx.Response) -> str:
    """The anti-forgery token of the forms of a page."""
    found = TOKEN.search(page.text)
    if found is None:
        raise RuntimeError(f"no form: {page.status_code} {page.text[:200]}")
    return unescape(found[1])


def main() -> None:
    logging.disable()
    with home() as folder, embedded.serve(folder, durable=False) as url:
        upgrade(url)
        for name, files in asyncio.run(files_entered(url)).items():
            rooms = Counter(file.partition("/")[0] for file in files)
            counts = "  ".join(f"{room} {rooms[room]}" for room in ROOMS)
            sys.stdout.write(f"{name:24} {len(files):4} files  {counts}\n")
            if "--files" in sys.argv:
                sys.stdout.write("".join(f"    {file}\n" for file in files))


if __name__ == "__main__":
    main()
