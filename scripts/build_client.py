"""Make the typed clients from openapi/openapi.json and build them: `make client`.

For Python a wheel in clients/python/dist; for TypeScript, where npm is, a package in clients/typescript/dist.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
PYTHON, TYPESCRIPT = ROOT / "clients" / "python", ROOT / "clients" / "typescript"
BIN = Path(sys.executable).parent


def generate(package: Path) -> str:
    """Write the Python client's package anew from the OpenAPI document; returns the generator's output."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    with TemporaryDirectory() as folder:
        source = Path(folder) / "openapi.json"
        source.write_text(json.dumps(one_media_type_each(document)))
        command = [str(BIN / "openapi-python-client"), "generate", "--meta", "none", "--overwrite"]
        command += ["--path", str(source), "--config", str(PYTHON / "config.yaml"), "--output-path", str(package)]
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


def compile_typescript() -> None:
    """Install what the TypeScript client is made with, as locked, and compile it. Raises CalledProcessError."""
    installed, locked = TYPESCRIPT / "node_modules" / ".package-lock.json", TYPESCRIPT / "package-lock.json"
    is_installed = installed.exists() and installed.stat().st_mtime >= locked.stat().st_mtime
    for command in ([] if is_installed else [["ci", "--ignore-scripts"]]) + [["run", "build"]]:
        subprocess.run(["npm", *command], cwd=TYPESCRIPT, check=True, capture_output=True)


if __name__ == "__main__":
    print(generate(PYTHON / "vivier_client").strip())
    shutil.rmtree(PYTHON / "dist", ignore_errors=True)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=PYTHON, check=True)
    if shutil.which("npm"):
        shutil.rmtree(TYPESCRIPT / "dist", ignore_errors=True)
        compile_typescript()
        subprocess.run(["npm", "pack", "--pack-destination", "dist"], cwd=TYPESCRIPT, check=True)
    else:
        print("No npm here: no client for TypeScript.")
