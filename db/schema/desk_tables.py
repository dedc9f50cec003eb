"""The table of the desk's sessions; the migrations build the same."""

import sqlalchemy as sa

from db.schema.columns import moments
from db.schema.supplier_tables import metadata

# `key_id` names no row where it is the administrator's key, which is a setting: so it is no foreign key.
desk_sessions = sa.Table(
    "desk_sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("key_id", sa.Uuid, nullable=False),
    *moments("created_at", "expires_at"),
    sa.Index(None, "expires_at"),
)
