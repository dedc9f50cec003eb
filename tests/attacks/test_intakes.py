"""What a hostile body costs, beside an honest one of the same route: processor's time for each byte that is accepted.

Both are measured in this process, one after the other, so that a slow machine slows both; the bound is generous, and
what grows with the square of a body goes far beyond it.
"""

import asyncio
import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from api.web.request_body import JsonBody
from tests.api.sync.factories import Client
from tests.conftest import ROOT

JSON, CSV, XML = "application/json", "text/csv", "application/xml"
MOST_TIMES = 10.0
Body = Callable[[int], bytes]
"""A body, other ones for other numbers: what was read before is remembered."""


def lots(words: str, **fields: Any) -> Body:
    """A need of many lots, whose titles begin with a number of their own."""

    def write(number: int) -> bytes:
        titled = [{"id": str(n), "title": f"{number} {n} {words}"[:400], **fields} for n in range(60)]
        return json.dumps({"territory": {"codes": ["departement:56"]}, "lots": titled}).encode()

    return write


def rows(head: str, row: str, count: int) -> Body:
    return lambda number: "\n".join([head, *(row.format(f"{number} {n}") for n in range(count)), ""]).encode()


def outline(vertices: int) -> Body:
    """A need in a territory whose outline has so many corners, to and fro across each other's line."""

    def write(number: int) -> bytes:
        comb = [[-2.9 + n * 1e-5, 47.9 + (n % 2) * 0.2 + number * 1e-4] for n in range(vertices)]
        ring = [*comb, [-2.9 + vertices * 1e-5, 47.8], [-2.9, 47.8], comb[0]]
        where = {"geometry": {"type": "Polygon", "coordinates": [ring]}}
        return json.dumps({"territory": where, "lots": [{"id": "1", "segments": ["pr-locaux"]}]}).encode()

    return write


NOTICE = (ROOT / "openapi" / "examples" / "notice.request.xml").read_bytes()
END_TAG = NOTICE[NOTICE.rindex(b"</") :]
PURCHASES, PAYMENTS = "Objet;Montant;Date;Lieu", "SIRET;Montant;Date;Objet"
INTAKES: dict[tuple[str, str], tuple[Body, dict[str, Body]]] = {
    ("/match", JSON): (
        lots("Entretien des espaces verts, pour une durée de 12 mois, réservé aux ESAT, 50 000 € HT"),
        {
            "digits in threes": lots("0" + " 000" * 100),
            "amounts": lots("0" + " 000" * 97 + " €"),
            "reservations": lots("réservé " * 50),
            "numbers of lots": lots("lot n 1, " * 50),
            "renewals": lots("reconductible 3 fois " * 20),
            "lost letters": lots("\ufffd" * 390),
            "blanks": lots("pour une durée totale" + " " * 370),
            "outline": outline(9_000),
            "unknown codes": lots("x", segments=[f"ev-entretein{n}" for n in range(40)], cpv=["1"] * 40),
        },
    ),
    ("/programme", CSV): (
        rows(PURCHASES, "Entretien des espaces verts {};80 000 €;T2 2027;Vannes", 400),
        {
            "digits": rows(PURCHASES, f"Entretien {{}};0,{'0' * 3_990};T2 2027;Vannes", 100),
            "days": rows(PURCHASES, f"Entretien {{}};10;{'1/1 ' * 500};Vannes", 100),
            "unknown places": rows(PURCHASES, "Entretien;10;T2 2027;Villeneuvette {}", 400),
            "places": rows(PURCHASES, f"Entretien {{}};10;T2 2027;{'saint ' * 300}", 100),
        },
    ),
    ("/spending", CSV): (
        rows(PAYMENTS, "91310933600010;1 200,00;15/03/2026;Entretien {}", 2_000),
        {
            "amounts": rows(PAYMENTS, f"91310933600010;{'1 ' * 2_000};15/03/2026;{{}}", 60),
            "objects": rows(PAYMENTS, f"91310933600010;1;15/03/2026;{{}} {'lot 1 ' * 600}", 60),
        },
    ),
    ("/notices", XML): (
        lambda number: NOTICE.replace(b"</", b"<!-- %d --></" % number, 1),
        {"unread parts": lambda number: NOTICE.removesuffix(END_TAG) + b"<Part>%d</Part>" % number * 5_000 + END_TAG},
    ),
}


@pytest.mark.parametrize(("path", "media"), INTAKES)
async def test_a_hostile_body_costs_no_more_for_each_byte(served: Client, path: str, media: str) -> None:
    honest, hostile = INTAKES[path, media]

    async def cost(body: bytes) -> float:
        """Microseconds of this process for each byte."""
        begun = time.process_time()
        answer = await served.post(path, content=body, headers={"Content-Type": media})
        assert answer.status_code in {200, 422, 429}, answer.text
        return (time.process_time() - begun) / len(body) * 1e6

    await cost(honest(0))  # what is loaded once
    usual = max([await cost(honest(number)) for number in (1, 2)])
    dear = {name: await cost(body(3)) for name, body in hostile.items()}
    # what else this process did meanwhile counts too: one that seems dear is measured again
    dear = {name: await cost(hostile[name](4)) for name, each in dear.items() if each > MOST_TIMES * usual}
    assert {name: each for name, each in dear.items() if each > MOST_TIMES * usual} == {}


async def test_others_go_on_between_two_large_bodies(served: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outlines that come at once are decoded one after the other: nobody waits for more than one."""
    happened, decode = list[str](), JsonBody.decode

    def note_and_decode(body: JsonBody[Any], raw: bytes) -> Any:
        happened.append("decoded")
        return decode(body, raw)

    async def send(number: int) -> None:
        answer = await served.post("/match", content=outline(11_000)(number), headers={"Content-Type": JSON})
        assert answer.json()["errors"][0]["code"] == "too_many_vertices"

    monkeypatch.setattr(JsonBody, "decode", note_and_decode)
    sending = asyncio.gather(*map(send, range(10)))
    while not sending.done():
        happened.append("others went on")
        await asyncio.sleep(0)
    await sending
    assert happened.count("decoded") == 10
    assert ("decoded", "decoded") not in set(pairwise(happened))
