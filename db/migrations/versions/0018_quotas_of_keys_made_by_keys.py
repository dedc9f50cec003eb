"""A key made by one with a quota counts in that quota too. Keys made before count by themselves, as they did."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("quota_of", sa.Uuid()), if_not_exists=True)
    op.execute("ALTER TABLE api_keys DROP CONSTRAINT IF EXISTS api_keys_quota_of_fk")
    op.create_foreign_key("api_keys_quota_of_fk", "api_keys", "api_keys", ["quota_of"], ["id"])
