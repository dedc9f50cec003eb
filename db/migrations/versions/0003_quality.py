"""What each record lacks and how long it is approved, so that the quality of a source is counted, not read anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0003"
down_revision = "0002"

FILL = """
    UPDATE records SET
        doubts = ARRAY(
            SELECT f ->> 'code' COLLATE "C" FROM json_array_elements(flags) f
            UNION SELECT 'no_siret' WHERE siret IS NULL
            UNION SELECT 'no_email' WHERE btrim(coalesce(payload -> 'contact' ->> 'email', '')) = ''
            ORDER BY 1
        ),
        approved_until = (
            SELECT min(last) FROM (
                SELECT CASE WHEN bool_and(a ->> 'valid_until' IS NOT NULL) THEN max((a ->> 'valid_until')::date) END
                FROM json_array_elements(
                    CASE json_typeof(payload -> 'approvals') WHEN 'array' THEN payload -> 'approvals' ELSE '[]' END
                ) a
                GROUP BY a ->> 'kind'
            ) kinds (last)
        )
"""


def upgrade() -> None:
    op.add_column("records", sa.Column("doubts", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("records", sa.Column("approved_until", sa.Date(), nullable=True))
    op.execute(FILL)
