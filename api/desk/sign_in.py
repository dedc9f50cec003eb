"""The pages on which a session begins and ends: with a key, by a link that opens once, at a provider.

A session is of a key, never longer than that is in force, or of a person. The database knows digests of tokens. With
the administrator's key, which is a setting, they are bound to it: a session ends when that key is changed.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from http import HTTPStatus
from secrets import token_bytes, token_urlsafe
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import structlog
from litestar import Response
from litestar.types import Scope as ASGIScope

from api.desk.frame.layout import SAID
from api.desk.frame.page import decoded_fields, page, sign_in_page
from api.desk.frame.visit import KEY_FIELD, Visit, client_of_session, local_path, session_digests
from api.identity_provider import Challenge, Identity, IdentityProvider, NotIdentified, ProviderAway
from api.people_settings import comparable_address
from api.runtime.actor import actor_of
from api.runtime.auth import LONGEST_KEY, NOT_STORED
from api.runtime.rate_limits import SIGN_INS, caller_of
from api.runtime.services import Services
from api.settings import Settings
from api.web.problems import Refusal
from db import api_keys
from db.core.engine import Connection, transaction
from db.invitations import InvitedPerson, note_seen
from db.journal.entries import write_entry
from db.persons import AccountKey, delete_session, insert_session, note_sign_in
from domain.errors import require_found
from domain.journal import Actor, Detail
from domain.organisation import Scope
from domain.text.bilingual import Language, Text

FIRST_PAGES: dict[Scope, str] = {
    "match": "/besoin",
    "needs": "/besoins",
    "read": "/annuaire",
    "sync": "/sources",
    "admin": "/admin",
}
"""The page to begin with, by the first of these rights that somebody has."""


@page("GET", "/connexion", scope=None)
async def show_sign_in(visit: Visit) -> Response[bytes]:
    """The sign-in form; a redirect to their first page for whoever is signed in."""
    back = local_path(visit.text("suite")) or ""
    if visit.new_token is None and await client_of_session(visit.services, visit.token, visit.call.scope):
        return await redirect_after_sign_in(visit, back)
    return sign_in_page(visit, back=back)


@page("POST", "/connexion", scope=None)
async def sign_in(visit: Visit) -> Response[bytes]:
    """Begin a session and redirect to the page that asked for one; the form again where the key is not in force."""
    token = await begin_session(visit.services, visit.text(KEY_FIELD), visit.call.scope)
    return await go_on_with_session(visit, token) if token else sign_in_again(visit, "key")


@page("GET", "/connexion/{link}", scope=None)
async def sign_in_by_link(visit: Visit, link: str) -> Response[bytes]:
    """Begin a session by a link that works once, and redirect to the first page that its key may see."""
    key = visit.services.sign_in_links.redeem(link)
    token = await begin_session(visit.services, key, visit.call.scope) if key else None
    if token is None:
        raise Refusal("not-found", SAID["used_link"])
    visit.token = visit.new_token = token
    return await redirect_after_sign_in(visit)


async def go_on_with_session(visit: Visit, token: str) -> Response[bytes]:
    """Redirect to the page that the form to sign in names; show the form that it carries, if any, to be sent again."""
    back, typed = local_path(visit.text("suite")) or "", visit.text("saisie")
    # one of its own, never the one that the browser came with, which others may know
    visit.token = visit.new_token = token
    if back and typed:
        return visit.page("frame/send_again.html", path=back, typed=decoded_fields(typed), signed_in=True)
    return await redirect_after_sign_in(visit, back)


def sign_in_again(visit: Visit, wrong: Literal["key", "passkey", "address"]) -> Response[bytes]:
    """The form to sign in again (401), with what was wrong in it, and all that it carries."""
    back, typed = local_path(visit.text("suite")) or "", visit.text("saisie")
    return sign_in_page(visit, HTTPStatus.UNAUTHORIZED, back, typed, wrong=wrong)


async def redirect_after_sign_in(visit: Visit, back: str = "") -> Response[bytes]:
    """Redirect to the page that asked for a session, or else to the first that the visitor may see."""
    client = None if back else await client_of_session(visit.services, visit.token, visit.call.scope)
    allowed = [path for scope, path in FIRST_PAGES.items() if client is not None and client.may(scope)]
    return visit.redirect(back or next(iter(allowed), FIRST_PAGES["match"]))


SIGN_IN_SECONDS = 600
LONGEST_BACK, LONGEST_STATE, LONGEST_CODE = 1_000, 3_000, 4_000

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class _SignInState(msgspec.Struct, frozen=True, array_like=True):
    """The content of the provider's `state` parameter: when a sign-in began, the path to return to, and a salt."""

    at: int
    back: str
    salt: bytes


@page("GET", "/connexion/fournisseur", scope=None)
async def redirect_to_provider(visit: Visit) -> Response[bytes]:
    """Redirect to the identity provider, which redirects back to `/connexion/retour`."""
    provider = _require_provider(visit)
    visit.services.limits.take(SIGN_INS, caller_of(visit.call.scope))
    back = local_path(visit.text("suite")) or ""
    sent = _SignInState(
        int(visit.services.now().timestamp()), back if len(back) <= LONGEST_BACK else "", token_bytes(16)
    )
    try:
        address = await provider.authorization_url(_challenge(visit.token, sent))
    except ProviderAway as away:
        return _refusal_page(visit, HTTPStatus.SERVICE_UNAVAILABLE, SAID["provider_away"], str(away))
    return Response(b"", status_code=HTTPStatus.SEE_OTHER, headers={"location": address})


@page("GET", "/connexion/retour", scope=None)
async def return_from_provider(visit: Visit) -> Response[bytes]:
    """Begin a session and redirect to the page that asked for one; say why there is none where the provider refuses."""
    provider, caller = _require_provider(visit), caller_of(visit.call.scope)
    sent = _read_state(visit)
    if sent is None:
        return _refusal_page(visit, HTTPStatus.BAD_REQUEST, SAID["of_another_browser"], "state")
    if visit.text("error") or not 0 < len(visit.text("code")) <= LONGEST_CODE:
        return _refusal_page(visit, HTTPStatus.FORBIDDEN, SAID["not_signed_in"], visit.text("error")[:100])
    async with visit.services.limits.attempt(SIGN_INS, caller) as attempt:
        attempt.in_vain = True
        try:
            challenge = _challenge(visit.token, sent)
            identity = await provider.identify(
                visit.text("code"), challenge, visit.text("iss") or None, visit.services.now()
            )
            token = await begin_session_of_person(visit.services, identity, visit.language)
        except NotIdentified as failure:
            return _refusal_page(visit, HTTPStatus.FORBIDDEN, SAID["not_signed_in"], str(failure))
        except ProviderAway as away:
            return _refusal_page(visit, HTTPStatus.SERVICE_UNAVAILABLE, SAID["provider_away"], str(away))
        except UnknownOrganisation:
            return _refusal_page(visit, HTTPStatus.FORBIDDEN, SAID["unknown_organisation"], "no organisation")
        attempt.in_vain = False
    visit.services.limits.give_back(SIGN_INS, caller)  # what was counted on the way to the provider
    visit.token = visit.new_token = token
    return await redirect_after_sign_in(visit, sent.back)


@page("POST", "/deconnexion", scope=None)
async def sign_out(visit: Visit) -> Response[bytes]:
    """End the session and redirect to the form to sign in; offer to leave the provider too, where there is one."""
    id_token, provider = await end_session(visit.services, visit.token), visit.services.identity_provider
    visit.new_token = ""
    if id_token is None or provider is None:
        answer = visit.redirect("/connexion")
    else:
        address = None
        try:
            address = await provider.sign_out_url(id_token, token_bytes(16).hex())
        except ProviderAway as away:
            log.warning("the provider does not sign out", reason=str(away))
        answer = visit.page("signing_in/signed_out.html", address=address, provider=provider.label)
    # what was typed is kept in the tab: nobody who comes after is to find it
    answer.headers["clear-site-data"] = '"storage"'
    return answer


def _require_provider(visit: Visit) -> IdentityProvider:
    return require_found(visit.services.identity_provider, SAID["no_provider"])


def _refusal_page(visit: Visit, status: int, why: Text, reason: str) -> Response[bytes]:
    """The page that says `why` a sign-in failed; logs `reason`, which does not tell who the person is."""
    log.info("not signed in", reason=reason)
    return visit.page("signing_in/not_signed_in.html", status, why=why)


def _challenge(token: str, sent: _SignInState) -> Challenge:
    """The secrets of a sign-in, derived from the browser's token so that none of them is stored."""
    carried = urlsafe_b64encode(msgspec.msgpack.encode(sent)).rstrip(b"=").decode()
    proofs = {name: _proof(token, name, carried) for name in Challenge._fields}
    return Challenge(**proofs | {"state": f"{carried}.{proofs['state']}"})


def _read_state(visit: Visit) -> _SignInState | None:
    """The sign-in that `state` carries; None where it is another browser's, too old, or altered."""
    state = visit.text("state")
    carried, _, proof = state.partition(".")
    if len(state) > LONGEST_STATE or not hmac.compare_digest(
        proof.encode(), _proof(visit.token, "state", carried).encode()
    ):
        return None
    try:
        sent = msgspec.msgpack.decode(urlsafe_b64decode(carried + "=" * (-len(carried) % 4)), type=_SignInState)
    except (ValueError, msgspec.DecodeError):
        # the browser has the token, and so can prove what it wrote itself
        return None
    leads_here = not sent.back or local_path(sent.back) is not None
    is_recent = sent.at <= visit.services.now().timestamp() <= sent.at + SIGN_IN_SECONDS
    return sent if leads_here and is_recent else None


def _proof(token: str, name: str, carried: str) -> str:
    """An HMAC of `name` and `carried` under the browser's token, which proves where a sign-in began."""
    about = f"{name}\n{carried}".encode(errors="replace")
    return hmac.digest(token.encode(errors="replace"), about, "sha256").hex()


class UnknownOrganisation(Exception):
    """Raised for a person whose e-mail address, SIRET and domain lead to no organisation."""


class Membership(NamedTuple):
    """The organisation of a person and their rights there. `ground`: the address, SIRET or domain that led to it."""

    organisation_id: UUID
    scopes: tuple[Scope, ...]
    ground: str


async def membership_of(connection: Connection, identity: Identity, settings: Settings) -> Membership:
    """A person's organisation, found by e-mail address, else by SIRET, else by domain; and their rights in it.

    As the settings name it; a SIRET leads to the organisation that has it too. An address counts where the provider
    says that it is verified, and as `comparable_address` has it. Raises UnknownOrganisation.
    """
    email, siret = comparable_address(identity.verified_email or "") or "", identity.siret or ""
    if not (siret.isascii() and siret.isdecimal()):
        siret = ""  # an address or a domain in its place is not verified
    for who in (email, siret, email[email.rfind("@") :] if "@" in email else ""):
        name = dict(settings.oidc_members).get(who) if who else None
        found = await api_keys.find_by_name_or_id(connection, name) if name else None
        if found is None and who and who == siret:
            found = await api_keys.find_by_siret(connection, siret)
        if found is not None:
            return Membership(found.id, settings.rights_on_ground(who), who)
    raise UnknownOrganisation


async def begin_session(services: Services, key: str, scope: ASGIScope) -> str | None:
    """Begin a session with a key; returns its token, None where the key is not in force. `scope`: the request's.

    Raises Refusal: 429 to an address that sent too many unknown keys, 503 while the database is away.
    """
    client = await services.keys.client(key, scope) if key and len(key) <= LONGEST_KEY else None
    if client is None:
        return None
    token, now = token_urlsafe(32), services.now()
    expires_at = now + timedelta(hours=services.settings.session_hours)
    own, *of_administrator = session_digests(services, token)
    digest = of_administrator[0] if client.id == NOT_STORED else own
    async with transaction(services.database) as connection:
        await insert_session(connection, digest, now, expires_at, key_id=client.id)
        await write_entry(connection, actor_of(client), "key.signed_in", f"key:{client.id}", now)
    return token


async def begin_session_of_person(services: Services, identity: Identity, language: Language) -> str:
    """Begin a session for a person whom the provider identified; returns its token. Raises UnknownOrganisation."""
    settings, now = services.settings, services.now()
    async with transaction(services.database) as connection:
        member = await membership_of(connection, identity, settings)
        key = AccountKey(member.organisation_id, settings.oidc_issuer or "", identity.subject)
        person_id = await note_sign_in(connection, key, identity.name, identity.email, now, language)
        actor, detail = Actor(member.organisation_id, "person", person_id), Detail(scopes=list(member.scopes))
        provided = {"scopes": member.scopes, "id_token": identity.id_token, "ground": member.ground}
        return await _store_session(connection, services, actor, now, detail, **provided)


async def begin_session_of_invited(
    connection: Connection,
    services: Services,
    person: InvitedPerson,
    way: Literal["invitation", "code", "passkey"],
    language: Language,
) -> str:
    """Begin a session for a person who was invited and proved in this `way` who they are; returns its token."""
    now, actor = services.now(), Actor(person.organisation_id, "person", person.id)
    await note_seen(connection, person.id, language, now)
    detail: Detail = {"scopes": list(person.scopes), "way": way}
    return await _store_session(connection, services, actor, now, detail, scopes=person.scopes)


async def _store_session(
    connection: Connection, services: Services, person: Actor, now: datetime, detail: Detail, **said: Any
) -> str:
    """Store a session of a person, and in the journal that it began; returns its token."""
    token = token_urlsafe(32)
    digest, *_ = session_digests(services, token)
    expires_at = now + timedelta(hours=services.settings.session_hours)
    await insert_session(connection, digest, now, expires_at, person_id=person.id, **said)
    await write_entry(connection, person, "person.signed_in", f"person:{person.id}", now, detail=detail)
    return token


async def end_session(services: Services, token: str) -> str | None:
    """End the session of a token, where there is one; returns the ID token with which it began, if any."""
    async with transaction(services.database) as connection:
        return await delete_session(connection, session_digests(services, token))
