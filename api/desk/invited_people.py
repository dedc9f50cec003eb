"""The pages on which people who were invited sign in, by a link, a code or a passkey, and the page of one's access.

A link lets in once, by a form that is sent: whatever opens links before their reader does changes nothing. A code
counts in the browser that asked for it. Whether an address was invited is told to nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from typing import Literal

from litestar import Response
from litestar.background_tasks import BackgroundTask

from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, session_digests
from api.desk.sign_in import begin_session_of_invited, go_on_with_session, sign_in_again
from api.people.passkeys import (
    NotProven,
    challenge_of,
    credential_id_in,
    moment_of,
    options_to_create,
    recent_challenge,
    verify_created,
    verify_used,
)
from api.people_settings import comparable_address
from api.runtime.actor import actor_of
from api.runtime.rate_limits import HOUR, SIGN_INS, UNKNOWN_LINKS, Limit, caller_of
from api.web.problems import Refusal
from db.core.engine import Connection, transaction
from db.invitations import (
    MOST_CODES,
    MOST_PASSKEYS,
    InvitedPerson,
    Passkey,
    delete_passkey,
    find_by_link,
    find_invited,
    find_passkey,
    insert_passkey,
    list_passkeys,
    note_passkey_used,
    queue_codes,
    redeem_code,
    redeem_link,
)
from db.journal.entries import write_entry
from db.persons import session_began_at
from domain.errors import Conflict, NotFound
from domain.organisation import SCOPES

CODES_ASKED = Limit("sign-in-code", 20, HOUR)
"""Codes that are asked for from one network address, for whomever; those of one person are counted in the database."""
CODES_FOR_ONE = Limit("sign-in-code-for-one", 2 * MOST_CODES, HOUR)
"""Those of two browsers there for one person: few networks do not use up what a person may get from all."""
FRESH_SECONDS = 900
"""The age of a session in which a passkey may be made: one who takes its cookie later must not stay beyond its end."""


@page("GET", "/invitation/{token}", scope=None)
async def show_invitation(visit: Visit, token: str) -> Response[bytes]:
    """The invitation that a link brings, with the button that accepts it."""
    async with (
        visit.services.limits.attempt(UNKNOWN_LINKS, caller_of(visit.call.scope)) as attempt,
        transaction(visit.services.database) as connection,
    ):
        person = await find_by_link(connection, token, visit.services.now())
        attempt.in_vain = person is None
    if person is None:
        raise Refusal("not-found", SAID["used_invitation"])
    return visit.page("signing_in/invitation.html", person=person, token=token)


@page("POST", "/invitation/{token}", scope=None)
async def accept_invitation(visit: Visit, token: str) -> Response[bytes]:
    """Begin a session of the person whom the link invites, and redirect to the page of their access."""
    redeem = partial(redeem_link, token=token, now=visit.services.now())
    session = await _begin_session(visit, UNKNOWN_LINKS, redeem, "invitation")
    if session is None:
        raise Refusal("not-found", SAID["used_invitation"])
    visit.token = visit.new_token = session
    return visit.redirect("/acces?fait=bienvenue")


async def _begin_session(
    visit: Visit,
    limit: Limit,
    redeem: Callable[[Connection], Awaitable[InvitedPerson | None]],
    way: Literal["invitation", "code"],
) -> str | None:
    """The token of a session of the person whom `redeem` finds; None, an attempt in vain, where it finds nobody."""
    async with (
        visit.services.limits.attempt(limit, caller_of(visit.call.scope)) as attempt,
        transaction(visit.services.database) as connection,
    ):
        person = await redeem(connection)
        attempt.in_vain = person is None
        return (
            await begin_session_of_invited(connection, visit.services, person, way, visit.language) if person else None
        )


@page("POST", "/connexion/code", scope=None)
async def ask_for_code(visit: Visit) -> Response[bytes]:
    """Send a code to an address that was invited; the same page whether it was or not."""
    address, services = comparable_address(visit.text("adresse").strip()), visit.services
    if address is None:
        return sign_in_again(visit, "address")
    caller = caller_of(visit.call.scope)
    services.limits.take(CODES_ASKED, caller)
    services.limits.take(CODES_FOR_ONE, (caller, address))
    answer = visit.page("signing_in/code.html", is_wrong=False)
    answer.background = BackgroundTask(_queue_codes, visit, address)  # once it is sent, so that its time tells nothing
    return answer


async def _queue_codes(visit: Visit, address: str) -> None:
    services = visit.services
    async with transaction(services.database) as connection:
        await queue_codes(connection, address, _browser_digest(visit), visit.language, services.now())


@page("POST", "/connexion/code/verification", scope=None)
async def sign_in_by_code(visit: Visit) -> Response[bytes]:
    """Begin a session by a code, and redirect to the page that asked for one; the form again where it is none."""
    code = "".join(each for each in visit.text("code") if each.isascii() and each.isdigit())[:20]
    redeem = partial(redeem_code, browser=_browser_digest(visit), code=code, now=visit.services.now())
    token = await _begin_session(visit, SIGN_INS, redeem, "code")
    return await go_on_with_session(visit, token) if token else visit.page("signing_in/code.html", 401, is_wrong=True)


@page("POST", "/connexion/passe", scope=None)
async def sign_in_by_passkey(visit: Visit) -> Response[bytes]:
    """Begin a session by a passkey, and redirect to the page that asked for one; the form again where it proves nobody.

    An answer is taken once: one to a challenge of before the passkey was last used is refused.
    """
    async with visit.services.limits.attempt(SIGN_INS, caller_of(visit.call.scope)) as attempt:
        attempt.in_vain = True
        try:
            async with transaction(visit.services.database) as connection:
                person = await _person_of_passkey(visit, connection)
                token = await begin_session_of_invited(connection, visit.services, person, "passkey", visit.language)
        except NotProven:
            return sign_in_again(visit, "passkey")
        attempt.in_vain = False
    return await go_on_with_session(visit, token)


async def _person_of_passkey(visit: Visit, connection: Connection) -> InvitedPerson:
    """The invited person whose passkey signed the challenge of this browser. Raises NotProven."""
    answer, moment, now = visit.text("preuve"), visit.text("moment"), visit.services.now()
    challenge = recent_challenge(visit.token, "sign-in", moment, now)
    passkey = await find_passkey(connection, credential_id_in(answer))
    person = await find_invited(connection, passkey.person_id) if passkey else None
    if passkey is None or person is None or (passkey.used_at and int(moment) <= moment_of(passkey.used_at)):
        raise NotProven
    count = await asyncio.to_thread(
        verify_used, answer, _public_url(visit), challenge, passkey.public_key, passkey.sign_count
    )
    await note_passkey_used(connection, passkey.credential_id, count, now)
    return person


@page("POST", "/acces", scope=SCOPES)
async def change_access(visit: Visit) -> Response[bytes]:
    """Store or delete a passkey of the person who is signed in, and redirect to the page of their access."""
    client, now = visit.call.bearer, visit.services.now()
    async with transaction(visit.services.database) as connection:
        person = await find_invited(connection, client.id) if client.person else None
        if person is None:
            raise NotFound(SAID["no_passkeys"])
        if visit.text("faire") == "retirer":
            done, action = "retiree", "person.passkey_deleted"
            own = await list_passkeys(connection, person.id)
            named = [each.credential_id for each in own if _name_of(each) == visit.text("cle")]
            if not named or not await delete_passkey(connection, person.id, named[0]):
                raise NotFound(SAID["no_passkeys"])
        else:
            done, action = "creee", "person.passkey_created"
            if not await _is_fresh(visit, connection):
                raise Conflict("old_session", SAID["old_session"])
            try:
                passkey = await _created_passkey(visit, person)
            except NotProven:
                return await _access_page(visit, is_refused=True)
            if not await insert_passkey(connection, passkey):
                raise Conflict("most_passkeys", SAID["most_passkeys"])
        await write_entry(connection, actor_of(client), action, f"person:{person.id}", now)
    return visit.redirect(f"/acces?fait={done}")


async def _created_passkey(visit: Visit, person: InvitedPerson) -> Passkey:
    """The passkey that the browser made for this person. Raises NotProven."""
    now, answer = visit.services.now(), visit.text("preuve")
    challenge = recent_challenge(visit.token, "create", visit.text("moment"), now)
    made = await asyncio.to_thread(verify_created, answer, _public_url(visit), challenge)
    return Passkey(made.credential_id, person.id, made.public_key, made.sign_count, now)


async def _is_fresh(visit: Visit, connection: Connection) -> bool:
    """Whether the session began lately enough to make a passkey in it."""
    began = await session_began_at(connection, session_digests(visit.services, visit.token))
    return began is not None and (visit.services.now() - began).total_seconds() <= FRESH_SECONDS


async def _access_page(visit: Visit, *, is_refused: bool = False) -> Response[bytes]:
    """The page of who is signed in, with their organisation and rights; and their passkeys, if they were invited."""
    client, moment, options = visit.call.bearer, moment_of(visit.services.now()), ""
    async with transaction(visit.services.database) as connection:
        person = await find_invited(connection, client.id) if client.person else None
        own = await list_passkeys(connection, person.id) if person else ()
        is_fresh = await _is_fresh(visit, connection)
    if person is not None and is_fresh and len(own) < MOST_PASSKEYS and visit.services.settings.public_url:
        challenge = challenge_of(visit.token, "create", moment)
        ids = [each.credential_id for each in own]
        options = options_to_create(_public_url(visit), challenge, person.id.bytes, person.email, person.name, ids)
    shown = [(_name_of(each), each) for each in own]
    return visit.page(
        "signing_in/access.html",
        person=person,
        passkeys=shown,
        options=options,
        moment=moment,
        is_fresh=is_fresh,
        is_refused=is_refused,
    )


show_access = page("GET", "/acces", scope=SCOPES)(_access_page)


def _name_of(passkey: Passkey) -> str:
    """The name of a passkey in a form."""
    return sha256(passkey.credential_id).hexdigest()


def _public_url(visit: Visit) -> str:
    return visit.services.settings.public_url or ""


def _browser_digest(visit: Visit) -> bytes:
    """The digest of the browser's token, by which a code is known to be asked for there."""
    return sha256(f"code\n{visit.token}".encode(errors="replace")).digest()
