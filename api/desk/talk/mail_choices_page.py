"""The page on which people choose the e-mails that Vivier sends them, and administrators those of an organisation."""

from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.runtime.actor import actor_of
from db.core.engine import transaction
from db.exchanges.buyer_mails import EVERYBODY, unwanted_kinds, write_unwanted_kinds
from db.journal.entries import write_entry
from db.persons import find_account
from db.suppliers.suppression_list import address_digest
from domain.exchanges.letter import KINDS
from domain.journal import Detail

OWN, ALL = "recevoir", "tous"
"""The fields with the kinds of e-mail that the visitor gets, and those that anybody of the organisation gets."""


@page("GET", "/mes-courriels", scope="needs")
async def show_mail_choices(visit: Visit) -> Response[bytes]:
    """The kinds of e-mail, each ticked where it is sent to the visitor; for administrators, to their organisation."""
    client = visit.call.bearer
    async with transaction(visit.services.database) as connection:
        account = await find_account(connection, client.id, visit.services.now()) if client.person else None
        address = account.email if account else None
        of_all = await unwanted_kinds(connection, visit.organisation_id, None)
        unwanted = await unwanted_kinds(connection, visit.organisation_id, address)
    return visit.page(
        "talk/mail_choices.html",
        address=address,
        kinds=KINDS,
        unwanted=unwanted - of_all,
        of_all=of_all,
        sends=visit.services.settings.smtp is not None,
    )


@page("POST", "/mes-courriels", scope="needs")
async def choose_mails(visit: Visit) -> Response[bytes]:
    """Store the kinds of e-mail that are ticked, and redirect to them."""
    client, now = visit.call.bearer, visit.services.now()
    own, of_all = ([each for each in KINDS if each not in visit.fields.get(name, ())] for name in (OWN, ALL))
    async with transaction(visit.services.database) as connection:
        account = await find_account(connection, client.id, now) if client.person else None
        if account and account.email:
            address = await address_digest(connection, account.email)
            await write_unwanted_kinds(connection, visit.organisation_id, address, own, now)
        if client.may("admin"):
            before = await unwanted_kinds(connection, visit.organisation_id, None)
            await write_unwanted_kinds(connection, visit.organisation_id, EVERYBODY, of_all, now)
            if before != {*of_all}:
                about = f"organisation:{visit.organisation_id}"
                detail: Detail = {"fields": ["mails"]}
                await write_entry(connection, actor_of(client), "organisation.changed", about, now, detail=detail)
    return visit.redirect("/mes-courriels?fait=1")
