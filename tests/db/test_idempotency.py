"""Requests that come twice."""

import asyncio

import msgspec
import pytest
from sqlalchemy import text

from db.api_keys import ensure_organisation
from db.core.engine import Engine, transaction
from db.idempotency import LIFETIME, Answer, Submission, claim, delete_expired, store_answer
from domain.errors import InvalidContent
from tests.db.suppliers.samples import NOW

ANSWER = Answer(201, {"location": "/needs/1"}, b'{"id":"1"}')


@pytest.fixture
async def submission(engine: Engine) -> Submission:
    async with transaction(engine) as connection:
        return Submission(await ensure_organisation(connection, "CRESS", NOW), "POST /needs", "k", b"hash")


@pytest.fixture
async def answered(engine: Engine, submission: Submission) -> Submission:
    async with transaction(engine) as connection:
        assert await claim(connection, submission, NOW) is None
        await store_answer(connection, submission, ANSWER)
    return submission


async def test_the_second_time_gets_the_first_answer(engine: Engine, answered: Submission) -> None:
    async with transaction(engine) as connection:
        assert await claim(connection, answered, NOW) == ANSWER


async def test_another_body_under_the_same_key_is_refused(engine: Engine, answered: Submission) -> None:
    other = msgspec.structs.replace(answered, body_hash=b"other")
    with pytest.raises(InvalidContent) as refused:
        async with transaction(engine) as connection:
            await claim(connection, other, NOW)

    assert refused.value.problems[0].code == "idempotency_key_reused"


@pytest.mark.parametrize("difference", [{"route": "POST /meetings"}, {"key": "k2"}])
async def test_keys_are_apart_by_route_and_name(
    engine: Engine, answered: Submission, difference: dict[str, str]
) -> None:
    async with transaction(engine) as connection:
        assert await claim(connection, msgspec.structs.replace(answered, **difference), NOW) is None


async def test_organisations_do_not_share_keys(engine: Engine, answered: Submission) -> None:
    async with transaction(engine) as connection:
        theirs = msgspec.structs.replace(answered, organisation_id=await ensure_organisation(connection, "Other", NOW))
        assert await claim(connection, theirs, NOW) is None


async def test_a_request_that_fails_frees_its_key(engine: Engine, submission: Submission) -> None:
    async with engine.connect() as connection:
        assert await claim(connection, submission, NOW) is None
        await connection.rollback()
    async with transaction(engine) as connection:
        assert await claim(connection, submission, NOW) is None


async def test_a_claim_that_was_committed_unanswered_is_free(engine: Engine, submission: Submission) -> None:
    for _ in range(2):
        async with transaction(engine) as connection:
            assert await claim(connection, submission, NOW) is None


async def test_a_key_is_free_again_after_its_lifetime(engine: Engine, answered: Submission) -> None:
    async with transaction(engine) as connection:
        assert await claim(connection, msgspec.structs.replace(answered, body_hash=b"new"), NOW + LIFETIME) is None


async def test_expired_answers_are_deleted(engine: Engine, answered: Submission) -> None:
    async with transaction(engine) as connection:
        await delete_expired(connection, NOW)
        assert await claim(connection, answered, NOW) == ANSWER
        await delete_expired(connection, NOW + LIFETIME)
        assert (await connection.execute(text("SELECT count(*) FROM idempotency_keys"))).scalar_one() == 0


async def test_two_at_once_are_carried_out_once(engine: Engine, submission: Submission) -> None:
    """The second waits for the first to commit, and gets its answer."""
    carried_out = 0

    async def submit() -> Answer:
        nonlocal carried_out
        async with transaction(engine) as connection:
            if (stored := await claim(connection, submission, NOW)) is not None:
                return stored
            carried_out += 1
            await store_answer(connection, submission, ANSWER)
            return ANSWER

    assert await asyncio.gather(*(submit() for _ in range(4))) == [ANSWER] * 4
    assert carried_out == 1
