"""The record of a need as a folder: it passes as it was written, and each way to tamper with it is named."""

import ast
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from api.journal.export_need import VERIFIER, read_need_to_export, write_exported_need
from api.journal.send_heads import request_timestamp, signed_line
from api.journal.signing_key import JournalKey
from api.journal.verify_record import Export
from db.core.engine import Engine
from db.journal.entries import queue_heads, replace_line, write_entry
from domain.journal import Actor, JournalHead, JournalHeads, SignedHeads
from tests.api.journal.authority import Authority
from tests.db.journal.samples import altered, told
from tests.db.suppliers.samples import ask, execute

KEY, OTHER = JournalKey(bytes(32)), JournalKey(bytes(31) + b"1")
Tampering = Callable[["Folder", Any], object]


@dataclass(frozen=True)
class Folder:
    """A folder that was written, and authorities: the one that stamped it, and another."""

    path: Path
    authority: Authority
    other_authority: Authority

    def faults(self, kept: Path | None = None) -> list[str]:
        """The faults that the verifier finds, with the key, the certificates and the heads known from elsewhere."""
        return list(Export(self.path, [KEY.public], self.authority.certificates, kept).faults())

    def tamper(self, tampering: Tampering) -> None:
        record = json.loads((self.path / "record.json").read_bytes())
        tampering(self, record)
        (self.path / "record.json").write_text(json.dumps(record))


async def stamped(authority: Authority, text: str) -> str:
    async with authority.client() as client:
        return await request_timestamp(client, "https://stamps.example/", text.encode())


@pytest.fixture
async def folder(engine: Engine, tmp_path: Path) -> Folder:
    """Of a need with one of everything, stamped, after heads that were stamped before its last entry."""
    signing, now = engine.execution_options(signer=KEY.sign), datetime.now(UTC)
    authority = Authority(tmp_path / "authority")
    started = await told(signing, email="anne@x.example")
    owner, need = started.organisation_id, f"need:{started.need_id}"
    other = Actor(owner, "server")
    await ask(signing, write_entry, other, "key.signed_in", f"key:{UUID(int=3)}", now)

    def write_line(heads: list[JournalHead]) -> str:
        return signed_line(JournalHeads(now, tuple(heads)), KEY)

    assert await ask(signing, queue_heads, write_line, timedelta(days=1), now)
    ((line_id, line),) = await execute(engine, "SELECT id, line FROM audit_heads")
    signed = msgspec.json.decode(line, type=SignedHeads)
    signed = msgspec.structs.replace(signed, timestamp=await stamped(authority, signed.heads))
    await ask(engine, replace_line, line_id, msgspec.json.encode(signed).decode())
    await ask(signing, write_entry, other, "need.changed", need, now, version=1, about=(need,))
    record = await ask(engine, read_need_to_export, owner, started.need_id, datetime.now(UTC))
    path = tmp_path / "record"
    path.mkdir()
    write_exported_need(path, record, KEY, await stamped(authority, record.statement(stamped=True)))
    return Folder(path, authority, Authority(tmp_path / "other", "Autre"))


def test_the_verifier_needs_nothing_of_ours(folder: Folder) -> None:
    """As written, the folder passes; by a file that imports the standard library and cryptography alone."""
    known = ("--key", OTHER.public, "--key", KEY.public, "--authority", str(folder.authority.certificates))
    command = (sys.executable, "-I", folder.path / VERIFIER, folder.path, *known)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "7 entrées, d'un journal qui en a 9" in done.stdout
    assert "Tout est comme il a été écrit." in done.stdout
    assert done.stdout.count("horodaté le") == 2
    tree = ast.parse((folder.path / VERIFIER).read_text())
    named = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    named |= {one.name for each in ast.walk(tree) if isinstance(each, ast.Import) for one in each.names}
    assert {str(each).partition(".")[0] for each in named} - sys.stdlib_module_names == {"cryptography"}
    written = "".join(each.read_text() for each in folder.path.rglob("*.json"))
    assert "anne@x.example" not in written
    assert "Paul Martin" not in written


def alter_document(folder: Folder, _: Any) -> None:
    (path,) = (folder.path / "documents").glob("message_*.json")
    path.write_bytes(path.read_bytes().replace(b"trois fois", b"deux fois"))


def alter_part(folder: Folder, _: Any) -> None:
    (path,) = (folder.path / "documents").glob("need_*.part1")
    path.write_bytes(path.read_bytes().replace(b"Vannes", b"Brest"))


def show_another(folder: Folder, record: Any) -> None:
    """The document that was written is moved aside; who opens the folder reads another in its place."""
    (path,) = (folder.path / "documents").glob("message_*.json")
    (folder.path / "aside.json").write_bytes(path.read_bytes())
    alter_document(folder, record)
    list_otherwise(record, lambda each: each | {"file": each["file"].replace(path.name, "../aside.json")})


def show_another_with_the_key(folder: Folder, record: Any) -> None:
    """No file outside of the folder is read."""
    show_another(folder, record)
    sign_again(folder, record, KEY)


def list_otherwise(record: Any, change: Callable[[Any], Any]) -> None:
    statement = json.loads(record["statement"])
    changed = [change(each) for each in statement["documents"]]
    record["statement"] = json.dumps(statement | {"documents": changed})


def drop(pattern: str) -> Tampering:
    return lambda folder, _: next((folder.path / "documents").glob(pattern)).unlink()


def exchange_parts(folder: Folder, _: Any) -> None:
    """The answer in place of the need that it answers."""
    first, second = sorted((folder.path / "documents").glob("shortlist_*.part*"))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def rewrite_entry(_: Folder, record: Any) -> None:
    """As somebody may who has the key."""
    entry = record["entries"][2]
    entry["text"] = entry["text"].replace("shortlist.frozen", "shortlist.froze")
    digest = sha256(bytes.fromhex(entry["before"]) + entry["text"].encode()).digest()
    entry |= {"hash": digest.hex(), "signature": KEY.sign(digest).hex()}


def redate(record: Any) -> None:
    statement = json.loads(record["statement"])
    record["statement"] = json.dumps(statement | {"at": "2026-01-01T00:00:00Z"})


def sign_again(_: Folder, record: Any, key: JournalKey) -> None:
    record |= {"public_key": key.public, "signature": key.sign(record["statement"].encode()).hex()}


def redate_with_the_key(folder: Folder, record: Any) -> None:
    redate(record)
    sign_again(folder, record, KEY)
    record["timestamp"] = record["heads"][0]["signed"]["timestamp"]


def backdate(folder: Folder, record: Any) -> None:
    """As somebody may who has the key, and asks the authority."""
    redate(record)
    sign_again(folder, record, KEY)
    record["timestamp"] = asyncio.run(stamped(folder.authority, record["statement"]))


def add_head(_: Folder, record: Any) -> None:
    first = record["heads"][0]
    record["heads"].append(first | {"signed": first["signed"] | {"heads": first["signed"]["heads"] + " "}})


def link_aside(folder: Folder, _: Any) -> None:
    """The content is the same as long as the link leads there."""
    (path,) = (folder.path / "documents").glob("message_*.json")
    path.rename(folder.path.parent / f"{folder.path.name}-aside.json")
    path.symlink_to(folder.path.parent / f"{folder.path.name}-aside.json")


def link_all(folder: Folder, _: Any) -> None:
    (folder.path / "documents").rename(folder.path.parent / f"{folder.path.name}-all")
    (folder.path / "documents").symlink_to(folder.path.parent / f"{folder.path.name}-all")


def stamp_by_another(folder: Folder, record: Any) -> None:
    record["timestamp"] = asyncio.run(stamped(folder.other_authority, record["statement"]))


TAMPERED: tuple[tuple[str, Tampering], ...] = (
    ("message:", alter_document),
    ("pièce changée", alter_part),
    ("retiré du dossier", show_another_with_the_key),
    ("pièce changée", exchange_parts),
    ("retiré du dossier", drop("need_*.part1")),
    ("retiré du dossier", drop("award_*.json")),
    ("ajouté au dossier", lambda folder, _: (folder.path / "documents" / "award_2.json").write_text("[]")),
    ("retirée du dossier", lambda _, record: record["entries"].pop(3)),
    ("ne sont plus dans leur ordre", lambda _, record: record["entries"].reverse()),
    ("pas dans le journal dont la racine est signée", rewrite_entry),
    ("autre clé", lambda folder, record: sign_again(folder, record, OTHER)),
    ("horodatage faux (c'est celui d'un autre texte)", redate_with_the_key),
    ("autre date, horodaté le", backdate),
    ("autre autorité", stamp_by_another),
    ("racine des 8 premières entrées : retirée du dossier", lambda _, record: record["heads"].clear()),
    ("racine des 8 premières entrées : ajoutée au dossier", add_head),
    ("lien ou fichier spécial", link_aside),
    ("lien ou fichier spécial", link_all),
    ("lien ou fichier spécial", lambda folder, _: os.mkfifo(folder.path / "documents" / "pipe.json")),
    ("l'une y est deux fois", lambda _, record: record["entries"].append(record["entries"][-1])),
    ("le dossier : horodatage retiré", lambda _, record: record.update(timestamp=None)),
    ("racine des 8 premières entrées : retirée", lambda _, record: record["heads"][0]["signed"].update(timestamp=None)),
    ("ValueError", lambda _, record: record["heads"][0]["signed"]["opened"].append("{}")),
    ("AVIS.txt : fichier ajouté", lambda folder, _: (folder.path / "AVIS.txt").write_text("Tout est faux.")),
    ("FileNotFoundError", lambda folder, _: shutil.rmtree(folder.path / "documents")),
)


def test_no_part_of_the_file_can_be_another(folder: Folder) -> None:
    """Each name, text and number in it, changed alone, is a fault; proofs are looked at with heads kept elsewhere."""
    file = folder.path / "record.json"
    text = file.read_text()
    for found in re.finditer(r'"(\\.|[^"\\])*"|\d+', text[: text.index('"proofs"')]):
        at = max(found.start(), min(found.start() + 9, found.end() - 2))
        file.write_text(text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])
        assert folder.faults(), found[0]
    for broken in (text[:-200], "[" * 100_000, text.replace("{", '{"entries": [],', 1)):
        file.write_text(broken)
        assert "ne se lit pas jusqu'au bout" in folder.faults()[-1]


def test_tampering_is_named(folder: Folder, tmp_path: Path) -> None:
    assert folder.faults() == []
    for number, (said, tampering) in enumerate(TAMPERED):
        copy = replace(folder, path=shutil.copytree(folder.path, tmp_path / f"{number}"))
        copy.tamper(tampering)
        found = copy.faults()
        assert [each for each in found if said in each], (said, found)


def test_a_folder_of_the_first_release_passes(folder: Folder) -> None:
    def write_as_then(_: Folder, record: Any) -> None:
        statement = json.loads(record["statement"])
        del statement["heads"], statement["stamped"], record["proofs"], record["timestamp"]
        record["statement"] = json.dumps(statement)
        sign_again(folder, record, KEY)

    folder.tamper(write_as_then)
    assert folder.faults() == []


async def test_a_journal_whose_end_was_cut_off_before_the_export_is_told(folder: Folder, engine: Engine) -> None:
    """By the last head, though it covers no entry that is left; by one that somebody keeps, where none else is left."""
    ((line,),) = await execute(engine, "SELECT line FROM audit_heads")
    kept = folder.path.with_name("kept.jsonl")
    kept.write_text(f"{line}\n")
    assert folder.faults(kept) == []
    await altered(engine, "DELETE FROM audit_entries WHERE number > 5")
    ((owner, need),) = await execute(engine, "SELECT organisation_id, id FROM needs")
    told = list[bool]()
    for _ in range(2):
        record = await ask(engine, read_need_to_export, owner, need, datetime.now(UTC))
        again = replace(folder, path=folder.path.with_name(f"again{len(told)}"))
        again.path.mkdir()
        write_exported_need(again.path, record, KEY, None)
        told += ["ne la continue pas" in "".join(again.faults(heads)) for heads in (None, kept)]
        await execute(engine, "DELETE FROM audit_heads")
    assert told == [True, True, False, True]
