"""Against forms that other sites send (CSRF): a token in each form, of the cookie that this browser alone has.

A neighbouring host can set cookies here, and so a token that it proves: the browser says besides who sent the request.
"""

import hashlib
import hmac
from ipaddress import ip_address
from secrets import token_hex
from urllib.parse import urlsplit

from api.runtime.endpoint import Call

COOKIE = "vivier_session"
OF_THIS_HOST = "__Host-"
"""Before the name of a cookie that is sent over TLS: browsers take it from no other host, a neighbouring one neither
(RFC 6265bis §4.1.3.2)."""
TOKEN_FIELD = "jeton"  # noqa: S105 - the name of a field
SALT_BYTES = 8
LONGEST_COOKIE = 64


def form_token(token: str) -> str:
    """A token for a form, that only a page given to the browser of that cookie holds; another each time."""
    salt = token_hex(SALT_BYTES)
    return salt + _proof(token, salt)


def is_of_form(given: str, token: str) -> bool:
    """Whether a form with this token was given to the browser of that cookie."""
    salt, proof = given[: 2 * SALT_BYTES], given[2 * SALT_BYTES :]
    return hmac.compare_digest(proof.encode(), _proof(token, salt).encode())


def is_from_here(call: Call) -> bool:
    """Whether a page of this server sent the request, or nobody's, as the browser says; true where it does not."""
    return call.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def cookie_of(call: Call) -> str | None:
    """The cookie that the browser brings; None where it is none of ours."""
    pairs = (part.strip().partition("=") for part in call.headers.get("cookie", "").split(";"))
    token = {name: text for name, _, text in pairs}.get(_cookie_name(call), "")
    return token if 0 < len(token) <= LONGEST_COOKIE else None


def cookie_header(call: Call, given: str | None) -> str | None:
    """The `Set-Cookie` header that gives the browser a cookie, or takes its own away, where that is empty.

    None where none is given. A browser does not show the cookie that it has with a form that another site sent: that
    one stays.
    """
    if given is None or (call.method == "POST" and not is_from_here(call)):
        return None
    seconds, name = call.services.settings.session_hours * 3600 if given else 0, _cookie_name(call)
    parts = [f"{name}={given}", "Path=/", f"Max-Age={seconds}", "HttpOnly", "SameSite=Lax"]
    return "; ".join(parts if name == COOKIE else [*parts, "Secure"])


def _cookie_name(call: Call) -> str:
    """The name of the cookie; a plain one for a browser on this machine that speaks http, over which none is Secure."""
    public = call.services.settings.public_url
    if call.url.scheme == "http" and not (public and public.startswith("https:")):
        try:
            host = urlsplit(f"//{call.headers.get('host', '')}").hostname or ""
            if host == "localhost" or ip_address(host).is_loopback:
                return COOKIE
        except ValueError:
            pass
    return f"{OF_THIS_HOST}{COOKIE}"


def _proof(token: str, salt: str) -> str:
    return hashlib.sha256(f"form\n{salt}\n{token}".encode(errors="replace")).hexdigest()
