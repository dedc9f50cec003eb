"""Generators and linters of other people read the document without a refusal or a lost type.

Each is found on PATH: `openapi-typescript` and `tsc`, `openapi-generator-cli`, `spectral`, `redocly` (npm; the second
also pip). The Python one is in tests/scripts.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[3] / "openapi" / "openapi.json"
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program in an empty folder and gives what it says; skips where the program is not there."""

    def call(*command: str) -> str:
        if (program := shutil.which(command[0])) is None:
            pytest.skip(f"{command[0]} is not installed")
        done = subprocess.run([program, *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_openapi_typescript(run: Run, tmp_path: Path) -> None:
    """Its types hold under `tsc --strict`: a need is one, a lot without an id is none."""
    run("openapi-typescript", str(DOCUMENT), "-o", "vivier.d.ts")
    need = 'import type {{ components }} from "./vivier";\nexport const lot: components["schemas"]["Lot"] = {};\n'
    (tmp_path / "good.ts").write_text(need.format('{ id: "1", nature: "works" }'))
    run("tsc", "--strict", "--noEmit", "good.ts", "vivier.d.ts")
    (tmp_path / "bad.ts").write_text(need.format('{ nature: "works" }'))
    with pytest.raises(AssertionError, match="'id' is missing"):
        run("tsc", "--strict", "--noEmit", "bad.ts", "vivier.d.ts")


def test_openapi_generator(run: Run, tmp_path: Path) -> None:
    """Its client of TypeScript compiles: no type is referred to that is not made."""
    assert "No validation issues" in run("openapi-generator-cli", "validate", "-i", str(DOCUMENT))
    run("openapi-generator-cli", "generate", "-i", str(DOCUMENT), "-g", "typescript-fetch", "-o", "client")
    options = ("--strict", "--noEmit", "--target", "es2020", "--moduleResolution", "node")
    run("tsc", *options, str(tmp_path / "client" / "index.ts"))


def test_linters_have_nothing_to_say(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    assert "No results" in run("spectral", "lint", str(DOCUMENT), "--fail-severity", "hint")
    assert "You have" not in run("redocly", "lint", str(DOCUMENT))
