-- sirene.csv: each establishment with the columns of its legal unit beside, by their own names.

COPY (SELECT establishments.*, units.* EXCLUDE (siren)
      FROM establishments JOIN units USING (siren)
      ORDER BY siret)
TO (getvariable('folder') || '/sirene.csv') (FORMAT csv, HEADER);

INSERT INTO report SELECT 'establishments', count(*), count(DISTINCT siren) FROM establishments;
