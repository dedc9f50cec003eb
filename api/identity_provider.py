"""People as an OpenID Connect provider knows them: the authorization code flow with state, nonce and PKCE.

The provider's metadata and keys are read when they are first needed, and again each hour; keys also where a token is
signed with one that is not known. Sources: OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0; RFC 7636
(PKCE), RFC 9207 (the issuer in the answer), RFC 8725 (what to verify of a token).
"""

import asyncio
import ssl
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_plus, urlencode

import msgspec

from api.people_settings import is_https_or_local
from api.settings import Settings

if TYPE_CHECKING:
    import httpx

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
"""Of signatures with a key of the provider's own; one made with a secret that both know proves less."""
PATIENCE_SECONDS, FRESH_SECONDS, LEAST_SECONDS = 10.0, 3_600.0, 60.0
LONGEST_ANSWER = 1 << 20
"""Bytes of an answer of the provider, uncompressed; what they publish is some kilobytes."""
CLOCKS_APART = 60
LONGEST_SUBJECT, LONGEST_NAME, LONGEST_EMAIL = 255, 400, 254


class NotIdentified(Exception):
    """The provider's answer proves nobody's identity; the message, for the operator, says why."""


class ProviderAway(Exception):
    """The provider cannot be reached, or answers as no provider would."""


class Metadata(msgspec.Struct, frozen=True):
    """The addresses and abilities that a provider publishes of itself, as far as they are used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    code_challenge_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Challenge(NamedTuple):
    """The secrets of one sign-in: `state` comes back with the answer, `nonce` in the token; `verifier` is PKCE's."""

    state: str
    nonce: str
    verifier: str


class Identity(NamedTuple):
    """A person as the provider names them. `verified_email`: the address, where it is said to be verified."""

    subject: str
    name: str
    email: str | None
    verified_email: str | None
    siret: str | None
    id_token: str


class _Tokens(msgspec.Struct, frozen=True):
    access_token: str
    id_token: str


class _KeySet(msgspec.Struct, frozen=True):
    keys: tuple[dict[str, Any], ...]


class _CachedMetadata(NamedTuple):
    metadata: Metadata
    keys: Any
    at: float


class IdentityProvider:
    """The OpenID Connect provider that the settings name, through which people sign in."""

    def __init__(
        self,
        settings: Settings,
        transport: "httpx.AsyncBaseTransport | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = settings.oidc_issuer or ""
        self.label = settings.oidc_name
        self._client_id, self._secret = settings.oidc_client_id or "", settings.oidc_client_secret or ""
        self._scopes, self._public_url = settings.oidc_scopes, settings.public_url or ""
        self._monotonic, self._transport = monotonic, transport
        self._published: _CachedMetadata | None = None
        self._reading = asyncio.Lock()
        self._reads, self._failure = 0, ""  # of the latest read, where it failed
        self._tls: ssl.SSLContext | None = None

    @property
    def redirect_uri(self) -> str:
        """The address of this server to which the provider sends a browser back after sign-in."""
        return f"{self._public_url}/connexion/retour"

    async def authorization_url(self, challenge: Challenge) -> str:
        """The address of the provider at which a browser signs in. Raises ProviderAway."""
        metadata = (await self._read_published()).metadata
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self._scopes,
            "state": challenge.state,
            "nonce": challenge.nonce,
        }
        if "S256" in metadata.code_challenge_methods_supported:  # others may refuse what they do not know
            digest = urlsafe_b64encode(sha256(challenge.verifier.encode()).digest()).rstrip(b"=").decode()
            asked |= {"code_challenge": digest, "code_challenge_method": "S256"}
        return _address_with_query(metadata.authorization_endpoint, asked)

    async def sign_out_url(self, id_token: str, state: str) -> str | None:
        """The address at which a browser signs out at the provider; None where there is none. Raises ProviderAway."""
        endpoint = (await self._read_published()).metadata.end_session_endpoint
        if endpoint is None:
            return None
        back = f"{self._public_url}/connexion"
        return _address_with_query(
            endpoint, {"id_token_hint": id_token, "post_logout_redirect_uri": back, "state": state}
        )

    async def identify(self, code: str, challenge: Challenge, issuer: str | None, now: datetime) -> Identity:
        """The person who signed in with this code. `issuer`: the one that the provider's answer names, if any.

        Raises NotIdentified, ProviderAway.
        """
        published = await self._read_published()
        metadata = published.metadata
        must_say = metadata.authorization_response_iss_parameter_supported
        if issuer != metadata.issuer and (issuer is not None or must_say):
            raise NotIdentified("the answer is of another issuer")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        if "S256" in metadata.code_challenge_methods_supported:
            form["code_verifier"] = challenge.verifier
        basic = None
        if "client_secret_post" in metadata.token_endpoint_auth_methods_supported:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        else:
            basic = (quote_plus(self._client_id), quote_plus(self._secret))  # RFC 6749 §2.3.1
        answer = await self._request("POST", metadata.token_endpoint, data=form, auth=basic)
        if answer.is_client_error:
            raise NotIdentified("the code is not accepted")
        tokens: _Tokens = _decode_answer(answer, _Tokens)
        claims = await self._verified_claims(tokens.id_token, now, nonce=challenge.nonce)
        if metadata.userinfo_endpoint is not None:
            bearer = {"authorization": f"Bearer {tokens.access_token}"}
            answer = await self._request("GET", metadata.userinfo_endpoint, headers=bearer)
            is_token = answer.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/jwt"
            told = (
                await self._verified_claims(answer.text.strip(), now)
                if is_token
                else _decode_answer(answer, dict[str, Any])
            )
            if told.get("sub") != claims["sub"]:
                raise NotIdentified("the user info is of somebody else")
            # the address, and whether it is verified, are of one of both: each may have verified another one
            repeated = "email_verified" not in told and told.get("email") == claims.get("email")
            one = told if "email" in told and not repeated else claims
            claims = claims | told | {name: one.get(name) for name in ("email", "email_verified")}
        return _identity(claims, tokens.id_token)

    async def _verified_claims(self, token: str, now: datetime, nonce: str | None = None) -> dict[str, Any]:
        """The claims of a token that passes all checks; `nonce`: which an ID token must hold. Raises NotIdentified."""
        from joserfc.errors import InvalidKeyIdError, JoseError  # noqa: PLC0415 - few installations have a provider
        from joserfc.jwt import ClaimsOption, JWTClaimsRegistry, decode  # noqa: PLC0415

        try:
            try:
                read = decode(token, (await self._read_published()).keys, algorithms=ALGORITHMS)
            except InvalidKeyIdError:
                read = decode(token, (await self._read_published(again=True)).keys, algorithms=ALGORITHMS)
            required = nonce is not None
            expected: dict[str, ClaimsOption] = {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
                "sub": {"essential": True},
                "exp": {"essential": required},
                "iat": {"essential": required},
            }
            if nonce is not None:
                expected["nonce"] = {"essential": True, "value": nonce}
            registry = JWTClaimsRegistry(int(now.timestamp()), CLOCKS_APART, **expected)
            registry.validate(read.claims)
        except (JoseError, ValueError) as failure:
            raise NotIdentified(f"the token is not accepted: {type(failure).__name__}") from None
        audience = read.claims["aud"]
        of_several = isinstance(audience, list) and len(audience) > 1
        if (of_several or "azp" in read.claims) and read.claims.get("azp") != self._client_id:
            raise NotIdentified("the token was issued to another client")
        return dict(read.claims)

    async def _read_published(self, *, again: bool = False) -> _CachedMetadata:
        """The provider's metadata and keys, cached; `again`: fetched anew unless they are less than a minute old."""
        known, longest = self._published, LEAST_SECONDS if again else FRESH_SECONDS
        if known is not None and self._monotonic() < known.at + longest:
            return known
        reads = self._reads
        async with self._reading:
            if self._reads > reads and self._failure:
                raise ProviderAway(self._failure)  # all who waited for it: one after another would wait in vain
            if self._published is known or self._published is None:
                try:
                    address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
                    metadata = _decode_answer(await self._request("GET", address), Metadata)
                    endpoints = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri]
                    endpoints += filter(None, (metadata.userinfo_endpoint, metadata.end_session_endpoint))
                    if metadata.issuer != self.issuer or not all(map(is_https_or_local, endpoints)):
                        raise ProviderAway("its metadata are of another issuer, or name an address without TLS")
                    keys = _signing_keys(_decode_answer(await self._request("GET", metadata.jwks_uri), _KeySet))
                    self._published, self._failure = _CachedMetadata(metadata, keys, self._monotonic()), ""
                except ProviderAway as away:
                    self._failure = str(away)
                    raise
                finally:
                    self._reads += 1
            return self._published

    async def _request(self, method: str, address: str, **sent: Any) -> "httpx.Response":
        """Send a request to the provider; returns the answer, a client error (4xx) too. Raises ProviderAway."""
        import httpx  # noqa: PLC0415 - would keep every start waiting

        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        options: dict[str, Any] = {"verify": self._tls, "timeout": PATIENCE_SECONDS, "transport": self._transport}
        try:
            async with (
                asyncio.timeout(PATIENCE_SECONDS),  # for all of it: the one of the client is for each piece
                httpx.AsyncClient(follow_redirects=False, trust_env=False, **options) as client,
                client.stream(method, address, **sent) as arriving,
            ):
                content = bytearray()
                async for piece in arriving.aiter_bytes():
                    content += piece
                    if len(content) > LONGEST_ANSWER:
                        raise ProviderAway("its answer is too long")
                told = {"content-type": arriving.headers.get("content-type", "")}
                answer = httpx.Response(arriving.status_code, headers=told, content=bytes(content))
        except (httpx.HTTPError, TimeoutError) as failure:
            raise ProviderAway(type(failure).__name__) from None
        if not (answer.is_success or answer.is_client_error):
            raise ProviderAway(f"it answered {answer.status_code}")
        return answer


def _decode_answer(answer: "httpx.Response", shape: Any) -> Any:
    """The JSON of an answer, decoded as the type `shape`. Raises ProviderAway."""
    if not answer.is_success:
        raise ProviderAway(f"it answered {answer.status_code}")
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except msgspec.MsgspecError:
        raise ProviderAway("its answer cannot be read") from None


def _signing_keys(published: _KeySet) -> Any:
    """The keys that may have signed a token, without those of an unknown form. Raises ProviderAway if none is left."""
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import KeySet, import_key  # noqa: PLC0415

    keys = []
    for each in published.keys:
        if each.get("kty") != "oct" and each.get("use", "sig") == "sig":
            with suppress(JoseError, ValueError, KeyError, TypeError):
                keys.append(import_key(each))
    if not keys:
        raise ProviderAway("it publishes no key that can be used")
    return KeySet(keys)


def _identity(claims: dict[str, Any], id_token: str) -> Identity:
    """The person whom claims describe; a claim that is no text, or too long, is left out. Raises NotIdentified."""
    subject = _text_of_claim(claims, "sub", LONGEST_SUBJECT)
    if subject is None:
        raise NotIdentified("the subject is empty or too long")
    email = _text_of_claim(claims, "email", LONGEST_EMAIL)
    family = _text_of_claim(claims, "usual_name", LONGEST_NAME) or _text_of_claim(claims, "family_name", LONGEST_NAME)
    given = _text_of_claim(claims, "given_name", LONGEST_NAME)
    in_parts = " ".join(filter(None, (given, family)))[:LONGEST_NAME]
    name = _text_of_claim(claims, "name", LONGEST_NAME) or in_parts or email or subject
    # to the letter: an address with a blank is not the one without
    verified = claims["email"] if email is not None and claims.get("email_verified") is True else None
    return Identity(subject, name, email, verified, _text_of_claim(claims, "siret", 14), id_token)


def _text_of_claim(claims: dict[str, Any], name: str, longest: int) -> str | None:
    """The text of a claim; None where it is no text, empty or longer than `longest`."""
    text = claims.get(name)
    plain = " ".join(text.split()) if isinstance(text, str) and "\0" not in text else ""
    return plain if 0 < len(plain) <= longest else None


def _address_with_query(address: str, parameters: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"
