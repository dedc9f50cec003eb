"""`vivier spending` prints what POST /spending answers."""

import asyncio
import json
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest

from api.commands import purchases
from api.commands.command import CommandFailed
from api.commands.purchases import answer_programme, count_spending
from api.settings import read_settings
from tests.api.needs.steps import Buyer, create
from tests.api.sync.factories import Client, path_of, put_record, siret


async def test_a_table_is_counted(
    served: Client,
    buyer: Buyer,
    source: str,
    lasting_database_url: str,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The awards of the one organisation that recorded some are counted in, unless they are left out."""
    await put_record(served, source, approvals=[{"kind": "EA"}], legal_form="association")
    table = f"SIRET;Montant;Année;Visa\n{siret(path_of(source))};1 000,50;2025;A\nfaux;7;2025\n;x;2025\n"
    file = tmp_path / "mandats.csv"
    file.write_text(table)
    settings = read_settings({"DATABASE_URL": lasting_database_url})

    async def printed(**options: Any) -> str:
        named = {"file": str(file), "awards": None, "no_awards": True, "json": False, "csv": False} | options
        await asyncio.to_thread(count_spending, Namespace(**named), settings)
        return capfdbinary.readouterr().out.decode()

    shown = await printed()
    for told in ("1 007,50", "99,3 %", "ligne 3 : faux", "ligne 4 : Ce montant", "PNAD 2022-2025", "Visa"):
        assert told in shown.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    answer = await served.post("/spending", content=table, headers={"Content-Type": "text/csv"})
    told = json.loads(await printed(json=True, awards=str(buyer.organisation_id)))
    assert {name for name in told if told[name] != answer.json()[name]} <= {"errors", "indicators", "years"}
    assert "by_kind.EA,2025,EA,1000.5" in await printed(csv=True)
    with pytest.raises(CommandFailed, match="no organisation nobody"):
        await printed(awards="nobody")
    award = {
        "lot_id": "1",
        "supplier_id": await buyer.supplier(source, "2"),
        "awarded_on": "2025-03-01",
        "value_eur": 9,
    }
    need, award = await create(served, buyer.headers), award | {"value_eur": 9}
    assert (await served.post(f"/needs/{need['id']}/awards", json=award, headers=buyer.headers)).status_code == 201
    owners = [SimpleNamespace(id=buyer.organisation_id), SimpleNamespace(id=uuid4())]
    monkeypatch.setattr(purchases, "list_organisations", AsyncMock(side_effect=lambda *_: owners))
    assert "attributions notées ici : 1, 9" in await printed(no_awards=False)
    owners *= 2
    with pytest.raises(CommandFailed, match="say which by --awards"):
        await printed(no_awards=False)
    file.write_text("Objet;Montant HT;\nNettoyage;10 000;x\nTotal;10 000;\n")
    asked = {"file": str(file), "territory": ["departement:56"], "siret": None, "kind": "local", "on": None}
    await asyncio.to_thread(answer_programme, Namespace(**asked, json=False, csv=False), settings)
    assert {"  – autres colonnes : colonne 3 sans titre", "  – rangs laissés de côté : 3"} <= set(
        map(str.rstrip, capfdbinary.readouterr().out.decode().splitlines())
    )
    file.write_text("a;b\n1;2\n")
    with pytest.raises(CommandFailed, match="columns seen: “a”, “b”"):
        await printed()
