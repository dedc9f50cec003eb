"""Time-stamps of an authority (RFC 3161): its signed word that a text was there at its time."""

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER = 65_536


class NoTimestamp(Exception):
    """Raised where an authority gave no time-stamp, or one of something else."""


async def request_timestamp(client: "httpx.AsyncClient", authority: str, text: bytes) -> str:
    """The authority's answer about the SHA-256 of a text, in base64, with its certificate. Raises NoTimestamp.

    Verified as whoever relies on it will, except that the authority is the one that the operator chose: the library
    that makes the request refuses answers whose certificates stand in another order than DER's, as OpenSSL has them.
    """
    # loaded where time-stamps are asked for: elsewhere they would keep every start waiting
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from httpx import HTTPError  # noqa: PLC0415
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415

    from api.journal.verify_record import verify_timestamp  # noqa: PLC0415

    request = TimestampRequestBuilder(data=text, hash_algorithm=HashAlgorithm.SHA256).build()
    headers = {"User-Agent": "Vivier", "Content-Type": "application/timestamp-query"}
    try:
        answer = await client.post(authority, content=request.as_bytes(), headers=headers)
        if not answer.is_success or len(answer.content) > LONGEST_ANSWER:
            raise NoTimestamp(f"status {answer.status_code}")
        verify_timestamp(answer.content, text, None)
    except (HTTPError, InvalidSignature, ValueError, LookupError, TypeError) as failure:
        raise NoTimestamp(type(failure).__name__) from failure
    return base64.b64encode(answer.content).decode()
