-- What the steps have in common. Each file that was given is a view named <id>_file, with the columns that
-- published_files.toml names and no others; a file that was not given is a view without rows.
-- Variables: departements (none: all of France), with_staff, social_categories, folder.

CREATE TABLE report (file VARCHAR, kept BIGINT, suppliers BIGINT);
CREATE TABLE objects_read (file VARCHAR, objects BIGINT);

CREATE MACRO siret_of(cell) AS
    CASE WHEN regexp_full_match(replace(cell, ' ', ''), '[0-9]{14}') THEN replace(cell, ' ', '') END;

-- Spreadsheets take the first zeros of a SIREN away.
CREATE MACRO siren_of(cell) AS
    CASE WHEN regexp_full_match(trim(cell), '[0-9]{6,9}(\.0)?') THEN lpad(split_part(trim(cell), '.', 1), 9, '0') END;

-- Of a commune's INSEE code.
CREATE MACRO departement_of(commune) AS
    CASE WHEN left(commune, 2) IN ('97', '98') THEN left(commune, 3) ELSE left(commune, 2) END;

-- FINESS has letters for the overseas departements: 9A for 971 and so on; their communes' numbers tell which.
CREATE MACRO commune_of_finess(departement, number) AS
    regexp_replace(departement, '^9[A-Z]$', '97') || lpad(number, 3, '0');

CREATE MACRO is_wanted_commune(commune) AS
    len(getvariable('departements')) = 0 OR list_contains(getvariable('departements'), departement_of(commune));

-- A postal code tells the departement, but for a few communes at a border; Corsica has 20 for both of its own.
CREATE MACRO is_wanted_postal_code(code) AS
    len(getvariable('departements')) = 0
    OR list_contains(getvariable('departements'), departement_of(code))
    OR (left(code, 2) = '20' AND (list_contains(getvariable('departements'), '2A')
                                  OR list_contains(getvariable('departements'), '2B')));

-- The telephone of an establishment: ten digits. A mobile one (06, 07) may be a person's own.
CREATE MACRO landline(cell) AS
    CASE WHEN regexp_full_match(regexp_replace(cell, '[ ./-]', '', 'g'), '0?[1-589][0-9]{8}')
         THEN lpad(regexp_replace(cell, '[ ./-]', '', 'g'), 10, '0') END;

CREATE MACRO without_host(street) AS
    regexp_replace(street, '(^|\W)(CHEZ|C/O) +(M|MR|MME|MMES|MLLE|MELLE|MONSIEUR|MADAME|MADEMOISELLE)\b.*', '', 'i');

-- Of a text in JSON, where an escape such as \n may stand before the first letter.
CREATE MACRO without_contacts(json) AS
    regexp_replace(
        regexp_replace(json::VARCHAR, '(\\[nrt]|\\u[0-9a-fA-F]{4})?[\w.+-]+@[\w-]+(\.[\w-]+)+', '\1', 'g'),
        '(^|[^0-9]|\\u[0-9a-fA-F]{4})((\+|00)33[ .]?(\(0\))?[ .]?|0)[1-9]([ ./-]?[0-9]{2}){4}\b', '\1', 'g')::JSON;

-- NN: no staff, or unknown; 00: none at the end of the year.
CREATE MACRO has_staff(band) AS
    band IN ('01', '02', '03', '11', '12', '21', '22', '31', '32', '41', '42', '51', '52', '53');

CREATE MACRO is_set(cell) AS
    lower(trim(coalesce(cell, ''))) NOT IN ('', 'false', 'f', '0', 'non', 'no', 'n', 'none', 'null', 'nan', '[]', '{}');
