"""The settings of an OpenID Connect provider, through which people sign in without a key, and of whom it lets in."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from api.mail_settings import ascii_domain, comparable
from domain.organisation import Scope

RIGHTS: tuple[Scope, ...] = ("match", "needs", "read")
_SIRET = re.compile(r"[0-9]{14}")
_DOMAIN = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
_LETTERS = "letters before the @ in ASCII, and those of a domain as IDNA has them: lower case, no look-alikes"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def issuer(text: str) -> str:
    """The address of a provider; https, unless it is on this machine. Raises ValueError."""
    parts = urlsplit(text)
    if not is_safe(text) or parts.query or parts.fragment:
        raise ValueError("the https address of a provider, without query, such as https://connexion.example.org")
    return text


def is_safe(address: str) -> bool:
    """Whether an address is https, or of this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return True
    try:
        host = parts.hostname or ""
        return parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def scopes(text: str) -> str:
    """The scopes asked of a provider, `openid` among them. Raises ValueError."""
    named = text.split()
    if "openid" not in named or not all(map(_SCOPE.fullmatch, named)):
        raise ValueError("scopes with spaces between them, openid among them, such as `openid email profile`")
    return " ".join(named)


def members(text: str) -> tuple[tuple[str, str], ...]:
    """Organisations by e-mail address, domain or SIRET. Raises ValueError."""
    expected = ValueError(
        "pairs with semicolons between them, such as `anne@exemple.fr=Ville de Vannes; @exemple.fr=Département; "
        f"22560001400016=Département`; {_LETTERS}"
    )
    found: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.split(";"))):
        who, is_pair, organisation = (part.strip() for part in pair.partition("="))
        known = _who(who)
        if not (is_pair and organisation and known) or known in found:
            raise expected
        found[known] = organisation
    return tuple(found.items())


def _who(text: str) -> str | None:
    """An address, a domain or a SIRET as it is compared; None for what is none of them."""
    if _SIRET.fullmatch(text):
        return text
    if not _DOMAIN.fullmatch(text):
        return comparable(text)
    domain = ascii_domain(text[1:])
    return None if domain is None else f"@{domain}"


def rights(text: str) -> tuple[Scope, ...]:
    """The scopes of everybody a provider lets in. Raises ValueError."""
    named = {each.strip() for each in text.split(",")}
    if not named <= set(RIGHTS):
        raise ValueError(f"some of {', '.join(RIGHTS)}, with commas between them")
    return tuple(each for each in RIGHTS if each in named)


def addresses(text: str) -> frozenset[str]:
    """E-mail addresses as they are compared. Raises ValueError."""
    found = [comparable(each.strip()) for each in text.split(",")]
    if None in found:
        raise ValueError(f"e-mail addresses with commas between them; {_LETTERS}")
    return frozenset(filter(None, found))
