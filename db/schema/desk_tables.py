"""The tables of the desk's sessions and of the people who sign in; the migrations build the same."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.columns import keys, moments
from db.schema.person_tables import persons
from db.schema.supplier_tables import metadata, organisations

# `key_id` names no row where it is the administrator's key, which is a setting: so it is no foreign key. The session of
# a person has the rights that it began with, and what its provider wants back when it ends.
desk_sessions = sa.Table(
    "desk_sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("key_id", sa.Uuid),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE")),
    sa.Column("scopes", ARRAY(sa.Text, as_tuple=True), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("id_token", sa.Text),
    *moments("created_at", "expires_at"),
    sa.Index(None, "expires_at"),
    sa.Index(None, "person_id", postgresql_where=sa.text("person_id IS NOT NULL")),
    sa.CheckConstraint("(key_id IS NULL) <> (person_id IS NULL)", name="of_a_key_or_a_person"),
)

# Those who signed in through an OpenID Connect provider, as it knows them.
desk_accounts = sa.Table(
    "desk_accounts",
    metadata,
    *keys(sa.Text, "issuer", "subject"),
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE"), nullable=False),
    *moments("created_at", "seen_at"),
    sa.Index(None, "person_id"),
)
