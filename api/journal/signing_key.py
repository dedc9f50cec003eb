"""The key that signs the journal: Ed25519, of the settings or of a file in `VIVIER_HOME` that is made at first use."""

import base64
import hmac
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from secrets import token_bytes, token_hex

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api.settings import Settings

SEED_BYTES = 32
FILE = "journal.key"


class JournalKey:
    """A private key that signs; `public` is its public key in hexadecimal digits, `embed_key` another secret of it."""

    def __init__(self, seed: bytes) -> None:
        key = Ed25519PrivateKey.from_private_bytes(seed)
        self.sign: Callable[[bytes], bytes] = key.sign
        self.embed_key = hmac.digest(seed, b"addresses of searches in portals", "sha256")
        self.public = key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"JournalKey({self.public!r})"


def journal_key(settings: Settings) -> JournalKey | None:
    """The key of the settings, else the one in `VIVIER_HOME`; None where that file can neither be read nor made."""
    if settings.journal_key is not None:
        return JournalKey(settings.journal_key)
    path = settings.home / FILE
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # by chance: processes of two containers with one home have the same number
            own = path.with_name(f".{FILE}.{token_hex(8)}")
            descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(token_bytes(SEED_BYTES)))
            # whole or not at all, and never in the place of one that another process has just made
            with suppress(FileExistsError):
                os.link(own, path)
            own.unlink()
        return JournalKey(base64.b64decode(path.read_bytes(), validate=True))
    except (OSError, ValueError):
        return None


def signature_checker(public_keys: Iterable[str]) -> Callable[[bytes, bytes], bool]:
    """A function that says whether a signature of a message is by one of these public keys (hexadecimal digits)."""
    keys = [Ed25519PublicKey.from_public_bytes(bytes.fromhex(each)) for each in dict.fromkeys(public_keys)]

    def is_signature(message: bytes, signature: bytes) -> bool:
        for key in keys:
            with suppress(InvalidSignature):
                key.verify(signature, message)
                return True
        return False

    return is_signature
