"""Build the guides as a site that works offline, in site/: `make docs`.

Beside docs/ it holds the API reference, the examples of the API and where the reference data comes from.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "api" / "docs" / "assets"
EXAMPLES = ROOT / "openapi" / "examples"


def build(folder: Path) -> Path:
    """Build the site in `folder`, checking pages and links; returns the folder of the site."""
    pages = folder / "docs"
    shutil.copytree(ROOT / "docs", pages)
    shutil.move(pages / "zensical.toml", folder)
    for page in pages.glob("*.md"):
        page.write_text(page.read_text().replace("](../domain/data/SOURCES.md", "](sources.md"))
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    (pages / "examples.md").write_text(examples_page(document))
    shutil.copyfile(ROOT / "domain" / "data" / "SOURCES.md", pages / "sources.md")
    subprocess.run([Path(sys.executable).with_name("zensical"), "build", "--strict"], cwd=folder, check=True)
    site = folder / "site"
    add_reference(site / "api", document)
    return site


def examples_page(document: dict[str, Any]) -> str:
    """A Markdown page of the examples in the OpenAPI document, each under its operation."""
    parts = ["# Exemples de l'API\n\nTous les champs sont décrits dans la [référence](api/index.html).\n"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            shown = [content["example"] for content in _contents(operation) if "example" in content]
            if shown:
                parts.append(f"## {method.upper()} {path}\n\n{operation['summary']}.\n")
                parts += [f"```json\n{json.dumps(example, ensure_ascii=False, indent=2)}\n```\n" for example in shown]
    return "\n".join(parts)


def _contents(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The contents, one for each media type, of an operation's request body and of its answers."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [content for body in bodies for content in body.get("content", {}).values()]


def add_reference(folder: Path, document: dict[str, Any]) -> None:
    """Add the page of `/docs` to the site, with the document in a script: pages on disk may not fetch files."""
    shutil.copytree(ASSETS, folder / "docs" / "assets")
    guides = '<p lang="fr"><a href="../index.html">Les guides</a></p>'
    page = (ASSETS / "docs.html").read_text().replace("<!-- guides -->", guides)
    script = '<script src="openapi.js"></script>\n  <script src="docs/assets/docs.js">'
    (folder / "index.html").write_text(page.replace('<script src="docs/assets/docs.js">', script))
    (folder / "openapi.js").write_text(f"window.openapi = {json.dumps(document, ensure_ascii=False)};\n")


if __name__ == "__main__":
    shutil.rmtree(ROOT / "build" / "docs", ignore_errors=True)
    built = build(ROOT / "build" / "docs")
    shutil.rmtree(ROOT / "site", ignore_errors=True)
    shutil.move(built, ROOT / "site")
    print(f"{ROOT / 'site' / 'index.html'}")
