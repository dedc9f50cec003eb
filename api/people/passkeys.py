"""Passkeys (WebAuthn) of people who were invited: what a browser is asked for, and what its answer proves.

A challenge is made of the token of the browser's session and the moment, so that none is stored: it counts in that
browser, for that purpose, for some minutes. The device has to verify its user (PIN, finger, face), since a passkey is
all that it takes to sign in. Source: Web Authentication, Level 3 (W3C).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

T = TypeVar("T")
Purpose = Literal["create", "sign-in"]
CHALLENGE_SECONDS = 600
LONGEST_ANSWER = 16_000
ALGORITHMS = (-8, -7, -257)
"""EdDSA, ES256 and RS256 by their numbers at IANA, the dearest last."""


class NotProven(Exception):
    """The browser's answer is malformed, of another browser, too old, or its signature does not fit."""


class CreatedPasskey(NamedTuple):
    """A passkey that a browser made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


class _Answer(msgspec.Struct, frozen=True):
    rawId: str  # noqa: N815 - as the standard names it


def options_to_create(
    public_url: str, challenge: bytes, person_id: bytes, email: str, name: str, known: list[bytes]
) -> str:
    """The JSON of the options with which a browser makes a passkey of a person, on a device without one of `known`."""
    return _json(
        challenge=_encoded(challenge),
        rp={"id": _host(public_url), "name": "Vivier"},
        user={"id": _encoded(person_id), "name": email, "displayName": name},
        pubKeyCredParams=[{"type": "public-key", "alg": each} for each in ALGORITHMS],
        authenticatorSelection={"residentKey": "required", "requireResidentKey": True, "userVerification": "required"},
        excludeCredentials=[{"type": "public-key", "id": _encoded(each)} for each in known],
        attestation="none",
    )


def options_to_sign_in(public_url: str, challenge: bytes) -> str:
    """The JSON of the options with which a browser offers the passkeys that it has for this server."""
    return _json(challenge=_encoded(challenge), rpId=_host(public_url), userVerification="required")


def challenge_of(token: str, purpose: Purpose, moment: int) -> bytes:
    """The challenge for a browser with this token, made at a moment in milliseconds."""
    return hmac.digest(token.encode(errors="replace"), f"passkey\n{purpose}\n{moment}".encode(), "sha256")


def moment_of(now: datetime) -> int:
    """The milliseconds of the epoch, which a challenge is made of."""
    return int(now.timestamp() * 1000)


def recent_challenge(token: str, purpose: Purpose, moment: str, now: datetime) -> bytes:
    """The challenge that a form names by its moment. Raises NotProven for one that is too old, or of no moment."""
    made = int(moment) if moment.isascii() and moment.isdecimal() and len(moment) < 15 else 0
    if not 0 <= moment_of(now) - made <= CHALLENGE_SECONDS * 1000:
        raise NotProven
    return challenge_of(token, purpose, made)


def credential_id_in(answer: str) -> bytes:
    """The id of the passkey that an answer is of. Raises NotProven where it cannot be read."""
    try:
        written = msgspec.json.decode(answer[:LONGEST_ANSWER], type=_Answer).rawId
        return urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except ValueError:
        raise NotProven from None


def verify_created(answer: str, public_url: str, challenge: bytes) -> CreatedPasskey:
    """The passkey that a browser made, for this server and challenge. Raises NotProven. Takes some milliseconds."""
    from webauthn import verify_registration_response  # noqa: PLC0415 - a quarter of a second, and few sign in so

    made = _verified(verify_registration_response, answer, public_url, challenge)
    return CreatedPasskey(made.credential_id, made.credential_public_key, made.sign_count)


def verify_used(answer: str, public_url: str, challenge: bytes, public_key: bytes, sign_count: int) -> int:
    """The new count of a passkey that signed this challenge. Raises NotProven. Takes some milliseconds."""
    from webauthn import verify_authentication_response  # noqa: PLC0415

    known = {"credential_public_key": public_key, "credential_current_sign_count": sign_count}
    return _verified(verify_authentication_response, answer, public_url, challenge, **known).new_sign_count


def _verified(verify: Callable[..., T], answer: str, public_url: str, challenge: bytes, **known: Any) -> T:
    """The proof that `verify` finds in an answer to this challenge, for this server. Raises NotProven."""
    if len(answer) > LONGEST_ANSWER:
        raise NotProven
    try:
        return verify(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(public_url),
            expected_origin=_origin(public_url),
            require_user_verification=True,
            **known,
        )
    except Exception:  # noqa: BLE001 - it reads what anybody sends, and fails in many ways
        raise NotProven from None


def _host(public_url: str) -> str:
    return urlsplit(public_url).hostname or ""


def _origin(public_url: str) -> str:
    """The origin as browsers write it: without a path, nor the usual port."""
    parts = urlsplit(public_url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _json(**options: Any) -> str:
    return msgspec.json.encode(options | {"timeout": CHALLENGE_SECONDS * 1000}).decode()
