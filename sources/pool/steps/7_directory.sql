-- directory.csv: flags of legal units (a SIREN and no SIRET) and lists of establishments, where one is set.

CREATE TABLE flags AS
SELECT NULL::VARCHAR AS siret, siren_of(siren) AS siren, est_ess, est_qualiopi, est_organisme_formation,
    est_entrepreneur_spectacle, est_societe_mission, NULL::VARCHAR AS liste_rge,
    NULL::VARCHAR AS liste_id_bio
FROM directory_units_file
WHERE siren_of(siren) IN (SELECT siren FROM suppliers)
  AND (is_set(est_ess) OR is_set(est_qualiopi) OR is_set(est_organisme_formation)
       OR is_set(est_entrepreneur_spectacle) OR is_set(est_societe_mission));

INSERT INTO flags BY NAME
SELECT siret_of(siret) AS siret, left(siret_of(siret), 9) AS siren, liste_rge, liste_id_bio
FROM directory_establishments_file
WHERE siret_of(siret) IN (SELECT siret FROM establishments)
  AND (is_set(liste_rge) OR is_set(liste_id_bio));

COPY (SELECT * FROM flags ORDER BY siren, siret NULLS FIRST)
TO (getvariable('folder') || '/directory.csv') (FORMAT csv, HEADER);

INSERT INTO report SELECT 'directory_units', count(*), count(DISTINCT siren) FROM flags WHERE siret IS NULL;
INSERT INTO report
SELECT 'directory_establishments', count(*), count(DISTINCT siren) FROM flags WHERE siret IS NOT NULL;
