"""The tables of persons: whom organisations name, who signs in to the desk and how, what must not be said of whom.

The migrations build the same.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.supplier_tables import (
    id_and_organisation,
    index_where,
    keys,
    moments,
    optional,
    organisations,
    outbox_columns,
    required,
    salt,
    table,
)

PERSON_KEYS = ("name_key", "email_key", "employer_key")

# The keys are those of `domain.privacy`, empty where there is no such value, and all of them after an erasure. `salt`:
# enters what the journal binds of a person, so that nobody can be guessed from it once the salt is erased with them.
persons = table(
    "persons",
    *id_and_organisation(),
    sa.Column("name", sa.Text, nullable=False),
    *optional(sa.Text, "email", "phone", "employer"),
    *required(sa.Text, *PERSON_KEYS),
    *moments("created_at"),
    *moments("erased_at", nullable=True),
    salt(),
    index_where("erased_at IS NULL", "persons_known_ix", "organisation_id", *PERSON_KEYS, unique=True),
    index_where("email_key <> ''", "persons_email_key_ix", "email_key"),
    index_where("name_key <> ''", "persons_name_key_ix", "name_key"),
    sa.CheckConstraint(
        "erased_at IS NULL OR (email IS NULL AND phone IS NULL AND employer IS NULL AND name_key = ''"
        " AND email_key = '' AND employer_key = '')",
        name="erased_is_empty",
    ),
)

# What the sources' records must not say again, as keyed digests: an address wherever it comes from, a name in one
# record alone, as others may be called the same. An empty source and external id stand for all records.
suppressions = table(
    "suppressions",
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    *keys(sa.Text, "source", "external_id"),
    *moments("created_at"),
)

suppression_key = table(
    "suppression_key",
    sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("key", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("singleton", name="one_row"),
)

# `key_id` names no row where it is the administrator's key, which is a setting: so it is no foreign key. The session of
# a person has the rights that it began with, and what its provider wants back when it ends. `ground`: the verified
# address, domain or SIRET that made the person one of the organisation; NULL for one who was invited.
desk_sessions = table(
    "desk_sessions",
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("key_id", sa.Uuid),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE")),
    sa.Column("scopes", ARRAY(sa.Text, as_tuple=True), nullable=False, server_default=sa.text("'{}'")),
    *optional(sa.Text, "id_token", "ground"),
    *moments("created_at", "expires_at"),
    sa.Index(None, "expires_at"),
    sa.Index(None, "person_id", postgresql_where=sa.text("person_id IS NOT NULL")),
    sa.CheckConstraint("(key_id IS NULL) <> (person_id IS NULL)", name="of_a_key_or_a_person"),
)

# Those who signed in through an OpenID Connect provider, as it knows them; and those who were invited: the issuer is
# `invitation`, the subject their address, `scopes` the rights that were given to them, and `seen_at` is `created_at`
# until they first sign in. `language`: of the browser that signed in last, in which e-mails are written to them.
desk_accounts = table(
    "desk_accounts",
    *keys(sa.Text, "issuer", "subject"),
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("scopes", ARRAY(sa.Text, as_tuple=True)),
    *optional(sa.Text, "language"),
    *moments("created_at", "seen_at"),
    sa.Index(None, "person_id"),
)

passkeys = table(
    "passkeys",
    *keys(sa.LargeBinary, "credential_id"),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    *moments("created_at"),
    *moments("used_at", nullable=True),
)

# E-mail to people who were invited. `browser`: the digest of the token of the browser that asked for a code, which
# works there alone; NULL: the mail brings an invitation. `digest`: of the code or link of the latest attempt.
sign_in_mails = table(
    "sign_in_mails",
    *outbox_columns(),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE"), nullable=False),
    *required(sa.Text, "language"),
    *optional(sa.LargeBinary, "browser", "digest"),
    *moments("expires_at", nullable=True),
    sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("failure", sa.Text),
    sa.Column("failure_code", sa.SmallInteger),
    sa.Index(None, "person_id", "queued_at"),
    index_where("digest IS NOT NULL", "sign_in_mails_digest_ix", "digest"),
    index_where("browser IS NOT NULL", "sign_in_mails_browser_ix", "browser"),
)
