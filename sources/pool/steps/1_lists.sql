-- Lists that name suppliers. Who stands on one belongs to the pool whatever its legal form, and needs no known staff.

CREATE TABLE ess AS
SELECT siren_of("SIREN") AS siren, "Famille juridique de l'entreprise" AS family
FROM ess_file;

CREATE TABLE geiq AS
SELECT label_id, name, siret, postal_code, city, branch_of
FROM geiq_file;

-- Of all establishments of FINESS (246: ESAT), or of ESAT alone; the telephone is the establishment's.
CREATE TABLE esat AS
SELECT finess_et, siret, coalesce(rslongue, name) AS name, operator, operator_legal_form,
    coalesce(address, concat_ws(', ', nullif(concat_ws(' ', numvoie, compvoie, typvoie, without_host(voie)), ''),
                                nullif(without_host(lieuditbp), ''))) AS address,
    coalesce(post_code, regexp_extract(ligneacheminement, '^[0-9]{5}')) AS post_code,
    coalesce(commune_insee, commune_of_finess(departement, code_commune)) AS commune_insee,
    coalesce(commune, regexp_replace(ligneacheminement, '^[0-9]{5} *', '')) AS commune, capacity, landline(telephone) AS telephone
FROM esat_file
WHERE coalesce(categetab, '246') = '246';

-- A file is a page that wraps a list, or the structures themselves. E-mail and telephone are not read.
CREATE TABLE jobs AS
SELECT unnest(coalesce(results, [struct_pack(
    id := id, type := type, siret := siret, raison_sociale := raison_sociale, enseigne := enseigne,
    site_web := site_web, description := description, addresse_ligne_1 := addresse_ligne_1,
    addresse_ligne_2 := addresse_ligne_2, code_postal := code_postal, ville := ville, departement := departement,
    postes := postes)]), max_depth := 2)
FROM jobs_file;

CREATE TABLE market AS
SELECT unnest(coalesce(results, [struct_pack(
    id := id, name := name, kind := kind, brand := brand, siret := siret, description := description,
    address := address, city := city, post_code := post_code, department := department, latitude := latitude,
    longitude := longitude, contact_website := contact_website, contact_social_website := contact_social_website,
    is_active := is_active, is_delisted := is_delisted, sectors := sectors, presta_types := presta_types,
    presta_type := presta_type, activities := activities, networks := networks, offers := offers,
    client_references := client_references, labels := labels, labels_old := labels_old)]), max_depth := 2)
FROM market_file;

INSERT INTO objects_read
SELECT 'jobs', count(*) FROM jobs UNION ALL SELECT 'market', count(*) FROM market;

CREATE TABLE listed AS
SELECT DISTINCT siret_of(siret) AS siret, left(siret_of(siret), 9) AS siren
FROM (SELECT siret FROM geiq UNION ALL SELECT siret FROM esat UNION ALL SELECT siret FROM jobs
      UNION ALL SELECT siret FROM market)
WHERE siret_of(siret) IS NOT NULL;
