"""The check that a form was sent by a page of this server that was given to this browser (CSRF).

Each form has a token, of the cookie that this browser alone has. A neighbouring host can set cookies here, and so a
token that fits them: the browser says besides who sent the request.
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


def new_form_token(cookie: str) -> str:
    """A token for a form given to the browser that has this cookie; another each time."""
    salt = token_hex(SALT_BYTES)
    return salt + _proof(cookie, salt)


def is_own_form(call: Call, cookie: str, form_token: str) -> bool:
    """Whether a page of this server sent the form, with a token made for the browser that has this cookie."""
    salt = salt_of(form_token)
    given, expected = form_token.removeprefix(salt), _proof(cookie, salt)
    return is_from_here(call) and hmac.compare_digest(given.encode(), expected.encode())


def salt_of(form_token: str) -> str:
    """The part of a form's token by which this copy of the form differs from all others."""
    return form_token[: 2 * SALT_BYTES]


def _proof(cookie: str, salt: str) -> str:
    return hashlib.sha256(f"form\n{salt}\n{cookie}".encode(errors="replace")).hexdigest()
