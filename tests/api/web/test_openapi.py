"""The document says all there is to say, is the one that is committed, and is read by the programs of others.

The generator of Python clients is in tests/scripts.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.app import ROUTES
from api.web.openapi import Route, encode_document, openapi_document, problems_of, routes_of
from api.web.openapi_schemas import CLOSED_SETS
from api.web.problems import CATALOGUE
from scripts.release_names import names_of
from tests.conftest import ROOT

OPENAPI = ROOT / "openapi"
COMMITTED = OPENAPI / "openapi.json"
ALL: tuple[Route, ...] = tuple(handler.opt["route"] for handler in ROUTES)
DOCUMENT = msgspec.json.decode(COMMITTED.read_bytes())
EXAMPLES = sorted((OPENAPI / "examples").glob("*.json"))
# answered by the framework or the server, on any address, so that no operation can list them
EVERYWHERE = {"method-not-allowed", "request-timeout", "url-too-long", "headers-too-large", "too-many-connections"}
# the shapes of requests not written yet raise these
LATER = {"conflict"}
VERBS = (
    "get|list|search|match|compare|create|put|update|delete|merge|split|retry|ping|publish|revoke|erase|export|import"
)

each_route = pytest.mark.parametrize("route", ALL, ids=lambda route: f"{route.method} {route.path}")


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(member)


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def test_names_that_clients_are_generated_from_change_only_with_a_version_that_tells_them() -> None:
    """After a release, new names take a new version in pyproject.toml, and stand in its part of the changelog."""
    released, current = msgspec.json.decode((OPENAPI / "names.json").read_bytes()), names_of(DOCUMENT)
    newest = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1]
    changed = {name for kind in ("operations", "schemas") for name in {*released[kind]} ^ {*current[kind]}}
    if current["version"] == released["version"]:
        assert changed == set()
    assert {name for name in changed if f"`{name}`" not in newest} == set()


def test_the_release_is_named_alike_everywhere() -> None:
    """In changelog, document, both clients and what is installed; `GET /` and `vivier --version` tell the last."""
    newest = re.search(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == DOCUMENT["info"]["version"] == version("vivier")
    command = [sys.executable, "-m", "hatchling", "version"]
    assert subprocess.check_output(command, cwd=ROOT / "clients/python", text=True).strip() == newest[1]
    assert msgspec.json.decode((ROOT / "clients/typescript/package.json").read_bytes())["version"] == newest[1]


def test_committed_document_is_the_generated_one() -> None:
    """After a change of the API: `make openapi`, and read the difference."""
    assert encode_document(ALL) == COMMITTED.read_bytes()


async def test_served_document_is_the_generated_one(app: Litestar, client: AsyncTestClient[Any]) -> None:
    """What clients download describes the application that runs."""
    served = await client.get("/openapi.json")
    assert served.content == COMMITTED.read_bytes()
    assert {route.name for route in routes_of(app)} == {route.name for route in ALL}
    assert (await client.get("/openapi.json", headers={"If-None-Match": served.headers["etag"]})).status_code == 304
    assert "304" in DOCUMENT["paths"]["/openapi.json"]["get"]["responses"]


def test_every_reference_leads_somewhere() -> None:
    """No schema, header or parameter is named that is not there; schemas are in the order of their names."""
    references = {node["$ref"] for node in inside(DOCUMENT) if "$ref" in node}
    for reference in references:
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    assert len(references) > 10
    assert list(DOCUMENT["components"]["schemas"]) == sorted(DOCUMENT["components"]["schemas"])


@each_route
def test_every_route_is_explained(route: Route) -> None:
    """A name that clients can call it by, a sentence, its answers and parameters, and each status it may refuse with.

    A PATCH updates, a DELETE deletes or revokes. A refusal is problem+json that names its types; to suppliers also a
    page. A route that may answer 304 names the header that asks for it.
    """
    described = operation(route)
    assert re.fullmatch(f"({VERBS})(_[a-z]+)+", route.name)
    assert [each.name for each in ALL].count(route.name) == 1
    assert len(described["summary"].split()) >= 2
    assert "`" not in described["summary"], "Swagger UI shows summaries as they are"
    assert all(parameter["schema"] for parameter in described["parameters"] if "schema" in parameter)
    assert bool(described["security"]) == bool(route.scopes)
    assert {str(status) for status in route.statuses} <= set(described["responses"])
    assert (304 in route.statuses) == ("If-None-Match" in route.headers)
    pages = ["text/html"] if route.path.startswith(("/replies/", "/fiche/")) else []
    for slug in problems_of(route):
        answer = described["responses"][str(CATALOGUE[slug].status)]
        assert f"`/problems/{slug}`" in answer["description"]
        assert list(answer["content"]) == ["application/problem+json", *pages]


def test_every_type_of_problem_belongs_to_a_route() -> None:
    """The catalogue holds nothing that cannot happen."""
    raised = {slug for route in ALL for slug in problems_of(route)}
    named = {route.path: problems_of(route) for route in ALL if route.method == "GET"}
    assert "not-found" in named["/audit"], "an object that the journal does not know is named in the query"
    assert "source-not-on-key" in named["/sources/{source}/imports"], "no shape of a route implies it"
    assert set(CATALOGUE) - raised <= EVERYWHERE | LATER


def test_requests_admit_no_unknown_field() -> None:
    """`additionalProperties: false` on every object that a body may hold."""
    schemas = DOCUMENT["components"]["schemas"]
    seen: set[str] = set()
    waiting = [
        node["$ref"]
        for route in ALL
        if route.body
        for node in inside(operation(route)["requestBody"])
        if "$ref" in node
    ]
    while waiting:
        name = waiting.pop().rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            closed = "enum" in schemas[name] or "oneOf" in schemas[name]
            assert closed or schemas[name].get("additionalProperties") is False, name
            waiting += [node["$ref"] for node in inside(schemas[name]) if "$ref" in node]
    assert "Lot" in seen


def test_closed_sets_are_named_once() -> None:
    """Every set of two words or more has a name, and stands nowhere else; only formats that one route has do not."""
    schemas = DOCUMENT["components"]["schemas"]
    in_schemas, everywhere = (
        [tuple(words) for each in inside(where) if isinstance(words := each.get("enum"), list) and len(words) > 1]
        for where in (schemas, DOCUMENT)
    )
    assert schemas["RequestPart"]["enum"] == ["body", "query"]
    assert schemas["Lot"]["properties"]["nature"]["anyOf"][0] == {"$ref": "#/components/schemas/Nature"}
    assert len(in_schemas) == len(set(CLOSED_SETS) & set(schemas))
    assert len(everywhere) == len(set(everywhere))
    assert schemas["PageFormat"]["enum"] == ["html", "json"]


def test_every_property_parameter_and_header_is_described() -> None:
    """In words of its own: the default that is told behind them is no description."""
    named: list[tuple[str, Any]] = [(of, DOCUMENT["components"][of]) for of in ("parameters", "headers")]
    named += [(of, schema.get("properties", {})) for of, schema in DOCUMENT["components"]["schemas"].items()]
    for route in ALL:
        described = operation(route)
        named.append((route.name, {each["name"]: each for each in described["parameters"] if "name" in each}))
        for answer in described["responses"].values():
            own = {name: header for name, header in answer["headers"].items() if "$ref" not in header}
            named.append((route.name, own))
    words = {f"{of} {name}": each.get("description", "") for of, members in named for name, each in members.items()}
    assert [name for name, text in words.items() if not text or text.startswith("Default: ")] == []


def members(document: Any) -> Any:
    """A document without its values."""
    if isinstance(document, dict):
        return {name: members(value) for name, value in document.items()}
    return [members(each) for each in document] if isinstance(document, list | tuple) else None


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_is_valid_and_shown(file: Path) -> None:
    """It decodes as what its route takes or answers, strictly; an answer has all members; it stands in the document."""
    name, side, _ = file.name.rsplit(".", 2)
    (route,) = [route for route in ALL if route.example == name]
    taken = route.body or route.takes.get("application/json")
    kind = taken if side == "request" else route.answers["application/json"]
    example = msgspec.json.decode(file.read_bytes(), type=kind)
    if side == "response":
        assert members(msgspec.to_builtins(example)) == members(msgspec.json.decode(file.read_bytes()))
    part = operation(route)["requestBody" if side == "request" else "responses"]
    assert msgspec.json.decode(file.read_bytes()) in [node["example"] for node in inside(part) if "example" in node]


def test_the_address_is_named_where_it_is_known() -> None:
    """Where the operator said under which address the API is reached; else it is that of the document."""
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/"]
    named = openapi_document(ALL, "https://vivier.example.org")
    assert [server["url"] for server in named["servers"]] == ["https://vivier.example.org"]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Runs a program of others in an empty folder and gives what it says; skips where it is not there.

    `openapi-typescript` and `tsc`, `openapi-generator-cli`, `spectral`, `redocly` are of npm (the second also of pip).
    """

    def call(*command: str) -> str:
        if (program := shutil.which(command[0])) is None:
            pytest.skip(f"{command[0]} is not installed")
        done = subprocess.run([program, *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_openapi_typescript(run: Callable[..., str], tmp_path: Path) -> None:
    """Its types hold under `tsc --strict`: a need is one, a lot without an id is none."""
    run("openapi-typescript", str(COMMITTED), "-o", "vivier.d.ts")
    need = 'import type {{ components }} from "./vivier";\nexport const lot: components["schemas"]["Lot"] = {};\n'
    (tmp_path / "good.ts").write_text(need.format('{ id: "1", nature: "works" }'))
    run("tsc", "--strict", "--noEmit", "good.ts", "vivier.d.ts")
    (tmp_path / "bad.ts").write_text(need.format('{ nature: "works" }'))
    with pytest.raises(AssertionError, match="'id' is missing"):
        run("tsc", "--strict", "--noEmit", "bad.ts", "vivier.d.ts")


def test_openapi_generator(run: Callable[..., str], tmp_path: Path) -> None:
    """Its client of TypeScript compiles: no type is referred to that is not made."""
    assert "No validation issues" in run("openapi-generator-cli", "validate", "-i", str(COMMITTED))
    run("openapi-generator-cli", "generate", "-i", str(COMMITTED), "-g", "typescript-fetch", "-o", "client")
    options = ("--strict", "--noEmit", "--target", "es2020", "--moduleResolution", "node")
    run("tsc", *options, str(tmp_path / "client" / "index.ts"))


def test_linters_have_nothing_to_say(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    assert "No results" in run("spectral", "lint", str(COMMITTED), "--fail-severity", "hint")
    # a form of a page only leads on (303)
    assert "You have" not in run("redocly", "lint", str(COMMITTED), "--skip-rule", "operation-2xx-response")
