"""`vivier openapi`: write the OpenAPI document to standard output."""

import argparse
import sys

from api.app import ROUTES
from api.settings import Settings
from api.web.openapi import encode


def run(_: argparse.Namespace, __: Settings) -> int:
    """Print the document of the whole application."""
    sys.stdout.buffer.write(encode(handler.opt["route"] for handler in ROUTES))
    return 0
