"""Suppliers have a size: that which their employees, turnover and latest contracts say, until they are next written.

Inside their documents, of which the release before passes over what it does not know.
"""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute("""
        UPDATE suppliers SET document = (left(rtrim(document::text), -1) || ',"size":' || size || '}')::json
        FROM (
            SELECT known.id AS of_id, json_build_object(
                'staff', CASE WHEN employees IS NOT NULL THEN json_build_object(
                    'min', employees, 'max', employees, 'on', NULL,
                    'source', coalesce(provenance ->> 'employees', first)
                ) END,
                'places', NULL,
                'turnover_eur', CASE WHEN turnover_eur IS NOT NULL THEN json_build_object(
                    'value', turnover_eur, 'on', NULL, 'source', coalesce(provenance ->> 'turnover_eur', first),
                    'duration_months', NULL
                ) END,
                'largest_award_eur', largest
            )::text AS size
            FROM suppliers AS known,
            LATERAL json_to_record(known.document) AS it (
                employees integer, turnover_eur float8, provenance json, sources json, public_awards json, size json
            ),
            LATERAL (SELECT it.sources #>> '{0,source}' AS first OFFSET 0) AS source,
            LATERAL (
                SELECT (
                    SELECT json_build_object(
                        'value', value_eur, 'on', notified_on, 'source', award.source, 'duration_months', NULL
                    )
                    FROM json_to_recordset(it.public_awards)
                        AS award (value_eur float8, notified_on text, source text)
                    WHERE value_eur > 0 ORDER BY value_eur DESC LIMIT 1
                ) AS largest OFFSET 0
            ) AS won
            WHERE NOT known.deleted AND it.size IS NULL
            AND (employees IS NOT NULL OR turnover_eur IS NOT NULL OR largest IS NOT NULL)
        ) AS sizes
        WHERE suppliers.id = of_id
    """)
