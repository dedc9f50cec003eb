-- Legal units that are active, that their holder does not withhold, that are no natural persons (category 1000), and
-- that are of the ESS: by INSEE's flag, by their legal form (association, cooperative, mutual society, foundation), or
-- because a list names them.

CREATE TABLE wanted_categories AS SELECT unnest(getvariable('social_categories')) AS category;

CREATE TABLE units AS
SELECT siren, statutDiffusionUniteLegale, etatAdministratifUniteLegale, denominationUniteLegale, sigleUniteLegale,
    denominationUsuelle1UniteLegale, categorieJuridiqueUniteLegale, activitePrincipaleUniteLegale,
    nomenclatureActivitePrincipaleUniteLegale, activitePrincipaleNAF25UniteLegale, economieSocialeSolidaireUniteLegale,
    societeMissionUniteLegale, identifiantAssociationUniteLegale, dateCreationUniteLegale, trancheEffectifsUniteLegale,
    anneeEffectifsUniteLegale, categorieEntreprise
FROM units_file
WHERE etatAdministratifUniteLegale = 'A'
  AND statutDiffusionUniteLegale = 'O'
  AND categorieJuridiqueUniteLegale NOT LIKE '1%'
  AND coalesce(denominationUniteLegale, '') <> '[ND]'
  AND (economieSocialeSolidaireUniteLegale = 'O'
       OR categorieJuridiqueUniteLegale IN (SELECT category FROM wanted_categories)
       OR siren IN (SELECT siren FROM listed UNION SELECT siren FROM ess WHERE siren IS NOT NULL));

INSERT INTO report SELECT 'units', count(*), NULL FROM units;
