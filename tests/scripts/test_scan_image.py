"""The image is built and scanned where there is what it takes; else it is said what is missing."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "scan_image.sh"


def scan(programs: Path, *image: str) -> subprocess.CompletedProcess[str]:
    """The script with these programs alone, each of which says its name and arguments."""
    command = ["/bin/sh", str(SCRIPT), *image]
    return subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    add(tmp_path, "dirname", "echo .")
    return tmp_path


def add(folder: Path, name: str, does: str = 'echo "${0##*/} $*"') -> None:
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o755)


def test_without_docker_or_a_scanner_it_says_so(programs: Path) -> None:
    missing = scan(programs)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "Docker" in missing.stderr
    add(programs, "docker")
    missing = scan(programs)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "trivy" in missing.stderr


@pytest.mark.parametrize("scanner", ["trivy", "grype"])
def test_the_image_is_built_unless_one_is_named_and_what_is_found_is_a_failure(programs: Path, scanner: str) -> None:
    add(programs, "docker")
    add(programs, scanner)
    built, *_, scanned = scan(programs).stdout.splitlines()
    assert built.startswith("docker build --pull --tag vivier:scanned")
    assert scanned.startswith(scanner)
    assert "vivier:scanned" in scanned
    (scanned,) = scan(programs, "ours@sha256:0").stdout.splitlines()
    assert "ours@sha256:0" in scanned
    add(programs, scanner, "exit 1")
    assert scan(programs).returncode == 1
