"""A shortlist on a terminal: in French, lot by lot, with what would change if the lot were asked otherwise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.commands.console import plain
from domain.law.procedures.lot_facts import sum_in_words
from domain.needs.need import Lot, Need
from domain.reference.territory import Territories
from domain.shortlists.shortlist import (
    Advice,
    Candidate,
    Eligibility,
    Grouping,
    LotShortlist,
    NearMiss,
    Severity,
    Shortlist,
    Stamp,
    UnknownSupplier,
)
from domain.text import typography
from domain.text.bilingual import OR, kilometres, listed, long_date
from domain.text.labels import KINDS, OUTCOMES, RESERVED, SEVERITIES

ANSWERS = {outcome: words.fr for outcome, words in OUTCOMES.items()} | {"ELIGIBLE": "Oui", "INELIGIBLE": "Non"}
"""Whether a supplier may answer a reserved lot, from the surest to the least."""
TENSION_STYLES = {"none": "bold red", "critical": "red", "unknown": "yellow", "low": "yellow", "good": "green"}
SEVERITY_STYLES: dict[Severity, str] = {"blocking": "bold red", "warning": "yellow"}

Fact = tuple[str, Text]


class ShortlistReport:
    """Writes the shortlist of one need. `shown`: candidates per lot; None: all that were returned."""

    def __init__(self, need: Need, territories: Territories, to: Console, shown: int | None = None) -> None:
        self._need, self._territories, self._to, self._shown = need, territories, to, shown

    def write(self, shortlist: Shortlist) -> None:
        """Write all lots, the advice on the whole need, and the abbreviations used."""
        self._heading(shortlist)
        lots = {lot.id: lot for lot in self._need.lots}
        for answered in shortlist.lots:
            self._lot(lots[answered.id], answered)
        if shortlist.advice:
            self._to.print()
            self._to.rule("Pour l'ensemble du besoin", align="left")
            self._to.print(bullets(map(advice_text, shortlist.advice)))
        self._abbreviations(shortlist)

    def _abbreviations(self, shortlist: Shortlist) -> None:
        suppliers = [row.supplier for lot in shortlist.lots for row in lot.candidates[: self._shown]]
        suppliers += [miss.supplier for lot in shortlist.lots for miss in lot.near_misses]
        suppliers += [each.supplier for lot in shortlist.lots for each in lot.unknown_trade.nearest]
        seen = {kind for supplier in suppliers for kind in supplier.kinds}
        if used := [f"{kind} {meaning.fr}" for kind, meaning in KINDS.items() if kind in seen]:
            self._to.print(f"\nSigles : {' ; '.join(used)}.")

    def _heading(self, shortlist: Shortlist) -> None:
        buyer = self._need.buyer.name if self._need.buyer else None
        about = [part for part in (buyer, self._need.reference) if part]
        self._to.print(plain(f"Besoin : {self._need.title or 'sans titre'}"), style="bold")
        self._to.print(plain(" · ".join((*about, evaluated_on(shortlist.stamp)))))

    def _lot(self, lot: Lot, answered: LotShortlist) -> None:
        self._to.print()
        title = f"Lot {lot.id}" + (f" · {lot.title}" if lot.title else "")
        self._to.rule(Text(plain(title), "bold"), align="left")
        self._to.print(_facts(self._request(lot, answered)))
        self._to.print()
        self._candidates(lot, answered)
        if answered.groupings:
            self._to.print("\nÀ plusieurs, ce que nul ne propose seul :")
            labels = {wanted.segment: wanted.label for wanted in answered.requested}
            self._to.print(bullets(_grouping(grouping, labels) for grouping in answered.groupings))
        if answered.near_misses:
            self._to.print("\nÉcartés de peu :" if answered.candidates else "\nÉcartés, les plus proches :")
            self._to.print(bullets(Text(self._near_miss(miss)) for miss in answered.near_misses))
        if answered.unknown_trade.nearest:
            self._to.print(f"\n{plain(answered.unknown_trade.message)} :")
            self._to.print(bullets(Text(self._unknown(each)) for each in answered.unknown_trade.nearest))
        self._to.print()
        self._to.print(_facts(_outlook(lot, answered)))
        if remarks := [*_findings(answered), *map(advice_text, answered.advice)]:
            self._to.print("\nDroit et conseils :")
            self._to.print(bullets(remarks))

    def _request(self, lot: Lot, answered: LotShortlist) -> Iterator[Fact]:
        for position, wanted in enumerate(answered.requested):
            support = ", activité support" if wanted.role == "support" else ""
            read = listed([_origin(source) for source in wanted.sources]).fr
            yield "" if position else "Recherché", Text(plain(f"{wanted.label}{support} (lu dans : {read})"))
        yield "Territoire", Text(plain("".join(self._place(lot, answered))))
        if lot.reserved:
            yield "Réservé", Text(listed([RESERVED[kind].to.fr for kind in dict.fromkeys(lot.reserved)], OR).fr)
        conditions = [_drawable(value)] if (value := _value(lot)) else []
        if lot.duration_months:
            conditions.append(f"{lot.duration_months} mois")
        if lot.renewal_months:
            conditions.append(f"reconductible {lot.renewal_months} mois")
        if conditions:
            yield "Marché", Text(", ".join(conditions))

    def _place(self, lot: Lot, answered: LotShortlist) -> Iterator[str]:
        yield answered.territory.label
        if lot.site is not None:
            yield f" ; lieu d'exécution : {self._commune(lot.site.commune) if lot.site.commune else 'point donné'}"
        if lot.max_distance_km is not None:
            yield f" ; à {kilometres(lot.max_distance_km, rough=True).fr} au plus"

    def _candidates(self, lot: Lot, answered: LotShortlist) -> None:
        shown = answered.candidates[: self._shown]
        if not shown:
            self._to.print("Aucun candidat", style="bold")
            return
        rest = "" if answered.total == len(shown) else f" ; {'les' if len(shown) > 1 else 'le'} {len(shown)} premiers"
        self._to.print(f"{count(answered.total, 'candidat')}{rest} :", style="bold")
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
        table.add_column("n°", justify="right", no_wrap=True)
        table.add_column("Fournisseur", ratio=27)
        table.add_column("Commune", ratio=19, overflow="fold")
        table.add_column("Distance", justify="right", no_wrap=True)
        if lot.reserved:
            table.add_column("Peut répondre ?", ratio=19)
        table.add_column("Pourquoi", ratio=24)
        for candidate in shown:
            table.add_row(*self._row(candidate, lot, answered))
        self._to.print(table)

    def _row(self, candidate: Candidate, lot: Lot, answered: LotShortlist) -> Iterator[str | Text]:
        supplier = candidate.supplier
        yield str(candidate.rank)
        yield Text.assemble((plain(supplier.name), "bold"), "".join(f", {kind}" for kind in supplier.kinds))
        yield self._commune(supplier.commune)
        yield "?" if candidate.distance_km is None else kilometres(candidate.distance_km, rough=True).fr
        if lot.reserved:
            yield _eligibility(candidate.eligibility)
        yield plain(continued(list(_why(candidate, answered))))

    def _near_miss(self, miss: NearMiss) -> str:
        named = ", ".join((miss.supplier.name, *miss.supplier.kinds, self._commune(miss.supplier.commune)))
        return plain(f"{named} : {miss.message}")

    def _unknown(self, unknown: UnknownSupplier) -> str:
        supplier, contact = unknown.supplier, unknown.supplier.contact
        parts = [supplier.name, *supplier.kinds, self._commune(supplier.commune)]
        if unknown.distance_km is not None:
            parts.append(kilometres(unknown.distance_km, rough=True).fr)
        if reached := contact.email or contact.phone or contact.website:
            parts.append(reached)
        verdict = _eligibility(unknown.eligibility)
        return plain(", ".join(parts) + (f" ; peut répondre : {verdict[:1].lower()}{verdict[1:]}" if verdict else ""))

    def _commune(self, code: str | None) -> str:
        return self._territories.commune_name(code) or "commune inconnue"


def count(number: int, one: str, several: str | None = None) -> str:
    """`number` with its noun; the plural takes an s unless given."""
    return f"{_drawable(typography.count(number, 'fr'))} {one if number < 2 else several or one + 's'}"


def evaluated_on(stamp: Stamp) -> str:
    """The day of evaluation in words and, where another one's rules were applied, that day."""
    words = f"évalué au {long_date(stamp.on).fr}"
    if stamp.law_on is None:
        return words
    return f"{words} · règles applicables au {long_date(stamp.law_on).fr}, jour prévu de publication"


def continued(sentences: Sequence[str]) -> str:
    """Sentences as one: "Sur place ; à confirmer"."""
    first, *others = sentences or ("",)
    return " ; ".join((first, *(f"{other[:1].lower()}{other[1:]}" for other in others)))


def _value(lot: Lot) -> str:
    """The amount of a lot, as a sum where renewals or options add to it; empty where it is not known."""
    if said := sum_in_words(lot):
        return typography.typeset(f"{said.fr} HT", "fr")
    amount = "" if lot.value_eur is None else typography.euros(lot.value_eur, "fr")
    return f"{amount} (reconductions et options comprises)" if amount and lot.value_covers == "all" else amount


def _drawable(text: str) -> str:
    """The text with spaces that every terminal can draw."""
    return text.replace(typography.NARROW, typography.NO_BREAK)


def _why(candidate: Candidate, answered: LotShortlist) -> Iterator[str]:
    """The reasons, short: what is offered as asked is not spelt out again, neighbours and the distance are left out."""
    objects = [wanted for wanted in answered.requested if wanted.role == "object"]
    exact = [answer for answer in candidate.segments if answer.fit == "exact" and answer.role == "object"]
    if len(exact) == len(objects) > 0:
        yield "Propose tout ce qui est recherché" if len(objects) > 1 else "Propose ce qui est recherché"
    left_out = {"segment_related", "distance"} | ({"segment_exact"} if len(exact) == len(objects) else set())
    yield from (reason.message for reason in candidate.reasons if reason.code not in left_out)


def _eligibility(verdicts: Sequence[Eligibility]) -> str:
    """The best verdict in words, under each of the reserved types for which it holds, with the proofs to ask for."""
    best = min(verdicts, key=lambda verdict: list(ANSWERS).index(verdict.outcome), default=None)
    if best is None:
        return ""
    types = [RESERVED[verdict.reserved].name.fr for verdict in verdicts if verdict.outcome == best.outcome]
    asked = f" : demander {listed(best.missing).fr}" if best.missing else ""
    return plain(f"{ANSWERS[best.outcome]}, {listed(types).fr}{asked}")


def _grouping(grouping: Grouping, labels: Mapping[str, str]) -> Text:
    """The members of a grouping, with what each answers."""
    parts: list[Text | tuple[str, str] | str] = []
    for each in grouping.suppliers:
        parts += [" ; "] if parts else []
        parts += [(plain(each.name), "bold"), plain(f" ({listed([labels[code] for code in each.segments]).fr}")]
        parts.append(")" if each.distance_km is None else f", {kilometres(each.distance_km, rough=True).fr})")
    return Text.assemble(*parts)


def _outlook(lot: Lot, answered: LotShortlist) -> Iterator[Fact]:
    yield "Concurrence", Text(plain(answered.tension.message), TENSION_STYLES[answered.tension.level])
    labels = {wanted.segment: wanted.label for wanted in answered.requested}
    for covered in answered.coverage:
        surely = f"{covered.eligible} sûrs ou sur preuve, " if lot.reserved else ""
        found = f"{count(covered.candidates, 'candidat')}, dont {surely}{covered.local} sur le territoire"
        yield "", Text(plain(f"{labels[covered.segment]} : {found}"))
    options = answered.alternatives
    totals = [
        f"{RESERVED[name].to.fr} {total}{' (non admis ici)' if name in options.forbidden else ''}"
        for name, total in options.reserved.items()
        if name in RESERVED
    ]
    open_to_all = count(options.reserved["none"], "candidat")
    yield "Autrement", Text(f"Sans réservation, {open_to_all} ; réservé {', '.join(totals)}")
    within = [f"{radius} km au plus : {total}" for radius, total in options.radius_km.items()]
    yield "", Text(f"À {' ; '.join(within)}")


def _findings(answered: LotShortlist) -> Iterator[Text]:
    for finding in answered.reservation.findings:
        yield _marked("blocking" if finding.outcome == "INELIGIBLE" else "warning", finding.message)


def advice_text(advice: Advice) -> Text:
    """Advice with the sets of lots that it concerns."""
    sets = listed([f"lots {listed(lots).fr}" if len(lots) > 1 else f"lot {lots[0]}" for lots in advice.lots], OR).fr
    return _marked(advice.severity, advice.message + (f" : {sets}" if sets else ""))


def _marked(severity: Severity, message: str) -> Text:
    """The message; what is more than information says so in front."""
    if severity == "info":
        return Text(plain(message))
    return Text.assemble((f"{SEVERITIES[severity].fr} : ", SEVERITY_STYLES[severity]), plain(message))


def _origin(source: str) -> str:
    """The part of the request that a segment comes from, such as `cpv:90919200`."""
    kind, _, value = source.partition(":")
    return {"segment": f"segment {value}", "cpv": f"CPV {value}"}.get(kind, f"« {value} »")


def _facts(facts: Iterator[Fact]) -> Table:
    return _grid(Column(style="dim", no_wrap=True, min_width=11), 2, facts)


def bullets(items: Iterable[Text]) -> Table:
    """The items one below the other, each behind a dash."""
    return _grid(Column(no_wrap=True), 1, (("  –", item) for item in items))


def _grid(first: Column, gap: int, rows: Iterable[Fact]) -> Table:
    grid = Table.grid(first, Column(ratio=1), padding=(0, gap, 0, 0))
    for row in rows:
        grid.add_row(*row)
    return grid
