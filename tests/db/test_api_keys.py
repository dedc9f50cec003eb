"""API keys."""

from typing import Any

from sqlalchemy import text

from db.api_keys import create_key, ensure_organisation, find_by_name_or_id, find_client, is_well_formed, secret_of
from db.core.engine import Connection
from tests.db.suppliers.samples import LATER, NOW


async def test_a_key_leads_to_its_bearer_until_it_ends_and_any_other_nowhere(connection: Connection) -> None:
    """The operator's scope is in a column of its own: servers before it refuse a key with a scope they do not know."""
    usual: dict[str, Any] = {"name": "n", "organisation": "o", "now": NOW}
    secret, key = await create_key(
        connection, **usual, scopes=["platform", "read"], expires_at=LATER, rate_per_minute=60
    )
    client = await find_client(connection, secret, NOW)
    stored = (await connection.execute(text("SELECT scopes FROM api_keys"))).scalar_one()
    assert client is not None
    assert (client.scopes, stored) == (("read", "platform"), ["read"])
    assert (client.expires_at, client.rate_per_minute) == (key.expires_at, key.rate_per_minute) == (LATER, 60)
    assert await find_client(connection, secret, LATER) is None
    for wrong in ("", key.prefix, secret[:-1], secret + "0", secret.upper(), "\0", "clé"):
        assert await find_client(connection, wrong, NOW) is None


def test_a_key_has_a_form_that_can_be_checked() -> None:
    """One wrong digit is noticed without the database; keys made before the check keep their form."""
    secret = secret_of(bytes(range(24)))
    assert secret == "viv_000102030405060708090a0b0c0d0e0f10111213141516172fe19a82"
    assert is_well_formed(secret)
    assert is_well_formed("vivier_" + "0a" * 24)
    zero = secret_of(bytes(24))
    noise = ("", "viv_", "x" * 60, "vivier_" + "0a" * 23)
    for each in (*noise, zero[:-1], zero + "0", zero.upper(), zero.replace("viv_0", "viv_1")):
        assert not is_well_formed(each), each


async def test_an_id_leads_to_its_own_organisation_even_where_another_is_called_so(connection: Connection) -> None:
    one = await ensure_organisation(connection, "Morbihan", NOW)
    other = await ensure_organisation(connection, str(one), NOW)
    found = [await find_by_name_or_id(connection, text) for text in (str(one), "Morbihan", str(other), "Vannes")]
    assert [each and each.id for each in found] == [one, one, other, None]
