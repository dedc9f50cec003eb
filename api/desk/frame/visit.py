"""A request for a page of the desk: who visits, and what the form holds."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from litestar import Response

from api.desk.frame import csrf
from api.desk.frame.form import Mistake
from api.desk.frame.layout import rendered
from api.runtime.endpoint import Call
from api.runtime.services import Services
from api.web.content_negotiation import HTML
from api.web.forms import Fields, Files
from domain.organisation import Client
from domain.reference.territory import Area
from domain.text.bilingual import Language
from matching.reference import Reference

KEY_FIELD = "cle"
LOCAL = frozenset("!$&'()*+,-./:;=?@_~%")
"""What a path of this server with its query may hold besides letters and digits."""
T = TypeVar("T")


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
    def reference(self) -> Reference:
        return self.call.services.reference

    @property
    def organisation_id(self) -> UUID:
        """The organisation of who visits; of a page that needs a session."""
        return self.call.bearer.organisation_id

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

    def page(
        self, template: str, status: int | None = None, *, mistakes: Sequence[Mistake] = (), **shown: Any
    ) -> Response[bytes]:
        """A page; one of a form to be corrected (422), unless another status is given, where there are mistakes.

        `shown`: what the template reads besides them, the visit, and the names of places and trades.
        """
        always: dict[str, Any] = {
            "visit": self,
            "mistakes": mistakes,
            "wrong": {mistake.field for mistake in mistakes},
            "commune": self.reference.territories.commune_name,
            "label": self.reference.taxonomy.label,
            "departements": self._departements_around,
        }
        content = rendered(template, self.language, **always | shown)
        if status is None:
            status = HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK
        return Response(content, status_code=status, media_type=HTML)

    def _departements_around(self, area: Area) -> str:
        """The names of the departements around a commune or EPCI, by which those of one name are told apart."""
        parents = self.reference.territories.parents(area)
        return ", ".join(each.label for each in parents if each.kind == "departement")

    def redirect(self, path: str) -> Response[bytes]:
        """The redirect (303) to a path of this server, such as /besoin?exemple=1."""
        headers = {"location": self.root + path.removeprefix("/")}
        return Response(b"", status_code=303, media_type=HTML, headers=headers)

    def form_token(self) -> str:
        """A token for a form of the page."""
        return csrf.form_token(self.token)

    def typed(self) -> list[tuple[str, str]]:
        """The fields of the form as they were filled in, without its token and without a key.

        None of a form that another site sent: nobody here has typed them.
        """
        if not csrf.is_from_here(self.call):
            return []
        fields = ((name, texts) for name, texts in self.fields.items() if name not in {csrf.TOKEN_FIELD, KEY_FIELD})
        return [(name, text) for name, texts in fields for text in texts]

    async def work_out(self, work: Callable[..., T], *arguments: Any, is_much: bool = False) -> T:
        """The result of a function of the reference data, as `MatchWork.run_function` has it."""
        key, left = str(self.organisation_id), self.call.wait_for_disconnect
        return await self.services.match_work.run_function(work, *arguments, is_much=is_much, key=key, left=left)


def visit_of(call: Call) -> Visit:
    """The visit of a request; its browser is given a token where it brings none."""
    if token := csrf.cookie_of(call):
        return Visit(call, token)
    made = token_urlsafe(32)
    return Visit(call, made, new_token=made)


def local_path(path: str) -> str | None:
    """The path, with its query, where it leads to a page of this server; None where it might lead elsewhere."""
    is_plain = all(sign.isascii() and (sign.isalnum() or sign in LOCAL) for sign in path)
    return path if is_plain and path.startswith("/") and not path.startswith("//") else None


def path_to_come_back(call: Call) -> str:
    """The path and query of a request, written as `local_path` takes it."""
    query = call.scope["query_string"].decode("latin-1")
    path = quote(call.scope["path"], safe="/:")
    return path + (f"?{quote(query, safe='=&%+,;:/')}" if query else "")
