"""The pages on which a session begins with a key, and the stylesheets and scripts of all pages."""

from http import HTTPStatus
from pathlib import Path

from litestar import Response

from api.desk.frame.layout import MEDIA_TYPES, asset_path, assets
from api.desk.frame.page import fields_as_typed, page, sign_in_page
from api.desk.frame.sessions import begin_session, client_of_session
from api.desk.frame.visit import KEY_FIELD, Visit, local_path
from api.web.problems import Refusal
from domain.errors import NotFound
from domain.organisation import Scope
from domain.text.bilingual import Text

FIRST_PAGES: dict[Scope, str] = {
    "match": "/besoin",
    "needs": "/besoins",
    "read": "/annuaire",
    "sync": "/sources",
    "admin": "/admin",
}
"""The page to begin with, by the first of these rights that somebody has."""
YEAR = 365 * 86_400


@page("GET", "/connexion", scope=None)
async def show_sign_in(visit: Visit) -> Response[bytes]:
    """The form to sign in; whoever is signed in is led on."""
    back = local_path(visit.text("suite")) or ""
    if visit.new_token is None and await client_of_session(visit.services, visit.token, visit.call.scope):
        return await lead_on(visit, back)
    return sign_in_page(visit, back=back)


@page("POST", "/connexion", scope=None)
async def sign_in(visit: Visit) -> Response[bytes]:
    """Begin a session and redirect to the page that asked for one; the form again where the key is not in force."""
    back, typed = local_path(visit.text("suite")) or "", visit.text("saisie")
    token = await begin_session(visit.services, visit.text(KEY_FIELD), visit.call.scope)
    if token is None:
        return sign_in_page(visit, HTTPStatus.UNAUTHORIZED, back, typed, wrong=True)
    _give(visit, token)
    if back and typed:
        return visit.page("frame/send_again.html", path=back, typed=fields_as_typed(typed), signed_in=True)
    return await lead_on(visit, back)


@page("GET", "/connexion/{link}", scope=None)
async def sign_in_by_link(visit: Visit, link: str) -> Response[bytes]:
    """Begin a session by a link that opens once, and redirect to the form of a need."""
    key = visit.services.sign_in_links.redeem(link)
    token = await begin_session(visit.services, key, visit.call.scope) if key else None
    if token is None:
        raise Refusal("not-found", USED_LINK)
    _give(visit, token)
    return await lead_on(visit)


@page("GET", "/bureau/{digest}/{name}", scope=None)
async def get_asset(visit: Visit, digest: str, name: str) -> Response[bytes]:
    """A stylesheet or script; for a year, where its path is of today."""
    visit.new_token = None
    if name not in assets():
        raise NotFound(Text("Aucun fichier de ce nom", "No file of this name"))
    is_current = asset_path(name) == f"bureau/{digest}/{name}"
    caching = f"public, max-age={YEAR}, immutable" if is_current else "no-cache"
    headers = {"cache-control": caching, "vary": "accept-encoding"}
    return Response(assets()[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)


async def lead_on(visit: Visit, back: str = "") -> Response[bytes]:
    """Redirect to the page that asked for a session, or else to the first that the visitor may see."""
    client = None if back else await client_of_session(visit.services, visit.token, visit.call.scope)
    allowed = [path for scope, path in FIRST_PAGES.items() if client is not None and client.may(scope)]
    return visit.redirect(back or next(iter(allowed), FIRST_PAGES["match"]))


def _give(visit: Visit, token: str) -> None:
    """Give the browser a token of its own, never the one that it came with, which others may know."""
    visit.token = visit.new_token = token


USED_LINK = Text(
    "Ce lien a déjà servi, ou il est trop ancien : connectez-vous avec une clé",
    "This link was used before, or is too old: sign in with a key",
)

PAGES = (show_sign_in, sign_in, sign_in_by_link, get_asset)
