-- Establishments of these legal units that are active, not withheld, in the departements asked for, and that have staff
-- (unless all are asked for, or a list names them). With whom they lodge is not read: not the complement of the address,
-- and of the street what follows "chez Mme".

CREATE TABLE establishments AS
SELECT siret, siren, statutDiffusionEtablissement, etatAdministratifEtablissement, etablissementSiege,
    dateCreationEtablissement, trancheEffectifsEtablissement, anneeEffectifsEtablissement, enseigne1Etablissement,
    enseigne2Etablissement, enseigne3Etablissement, denominationUsuelleEtablissement, numeroVoieEtablissement,
    indiceRepetitionEtablissement, typeVoieEtablissement,
    without_host(libelleVoieEtablissement) AS libelleVoieEtablissement,
    codePostalEtablissement, libelleCommuneEtablissement, codeCommuneEtablissement,
    coordonneeLambertAbscisseEtablissement, coordonneeLambertOrdonneeEtablissement, activitePrincipaleEtablissement,
    nomenclatureActivitePrincipaleEtablissement, activitePrincipaleNAF25Etablissement
FROM establishments_file
WHERE etatAdministratifEtablissement = 'A'
  AND statutDiffusionEtablissement = 'O'
  AND siren IN (SELECT siren FROM units)
  AND is_wanted_commune(codeCommuneEtablissement)
  AND (NOT getvariable('with_staff')
       OR has_staff(trancheEffectifsEtablissement)
       OR siret IN (SELECT siret FROM listed))
  AND '[ND]' NOT IN (coalesce(enseigne1Etablissement, ''), coalesce(denominationUsuelleEtablissement, ''),
                     coalesce(libelleVoieEtablissement, ''), coalesce(libelleCommuneEtablissement, ''));

-- The legal units of the pool.
CREATE TABLE suppliers AS SELECT DISTINCT siren FROM establishments;
