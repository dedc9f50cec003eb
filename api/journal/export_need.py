"""The record of one need as a folder that proves itself: entries, what they bind, proofs, signatures, time-stamps.

`verify_record.py`, which is copied beside, checks it without Vivier.
"""

from collections.abc import Iterable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from api.journal.signing_key import JournalKey
from api.journal.verify_record import digest_of
from db.core.engine import Connection
from db.journal.content import StoredDocument, stored_documents
from db.journal.entries import StoredEntry, objects_about, signed_lines, stored_entries
from domain.journal import BEFORE_THE_FIRST, Entry, JournalHead, MerkleTree, SignedHeads, entry_text

SHOWN = (
    "need",
    "shortlist",
    "stamp",
    "decision",
    "award",
    "exchange",
    "message",
    "handover",
    "meeting",
    "meeting_scope",
)
"""The kinds of content that a folder holds, whole: a shortlist with the suppliers' e-mail addresses too. Persons,
addresses of recipients, keys and links are only named."""
VERIFIER = "verify_record.py"
HOW_TO = """\
Ce dossier est la trace d'un besoin, telle que le journal de l'acheteur l'a notée.

1. Prenez verify_record.py là où Vivier est publié, plutôt que celui de ce dossier.
2. Demandez à l'acheteur la clé publique de son journal, et à l'autorité d'horodatage ses certificats.
3. Installez Python et sa bibliothèque `cryptography`.
4. Lancez : python verify_record.py CE_DOSSIER --key CLÉ --authority CERTIFICATS.pem
5. Lisez ce qui est écrit : chaque défaut est nommé ; sans défaut, le contenu de documents/ est celui qui a été noté.
"""


class ExportedNeed(NamedTuple):
    """A need, to be exported with what proves it. `proofs`: by number of entries, that the journal grew from a head."""

    inventory: dict[str, Any]
    entries: list[dict[str, Any]]
    documents: list[StoredDocument]
    heads: list[dict[str, Any]]
    proofs: dict[int, list[str]]

    def statement(self, *, stamped: bool) -> str:
        """The JSON that is signed: the inventory, and whether an authority stamps it."""
        return msgspec.json.encode(self.inventory | {"stamped": stamped}).decode()


async def read_need_to_export(
    connection: Connection, organisation_id: UUID, need_id: UUID, now: datetime
) -> ExportedNeed:
    """An organisation's need with what proves it, to be exported into a folder."""
    about = await objects_about(connection, need_id)
    tree, previous, kept = MerkleTree(for_proofs=True), BEFORE_THE_FIRST, list[tuple[Entry, StoredEntry, bytes]]()
    async for page in stored_entries(connection, organisation_id):
        for stored in page:
            tree.append(stored.hash)
            if stored.entry is not None and stored.entry.object in about:
                kept.append((stored.entry, stored, previous))
            previous = stored.hash
    bound = dict(each.rpartition("=")[::2] for entry, *_ in kept for each in entry.content)
    present = {name for name, digest in bound.items() if digest}
    shown = {name for name in present if name.partition(":")[0] in SHOWN}
    documents = sorted([each async for each in stored_documents(connection, shown, whole=True)])
    numbers = [entry.number for entry, *_ in kept]
    heads = [each for line in await signed_lines(connection) if (each := _own_head(line, organisation_id, tree))]
    proofs = {each["number"]: each["proof"] for each in heads}
    heads = list(_first_to_cover(heads, numbers))
    inventory = {
        "format": 1,
        "at": now,
        "organisation_id": organisation_id,
        "need_id": need_id,
        "number": tree.size,
        "hash": previous.hex(),
        "root": tree.root().hex(),
        "entries": numbers,
        "heads": [
            [each["number"], *map(digest_of, (each["signed"].heads, each["signed"].timestamp))] for each in heads
        ],
        "documents": [_listed(each) for each in documents],
        "missing": sorted(shown - {each.name for each in documents}),
        "withheld": sorted(present - shown),
    }
    entries = [
        {
            "number": entry.number,
            "text": entry_text(organisation_id, entry).decode(),
            "before": before.hex(),
            "hash": stored.hash.hex(),
            "signature": stored.signature.hex() if stored.signature else None,
            "proof": [each.hex() for each in tree.inclusion_proof(entry.number)],
        }
        for entry, stored, before in kept
    ]
    return ExportedNeed(inventory, entries, documents, heads, proofs)


def write_exported_need(folder: Path, need: ExportedNeed, key: JournalKey, timestamp: str | None) -> None:
    """Write the folder, which is there and empty. `timestamp`: of the stamped statement, in base64. Raises OSError."""
    (folder / "documents").mkdir()
    for each in need.documents:
        named = _listed(each)
        for file, content in zip((named["file"], *named["parts"]), (each.content, *each.parts), strict=True):
            (folder / "documents" / file).write_bytes(content)
    statement = need.statement(stamped=timestamp is not None)
    whole = {
        "statement": statement,
        "public_key": key.public,
        "signature": key.sign(statement.encode()).hex(),
        "timestamp": timestamp,
        "entries": need.entries,
        "heads": need.heads,
        "proofs": need.proofs,
    }
    (folder / "record.json").write_bytes(msgspec.json.format(msgspec.json.encode(whole)))
    (folder / VERIFIER).write_bytes(files("api.journal").joinpath(VERIFIER).read_bytes())
    (folder / "LISEZMOI.txt").write_text(HOW_TO, encoding="utf-8")


def _listed(document: StoredDocument) -> dict[str, Any]:
    """A document as the signed list has it: its files in the folder, and the names of what it lists."""
    name = document.name.replace(":", "_").replace("/", "_")
    parts = [f"{name}.part{number}" for number, _ in enumerate(document.parts, 1)]
    return {"name": document.name, "file": f"{name}.json", "fields": document.fields, "parts": parts}


def _own_head(line: str, organisation_id: UUID, tree: MerkleTree) -> dict[str, Any] | None:
    """The organisation's head in a signed line, with the proof that its journal grew from it; None: it has none."""
    signed = msgspec.json.decode(line, type=SignedHeads)
    for each in signed.opened:
        head = msgspec.json.decode(each, type=JournalHead)
        if head.organisation_id == organisation_id and head.number > 0:
            # none where the end of the journal was cut off, which the verifier then tells
            proof = [node.hex() for node in tree.consistency_proof(head.number)]
            return {"number": head.number, "signed": msgspec.structs.replace(signed, opened=(each,)), "proof": proof}
    return None


def _first_to_cover(heads: list[dict[str, Any]], numbers: Iterable[int]) -> Iterable[dict[str, Any]]:
    """The heads, the earliest first, that first cover one of these entries, stamped if any is; and the last of all."""
    stamped = [each for each in heads if each["signed"].timestamp] or heads
    wanted = [next((each for each in stamped if each["number"] >= number), None) for number in numbers]
    return [each for each in heads if each in wanted or each is heads[-1]]
