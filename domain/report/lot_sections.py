"""The lots of a sourcing report in words: what was asked, who fits and why, who nearly does."""

from collections.abc import Iterator

from domain.needs.need import Reserved
from domain.report.blocks import (
    Block,
    Cell,
    Column,
    Line,
    Paragraph,
    Section,
    Table,
    Term,
    Terms,
    cell,
    lot_column,
    small,
    strong,
)
from domain.report.labels import (
    GATES,
    NATURES,
    OUTCOMES,
    RESERVED,
    SEVERITIES,
    SEVERITY_STYLES,
    SHORTLY,
    VERDICTS,
)
from domain.report.model import Report, ReportCandidate, ReportDecision, ReportLot, ReportNearMiss, ReportSupplier
from domain.report.typography import count, euros, listed, typeset
from domain.shortlists.shortlist import Advice
from domain.text.bilingual import Language, Text, decimal

FEWEST_SHOWN = 3
MOST_CANDIDATES, MOST_MISSES = 1_500, 600
"""Rows in the tables of all lots together: a document of hundreds of pages is read by nobody. The data has them all."""
LEFT_OUT = frozenset(("distance", "segment_related"))
"""Reasons that have a column of their own, or are no reason."""


class LotPages:
    """Writes the lots of a report."""

    def __init__(self, report: Report) -> None:
        self._language: Language = report.language
        self._candidates_shown = max(FEWEST_SHOWN, MOST_CANDIDATES // len(report.lots))
        self._misses_shown = max(FEWEST_SHOWN, MOST_MISSES // len(report.lots))

    def section(self, lot: ReportLot) -> Section:
        blocks = (
            Terms(tuple(self._asked(lot))),
            *self._law(lot),
            *self._candidates(lot),
            *self._near_misses(lot),
        )
        return Section(f"lot-{lot.id}", self.title(lot), blocks)

    def title(self, lot: ReportLot) -> str:
        """ "Lot 2 – Biodéchets"."""
        return f"Lot {lot.id}" + (f" – {lot.title}" if lot.title else "")

    def reserved_to(self, reserved: tuple[Reserved, ...]) -> str:
        """To whom a lot is reserved, in a word."""
        if not reserved:
            return self._say(Text("Non réservé", "Not reserved"))
        first, *others = (SHORTLY[each].to(self._language) for each in reserved)
        kinds = [first, *(each if each.isupper() else each.lower() for each in others)]
        return listed(kinds, self._language, last=("ou", "or"))

    def _reserved(self, lot: ReportLot) -> str:
        if not lot.reserved:
            return self._say(Text("Aucune", "None"))
        kinds = listed([self._say(RESERVED[each]) for each in lot.reserved], self._language, last=("ou", "or"))
        return kinds[:1].upper() + kinds[1:]

    def value(self, lot: ReportLot) -> str:
        if lot.value_eur is None:
            return self._say(Text("non renseignée", "not stated"))
        return euros(lot.value_eur, self._language)

    def duration(self, lot: ReportLot) -> str:
        """How long the contract lasts, renewals too."""
        if lot.duration_months is None:
            return self._say(Text("non renseignée", "not stated"))
        text = self._say(Text(f"{lot.duration_months} mois", f"{lot.duration_months} months"))
        if lot.renewal_months:
            renewal = Text(f", reconductible {lot.renewal_months} mois", f", renewable for {lot.renewal_months} months")
            text += self._say(renewal)
        return text

    def advice(self, advice: Advice) -> Paragraph:
        """A piece of advice; what is more than that says so in front."""
        said = typeset(advice.message, self._language)
        if advice.lots and not (len(advice.lots) == 1 and all(lot in said for lot in advice.lots[0])):
            sets = [listed(list(lots), self._language) for lots in advice.lots]
            named = Text(f" : lots {' ; ou '.join(sets)}", f": lots {'; or '.join(sets)}")
            said += self._say(named)
        if advice.severity != "info":
            mark = SEVERITIES[advice.severity]
            said = self._say(Text(f"{mark.fr} : ", f"{mark.en}: ")) + said
        return Paragraph(_ended(said), SEVERITY_STYLES[advice.severity])

    def _say(self, text: Text) -> str:
        return typeset(text.to(self._language), self._language)

    def _asked(self, lot: ReportLot) -> Iterator[Term]:
        for role, name in (("object", Text("Activité recherchée", "Activity sought")), ("support", SUPPORT)):
            labels = tuple(Line(each.label) for each in lot.requested if each.role == role)
            if labels or role == "object":
                yield Term(self._say(name), labels or cell(self._say(NOT_RECOGNISED)))
        about = [NATURES[lot.nature].to(self._language)] if lot.nature else []
        about += [f"{self._say(Text('codes CPV', 'CPV codes'))} {', '.join(lot.cpv)}"] if lot.cpv else []
        if about:
            yield Term(self._say(Text("Nature", "Nature")), cell(", ".join(about)))
        yield Term(self._say(Text("Réservation", "Reservation")), cell(self._reserved(lot)))
        contract = self._apart(self.value(lot), self.duration(lot))
        yield Term(self._say(Text("Valeur et durée", "Value and duration")), cell(contract))
        yield Term(self._say(Text("Lieu", "Place")), self._place(lot))

    def _place(self, lot: ReportLot) -> Cell:
        parts = [lot.territory]
        if lot.site:
            parts.append(self._say(Text("exécution : ", "performance: ")) + lot.site)
        if lot.max_distance_km is not None:
            cap = self.kilometres(lot.max_distance_km)
            parts.append(self._say(Text(f"à {cap} au plus", f"at most {cap} away")))
        return cell(self._apart(*parts))

    def _apart(self, *parts: str) -> str:
        """Parts with a semicolon between them."""
        return self._say(Text(" ; ", "; ")).join(parts)

    def kilometres(self, distance_km: float) -> str:
        """A distance, to a decimal below 10 km."""
        digits = 1 if 0 < distance_km < 10 else 0
        return f"{decimal(distance_km, self._language, digits)}\N{NO-BREAK SPACE}km"

    def _law(self, lot: ReportLot) -> Iterator[Block]:
        tension = typeset(lot.tension.message, self._language)
        lead = self._say(Text("Concurrence : ", "Competition: "))
        said = f"{lead}{tension[:1].lower()}{_ended(tension[1:])}"
        yield Paragraph(said, "alert" if lot.tension.level in {"none", "critical"} else "plain")
        for finding in lot.reservation:
            outcome = OUTCOMES[finding.outcome]
            verdict = FORBIDDEN if finding.outcome == "INELIGIBLE" else outcome
            text = (
                f"{verdict.to(self._language)}{self._say(Text(' : ', ': '))}{typeset(finding.message, self._language)}"
            )
            yield Paragraph(text, "alert" if finding.outcome == "INELIGIBLE" else "note")
        yield from (self.advice(each) for each in lot.advice)

    def _candidates(self, lot: ReportLot) -> Iterator[Block]:
        if not lot.candidates:
            yield Paragraph(self._say(Text("Aucun candidat pour ce lot.", "No candidate for this lot.")), "alert")
            return
        shown = min(len(lot.candidates), self._candidates_shown)
        caption = Text(f"Fournisseurs repérés : {lot.total}", f"Suppliers found: {lot.total}")
        if shown < lot.total:
            caption = Text(f"{caption.fr}, dont les {shown} premiers", f"{caption.en}, the first {shown} shown")
        columns = [
            Column(self._say(Text("Rang", "Rank")), 4, numeric=True),
            Column(self._say(Text("Fournisseur", "Supplier")), 15),
            Column(self._say(Text("Distance", "Distance")), 6, numeric=True),
            *([Column(self._say(Text("Réservation", "Reservation")), 15)] if lot.reserved else []),
            Column(self._say(Text("Raisons", "Reasons")), 15),
            Column(self._say(Text("Décision", "Decision")), 11),
        ]
        rows = tuple(self._candidate(lot, each) for each in lot.candidates[:shown])
        yield Table(self._say(caption), tuple(columns), rows)

    def _candidate(self, lot: ReportLot, row: ReportCandidate) -> tuple[Cell, ...]:
        reasons = [each.message for each in row.reasons if each.code not in LEFT_OUT]
        far = None if row.distance_km is None else self.kilometres(row.distance_km)
        return (
            cell(str(row.rank)),
            self.supplier(row.supplier),
            cell(far or self._say(UNKNOWN)),
            *([self._eligibility(row)] if lot.reserved else []),
            tuple(small(typeset(reason, self._language)) for reason in reasons),
            self.decision(row.decision),
        )

    def _eligibility(self, row: ReportCandidate) -> Cell:
        if row.outcome is None:
            return cell("–")
        best = next(each for each in row.eligibility if each.outcome == row.outcome)
        asked = self._say(Text("À demander : ", "To ask for: ")) + ", ".join(best.missing) if best.missing else None
        message = typeset(best.message, self._language) if row.outcome != "ELIGIBLE" or best.code else None
        return cell(
            OUTCOMES[row.outcome].to(self._language),
            small(message or self._say(Text(f"article {best.article}", f"article {best.article}"))),
            small(typeset(asked, self._language)) if asked else None,
        )

    def supplier(self, supplier: ReportSupplier) -> Cell:
        """Its name, and below it what kind it is of and where."""
        about = " · ".join((*supplier.kinds, *([supplier.commune] if supplier.commune else [])))
        return cell(strong(supplier.name), small(about))

    def decision(self, decision: ReportDecision | None) -> Cell:
        """What the buyer decided, and why."""
        if decision is None:
            return cell("–")
        return cell(VERDICTS[decision.decision].to(self._language), small(decision.reason or ""))

    def _near_misses(self, lot: ReportLot) -> Iterator[Block]:
        if not lot.near_misses:
            return
        columns = (
            Column(self._say(Text("Fournisseur", "Supplier")), 15),
            Column(self._say(Text("Critère", "Criterion")), 8),
            Column(self._say(Text("Ce qui manque", "What is lacking")), 26),
            Column(self._say(Text("Décision", "Decision")), 11),
        )
        caption = Text("Fournisseurs écartés de peu", "Suppliers that nearly fit")
        yield Table(self._say(caption), columns, tuple(map(self._near_miss, lot.near_misses[: self._misses_shown])))

    def _near_miss(self, row: ReportNearMiss) -> tuple[Cell, ...]:
        return (
            self.supplier(row.supplier),
            cell(GATES[row.excluded_by].to(self._language)),
            cell(typeset(row.message, self._language)),
            self.decision(row.decision),
        )

    def coverage(self, lots: tuple[ReportLot, ...]) -> Table:
        """The figures of the chart."""
        number = [Column(self._say(each), 5, numeric=True) for each in COUNTS]
        columns = (lot_column(lot.id for lot in lots), Column(self._say(Text("Activité", "Activity")), 16), *number)
        rows = tuple(
            (
                cell(lot.id),
                cell(next((r.label for r in lot.requested if r.segment == each.segment), each.segment)),
                *(cell(count(value, self._language)) for value in (each.candidates, each.eligible, each.local)),
            )
            for lot in lots
            for each in lot.coverage
        )
        return Table(self._say(Text("Fournisseurs par activité", "Suppliers by activity")), columns, rows)


def _ended(sentence: str) -> str:
    """The sentence with its stop."""
    return sentence if sentence.endswith((".", "?", "!", "…")) else f"{sentence}."


SUPPORT = Text("Activité support", "Supporting activity")
UNKNOWN = Text("inconnue", "unknown")
NOT_RECOGNISED = Text("aucune activité reconnue", "no activity recognised")
FORBIDDEN = Text("Réservation interdite", "Reservation forbidden")
COUNTS = (
    Text("Candidats", "Candidates"),
    Text("Peuvent répondre", "May answer"),
    Text("Sur place", "On the spot"),
)
