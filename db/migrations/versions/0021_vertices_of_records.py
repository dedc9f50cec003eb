"""The vertices of the service areas that each record draws, of which a source may have so many."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

# Positions are the only lists of numbers in a record, besides frames that few areas have. One that is drawn in several
# offers counts each time, and a small one as it is, until the record changes. What servers of the release before write
# meanwhile counts once it is written again.
FILL = r"""
    UPDATE records SET vertices = greatest(32, regexp_count(payload::text, '\[\s*-?[0-9]'))
    WHERE payload::text LIKE '%"coordinates"%'
"""


def upgrade() -> None:
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
