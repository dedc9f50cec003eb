"""Vérifie, hors ligne, le dossier d'un besoin écrit par `vivier audit export`.

    python verify_record.py DOSSIER [--key CLÉ]… [--authority CERTIFICATS.pem] [--heads RACINES.jsonl]

Sort avec 0 quand tout est comme il a été écrit, avec 1 et une ligne par défaut sinon. Ce fichier ne demande que Python
et sa bibliothèque `cryptography` ; il ne lit rien de Vivier.

CLÉ : la clé publique du journal, notée ailleurs (`vivier audit key`), et celles d'avant. CERTIFICATS : ceux de
l'autorité d'horodatage, tels qu'elle les publie. Sans eux, ceux du dossier sont crus, et c'est dit. RACINES : les
lignes que les serveurs ont envoyées ailleurs, et qu'un autre que l'auteur du dossier a gardées.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha384, sha512
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

EARLIER, LATER = timedelta(minutes=10), timedelta(days=15)
"""By how much a text may be stamped before its date, by another clock, and after it, as the authority may be away."""
_FILES = frozenset({"record.json", "documents", "verify_record.py", "LISEZMOI.txt"})
_UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
    *(InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension, x509.InvalidVersion),
)
"""Raised by what is no record, or no time-stamp: all are faults."""
_moment = datetime.fromisoformat
_HASHES: dict[str, tuple[Any, hashes.HashAlgorithm]] = {
    "608648016503040201": (sha256, hashes.SHA256()),
    "608648016503040202": (sha384, hashes.SHA384()),
    "608648016503040203": (sha512, hashes.SHA512()),
}
_MESSAGE_DIGEST, _SIGNED_DATA, _TST_INFO = "2a864886f70d010904", "2a864886f70d010702", "2a864886f70d0109100104"
"""Object identifiers (2.16.840.1.101.3.4.2.1, 1.2.840.113549.1.9.4…) as DER has them."""


def main() -> int:
    """Verify the folder that the command line names, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DOSSIER")
    parser.add_argument("--key", metavar="CLÉ", action="append", help="une clé publique du journal, notée ailleurs")
    parser.add_argument("--authority", type=Path, metavar="CERTIFICATS", help="ceux de l'autorité d'horodatage (PEM)")
    parser.add_argument("--heads", type=Path, metavar="RACINES", help="des racines signées, gardées ailleurs")
    options = parser.parse_args()
    record = Export(options.folder, options.key or (), options.authority, options.heads)
    faults = list(record.faults())
    print(*record.told, sep="\n")  # noqa: T201
    print(*(f"DÉFAUT : {each}" for each in faults) if faults else ["Tout est comme il a été écrit."], sep="\n")  # noqa: T201
    return 1 if faults else 0


@dataclass
class Export:
    """The folder of a need. `told`: what its verification has found in order, in words."""

    folder: Path
    keys: Sequence[str] = ()
    authority: Path | None = None
    kept: Path | None = None
    told: list[str] = field(default_factory=list)

    def faults(self) -> Iterator[str]:
        """Yield each way in which the folder is not as it was written."""
        try:
            yield from self._faults()
        except _UNREADABLE as error:
            yield f"le dossier ne se lit pas jusqu'au bout ({type(error).__name__} : {error})"

    def _faults(self) -> Iterator[str]:
        linked = [each for each in self.folder.rglob("*") if each.is_symlink() or not (each.is_file() or each.is_dir())]
        if linked:  # what it leads to may be another file at each look, or never end
            yield from (f"{each.relative_to(self.folder)} : lien ou fichier spécial, rien n'est lu" for each in linked)
            return
        added = {each.name for each in self.folder.iterdir()} - _FILES
        yield from (f"{each} : fichier ajouté au dossier" for each in added)
        record = _read((self.folder / "record.json").read_bytes())
        text, key = record["statement"], record["public_key"]
        statement = _read(text)
        if self.keys and key not in self.keys:
            yield f"autre clé : le dossier est signé par {key}, et non par une clé donnée"
        whence = "donnée" if self.keys else "du dossier : comparez-la à celle que l'organisation publie"
        self.keys = self.keys or (key,)
        if not _is_signed(text.encode(), record["signature"], self.keys):
            yield "l'inventaire du dossier n'est pas signé par la clé du journal : il a été changé, ou sa date"
        self.told += [f"Besoin {statement['need_id']}, dossier du {statement['at']}", f"Clé {key} ({whence})"]
        yield from self._faults_of_entries(statement, record["entries"])
        yield from self._faults_of_documents(statement, record["entries"])
        yield from self._faults_of_heads(statement, record["heads"])
        if statement.get("stamped") and record.get("timestamp") is None:
            yield "le dossier : horodatage retiré"
        yield from self._faults_of_time("le dossier", text, statement["at"], record.get("timestamp"))
        if self.kept:
            yield from self._faults_of_kept(statement, record.get("proofs", {}), self.kept.read_bytes().splitlines())

    def _faults_of_entries(self, statement: Any, entries: Any) -> Iterator[str]:
        """Yield entries dropped, added, out of order, altered, unsigned, or not under the root that was signed."""
        yield from _changes_of_list("entrée {}", statement["entries"], [each["number"] for each in entries])
        root = bytes.fromhex(statement["root"])
        for each in entries:
            number, digest, said = each["number"], bytes.fromhex(each["hash"]), _read(each["text"])
            is_its_own = said[:2] == [statement["organisation_id"].replace("-", ""), number]
            if not is_its_own or sha256(bytes.fromhex(each["before"]) + each["text"].encode()).digest() != digest:
                yield f"entrée {number} : contenu changé"
            if not _is_signed(digest, each["signature"] or "", self.keys):
                yield f"entrée {number} : pas signée par la clé du journal"
            proof = [bytes.fromhex(node) for node in each["proof"]]
            if root_by_inclusion(digest, number, statement["number"], proof) != root:
                yield f"entrée {number} : pas dans le journal dont la racine est signée"
            if said[2] > _moment(statement["at"]).timestamp() * 1_000_000:
                yield f"entrée {number} : datée d'après le dossier"
        self.told.append(f"{len(entries)} entrées, d'un journal qui en a {statement['number']}")

    def _faults_of_documents(self, statement: Any, entries: Any) -> Iterator[str]:
        """Yield documents that are gone, added or not as the last entry about them says, or of which no entry tells."""
        bound: dict[str, tuple[int, str]] = {}
        for each in entries:
            for name, _, digest in (told.rpartition("=") for told in (_read(each["text"])[9:] or [[]])[0]):
                bound[name] = each["number"], digest
        listed = {file: each["name"] for each in statement["documents"] for file in (each["file"], *each["parts"])}
        here = {each.name for each in (self.folder / "documents").iterdir()}
        yield from (f"{listed[each]} : document retiré du dossier ({each})" for each in listed.keys() - here)
        yield from (f"{each} : fichier ajouté au dossier" for each in here - listed.keys())
        for document in statement["documents"]:
            name, files = document["name"], [document["file"], *document["parts"]]
            number, digest = bound.get(name, (0, ""))
            if not here.issuperset(files):  # nothing outside of the folder is read
                continue
            content, *parts = [(self.folder / "documents" / each).read_bytes() for each in files]
            if not digest:
                yield f"{name} : document dont aucune entrée ne parle"
            elif sha256(content).hexdigest() != digest:
                yield f"{name} : contenu changé depuis l'entrée {number}"
            elif not _are_in_order([sha256(part).hexdigest() for part in parts], _texts(_read(content))):
                yield f"{name} : pièce changée depuis l'entrée {number}"
        told = {*statement["withheld"], *statement["missing"], *listed.values()}
        unexplained = sorted({each for each, (_, digest) in bound.items() if digest} - told)
        yield from (f"{each} : lié par une entrée, absent sans que le dossier le dise" for each in unexplained)
        actions = {_read(each["text"])[5] for each in entries}
        missing = [] if actions & {"need.purged", "need.deleted", "meeting.purged"} else statement["missing"]
        yield from (f"{each} : n'était plus dans la base, et aucune entrée ne dit pourquoi" for each in missing)
        kept, withheld = len(statement["documents"]), len(statement["withheld"])
        self.told.append(f"{kept} documents ; {withheld} non communiqués (droits et personnes)")

    def _faults_of_heads(self, statement: Any, heads: Any) -> Iterator[str]:
        """Yield earlier heads of the journal: dropped, added, not signed, or not continued by its present root."""
        here = list[Any]()
        for each in heads:
            here.append([each["number"], *map(digest_of, (each["signed"]["heads"], each["signed"].get("timestamp")))])
        if (listed := statement.get("heads")) is None:
            self.told.append(
                "Dossier de la version 1.0 : il ne dit pas quelles racines il avait, ni s'il était horodaté"
            )
        yield from _changes_of_list("racine des {0[0]} premières entrées", here if listed is None else listed, here)
        for each in heads:
            signed = each["signed"]
            (opened,), told = signed["opened"], _read(signed["heads"])
            named = f"racine du {told['at']}"
            yield from self._faults_of_head(named, signed, opened, each["proof"], statement)
            yield from self._faults_of_time(named, signed["heads"], told["at"], signed.get("timestamp"))
            self.told.append(f"{named} : les {_read(opened)['number']} premières entrées existaient")

    def _faults_of_head(self, named: str, signed: Any, opened: str, proof: Any, statement: Any) -> Iterator[str]:
        """Yield what is wrong with a signed head. `proof`: that the journal continues it; None: there is none."""
        head, text, keys = _read(opened), signed["heads"], {signed["public_key"]}.intersection(self.keys)
        if not _is_signed(text.encode(), signed["signature"], keys):
            yield f"{named} : pas signée par la clé du journal, ou sa date a été changée"
        if digest_of(opened) not in _read(text)["digests"]:
            yield f"{named} : ce n'est pas celle qui est signée"
        old, root, *nodes = map(bytes.fromhex, (head["root"], statement["root"], *(proof or ())))
        if not is_continued(old, head["number"], root, statement["number"], nodes):
            yield f"{named} : le journal ne la continue pas, ou le dossier ne dit pas comment"

    def _faults_of_kept(self, statement: Any, proofs: Any, lines: list[bytes]) -> Iterator[str]:
        """Yield heads of this journal that were kept elsewhere, and which it does not continue."""
        count = 0
        for signed in map(_read, lines):
            at = _read(signed["heads"])["at"]
            for opened in signed["opened"]:
                head = _read(opened)
                is_later = _moment(at) > _moment(statement["at"]) and head["number"] > statement["number"]
                if head["organisation_id"] == statement["organisation_id"] and head["number"] and not is_later:
                    proof, count = proofs.get(str(head["number"])), count + 1
                    yield from self._faults_of_head(f"racine gardée du {at}", signed, opened, proof, statement)
        self.told.append(f"{count} racines gardées ailleurs")

    def _faults_of_time(self, named: str, text: str, at: str, token: str | None) -> Iterator[str]:
        """Yield what is wrong with the time-stamp of a signed text, and that its time is another."""
        if token is None:
            self.told.append(f"{named} : sans horodatage")
            return
        trusted = x509.load_pem_x509_certificates(self.authority.read_bytes()) if self.authority else None
        try:
            stamped, authority = verify_timestamp(base64.b64decode(token), text.encode(), trusted)
        except _UNREADABLE as error:
            yield f"{named} : horodatage faux ({str(error) or 'signature fausse'})"
            return
        if not _moment(at) - EARLIER <= stamped <= _moment(at) + LATER:
            yield f"{named} : autre date, horodaté le {stamped:%Y-%m-%d %H:%M} UTC et daté du {at}"
        whence = "" if trusted else " (autorité du dossier : donnez ses certificats avec --authority)"
        self.told.append(f"{named} : horodaté le {stamped:%Y-%m-%d %H:%M:%S} UTC par {authority}{whence}")


def _is_signed(message: bytes, signature: str, keys: Iterable[str]) -> bool:
    for key in keys:
        with suppress(InvalidSignature, ValueError):
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
            return True
    return False


def _changes_of_list(named: str, listed: list[Any], here: list[Any]) -> Iterator[str]:
    """Yield what is listed and not here, then what is here and not listed, `named` as is said; else another order."""
    gone, more = [each for each in listed if each not in here], [each for each in here if each not in listed]
    yield from (f"{named.format(each)} : retirée du dossier" for each in gone)
    yield from (f"{named.format(each)} : ajoutée au dossier" for each in more)
    if listed != here and not gone and not more:
        yield f"{named.format(here)[:60]} : elles ne sont plus dans leur ordre, ou l'une y est deux fois"


def _read(text: str | bytes) -> Any:
    """The value that JSON says. Raises ValueError where a name stands twice: others may read the first of both."""
    return json.loads(text, object_pairs_hook=_members)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("un nom y est deux fois")
    return found


def digest_of(text: str | None) -> str | None:
    """The SHA-256 of a text, in hexadecimal; None for none."""
    return None if text is None else sha256(text.encode()).hexdigest()


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    for each in value if isinstance(value, list) else ():
        yield from _texts(each)


def _are_in_order(wanted: list[str], found: Iterator[str]) -> bool:
    """Whether all that is wanted is found, in that order."""
    return all(each in found for each in wanted)


# The tree of RFC 6962, section 2.1


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root_by_inclusion(entry_hash: bytes, number: int, size: int, proof: list[bytes]) -> bytes:
    """The root of a journal of `size` entries to which a proof leads from the hash of entry `number`, from 1 on."""
    at, last, node = number - 1, size - 1, sha256(b"\0" + entry_hash).digest()
    if not 0 <= at <= last:
        return b""
    for other in proof:
        if last == 0:
            return b""
        if at & 1 or at == last:
            node = _node(other, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = _node(node, other)
        at, last = at >> 1, last >> 1
    return node if last == 0 else b""


def is_continued(old_root: bytes, old_size: int, root: bytes, size: int, proof: list[bytes]) -> bool:
    """Whether a proof shows that a journal of `size` entries begins with the `old_size` entries of an earlier root."""
    if old_size == size:
        return not proof and old_root == root
    if not 0 < old_size < size or not proof:
        return False
    at, last, nodes = old_size - 1, size - 1, list(proof)
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = nodes.pop(0) if at else old_root
    for other in nodes:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = _node(other, old), _node(other, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = _node(new, other)
        at, last = at >> 1, last >> 1
    return (old, new, last) == (old_root, root, 0)


# Time-stamps of RFC 3161: a signed message (CMS, RFC 5652) in DER


class Der:
    """An element of DER: its tag, its content, and all its bytes."""

    def __init__(self, data: bytes) -> None:
        length, start = data[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start], "big")
        self.tag, self.content, self.whole = data[0], data[start : start + length], data[: start + length]
        if len(self.content) != length:
            raise ValueError("DER tronqué")

    def parts(self) -> list["Der"]:
        """The elements that this one is made of."""
        found, at = list[Der](), 0
        while at < len(self.content):
            found.append(Der(self.content[at:]))
            at += len(found[-1].whole)
        return found


def verify_timestamp(response: bytes, text: bytes, trusted: list[x509.Certificate] | None) -> tuple[datetime, str]:
    """The time at which an authority stamped a text, and the authority. Raises ValueError, InvalidSignature.

    `trusted`: its certificates, or those that issued them; None: the one in the response is believed.
    """
    kind, wrapped = Der(response).parts()[1].parts()
    signed = wrapped.parts()[0].parts()
    if kind.content.hex() != _SIGNED_DATA or signed[2].parts()[0].content.hex() != _TST_INFO:
        raise ValueError("ce n'est pas un horodatage")
    content = signed[2].parts()[1].parts()[0].content
    info = Der(content).parts()
    algorithm, stamped = info[2].parts()
    if _HASHES[algorithm.parts()[0].content.hex()][0](text).digest() != stamped.content:
        raise ValueError("c'est celui d'un autre texte")
    found = [x509.load_der_x509_certificate(each.whole) for each in signed[3].parts()] if signed[3].tag == 0xA0 else []
    signer = signed[-1].parts()[0].parts()
    issuer, serial = signer[1].parts()
    certificates = [*found, *(trusted or [])]
    known_as = issuer.whole, int.from_bytes(serial.content, "big")
    own, *_ = [each for each in certificates if (each.issuer.public_bytes(), each.serial_number) == known_as]
    digest, algorithm_of_signature = _HASHES[signer[2].parts()[0].content.hex()]
    attributes = {each.parts()[0].content.hex(): each.parts()[1].parts()[0] for each in signer[3].parts()}
    if attributes[_MESSAGE_DIGEST].content != digest(content).digest():
        raise ValueError("son contenu a été changé")
    _verify_signature(own, signer[5].content, b"\x31" + signer[3].whole[1:], algorithm_of_signature)
    at = datetime.strptime(info[4].content.decode().partition(".")[0].rstrip("Z"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    if ExtendedKeyUsageOID.TIME_STAMPING not in own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value:
        raise ValueError("son certificat n'est pas celui d'une autorité d'horodatage")
    if trusted is not None:
        _require_trust(own, found, trusted, at)
    return at, own.subject.rfc4514_string()


def _verify_signature(own: x509.Certificate, signature: bytes, message: bytes, hashed: hashes.HashAlgorithm) -> None:
    key = own.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), hashed)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(hashed))
    else:
        raise ValueError("clé d'un genre inconnu")


def _require_trust(
    own: x509.Certificate, between: list[x509.Certificate], trusted: list[x509.Certificate], at: datetime
) -> None:
    """Raises ValueError unless certificates lead from `own` to a trusted one, all valid at that time."""
    for _ in range(8):
        if not own.not_valid_before_utc <= at <= own.not_valid_after_utc:
            raise ValueError("un certificat n'était pas valable ce jour-là")
        if own in trusted:
            return
        own = next((each for each in (*trusted, *between) if each != own and _has_issued(each, own)), own)
    raise ValueError("autre autorité que celle qui est donnée")


def _has_issued(issuer: x509.Certificate, issued: x509.Certificate) -> bool:
    with suppress(*_UNREADABLE):
        issued.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False


if __name__ == "__main__":
    sys.exit(main())
