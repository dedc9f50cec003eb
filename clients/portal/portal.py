"""A partner's portal with Vivier's search in one of its pages: an example to start from, without any package.

    VIVIER=https://vivier.example.org KEY=viv_… python3 portal.py https://portail.example.org 8080

The key has the scope `match` and a quota, and stays here. A real portal asks for an address for its own visitors alone,
or for so many a minute.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VIVIER, KEY = os.environ["VIVIER"].rstrip("/"), os.environ["KEY"]
ORIGIN, PORT = sys.argv[1], int(sys.argv[2])
PAGE = Path(__file__).with_name("index.html").read_text(encoding="utf-8").replace("{vivier}", escape(VIVIER)).encode()


def open_search() -> tuple[int, bytes]:
    """The status and the document with which Vivier answers that a search is to be opened for a visitor."""
    wanted = json.dumps({"origin": ORIGIN}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{VIVIER}/embed/searches", wanted, headers)) as answer:
            return 200, answer.read()
    except urllib.error.URLError as failure:
        print(failure, file=sys.stderr)
        return 502, b"{}"


class Portal(BaseHTTPRequestHandler):
    """The page at `/`, and at `/recherche` the address of a search for whoever reads the page."""

    def do_GET(self) -> None:
        self.answer(200, "text/html; charset=utf-8", PAGE)

    def do_POST(self) -> None:
        # only pages of the portal itself ask for one
        if self.path != "/recherche" or self.headers.get("Origin") != ORIGIN:
            self.answer(403, "application/json", b"{}")
            return
        status, document = open_search()
        self.answer(status, "application/json", document)

    def answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", PORT), Portal)
print(f"{ORIGIN} : http://127.0.0.1:{PORT}", flush=True)
server.serve_forever()
