"""`vivier openapi`: the OpenAPI document on standard output."""

import argparse

from api.settings import Settings
from api.web import openapi


def run(_: argparse.Namespace, __: Settings) -> int:
    """Print the document of the whole application."""
    openapi.main()
    return 0
