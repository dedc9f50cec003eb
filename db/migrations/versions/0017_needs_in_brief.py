"""Needs in brief, as the sums over a year read them: without places and territories, which may be megabytes.

Generated, so that whatever changes a need, an erasure or a server of the release before, changes it too.
"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    # what reads JSON is not declared immutable, since it may read dates; there are none here
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
                    SELECT json_agg(lot)
                    FROM json_to_recordset(it.lots)
                        AS lot (
                            id text, title text, segments json, cpv json, keywords json, nature text, value_eur json
                        )
                )
            )) AS brief OFFSET 0) AS made  -- else it is made twice
        $$
    """)
    op.execute("""
        ALTER TABLE needs ADD COLUMN IF NOT EXISTS brief json GENERATED ALWAYS AS (need_in_brief(content)) STORED
    """)
