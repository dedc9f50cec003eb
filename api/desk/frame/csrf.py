"""The check that a page of this server, shown to this browser, sent a form (CSRF), by a token made of the cookie.

A neighbouring host can set cookies here, and so a token that fits them: the browser says besides who sent the request.
"""

import hashlib
import hmac
from secrets import token_hex

from api.runtime.endpoint import Call

TOKEN_FIELD = "jeton"  # noqa: S105 - the name of a field
SALT_BYTES = 8


def is_same_origin(call: Call) -> bool:
    """Whether the request is same-origin, or made by the user directly; true where the browser does not say."""
    return call.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def new_form_token(cookie: str, salt: str = "") -> str:
    """A CSRF token for a form, bound to the browser's `cookie`; random unless a salt is given."""
    salt = salt or token_hex(SALT_BYTES)
    return salt + hashlib.sha256(f"form\n{salt}\n{cookie}".encode(errors="replace")).hexdigest()


def passes_csrf_check(call: Call, cookie: str, form_token: str) -> bool:
    """Whether the request is same-origin and the form's token was made for this cookie."""
    expected = new_form_token(cookie, salt_of(form_token))
    return is_same_origin(call) and hmac.compare_digest(form_token.encode(), expected.encode())


def salt_of(form_token: str) -> str:
    """The random beginning of a form's token, by which one copy of the form differs from all others."""
    return form_token[: 2 * SALT_BYTES]
