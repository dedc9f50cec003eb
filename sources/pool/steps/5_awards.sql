-- decp.csv: public contracts won by legal units of the pool, as first notified (not their modifications). Names of
-- winners are not read, and a sole trader among them is no legal unit of the pool.

CREATE TABLE awards AS
SELECT DISTINCT uid, id, nature, acheteur_id, acheteur_nom, titulaire_id, titulaire_typeIdentifiant, objet, codeCPV,
    procedure, dureeMois, montant, dateNotification, considerationsSociales, lieuExecution_code,
    lieuExecution_typeCode, titulaire_distance, typeGroupementOperateurs, modification_id, sourceDataset,
    techniques, modalitesExecution, idAccordCadre
FROM awards_file
WHERE coalesce(modification_id, '0') IN ('', '0', '0.0')
  AND coalesce(titulaire_typeIdentifiant, 'SIRET') = 'SIRET'
  AND left(siret_of(titulaire_id), 9) IN (SELECT siren FROM suppliers);

COPY (SELECT * FROM awards ORDER BY ALL) TO (getvariable('folder') || '/decp.csv') (FORMAT csv, HEADER);

INSERT INTO report
SELECT 'awards', count(*), count(DISTINCT left(siret_of(titulaire_id), 9)) FROM awards;
