"""Make the typed Python client from openapi/openapi.json and build it: `make client`, clients/python/dist/*.whl."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "clients" / "python"
BIN = Path(sys.executable).parent


def generate(package: Path) -> str:
    """Write the client's package anew from the OpenAPI document; returns the generator's output."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    with TemporaryDirectory() as folder:
        source = Path(folder) / "openapi.json"
        source.write_text(json.dumps(one_media_type_each(document)))
        command = [str(BIN / "openapi-python-client"), "generate", "--meta", "none", "--overwrite"]
        command += ["--path", str(source), "--config", str(PROJECT / "config.yaml"), "--output-path", str(package)]
        done = subprocess.run(command, env={"PATH": str(BIN)}, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def one_media_type_each(document: dict[str, Any]) -> dict[str, Any]:
    """The document with only the first media type of each request body: the generator supports no more."""
    for operations in document["paths"].values():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {})
            for media in list(content)[1:]:
                del content[media]
    return document


if __name__ == "__main__":
    print(generate(PROJECT / "vivier_client").strip())
    shutil.rmtree(PROJECT / "dist", ignore_errors=True)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=PROJECT, check=True)
