"""API keys."""

from sqlalchemy import text

from db.api_keys import create_key, ensure_organisation, find_client, list_keys, revoke_key
from db.core.engine import Engine, transaction
from db.core.uuid7 import uuid7
from domain.client import Client
from tests.db.suppliers.samples import LATER, NOW


async def test_a_key_leads_to_its_client(engine: Engine) -> None:
    async with transaction(engine) as connection:
        secret, key = await create_key(
            connection, name="portal", organisation="CRESS", scopes=["sync", "read"], sources=["cress"], now=NOW
        )
        organisation_id = await ensure_organisation(connection, "CRESS", LATER)
        client = await find_client(connection, secret)

    assert client == Client(key.id, organisation_id, "CRESS", ("read", "sync"), ("cress",))
    assert secret.startswith(key.prefix)
    assert (key.name, key.organisation, key.scopes, key.revoked_at) == ("portal", "CRESS", ("read", "sync"), None)


async def test_any_other_key_leads_nowhere(engine: Engine) -> None:
    async with transaction(engine) as connection:
        secret, key = await create_key(connection, name="n", organisation="o", scopes=["match"], now=NOW)

        for wrong in ("", key.prefix, secret[:-1], secret + "0", secret.upper(), "\0", "clé"):
            assert await find_client(connection, wrong) is None


async def test_a_revoked_key_is_out_of_force_and_still_listed(engine: Engine) -> None:
    async with transaction(engine) as connection:
        secret, key = await create_key(connection, name="n", organisation="o", scopes=["match"], now=NOW)

        assert await revoke_key(connection, key.id, LATER)
        assert not await revoke_key(connection, key.id, LATER)
        assert not await revoke_key(connection, uuid7(NOW, bytes(10)), LATER)
        assert await find_client(connection, secret) is None
        assert [listed.revoked_at for listed in await list_keys(connection)] == [LATER]


async def test_the_key_itself_is_nowhere_in_the_database(engine: Engine) -> None:
    async with transaction(engine) as connection:
        secret, key = await create_key(connection, name="n", organisation="o", scopes=["match"], now=NOW)
        stored = str((await connection.execute(text("SELECT * FROM api_keys"))).one())

    assert key.prefix in stored
    assert secret.removeprefix(key.prefix) not in stored


async def test_keys_of_one_organisation_share_it(engine: Engine) -> None:
    async with transaction(engine) as connection:
        clients = [
            await find_client(
                connection,
                (await create_key(connection, name=name, organisation="CRESS", scopes=["match"], now=NOW))[0],
            )
            for name in ("one", "two")
        ]

    assert len({client.organisation_id for client in clients if client}) == 1
    assert len({client.id for client in clients if client}) == 2
