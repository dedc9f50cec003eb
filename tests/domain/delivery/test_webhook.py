"""Signatures and addresses."""

import hashlib
import hmac
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from domain.delivery.webhook import is_public, signature

NOW = datetime(2026, 11, 24, 9, 30, 0, 900_000, tzinfo=UTC)


def test_a_signature_is_over_the_moment_and_the_body() -> None:
    secret, body = "a-secret-of-at-least-24-characters", '{"event":"é"}'.encode()
    header = dict(part.split("=") for part in signature(secret, NOW, body).split(","))
    assert header["t"] == "1795512600"
    assert header["v1"] == hmac.new(secret.encode(), b"1795512600." + body, hashlib.sha256).hexdigest()
    assert signature(secret, NOW, body + b" ") != signature(secret, NOW, body)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "fec0::1",
        "::127.0.0.1",
        "::10.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1:a00:1::",
        "2001:0:7f00:1::f5ff:fffe",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "4000::1",
        "192.0.0.192",
        "192.0.0.9",
        "192.88.99.1",
        "198.18.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "168.63.129.16",
        "100.100.100.200",
        "240.0.0.1",
    ],
)
def test_addresses_of_this_machine_or_a_private_network(address: str) -> None:
    assert not is_public(ip_address(address))
