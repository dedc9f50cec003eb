"""Runs Alembic on the connection, and in the transaction, that `db.migrate` hands it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
