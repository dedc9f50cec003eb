"""Time and memory of `vivier pool build` on files of the real size, made here, and of `vivier pool update` with them.

    python -m bench.reading.pool [SHARE]        (default: 1, the stock of Sirene of 2026: 29.9 and 43.9 million rows)

Legal units, establishments and awards are Parquet, purposes of associations a zip of CSV. Rows are made up, with valid
SIRETs, in the proportions of the real ones: 56 % natural persons; a quarter of establishments withheld, 38 % active, 15
% with staff.
Needs 6 GB of disk; all is thrown away. The memory is the most that the process held at once. An update is timed beside
an embedded PostgreSQL that runs; what it takes to start and stop it is told apart, the making of its database is not.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import duckdb
from pyproj import Transformer

from db.embedded import serve as embedded
from domain.reference import territory
from sources.pool.manifest import read_manifest

UNITS, ESTABLISHMENTS, AWARDS, ASSOCIATIONS = 29_922_486, 43_896_818, 3_261_627, 2_000_000
VIVIER = Path(sys.executable).with_name("vivier")

TERMS = """
CREATE MACRO chance(i, salt, percent) AS hash(i, salt) % 1000 < percent * 10;
CREATE MACRO pick(i, salt, words) AS words[1 + (hash(i, salt) % len(words))::INT];
CREATE MACRO pair(number) AS [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][1 + number % 10] + number // 10 % 10;
CREATE MACRO with_key(number) AS 10 * number + (70 - pair(number) - pair(number // 100) - pair(number // 10000)
    - pair(number // 1000000) - pair(number // 100000000) - pair(number // 10000000000)
    - pair(number // 1000000000000)) % 10;
CREATE MACRO siren(i) AS with_key(10000000 + i * 2);
CREATE MACRO siret(i, establishment) AS with_key(siren(i) * 10000 + establishment);
"""
COMMUNES_SQL = """
CREATE TABLE communes AS
SELECT unnest(range(len($1))) AS ordinal, unnest($1) AS code, unnest($2) AS name, unnest($3) AS postal_code,
    unnest($4)::VARCHAR AS x, unnest($5)::VARCHAR AS y
"""
UNITS_SQL = """
COPY (SELECT siren(i)::VARCHAR AS siren, CASE WHEN chance(i, 1, 25) THEN 'P' ELSE 'O' END AS statutDiffusionUniteLegale,
    CASE WHEN chance(i, 2, 45) THEN 'A' ELSE 'C' END AS etatAdministratifUniteLegale,
    CASE WHEN chance(i, 3, 56) THEN '1000'
         ELSE pick(i, 4, ['5499', '5710', '5498', '6540', '5720', '9220', '9220', '7344', '5699', '6316']) END
        AS categorieJuridiqueUniteLegale,
    CASE WHEN chance(i, 3, 56) THEN NULL
         ELSE concat_ws(' ', pick(i, 5, ['ASSOCIATION', 'SOCIETE', 'COMITE', 'ATELIER']), hash(i, 6) % 1000000) END
        AS denominationUniteLegale,
    CASE WHEN chance(i, 3, 56) THEN 'DUPONT' END AS nomUniteLegale, '[ND]' AS prenom1UniteLegale,
    pick(i, 7, ['94.99Z', '88.99B', '43.34Z', '81.21Z', '68.20B', '47.11B']) AS activitePrincipaleUniteLegale,
    'NAFRev2' AS nomenclatureActivitePrincipaleUniteLegale, '94.99Y' AS activitePrincipaleNAF25UniteLegale,
    CASE WHEN chance(i, 8, 4) THEN 'O' END AS economieSocialeSolidaireUniteLegale, NULL AS societeMissionUniteLegale,
    CASE WHEN chance(i, 9, 6) THEN 'W' || lpad((i % {associations})::VARCHAR, 9, '0') END
        AS identifiantAssociationUniteLegale,
    DATE '1950-01-01' + (hash(i, 10) % 27000)::INT AS dateCreationUniteLegale, 'NN' AS trancheEffectifsUniteLegale,
    '2024' AS anneeEffectifsUniteLegale, 'PME' AS categorieEntreprise, NULL AS sigleUniteLegale,
    NULL AS denominationUsuelle1UniteLegale
  FROM range({units}) AS made(i)) TO '{folder}/units.parquet' (COMPRESSION zstd)
"""
ESTABLISHMENTS_SQL = """
COPY (SELECT siren(i % {units})::VARCHAR AS siren, siret(i % {units}, 1 + i // {units})::VARCHAR AS siret,
    CASE WHEN chance(i, 11, 24) THEN 'P' ELSE 'O' END AS statutDiffusionEtablissement,
    CASE WHEN chance(i, 12, 38) THEN 'A' ELSE 'F' END AS etatAdministratifEtablissement,
    CASE WHEN chance(i, 13, 15) THEN pick(i, 14, ['01', '02', '03', '11', '12', '21']) ELSE 'NN' END
        AS trancheEffectifsEtablissement, '2024' AS anneeEffectifsEtablissement, i < {units} AS etablissementSiege,
    DATE '1950-01-01' + (hash(i, 15) % 27000)::INT AS dateCreationEtablissement,
    (hash(i, 16) % 200)::VARCHAR AS numeroVoieEtablissement, pick(i, 17, ['RUE', 'AV', 'PL']) AS typeVoieEtablissement,
    'DE LA ' || (hash(i, 18) % 5000) AS libelleVoieEtablissement,
    postal_code AS codePostalEtablissement, code AS codeCommuneEtablissement, name AS libelleCommuneEtablissement,
    x AS coordonneeLambertAbscisseEtablissement, y AS coordonneeLambertOrdonneeEtablissement,
    CASE WHEN chance(i, 22, 15) THEN 'ENSEIGNE ' || (hash(i, 23) % 900000) END AS enseigne1Etablissement,
    pick(i, 7, ['94.99Z', '88.99B', '43.34Z', '81.21Z', '68.20B', '47.11B']) AS activitePrincipaleEtablissement,
    'NAFRev2' AS nomenclatureActivitePrincipaleEtablissement, '94.99Y' AS activitePrincipaleNAF25Etablissement
  FROM range({establishments}) AS made(i) JOIN communes ON ordinal = hash(i, 19) % {communes})
TO '{folder}/establishments.parquet' (COMPRESSION zstd)
"""
AWARDS_SQL = """
COPY (SELECT 'u' || i // 2 AS uid, '21350238800019' AS acheteur_id,
    siret((hash(i, 24) % {units})::BIGINT, 1)::VARCHAR AS titulaire_id, 'SIRET' AS titulaire_typeIdentifiant,
    'Entretien des espaces verts, lot ' || i % 50 AS objet, '77310000' AS codeCPV, 10000.0 AS montant,
    DATE '2019-01-01' + (i % 2500)::INT AS dateNotification, '35' AS lieuExecution_code,
    'Code département' AS lieuExecution_typeCode, (i % 2)::INT AS modification_id
  FROM range({awards}) AS made(i)) TO '{folder}/awards.parquet' (COMPRESSION zstd)
"""
ASSOCIATIONS_SQL = """
COPY (SELECT 'W' || lpad(i::VARCHAR, 9, '0') AS id, NULL AS siret, 'aider les habitants du quartier, ' || hash(i, 25)
    || ' ; organiser des rencontres, des ateliers et des sorties pour tous les âges' AS objet,
    '006000' AS objet_social1,
    '000000' AS objet_social2, 'rue' AS adrs_libvoie, CASE WHEN chance(i, 26, 80) THEN 'A' ELSE 'D' END AS position
  FROM range({associations}) AS made(i)) TO '{folder}/rna.csv' (HEADER, DELIMITER ';')
"""


def make(folder: Path, share: float) -> None:
    """Write the generated files of the State to the folder; `share`: of their real size."""
    sizes = {"units": UNITS, "establishments": ESTABLISHMENTS, "awards": AWARDS, "associations": ASSOCIATIONS}
    numbers = {name: int(size * share) for name, size in sizes.items()}
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder)}) as database:
        database.execute(TERMS)
        # of the mainland alone, where the coordinates are Lambert-93
        communes = [each for each in territory.load().communes if each.postal_codes and each.code < "97"]
        lon, lat = [each.lon for each in communes], [each.lat for each in communes]
        x, y = Transformer.from_crs(4326, 2154, always_xy=True).transform(lon, lat)
        names = [[each.code for each in communes], [each.name for each in communes]]
        database.execute(COMMUNES_SQL, [*names, [each.postal_codes[0] for each in communes], x, y])
        numbers["communes"] = len(communes)
        for statement in (UNITS_SQL, ESTABLISHMENTS_SQL, AWARDS_SQL, ASSOCIATIONS_SQL):
            database.execute(statement.format(folder=folder, **numbers))
    with zipfile.ZipFile(folder / "rna.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "rna.csv", "rna.csv")


def measure(folder: Path, *options: str) -> None:
    """Run `vivier pool build` on the files, and print its time and memory."""
    given = {name: folder / f"{name}.parquet" for name in ("units", "establishments", "awards")}
    given["rna"] = folder / "rna.zip"
    files = [text for name, path in given.items() for text in (f"--{name}", str(path))]
    wall, cpu, memory = timed("build", "--out", folder / "out", *files, *options)
    print(f"{' '.join(options) or 'with staff'}: {wall:.0f} s, CPU {cpu:.0f} s, {memory:.0f} MB at most")


def measure_update(folder: Path) -> None:
    """Run `vivier pool update` with the pool built last, and print the records per second."""
    home = folder / "home"
    subprocess.run([VIVIER, "migrate"], check=True, env=os.environ | {"VIVIER_HOME": str(home)})
    before = time.perf_counter()
    with embedded.serve(home):
        started = time.perf_counter() - before
        wall, cpu, _ = timed("update", folder / "out", VIVIER_HOME=str(home))
        before = time.perf_counter()
    around = started + time.perf_counter() - before
    rows = sum(file.rows for file in read_manifest(folder / "out").files)
    print(
        f"update: {rows:,} records in {wall:.1f} s, {rows / wall:,.0f} a second, CPU {cpu:.0f} s without the server's; "
        f"starting and stopping the server {around:.1f} s, with them {rows / (wall + around):,.0f} a second"
    )


def timed(action: str, *arguments: Path | str, **environment: str) -> tuple[float, float, float]:
    """Run an action of `vivier pool`; returns its seconds, CPU seconds and the peak megabytes of a process."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([VIVIER, "pool", action, *arguments], check=True, env={**os.environ, **environment})
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024


def main() -> None:
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as made:
        folder, wall = Path(made), time.perf_counter()
        make(folder, share)
        sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:,.0f} MB" for path in sorted(folder.glob("*.*")))
        print(f"{sizes} (made in {time.perf_counter() - wall:.0f} s)")
        for options in (("--region", "53"), (), ("--all",)):
            measure(folder, *options)
        folder.chmod(0o755)  # PostgreSQL is started as another user where this one is root
        measure_update(folder)


if __name__ == "__main__":
    main()
