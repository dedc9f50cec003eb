"""The pages of administration: organisations, keys, the people who sign in without one, networks."""

import asyncio
from datetime import datetime, time
from functools import partial
from http import HTTPStatus
from typing import Annotated, get_args
from uuid import UUID

import msgspec
from litestar import Response

from api.admin.issue_keys import KeyRequest
from api.admin.keys import NO_KEY, CreatedKey, make_key_once, revoke_own_key
from api.admin.networks import keep_networks, networks_for, networks_in_table
from api.admin.organisations import (
    NO_ORGANISATION,
    add_organisation,
    change_organisation,
    own_organisation,
    visible_organisation,
)
from api.desk.frame import form as forms
from api.desk.frame.form import Field, FieldKind, Mistake, Unreadable
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import FormOutcome, Visit, form_route, id_in, submission_name, write_once
from api.people.invite import (
    NO_PERSON,
    InvitationRequest,
    forget_person,
    invite_person,
    remove_person,
    sign_person_out,
    visible_person,
)
from api.runtime.actor import Acting, actor_of
from api.runtime.etag import etag_of
from api.runtime.idempotency import Sender
from db import api_keys
from db.core.engine import Connection, transaction
from db.invitations import invitation_failure
from db.journal.entries import last_details
from db.persons import list_accounts
from domain.decoding.stored import read_stored
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.needs.need import Reserved
from domain.organisation import RIGHTS_OF_PEOPLE, SCOPES, Key, Organisation, OrganisationSettings
from domain.text.bilingual import PARIS, Text
from domain.text.labels import NETWORK_KINDS

ON_A_PAGE, MOST_ORGANISATIONS = 50, 500
ALIKE = ("nom", "organisation", "sources", "portee", "quota")
"""The fields in which a key that is made like another one is the same."""


def _read_siret(text: str) -> str | None:
    if text and forms.siret_in(text) is None:
        raise Unreadable(SAID["no_siret"])
    return forms.siret_in(text)


def _read_end_of_day(text: str) -> datetime | None:
    """The last second of the day in a text, in Paris; None where the text is empty. Raises Unreadable."""
    day = forms.DAY.read(text)
    return datetime.combine(day, time(23, 59, 59), PARIS) if day else None


COMMA_SEPARATED = FieldKind(lambda text: tuple(dict.fromkeys(filter(None, map(str.strip, text.split(","))))), ", ".join)


class OrganisationForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of an organisation."""

    name: Annotated[str, Field("nom", "name", forms.required(forms.WORDS, SAID["no_name"]))] = ""
    siret: Annotated[str, Field("siret", "siret", FieldKind(_read_siret, forms.WORDS.show))] = ""


class KeyForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a new key, which is in force until the end of the day filled in."""

    expires: Annotated[str, Field("echeance", "expires_at", FieldKind(_read_end_of_day, lambda _: ""))] = ""
    quota: Annotated[str, Field("quota", "rate_per_minute", forms.whole_number(SAID["no_whole_number"], 0, 1e9))] = ""
    name: Annotated[str, Field("nom", "name", forms.required(forms.WORDS, SAID["no_name"]))] = ""
    organisation: Annotated[str, Field("organisation", "organisation", forms.WORDS)] = ""
    sources: Annotated[str, Field("sources", "sources", COMMA_SEPARATED)] = ""
    scopes: Annotated[tuple[str, ...], Field("portee", "scopes", forms.required(forms.SEVERAL, SAID["no_scope"]))] = ()


class InvitationForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of an invitation."""

    email: Annotated[str, Field("adresse", "email", forms.required(forms.WORDS, SAID["no_address"]))] = ""
    name: Annotated[str, Field("nom", "name", forms.required(forms.WORDS, SAID["no_name_of_person"]))] = ""
    organisation: Annotated[str, Field("organisation", "organisation", forms.WORDS)] = ""
    scopes: Annotated[tuple[str, ...], Field("portee", "scopes", forms.required(forms.SEVERAL, SAID["no_scope"]))] = ()


@page("POST", "/admin", scope="platform")
async def create_organisation(visit: Visit) -> Response[bytes]:
    """Store a new organisation and redirect to all organisations; the form again where something is wrong."""
    try:
        settings = forms.request_of_form(forms.read_form(OrganisationForm, visit.fields), OrganisationSettings)

        async def store_organisation(connection: Connection, acting: Acting) -> FormOutcome:
            await add_organisation(connection, visit.call.bearer, settings, acting.now())
            return FormOutcome("/admin")

        await write_once(visit, store_organisation)
    except (InvalidContent, Conflict) as wrong:
        return await _organisations_page(visit, *_mistakes_and_status(wrong))
    return visit.redirect("/admin?fait=enregistree")


def _mistakes_and_status(wrong: InvalidContent | Conflict) -> tuple[tuple[Mistake, ...], HTTPStatus]:
    """The mistakes to show in the form of a refused organisation, and the status of the page that shows them."""
    if isinstance(wrong, Conflict):
        return (Mistake("nom", wrong.detail),), HTTPStatus.CONFLICT
    return forms.field_mistakes(wrong, OrganisationForm), HTTPStatus.UNPROCESSABLE_ENTITY


@page("GET", "/admin/organisations/{organisation_id}", scope="admin")
async def show_organisation(visit: Visit, organisation_id: str) -> Response[bytes]:
    """The form that changes an organisation, filled in."""
    async with transaction(visit.services.database) as connection:
        found = await visible_organisation(connection, visit.call.bearer, id_in(organisation_id, NO_ORGANISATION))
    return _organisation_form_page(visit, found, forms.form_of_request(OrganisationForm, found))


@page("POST", "/admin/organisations/{organisation_id}", scope="admin")
async def update_organisation(visit: Visit, organisation_id: str) -> Response[bytes]:
    """Change an organisation and redirect to all organisations; the form again where something is wrong."""
    typed = forms.read_form(OrganisationForm, visit.fields)
    async with transaction(visit.services.database) as connection:
        client, wanted = visit.call.bearer, id_in(organisation_id, NO_ORGANISATION)
        before = await visible_organisation(connection, client, wanted, lock=True)
        if visit.text("version") != etag_of(before):
            crossed = (Mistake("nom", SAID["changed_meanwhile"]),)
            return _organisation_form_page(visit, before, typed, crossed, HTTPStatus.PRECONDITION_FAILED)
        try:
            settings = forms.request_of_form(typed, OrganisationSettings)
            now, members = visit.services.now(), visit.services.settings.oidc_members
            await change_organisation(connection, client, before, settings, now, members)
        except (InvalidContent, Conflict) as wrong:
            return _organisation_form_page(visit, before, typed, *_mistakes_and_status(wrong))
    return visit.redirect("/admin?fait=enregistree")


@page("POST", "/admin/cles", scope="admin")
async def create_key(visit: Visit) -> Response[bytes]:
    """Make a key and show its secret, the same if the form is sent twice; the form again where it has mistakes."""
    try:
        request = forms.request_of_form(forms.read_form(KeyForm, visit.fields), KeyRequest)
        sender = Sender(visit.organisation_id, form_route("/admin/cles"), submission_name(visit))
        made = await make_key_once(visit.call, request, visit.token.encode(), sender)
    except InvalidContent as wrong:
        return await _keys_page(visit, forms.field_mistakes(wrong, KeyForm, otherwise="nom"))
    key = read_stored(made.content, CreatedKey)
    return visit.page("admin/new_key.html", HTTPStatus.CREATED, key=key)


@page("GET", "/admin/cles/{key_id}", scope="admin")
async def show_key(visit: Visit, key_id: str) -> Response[bytes]:
    """A key, with the button that revokes it."""
    async with transaction(visit.services.database) as connection:
        found = await api_keys.find_key(connection, id_in(key_id, NO_KEY))
        left = await api_keys.makers_who_left(connection, [found.id] if found else [])
    if found is None or own_organisation(visit.call.bearer) not in {None, found.organisation_id}:
        raise NotFound(NO_KEY)
    texts = forms.texts_of(forms.form_of_request(KeyForm, found, organisation=str(found.organisation_id)))
    alike = [(name, text) for name in ALIKE for text in texts.get(name, ()) if text]
    return visit.page("admin/key.html", key=found, state=_key_state_in_words(visit, found), alike=alike, left=left)


@page("POST", "/admin/cles/{key_id}", scope="admin")
async def revoke_key(visit: Visit, key_id: str) -> Response[bytes]:
    """Revoke a key and redirect to the list of keys."""
    async with transaction(visit.services.database) as connection:
        await revoke_own_key(connection, visit.call.bearer, id_in(key_id, NO_KEY), visit.services.now())
    return visit.redirect("/admin/cles?fait=revoquee")


async def _people_page(visit: Visit, mistakes: tuple[Mistake, ...] = ()) -> Response[bytes]:
    """The people who sign in without a key, with the form to invite one."""
    client, now = visit.call.bearer, visit.services.now()
    only = own_organisation(client)
    async with transaction(visit.services.database) as connection:
        fetch = partial(list_accounts, connection, only, now)
        people, onwards = await visit.page_of_list("people", UUID, fetch, ON_A_PAGE)
        choices = await api_keys.list_organisations(connection, only, None, MOST_ORGANISATIONS)
    provider = visit.services.identity_provider
    return visit.page(
        "admin/people.html",
        people=people,
        onwards=onwards,
        provider=provider.label if provider else None,
        organisations=choices,
        scopes=[scope for scope in RIGHTS_OF_PEOPLE if client.may(scope)],
        mistakes=mistakes,
    )


show_people = page("GET", "/admin/personnes", scope="admin")(_people_page)


@page("POST", "/admin/personnes", scope="admin")
async def invite_to_organisation(visit: Visit) -> Response[bytes]:
    """Invite somebody by e-mail and redirect to the people; the form again where something is wrong."""
    try:
        request = forms.request_of_form(forms.read_form(InvitationForm, visit.fields), InvitationRequest)

        async def store_invitation(connection: Connection, acting: Acting) -> FormOutcome:
            await invite_person(connection, visit.call.bearer, acting, request)
            return FormOutcome("/admin/personnes?fait=invitee")

        return await write_once(visit, store_invitation)
    except InvalidContent as wrong:
        return await _people_page(visit, forms.field_mistakes(wrong, InvitationForm))


@page("GET", "/admin/personnes/{person_id}", scope="admin")
async def show_person(visit: Visit, person_id: str) -> Response[bytes]:
    """Somebody who signs in without a key, with the buttons that end their access or sessions, and forget them."""
    async with transaction(visit.services.database) as connection:
        wanted, now = id_in(person_id, NO_PERSON), visit.services.now()
        found = await visible_person(connection, visit.call.bearer, wanted, now)
        about = f"person:{found.id}"
        signed_in = await last_details(connection, found.organisation_id, "person.signed_in", [about])
        failure = await invitation_failure(connection, found.id)
    scopes = found.invited or signed_in.get(about, {}).get("scopes")
    return visit.page("admin/person.html", person=found, scopes=scopes, failure=failure)


_ACTS = {
    "deconnecter": (sign_person_out, "deconnectee"),
    "retirer": (remove_person, "retiree"),
    "oublier": (forget_person, "oubliee"),
}


@page("POST", "/admin/personnes/{person_id}", scope="admin")
async def change_person(visit: Visit, person_id: str) -> Response[bytes]:
    """End the sessions or the access of somebody, or forget them, and redirect to the people."""
    act, done = _ACTS.get(visit.text("faire"), _ACTS["deconnecter"])
    async with transaction(visit.services.database) as connection:
        await act(connection, visit.call.bearer, id_in(person_id, NO_PERSON), visit.services.now())
    return visit.redirect(f"/admin/personnes?fait={done}")


async def _organisations_page(
    visit: Visit, mistakes: tuple[Mistake, ...] = (), status: int | None = None
) -> Response[bytes]:
    """The page of the organisations, with the form to add one."""
    only = own_organisation(visit.call.bearer)
    async with transaction(visit.services.database) as connection:
        fetch = partial(api_keys.list_organisations, connection, only)
        found, onwards = await visit.page_of_list("organisations", UUID, fetch, ON_A_PAGE)
    return visit.page("admin/organisations.html", status, organisations=found, onwards=onwards, mistakes=mistakes)


show_organisations = page("GET", "/admin", scope="admin")(_organisations_page)


def _organisation_form_page(
    visit: Visit,
    organisation: Organisation,
    typed: OrganisationForm,
    mistakes: tuple[Mistake, ...] = (),
    status: int | None = None,
) -> Response[bytes]:
    shown = {"organisation": organisation, "version": etag_of(organisation), "typed": typed}
    return visit.page("admin/organisation.html", status, mistakes=mistakes, **shown)


async def _keys_page(visit: Visit, mistakes: tuple[Mistake, ...] = ()) -> Response[bytes]:
    """The page of the keys, with the form to make one."""
    client = visit.call.bearer
    only = own_organisation(client)
    async with transaction(visit.services.database) as connection:
        fetch = partial(api_keys.list_keys, connection, only)
        found, onwards = await visit.page_of_list("keys", UUID, fetch, ON_A_PAGE)
        left = await api_keys.makers_who_left(connection, [each.id for each in found])
        choices = await api_keys.list_organisations(connection, only, None, MOST_ORGANISATIONS)
    return visit.page(
        "admin/keys.html",
        keys=found,
        left=left,
        onwards=onwards,
        state=partial(_key_state_in_words, visit),
        organisations=choices,
        scopes=[scope for scope in SCOPES if client.may(scope)],
        mistakes=mistakes,
    )


show_keys = page("GET", "/admin/cles", scope="admin")(_keys_page)


def _key_state_in_words(visit: Visit, key: Key) -> Text:
    if key.revoked_at is not None:
        return Text("révoquée", "revoked")
    is_over = key.expires_at is not None and key.expires_at <= visit.services.now()
    return Text("échue", "expired") if is_over else Text("en vigueur", "in force")


@page("GET", "/reseaux", scope=("match", "needs"))
async def show_networks_to_call(visit: Visit) -> Response[bytes]:
    """The networks to call about the territories and reservations of the query."""
    codes = visit.fields.get("lieu", ())
    reserved = [each for each in get_args(Reserved) if each in visit.fields.get("reserve", ())]
    async with transaction(visit.services.database) as connection:
        found = await networks_for(connection, visit.reference.territories, codes, reserved)
    labels = [visit.reference.territories.area(code).label for code in codes]
    return visit.page(
        "admin/networks_to_call.html", networks=found, kinds=NETWORK_KINDS, places=labels, reserved=reserved
    )


@page("GET", "/admin/reseaux", scope="platform")
async def show_networks(visit: Visit) -> Response[bytes]:
    """All networks, and the form that replaces them."""
    return await _networks_page(visit)


@page("POST", "/admin/reseaux", scope="platform", files=True)
async def replace_networks(visit: Visit) -> Response[bytes]:
    """Store the uploaded table in place of all networks; the page with what is wrong in it."""
    file = visit.files.get("fichier")
    try:
        if file is None:
            raise InvalidContent((Problem("", "missing", SAID["no_source_file"]),))
        networks, now = await asyncio.to_thread(networks_in_table, file.content), visit.services.now()
        async with transaction(visit.services.database) as connection:
            actor = actor_of(visit.call.bearer)
            await keep_networks(connection, visit.reference.territories, networks, actor, now)
    except InvalidContent as wrong:
        return await _networks_page(visit, wrong)
    return visit.redirect("/admin/reseaux?fait=reseaux")


async def _networks_page(visit: Visit, wrong: InvalidContent | None = None) -> Response[bytes]:
    """The page of all networks, with what is wrong in a table that was refused."""
    async with transaction(visit.services.database) as connection:
        found = await networks_for(connection, visit.reference.territories, (), ())
    status = HTTPStatus.OK if wrong is None else HTTPStatus.UNPROCESSABLE_ENTITY
    refused = () if wrong is None else wrong.problems
    return visit.page("admin/networks.html", status=status, networks=found, kinds=NETWORK_KINDS, refused=refused)
