"""Gaps against a slow and obvious way: every information held against every supplier, with plain sets."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.equal_treatment.gaps import Gap
from domain.exchanges.exchange import Delivery, DeliveryState, Exchange, Message, Way
from domain.shortlists.version import Decision
from tests.domain.equal_treatment.samples import set_aside, treated
from tests.domain.exchanges.samples import NOW, exchange, message, supplier

LETTERS = "ABCDE"
LISTED = {"1": "ABCD", "2": "CD"}
TEXTS = ("huit", "neuf", "dix")
STATES: tuple[DeliveryState, ...] = ("sent", "undeliverable", "queued", "to_post", "posted", "unconfirmed", "cancelled")
WAYS: dict[DeliveryState, Way] = {"to_post": "letter", "posted": "letter", "unconfirmed": "none"}
MISSED = ("missed_information", "missed_answer")
Found = dict[tuple[str, UUID], tuple[str, int]]
"""By code and message or first exchange: who lacks it, and how many others have it."""


class Told(NamedTuple):
    """A message of the buyer's: what it says, to whom, whom it may have reached, reached, will reach; its lots."""

    exchange: Exchange
    message: Message
    words: str
    to: frozenset[str]
    arrived: frozenset[str]
    surely: frozenset[str]
    under_way: dict[str, str]
    lots: frozenset[str]


class Case(NamedTuple):
    """Exchanges, and who was set aside."""

    exchanges: tuple[Exchange, ...]
    set_aside: tuple[Decision, ...]


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Exchange, ...]:
    numbers = iter(range(1, 100))
    made = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        to = "".join(sorted(draw(st.sets(st.sampled_from(LETTERS), min_size=2))))
        said = [message(next(numbers), "buyer", body=draw(st.sampled_from(TEXTS)))]
        for kind in draw(st.lists(st.sampled_from(("all", "one", "answer", "correction")), max_size=4)):
            said += _further(draw, kind, to, said, next(numbers), next(numbers))
        lots = draw(st.sampled_from(((), ("1",), ("2",), ("1", "2"))))
        one = exchange(*said, to=to, number=number, lot_ids=lots)
        made.append(msgspec.structs.replace(one, deliveries=tuple(_deliveries(draw, one))))
    return tuple(made)


def _further(draw: st.DrawFn, kind: str, to: str, said: list[Message], number: int, following: int) -> list[Message]:
    body = draw(st.sampled_from(TEXTS))
    if kind == "one":
        return [message(number, "buyer", draw(st.sampled_from(to)), body)]
    if kind == "answer":
        asked = message(number, "supplier", draw(st.sampled_from(to)), "Combien ?", stance="question")
        return [asked, message(following, "buyer", body=body, publishes=asked.id, question="Combien ?")]
    if kind == "correction":
        wrong = draw(st.sampled_from([each for each in said if each.author == "buyer"]))
        right = message(number, "buyer", body=f"{body}, corrigé {number}", corrects=wrong.id)
        return [msgspec.structs.replace(right, supplier_id=wrong.supplier_id)]
    return [message(number, "buyer", body=body)]


def _deliveries(draw: st.DrawFn, one: Exchange) -> list[Delivery]:
    """Of most messages nothing is known, as of those that the buyer delivers."""
    pairs = [(each.id, to.supplier_id) for each in one.messages for to in one.recipients]
    chosen = draw(st.dictionaries(st.sampled_from(pairs), st.sampled_from(STATES), max_size=6))
    return [Delivery(*pair, state, WAYS.get(state, "email")) for pair, state in chosen.items()]


cases = st.builds(
    Case,
    exchanges(),
    st.lists(
        st.builds(
            lambda letter, lot, minute: set_aside(letter, lot=lot, at=NOW + timedelta(minutes=minute)),
            st.sampled_from("ABCD"),
            st.sampled_from("12"),
            st.integers(0, 60),
        ),
        max_size=3,
        unique_by=lambda each: (each.supplier_id, each.lot_id),
    ).map(tuple),
)


@given(cases)
def test_gaps_are_those_of_the_oracle(case: Case) -> None:
    """Each thing that is lacking is one gap, which names all who lack it."""
    matrix = treated(*case.exchanges, listed=LISTED, set_aside=case.set_aside)
    found = [(_code(gap), gap.message_id or gap.exchange_id) for gap in matrix.gaps]
    assert len(found) == len(set(found))
    lacking = ("".join(sorted(each.name for each in gap.suppliers)) for gap in matrix.gaps)
    expected = _expected(case)
    assert dict(zip(found, zip(lacking, (gap.others for gap in matrix.gaps), strict=True), strict=True)) == expected


def _code(gap: Gap) -> str:
    """The code of a gap; those that wait for a letter and for an e-mail are two."""
    return gap.code + (": letter" if "lettre" in gap.message else ": mail" if "courriel" in gap.message else "")


def _expected(case: Case) -> Found:
    told = sorted((each for one in case.exchanges for each in _told(one)), key=lambda each: each.message.id)
    found = _never_contacted(told, case)
    for group in _groups(told):
        found |= _gaps_of(group, told, case)
    return found


def _told(one: Exchange) -> list[Told]:
    everyone = frozenset("".join(each.name for each in one.recipients))
    states = {(each.message_id, each.supplier_id): each.state for each in one.deliveries}
    found: list[Told] = []
    for each in (each for each in one.messages if each.author == "buyer"):
        to = frozenset(name for name in everyone if each.supplier_id in {None, supplier(name)})
        opening = "" if found else f"{one.subject} {' '.join(one.lot_ids)} "
        known = {
            name: _as_answered(one, each, name, states.get((each.id, supplier(name)), "unconfirmed")) for name in to
        }
        arrived = frozenset(name for name in to if known[name] not in {"undeliverable", "cancelled"})
        surely = frozenset(name for name in to if known[name] in {"sent", "posted", "told", "answered"})
        under_way = {name: known[name] for name in to if known[name] in {"queued", "to_post"}}
        lots = frozenset(one.lot_ids) or frozenset("12")
        found.append(Told(one, each, opening + _question(one, each) + each.body, to, arrived, surely, under_way, lots))
    return found


def _as_answered(one: Exchange, said: Message, name: str, state: str) -> str:
    """Suppliers answer here by e-mail, which shows that the opening reached them."""
    answered = any(each.author == "supplier" and each.supplier_id == supplier(name) for each in one.messages)
    is_shown = answered and said.id == one.messages[0].id and state not in {"sent", "posted"}
    return "answered" if is_shown else state


def _question(one: Exchange, said: Message) -> str:
    while said.corrects:
        said = next(each for each in one.messages if each.id == said.corrects)
    return f"{said.question} " if said.question else ""


def _groups(told: list[Told]) -> list[list[Told]]:
    """Messages that are one information: a correction is one with what it corrects, the same words with the first."""
    groups: list[list[Told]] = []
    for each in told:
        like = next(one for one in told if one.words == each.words)
        own = next((group for group in groups for one in group if one.message.id == each.message.corrects), None)
        own = own or next((group for group in groups if like in group), None)
        if own is None:
            groups.append([each])
        else:
            own.append(each)
    return groups


def _gaps_of(group: list[Told], told: list[Told], case: Case) -> Found:
    corrections = [each for each in group if each.message.corrects]
    last = [each for each in group if each.words == (corrections or group)[-1].words]
    versions = {each.words for each in group}
    sent_last = {name for each in told if each.words == last[0].words for name in each.to}
    has_last = {name for each in told if each.words == last[0].words for name in each.arrived}
    surely_last = {name for each in told if each.words == last[0].words for name in each.surely}
    waiting = _waiting([each for each in told if each.words == last[0].words])
    has_any = {name for each in told if each.words in versions for name in each.arrived}
    lacking: dict[tuple[str, UUID], set[str]] = {}
    lots = frozenset(lot for each in group for lot in each.lots)
    for name in {name for each in told for name in each.to}:
        about, code = last[0].message, None
        if name in waiting:
            code = f"not_yet_delivered: {waiting[name]}" if surely_last else None
        elif name in sent_last:
            code = None if name in has_last else "not_delivered"
        elif name in has_any:
            code = "missed_correction" if has_last else None
        elif has_any:
            about, code = group[0].message, "missed_answer" if group[0].message.publishes else "missed_information"
        if code and _is_concerned(name, about.created_at, lots, case):
            lacking.setdefault((code, about.id), set()).add(name)
    # those who wait count only where nobody else has it
    waiting_any = _waiting([each for each in told if each.words in versions])
    having_last, having_any = has_last - waiting.keys() or has_last, has_any - waiting_any.keys() or has_any
    return {
        key: ("".join(sorted(names)), len((having_any if key[0] in MISSED else having_last) - names))
        for key, names in lacking.items()
    }


def _waiting(same: list[Told]) -> dict[str, str]:
    """Those for whom the same words are under way each time, and by what they come first."""
    found: dict[str, str] = {}
    for name in {name for each in same for name in each.arrived}:
        states = {each.under_way.get(name, "") for each in same if name in each.arrived}
        if "" not in states:
            found[name] = "letter" if "to_post" in states else "mail"
    return found


def _is_concerned(name: str, at: datetime, lots: frozenset[str], case: Case) -> bool:
    until = {each.lot_id: each.decided_at for each in case.set_aside if each.supplier_id == supplier(name)}
    written_to = [each for each in case.exchanges if name in {to.name for to in each.recipients}]
    own = {lot for lot, letters in LISTED.items() if name in letters}
    own |= {lot for each in written_to for lot in each.lot_ids}
    if name == "E" and any(not each.lot_ids for each in written_to):
        own |= {"1", "2"}
    return any(lot not in until or at < until[lot] for lot in own & lots)


def _never_contacted(told: list[Told], case: Case) -> Found:
    """Those of whom nobody thought, though something reached others about a lot for which they are not set aside."""
    lacking: dict[UUID, dict[str, set[str]]] = {}
    for name in "ABCD":
        aside = {each.lot_id for each in case.set_aside if each.supplier_id == supplier(name)}
        lots = {lot for lot, letters in LISTED.items() if name in letters} - aside
        reached = [each for each in told if each.lots & lots and each.arrived]
        if reached and not any(name in each.to for each in told):
            first = min(each.exchange.id for each in reached)
            others = {other for each in reached for other in each.arrived}
            lacking.setdefault(first, {})[name] = others - _waiting(reached).keys() or others
    return {
        ("not_contacted", first): ("".join(sorted(names)), len(set().union(*names.values())))
        for first, names in lacking.items()
    }
