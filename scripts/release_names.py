"""Write openapi/names.json: the version of the API with the names that clients are generated from.

    python -m scripts.release_names

Done for a release, of which the names stay: a later version may have others, and the changelog lists them.
"""

import json
from pathlib import Path
from typing import Any

OPENAPI = Path(__file__).resolve().parent.parent / "openapi"


def names_of(document: dict[str, Any]) -> dict[str, Any]:
    """The version of an OpenAPI document, its operation ids and its schemas."""
    operations = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    version, schemas = document["info"]["version"], document["components"]["schemas"]
    return {"version": version, "operations": sorted(operations), "schemas": sorted(schemas)}


if __name__ == "__main__":
    names = names_of(json.loads((OPENAPI / "openapi.json").read_bytes()))
    (OPENAPI / "names.json").write_text(json.dumps(names, indent=1) + "\n")
