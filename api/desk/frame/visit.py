"""A request for a page of the desk: its session, its form fields, and forms that are carried out once.

A page of this server, shown to this browser, sent the form (CSRF): a token made of the cookie proves it.
However often one copy of a form is sent, it is carried out once.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from ipaddress import ip_address
from operator import attrgetter
from secrets import token_hex, token_urlsafe
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit
from uuid import UUID

import msgspec
from litestar import Response
from litestar.types import Scope as ASGIScope

from api.desk.frame.form import Mistake
from api.desk.frame.layout import render
from api.needs.freeze_shortlist import MatchedNeed, MatchInput, match_before_storing
from api.runtime.actor import TOKEN, Acting, acting_of
from api.runtime.auth import NOT_STORED
from api.runtime.endpoint import Call
from api.runtime.idempotency import Sender, answer_once
from api.runtime.processes.match_work import FunctionTask
from api.runtime.rate_limits import LOOK_UPS, caller_of
from api.runtime.services import Services
from api.web.content_negotiation import HTML
from api.web.html_pages import Fields, Files
from api.web.pagination import read_cursor, write_cursor
from db.api_keys import find_client_of_key
from db.core.engine import Connection, transaction
from db.idempotency import Answer, find_answer
from db.persons import INVITATION, Session, find_session
from domain.errors import NotFound
from domain.law.rules import RuleRow
from domain.organisation import Client
from domain.reference.territory import Area
from domain.shortlists.shortlist import Stamp
from domain.text.bilingual import Language, Text
from matching.reference import Reference

COOKIE = "vivier_session"
OF_THIS_HOST = "__Host-"
"""Before the name of a cookie that is sent over TLS: browsers take it from no other host, a neighbouring one neither
(RFC 6265bis §4.1.3.2)."""
LONGEST_COOKIE = 64

TOKEN_FIELD = "jeton"  # noqa: S105 - the name of a field
SALT_BYTES = 8
"""Of the token that each form carries: a neighbouring host can set cookies here, and so a token that fits them; the
browser says besides who sent the request."""


def cookie_header(call: Call, new_token: str | None) -> str | None:
    """The `Set-Cookie` header that stores a new session token, or for "" deletes the cookie; None without a new token.

    A browser does not send its cookie with a form of another site: there the cookie stays, and the header is None.
    """
    if new_token is None or (call.method == "POST" and not is_same_origin(call)):
        return None
    seconds, name = call.services.settings.session_hours * 3600 if new_token else 0, _cookie_name(call)
    parts = [f"{name}={new_token}", "Path=/", f"Max-Age={seconds}", "HttpOnly", "SameSite=Lax"]
    return "; ".join(parts if name == COOKIE else [*parts, "Secure"])


def _cookie_name(call: Call) -> str:
    """The name of the session's cookie: plain over http from this machine, else with the prefix `__Host-`."""
    public = call.services.settings.public_url
    if call.url.scheme == "http" and not (public and public.startswith("https:")):
        try:
            host = urlsplit(f"//{call.headers.get('host', '')}").hostname or ""
            if host == "localhost" or ip_address(host).is_loopback:
                return COOKIE
        except ValueError:
            pass
    return f"{OF_THIS_HOST}{COOKIE}"


def is_same_origin(call: Call) -> bool:
    """Whether the request is same-origin, or made by the user directly; true where the browser does not say."""
    return call.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def new_form_token(cookie: str, salt: str = "") -> str:
    """A CSRF token for a form, bound to the browser's `cookie`; random unless a salt is given."""
    salt = salt or token_hex(SALT_BYTES)
    return salt + hashlib.sha256(f"form\n{salt}\n{cookie}".encode(errors="replace")).hexdigest()


def passes_csrf_check(call: Call, cookie: str, form_token: str) -> bool:
    """Whether the request is same-origin and the form's token was made for this cookie."""
    expected = new_form_token(cookie, salt_of(form_token))
    return is_same_origin(call) and hmac.compare_digest(form_token.encode(), expected.encode())


def salt_of(form_token: str) -> str:
    """The random beginning of a form's token, by which one copy of the form differs from all others."""
    return form_token[: 2 * SALT_BYTES]


KEY_FIELD = "cle"
LOCAL = frozenset("!$&'()*+,-./:;=?@_~%")
"""What a path of this server with its query may hold besides letters and digits."""
T = TypeVar("T")


@dataclass
class Visit:
    """A request for a page of the desk. `token`: of its session cookie, else a new one; `client`: who is signed in.

    `fields`: of the submitted form, or of the query; `files`: uploaded with it. `new_token`: to be stored as the
    cookie; empty: the cookie is deleted.
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
        """The id of the visitor's organisation; only on pages that need a session."""
        return self.call.bearer.organisation_id

    @property
    def root(self) -> str:
        """The relative path from this page to the first: links are relative, so that no proxy's prefix is lost."""
        return "./" + "../" * (self.call.scope["path"].count("/") - 1)

    @property
    def drafts_name(self) -> str:
        """The name under which a browser stores drafts of forms, one per key or person; empty if none is signed in."""
        return hashlib.sha256(f"draft\n{self.client.id}".encode()).hexdigest()[:16] if self.client else ""

    def text(self, name: str) -> str:
        """The last text of the field `name`; empty where it has none."""
        return self.fields.get(name, [""])[-1]

    def page(
        self, template: str, status: int | None = None, *, mistakes: Sequence[Mistake] = (), **shown: Any
    ) -> Response[bytes]:
        """The HTML page of a template; its status is 422 where there are mistakes, unless `status` is given.

        `shown`: what the template reads besides them, the visit, and the names of places and trades.
        """
        places = self.reference.territories

        def departement_names(area: Area) -> str:
            """The departements around a commune or EPCI, by which places of one name are told apart."""
            return ", ".join(each.label for each in places.parents(area) if each.kind == "departement")

        def rule_of(point: Any, stamp: Stamp) -> RuleRow | None:
            """The rule that a point of law quotes, on the day of its law; None where the point has another article.

            By the law of the `rules` shown, as of a frozen list, else by that of today.
            """
            law = shown.get("law_kept") or self.reference.rules
            views = (law.view(stamp.law_day, kind) for kind in ("market", "concession"))
            found = (view.rows.get(point.rule) for view in views)
            return next((row for row in found if row and row.article == point.article), None)

        always: dict[str, Any] = {
            "visit": self,
            "rule_of": rule_of,
            "mistakes": mistakes,
            "wrong": {mistake.field for mistake in mistakes},
            "commune": places.commune_name,
            "label": self.reference.taxonomy.label,
            "departements": departement_names,
        }
        content = render(template, self.language, **always | shown)
        if status is None:
            status = HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK
        return Response(content, status_code=status, media_type=HTML)

    async def page_of_list(
        self, list_name: str, id_type: type[T], fetch: Callable[[T | None, int], Awaitable[Sequence[Any]]], most: int
    ) -> tuple[Sequence[Any], str | None]:
        """The items after the position in the query's cursor, at most `most`, and the cursor of the next page, if any.

        `id_type`: of an item's id or number, after which `fetch(after, count)` returns at most `count` items.
        Raises Refusal (400) for a cursor that is not of `list_name`.
        """
        found = await fetch(read_cursor(list_name, self.text("suite") or None, id_type), most + 1)
        key_of = attrgetter("id" if id_type is UUID else "number")
        return found[:most], write_cursor(list_name, key_of(found[most - 1])) if len(found) > most else None

    def redirect(self, path: str) -> Response[bytes]:
        """The redirect (303) to a path of this server, such as /besoin?exemple=1."""
        headers = {"location": self.root + path.removeprefix("/")}
        return Response(b"", status_code=303, media_type=HTML, headers=headers)

    def form_token(self) -> str:
        """A new CSRF token for a form, bound to this browser's cookie."""
        return new_form_token(self.token)

    def typed_fields(self) -> list[tuple[str, str]]:
        """The submitted fields as pairs of name and text, without the CSRF token and the API key.

        None of a form that another site sent: the visitor has not typed them.
        """
        if not is_same_origin(self.call):
            return []
        fields = ((name, texts) for name, texts in self.fields.items() if name not in {TOKEN_FIELD, KEY_FIELD})
        return [(name, text) for name, texts in fields for text in texts]

    async def run_work(self, work: Callable[..., T], *arguments: Any, is_much: bool = False) -> T:
        """Call `work(reference, *arguments)` outside the event loop by `MatchWork.run`; returns its result."""
        task = FunctionTask(work, arguments, is_much)
        return await self.services.match_work.run(task, str(self.organisation_id), self.call.wait_for_disconnect)


def visit_of(call: Call) -> Visit:
    """The `Visit` that a request makes, with a new session token where its cookie has none or one too long."""
    pairs = (part.strip().partition("=") for part in call.headers.get("cookie", "").split(";"))
    token = {name: text for name, _, text in pairs}.get(_cookie_name(call), "")
    if 0 < len(token) <= LONGEST_COOKIE:
        return Visit(call, token)
    made = token_urlsafe(32)
    return Visit(call, made, new_token=made)


def local_path(path: str) -> str | None:
    """The path, with its query, where it leads to a page of this server; None where it might lead elsewhere."""
    is_plain = all(sign.isascii() and (sign.isalnum() or sign in LOCAL) for sign in path)
    return path if is_plain and path.startswith("/") and not path.startswith("//") else None


def path_to_return_to(call: Call) -> str:
    """The request's own path and query, quoted as `local_path` accepts them, to return there after sign-in."""
    query = call.scope["query_string"].decode("latin-1")
    path = quote(call.scope["path"], safe="/:")
    return path + (f"?{quote(query, safe='=&%+,;:/')}" if query else "")


SENT_FIELD = "envoi"
LONGEST_SENT = 100


class FormOutcome(NamedTuple):
    """The result of a form carried out: the path to redirect to, and a `document` stored for a later page."""

    path: str
    document: bytes = b""


def acting_at(visit: Visit) -> Acting:
    """The visitor as the caller of a use case, with the session's token as the secret from which link tokens derive."""
    return acting_of(visit.call, visit.token)


def id_in(text: str, unknown: Text) -> UUID:
    """The text, of a path or a field, as a UUID. Raises NotFound with the sentence `unknown` where it is none."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(unknown) from None


async def write_once(
    visit: Visit, carry_out: Callable[[Connection, Acting], Awaitable[FormOutcome]]
) -> Response[bytes]:
    """Carry a form out, once however often it is sent, and redirect (303) to the path of its outcome.

    `carry_out` has a transaction of its own. The form with other words, typed after going back, is another form.
    """
    acting = acting_at(visit)

    async def redirect_to_outcome() -> Answer:
        done = await carry_out(connection, acting)
        return Answer(303, {"location": visit.root + done.path.removeprefix("/")}, done.document)

    async def answer_without_body(stored: Answer) -> Answer:
        return msgspec.structs.replace(stored, body=b"")

    async with transaction(visit.services.database) as connection:
        sender = Sender(acting.organisation_id, form_route(visit.call.scope["path"]), submission_name(visit))
        return await answer_once(
            visit.call, connection, b"", redirect_to_outcome, sender=sender, completed=answer_without_body
        )


async def match_and_write_once(
    visit: Visit,
    read_input: Callable[[Connection, Acting], Awaitable[MatchInput]],
    carry_out: Callable[[Connection, Acting, MatchedNeed | None], Awaitable[FormOutcome]],
) -> Response[bytes]:
    """Match the need that `read_input` reads, outside any transaction, then carry the form out as `write_once` does.

    The need of a form that was carried out before is not matched again: `carry_out` is given None.
    """
    async with visit.services.matches.slot_of(str(visit.organisation_id)):
        sent = partial(_answer_to_submission, visit, path=visit.call.scope["path"], name=submission_name(visit))
        matched = await match_before_storing(acting_at(visit), read_input, sent)
        return await write_once(visit, lambda connection, acting: carry_out(connection, acting, matched))


def submission_name(visit: Visit) -> str:
    """The name under which a submitted form is stored: the same where one copy is sent twice unchanged."""
    filled_in = blake2b(msgspec.json.encode(visit.typed_fields()), digest_size=16).hexdigest()
    return f"{salt_of(visit.text(TOKEN_FIELD))}-{filled_in}"


async def document_of_submission(visit: Visit, connection: Connection, path: str) -> bytes | None:
    """The stored document of the submission that the field `envoi` names; None where it is no longer stored."""
    name = visit.text(SENT_FIELD)
    if not 0 < len(name) <= LONGEST_SENT:
        return None
    answer = await _answer_to_submission(visit, connection, path, name)
    return None if answer is None else answer.body


async def _answer_to_submission(visit: Visit, connection: Connection, path: str, name: str) -> Answer | None:
    """The stored answer to the submission `name` of the form at `path`; None where it was not carried out."""
    return await find_answer(connection, visit.organisation_id, form_route(path), name, visit.services.now())


def form_route(path: str) -> str:
    """The route name under which answers to the form at `path` are stored; no route of the API has it."""
    return f"form {path}"


async def client_of_session(services: Services, token: str, scope: ASGIScope) -> Client | None:
    """The client signed in by a session token; None where its session, key or identity provider is not in force.

    `scope`: the request. Raises Refusal (429) to an address that brought very many tokens of no session.
    """
    if not TOKEN.fullmatch(token):
        return None
    now = services.now()
    async with (
        services.limits.attempt(LOOK_UPS, caller_of(scope), for_all=False) as attempt,
        transaction(services.database) as connection,
    ):
        found = await find_session(connection, session_digests(services, token), now)
        attempt.in_vain = found is None
        if found is None:
            return None
        if found.key_id is None:
            return _person_in_force(services, found)
        if found.key_id != NOT_STORED:
            return await find_client_of_key(connection, found.key_id, now)
    return await services.keys.client(services.settings.admin_key or "")


def _person_in_force(services: Services, session: Session) -> Client | None:
    """The person of a session with their rights of today; None where they are no longer let in.

    Someone who was invited has the rights of the invitation, and their sessions end with it. Someone whom a provider
    knows is let in as long as that is the provider, and what led them to the organisation still does.
    """
    person, provider, settings = session.person, services.identity_provider, services.settings
    if person is None or session.issuer == INVITATION:
        return person
    if provider is None or provider.issuer != session.issuer:
        return None
    if session.ground is None:  # of an earlier release
        return person
    if not settings.still_leads(session.ground, person.organisation_id, person.organisation, session.siret):
        return None
    return msgspec.structs.replace(person, scopes=settings.rights_on_ground(session.ground))


def session_digests(services: Services, token: str) -> list[bytes]:
    """The digests that a session token may be stored under: for any key or person, then for the administrator's key."""
    parts = ("",) if services.settings.admin_key is None else ("", services.settings.admin_key)
    return [hashlib.sha256(f"{token}\n{part}".encode(errors="replace")).digest() for part in parts]
