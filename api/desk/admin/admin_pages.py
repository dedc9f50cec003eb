"""The pages of administration: organisations, keys, and the people who sign in without one."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date, datetime, time
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Response

from api.admin.keys import NO_KEY, CreatedKey, KeyRequest, make_key_once, revoke_own_key
from api.admin.organisations import (
    NO_ORGANISATION,
    NO_PERSON,
    add_organisation,
    change_organisation,
    forget_person,
    organisation_etag,
    own_organisation,
    sign_person_out,
    visible_organisation,
    visible_person,
)
from api.desk.frame.mistakes import Mistake
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import id_in, sent_as
from api.runtime.idempotency import Sender, created, once
from api.web.pagination import read_cursor, write_cursor
from db import api_keys, organisations
from db.core.engine import transaction
from db.idempotency import Answer
from db.journal.entries import last_details
from db.persons import list_accounts
from domain.decoding.explain import explain
from domain.decoding.stored import read_stored
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.organisation import SCOPES, Key, Organisation, OrganisationSettings, Scope
from domain.text.bilingual import Text
from domain.text.typography import PARIS

Request = TypeVar("Request", bound=msgspec.Struct)

FIELDS = {
    "name": "nom",
    "siret": "siret",
    "organisation": "organisation",
    "scopes": "portee",
    "sources": "sources",
    "expires_at": "echeance",
    "rate_per_minute": "quota",
}
NO_NAME = Text("Donnez un nom", "Give a name")
NO_SCOPE = Text("Cochez au moins un droit", "Tick at least one right")
NO_DATE = Text("Une date est attendue : AAAA-MM-JJ", "A date is expected: YYYY-MM-DD")
NO_NUMBER = Text("Un nombre entier est attendu, tel que 600", "A whole number is expected, such as 600")
NO_SIRET = Text("Un SIRET a 14 chiffres", "A SIRET has 14 digits")


def organisation_settings(visit: Visit) -> OrganisationSettings:
    """The name and SIRET of the form; spaces in a SIRET are left out. Raises InvalidContent."""
    siret = "".join(visit.text("siret").split())
    problems = [] if visit.text("nom") else [Problem("/name", "missing", NO_NAME)]
    if siret and not (len(siret) == 14 and siret.isascii() and siret.isdecimal()):
        problems.append(Problem("/siret", "wrong_format", NO_SIRET))
    return _request({"name": visit.text("nom"), "siret": siret or None}, OrganisationSettings, problems)


def key_request(visit: Visit) -> KeyRequest:
    """The key that the form asks for, until the end of the day that it names. Raises InvalidContent."""
    problems: list[Problem] = []
    expires_at, quota = _end_of_day(visit.text("echeance"), problems), _number(visit.text("quota"), problems)
    scopes = tuple(visit.fields.get("portee", ()))
    if not visit.text("nom"):
        problems.append(Problem("/name", "missing", NO_NAME))
    if not scopes:
        problems.append(Problem("/scopes", "missing", NO_SCOPE))
    asked = {
        "name": visit.text("nom"),
        "scopes": scopes,
        "organisation": visit.text("organisation") or None,
        "sources": tuple(dict.fromkeys(filter(None, map(str.strip, visit.text("sources").split(","))))),
        "expires_at": expires_at,
        "rate_per_minute": quota,
    }
    return _request(asked, KeyRequest, problems)


def fields_of_key(key: Key) -> list[tuple[str, str]]:
    """The form of a key like this one, without its end."""
    fields = [("nom", key.name), ("organisation", str(key.organisation_id)), ("sources", ", ".join(key.sources))]
    fields += [("portee", scope) for scope in key.scopes]
    fields += [("quota", "" if key.rate_per_minute is None else str(key.rate_per_minute))]
    return [(name, text) for name, text in fields if text]


def mistakes_of(invalid: InvalidContent) -> Iterator[Mistake]:
    """The problems of a request at the fields of its form."""
    for problem in invalid.problems:
        part = problem.pointer.removeprefix("/").partition("/")[0]
        yield Mistake(FIELDS.get(part, "nom"), problem.detail)


def _request(asked: dict[str, Any], kind: type[Request], problems: list[Problem]) -> Request:
    if problems:
        raise InvalidContent(tuple(problems))
    try:
        return msgspec.convert(asked, kind)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, kind),)) from None


def _end_of_day(text: str, problems: list[Problem]) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), PARIS)
    except ValueError:
        problems.append(Problem("/expires_at", "wrong_format", NO_DATE))
        return None


def _number(text: str, problems: list[Problem]) -> int | None:
    plain = "".join(text.split())
    if not plain:
        return None
    if plain.isascii() and plain.isdecimal() and len(plain) < 10:
        return int(plain)
    problems.append(Problem("/rate_per_minute", "wrong_format", NO_NUMBER))
    return None


ON_A_PAGE, MOST_ORGANISATIONS = 50, 500
SCOPE_WORDS: dict[Scope, Text] = {
    "match": Text("chercher des fournisseurs pour un besoin", "find suppliers for a need"),
    "needs": Text("tenir les besoins de l'organisation", "keep the needs of the organisation"),
    "sync": Text("envoyer les fiches de ses sources", "send the records of its sources"),
    "read": Text("lire l'annuaire", "read the directory"),
    "admin": Text("administrer l'organisation", "administer the organisation"),
    "platform": Text("exploiter le serveur : toutes les organisations", "operate the server: all organisations"),
}
CHANGED_MEANWHILE = Text(
    "Quelqu'un d'autre vient de changer cette organisation : voici ce qu'elle est devenue, avec votre saisie",
    "Somebody else has just changed this organisation: this is what it is now, with what you typed",
)
Item = TypeVar("Item", bound=msgspec.Struct)
Fetch = Callable[[UUID | None, int], Awaitable[Sequence[Item]]]


@page("GET", "/admin", scope="admin")
async def show_organisations(visit: Visit) -> Response[bytes]:
    """The organisations, and the form to add one."""
    return await _organisations_page(visit)


@page("POST", "/admin", scope="platform")
async def create_organisation(visit: Visit) -> Response[bytes]:
    """The way to the organisations, with a new one; the form again where something is wrong with it."""
    call, client = visit.call, visit.call.bearer
    try:
        settings = organisation_settings(visit)
        async with transaction(visit.services.database) as connection:

            async def carry_out() -> Answer:
                return created(await add_organisation(connection, client, settings, visit.services.now()))

            await once(call, connection, settings, carry_out, sender=_sender(visit, "/admin"))
    except InvalidContent as invalid:
        return await _organisations_page(visit, tuple(mistakes_of(invalid)), HTTPStatus.UNPROCESSABLE_ENTITY)
    except Conflict as conflict:
        return await _organisations_page(visit, (Mistake("nom", conflict.detail),), HTTPStatus.CONFLICT)
    return visit.redirect("/admin?fait=enregistree")


@page("GET", "/admin/organisations/{organisation_id}", scope="admin")
async def show_organisation(visit: Visit, organisation_id: str) -> Response[bytes]:
    """The form of an organisation."""
    async with transaction(visit.services.database) as connection:
        found = await visible_organisation(connection, visit.call.bearer, id_in(organisation_id, NO_ORGANISATION))
    return _organisation_page(visit, found, {"nom": found.name, "siret": found.siret or ""})


@page("POST", "/admin/organisations/{organisation_id}", scope="admin")
async def update_organisation(visit: Visit, organisation_id: str) -> Response[bytes]:
    """The way to the organisations, with this one changed; the form again where something is wrong with it."""
    typed = {"nom": visit.text("nom"), "siret": visit.text("siret")}
    async with transaction(visit.services.database) as connection:
        client, wanted = visit.call.bearer, id_in(organisation_id, NO_ORGANISATION)
        before = await visible_organisation(connection, client, wanted, lock=True)
        if visit.text("version") != organisation_etag(before):
            mistakes = (Mistake("nom", CHANGED_MEANWHILE),)
            return _organisation_page(visit, before, typed, mistakes, HTTPStatus.PRECONDITION_FAILED)
        try:
            settings = organisation_settings(visit)
            now, members = visit.services.now(), visit.services.settings.oidc_members
            await change_organisation(connection, client, before, settings, now, members)
        except InvalidContent as invalid:
            wrong = tuple(mistakes_of(invalid))
            return _organisation_page(visit, before, typed, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
        except Conflict as conflict:
            wrong = (Mistake("nom", conflict.detail),)
            return _organisation_page(visit, before, typed, wrong, HTTPStatus.CONFLICT)
    return visit.redirect("/admin?fait=enregistree")


@page("GET", "/admin/cles", scope="admin")
async def show_keys(visit: Visit) -> Response[bytes]:
    """The keys, and the form to make one."""
    return await _keys_page(visit)


@page("POST", "/admin/cles", scope="admin")
async def create_key(visit: Visit) -> Response[bytes]:
    """The page that shows the secret of a new key, once more where the form is sent again; the form if it is wrong."""
    try:
        request = key_request(visit)
        made = await make_key_once(visit.call, request, visit.token.encode(), _sender(visit, "/admin/cles"))
    except InvalidContent as invalid:
        return await _keys_page(visit, tuple(mistakes_of(invalid)), HTTPStatus.UNPROCESSABLE_ENTITY)
    key = read_stored(made.content, CreatedKey)
    return visit.page("admin/new_key.html", HTTPStatus.CREATED, key=key, scope_words=SCOPE_WORDS)


@page("GET", "/admin/cles/{key_id}", scope="admin")
async def show_key(visit: Visit, key_id: str) -> Response[bytes]:
    """A key, with the button that revokes it."""
    async with transaction(visit.services.database) as connection:
        found = await api_keys.find_key(connection, id_in(key_id, NO_KEY))
    if found is None or own_organisation(visit.call.bearer) not in {None, found.organisation_id}:
        raise NotFound(NO_KEY)
    shown: dict[str, Any] = {"key": found, "state": _state(visit, found), "alike": fields_of_key(found)}
    return visit.page("admin/key.html", scope_words=SCOPE_WORDS, **shown)


@page("POST", "/admin/cles/{key_id}", scope="admin")
async def revoke_key(visit: Visit, key_id: str) -> Response[bytes]:
    """The way to the keys, with this one revoked."""
    async with transaction(visit.services.database) as connection:
        await revoke_own_key(connection, visit.call.bearer, id_in(key_id, NO_KEY), visit.services.now())
    return visit.redirect("/admin/cles?fait=revoquee")


@page("GET", "/admin/personnes", scope="admin")
async def show_people(visit: Visit) -> Response[bytes]:
    """The people who sign in without a key."""
    only, now = own_organisation(visit.call.bearer), visit.services.now()

    async with transaction(visit.services.database) as connection:
        people, onwards = await _page_of(visit, "people", partial(list_accounts, connection, only, now))
    provider = visit.services.identity_provider
    return visit.page(
        "admin/people.html", people=people, onwards=onwards, provider=provider.label if provider else None
    )


@page("GET", "/admin/personnes/{person_id}", scope="admin")
async def show_person(visit: Visit, person_id: str) -> Response[bytes]:
    """Somebody who signs in without a key, with the buttons that sign them out and forget them."""
    async with transaction(visit.services.database) as connection:
        wanted, now = id_in(person_id, NO_PERSON), visit.services.now()
        found = await visible_person(connection, visit.call.bearer, wanted, now)
        about = f"person:{found.id}"
        signed_in = await last_details(connection, found.organisation_id, "person.signed_in", [about])
    return visit.page(
        "admin/person.html", person=found, scopes=signed_in.get(about, {}).get("scopes"), scope_words=SCOPE_WORDS
    )


@page("POST", "/admin/personnes/{person_id}", scope="admin")
async def change_person(visit: Visit, person_id: str) -> Response[bytes]:
    """The way to the people, of whom this one is signed out, or forgotten."""
    act, done = (forget_person, "oubliee") if visit.text("faire") == "oublier" else (sign_person_out, "deconnectee")
    async with transaction(visit.services.database) as connection:
        await act(connection, visit.call.bearer, id_in(person_id, NO_PERSON), visit.services.now())
    return visit.redirect(f"/admin/personnes?fait={done}")


async def _organisations_page(
    visit: Visit, mistakes: tuple[Mistake, ...] = (), status: int = HTTPStatus.OK
) -> Response[bytes]:
    only = own_organisation(visit.call.bearer)
    async with transaction(visit.services.database) as connection:
        fetch = partial(organisations.list_organisations, connection, only)
        found, onwards = await _page_of(visit, "organisations", fetch)
    return visit.page("admin/organisations.html", status, organisations=found, onwards=onwards, **_wrong(mistakes))


def _organisation_page(
    visit: Visit,
    organisation: Organisation,
    typed: dict[str, str],
    mistakes: tuple[Mistake, ...] = (),
    status: int = HTTPStatus.OK,
) -> Response[bytes]:
    shown: dict[str, Any] = {"version": organisation_etag(organisation), "typed": typed}
    return visit.page("admin/organisation.html", status, organisation=organisation, **shown, **_wrong(mistakes))


async def _keys_page(visit: Visit, mistakes: tuple[Mistake, ...] = (), status: int = HTTPStatus.OK) -> Response[bytes]:
    client = visit.call.bearer
    only = own_organisation(client)
    async with transaction(visit.services.database) as connection:
        found, onwards = await _page_of(visit, "keys", partial(api_keys.list_keys, connection, only))
        choices = await organisations.list_organisations(connection, only, None, MOST_ORGANISATIONS)
    return visit.page(
        "admin/keys.html",
        status,
        keys=found,
        onwards=onwards,
        state=partial(_state, visit),
        organisations=choices,
        scopes=[scope for scope in SCOPES if client.may(scope)],
        scope_words=SCOPE_WORDS,
        **_wrong(mistakes),
    )


def _wrong(mistakes: tuple[Mistake, ...]) -> dict[str, Any]:
    return {"mistakes": mistakes, "wrong": {mistake.field for mistake in mistakes}}


def _state(visit: Visit, key: Key) -> Text:
    if key.revoked_at is not None:
        return Text("révoquée", "revoked")
    is_over = key.expires_at is not None and key.expires_at <= visit.services.now()
    return Text("échue", "expired") if is_over else Text("en vigueur", "in force")


async def _page_of(visit: Visit, name: str, fetch: Fetch[Item]) -> tuple[Sequence[Item], str | None]:
    """The items after the cursor of the query, and the cursor of the next page; None where there is none."""
    found = await fetch(read_cursor(name, visit.text("suite") or None, UUID), ON_A_PAGE + 1)
    shown: Sequence[Any] = found[:ON_A_PAGE]
    return shown, write_cursor(name, shown[-1].id) if len(found) > ON_A_PAGE else None


def _sender(visit: Visit, path: str) -> Sender:
    """This copy of a form as it is filled in, which is carried out once however often it is sent."""
    return Sender(visit.call.bearer.organisation_id, f"form {path}", sent_as(visit))


PAGES = (
    show_organisations,
    create_organisation,
    show_organisation,
    update_organisation,
    show_keys,
    create_key,
    show_key,
    revoke_key,
    show_people,
    show_person,
    change_person,
)
