"""The check that a page of this server, shown to this browser, sent a form (CSRF): each form has a token of its cookie.

A neighbouring host can set cookies here, and so a token that fits them: the browser says besides who sent the request.
"""

import hashlib
import hmac
from secrets import token_hex

from api.runtime.endpoint import Call

TOKEN_FIELD = "jeton"  # noqa: S105 - the name of a field
SALT_BYTES = 8


def is_from_here(call: Call) -> bool:
    """Whether a page of this server sent the request, or the user directly; true where the browser does not say."""
    return call.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def new_form_token(cookie: str, salt: str = "") -> str:
    """A token for a form given to the browser that has this cookie; another each time, unless the salt is given."""
    salt = salt or token_hex(SALT_BYTES)
    return salt + hashlib.sha256(f"form\n{salt}\n{cookie}".encode(errors="replace")).hexdigest()


def is_own_form(call: Call, cookie: str, form_token: str) -> bool:
    """Whether a page of this server sent the form, with a token made for the browser that has this cookie (CSRF)."""
    expected = new_form_token(cookie, salt_of(form_token))
    return is_from_here(call) and hmac.compare_digest(form_token.encode(), expected.encode())


def salt_of(form_token: str) -> str:
    """The part of a form's token by which this copy of the form differs from all others."""
    return form_token[: 2 * SALT_BYTES]
