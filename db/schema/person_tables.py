"""The tables of persons, and of what must not come back about them; the migrations build the same."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, LargeBinary, Table, Text, text

from db.schema.columns import keys, moments, optional, required
from db.schema.supplier_tables import id_and_organisation, metadata

# The keys are those of `domain.privacy.person`, empty where there is no such value, and all of them after an erasure.
persons = Table(
    "persons",
    metadata,
    *id_and_organisation(),
    Column("name", Text, nullable=False),
    *optional(Text, "email", "phone", "employer"),
    *required(Text, "name_key", "email_key", "employer_key"),
    *moments("created_at"),
    *moments("erased_at", nullable=True),
    Index(
        "persons_known_ix",
        "organisation_id",
        "name_key",
        "email_key",
        "employer_key",
        unique=True,
        postgresql_where=text("erased_at IS NULL"),
    ),
    Index("persons_email_key_ix", "email_key", postgresql_where=text("email_key <> ''")),
    Index("persons_name_key_ix", "name_key", postgresql_where=text("name_key <> ''")),
    CheckConstraint(
        "erased_at IS NULL OR (email IS NULL AND phone IS NULL AND employer IS NULL AND name_key = ''"
        " AND email_key = '' AND employer_key = '')",
        name="erased_is_empty",
    ),
)

# What the sources' records must not say again, as keyed digests: an address wherever it comes from, a name in one
# record alone, as others may be called the same. An empty source and external id stand for all records.
suppressions = Table(
    "suppressions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    *keys(Text, "source", "external_id"),
    *moments("created_at"),
)

suppression_key = Table(
    "suppression_key",
    metadata,
    Column("singleton", Boolean, primary_key=True, server_default=text("true")),
    Column("key", LargeBinary, nullable=False),
    CheckConstraint("singleton", name="one_row"),
)
