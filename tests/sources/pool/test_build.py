"""The pool built from small and from real files."""

import gzip
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import duckdb
import pytest

from domain.suppliers.source import Row
from sources.file_reader import BY_FILE_ALONE, CSV, FORMATS, NDJSON
from sources.pool.build import build
from sources.pool.csv_pipe import UnusableFile
from sources.pool.manifest import (
    MANIFEST,
    Choices,
    FileReport,
    UnusableManifest,
    published_files,
    read_manifest,
    sha256_of,
)
from sources.rows import Context
from tests.factories import reference
from tests.sources.pool.published_samples import NEVER, Cells, award, establishment, read, unit, write, write_cells

ALL = Choices(with_staff=False)
A, B, C = "100000001", "200000002", "300000003"


class Sample:
    """Files given, and what is made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.given: dict[str, Sequence[Path]] = {}

    def give(self, file: str, rows: Iterable[Cells]) -> None:
        self.given[file] = (write(self.folder / f"{file}.csv", file, rows),)

    def give_json(self, file: str, items: Sequence[object]) -> None:
        path = self.folder / f"{file}.json"
        path.write_text(json.dumps({"results": items}))
        self.given[file] = (path,)

    def build(self, choices: Choices = ALL) -> dict[str, FileReport]:
        reports, _ = build(self.given, self.out, choices, lambda *_: None)
        return {report.id: report for report in reports}

    def sirets(self, choices: Choices = ALL) -> list[str]:
        self.build(choices)
        return [row["siret"] for row in read(self.out / "sirene.csv")]


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Three associations with an establishment each."""
    made = Sample(tmp_path)
    made.give("units", map(unit, (C, A, B)))
    made.give("establishments", (establishment(siren + "00011") for siren in (B, C, A)))
    return made


def test_legal_units(sample: Sample) -> None:
    """Those of the ESS are kept, by their form or INSEE's flag; never persons, nor what is closed or withheld."""
    kept: list[dict[str, str]] = [
        {},
        {"categorieJuridiqueUniteLegale": "5710", "economieSocialeSolidaireUniteLegale": "O"},
    ]
    left_out = [
        {"etatAdministratifUniteLegale": "C"},
        {"statutDiffusionUniteLegale": "P"},
        {"denominationUniteLegale": "[ND]"},
        {"categorieJuridiqueUniteLegale": "5710"},
        {"categorieJuridiqueUniteLegale": "1000", "economieSocialeSolidaireUniteLegale": "O"},
    ]
    units = [unit(f"10000000{number}", **cells) for number, cells in enumerate([*kept, *left_out])]
    sample.give("units", units)
    sample.give("establishments", [establishment(each["siren"] + "00011") for each in units])
    assert sample.sirets() == [each["siren"] + "00011" for each in units[: len(kept)]]


def test_establishments(sample: Sample) -> None:
    """Staff is asked of them only where it is chosen; where no departement is, they are of all."""
    without_staff = [{"trancheEffectifsEtablissement": "NN"},
                     {"trancheEffectifsEtablissement": "", "codeCommuneEtablissement": "97411"}]  # fmt: skip
    left_out = [
        {"etatAdministratifEtablissement": "F"},
        {"statutDiffusionEtablissement": "P"},
        {"libelleVoieEtablissement": "[ND]"},
    ]
    every = [{"trancheEffectifsEtablissement": "01"}, *without_staff, *left_out]
    sirets = [f"{A}0001{number}" for number in range(len(every))]
    sample.give("establishments", [establishment(*pair[:1], **pair[1]) for pair in zip(sirets, every, strict=True)])
    assert sample.sirets(Choices()) == sirets[:1]
    assert sample.sirets() == sirets[:3]


def test_who_is_on_a_list_belongs_to_the_pool(sample: Sample) -> None:
    """Whatever its legal form, and without known staff; a natural person does not."""
    company = {"categorieJuridiqueUniteLegale": "5710"}
    sample.give("units", [unit(A, **company), unit(B, **company), unit(C, categorieJuridiqueUniteLegale="1000")])
    sample.give("establishments", [establishment(s + "00011", trancheEffectifsEtablissement="NN") for s in (A, B, C)])
    sample.give_json("jobs", [{"siret": A + "00011", "type": "EI"}, {"siret": C + "00011", "type": "EI"}])
    assert sample.sirets(Choices()) == [A + "00011"]


def test_a_part_of_france(sample: Sample) -> None:
    everywhere = ["35238", "2A004", "97411", "75056"]
    rows = (establishment(f"{A}0001{n}", codeCommuneEtablissement=code) for n, code in enumerate(everywhere))
    sample.give("establishments", rows)
    sample.build(Choices(departements=("2A", "974")))
    assert [row["codeCommuneEtablissement"] for row in read(sample.out / "sirene.csv")] == ["2A004", "97411"]


def test_evidence_is_of_suppliers_of_the_pool(sample: Sample) -> None:
    sample.give("units", [unit(A, identifiantAssociationUniteLegale="W351000001"), unit(B)])
    sample.give("awards", [award(A + "00099"), award(A + "00099", modification_id="1"), award("99999999900011")])
    sample.give(
        "rna",
        [
            {"id": "W351000001", "objet": "jardiner", "objet_social1": "034000"},
            {"id": "W351000002", "siret": B + "00011", "position": "D"},
            {"id": "W351000003", "siret": C + "00011"},
        ],
    )
    sample.give("ess", [{"SIREN": A}, {"SIREN": "1234567"}])
    sample.give("directory_units", [{"siren": A, "est_ess": "true"}, {"siren": B, "est_ess": "False"}])
    sample.give("directory_establishments", [{"siret": B + "00011", "liste_rge": "['x']"}, {"siret": A + "00099"}])
    reports = sample.build()
    assert [row["uid"] for row in read(sample.out / "decp.csv")] == ["21350238800019-1"]
    assert [(row["id"], row["siren"]) for row in read(sample.out / "rna.csv")] == [("W351000001", A)]
    assert [row["SIREN"] for row in read(sample.out / "ess-france.csv")] == [A]
    flags = [
        (row["siret"], row["siren"], row["est_ess"], row["liste_rge"]) for row in read(sample.out / "directory.csv")
    ]
    assert flags == [("", A, "true", ""), (B + "00011", B, "", "['x']")]
    assert [(reports["awards"].read, reports["awards"].kept, reports["awards"].suppliers)] == [(3, 1, 1)]


def test_a_purpose_joins_by_the_legal_unit(sample: Sample) -> None:
    """Sirene knows whose it is; the SIRET that the register of associations has may be closed, or another's."""
    sample.give("units", [unit(A, identifiantAssociationUniteLegale="W351000001"), unit(B)])
    sample.give("rna", [{"id": "W351000001", "siret": B + "00099"}, {"id": "W351000002", "siret": B + "00099"}])
    sample.build()
    context = Context(reference().territories, reference().taxonomy, reference().cpv)
    with (sample.out / "rna.csv").open("rb") as stream:
        rows = [row for row in FORMATS["rna"][CSV](stream, context) if isinstance(row, Row)]
    assert [(row.external_id, row.joins) for row in rows] == [("W351000001", A), ("W351000002", B)]


def test_the_list_of_what_was_made_names_the_files_of_this_build_alone(sample: Sample) -> None:
    """With their rows, digests and origins; nothing else is imported, and nothing as what it is not."""
    # one without SIRET stays
    sample.give("esat", [{"finess_et": "1"}, {"finess_et": "2", "siret": "99999999900011"}])
    sample.build()
    assert [row["finess_et"] for row in read(sample.out / "esat.csv")] == ["1"]
    del sample.given["esat"]
    sample.build(Choices(departements=("35",)))
    manifest = read_manifest(sample.out)
    assert (sample.out / "esat.csv").exists()
    assert [(file.name, file.format, file.rows) for file in manifest.files] == [("sirene.csv", "sirene", 3)]
    assert manifest.files[0].sha256 == sha256_of(sample.out / "sirene.csv")
    assert [(file.id, file.name) for file in manifest.sources] == [
        ("units", "units.csv"), ("establishments", "establishments.csv"),
    ]  # fmt: skip
    assert manifest.choices.departements == ("35",)
    path = sample.out / MANIFEST
    written = path.read_text()
    for right, wrong in (('"sirene.csv"', '"../sirene.csv"'), ('"format": "sirene"', '"format": "nonsense"')):
        path.write_text(written.replace(right, wrong))
        with pytest.raises(UnusableManifest, match="does not make"):
            read_manifest(sample.out)


def test_the_register_says_where_an_establishment_stands(sample: Sample) -> None:
    """The postal code may be that of a neighbouring departement; it tells where the register does not."""
    sample.give("establishments", [establishment(A + "00011", codeCommuneEtablissement="05024")])
    sites = [(A + "00011", "26560"), (A + "00029", "05000"), (A + "00037", "26000")]
    jobs = [{"id": n, "type": "EI", "siret": siret, "code_postal": code} for n, (siret, code) in enumerate(sites)]
    market = [{"id": n, "kind": "EI", "siret": siret, "post_code": code} for n, (siret, code) in enumerate(sites)]
    sample.give_json("jobs", jobs)
    sample.give_json("market", market)
    sample.give(
        "geiq", [{"label_id": str(n), "siret": siret, "postal_code": code} for n, (siret, code) in enumerate(sites)]
    )
    reports = sample.build(Choices(departements=("05",)))
    assert [reports[id_].kept for id_ in ("jobs", "market", "geiq")] == [2, 2, 2]


def test_a_structure_in_the_files_of_two_departements_is_one(sample: Sample) -> None:
    structure = {"id": 7, "type": "EI", "siret": A + "00011", "postes": [{"rome": "A1203"}]}
    sample.give_json("jobs", [structure, structure | {"postes": []}, structure | {"id": 8, "type": "ACI"}])
    report = sample.build()["jobs"]
    made = [json.loads(line) for line in (sample.out / "emplois.ndjson").read_text().splitlines()]
    assert (report.read, report.kept) == (3, 2)
    assert sorted((row["id"], len(row["postes"] or ())) for row in made) == [(7, 1), (8, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"detail": "Request was throttled."}', "has no object with siret"),
        ('{"results": [{"siret": "10000000100011", "kind": "EI"}]}', "has no object with type"),
        ("", "is empty"),
    ],
)
def test_a_file_of_json_that_is_another(sample: Sample, text: str, message: str) -> None:
    path = sample.folder / "jobs.json"
    path.write_text(text)
    sample.given["jobs"] = (path,)
    with pytest.raises(UnusableFile, match=message):
        sample.build()


def test_with_whom_an_association_lodges_is_not_read(sample: Sample) -> None:
    streets = [f"DU VORLEN CHEZ MME {NEVER}", f"CHEZ M {NEVER}", "DE CHEZ MERLE"]
    rows = [
        establishment(f"{A}0001{n}", complementAdresseEtablissement=NEVER, libelleVoieEtablissement=street)
        for n, street in enumerate(streets)
    ]
    write_cells(sample.folder / "hosts.csv", [*rows[0], "activitePrincipaleEtablissement"], rows)
    sample.given["establishments"] = (sample.folder / "hosts.csv",)
    sample.build()
    made = read(sample.out / "sirene.csv")
    assert [row["libelleVoieEtablissement"] for row in made] == ["DU VORLEN", "", "DE CHEZ MERLE"]
    assert NEVER not in (sample.out / "sirene.csv").read_text()


def test_a_branch_without_siret_comes_with_its_group(sample: Sample) -> None:
    sample.give(
        "geiq",
        [
            {"label_id": "1", "siret": A + "00011", "postal_code": "35000"},
            {"label_id": "1", "branch_of": "1", "postal_code": "35000"},
            {"label_id": "2", "branch_of": "1", "postal_code": "35400"},
            {"label_id": "3", "branch_of": "1", "postal_code": "44000"},
            {"label_id": "4", "postal_code": "35000"},
        ],
    )
    sample.build(Choices(departements=("35",)))
    assert [row["label_id"] for row in read(sample.out / "geiq.csv")] == ["1", "1", "2"]


def test_esat_of_the_register_as_it_is_published(sample: Sample) -> None:
    """Without a header, among all establishments; one overseas, with its departement's letter.

    The telephone is the establishment's; a mobile one is not read, nor a fax.
    """
    place = "12;R;DU PONT;B;CS 3;238;35;X;35000 RENNES"
    rows = [
        f"structureet;1;9;COURT;ESAT DU LONG NOM;;;{place};299000001;{NEVER};246;;;;{A}00011",
        "structureet;2;9;ESAT DES ABYMES;;;;;;MORNE;;;101;9A;X;97139 LES ABYMES;0690000002;;246;E.S.A.T.;;;",
        f"structureet;3;9;CH;;;;;;;;;238;35;X;35000 RENNES;;;355;C.H.;;;{B}00011",
    ]
    path = sample.folder / "etalab-cs1100502-stock.csv"
    path.write_text("finess;etalab;111;2026-05-12\n" + "".join(f"{row};;;;;;;;;\n" for row in rows))
    sample.given["esat"] = (path,)
    report = sample.build()["esat"]
    made = [(row["finess_et"], row["name"], row["address"], row["post_code"], row["commune_insee"], row["commune"],
             row["telephone"])
            for row in read(sample.out / "esat.csv")]  # fmt: skip
    assert made == [
        ("1", "ESAT DU LONG NOM", "12 B R DU PONT, CS 3", "35000", "35238", "RENNES", "0299000001"),
        ("2", "ESAT DES ABYMES", "MORNE", "97139", "97101", "LES ABYMES", ""),
    ]
    assert "0690" not in (sample.out / "esat.csv").read_text()
    assert (report.read, report.unreadable, report.kept) == (3, 0, 2)
    assert NEVER not in (sample.out / "esat.csv").read_text()


def test_jobs_come_as_pages_lists_or_lines(sample: Sample) -> None:
    """And leave as they came, but for telephones and addresses of persons."""
    jobs = {"courriel": NEVER, "postes": [{"rome": "A1203", "contact": NEVER}]}
    pages, listed, line = ({"id": number, "type": "EI", "siret": A + "00011", **jobs} for number in range(3))
    texts = (json.dumps({"count": 1, "results": [pages]}, indent=1), json.dumps([listed]), json.dumps(line) + "\n")
    paths = tuple(sample.folder / f"jobs-{number}.json" for number in range(3))
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    sample.given["jobs"] = paths
    sample.build()
    made = [json.loads(line) for line in (sample.out / "emplois.ndjson").read_text().splitlines()]
    found = sorted((row["id"], row["siret"], row["postes"][0]["rome"]) for row in made)
    assert found == [(number, A + "00011", "A1203") for number in range(3)]
    assert NEVER not in (sample.out / "emplois.ndjson").read_text()


def test_nothing_is_made_of_persons_and_of_what_is_withheld(sample: Sample) -> None:
    """Neither the rows of natural persons nor withheld ones, nor columns of persons, appear in any file."""
    person = unit(B, categorieJuridiqueUniteLegale="1000", denominationUniteLegale=NEVER)
    withheld = unit(C, statutDiffusionUniteLegale="P", denominationUniteLegale=NEVER)
    sample.give("units", [unit(A, identifiantAssociationUniteLegale="W351000001"), person, withheld])
    sample.give(
        "establishments",
        [
            establishment(A + "00011"),
            establishment(A + "00029", statutDiffusionEtablissement="P", enseigne1Etablissement=NEVER),
            *(establishment(siren + "00011", enseigne1Etablissement=NEVER) for siren in (B, C)),
        ],
    )
    sample.give("awards", [award(A + "00011"), *(award(siren + "00011", objet=NEVER) for siren in (B, C))])
    sample.give("rna", [{"id": "W351000001"}, *({"id": "W2", "siret": s + "00011", "objet": NEVER} for s in (B, C))])
    sample.give("geiq", [{"label_id": siren, "name": NEVER, "siret": siren + "00011"} for siren in (B, C)])
    sample.give("esat", [{"finess_et": siren, "name": NEVER, "siret": siren + "00011"} for siren in (B, C)])
    contacts = {"contact_email": NEVER, "contact_phone": NEVER, "contact_full_name": NEVER}
    sample.give_json("market", [{"siret": siren + "00011", "kind": "EI", **contacts} for siren in (A, B, C)])
    sample.build()
    made = {path.name: path.read_text("utf-8") for path in sample.out.iterdir()}
    assert {"sirene.csv", "decp.csv", "rna.csv", "geiq.csv", "esat.csv", "le-marche.ndjson", MANIFEST} == set(made)
    assert [name for name, text in made.items() if any(word in text for word in (NEVER, "[ND]", B, C))] == []


def test_texts_lose_addresses_and_telephones(sample: Sample) -> None:
    """However the JSON is written; other numbers stay."""
    texts = {
        "Écrire à jean.dupont@exemple.co.uk ou au 06 12 34 56 78.": "Écrire à  ou au .",
        "Été\na@exemple.fr\n0612345678\tn°0299112233": "Été\n\n\tn°",
        "+33 6 12 34 56 78, 0033612345678, +33(0)2.99.00.11.22": ", , ",
        "SIRET 30001036000026, le 2024-10-11, 35 000 heures": "SIRET 30001036000026, le 2024-10-11, 35 000 heures",
    }
    for escaped in (0, 1):
        told = [{"id": 2 * n + escaped, "siret": A + "00011", "description": text} for n, text in enumerate(texts)]
        jobs, market = sample.folder / f"jobs-{escaped}.json", sample.folder / f"market-{escaped}.json"
        jobs.write_text(json.dumps([each | {"type": "EI"} for each in told], ensure_ascii=bool(escaped)))
        shop = [each | {"kind": "EI", "offers": [{"description": each["description"]}]} for each in told]
        market.write_text(json.dumps(shop, ensure_ascii=bool(escaped)))
        for name, path in (("jobs", jobs), ("market", market)):
            sample.given[name] = (*sample.given.get(name, ()), path)
    sample.build()
    made = [json.loads(line) for line in (sample.out / "emplois.ndjson").read_text("utf-8").splitlines()]
    listed = [json.loads(line) for line in (sample.out / "le-marche.ndjson").read_text("utf-8").splitlines()]
    left = [text for text in texts.values() for _ in range(2)]
    assert [row["description"] for row in made] == left
    assert [(row["description"], row["offers"][0]["description"]) for row in listed] == [(text, text) for text in left]


def test_every_way_of_packing_gives_the_same_bytes(sample: Sample) -> None:
    sample.build()
    expected = (sample.out / "sirene.csv").read_bytes()
    (units,), (establishments,) = sample.given["units"], sample.given["establishments"]
    parquet, archive = units.with_suffix(".parquet"), establishments.with_suffix(".zip")
    duckdb.read_csv(str(units), all_varchar=True).write_parquet(str(parquet))
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(establishments, "StockEtablissement_utf8.csv")
    sample.given |= {"units": (parquet,), "establishments": (archive,)}
    reports = sample.build()
    assert (reports["units"].read, reports["establishments"].read) == (3, 3)
    assert (sample.out / "sirene.csv").read_bytes() == expected


def test_what_is_made_can_be_imported(sample: Sample) -> None:
    """By the reader of its format, without a reject."""
    sample.give("units", [unit(A, identifiantAssociationUniteLegale="W351000001")])
    sample.give("awards", [award(A + "00011", dateNotification="2024-01-31", montant="1000.0", codeCPV="77310000")])
    sample.give("rna", [{"id": "W351000001", "objet": "jardiner", "objet_social1": "034000", "position": "A"}])
    sample.give("ess", [{"SIREN": A, "Famille juridique de l'entreprise": "Associations"}])
    sample.give(
        "geiq", [{"label_id": "1", "name": "GEIQ", "siret": A + "00011", "postal_code": "35000", "city": "Rennes"}]
    )
    sample.give("esat", [{"finess_et": "1", "name": "ESAT", "siret": A + "00011", "commune_insee": "35238"}])
    sample.give("directory_units", [{"siren": A, "est_ess": "true"}])
    sample.give("directory_establishments", [{"siret": A + "00011", "liste_rge": "['x']"}])
    sample.give_json("jobs", [{"id": 1, "type": "ACI", "siret": A + "00011", "raison_sociale": "Jardins"}])
    sectors = [{"slug": "entretien-du-linge", "name": "Entretien du linge"}]
    listed = {"id": 1, "name": "Jardins", "kind": "ACI", "siret": A + "00011", "post_code": "35000", "sectors": sectors}
    sample.give_json("market", [listed])
    sample.build()
    for file in published_files():
        if file.made and file.format and file.format in FORMATS:
            context = Context(reference().territories, reference().taxonomy, reference().cpv)
            if file.format in BY_FILE_ALONE:
                # neither a day nor a mapping is there to be read
                given = {
                    name: getattr(context, name) for name in ("territories", "taxonomy", "cpv", "source", "language")
                }
                context = cast("Context", SimpleNamespace(**given))
            reader = FORMATS[file.format][NDJSON if file.made.endswith(".ndjson") else CSV]
            with (sample.out / file.made).open("rb") as stream:
                rows = list(reader(stream, context))
            assert {type(row) for row in rows} == {Row}, rows


def test_a_file_that_lacks_a_column(sample: Sample) -> None:
    (path,) = sample.given["units"]
    path.write_text(path.read_text().replace("economieSocialeSolidaireUniteLegale", "ess"))
    with pytest.raises(UnusableFile, match=r"units\.csv has no column economieSocialeSolidaireUniteLegale"):
        sample.build()
    assert list(sample.out.iterdir()) == []


def test_rows_that_cannot_be_read_are_counted(sample: Sample) -> None:
    (path,) = sample.given["establishments"]
    path.write_text(path.read_text() + "1,2,3\n")
    sample.give_json("jobs", [])  # as of a departement without any
    reports = sample.build()
    assert reports["jobs"].read == 0
    assert (reports["establishments"].read, reports["establishments"].unreadable) == (4, 1)
    assert (reports["units"].read, reports["units"].unreadable) == (3, 0)


def test_a_broken_file_leaves_what_was_made_before(sample: Sample) -> None:
    before = sample.sirets()
    broken = sample.folder / "broken.zip"
    (path,) = sample.given["establishments"]
    with zipfile.ZipFile(broken, "w") as packed:
        packed.write(path, "a.csv")
        packed.writestr("b.csv", "other,header\n1,2\n")
    sample.given["establishments"] = (broken,)
    with pytest.raises(UnusableFile, match=r"b\.csv has another header"):
        sample.build()
    assert [row["siret"] for row in read(sample.out / "sirene.csv")] == before
    assert {path.name for path in sample.out.iterdir()} == {"sirene.csv", MANIFEST}


def test_a_file_that_is_damaged_halfway(sample: Sample) -> None:
    """What came before the damage is not taken for the whole."""
    (path,) = sample.given["establishments"]
    rows = (establishment(f"{A}{number:05}", libelleVoieEtablissement=str(hash(number))) for number in range(5_000))
    write(path, "establishments", rows)
    damaged = bytearray(gzip.compress(path.read_bytes()))
    damaged[len(damaged) // 2 : len(damaged) // 2 + 64] = bytes(64)
    sample.given["establishments"] = (sample.folder / "establishments.csv.gz",)
    sample.given["establishments"][0].write_bytes(damaged)
    with pytest.raises(UnusableFile, match=r"cannot read .*establishments\.csv\.gz"):
        sample.build()
    assert list(sample.out.iterdir()) == []


def test_real_files(shared_data: Path, tmp_path: Path) -> None:
    """Establishments of the ESS with staff, by the columns of 2026 and 2021, and lists of which few are about them."""
    given = {
        "units": [shared_data / "sirene/StockUniteLegale_transcoded.csv.gz"],
        "establishments": [shared_data / "sirene/StockEtablissement_transcoded.csv.gz"],
        "ess": [shared_data / "ess-list/ess_guyane_2022.csv.gz"],
        "rna": [shared_data / "rna/rna_waldec_sample.csv"],
        "geiq": [shared_data / "geiq/geiq_label.csv"],
        "esat": [shared_data / "suppliers/esat_finess.csv"],
    }
    staffed = {report.id: report for report in build(given, tmp_path, Choices(), lambda *_: None)[0]}
    everyone = {report.id: report for report in build(given, tmp_path, ALL, lambda *_: None)[0]}
    assert {report.id: report.read for report in staffed.values()} == {
        "units": 1376, "establishments": 1765, "esat": 1504, "geiq": 440, "ess": 6868, "rna": 3,
    }  # fmt: skip
    assert (staffed["establishments"].kept, everyone["establishments"].kept) == (355, 1415)
    assert everyone["ess"].suppliers == 7
    assert not any(report.unreadable for report in everyone.values())
    given = {
        "units": [shared_data / "sirene/StockUniteLegale_transcoded.csv.gz"],
        "establishments": [shared_data / "sirene/StockEtablissement_2021_extract.csv.gz"],
    }
    reports = {report.id: report for report in build(given, tmp_path, ALL, lambda *_: None)[0]}
    assert reports["establishments"].read == 8626
    assert {row["activitePrincipaleNAF25Etablissement"] for row in read(tmp_path / "sirene.csv")} <= {""}
