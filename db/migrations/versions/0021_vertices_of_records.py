"""The vertices of the service areas that each record draws, of which a source may have so many."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

# Counted before the table is locked: of a million records that takes some seconds, in which servers go on.
# Positions are the only lists of numbers in a record, besides frames that few areas have. One that is drawn in several
# offers counts each time, and a small one as it is, until the record changes. What servers of the release before write
# meanwhile counts once it is written again.
COUNT = r"""
    CREATE TEMPORARY TABLE drawn ON COMMIT DROP AS
    SELECT source, external_id, greatest(32, regexp_count(payload::text, '\[\s*-?[0-9]')) AS vertices
    FROM records WHERE payload::text LIKE '%"coordinates"%'
"""
FILL = """
    UPDATE records r SET vertices = d.vertices
    FROM drawn d WHERE r.source = d.source AND r.external_id = d.external_id
"""


def upgrade() -> None:
    op.execute(COUNT)
    op.add_column(
        "records",
        sa.Column("vertices", sa.Integer(), nullable=False, server_default=sa.text("0")),
        if_not_exists=True,
    )
    op.execute(FILL)
    op.create_index(
        "records_source_vertices_ix",
        "records",
        ["source"],
        postgresql_include=["vertices"],
        postgresql_where=sa.text("vertices > 0"),
        if_not_exists=True,
    )
