"""`vivier migrate`: bring the tables of the database up to date."""

import argparse
import sys

from api.commands.database import attached
from api.settings import Settings
from db import migrate


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Apply the missing migrations, if any, and print the newest."""
    with attached(settings):
        sys.stdout.write(f"The database is up to date (migration {migrate.head()}).\n")
    return 0
