"""A request for a page of the desk: who visits, by which cookie, and what the form holds."""

import hashlib
import hmac
from dataclasses import dataclass, field
from ipaddress import ip_address
from secrets import token_hex, token_urlsafe
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Response

from api.desk.frame.layout import rendered
from api.runtime.endpoint import Call
from api.runtime.services import Services
from api.web.content_negotiation import HTML
from api.web.forms import Fields, Files
from domain.organisation import Client
from domain.text.bilingual import Language

COOKIE = "vivier_session"
OF_THIS_HOST = "__Host-"
"""Before the name of a cookie that is sent over TLS: browsers take it from no other host, a neighbouring one neither
(RFC 6265bis §4.1.3.2)."""
TOKEN_FIELD = "jeton"  # noqa: S105 - the name of a field
KEY_FIELD = "cle"
SALT_BYTES = 8
LONGEST_COOKIE = 64
LOCAL = frozenset("!$&'()*+,-./:;=?@_~%")
"""What a path of this server with its query may hold besides letters and digits."""


@dataclass
class Visit:
    """A visit of a page. `token`: of the browser, made where it brings none; `client`: whose session it is, if any.

    `fields`: of the form that is sent, or of the query; `files`: that came with it. `new_token`: the token that the
    browser is given; empty: it forgets its own.
    """

    call: Call
    token: str = field(repr=False)
    client: Client | None = None
    fields: Fields = field(default_factory=dict, repr=False)
    files: Files = field(default_factory=dict, repr=False)
    new_token: str | None = field(default=None, repr=False)

    @property
    def services(self) -> Services:
        return self.call.services

    @property
    def language(self) -> Language:
        return self.call.language

    @property
    def root(self) -> str:
        """The way from this page to the first: links are relative, so that no proxy's prefix is lost."""
        return "./" + "../" * (self.call.scope["path"].count("/") - 1)

    @property
    def person_mark(self) -> str:
        """The mark of what a browser keeps of a person's typing: another for each key, so nobody else is offered it."""
        return hashlib.sha256(f"draft\n{self.client.id}".encode()).hexdigest()[:16] if self.client else ""

    def text(self, name: str) -> str:
        """The last text of a field; empty where there is none."""
        return self.fields.get(name, [""])[-1]

    def page(self, template: str, status: int = 200, **shown: Any) -> Response[bytes]:
        """A page. `shown`: what the template reads besides the visit."""
        content = rendered(template, self.language, visit=self, **shown)
        return Response(content, status_code=status, media_type=HTML)

    def redirect(self, path: str) -> Response[bytes]:
        """The way (303) to a path of this server, such as /besoin?exemple=1."""
        headers = {"location": self.root + path.removeprefix("/")}
        return Response(b"", status_code=303, media_type=HTML, headers=headers)

    def form_token(self) -> str:
        """A token for a form, that only a page given to this browser holds; another each time."""
        salt = token_hex(SALT_BYTES)
        return salt + _proof(self.token, salt)

    def has_sent_its_own_form(self) -> bool:
        """Whether the form that is sent was given to this browser, and is sent by a page of this server.

        A neighbouring host can set cookies here, and so the token that it proves.
        """
        if not self.is_from_here:
            return False
        given = self.text(TOKEN_FIELD)
        salt, proof = given[: 2 * SALT_BYTES], given[2 * SALT_BYTES :]
        return hmac.compare_digest(proof.encode(), _proof(self.token, salt).encode())

    @property
    def is_from_here(self) -> bool:
        """Whether a page of this server sent the request, or nobody's, as the browser says; true where it does not."""
        return self.call.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}

    def typed(self) -> list[tuple[str, str]]:
        """The fields of the form as they were filled in, without its token and without a key.

        None of a form that another site sent: nobody here has typed them.
        """
        if not self.is_from_here:
            return []
        fields = ((name, texts) for name, texts in self.fields.items() if name not in {TOKEN_FIELD, KEY_FIELD})
        return [(name, text) for name, texts in fields for text in texts]


def visit_of(call: Call) -> Visit:
    """The visit of a request; its browser is given a token where it brings none."""
    token = _cookies(call.headers.get("cookie", "")).get(cookie_name(call), "")
    if token and len(token) <= LONGEST_COOKIE:
        return Visit(call, token)
    made = token_urlsafe(32)
    return Visit(call, made, new_token=made)


def cookie_name(call: Call) -> str:
    """The name of the cookie that holds the token."""
    return COOKIE if _is_plain_loopback(call) else f"{OF_THIS_HOST}{COOKIE}"


def cookie_header(visit: Visit) -> str | None:
    """The `Set-Cookie` header that the answer needs; None where the browser keeps the token it has.

    A browser does not show the token that it has with a form that another site sends: that one stays.
    """
    if visit.new_token is None or (visit.call.method == "POST" and not visit.is_from_here):
        return None
    seconds = visit.services.settings.session_hours * 3600 if visit.new_token else 0
    name = cookie_name(visit.call)
    parts = [f"{name}={visit.new_token}", "Path=/", f"Max-Age={seconds}", "HttpOnly", "SameSite=Lax"]
    return "; ".join(parts if name == COOKIE else [*parts, "Secure"])


def local_path(path: str) -> str | None:
    """The path, with its query, where it leads to a page of this server; None where it might lead elsewhere."""
    is_plain = all(sign.isascii() and (sign.isalnum() or sign in LOCAL) for sign in path)
    return path if is_plain and path.startswith("/") and not path.startswith("//") else None


def path_to_come_back(call: Call) -> str:
    """The path and query of a request, written as `local_path` takes it."""
    query = call.scope["query_string"].decode("latin-1")
    path = quote(call.scope["path"], safe="/:")
    return path + (f"?{quote(query, safe='=&%+,;:/')}" if query else "")


def _proof(token: str, salt: str) -> str:
    return hashlib.sha256(f"form\n{salt}\n{token}".encode(errors="replace")).hexdigest()


def _cookies(header: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: text for name, _, text in pairs}


def _is_plain_loopback(call: Call) -> bool:
    """Whether the browser is on this machine and speaks plain http, over which it would not keep a Secure cookie."""
    public = call.services.settings.public_url
    if call.url.scheme != "http" or (public and public.startswith("https:")):
        return False
    try:
        host = urlsplit(f"//{call.headers.get('host', '')}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
