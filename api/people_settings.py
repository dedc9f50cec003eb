"""Parsers of settings about people: mail server, e-mail addresses, identity provider, members and their scopes.

Look-alike letters are others, in an e-mail address as in the domains that other machines take.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.organisation import Scope

Encryption = Literal["tls", "always", "offered", "never"]
_STARTTLS: dict[str, Encryption] = {"always": "always", "offered": "offered", "never": "never"}
PORTS = {"smtps": 465, "smtp": 587}

_LOCAL = r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]{1,64}"
_DOMAIN = r"[\w-]+(?:\.[\w-]+)*"
ADDRESS = re.compile(rf"{_LOCAL}@{_DOMAIN}")


@dataclass(frozen=True)
class MailServer:
    """The address of a mail server. `encryption`: `tls` (from the first byte), or whether STARTTLS is used."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    encryption: Encryption


def mail_server(text: str) -> MailServer:
    """The mail server of an address such as smtps://user:password@host:465 or smtp://host:25?starttls=never.

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


def sender_address(text: str) -> str:
    """The text, if it is an e-mail address to send from. Raises ValueError."""
    if not (ADDRESS.fullmatch(text) and text.isascii()):
        raise ValueError("an e-mail address alone, such as sourcing@example.org")
    return text


def comparable_address(text: str) -> str | None:
    """The e-mail address in the form in which addresses are compared, ASCII and lower case; None if it has none.

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


RIGHTS: tuple[Scope, ...] = ("match", "needs", "read")
_SIRET = re.compile(r"[0-9]{14}")
_ANY_DOMAIN = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
_LETTERS = "letters before the @ in ASCII, and those of a domain as IDNA has them: lower case, no look-alikes"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def issuer_address(text: str) -> str:
    """The address of an identity provider: https, unless it is on this machine. Raises ValueError."""
    parts = urlsplit(text)
    if not is_https_or_local(text) or parts.query or parts.fragment:
        raise ValueError("the https address of a provider, without query, such as https://connexion.example.org")
    return text


def is_https_or_local(address: str) -> bool:
    """Whether a web address is https, or http of this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return True
    try:
        host = parts.hostname or ""
        return parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def openid_scopes(text: str) -> str:
    """The OpenID scopes in a setting. Raises ValueError if `openid` is not among them or one is malformed."""
    named = text.split()
    if "openid" not in named or not all(map(_SCOPE.fullmatch, named)):
        raise ValueError("scopes with spaces between them, openid among them, such as `openid email profile`")
    return " ".join(named)


def organisations_of_members(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of an e-mail address, domain or SIRET and the organisation of those who have it. Raises ValueError."""
    expected = ValueError(
        "pairs with semicolons between them, such as `anne@exemple.fr=Ville de Vannes; @exemple.fr=Département; "
        f"22560001400016=Département`; {_LETTERS}"
    )
    found: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.split(";"))):
        who, is_pair, organisation = (part.strip() for part in pair.partition("="))
        known: str | None = who
        if _ANY_DOMAIN.fullmatch(who):
            known = (domain := ascii_domain(who[1:])) and f"@{domain}"
        elif not _SIRET.fullmatch(who):
            known = comparable_address(who)
        if not (is_pair and organisation and known) or known in found:
            raise expected
        found[known] = organisation
    return tuple(found.items())


def scopes_of_members(text: str) -> tuple[Scope, ...]:
    """The scopes in a setting, which whoever signs in through the provider gets. Raises ValueError for others."""
    named = {each.strip() for each in text.split(",")}
    if not named <= set(RIGHTS):
        raise ValueError(f"some of {', '.join(RIGHTS)}, with commas between them")
    return tuple(each for each in RIGHTS if each in named)


def comparable_addresses(text: str) -> frozenset[str]:
    """The e-mail addresses in a text, in the form in which they are compared. Raises ValueError."""
    found = [comparable_address(each.strip()) for each in text.split(",")]
    if None in found:
        raise ValueError(f"e-mail addresses with commas between them; {_LETTERS}")
    return frozenset(filter(None, found))
