"""`vivier spending` prints what POST /spending answers."""

import asyncio
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from api.commands.command import CommandFailed
from api.commands.purchases import count_spending
from api.settings import read_settings
from tests.api.needs.steps import Buyer
from tests.api.sync.factories import Client, path_of, put_record, siret


async def test_a_table_is_counted(
    served: Client,
    buyer: Buyer,
    source: str,
    lasting_database_url: str,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    await put_record(served, source, approvals=[{"kind": "EA"}], legal_form="association")
    table = f"SIRET;Montant;Année\n{siret(path_of(source))};1 000,50;2025\nfaux;7;2025\n;x;2025\n"
    file = tmp_path / "mandats.csv"
    file.write_text(table)
    settings = read_settings({"DATABASE_URL": lasting_database_url})

    async def printed(**options: Any) -> str:
        named = {"file": str(file), "awards": None, "json": False, "csv": False} | options
        await asyncio.to_thread(count_spending, Namespace(**named), settings)
        return capfdbinary.readouterr().out.decode()

    shown = await printed()
    for told in ("1 007,50", "99,3 %", "ligne 3 : faux", "ligne 4 : Ce montant", "PNAD 2022-2025"):
        assert told in shown.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    answer = await served.post("/spending", content=table, headers={"Content-Type": "text/csv"})
    told = json.loads(await printed(json=True, awards=str(buyer.organisation_id)))
    assert {name for name in told if told[name] != answer.json()[name]} <= {"errors", "indicators", "years"}
    assert "by_kind.EA,2025,EA,1000.5" in await printed(csv=True)
    with pytest.raises(CommandFailed, match="no organisation nobody"):
        await printed(awards="nobody")
    file.write_text("a;b\n1;2\n")
    with pytest.raises(CommandFailed, match="columns seen: “a”, “b”"):
        await printed()
