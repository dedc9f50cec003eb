"""Suppliers with a trade, counted in files that were built."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from domain.suppliers.known_trades import EvidenceTrades, KindTrades
from sources.pool.manifest import MadeFile
from sources.pool.trade_counts import FileTrades, PoolTrades, count_trades_in
from tests.sources.pool.published_samples import Cells, establishment, unit, write_cells

ON = date(2026, 11, 26)
A, B = "100000001", "200000002"
ESAT = ("finess_et", "siret", "name", "operator", "operator_legal_form", "address", "post_code", "commune_insee",
        "commune", "capacity")  # fmt: skip
PURPOSE = {"id": "W1", "siret": "", "siren": "", "objet": "", "objet_social1": "", "objet_social2": "", "position": "A"}


def sirene(siret: str, **cells: str) -> Cells:
    """A row of the file that establishments and legal units make."""
    return {**establishment(siret), **unit(siret[:9]), "activitePrincipaleEtablissement": "94.99Z", **cells}


class Pool:
    """A folder of files as a build makes them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, list[MadeFile]()
        self.seen: list[tuple[str, float | None]] = []

    def add(self, name: str, kind: str, rows: Sequence[Mapping[str, object]]) -> None:
        path = self._folder / name
        if path.suffix == ".ndjson":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            write_cells(path, list(rows[0]), [{key: str(cell) for key, cell in row.items()} for row in rows])
        self._files.append(MadeFile(name, kind, len(rows), ""))

    def count(self) -> PoolTrades:
        return count_trades_in(self._folder, self._files, ON, lambda *seen: self.seen.append(seen))


def trades_of(counted: PoolTrades, name: str) -> FileTrades:
    """What was counted in the file of this name."""
    (found,) = (each for each in counted.by_file if each.file == name)
    return found


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path)


def test_a_trade_by_its_register_code(pool: Pool) -> None:
    silent, painter = sirene(A + "00011"), sirene(B + "00011", activitePrincipaleEtablissement="43.34Z")
    pool.add("sirene.csv", "sirene", [silent, painter])
    assert pool.count() == PoolTrades(
        2,
        1,
        0.5,
        (KindTrades("none", 2, 1),),
        (EvidenceTrades("register", 1),),
        (FileTrades("sirene.csv", 1, 1, 1, 0, 0),),
    )
    assert pool.seen == sorted(pool.seen)
    assert pool.seen[-1] == ("trades", 1.0)


def test_records_of_one_siret_are_one_supplier(pool: Pool) -> None:
    """Whose kind one file says, and its trade another; what it rests on is the strongest of all."""
    pool.add("sirene.csv", "sirene", [sirene(A + "00011", activitePrincipaleEtablissement="43.34Z")])
    jobs = [{"rome": "K2204", "appellation_modifiee": "Agent de nettoyage"}]
    structure = {"id": 1, "type": "ACI", "siret": A + "00011", "raison_sociale": "x", "postes": jobs}
    pool.add("emplois.ndjson", "emplois", [structure])
    counted = pool.count()
    assert (counted.suppliers, counted.by_kind) == (1, (KindTrades("ACI", 1, 1),))
    assert counted.by_evidence == (EvidenceTrades("job", 1),)
    assert [(each.file, each.suppliers, each.alone) for each in counted.by_file] == [
        ("sirene.csv", 1, 0), ("emplois.ndjson", 1, 0),
    ]  # fmt: skip


def test_without_a_siret_each_record_is_a_supplier(pool: Pool) -> None:
    rows = [dict.fromkeys(ESAT, "") | {"finess_et": str(n), "name": "ESAT", "commune_insee": "35238"} for n in range(2)]
    pool.add("esat.csv", "esat", rows)
    counted = pool.count()
    assert (counted.suppliers, counted.by_kind) == (2, (KindTrades("ESAT", 2, 0),))


def test_a_purpose_adds_to_every_establishment_of_its_association(pool: Pool) -> None:
    """And to no other; that of an association without any waits. The order of the files does not matter."""
    nursery = {"objet": "creche", "objet_social1": "021005"}
    pool.add("rna.csv", "rna", [PURPOSE | nursery | {"siren": A}, PURPOSE | {"id": "W2", "siren": "300000003"}])
    pool.add("sirene.csv", "sirene", [sirene(A + "00011"), sirene(A + "99999"), sirene(B + "00011")])
    found = trades_of(pool.count(), "rna.csv")
    assert (found.offers, found.suppliers, found.alone, found.waiting) == (2, 2, 2, 1)


def test_a_contract_adds_to_its_winner_and_waits_for_another(pool: Pool) -> None:
    pool.add("sirene.csv", "sirene", [sirene(A + "00011")])
    contract = {"uid": "1", "acheteur_id": "21350238800019", "titulaire_typeIdentifiant": "SIRET", "montant": "1000"}
    contract |= {"objet": "Entretien des espaces verts", "codeCPV": "77310000", "dateNotification": "2025-01-31"}
    rows = [contract | {"titulaire_id": siret} for siret in (A + "00011", B + "00011")]
    pool.add("decp.csv", "decp", [*rows, rows[0] | {"titulaire_id": "none"}])
    counted = pool.count()
    assert counted.by_evidence == (EvidenceTrades("award", 1),)
    found = trades_of(counted, "decp.csv")
    assert (found.suppliers, found.alone, found.rejected, found.waiting) == (1, 1, 1, 1)


def test_of_rows_with_one_identifier_an_import_takes_the_first(pool: Pool) -> None:
    first, again = sirene(A + "00011"), sirene(A + "00011", activitePrincipaleEtablissement="43.34Z")
    pool.add("sirene.csv", "sirene", [first, again])
    counted = pool.count()
    assert (counted.with_trade, trades_of(counted, "sirene.csv").rejected) == (0, 1)
