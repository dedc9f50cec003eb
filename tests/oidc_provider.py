"""An OpenID Connect provider of other hands in a process of its own, and who signs in there."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.identity_provider import IdentityProvider
from api.runtime.services import Services

CLIENT = {"oidc_client_id": "vivier", "oidc_client_secret": "a-secret-of-both", "oidc_name": "ProConnect"}


SERVING = """
import sys
from oidc_provider_mock import run_server_in_thread
with run_server_in_thread() as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""


@contextmanager
def provider() -> Iterator[str]:
    """The issuer that is served meanwhile; the process ends when its input does."""
    command = [sys.executable, "-W", "ignore", "-c", SERVING]
    environment = os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://localhost:{int(process.stdout.readline())}"
        process.stdin.close()


def connect(services: Services, monkeypatch: pytest.MonkeyPatch, issuer: str, public_url: str, **more: Any) -> None:
    """Let people of that provider in, until the test ends."""
    settings = replace(services.settings, oidc_issuer=issuer, public_url=public_url, **CLIENT | more)
    monkeypatch.setattr(services, "settings", settings)
    monkeypatch.setattr(services, "identity_provider", IdentityProvider(settings))


@asynccontextmanager
async def at_provider(issuer: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the provider."""
    async with httpx.AsyncClient(base_url=issuer, trust_env=False) as browser:
        yield browser


async def make_person(issuer: str, subject: str, **claims: Any) -> None:
    """Make somebody whom the provider knows."""
    async with at_provider(issuer) as browser:
        answer = await browser.put(f"/users/{subject}", json=claims)
        assert answer.is_success


async def sign_in_there(issuer: str, address: str, subject: str) -> str:
    """The path and query to which the provider leads back, once somebody signed in at that address."""
    async with at_provider(issuer) as browser:
        assert (await browser.get(address)).status_code == 200
        answer = await browser.post(address, data={"sub": subject})
    back = urlsplit(answer.headers["location"])
    assert "code" in parse_qs(back.query), back.query
    return f"{back.path}?{back.query}"
