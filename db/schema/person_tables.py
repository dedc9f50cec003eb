"""The tables of persons, and of what must not come back about them; the migrations build the same."""

import sqlalchemy as sa

from db.schema.columns import keys, moments, optional, required
from db.schema.supplier_tables import id_and_organisation, metadata

# The keys are those of `domain.privacy.data_subject`, empty where there is no such value, and all of them after an
# erasure.
persons = sa.Table(
    "persons",
    metadata,
    *id_and_organisation(),
    sa.Column("name", sa.Text, nullable=False),
    *optional(sa.Text, "email", "phone", "employer"),
    *required(sa.Text, "name_key", "email_key", "employer_key"),
    *moments("created_at"),
    *moments("erased_at", nullable=True),
    sa.Index(
        "persons_known_ix",
        "organisation_id",
        "name_key",
        "email_key",
        "employer_key",
        unique=True,
        postgresql_where=sa.text("erased_at IS NULL"),
    ),
    sa.Index("persons_email_key_ix", "email_key", postgresql_where=sa.text("email_key <> ''")),
    sa.Index("persons_name_key_ix", "name_key", postgresql_where=sa.text("name_key <> ''")),
    sa.CheckConstraint(
        "erased_at IS NULL OR (email IS NULL AND phone IS NULL AND employer IS NULL AND name_key = ''"
        " AND email_key = '' AND employer_key = '')",
        name="erased_is_empty",
    ),
)

# What the sources' records must not say again, as keyed digests: an address wherever it comes from, a name in one
# record alone, as others may be called the same. An empty source and external id stand for all records.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    *keys(sa.Text, "source", "external_id"),
    *moments("created_at"),
)

suppression_key = sa.Table(
    "suppression_key",
    metadata,
    sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("key", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("singleton", name="one_row"),
)
