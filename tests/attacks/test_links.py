"""Links to suppliers' pages: codes of letters cannot be guessed, and a link is told once, to who asked for it."""

import csv
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import pytest
import sqlalchemy as sa

from api.declarations.declare import TYPED_CODES
from api.runtime.rate_limits import Limits
from db.core.engine import transaction
from db.schema.campaign_tables import declaration_secrets
from db.schema.supplier_tables import idempotency_keys
from domain.campaigns.campaign import MOST_RECIPIENTS
from domain.declarations.declaration import CODE_LENGTH, CODE_LETTERS
from tests.api.campaigns.steps import Campaigner, campaigner, put_unknown
from tests.api.exchanges.steps import keyless
from tests.api.organisations import member
from tests.api.sync.factories import Client, path_of

SOURCE = "attack-links"


@pytest.fixture
async def campaign(served: Client) -> AsyncIterator[tuple[Campaigner, str]]:
    """A buyer, and the path of the links of its campaign to one supplier."""
    await put_unknown(served, SOURCE, "1", approvals=[{"kind": "EATT"}])
    buyer = await campaigner(served)
    made = await buyer.plan(kinds=["EATT"])
    yield buyer, f"/campaigns/{made['id']}/links"
    await served.delete(path_of(SOURCE, "1"))


async def told(buyer: Campaigner, path: str, **headers: str) -> list[dict[str, str]]:
    answer = await buyer.post(path, Accept="text/csv", **headers)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(StringIO(answer.text)))


def test_nobody_finds_a_code_by_trying() -> None:
    """Of the largest campaign, from a thousand addresses that try all the time: once in a hundred thousand years."""
    tries_a_year = 1_000 * TYPED_CODES.most * 24 * 365
    assert len(CODE_LETTERS) ** CODE_LENGTH / MOST_RECIPIENTS / tries_a_year > 100_000


async def test_codes_tried_in_vain_close_the_entry_to_right_ones_too(
    served: Client, campaign: tuple[Campaigner, str], limits: Limits
) -> None:
    """On the form and in the address alike, while the long link still opens the page."""
    (link,) = await told(*campaign)
    code = link["code"]
    near = [code[:-1] + letter for letter in CODE_LETTERS if letter != code[-1]][: TYPED_CODES.most]
    for number, wrong in enumerate(near):
        if number % 2:
            assert (await keyless(served, "GET", f"/fiche/{wrong}")).status_code == 404
        else:
            assert (await keyless(served, "POST", "/fiche", data={"code": wrong})).status_code == 422
    for method, path, body in (("GET", f"/fiche/{code}", None), ("POST", "/fiche", {"code": code})):
        refused = await keyless(served, method, path, data=body)
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
    assert (await keyless(served, "GET", f"/fiche/{link['link'].rpartition('/')[2]}")).status_code == 200


@pytest.mark.parametrize(
    "of",
    [
        lambda code: code[:-1],
        lambda code: code + "2",
        lambda code: code[:8],
        lambda code: code[:-1] + "0",
        lambda code: code[:-1] + "%25",
        lambda code: code * 2,
    ],
)
async def test_a_part_of_a_code_or_more_than_one_opens_nothing(
    served: Client, campaign: tuple[Campaigner, str], limits: Limits, of: Any
) -> None:
    (link,) = await told(*campaign)
    assert (await keyless(served, "GET", f"/fiche/{of(link['code'])}")).status_code == 404


async def test_a_link_is_told_once_and_to_who_asked_for_it(served: Client, campaign: tuple[Campaigner, str]) -> None:
    """Nothing that is stored leads to it; the same request of another key, or without one, is told others or none."""
    buyer, path = campaign
    key = {"Idempotency-Key": "once"}
    (link,) = await told(buyer, path, **key)
    assert await told(buyer, path, **key) == [link]
    colleague = await member(served, "needs", organisation=buyer.key.organisation)
    refused = await colleague.post(path, Accept="text/csv", **key)
    assert (refused.status_code, link["code"] in refused.text) == (409, False)
    (other,) = await told(buyer, path)
    assert {other["link"], other["code"]}.isdisjoint(link.values())
    secrets = [link["code"], link["link"].rpartition("/")[2]]
    async with transaction(served.services.database) as connection:
        stored = [*(await connection.execute(sa.select(idempotency_keys.c.body))).scalars()]
        stored += (await connection.execute(sa.select(declaration_secrets.c.digest))).scalars()
    assert not any(secret.encode() in each for secret in secrets for each in stored if each)
    journal = (await buyer.get(f"/audit?object=campaign:{path.split('/')[2]}")).text
    recipients = (await buyer.get(path.replace("links", "recipients"))).text
    assert not any(secret in text for secret in secrets for text in (journal, recipients))
