"""The settings of e-mail, the mail server and the sender's address; e-mail addresses as they are compared.

Look-alike letters are others, in an address as in the domains that other machines take.
"""

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


def comparable(text: str) -> str | None:
    """The one form of an e-mail address: ASCII in lower case, its domain as A-labels; None for what has none.

    No letter becomes another one (ß and ſ are no s, ﬁ is not fi, the Kelvin sign is no k), and nothing is taken off.
    """
    user, _, domain = text.rpartition("@")
    named = ascii_domain(domain) if ADDRESS.fullmatch(text) and user.isascii() else None
    return None if named is None else f"{user.lower()}@{named}"


def ascii_domain(text: str) -> str | None:
    """A domain in lower case, its labels in ASCII (IDNA 2008, RFC 5891); None where it has no such form.

    The codec of Python follows IDNA 2003, which makes eßonne.fr the domain of somebody else, essonne.fr.
    """
    if text.isascii():
        return text.lower() if all(0 < len(label) <= 63 for label in text.split(".")) else None
    from idna import IDNAError, encode  # noqa: PLC0415 - large tables, and few domains need them

    try:
        return encode(text, strict=True).decode().lower()
    except IDNAError:
        return None
