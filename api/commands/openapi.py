"""`vivier openapi`: the OpenAPI document on standard output."""

import argparse

from api import openapi
from api.settings import Settings


def run(_: argparse.Namespace, __: Settings) -> int:
    """Print the document of the whole application."""
    openapi.main()
    return 0
