"""`vivier campaigns`: what it shows, and a campaign carried through from a file to its letters."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api.campaigns.steps import STREET
from tests.api.commands.conftest import Server, Within, decoded
from tests.api.sync.factories import path_of


def test_a_campaign_is_carried_through_from_the_command_line(
    server: Server, within: Within, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIVIER_PUBLIC_URL", "https://vivier.example.org")
    name, url = f"CRESS {uuid4().hex}", path_of("campaign-line", "1")
    key = within("keys", "create", "--name", "x", "--organisation", name, "--scope", "needs").out.splitlines()[-1]
    there = {"location": {"lat": 48.0366, "lon": -4.8508}, "address": STREET}
    asked = {"name": "ESAT du Môle", "offers": [], "approvals": [{"kind": "ESAT"}], **there}
    assert server.ask("PUT", url, json.dumps(asked).encode()).status == 201
    question = {"title": "x", "territory": {"codes": ["commune:29083"]}, "kinds": ["ESAT"], "subject": "x", "body": "x"}
    of = ("--organisation", name)
    made = within("campaigns", "create", "-", *of, stdin=json.dumps(question))
    assert (made.status, made.err) == (0, "")
    (campaign,) = decoded(server.ask("GET", "/campaigns", key=key))["items"]
    assert campaign["id"] in made.out.replace("\n", "")
    one = (campaign["id"], *of)
    assert campaign["id"] in within("campaigns", "list", *of).out.replace("\n", "")
    assert "ESAT du Môle" in within("campaigns", "recipients", *one).out
    early = within("campaigns", "posted", *one)
    assert (early.status, "not sent" in early.err) == (1, True)
    told = within("campaigns", "links", *one)
    assert told.out.startswith("name,address,link,code")
    (code,) = re.findall(r"https://vivier.example.org/fiche/\S{43},([0-9A-Z]{12})", told.out)
    assert decoded(server.ask("GET", f"/fiche/{code}"))["supplier"]["name"] == "ESAT du Môle"
    letters = tmp_path / "letters.pdf"
    assert within("campaigns", "letters", *one, "--out", str(letters)).status == 0
    assert letters.read_bytes().startswith(b"%PDF")
    assert within("campaigns", "posted", *one).status == 0
    shown = decoded(server.ask("GET", f"/campaigns/{campaign['id']}", key=key))
    assert (shown["status"], shown["counts"]["sent"]) == ("sent", 1)
    for action, why in (("remind", "possible from"), ("send", "sends no e-mail")):
        refused = within("campaigns", action, *one)
        assert (refused.status, why in refused.err) == (1, True), refused.err
    journal = decoded(server.ask("GET", f"/audit?object=campaign:{campaign['id']}", key=key))["items"]
    assert [each["means"] for each in journal] == ["command"] * 4
    assert within("campaigns", "create", "-", *of, stdin="{}").status == 1
    assert server.ask("DELETE", url).status == 204
