"""Requests that come twice."""

import msgspec
import pytest
from sqlalchemy import text

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine
from db.idempotency import LIFETIME, Answer, Submission, claim_key, delete_expired, store_answer
from domain.errors import InvalidContent
from tests.db.suppliers.samples import NOW, ask

ANSWER = Answer(201, {"location": "/needs/1"}, b'{"id":"1"}')


async def submission_of(connection: Connection) -> Submission:
    return Submission(await ensure_organisation(connection, "CRESS", NOW), "POST /needs", "k", b"hash")


@pytest.fixture
async def answered(connection: Connection) -> Submission:
    submission = await submission_of(connection)
    assert await claim_key(connection, submission, NOW) is None
    await store_answer(connection, submission, ANSWER)
    return submission


async def test_the_second_time_gets_the_first_answer(connection: Connection, answered: Submission) -> None:
    """Another body under the same key is refused; once the answer has had its lifetime the key is free again."""
    assert await claim_key(connection, answered, NOW) == ANSWER
    other = msgspec.structs.replace(answered, body_hash=b"other")
    with pytest.raises(InvalidContent) as refused:
        await claim_key(connection, other, NOW)
    assert refused.value.problems[0].code == "idempotency_key_reused"
    assert await claim_key(connection, other, NOW + LIFETIME) is None


async def test_keys_are_apart_by_route_name_and_organisation(connection: Connection, answered: Submission) -> None:
    other = await ensure_organisation(connection, "Other", NOW)
    for difference in ({"route": "POST /meetings"}, {"key": "k2"}, {"organisation_id": other}):
        assert await claim_key(connection, msgspec.structs.replace(answered, **difference), NOW) is None


async def test_a_claim_that_failed_or_was_committed_unanswered_is_free(engine: Engine) -> None:
    submission = await ask(engine, submission_of)
    async with engine.connect() as connection:
        assert await claim_key(connection, submission, NOW) is None
        await connection.rollback()
    for _ in range(2):
        assert await ask(engine, claim_key, submission, NOW) is None


async def test_expired_answers_are_deleted(connection: Connection, answered: Submission) -> None:
    await delete_expired(connection, NOW)
    assert await claim_key(connection, answered, NOW) == ANSWER
    await delete_expired(connection, NOW + LIFETIME)
    assert (await connection.execute(text("SELECT count(*) FROM idempotency_keys"))).scalar_one() == 0
