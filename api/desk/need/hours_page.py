"""The page that proposes hours of a social clause for a lot, with its formula and the sources of its figures."""

import re

from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from domain.needs.insertion_hours import hours_figures, proposed_hours

_NUMBER = re.compile(r"[0-9]{1,12}([.,][0-9]{1,2})?", re.ASCII)


@page("GET", "/heures", scope=("match", "needs"))
async def show_hours(visit: Visit) -> Response[bytes]:
    """The hours proposed for the amount and trade of the query; the form alone where these cannot be read."""
    amount, rate = _number_in(visit.text("montant")), _number_in(visit.text("taux"))
    taxonomy, trade = visit.reference.taxonomy, visit.text("metier")
    trade = trade if taxonomy.known(trade) else ""
    share = None if rate is None or rate > 100 else rate / 100
    return visit.page(
        "need/hours.html",
        proposed=proposed_hours(amount, trade, share) if amount else None,
        figures=hours_figures(),
        families=taxonomy.families,
        family=trade.partition("-")[0],
    )


def _number_in(text: str) -> float | None:
    """The number in a text, with a decimal point or comma; None where there is none."""
    plain = "".join(text.split())
    return float(plain.replace(",", ".")) if _NUMBER.fullmatch(plain) else None
