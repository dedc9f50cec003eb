"""The settings of e-mail: the mail server, and the sender's address."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

Encryption = Literal["tls", "always", "offered", "never"]
_STARTTLS: dict[str, Encryption] = {"always": "always", "offered": "offered", "never": "never"}
PORTS = {"smtps": 465, "smtp": 587}

_LOCAL = r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]{1,64}"
_DOMAIN = r"[\w-]+(?:\.[\w-]+)*"
ADDRESS = re.compile(rf"{_LOCAL}@{_DOMAIN}")


@dataclass(frozen=True)
class MailServer:
    """A mail server. `encryption`: `tls` from the first byte; else whether STARTTLS is a must."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    encryption: Encryption


def mail_server(text: str) -> MailServer:
    """The server of an address such as smtps://user:password@host:465 or smtp://host:25?starttls=never.

    With a password, encryption is a must unless the address says otherwise; without one, it is used where offered.
    Raises ValueError, which says what is expected.
    """
    expected = ValueError("smtp://user:password@host:port?starttls=always|offered|never, or smtps:// for TLS")
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    encryption = _STARTTLS.get(options.pop("starttls", "always" if parts.password else "offered"))
    usual = parts.scheme in PORTS and parts.hostname and parts.path in {"", "/"} and not parts.fragment
    if not usual or options or encryption is None:
        raise expected
    if parts.scheme == "smtps" and parts.query:
        raise ValueError("smtps:// without starttls: it is encrypted from the first byte")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("a user and a password, or neither")
    try:
        port = parts.port or PORTS[parts.scheme]
    except ValueError:
        raise expected from None
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return MailServer(str(parts.hostname), port, user, password, "tls" if parts.scheme == "smtps" else encryption)


def sender(text: str) -> str:
    """The address, if it is one. Raises ValueError."""
    if not (ADDRESS.fullmatch(text) and text.isascii()):
        raise ValueError("an e-mail address alone, such as sourcing@example.org")
    return text
