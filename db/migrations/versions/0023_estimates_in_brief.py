"""Needs in brief have what the estimated value of a lot counts: its duration, renewals and options.

What is as it is by default is left out: the release before reads the others as it did.
"""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("""
        CREATE OR REPLACE FUNCTION need_in_brief(content json) RETURNS json
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$
            SELECT CASE WHEN octet_length(brief::text) <= 131072 THEN brief END
            FROM json_to_record(content)
                AS it (reference text, title text, contract text, estimated_total_eur json, lots json),
            LATERAL (SELECT json_strip_nulls(json_build_object(
                'reference', it.reference,
                'title', it.title,
                'contract', it.contract,
                'estimated_total_eur', it.estimated_total_eur,
                'lots', (
                    SELECT json_agg(json_build_object(
                        'id', id, 'title', title, 'segments', segments, 'cpv', cpv, 'keywords', keywords,
                        'nature', nature, 'value_eur', value_eur, 'duration_months', duration_months,
                        'renewal_months', renewal_months, 'value_covers', nullif(value_covers, 'firm'),
                        'options_eur', options_eur
                    ))
                    FROM json_to_recordset(it.lots)
                        AS lot (
                            id text, title text, segments json, cpv json, keywords json, nature text, value_eur json,
                            duration_months json, renewal_months json, value_covers text, options_eur json
                        )
                )
            )) AS brief OFFSET 0) AS made  -- else it is made twice
        $$
    """)
    op.execute("UPDATE needs SET content = content WHERE need_in_brief(content)::text IS DISTINCT FROM brief::text")
