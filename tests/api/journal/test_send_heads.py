"""The heads of the journals, signed and sent on, and the key: one for all processes of a home, and never shown."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import pytest
from cryptography import x509
from sqlalchemy import select

from api.exchanges.email import EmailSender
from api.journal.send_heads import STAMP_ATTEMPTS, HeadSender, journal_kind, signed_line
from api.journal.signing_key import FILE, JournalKey, journal_key, signature_checker
from api.journal.verify_record import verify_timestamp
from api.people_settings import mail_server
from api.runtime.auth import Keys
from api.runtime.metrics import Metrics
from api.runtime.outbox_worker import Deliverer
from api.runtime.services import Services
from api.settings import Settings
from db.api_keys import ensure_organisation
from db.core.engine import Engine, transaction
from db.delivery.outbox import ClaimedRow
from db.journal.entries import entries, head, signed_lines, write_entry
from db.schema.organisation_tables import audit_heads
from domain.journal import Actor, JournalHead, JournalHeads, MerkleTree, SignedHeads
from domain.webhooks import Outcome
from matching.reference import Reference
from tests.api.journal.authority import Authority
from tests.api.mailbox import Mailbox, listening
from tests.db.suppliers.samples import NOW

KEY = JournalKey(bytes(32))
DAY = timedelta(days=1)
LINE = signed_line(JournalHeads(NOW, ()), KEY)


async def note(engine: Engine) -> None:
    async with transaction(engine) as connection:
        owner = await ensure_organisation(connection, "Morbihan", NOW)
        await write_entry(connection, Actor(owner, "server"), "need.changed", "need:1", NOW)


class Server:
    """A server that sends heads to `to`, with a clock that stands still until it is moved."""

    def __init__(self, engine: Engine, home: Path, reference: Reference, to: str | None) -> None:
        self.now = NOW
        settings = Settings(home=home, journal_key=bytes(32), journal_to=to)
        self.services = Services(
            settings=settings, reference=reference, metrics=Metrics(), keys=Keys(None, 0.0), engine=engine
        )
        self.services.now = lambda: self.now

    async def deliver(self) -> None:
        async with journal_kind(self.services) as kind:
            assert kind is not None
            deliverer = Deliverer(kind, self.services.database, lambda: self.now, jitter=lambda: 0.0)
            while await deliverer.begin():
                await asyncio.gather(*deliverer.under_way)


@pytest.fixture
def server_to(engine: Engine, tmp_path: Path, reference: Reference) -> Callable[[str | None], Server]:
    return lambda to: Server(engine, tmp_path, reference, to)


async def test_heads_are_added_to_a_file_once_a_day(
    engine: Engine, server_to: Callable[[str | None], Server], tmp_path: Path
) -> None:
    """Each line holds the last entry of each journal, signed; a journal without entries is not in it."""
    path = tmp_path / "heads.jsonl"
    await note(engine)
    async with transaction(engine) as connection:
        await ensure_organisation(connection, "Vannes", NOW)
    one, other = server_to(str(path)), server_to(str(path))
    await one.deliver()
    await other.deliver()
    one.now = NOW + DAY - timedelta(seconds=1)
    await one.deliver()
    assert len(path.read_text().splitlines()) == 1
    await note(engine)
    one.now = NOW + DAY
    await one.deliver()
    first, second = (msgspec.json.decode(line, type=SignedHeads) for line in path.read_text().splitlines())
    is_signature = signature_checker([KEY.public])
    for each in (first, second):
        assert is_signature(each.heads.encode(), bytes.fromhex(each.signature))
    told = second.read()
    async with transaction(engine) as connection:
        owner = await ensure_organisation(connection, "Morbihan", NOW)
        last = await head(connection, owner)
        root = MerkleTree(bytes.fromhex(each.hash) for each in await entries(connection, owner, None, 0, 9)).root()
    assert told.heads == (JournalHead(owner, 2, last.hash.hex(), root.hex()),)


async def test_what_cannot_be_written_is_attempted_again(
    engine: Engine, server_to: Callable[[str | None], Server], tmp_path: Path
) -> None:
    """Without a place nothing is queued."""
    async with journal_kind(server_to(None).services) as kind:
        assert kind is None
    server = server_to(str(tmp_path / "mounted" / "heads.jsonl"))
    await server.deliver()
    async with transaction(engine) as connection:
        (row,) = (await connection.execute(select(audit_heads))).all()
    assert (row.status, row.attempts, row.due_at) == ("waiting", 1, NOW + timedelta(minutes=1))
    (tmp_path / "mounted").mkdir()
    server.now = row.due_at
    await server.deliver()
    assert (tmp_path / "mounted" / "heads.jsonl").read_text() == f"{row.line}\n"


async def test_heads_are_stamped_before_they_are_sent(
    engine: Engine, server_to: Callable[[str | None], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the authority that is set; one that gives none is asked again, for half an hour, and keeps no line waiting."""
    path, authority = tmp_path / "heads.jsonl", Authority(tmp_path / "authority")
    await note(engine)
    server = server_to(str(path))
    server.services.settings = replace(server.services.settings, timestamp_url="https://stamps.example/")
    is_away = True

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if is_away else authority.answer(request)

    monkeypatch.setattr(httpx, "AsyncClient", partial(httpx.AsyncClient, transport=httpx.MockTransport(answer)))
    await server.deliver()
    assert not path.exists()
    is_away, server.now = False, NOW + timedelta(minutes=1)
    await server.deliver()
    (line,) = path.read_text().splitlines()
    signed = msgspec.json.decode(line, type=SignedHeads)
    token = base64.b64decode(signed.timestamp or "")
    trusted = x509.load_pem_x509_certificates(authority.certificates.read_bytes())
    assert verify_timestamp(token, signed.heads.encode(), trusted)[1] == "CN=Horodatage signer"
    async with transaction(engine) as connection:
        assert await signed_lines(connection) == [line]
    is_away, server.now = True, NOW + DAY
    for _ in range(STAMP_ATTEMPTS):
        await server.deliver()
        server.now += timedelta(hours=1)
    assert msgspec.json.decode(path.read_text().splitlines()[1], type=SignedHeads).timestamp is None
    told = server.services.metrics.exposition().decode()
    assert 'vivier_journal_timestamps_total{answer="given"} 1.0' in told
    assert 'vivier_journal_timestamps_total{answer="refused"} 7.0' in told


def claimed() -> ClaimedRow:
    return ClaimedRow(id=UUID(int=1), attempts=1, queued_at=NOW, lease=UUID(int=2), row={"line": LINE})


@asynccontextmanager
async def web(status: int, seen: list[bytes]) -> AsyncIterator[httpx.AsyncClient]:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return httpx.Response(status)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        yield client


async def test_heads_are_posted() -> None:
    for status, outcome in ((204, Outcome(code=204)), (500, Outcome(failure="http_status", code=500))):
        seen: list[bytes] = []
        async with web(status, seen) as client:
            assert await HeadSender("https://archive.example/heads", client, None).attempt(claimed()) == outcome
        assert seen == [LINE.encode()]


async def test_heads_are_mailed(engine: Engine) -> None:
    async with listening(Mailbox()) as mailbox, web(204, []) as client:
        office = EmailSender(
            server=mail_server(f"smtp://127.0.0.1:{mailbox.port}"),
            sender="vivier@example.org",
            base="https://vivier.example.org",
            link_days=60,
            engine=engine,
            now=lambda: NOW,
        )
        assert await HeadSender("mailto:dpo@example.org", client, office).attempt(claimed()) == Outcome()
        assert (await HeadSender("mailto:dpo@example.org", client, None).attempt(claimed())).failure == "no_mail_server"
    (mail,) = mailbox.received
    assert mail["To"] == "dpo@example.org"
    assert mail.get_content().strip() == LINE


ONE, OTHER = JournalKey(bytes(32)), JournalKey(bytes(31) + b"1")


def test_a_signature_is_known_by_the_keys_that_are_trusted() -> None:
    signature = ONE.sign(b"hash")
    assert signature_checker([OTHER.public, ONE.public])(b"hash", signature)
    assert not signature_checker([ONE.public])(b"another", signature)
    assert not signature_checker([OTHER.public])(b"hash", signature)
    assert not signature_checker([])(b"hash", signature)


def test_processes_that_start_at_once_have_one_key_which_others_cannot_read(tmp_path: Path) -> None:
    """Also where they have one number, as in containers of their own."""
    for attempt in range(30):
        settings = Settings(home=tmp_path / f"new-{attempt}")
        with ThreadPoolExecutor(8) as starting:
            keys = [each.public for each in starting.map(lambda _, its=settings: journal_key(its), range(8)) if each]
        assert len(keys) == 8
        assert len(set(keys)) == 1
        assert [each.name for each in settings.home.iterdir()] == [FILE]
        assert (settings.home / FILE).stat().st_mode & 0o777 == 0o600


def test_the_key_is_that_of_the_settings_else_of_a_file(tmp_path: Path) -> None:
    """There is none where the file can be neither made nor read; none of them is shown."""
    settings = Settings(home=tmp_path, journal_key=bytes(32))
    key = journal_key(settings)
    assert key is not None
    assert (key.public, repr(key)) == (ONE.public, f"JournalKey({ONE.public!r})")
    assert "AAAA" not in repr(settings)
    assert not (tmp_path / FILE).exists()
    (tmp_path / "file").write_text("")
    assert journal_key(Settings(home=tmp_path / "file" / "home")) is None
    (tmp_path / FILE).write_text("too short")
    assert journal_key(Settings(home=tmp_path)) is None
