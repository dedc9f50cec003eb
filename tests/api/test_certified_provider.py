"""Signing in at a provider of other hands: idpyoidc, whose authors write the certification of OpenID Connect.

It checks what is sent to it, and its answers are made by it alone: what both know is the standard.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.exception import ClientAuthenticationError, UnAuthorizedClient

from api.identity_provider import Challenge, IdentityProvider, NotIdentified
from api.settings import Settings, read_settings

ISSUER, HERE, SECRET = "https://op.example.org", "https://vivier.example.org", "a-secret-of-both-that-is-long-enough"
CHALLENGE = Challenge("state", "nonce", "v" * 43)
ANNE = {"name": "Anne Le Goff", "email": "anne@exemple.fr", "email_verified": True, "siret": "22560001400016"}
OIDC = "idpyoidc.server.oidc"
WAYS = ("client_secret_basic", "client_secret_post")


def endpoint(path: str, name: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "class": f"{OIDC}.{name}", "kwargs": more}


class CertifiedProvider:
    """The provider behind a transport. `way`: how it has its client authenticate; `algorithm`: of its ID tokens."""

    def __init__(self, way: str, algorithm: str) -> None:
        keys = [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]
        lifetimes = {"authorization_code": {"supports_minting": ["access_token", "id_token"], "max_usage": 1}}
        tokens = {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 600}}
        secrets = [{"type": "OCT", "kid": kid, "use": ["enc"]} for kid in ("password", "salt")]
        code = {"lifetime": 600, "crypt_conf": {"kwargs": {"keys": {"key_defs": secrets}, "iterations": 1}}}
        told = dict.fromkeys(ANNE)
        conf = {
            "issuer": ISSUER,
            "keys": {"uri_path": "jwks.json", "key_defs": keys},
            "token_handler_args": {
                "jwks_def": {
                    "private_path": None,  # else it writes its keys into the folder it runs in
                    "key_defs": [{"type": "OCT", "bytes": 24, "use": ["enc"], "kid": "code"}],
                },
                "code": code,
                "token": tokens,
                "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {"base_claims": told}},
            },
            "endpoint": {
                "provider_info": endpoint(".well-known/openid-configuration", "provider_config.ProviderConfiguration"),
                "authorization": endpoint(
                    "authorize", "authorization.Authorization", response_types_supported=["code"]
                ),
                "token": endpoint("token", "token.Token", client_authn_method=[way]),
                "userinfo": endpoint("userinfo", "userinfo.UserInfo", client_authn_method=["bearer_header"]),
            },
            "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": {"anne": ANNE}}},
            "authentication": {
                "anon": {"acr": "none", "class": "idpyoidc.server.user_authn.user.NoAuthn", "kwargs": {"user": "anne"}}
            },
            "authz": {
                "class": "idpyoidc.server.authz.AuthzHandling",
                "kwargs": {"grant_config": {"usage_rules": lifetimes, "expires_in": 600}},
            },
            "scopes_to_claims": {"openid": ["sub"], "profile": [*ANNE]},
            "add_on": {
                "pkce": {
                    "function": "idpyoidc.server.oauth2.add_on.pkce.add_support",
                    "kwargs": {"essential": True, "code_challenge_method": "S256"},
                }
            },
        }
        self.server = Server(OPConfiguration(conf=conf, base_path="/tmp"))
        self.server.context.provider_info["token_endpoint_auth_methods_supported"] = [way]
        self.server.context.cdb["vivier"] = {
            "client_id": "vivier",
            "client_secret": SECRET,
            "redirect_uris": [(f"{HERE}/connexion/retour", {})],
            "response_types_supported": ["code"],
            "token_endpoint_auth_method": way,
            "id_token_signed_response_alg": algorithm,
            "allowed_scopes": ["openid", "profile"],
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jwks.json":
            return httpx.Response(200, text=self.server.keyjar.export_jwks_as_json())
        (of_path,) = (each for each in self.server.endpoint.values() if f"/{each.endpoint_path}" == request.url.path)
        sent = dict(parse_qsl(request.content.decode())) or dict(request.url.params)
        http = {"headers": dict(request.headers), "method": request.method, "url": str(request.url)}
        try:
            asked = of_path.parse_request(sent, http_info=http)
        except (ClientAuthenticationError, UnAuthorizedClient):
            return httpx.Response(401, json={"error": "invalid_client"})
        done = of_path.process_request(asked, http_info=http) if "error" not in asked else asked
        if "error" in done:
            return httpx.Response(400, json=dict(done))
        told = of_path.do_response(request=asked, **done)
        if "redirect_location" in done or "return_uri" in done:
            return httpx.Response(303, headers={"location": told["response"]})
        return httpx.Response(200, text=told["response"], headers=dict(told["http_headers"]))


def settings_of(secret: str = SECRET) -> Settings:
    named = {"ISSUER": ISSUER, "CLIENT_ID": "vivier", "CLIENT_SECRET": secret, "SCOPES": "openid profile"}
    return read_settings({f"VIVIER_OIDC_{name}": text for name, text in named.items()} | {"VIVIER_PUBLIC_URL": HERE})


async def sign_in(provider: CertifiedProvider, client: IdentityProvider, challenge: Challenge = CHALLENGE) -> Any:
    address = await client.authorization_url(challenge)
    answer = provider.answer(httpx.Request("GET", address))
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["state"] == [challenge.state]
    return back


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_person_signs_in(way: str, algorithm: str) -> None:
    provider = CertifiedProvider(way, algorithm)
    client = IdentityProvider(settings_of(), httpx.MockTransport(provider.answer))
    back = await sign_in(provider, client)
    issuer = back.get("iss", [None])[0]
    found = await client.identify(back["code"][0], CHALLENGE, issuer, datetime.now(UTC))
    assert (found.name, found.verified_email, found.siret) == (ANNE["name"], ANNE["email"], ANNE["siret"])
    with pytest.raises(NotIdentified):  # a code is good for once
        await client.identify(back["code"][0], CHALLENGE, issuer, datetime.now(UTC))


@pytest.mark.parametrize(
    ("secret", "challenge"),
    [
        ("another-secret-that-is-long-enough-too", CHALLENGE),
        (SECRET, CHALLENGE._replace(verifier="w" * 43)),
        (SECRET, CHALLENGE._replace(nonce="another")),
    ],
)
async def test_who_proves_nothing_is_nobody(secret: str, challenge: Challenge) -> None:
    """The secret and the verifier are checked by the provider, the nonce here."""
    provider = CertifiedProvider("client_secret_post", "RS256")
    back = await sign_in(provider, IdentityProvider(settings_of(), httpx.MockTransport(provider.answer)))
    other = IdentityProvider(settings_of(secret), httpx.MockTransport(provider.answer))
    with pytest.raises(NotIdentified):
        await other.identify(back["code"][0], challenge, None, datetime.now(UTC))
