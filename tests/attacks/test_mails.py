"""No text of a request becomes a header of an e-mail, or one more recipient of it."""

from typing import Any

from matching.reference import Reference
from tests.api.exchanges.steps import opened, opening, some_suppliers
from tests.api.mailbox import all_sent, emailing
from tests.api.needs.steps import NEED
from tests.api.sync.factories import put_record
from tests.attacks.test_headers import BREAKS

EVE = "eve@example.org"
SENDER = "sourcing@example.org"


async def test_no_text_becomes_a_header_or_a_recipient(database_url: str, reference: Reference) -> None:
    """Each text is refused, or the message arrives with it as a word of its own header."""
    async with emailing(database_url, reference) as (client, mailbox):
        suppliers = await some_suppliers(client, "mails", contact={"email": "anne@x.example"})
        exchanges = []
        for trick in (f"Ville{end}Bcc: {EVE}{end}{end}Autre corps" for end in BREAKS):
            # a source's address is stored as it is, whatever it is
            stored = await put_record(client, "mails", "evil", contact={"email": f"anne@x.example{trick}"})
            whom = [*suppliers, stored["supplier_id"]]
            contact = {"name": "Ville", "email": "ville@example.org"}
            texts: list[dict[str, Any]] = [
                {},
                {"subject": trick},
                {"contact": contact | {"name": trick}},
                {"contact": contact | {"email": f"{contact['email']}{trick}"}},
            ]
            needs = NEED, NEED | {"title": trick}, NEED | {"buyer": {"siret": "22560001400016", "name": trick}}
            kept = [await client.post("/needs", json=need) for need in needs]
            assert {each.status_code for each in kept} <= {201, 422}
            plain, *tricked = (each.json()["need"]["id"] for each in kept if each.is_success)
            for need, fields in [*((plain, each) for each in texts), *((each, {}) for each in tricked)]:
                answer = await opening(client, f"/needs/{need}", whom, **fields)
                assert answer.status_code in {201, 422}, answer.text
                exchanges += [opened(client, answer)] if answer.is_success else []
        for exchange in exchanges:
            await all_sent(exchange)
        assert len(mailbox.received) >= 2 * len(BREAKS)
        for mail, envelope in zip(mailbox.received, mailbox.envelopes, strict=True):
            assert (mail["Bcc"], mail["Cc"], len(mail.get_all("To", ()))) == (None, None, 1)
            assert [each.addr_spec for each in mail["From"].addresses] == [SENDER]
            assert EVE not in {*envelope.rcpt_tos, envelope.mail_from}
            assert envelope.rcpt_tos == [each.addr_spec for each in mail["To"].addresses]
