"""A provider's answer counts where it proves who signed in: its own signature, for us, now, and for this sign-in."""

import asyncio
import gzip
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from api import identity_provider
from api.identity_provider import (
    FRESH_SECONDS,
    LEAST_SECONDS,
    LONGEST_ANSWER,
    Challenge,
    Identity,
    IdentityProvider,
    NotIdentified,
    ProviderAway,
)
from api.settings import read_settings

ISSUER, NOW = "https://connexion.example.org/api/v2", datetime(2026, 11, 24, 9, tzinfo=UTC)
SECRET = "a-secret-of-both-that-is-long-enough"
SETTINGS = read_settings(
    {
        "VIVIER_OIDC_ISSUER": ISSUER,
        "VIVIER_OIDC_CLIENT_ID": "vivier",
        "VIVIER_OIDC_CLIENT_SECRET": SECRET,
        "VIVIER_OIDC_SCOPES": "openid given_name usual_name email siret",
        "VIVIER_PUBLIC_URL": "https://vivier.example.org",
    }
)
CHALLENGE = Challenge("state", "nonce", "verifier")
OWN, OTHER = (RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("own", "other"))
PERSON = {"given_name": "Anne", "usual_name": "Le Goff", "siret": "22560001400016", "email": "anne@exemple.fr"}


class Provider:
    """A provider as the standards have it, whose answers a test may falsify; `asked` counts the requests by path."""

    def __init__(self) -> None:
        at = int(NOW.timestamp())
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            "end_session_endpoint": f"{ISSUER}/session/end",
            "jwks_uri": f"{ISSUER}/jwks",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        self.claims: dict[str, Any] = {
            "iss": ISSUER, "aud": "vivier", "sub": "anne", "exp": at + 60, "iat": at, "nonce": "nonce"
        }  # fmt: skip
        self.told: dict[str, Any] = {"iss": ISSUER, "aud": "vivier", "sub": "anne", **PERSON}
        self.published: list[Any] = [OWN]
        self.key, self.algorithm, self.signs_user_info = OWN, "RS256", True
        self.asked: dict[str, int] = {}
        self.seconds = 0.0

    def client(self) -> IdentityProvider:
        return IdentityProvider(SETTINGS, httpx.MockTransport(self.answer), lambda: self.seconds)

    async def identify(self, issuer: str | None = None) -> Identity:
        return await self.client().identify("the-code", CHALLENGE, issuer, NOW)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2")
        self.asked[path] = self.asked.get(path, 0) + 1
        if path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self.metadata)
        if path == "/jwks":
            return httpx.Response(200, json=KeySet(self.published).as_dict(private=False))
        if path == "/token":
            return self._token(request)
        assert request.headers["authorization"] == "Bearer access"
        if not self.signs_user_info:
            return httpx.Response(200, json=self.told)
        return httpx.Response(200, text=self.signed(self.told), headers={"content-type": "application/jwt"})

    def signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.content.decode())
        assert form["redirect_uri"] == ["https://vivier.example.org/connexion/retour"]
        expected = {"code": ["the-code"], "code_verifier": ["verifier"], "client_id": ["vivier"]}
        if {name: form.get(name) for name in expected} != expected or form["client_secret"] != [SECRET]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        return httpx.Response(200, json={"access_token": "access", "id_token": self.signed(self.claims)})


async def test_a_person_is_known_by_what_both_answers_say() -> None:
    """Keys of other kinds are read, and those that are not known left out."""
    provider = Provider()
    for provider.signs_user_info in (True, False):
        told = await provider.identify()
        assert told[:5] == ("anne", "Anne Le Goff", "anne@exemple.fr", None, "22560001400016")
    provider.told["email_verified"] = True
    assert (await provider.identify()).verified_email == "anne@exemple.fr"
    provider.key = ECKey.generate_key("P-256", {"kid": "curve"})  # type: ignore[assignment]
    provider.algorithm, provider.published = "ES256", [OWN, provider.key]
    assert (await provider.identify()).subject == "anne"


@pytest.mark.parametrize(
    ("token", "told", "verified"),
    [
        ({"email": "a@x.fr", "email_verified": True}, {"email": "chef@x.fr"}, None),
        ({"email_verified": True}, {"email": "chef@x.fr"}, None),
        ({"email": "chef@x.fr"}, {"email_verified": True}, None),
        ({"email": "a@x.fr", "email_verified": True}, {}, "a@x.fr"),
        ({"email": "a@x.fr", "email_verified": True}, {"email": "a@x.fr"}, "a@x.fr"),
        ({"email": "a@x.fr", "email_verified": True}, {"email": "a@x.fr", "email_verified": False}, None),
        ({"email": "a@x.fr", "email_verified": False}, {"email": "b@x.fr", "email_verified": True}, "b@x.fr"),
        ({"email": "a@x.fr", "email_verified": True}, {"email": None}, None),
        ({"email": " a@x.fr", "email_verified": True}, {}, " a@x.fr"),
        ({"email": "a@x.fr", "email_verified": "true"}, {}, None),
    ],
)
async def test_an_address_is_verified_by_the_document_that_names_it(
    token: dict[str, Any], told: dict[str, Any], verified: str | None
) -> None:
    provider = Provider()
    del provider.told["email"]
    provider.claims |= token
    provider.told |= told
    assert (await provider.identify()).verified_email == verified


async def test_the_browser_is_sent_with_state_nonce_and_the_digest_of_the_verifier() -> None:
    """A provider that does not say it knows PKCE is not sent any."""
    provider = Provider()
    address = await provider.client().authorization_url(CHALLENGE)
    asked = {name: texts[0] for name, texts in parse_qs(urlsplit(address).query).items()}
    digest = urlsafe_b64encode(sha256(b"verifier").digest()).rstrip(b"=").decode()
    assert asked == {
        "response_type": "code",
        "client_id": "vivier",
        "redirect_uri": "https://vivier.example.org/connexion/retour",
        "scope": "openid given_name usual_name email siret",
        "state": "state",
        "nonce": "nonce",
        "code_challenge": digest,
        "code_challenge_method": "S256",
    }
    del provider.metadata["code_challenge_methods_supported"]
    assert "code_challenge" not in await provider.client().authorization_url(CHALLENGE)


FORGERIES: dict[str, Callable[[Provider], object]] = {
    "signed with a key that is not published": lambda it: setattr(it, "key", OTHER),
    "of another issuer": lambda it: it.claims.update(iss="https://other.example.org"),
    "for another client": lambda it: it.claims.update(aud="another"),
    "for several, of whom another asked": lambda it: it.claims.update(aud=["vivier", "another"], azp="another"),
    "for several, without who asked": lambda it: it.claims.update(aud=["vivier", "another"]),
    "that another client asked for": lambda it: it.claims.update(azp="another"),
    "that somebody asked for": lambda it: it.claims.update(azp=None),
    "with data that another client asked for": lambda it: it.told.update(azp="another"),
    "expired": lambda it: it.claims.update(exp=int(NOW.timestamp()) - 61),
    "without an end": lambda it: it.claims.pop("exp"),
    "of the future": lambda it: it.claims.update(iat=int(NOW.timestamp()) + 61),
    "of another sign-in": lambda it: it.claims.update(nonce="other"),
    "of no sign-in": lambda it: it.claims.pop("nonce"),
    "of nobody": lambda it: it.claims.update(sub=""),
    "with the data of somebody else": lambda it: it.told.update(sub="paul"),
    "with data for another client": lambda it: it.told.update(aud="another"),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_token_proves_nothing(forge: Callable[[Provider], object]) -> None:
    provider = Provider()
    forge(provider)
    with pytest.raises(NotIdentified):
        await provider.identify()


async def test_nor_does_one_that_the_provider_did_not_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a secret, or not at all; nor a code that is not accepted."""
    provider = Provider()
    with pytest.raises(NotIdentified):
        await provider.client().identify("another", CHALLENGE, None, NOW)
    told = ({"alg": "none"}, provider.claims)
    parts = [urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in told]
    forged = [".".join([*parts, ""])]
    for secret in (SECRET, json.dumps(OWN.as_dict(private=False))):
        key, header = OctKey.import_key(secret), {"alg": "HS256", "kid": "own"}
        forged.append(jwt.encode(header, provider.claims, key, algorithms=["HS256"]))
    for token in forged:
        monkeypatch.setattr(provider, "signed", lambda _, token=token: token)
        with pytest.raises(NotIdentified):
            await provider.identify()


async def test_metadata_and_keys_are_asked_for_once_an_hour_and_for_a_new_key() -> None:
    provider = Provider()
    client = provider.client()
    for _ in range(3):
        await client.identify("the-code", CHALLENGE, None, NOW)
    assert (provider.asked["/.well-known/openid-configuration"], provider.asked["/jwks"]) == (1, 1)
    provider.key, provider.published = OTHER, [OWN, OTHER]
    with pytest.raises(NotIdentified):  # within the minute, else anybody might make this server ask for keys
        await client.identify("the-code", CHALLENGE, None, NOW)
    provider.seconds += LEAST_SECONDS
    assert (await client.identify("the-code", CHALLENGE, None, NOW)).subject == "anne"
    provider.seconds += FRESH_SECONDS
    await client.authorization_url(CHALLENGE)
    assert provider.asked["/jwks"] == 3


async def test_what_is_of_another_issuer_or_cannot_be_right_is_not_followed() -> None:
    """An answer, or metadata."""
    provider = Provider()
    assert (await provider.identify(ISSUER)).subject == "anne"
    with pytest.raises(NotIdentified):
        await provider.identify("https://other.example.org")
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(NotIdentified):
        await provider.identify(None)
    wrong = {
        "issuer": "https://other.example.org",
        "token_endpoint": "http://connexion.example.org/token",
        "jwks_uri": "file:///etc/passwd",
        "authorization_endpoint": None,
    }
    for name, address in wrong.items():
        provider = Provider()
        provider.metadata[name] = address
        with pytest.raises(ProviderAway):
            await provider.client().authorization_url(CHALLENGE)


async def test_signing_out_names_the_session_and_where_to_come_back() -> None:
    provider = Provider()
    address = await provider.client().sign_out_url("the-token", "x" * 32) or ""
    assert parse_qs(urlsplit(address).query) == {
        "id_token_hint": ["the-token"],
        "post_logout_redirect_uri": ["https://vivier.example.org/connexion"],
        "state": ["x" * 32],
    }
    del provider.metadata["end_session_endpoint"]
    assert await provider.client().sign_out_url("the-token", "x" * 32) is None


async def test_an_answer_that_is_too_long_or_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is compressed, and however little comes at a time."""
    monkeypatch.setattr(identity_provider, "PATIENCE_SECONDS", 0.05)

    async def drops() -> AsyncIterator[bytes]:
        yield b" "
        await asyncio.Event().wait()

    async def zeros() -> AsyncIterator[bytes]:
        yield gzip.compress(b" " * (LONGEST_ANSWER + 1))

    compressed = {"content-encoding": "gzip"}
    for content, headers, reason in ((drops, {}, "TimeoutError"), (zeros, compressed, "too long")):
        transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=content()))  # noqa: B023
        with pytest.raises(ProviderAway, match=reason):
            await IdentityProvider(SETTINGS, transport).authorization_url(CHALLENGE)


async def test_all_who_wait_for_a_provider_that_is_away_hear_of_it_at_once() -> None:
    asked = 0

    async def away(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return httpx.Response(503)

    client = IdentityProvider(SETTINGS, httpx.MockTransport(away))
    waiting = [client.authorization_url(CHALLENGE) for _ in range(20)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in found} == {ProviderAway}
    assert asked == 1
    with pytest.raises(ProviderAway):
        await client.authorization_url(CHALLENGE)
    assert asked == 2
