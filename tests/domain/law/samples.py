"""Needs to put before the law: only what a test is about is written out."""

from collections.abc import Mapping
from datetime import date

from domain.law.findings import LegalAdvice, LegalFinding, NeedReview
from domain.law.procedures.lot_facts import Understood
from domain.law.review import review_need
from domain.law.rules import LAW_FILE, Rules, load, parse
from domain.needs.need import Buyer, BuyerKind, Lot, Need
from domain.shortlists.listed_suppliers import Confidence

TODAY = date(2026, 11, 24)
LOCAL = Buyer(kind="local", contracting_authority=True)
WORKS, CLEANING, CARE = "45442100", "90919200", "85312000"
"""Painting, cleaning, and a social service, as CPV."""


def buyer(kind: BuyerKind) -> Buyer:
    return Buyer(kind=kind, contracting_authority=True)


def need(*lots: Lot, buyer: Buyer | None = LOCAL, **more: object) -> Need:
    return Need(lots=lots, buyer=buyer, **more)  # type: ignore[arg-type]


def services(*values: float | None, **more: object) -> Need:
    """Lots of one family of services (cleaning), one per value, numbered from 1."""
    lots = (
        Lot(id=str(place), segments=("pr-locaux",), cpv=("90919200",), nature="services", value_eur=value)
        for place, value in enumerate(values, start=1)
    )
    return need(*lots, **more)  # type: ignore[arg-type]


def lots(described: Mapping[str, tuple[str, float | None]], **more: object) -> Need:
    """Lots by their ids, each with its CPV and value."""
    return need(*(Lot(id=name, cpv=(cpv,), value_eur=value) for name, (cpv, value) in described.items()), **more)  # type: ignore[arg-type]


def works(*values: float | None, **more: object) -> Need:
    """Lots of works (painting), one per value, numbered from 1."""
    lots = (
        Lot(id=str(place), segments=("bt-peinture",), cpv=("45442100",), nature="works", value_eur=value)
        for place, value in enumerate(values, start=1)
    )
    return need(*lots, **more)  # type: ignore[arg-type]


def law(*changes: tuple[str, str, str]) -> Rules:
    """The rules with some words of theirs changed: the id of a rule, the words, what stands there instead."""
    text = LAW_FILE.read_text(encoding="utf-8")
    for rule_id, words, others in changes:
        head, start, rest = text.partition(f'id = "{rule_id}"\n')
        rule, end, tail = rest.partition("[[rule]]")
        assert words in rule
        text = "".join((head, start, rule.replace(words, others), end, tail))
    return parse(text.encode())


def rule(*periods: str, name: str = "ceiling", unit: str | None = "eur") -> str:
    """A rule of these periods, as the file writes it."""
    head = f'[[rule]]\nid = "{name}"\ntheme = "thresholds"\narticle = "R1"\n'
    head += f'unit = "{unit}"\n' if unit else ""
    message = 'message = {fr = "Plafond de {value}", en = "Ceiling of {value}"}\n'
    return f"{head}{message}periods = [{','.join(periods)}]\n"


def rules(*written: str) -> Rules:
    """The law made of these rules alone."""
    return parse(("vintage = 2026-11-24\n" + "".join(written)).encode())


def review(asked: Need, on: date = TODAY, rules: Rules | None = None) -> NeedReview:
    return review_need(asked, on, rules or load())


def review_read(asked: Need, sure: Confidence, *segments: str) -> NeedReview:
    """The review of a need of one lot, in which these segments are read, as surely as `sure`."""
    return review_need(asked, TODAY, load(), {"1": Understood(segments, sure)})


def codes(found: tuple[LegalAdvice, ...] | tuple[LegalFinding, ...]) -> list[str]:
    return [item.code for item in found]


def advice(asked: Need, on: date = TODAY) -> list[str]:
    """The codes of the need's advice."""
    return codes(review(asked, on).advice)


def the(code: str, found: tuple[LegalAdvice, ...]) -> LegalAdvice:
    """The first advice with this code."""
    return next(item for item in found if item.code == code)


def findings(asked: Need, on: date = TODAY, lot: str = "1") -> dict[str, str]:
    """Code → outcome of one lot's reservation."""
    return {finding.code: finding.outcome for finding in review(asked, on).lots[lot].reservation}


PROCEDURES = {"GRE_A_GRE", "MAPA", "PROC_FORMALISEE", "CONCESSION_SIMPLIFIED"}


def procedure(asked: Need, on: date = TODAY) -> list[str]:
    """The procedures advised, one per group of lots."""
    return [code for code in advice(asked, on) if code in PROCEDURES]
