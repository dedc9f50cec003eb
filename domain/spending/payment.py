"""Payments and contracts to be counted, and what the directory knows of whoever was paid."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec

from domain.law.reservations.eligibility import is_in_force, kinds_of, reserved_types
from domain.law.rules import InForce, Rules
from domain.needs.need import Code, Reserved, ShortText
from domain.suppliers.supplier import SIREN_DIGITS, SIRET_DIGITS, Approval, LegalForm

LARGEST_EUR = 1e12
Days = tuple[date | None, date | None]
Amount = Annotated[float, msgspec.Meta(ge=-LARGEST_EUR, le=LARGEST_EUR)]


class PaymentLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment or a contract, as JSON has it."""

    siret: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    """Of whoever was paid, 14 digits, or a SIREN of 9; null or anything else: it is counted as unknown"""
    amount: Amount | None = None
    """Euros excluding tax, rounded to the cent; negative: a credit; null only where `amount_eur` says it"""
    amount_eur: Amount | None = None
    """The same, under the name that money has elsewhere"""
    date: "date | None" = None
    """The day it was paid, or the contract notified; null: not known, and of no year"""
    object: ShortText | None = None
    """Its words, from which the segment is read where the CPV code does not say it; null: none"""
    cpv: Code | None = None
    """8 digits, with or without the check digit; null: not known"""
    reserved: bool | Reserved | tuple[Reserved, ...] | None = None
    """Whether the contract was reserved, or to whom; null: not known"""


class Payment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Payments or contracts that count alike, added up.

    `number`: SIRET or SIREN in digits, empty where none stands there; `is_sound`: its check digits agree. `first` and
    `last`: the days between which they were made; null: not known. `line`, `sheet`, `written`: where one
    that is listed if its number is no SIRET stands, and how it is written; null: of others. `lines`: how many they are.
    """

    line: int | None
    sheet: str | None
    written: str
    number: str
    is_sound: bool
    first: date | None
    last: date | None
    reserved: bool | None
    cents: int
    lines: int = 1

    @property
    def siren(self) -> str:
        """The number of the legal unit; empty where none is known."""
        return self.number[:SIREN_DIGITS] if self.is_sound else ""

    @property
    def year(self) -> str | None:
        """The year it was made in; None where it is not known."""
        return str(self.first.year) if self.first and self.last and self.first.year == self.last.year else None


NOTED_LATE = timedelta(days=92)
"""How long before the day of an award that was noted here its contract may have been notified."""


class PaidInTable(NamedTuple):
    """The SIRENs that a table pays, faulty ones too, each with its last day (`date.max`: not known), and the years.

    `unnumbered`: the cents of lines without a sound number.
    """

    sirens: dict[str, date]
    unnumbered: set[int]
    years: set[int]

    @classmethod
    def by(cls, payments: Collection[Payment]) -> "PaidInTable":
        """The facts of these payments."""
        sirens = dict[str, date]()
        for each in payments:
            siren = each.number[:SIREN_DIGITS]
            sirens[siren] = max(sirens.get(siren, date.min), each.last or date.max)
        sirens.pop("", None)
        years = {day.year for each in payments for day in (each.first, each.last) if day is not None}
        return cls(sirens, {each.cents for each in payments if not each.siren}, years)

    def reason_apart(self, number: str, cents: int, day: date) -> str | None:
        """The reason why an award is not added: the payments may be it, or are of other years; None: it is added."""
        if not self.sirens and not self.unnumbered:
            return None
        may_be_unnumbered = not self.unnumbered.isdisjoint(round(cents * vat) for vat in (1, 1.055, 1.1, 1.2))
        if may_be_unnumbered or self.sirens.get(number[:SIREN_DIGITS], date.min) >= day - NOTED_LATE:
            return "in_table"
        if not self.years or not min(self.years) <= day.year <= max(self.years):
            return "other_years"
        return None if number.isdecimal() else "no_siret"


class Payee(msgspec.Struct, frozen=True, gc=False):
    """The facts of a supplier of the directory that say which kinds of purchases its payments are.

    `siret`: the one by which it was found.
    """

    siret: str | None = None
    approvals: tuple[Approval, ...] | None = None
    legal_form: LegalForm | None = None
    ess: bool | None = None


class Standing(msgspec.Struct, frozen=True, cache_hash=True):
    """The facts known of a payee at the time of a payment. `figures`: the names of the sums that the payment counts in.

    `ess` null: not known. `by_siren`: it is known of other establishments of the legal unit alone. `undated`: a kind
    rests on an approval without dates; `lapsed`: an approval does not cover the time of the payment.
    """

    figures: frozenset[str] = frozenset()
    ess: bool | None = None
    by_siren: bool = False
    undated: bool = False
    lapsed: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known: neither a kind, nor whether it is of the social economy."""
        return self.ess is None and not self.figures


NOTHING_KNOWN = Standing()
KIND = "kind:"
"""Before a kind, in the name of its figure."""


class Standings:
    """Judges payees at the time of their payments, by the directory's `payees`; each once for a payee and a time."""

    def __init__(self, payees: Iterable[Payee], rules: Rules, today: date) -> None:
        self._rules, self._today = rules, today
        self._by_siret: dict[str, list[Payee]] = {}
        self._by_siren: dict[str, list[Payee]] = {}
        for each in payees:
            if each.siret is not None:
                self._by_siret.setdefault(each.siret, []).append(each)
                self._by_siren.setdefault(each.siret[:SIREN_DIGITS], []).append(each)
        self._dated = {siren for siren, found in self._by_siren.items() if any(each.approvals for each in found)}
        self._known: dict[tuple[object, ...], Standing] = {}

    def knows(self, number: str) -> bool:
        """Whether the directory has a supplier of this SIRET."""
        return number in self._by_siret

    def standing(self, payment: Payment) -> Standing:
        """The standing of the payee of a payment, by its SIRET, else by other establishments of its SIREN."""
        view = self._rules.view(payment.last or self._today)
        is_dated = payment.number[:SIREN_DIGITS] in self._dated
        key = payment.number, payment.is_sound, view, *((payment.first, payment.last) if is_dated else ())
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._judge(payment, view)
        return found

    def _judge(self, payment: Payment, view: InForce) -> Standing:
        own = self._by_siret.get(payment.number, ())
        of_siret = [judge_payee(each, payment, view) for each in own]
        found = _standing_of_several(of_siret, frozenset[str]().union(*(each.figures for each in of_siret)))
        if not found.is_unknown:
            return found
        siblings = self._by_siren.get(payment.siren, ()) if payment.siren else ()
        of_siren = [judge_payee(each, payment, view) for each in siblings]
        # of several establishments, what all have that have any: another kind may be of another one, and is where the
        # paid one has approvals of its own, which do not cover the time
        is_other = any(each.approvals for each in own)
        held = [each.figures for each in of_siren if each.figures and not is_other] or [frozenset()]
        found = _standing_of_several(of_siren, frozenset.intersection(*held)) if of_siren else NOTHING_KNOWN
        return found if found.is_unknown else msgspec.structs.replace(found, by_siren=True)


def _standing_of_several(found: list[Standing], figures: frozenset[str]) -> Standing:
    """The standing that several suppliers of one number make: of the social economy where one of them is."""
    said = {each.ess for each in found}
    ess = True if True in said else False if False in said else None
    return Standing(figures, ess, False, any(e.undated for e in found), any(e.lapsed for e in found))


def judge_payee(payee: Payee, payment: Payment, view: InForce) -> Standing:
    """The standing of one supplier at the time of a payment, by the rules of `view`.

    An approval counts where it covers the whole time in which the payment may have been made.
    """
    first, last = payment.first or date.min, payment.last or date.max
    held, undated, lapsed = set[str](), False, False
    for each in payee.approvals or ():
        if is_in_force(each, first) and is_in_force(each, last):
            held.add(each.kind)
            undated |= each.valid_from is None and each.valid_until is None
    lapsed = any(each.kind not in held for each in payee.approvals or ())
    figures = {KIND + kind for kind in held}
    for group, kinds in kinds_of_groups(view).items():
        if held & kinds:
            figures.add(group)
    return Standing(frozenset(figures), _is_ess(payee, held, view), False, undated, lapsed)


@lru_cache(maxsize=64)  # one for each time between two changes of the law
def kinds_of_groups(view: InForce) -> Mapping[str, frozenset[str]]:
    """The kinds of approval that make a payment one to the handicap sector, to inclusion, and to an ESUS."""
    groups: tuple[tuple[str, Reserved], ...] = (("handicap", "handicap"), ("iae", "iae"), ("esus", "ess"))
    return {name: kinds_of(reserved_types(view)[reserved].approvals, view) for name, reserved in groups}


def _is_ess(payee: Payee, held: set[str], view: InForce) -> bool | None:
    """Whether the payee is of the social economy: by its form, its word or an ESUS agreement; None: not known."""
    if payee.legal_form in view.codes("ess_legal_forms"):
        return True
    if payee.legal_form in view.codes("not_ess_legal_forms"):
        return False
    if payee.ess or held & view.codes("ess_evidence_kinds"):
        return True
    return payee.ess


def is_number(digits: str) -> bool:
    """Whether a text has as many digits as a SIRET or a SIREN."""
    return digits.isascii() and digits.isdigit() and len(digits) in (SIRET_DIGITS, SIREN_DIGITS)
