"""API keys."""

import pytest
from sqlalchemy import text

from db.api_keys import create_key, ensure_organisation, find_by_name_or_id, find_client, is_well_formed, secret_of
from db.core.engine import Connection
from tests.db.suppliers.samples import LATER, NOW


async def test_any_other_key_leads_nowhere(connection: Connection) -> None:
    secret, key = await create_key(connection, name="n", organisation="o", scopes=["match"], now=NOW)

    for wrong in ("", key.prefix, secret[:-1], secret + "0", secret.upper(), "\0", "clé"):
        assert await find_client(connection, wrong, NOW) is None


async def test_the_operators_scope_is_no_word_to_servers_before_it(connection: Connection) -> None:
    """They refuse a key with a scope that they do not know; it is in a column that they do not read."""
    secret, _ = await create_key(connection, name="n", organisation="o", scopes=["platform", "read"], now=NOW)
    client = await find_client(connection, secret, NOW)
    stored = (await connection.execute(text("SELECT scopes FROM api_keys"))).scalar_one()

    assert client is not None
    assert (client.scopes, stored) == (("read", "platform"), ["read"])


async def test_a_key_ends_when_it_is_said_to(connection: Connection) -> None:
    secret, key = await create_key(
        connection, name="n", organisation="o", scopes=["match"], now=NOW, expires_at=LATER, rate_per_minute=60
    )
    client = await find_client(connection, secret, NOW)

    assert client is not None
    assert (client.expires_at, client.rate_per_minute) == (key.expires_at, key.rate_per_minute) == (LATER, 60)
    assert await find_client(connection, secret, LATER) is None


def test_a_key_has_a_form_that_can_be_checked() -> None:
    """One wrong digit is noticed without the database; keys made before the check keep their form."""
    secret = secret_of(bytes(range(24)))
    assert secret == "viv_000102030405060708090a0b0c0d0e0f10111213141516172fe19a82"
    assert is_well_formed(secret)
    assert is_well_formed("vivier_" + "0a" * 24)


@pytest.mark.parametrize(
    "noise",
    [
        "",
        "viv_",
        "x" * 60,
        "vivier_" + "0a" * 23,
        secret_of(bytes(24))[:-1],
        secret_of(bytes(24)) + "0",
        secret_of(bytes(24)).upper(),
        secret_of(bytes(24)).replace("viv_0", "viv_1"),
    ],
)
def test_noise_has_not(noise: str) -> None:
    assert not is_well_formed(noise)


async def test_an_id_leads_to_its_own_organisation_even_where_another_is_called_so(connection: Connection) -> None:
    one = await ensure_organisation(connection, "Morbihan", NOW)
    other = await ensure_organisation(connection, str(one), NOW)
    found = [await find_by_name_or_id(connection, text) for text in (str(one), "Morbihan", str(other), "Vannes")]
    assert [each and each.id for each in found] == [one, one, other, None]
