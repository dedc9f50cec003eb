"""Measure the buyer's pages: the form, the answer, and the switches of reservation and distance.

    python -m bench.serving.desk [SIZES]        (default: 13500,220000)

A server of one worker, as `vivier serve` runs it, asked by one client as a browser asks it. For each page the median
and the longest wait in milliseconds, the server's CPU time, and kilobytes, without the drawings of the maps too. The
switches are those of a need of three lots, each pressed on a need of its own, so that no answer is known beforehand.
"""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from html import unescape
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from bench.server import ADMIN_KEY, Server, home, serving
from bench.serving import changes
from bench.suppliers import PoolFile
from matching.reference import load_reference

SIZES = (13_500, 220_000)
ROUNDS = 30
TITLES = ("Nettoyage des collèges", "Entretien des espaces verts", "Collecte des papiers et cartons")
DEPARTEMENTS = ("22", "29", "35", "44", "49", "53", "56", "72", "85", "50")
SWITCHES = ("reserver-1-handicap", "reserver-2-iae", "rayon-3-50")
MANY_LOTS = 200
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')
_DRAWING = re.compile(rb"<svg.*?</svg>", re.DOTALL)

Fields = list[tuple[str, str]]


class Browser:
    """A browser session over one connection, signed in with the administrator's key."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self._cookie = ""
        token = _hidden_fields(self.get("/connexion"), ("jeton",))
        self.post("/connexion", [*token, ("cle", ADMIN_KEY)], signing_in=True)

    def get(self, path: str) -> bytes:
        """The bytes of a page."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, fields: Fields, *, part: str = "", signing_in: bool = False) -> bytes:
        """The page that answers a form; `part`: the id of the only part that a script asks for."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({"HX-Target": part} if part else {})
        return self._ask("POST", path, urlencode(fields), headers, 303 if signing_in else 200)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str], expected: int = 200) -> bytes:
        every = {"Accept": "text/html", "Accept-Language": "fr", "Cookie": self._cookie}
        self._connection.request(method, path, body, every | headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != expected:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        if cookie := answer.getheader("set-cookie"):
            self._cookie = cookie.partition(";")[0]
        return content


def measure(server: Server) -> Iterator[str]:
    """Yield a line of figures for each page and action."""
    with closing(server.connect()) as connection:
        browser = Browser(connection)
        token = _hidden_fields(browser.get("/besoin"), ("jeton",))

        def answer_page(lots: int, departement: str) -> bytes:
            return browser.post("/besoin/resultat", [*token, *_need(lots, departement)])

        yield _timing_line("form, empty", server, lambda _: browser.get("/besoin"), range(ROUNDS))
        yield _timing_line("answer of 3 lots, new", server, lambda each: answer_page(3, each), DEPARTEMENTS)
        yield _timing_line("answer of 3 lots, again", server, lambda each: answer_page(3, each), DEPARTEMENTS * 3)
        pressed = [(_hidden_fields(answer_page(3, each)), wish) for each, wish in product(DEPARTEMENTS, SWITCHES)]

        def page_after_switch(fields_and_wish: tuple[Fields, str]) -> bytes:
            fields, wish = fields_and_wish
            return browser.post("/besoin/resultat", [*fields, ("changer", wish)], part=f"reponse-{wish.split('-')[1]}")

        yield _timing_line("switch of 1 of 3 lots, new", server, page_after_switch, pressed)
        yield _timing_line("switch of 1 of 3 lots, again", server, page_after_switch, pressed)
        yield _timing_line(
            f"answer of {MANY_LOTS} lots, new", server, lambda each: answer_page(MANY_LOTS, each), DEPARTEMENTS
        )
        yield _timing_line(
            f"answer of {MANY_LOTS} lots, again", server, lambda each: answer_page(MANY_LOTS, each), DEPARTEMENTS
        )


def _need(lots: int, departement: str) -> Fields:
    fields = [("titre", f"Besoin du {departement}"), ("territoire", f"departement:{departement}")]
    for number in range(1, lots + 1):
        title = TITLES[(number - 1) % len(TITLES)]
        fields.append((f"lot-{number}-objet", title if lots <= len(TITLES) else f"{title}, secteur {number}"))
        fields.append((f"lot-{number}-valeur", "90 000"))
    return fields


def _hidden_fields(page: bytes, names: Iterable[str] = ()) -> Fields:
    """The hidden fields of a page's first form, without the form to sign out; only the named ones if given."""
    found = [(unescape(name), unescape(text)) for name, text in _HIDDEN.findall(page.decode())]
    return [each for each in found if each[0] in names][:1] if names else found[1:]


def _timing_line(name: str, server: Server, ask: Callable[..., bytes], over: Iterable[object]) -> str:
    """A line of figures of the pages that `ask` gets, called with each of `over`: time, CPU time and size."""
    milliseconds, sizes, bare = [], [], []
    before = server.cpu_seconds()
    for each in over:
        started = time.perf_counter()
        content = ask(each)
        milliseconds.append((time.perf_counter() - started) * 1000)
        sizes.append(len(content) / 1000)
        bare.append(len(_DRAWING.sub(b"", content)) / 1000)
    cpu = (server.cpu_seconds() - before) * 1000 / len(milliseconds)
    return (
        f"{name:32} {median(milliseconds):7.0f} ms, at most {max(milliseconds):7.0f}; CPU {cpu:6.0f} ms; "
        f"{max(sizes):5.0f} kB, without drawings {max(bare):4.0f} kB"
    )


def main() -> None:
    sizes = tuple(map(int, sys.argv[1].split(","))) if sys.argv[1:] else SIZES
    reference = load_reference()
    with tempfile.TemporaryDirectory() as files:
        pool = PoolFile(Path(files), max(sizes), reference, 0.0)
        for size in sizes:
            with home() as folder:
                with serving(folder, workers=2) as server:
                    changes.fill(server, pool.of(size))
                with serving(folder) as server:
                    print(f"{size:,} suppliers")
                    for line in measure(server):
                        print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
