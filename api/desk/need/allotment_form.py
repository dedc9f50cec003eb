"""The rules by which lots may be divided and joined, as they are filled in; the form that a proposal makes."""

import msgspec

from api.desk.frame.field_kinds import NUMBER, plain_number
from api.desk.frame.form import Mistake, read_text, request_of
from api.desk.frame.words import SAID
from api.desk.need.need_form import LotForm, NeedForm, heard, words_read
from api.desk.need.understood_need import Understood, mistakes_of
from api.web.forms import Fields
from domain.allotment.allotment import AllotmentNeed, AllotmentOptions, Axis, Proposal, ProposedLot
from domain.errors import InvalidContent

AREAS: tuple[Axis, ...] = ("departement", "epci")


class AllotmentForm(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of the comparison as they are filled in. `area`: the areas to divide by, empty for none."""

    least: str = "3"
    most: str = "20"
    by_trade: bool = True
    area: str = "departement"
    join: bool = True
    reserve: bool = True
    values: dict[str, str] = {}
    """The amount of each segment of each lot, by the name of its field"""

    @property
    def is_changed(self) -> bool:
        """Whether they are other rules than the usual ones."""
        return self != AllotmentForm()


def read_allotment_form(fields: Fields) -> AllotmentForm:
    """The rules in these fields; the usual ones where the form has none."""
    values = {name: texts[-1] for name, texts in fields.items() if name.startswith("montant-") and texts[-1]}
    if "regles" not in fields:
        return AllotmentForm(values=values)
    last = {name: texts[-1] for name, texts in fields.items()}
    return AllotmentForm(
        least=last.get("candidats", ""),
        most=last.get("lots", ""),
        by_trade="par-metier" in last,
        area=last.get("par-lieu", ""),
        join="reunir" in last,
        reserve="reserver" in last,
        values=values,
    )


def allotment_need(understood: Understood, rules: AllotmentForm, mistakes: list[Mistake]) -> AllotmentNeed | None:
    """The need with the rules of the comparison; None where anything is wrong with either, added to the mistakes."""
    mistakes += understood.mistakes
    options = AllotmentOptions(
        min_candidates=_count(rules.least, 100, Mistake("candidats", SAID["no_least"]), mistakes),
        max_lots=_count(rules.most, 200, Mistake("lots", SAID["no_most"]), mistakes),
        divide=(*(("segment",) if rules.by_trade else ()), *(area for area in AREAS if area == rules.area)),
        join=rules.join,
        reserve=rules.reserve,
    )
    values = [_values(position, lot, rules, mistakes) for position, lot in enumerate(understood.form.lots, 1)]
    if understood.need is None or mistakes:
        return None
    need = understood.need.matched
    lots = [msgspec.structs.asdict(lot) | {"values_eur": of_lot} for lot, of_lot in zip(need.lots, values, strict=True)]
    try:
        return request_of(msgspec.structs.asdict(need) | {"lots": lots, "allotment": options}, AllotmentNeed)
    except InvalidContent as invalid:
        mistakes += mistakes_of(invalid)
        return None


def value_field(position: int, segment: str) -> str:
    """The name of the field of the amount of a lot's segment; lots count from 1."""
    return f"montant-{position}-{segment}"


def form_of_proposal(form: NeedForm, proposal: Proposal) -> NeedForm:
    """The form of the need with the lots of a proposal; all else that its lots say is of the lots they come from."""
    by_id = dict(zip(form.lot_ids, form.lots, strict=True))
    lots = tuple(_lot(by_id[lot.from_lots[0]], lot, form) for lot in proposal.lots)
    return msgspec.structs.replace(form, lots=lots)


def _lot(before: LotForm, lot: ProposedLot, form: NeedForm) -> LotForm:
    cpv = ", ".join(lot.cpv)
    made = msgspec.structs.replace(
        before,
        id="",
        title=lot.title,
        reading=words_read((lot.title, form.title), cpv, ""),
        offered=lot.segments,
        chosen=lot.segments,
        more="",
        heard=heard(lot.title),
        cpv=cpv,
        keywords="",
        reserved=lot.reserved,
        value=plain_number(lot.value_eur),
        options=plain_number(lot.options_eur),
    )
    if lot.territory.codes is None or lot.territory.codes == (before.territories or form.territories):
        return made
    return msgspec.structs.replace(made, place="", territories=lot.territory.codes, radius="", centre="", drawn="")


def _count(text: str, highest: int, otherwise: Mistake, mistakes: list[Mistake]) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= highest:
        return int(text)
    mistakes.append(otherwise)
    return highest


def _values(position: int, lot: LotForm, rules: AllotmentForm, mistakes: list[Mistake]) -> dict[str, float] | None:
    """The amounts of a lot's segments, as far as they are filled in; lots count from 1."""
    found = {}
    for segment in lot.chosen:
        field = value_field(position, segment)
        amount = read_text(NUMBER, rules.values.get(field, ""), field, mistakes)
        if amount is not None:
            found[segment] = amount
    return found or None
