"""The whole schema, as SQL in the file beside: no database of an earlier one was released."""

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = None


def upgrade() -> None:
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # the driver takes several statements at once only where nothing prepares them
    op.get_bind().connection.run_async(lambda driver: driver.execute(script))
