-- rna.csv: purposes of the associations of the pool. The register seldom has a SIRET: Sirene has its numbers, and the
-- column siren says which legal unit each is. No SIRET is passed on: a purpose is that of all establishments, and the
-- register's own number may be of one that was closed. Never read: addresses, telephone, e-mail, who manages.

CREATE TABLE associations AS
SELECT rna_file.id, NULL::VARCHAR AS siret, coalesce(numbered.siren, left(siret_of(rna_file.siret), 9)) AS siren,
    objet, objet_social1, objet_social2, position
FROM rna_file
LEFT JOIN (SELECT identifiantAssociationUniteLegale AS id, min(siren) AS siren
           FROM units SEMI JOIN suppliers USING (siren)
           WHERE identifiantAssociationUniteLegale IS NOT NULL
           GROUP BY 1) AS numbered ON numbered.id = rna_file.id
WHERE coalesce(position, 'A') IN ('', 'A')
  AND (numbered.siren IS NOT NULL OR left(siret_of(rna_file.siret), 9) IN (SELECT siren FROM suppliers))
QUALIFY row_number() OVER (PARTITION BY rna_file.id ORDER BY rna_file.siret, objet, objet_social1, objet_social2) = 1;

COPY (SELECT * FROM associations ORDER BY id) TO (getvariable('folder') || '/rna.csv') (FORMAT csv, HEADER);

INSERT INTO report SELECT 'rna', count(*), count(DISTINCT siren) FROM associations;
