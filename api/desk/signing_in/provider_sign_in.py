"""The pages that lead to an OpenID Connect provider and back, for people who sign in without a key."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http import HTTPStatus
from secrets import token_bytes

import msgspec
import structlog
from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.sessions import UnknownOrganisation, begin_session_of_person, end_session
from api.desk.frame.visit import Visit, local_path
from api.desk.signing_in.sign_in import lead_on
from api.identity_provider import Challenge, IdentityProvider, NotIdentified, ProviderAway
from api.runtime.rate_limits import SIGN_INS, caller_of
from domain.errors import NotFound
from domain.text.bilingual import Text

SIGN_IN_SECONDS = 600
LONGEST_BACK, LONGEST_STATE, LONGEST_CODE = 1_000, 3_000, 4_000

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class _Sent(msgspec.Struct, frozen=True, array_like=True):
    """A sign-in as `state` carries it: the second in which it began, the path that it is to lead to, a salt."""

    at: int
    back: str
    salt: bytes


@page("GET", "/connexion/fournisseur", scope=None)
async def lead_to_provider(visit: Visit) -> Response[bytes]:
    """Redirect to the provider, which leads back to `/connexion/retour`."""
    provider = _provider(visit)
    visit.services.limits.take(SIGN_INS, caller_of(visit.call.scope))
    back = local_path(visit.text("suite")) or ""
    sent = _Sent(int(visit.services.now().timestamp()), back if len(back) <= LONGEST_BACK else "", token_bytes(16))
    try:
        address = await provider.authorization_url(_challenge(visit.token, sent))
    except ProviderAway as away:
        return _refused(visit, HTTPStatus.SERVICE_UNAVAILABLE, PROVIDER_AWAY, str(away))
    return Response(b"", status_code=HTTPStatus.SEE_OTHER, headers={"location": address})


@page("GET", "/connexion/retour", scope=None)
async def come_back(visit: Visit) -> Response[bytes]:
    """Begin a session and redirect to the page that asked for one; say why there is none where the provider refuses."""
    provider, caller = _provider(visit), caller_of(visit.call.scope)
    sent = _sign_in_of_state(visit)
    if sent is None:
        return _refused(visit, HTTPStatus.BAD_REQUEST, OF_ANOTHER_BROWSER, "state")
    if visit.text("error") or not 0 < len(visit.text("code")) <= LONGEST_CODE:
        return _refused(visit, HTTPStatus.FORBIDDEN, NOT_SIGNED_IN, visit.text("error")[:100])
    async with visit.services.limits.attempt(SIGN_INS, caller) as attempt:
        attempt.in_vain = True
        try:
            challenge = _challenge(visit.token, sent)
            identity = await provider.identify(
                visit.text("code"), challenge, visit.text("iss") or None, visit.services.now()
            )
            token = await begin_session_of_person(visit.services, identity)
        except NotIdentified as failure:
            return _refused(visit, HTTPStatus.FORBIDDEN, NOT_SIGNED_IN, str(failure))
        except ProviderAway as away:
            return _refused(visit, HTTPStatus.SERVICE_UNAVAILABLE, PROVIDER_AWAY, str(away))
        except UnknownOrganisation:
            return _refused(visit, HTTPStatus.FORBIDDEN, UNKNOWN_ORGANISATION, "no organisation")
        attempt.in_vain = False
    visit.services.limits.give_back(SIGN_INS, caller)  # what was counted on the way to the provider
    visit.token = visit.new_token = token
    return await lead_on(visit, sent.back)


@page("POST", "/deconnexion", scope=None)
async def sign_out(visit: Visit) -> Response[bytes]:
    """End the session and redirect to the form to sign in; offer to leave the provider too, where there is one."""
    id_token, provider = await end_session(visit.services, visit.token), visit.services.identity_provider
    visit.new_token = ""
    if id_token is None or provider is None:
        answer = visit.redirect("/connexion")
    else:
        address = await _sign_out_address(provider, id_token)
        answer = visit.page("signing_in/signed_out.html", address=address, provider=provider.label)
    # what was typed is kept in the tab: nobody who comes after is to find it
    answer.headers["clear-site-data"] = '"storage"'
    return answer


async def _sign_out_address(provider: IdentityProvider, id_token: str) -> str | None:
    try:
        return await provider.sign_out_url(id_token, token_bytes(16).hex())
    except ProviderAway as away:
        log.warning("the provider does not sign out", reason=str(away))
        return None


def _provider(visit: Visit) -> IdentityProvider:
    if visit.services.identity_provider is None:
        raise NotFound(NO_PROVIDER)
    return visit.services.identity_provider


def _refused(visit: Visit, status: int, why: Text, reason: str) -> Response[bytes]:
    """The page that says why nobody was signed in; the reason goes to the log, without who it was."""
    log.info("not signed in", reason=reason)
    return visit.page("signing_in/not_signed_in.html", status, why=why)


def _challenge(token: str, sent: _Sent) -> Challenge:
    """All of it follows from the token, which this browser alone has: so nothing need be stored until it comes back."""
    carried = urlsafe_b64encode(msgspec.msgpack.encode(sent)).rstrip(b"=").decode()
    proofs = {name: _proof(token, name, carried) for name in Challenge._fields}
    return Challenge(**proofs | {"state": f"{carried}.{proofs['state']}"})


def _sign_in_of_state(visit: Visit) -> _Sent | None:
    """The sign-in that the state carries; None where it is not of this browser, too old, or not as it was sent."""
    state = visit.text("state")
    carried, _, proof = state.partition(".")
    if len(state) > LONGEST_STATE or not hmac.compare_digest(
        proof.encode(), _proof(visit.token, "state", carried).encode()
    ):
        return None
    try:
        sent = msgspec.msgpack.decode(urlsafe_b64decode(carried + "=" * (-len(carried) % 4)), type=_Sent)
    except (ValueError, msgspec.DecodeError):
        # the browser has the token, and so can prove what it wrote itself
        return None
    leads_here = not sent.back or local_path(sent.back) is not None
    is_recent = sent.at <= visit.services.now().timestamp() <= sent.at + SIGN_IN_SECONDS
    return sent if leads_here and is_recent else None


def _proof(token: str, name: str, carried: str) -> str:
    about = f"{name}\n{carried}".encode(errors="replace")
    return hmac.digest(token.encode(errors="replace"), about, "sha256").hex()


NO_PROVIDER = Text("Aucune connexion sans clé n'est réglée sur ce serveur", "No sign-in without a key is set up here")
OF_ANOTHER_BROWSER = Text(
    "Cette connexion a été commencée dans un autre navigateur, ou il y a plus de dix minutes.",
    "This sign-in was begun in another browser, or more than ten minutes ago.",
)
NOT_SIGNED_IN = Text(
    "Le fournisseur d'identité n'a pas confirmé qui vous êtes : la connexion a été refusée ou interrompue.",
    "The identity provider did not confirm who you are: signing in was refused or broken off.",
)
PROVIDER_AWAY = Text(
    "Le fournisseur d'identité ne répond pas comme il le devrait. Réessayez dans quelques minutes, ou prenez une clé.",
    "The identity provider does not answer as it should. Try again in a few minutes, or use a key.",
)
UNKNOWN_ORGANISATION = Text(
    "Votre identité est confirmée, mais votre organisation n'est pas encore connue de Vivier. Demandez à "
    "l'administrateur de Vivier de l'ajouter : donnez-lui son SIRET, ou l'adresse e-mail de votre connexion.",
    "Your identity is confirmed, but your organisation is not known to Vivier yet. Ask the administrator of Vivier to "
    "add it: give them its SIRET, or the e-mail address with which you sign in.",
)

PAGES = (lead_to_provider, come_back, sign_out)
