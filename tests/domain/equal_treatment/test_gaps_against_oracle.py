"""Gaps against a slow and obvious way: every information held against every supplier, with plain sets."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.exchanges.exchange import Delivery, DeliveryState, Exchange, Message
from domain.shortlists.frozen import Decision
from tests.domain.equal_treatment.samples import set_aside, treated
from tests.domain.exchanges.samples import NOW, exchange, message, supplier

LETTERS = "ABCDE"
LISTED = {"1": "ABCD", "2": "CD"}
TEXTS = ("huit", "neuf", "dix")
STATES: tuple[DeliveryState, ...] = ("sent", "failed", "queued", "to_be_delivered_by_you", "cancelled")
Found = set[tuple[str, str, UUID | None]]


class Told(NamedTuple):
    """A message of the buyer's: what it says, to whom, of which lots, and who did not get it."""

    message: Message
    words: str
    corrects: str | None
    to: frozenset[str]
    failed: frozenset[str]
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
    return [Delivery(message_id, supplier_id, state) for (message_id, supplier_id), state in chosen.items()]


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
    matrix = treated(*case.exchanges, listed=LISTED, set_aside=case.set_aside)
    names = {supplier(letter): letter for letter in LETTERS}
    assert {(names[gap.supplier_id], gap.code, gap.message_id) for gap in matrix.gaps} == _expected(case)


def _expected(case: Case) -> Found:
    told = [each for one in case.exchanges for each in _told(one)]
    return {gap for group in _groups(told) for gap in _gaps_of(group, case)} | _never_contacted(told, case)


def _told(one: Exchange) -> list[Told]:
    everyone = frozenset("".join(each.name for each in one.recipients))
    failed = {(each.message_id, each.supplier_id) for each in one.deliveries if each.state in {"failed", "cancelled"}}
    found: dict[UUID, Told] = {}
    for position, each in enumerate(one.messages):
        if each.author == "supplier":
            continue
        to = frozenset(name for name in everyone if each.supplier_id in {None, supplier(name)})
        opening = f"{one.subject} {' '.join(one.lot_ids)} " if position == 0 else ""
        found[each.id] = Told(
            message=each,
            words=opening + _question(one, each) + each.body,
            corrects=found[each.corrects].words if each.corrects else None,
            to=to,
            failed=frozenset(name for name in to if (each.id, supplier(name)) in failed),
            lots=frozenset(one.lot_ids) or frozenset("12"),
        )
    return list(found.values())


def _question(one: Exchange, said: Message) -> str:
    while said.corrects:
        said = next(each for each in one.messages if each.id == said.corrects)
    return f"{said.question} " if said.question else ""


def _groups(told: list[Told]) -> list[list[Told]]:
    """Messages that are one information: the same words, or one the correction of the other, however far."""
    groups: list[list[Told]] = []
    for each in sorted(told, key=lambda one: one.message.id):
        near = [group for group in groups if any(_same(each, other) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append(sorted([each, *(one for group in near for one in group)], key=lambda one: one.message.id))
    return groups


def _same(one: Told, other: Told) -> bool:
    return other.words in {one.words, one.corrects} or other.corrects == one.words


def _gaps_of(group: list[Told], case: Case) -> Found:
    corrections = [each for each in group if each.corrects]
    last = [each for each in group if each.words == (corrections or group)[-1].words]
    has_last, has_any = _given(last), _given(group)
    lots = frozenset(lot for each in group for lot in each.lots)
    found: Found = set()
    for name in LETTERS:
        about, code = last[0].message, None
        if any(name in each.to for each in last):
            code = None if name in has_last else "not_delivered"
        elif name in has_any:
            code = "missed_correction" if has_last else None
        elif has_any:
            about, code = group[0].message, "missed_answer" if group[0].message.publishes else "missed_information"
        if code and _is_concerned(name, about.created_at, lots, case):
            found.add((name, code, about.id))
    return found


def _given(some: list[Told]) -> set[str]:
    return {name for each in some for name in each.to - each.failed}


def _is_concerned(name: str, at: datetime, lots: frozenset[str], case: Case) -> bool:
    until = {each.lot_id: each.decided_at for each in case.set_aside if each.supplier_id == supplier(name)}
    written_to = [each for each in case.exchanges if name in {to.name for to in each.recipients}]
    own = {lot for lot, letters in LISTED.items() if name in letters}
    own |= {lot for each in written_to for lot in each.lot_ids}
    if name == "E" and any(not each.lot_ids for each in written_to):
        own |= {"1", "2"}
    return any(lot not in until or (bool(written_to) and at < until[lot]) for lot in own & lots)


def _never_contacted(told: list[Told], case: Case) -> Found:
    found: Found = set()
    for lot, letters in LISTED.items():
        for name in letters:
            aside = any((each.lot_id, each.supplier_id) == (lot, supplier(name)) for each in case.set_aside)
            reached = any(lot in each.lots and each.to - each.failed for each in told)
            if not aside and reached and not any(name in each.to for each in told):
                found.add((name, "not_contacted", None))
    return found
