"""Every operation of the API and every page, asked with ids of another organisation: nothing is shown, nothing changes.

Generated from the OpenAPI document and the list of pages: a new route is among them, and a new kind of id in a path
must be given one here.
"""

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api.desk.pages import PAGES
from api.web.content_negotiation import HTML, MERGE_PATCH
from db.core.engine import transaction
from db.persons import AccountKey, note_sign_in
from tests.api.desk.steps import FORM, Browser, sign_in_as
from tests.api.exchanges.steps import keyless, opening
from tests.api.organisations import Member, member
from tests.api.sync.factories import NDJSON, RECORD, Client, put_record
from tests.conftest import ROOT

DOCUMENT = json.loads((ROOT / "openapi" / "openapi.json").read_text("utf-8"))
MARK = "Secret-de-Zoé-Kervoal"
PARAMETER = re.compile(r"\{(\w+)\}")
THINGS = {
    "award", "campaign", "delivery", "exchange", "external", "import", "key", "meeting", "message", "need",
    "organisation", "person", "source", "supplier", "supplier_link",
    "webhook",
}  # fmt: skip
"""What the parameters of paths name."""
# Texts that are alike for all, or for nobody in particular.
COMMON = {
    "n": "1", "m": "1", "number": "1", "code": "departement:56", "version": "1", "kind": "communes",
    "name": "rapport.pdf", "digest": "x", "link": "x", "territory": "departement:56", "rule": "x", "slug": "not-found",
}  # fmt: skip
SHARED = {"supplier", "external"}
WITH_SECRET_PATHS = {"token"}
"""Whoever has the path has the right."""
OF_ALL = {"/sources", "/sources/{source}"}
"""What all with the scope `read` may see of a source: its name, label, quality, and the id of its last import."""
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/keys"): {"name": "volée", "scopes": ["read"]},
    ("POST", "/meetings/feed"): None,
    ("POST", "/organisations"): {"name": "volée"},
    ("PATCH", "/organisations/{id}"): {"name": "volée"},
    ("PATCH", "/campaigns/{id}"): {"title": "volée"},
    ("POST", "/campaigns/{id}/send"): None,
    ("POST", "/campaigns/{id}/links"): None,
    ("POST", "/campaigns/{id}/posted"): None,
    ("POST", "/campaigns/{id}/reminder"): None,
    ("PATCH", "/meetings/{id}"): {"title": "volée"},
    ("PATCH", "/webhooks/{id}"): {"active": False},
    ("POST", "/webhooks"): {"url": "https://x.example/", "events": ["import.finished"]},
    ("POST", "/webhooks/{id}/deliveries/{delivery_id}/retry"): None,
    ("POST", "/webhooks/{id}/ping"): None,
    ("PUT", "/sources/{source}/suppliers/{external_id}"): RECORD,
}
TABLES = (
    "api_keys", "awards", "calendar_feeds", "campaign_mails", "campaign_recipients", "campaigns",
    "desk_accounts", "exchange_recipients", "exchanges", "import_errors",
    "imports", "meeting_follow_ups", "meeting_needs", "meeting_participants", "meetings", "message_mails", "messages",
    "needs", "organisations", "persons", "records", "reply_links", "shortlist_decisions", "shortlists",
    "sources", "webhooks",
)  # fmt: skip


class Party(NamedTuple):
    """An organisation with one of everything: whose key it is, and the ids by kind."""

    member: Member
    ids: dict[str, str]


async def party(client: Client, mark: str) -> Party:
    """One of everything, whose texts are all `mark`."""
    source = f"source-{uuid4().hex[:12]}"
    organisation = f"{mark} {uuid4().hex}"
    own = await member(
        client, "match", "needs", "read", "sync", "admin", name=mark, organisation=organisation, sources=[source]
    )
    stored = await put_record(client, source, "1", siret=None, name=f"Jardin {uuid4().hex}")
    await client.services.directory.wait_beyond(stored["data_version"] - 1, 60)
    supplier = stored["supplier_id"]
    lot = {"id": "1", "title": mark, "segments": ["ev-entretien"]}
    asked = {"title": mark, "territory": {"codes": ["commune:56178"]}, "lots": [lot]}
    need = (await own.post("/needs", asked)).json()["need"]["id"]
    listed = (await own.get(f"/needs/{need}/shortlists/1")).json()["lots"][0]["candidates"]
    chosen = {"lot_id": "1", "decision": "kept", "reason": mark}
    decided = await own.patch(f"/needs/{need}/shortlists/1/suppliers/{listed[0]['supplier']['id']}", chosen)
    assert decided.status_code == 200, decided.text
    opened = await opening(client, f"/needs/{need}", [supplier], subject=mark, body=mark, headers=own.headers)
    exchange, link = opened.json(), httpx.URL(opened.json()["reply_links"][0]["url"]).path
    reply = await keyless(client, "POST", link, json={"body": mark, "stance": "question"})
    awarded = {"lot_id": "1", "supplier_id": supplier, "awarded_on": "2026-11-02", "value_eur": 1000}
    meeting = {
        "need_ids": [need], "title": mark, "format": "online", "minutes": mark,
        "participants": [{"role": "buyer", "name": mark}],
    } | HOUR  # fmt: skip
    question = {"title": mark, "territory": {"codes": ["commune:29083"]}, "subject": mark, "body": mark}
    hook = await own.post("/webhooks", {"url": f"https://x.example/{uuid4().hex}", "events": ["import.finished"]})
    await own.post(f"/webhooks/{hook.json()['id']}/ping")
    deliveries = (await own.get(f"/webhooks/{hook.json()['id']}/deliveries")).json()["items"]
    rejected = json.dumps({"external_id": mark}).encode()
    sent = await client.post(
        f"/sources/{source}/imports", content=rejected, headers=own.headers | {"Content-Type": NDJSON}
    )
    async with transaction(client.services.database) as connection:
        key = AccountKey(own.organisation_id, "https://op.example", uuid4().hex)
        person = await note_sign_in(connection, key, mark, None, client.services.now())
    ids = {
        "need": need,
        "exchange": exchange["id"],
        "message": reply.json()["id"],
        "campaign": (await own.post("/campaigns", question)).json()["id"],
        "award": (await own.post(f"/needs/{need}/awards", awarded)).json()["id"],
        "meeting": (await own.post("/meetings", meeting)).json()["id"],
        "webhook": hook.json()["id"],
        "delivery": deliveries[0]["id"],
        "key": str(own.key.id),
        "organisation": str(own.organisation_id),
        "import": sent.json()["id"],
        "person": str(person),
        "source": source,
        "supplier": supplier,
        "supplier_link": (await own.post(f"/suppliers/{supplier}/links", {})).json()["id"],
        "external": "1",
    }
    return Party(own, ids)


def kinds(route: str) -> dict[str, str]:
    """The parameters of a path, with the kind of thing that each names."""
    of = route.split("/")[1].partition(".")[0]
    found: dict[str, str] = {}
    for name in PARAMETER.findall(route):
        named = {"link_id": "supplier_link"}.get(name, name.removesuffix("_id"))
        own = {"besoins": "need", "campagnes": "campaign"}.get(of, of.removesuffix("s"))
        thing = own if name == "id" else named
        assert thing in THINGS or name in COMMON or name in WITH_SECRET_PATHS, f"{route}: give {name} an id here"
        found[name] = thing if thing in THINGS else ""
    return found


def paths_of(route: str, own: Party, other: Party) -> Iterator[str]:
    """The path of a route with every mix of ids of both parties, of which one at least is the other's."""
    named = kinds(route)
    private = [name for name, kind in named.items() if kind and kind not in SHARED]
    if WITH_SECRET_PATHS & named.keys():
        return
    for whose in product((other, own), repeat=len(private)):
        if private and other not in whose:
            continue
        theirs = dict(zip(private, whose, strict=True))
        values = {name: theirs.get(name, other).ids.get(kind, COMMON.get(name, "")) for name, kind in named.items()}
        yield route.format(**values)


OPERATIONS = [
    (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if method in {"get", "post", "put", "patch", "delete"}
]
SHOWN = [(str(page.opt["page"].method), page.opt["page"].path) for page in PAGES if page.opt["page"].scopes]


STATE = " UNION ALL ".join(
    f"SELECT '{table}', count(*), sum(hashtextextended(t::text, 0)) FROM {table} t"
    + (" WHERE id::text <> :own" if table == "organisations" else "")
    for table in TABLES
)
"""All rows, counted and hashed where they are, but that of who asks, which says when its own notes changed."""


async def state(client: Client, own: Party) -> list[Any]:
    async with transaction(client.services.database) as connection:
        return sorted((await connection.execute(text(STATE), {"own": own.ids["organisation"]})).all())


@pytest.fixture(scope="module")
async def both(served: Client) -> tuple[Party, Party]:
    """Who asks, and whose things are asked for."""
    own, other = await party(served, "plain"), await party(served, MARK)
    # or nothing could be found of it
    for path in ("/needs/{need}", "/exchanges/{exchange}", "/meetings/{meeting}", "/needs/{need}/report", "/keys"):
        assert MARK in (await other.member.get(path.format(**other.ids), Accept="application/json")).text
    return own, other


def told(answer: httpx.Response, route: str, other: Party) -> list[str]:
    """What an answer shows of the other organisation: its texts, or ids that were not in the request."""
    common = {*SHARED, "source", *(["import"] if route in OF_ALL else [])}
    words = (MARK, *(each for kind, each in other.ids.items() if kind not in common))
    asked = str(answer.request.url) + answer.request.content.decode(errors="replace")
    return [word for word in words if word in answer.text and word not in asked]


def body_of(method: str, route: str) -> Any:
    """A body that is in order."""
    if (method, route) in BODIES:
        return BODIES[method, route]
    described = DOCUMENT["paths"][route][method.lower()].get("requestBody")
    return described and next(iter(described["content"].values())).get("example", {})


@pytest.mark.parametrize(("method", "route"), OPERATIONS)
async def test_operations_neither_show_nor_change_what_is_anothers(
    served: Client, both: tuple[Party, Party], method: str, route: str
) -> None:
    own, other = both
    body = body_of(method, route)
    before = None if method == "GET" else await state(served, own)
    for path in paths_of(route, own, other):
        kind = MERGE_PATCH if method == "PATCH" else "application/json"
        content = None if body is None else json.dumps(body)
        if route.endswith("/imports") and method == "POST":
            kind, content = NDJSON, json.dumps({"external_id": "2"} | RECORD)
        answer = await served.request(
            method, path, content=content, headers=own.member.headers | {"Content-Type": kind}
        )
        assert told(answer, route, other) == [], f"{method} {path} {answer.status_code} {answer.text[:500]}"
        if PARAMETER.search(route) and any(kind and kind not in SHARED for kind in kinds(route).values()):
            expected = range(200, 300) if (method, route) == ("GET", "/sources/{source}") else range(400, 500)
            assert answer.status_code in expected, f"{method} {path} {answer.status_code} {answer.text[:500]}"
    if method != "GET" and PARAMETER.search(route):
        assert await state(served, own) == before


@pytest.mark.parametrize(("method", "route"), SHOWN)
async def test_pages_neither_show_nor_change_what_is_anothers(
    served: Client, both: tuple[Party, Party], method: str, route: str
) -> None:
    own, other = both
    async with Browser(served.app) as browser:
        token = await token_of(browser, own, "/besoins")
        before = None if method == "GET" else await state(served, own)
        for path in paths_of(route, own, other):
            form = urlencode({"jeton": token, "faire": "envoyer", "texte": "volé", "nom": "volée"})
            answer = (
                await browser.get(path)
                if method == "GET"
                else await browser.post(path, content=form, headers=FORM | {"Accept": HTML})
            )
            assert told(answer, route, other) == [], f"{method} {path} {answer.status_code} {answer.text[:500]}"
            named = kinds(route)
            if any(kind and kind not in SHARED | {"source"} for kind in named.values()):
                assert answer.status_code in range(400, 500), (
                    f"{method} {path} {answer.status_code} {answer.text[:500]}"
                )
        if method != "GET" and PARAMETER.search(route):
            assert await state(served, own) == before


async def token_of(browser: Browser, own: Party, page: str) -> str:
    """The token of a form of a page, once signed in."""
    await sign_in_as(browser, own.member)
    await browser.open(page)
    token = re.search(r'name="jeton" value="([^"]+)"', browser.page)
    assert token is not None
    return token[1]


HOUR = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
# Ids of the other organisation in queries and bodies, and what is answered.
NAMING: tuple[tuple[str, str, Any, set[int]], ...] = (
    ("GET", "/audit?organisation={organisation}", None, {404}),
    ("GET", "/audit?object=need:{need}", None, {404}),
    ("GET", "/meetings?need={need}", None, {200}),
    ("GET", "/meetings.ics", None, {200}),
    ("GET", "/insights", None, {200}),
    ("GET", "/suppliers?q=Jardin", None, {200}),
    ("POST", "/keys", {"name": "volée", "scopes": ["needs"], "organisation": "{organisation}"}, {422}),
    ("POST", "/keys", {"name": "volée", "scopes": ["sync"], "sources": ["{source}"]}, {403}),
    ("POST", "/keys", {"name": "volée", "scopes": ["platform"]}, {403}),
    ("POST", "/meetings", {"need_ids": ["{need}"], "title": "Visite", "format": "online"} | HOUR, {422}),
    ("POST", "/privacy/export", {"name": MARK}, {200}),
    ("POST", "/privacy/erase", {"name": MARK}, {200}),
)


@pytest.mark.parametrize(("method", "path", "body", "statuses"), NAMING)
async def test_ids_in_queries_and_bodies_lead_to_nothing_of_anothers(
    served: Client, both: tuple[Party, Party], method: str, path: str, body: Any, statuses: set[int]
) -> None:
    own, other = both
    content = json.dumps(body)
    for kind, id_ in other.ids.items():
        path, content = path.replace(f"{{{kind}}}", id_), content.replace(f"{{{kind}}}", id_)
    before = await state(served, own)
    answer = await served.request(
        method,
        path,
        content=content if body else None,
        headers=own.member.headers | {"Content-Type": "application/json"},
    )
    assert told(answer, path, other) == [], answer.text[:500]
    assert answer.status_code in statuses, answer.text[:500]
    assert await state(served, own) == before


@pytest.mark.parametrize(
    ("page", "form", "fields"),
    [
        ("/admin/cles", "/admin/cles", {"nom": "volée", "portee": "needs", "organisation": "{organisation}"}),
        ("/admin/cles", "/admin/cles", {"nom": "volée", "portee": "sync", "sources": "{source}"}),
        ("/besoins", "/besoins/{own}/decisions", {"fournisseur": "{supplier}", "lot": "1", "decision": "kept"}),
        ("/besoins", "/besoin/resultat", {"lieu": "commune:56178", "lot-1-objet": "tonte", "besoin": "{need}"}),
        ("/besoins", "/besoins", {"lieu": "commune:56178", "lot-1-objet": "tonte", "besoin": "{need}", "connu": "*"}),
    ],
)
async def test_ids_in_forms_lead_to_nothing_of_anothers(
    served: Client, both: tuple[Party, Party], page: str, form: str, fields: dict[str, str]
) -> None:
    """Of what a form makes for its own sender nothing has to do with the other."""
    own, other = both
    values = other.ids | {"own": own.ids["need"]}
    async with Browser(served.app) as browser:
        token = await token_of(browser, own, page)
        typed = {name: value.format(**values) for name, value in fields.items()} | {"jeton": token}
        before = await of_organisation(served, other)
        answer = await browser.post(form.format(**values), content=urlencode(typed), headers=FORM)
        assert told(answer, form, other) == [], answer.text[:500]
        assert await of_organisation(served, other) == before


async def of_organisation(client: Client, whose: Party) -> set[str]:
    """The rows that name the organisation, its need or its source."""
    ids = [f"%{whose.ids[kind]}%" for kind in ("organisation", "need", "source")]
    rows = " UNION ALL ".join(f"SELECT t::text FROM {table} t WHERE t::text LIKE ANY (:ids)" for table in TABLES)
    async with transaction(client.services.database) as connection:
        return set(await connection.scalars(text(rows), {"ids": ids}))
