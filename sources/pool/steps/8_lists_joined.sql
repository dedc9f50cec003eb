-- The rows of the lists that are about the pool: ess-france.csv, geiq.csv, esat.csv, emplois.ndjson, le-marche.ndjson.
-- Where the register knows the establishment, it says whether that stands in a departement asked for, else the address.

CREATE MACRO is_of_the_part(number, postal_code) AS
    siret_of(number) IN (SELECT siret FROM establishments) OR is_wanted_postal_code(postal_code);

CREATE TABLE pool_ess AS
SELECT DISTINCT siren AS "SIREN", family AS "Famille juridique de l'entreprise"
FROM ess SEMI JOIN suppliers USING (siren);

COPY (SELECT * FROM pool_ess ORDER BY ALL) TO (getvariable('folder') || '/ess-france.csv') (FORMAT csv, HEADER);
INSERT INTO report SELECT 'ess', count(*), count(DISTINCT "SIREN") FROM pool_ess;

-- Most branches have no SIRET: they come with the group that they belong to. Groups and branches are numbered apart.
CREATE TABLE pool_geiq AS
SELECT branch.*, left(siret_of(coalesce(siret_of(branch.siret), parent.siret)), 9) AS siren
FROM geiq AS branch LEFT JOIN geiq AS parent ON parent.label_id = branch.branch_of AND parent.branch_of IS NULL
WHERE is_of_the_part(branch.siret, branch.postal_code)
  AND left(siret_of(coalesce(siret_of(branch.siret), parent.siret)), 9) IN (SELECT siren FROM suppliers);

COPY (SELECT * EXCLUDE (siren) FROM pool_geiq ORDER BY ALL)
TO (getvariable('folder') || '/geiq.csv') (FORMAT csv, HEADER);
INSERT INTO report SELECT 'geiq', count(*), count(DISTINCT siren) FROM pool_geiq;

-- FINESS is itself a register: what has no SIRET there stays.
CREATE TABLE pool_esat AS
SELECT * FROM esat
WHERE is_wanted_commune(commune_insee)
  AND (siret_of(siret) IS NULL OR left(siret_of(siret), 9) IN (SELECT siren FROM suppliers));

COPY (SELECT * FROM pool_esat ORDER BY ALL) TO (getvariable('folder') || '/esat.csv') (FORMAT csv, HEADER);
INSERT INTO report SELECT 'esat', count(*), count(DISTINCT left(siret_of(siret), 9)) FROM pool_esat;

-- One structure may be in the files of two departements.
CREATE TABLE pool_jobs AS
SELECT * REPLACE (without_contacts(description) AS description) FROM jobs
WHERE is_of_the_part(siret, code_postal) AND left(siret_of(siret), 9) IN (SELECT siren FROM suppliers)
QUALIFY row_number() OVER (PARTITION BY siret, type::VARCHAR, id::VARCHAR
                           ORDER BY len(postes) DESC NULLS LAST, postes::VARCHAR) = 1;

COPY (SELECT * FROM pool_jobs ORDER BY siret, type::VARCHAR, id::VARCHAR)
TO (getvariable('folder') || '/emplois.ndjson') (FORMAT json);
INSERT INTO report SELECT 'jobs', count(*), count(DISTINCT left(siret_of(siret), 9)) FROM pool_jobs;

-- Of one structure that is listed under several kinds, each is a row.
CREATE TABLE pool_market AS
SELECT * REPLACE (without_contacts(description) AS description, without_contacts(offers) AS offers) FROM market
WHERE is_of_the_part(siret, post_code) AND left(siret_of(siret), 9) IN (SELECT siren FROM suppliers)
QUALIFY row_number() OVER (PARTITION BY siret, kind::VARCHAR, id::VARCHAR ORDER BY sectors::VARCHAR) = 1;

COPY (SELECT * FROM pool_market ORDER BY siret, kind::VARCHAR, id::VARCHAR)
TO (getvariable('folder') || '/le-marche.ndjson') (FORMAT json);
INSERT INTO report SELECT 'market', count(*), count(DISTINCT left(siret_of(siret), 9)) FROM pool_market;
