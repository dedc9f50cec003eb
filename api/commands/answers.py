"""Answers in French, as parts to print: a shortlist, proposals of lots, the supply of a territory, a title as read."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from api.commands.console import Col, Facts, Headline, Part, Remarks, Rows, StyledText, Words
from domain.allotment.allotment import FIGURES, Allotment
from domain.law.procedures.lot_facts import lot_value_as_sum
from domain.needs.need import Lot, Need
from domain.reference.taxonomy import Taxonomy
from domain.report.lots import (
    advice_in_words,
    best_outcome,
    decisive_and_general,
    main_reasons,
    points_of_law,
    reminders_in_words,
    suppliers_in_words,
)
from domain.shortlists.listed_suppliers import Candidate, Eligibility, Reach, SupplierSummary, UnknownSupplier
from domain.shortlists.shortlist import Advice, LotShortlist, Severity, Shortlist, Stamp, TensionLevel
from domain.supply import Supply
from domain.text.bilingual import (
    OR,
    kilometres,
    known_count,
    listed,
    long_date,
    printed_before_tax,
    printed_count,
    printed_euros,
)
from domain.text.labels import KINDS, LEGAL_FORMS, MATCH_WORDS, OUTCOMES, RESERVED, SEVERITIES, SUPPOSED_FROM, TENSIONS
from matching.reference import Reference
from matching.words.title_reader import TRADE_FLOOR, TitleExplanation, TitleReader

TENSION_STYLES: dict[TensionLevel, str] = {
    "none": "bold red",
    "critical": "red",
    "unknown": "yellow",
    "low": "yellow",
    "good": "green",
}
SEVERITY_STYLES: dict[Severity, str] = {"blocking": "bold red", "warning": "yellow"}
ANSWERS = {outcome: words.fr for outcome, words in OUTCOMES.items()} | {"ELIGIBLE": "Oui", "INELIGIBLE": "Non"}
"""Whether a supplier may answer a reserved lot."""
BAR = 16
HERE, ELSEWHERE = "█", "░"
NOT_KNOWN = {"none": "sans genre connu", "unknown": "forme inconnue"}
"""Of suppliers that are counted."""
ANOTHER_TRADE = "un autre métier"
READINGS_SHOWN, LEAST_SHOWN = 6, 0.05
"""The readings of a title that interest a buyer: the first ones, those that are at least so likely."""


def shortlist_parts(
    need: Need, shortlist: Shortlist, reference: Reference, most_candidates: int | None = None
) -> Iterator[Part]:
    """The answer to a need as printed parts: its lots, the advice on the whole need, and the abbreviations used.

    `most_candidates`: those printed of each lot; None: all that were returned.
    """
    yield Headline(f"Besoin : {need.title or 'sans titre'}")
    about = need.buyer.name if need.buyer else None, need.reference, evaluation_in_words(shortlist.stamp)
    yield " · ".join(filter(None, about))
    lots = {lot.id: lot for lot in need.lots}
    for answered in shortlist.lots:
        yield from _LotPrinter(lots[answered.id], answered, reference, most_candidates).parts()
    if shortlist.advice:
        decisive, general = decisive_and_general(shortlist.advice)
        yield Headline("Pour l'ensemble du besoin", is_part=True)
        yield Remarks("", map(printed_advice, decisive))
        if general:
            yield Remarks(f"{reminders_in_words(general, need.contract).fr} :", map(printed_advice, general))
    suppliers = [row.supplier for lot in shortlist.lots for row in lot.candidates[:most_candidates]]
    suppliers += [miss.supplier for lot in shortlist.lots for miss in lot.near_misses]
    suppliers += [each.supplier for lot in shortlist.lots for each in lot.unknown_trade.nearest]
    yield from _legend_of_kinds(kind for supplier in suppliers for kind in supplier.kinds)


class _LotPrinter:
    """The answer to one lot as printed parts: headline, facts, tables of suppliers, remarks."""

    def __init__(self, lot: Lot, answered: LotShortlist, reference: Reference, most: int | None) -> None:
        self._lot, self._answered, self._territories = lot, answered, reference.territories
        self._law = reference.rules
        self._shown = answered.candidates[:most]
        self._labels = {wanted.segment: wanted.label for wanted in answered.requested}

    def parts(self) -> Iterator[Part]:
        lot, answered, shown = self._lot, self._answered, self._shown
        yield Headline(f"Lot {lot.id}" + (f" · {lot.title}" if lot.title else ""), is_part=True)
        yield Facts(self._lot_facts())
        if shown:
            first = (
                f" ; {'les' if len(shown) > 1 else 'le'} {len(shown)} premiers" if answered.total > len(shown) else ""
            )
            yield Headline(f"{suppliers_in_words(answered.total).fr}{first} :")
            may = [Col("Peut répondre ?", 19)] if lot.reserved else []
            columns = (
                Col("n°", is_number=True),
                Col("Fournisseur", 27),
                Col("Commune", 19),
                Col("Distance", is_number=True),
            )
            yield Rows((*columns, *may, Col("Pourquoi", 24)), map(self._candidate_row, shown))
        else:
            yield Headline(suppliers_in_words(0, answered.tension.unknown).capitalised().fr)
        groupings = []
        for grouping in answered.groupings:
            members = []
            for each in grouping.suppliers:
                far = () if each.distance_km is None else (kilometres(each.distance_km, rough=True).fr,)
                what = listed([self._labels[code] for code in each.segments]).fr
                members.append(f"{each.name} ({', '.join((what, *far))})")
            groupings.append(joined_sentences([" ; ".join(members), *_reach_in_words(grouping.reach)]))
        if groupings:
            yield Remarks("Groupements possibles pour tout le lot :", groupings)
        if answered.near_misses:
            intro = (
                "À la limite de vos critères :" if answered.candidates else "Hors de vos critères, les plus proches :"
            )
            told = (
                f"{', '.join(self._name_and_place(miss.supplier))} : {miss.message}" for miss in answered.near_misses
            )
            yield Remarks(intro, told)
        if answered.unknown_trade.nearest:
            unknown = answered.unknown_trade
            kinds = f" ({_counts_in_words(unknown.by_kind, {})})" if unknown.by_kind else ""
            yield Remarks(f"{unknown.message}{kinds} :", map(self._unknown_trade_line, unknown.nearest))
        yield Facts(self._competition_facts())
        if points := points_of_law(answered):
            yield Remarks("Droit et conseils :", map(printed_advice, points))

    def _trade_facts(self) -> Iterator[tuple[str, Words]]:
        for position, wanted in enumerate(self._answered.requested):
            support = ", activité support" if wanted.role == "support" else ""
            origins = []
            for source in wanted.sources:
                kind, _, value = source.partition(":")
                origins.append({"segment": f"segment {value}", "cpv": f"CPV {value}"}.get(kind, f"« {value} »"))
            read = listed(origins).fr
            yield "" if position else "Recherché", f"{wanted.label}{support} (lu dans : {read})"
        for position, each in enumerate(self._answered.suggested):
            sure = _as_percent(each.confidence)
            yield "" if position else "Aussi ?", f"{each.label} ({sure}, segment {each.segment})"

    def _lot_facts(self) -> Iterator[tuple[str, Words]]:
        lot, answered = self._lot, self._answered
        yield from self._trade_facts()
        place = answered.territory.label
        if lot.site:
            place += (
                f" ; lieu d'exécution : {self._commune_name(lot.site.commune) if lot.site.commune else 'point donné'}"
            )
        if supposed := answered.supposed_site:
            place += f" ; lieu supposé : {supposed.label}, {SUPPOSED_FROM[supposed.source].fr}"
        if lot.max_distance_km is not None:
            place += f" ; à {kilometres(lot.max_distance_km, rough=True).fr} au plus"
        yield "Territoire", place
        if lot.reserved:
            yield "Réservé", listed([RESERVED[kind].to.fr for kind in dict.fromkeys(lot.reserved)], OR).fr
        amount = "" if lot.value_eur is None else printed_euros(lot.value_eur, "fr")
        if amount and lot.value_covers == "all":
            amount += f" {MATCH_WORDS['covers_all'].fr}"
        if said := lot_value_as_sum(lot, self._law):  # where renewals or options add to it
            amount = printed_before_tax(said).fr
        terms = (
            amount,
            MATCH_WORDS["months"].fr.format(lot.duration_months) if lot.duration_months else "",
            MATCH_WORDS["renewable"].fr.format(lot.renewal_months) if lot.renewal_months else "",
        )
        if any(terms):
            yield "Marché", ", ".join(filter(None, terms))

    def _candidate_row(self, candidate: Candidate) -> Iterator[Words]:
        supplier = candidate.supplier
        yield str(candidate.rank)
        yield StyledText("".join(f", {kind}" for kind in supplier.kinds), supplier.name, "bold")
        yield self._commune_name(supplier.commune)
        yield "?" if candidate.distance_km is None else kilometres(candidate.distance_km, rough=True).fr
        if self._lot.reserved:
            yield _eligibility_in_words(candidate.eligibility)
        # offers as asked are not spelt out again
        objects = [wanted for wanted in self._answered.requested if wanted.role == "object"]
        exact = [answer for answer in candidate.segments if answer.fit == "exact" and answer.role == "object"]
        reasons, why = main_reasons(candidate), list[str]()
        if len(exact) == len(objects) > 0:
            why.append("Propose tout ce qui est recherché" if len(objects) > 1 else "Propose ce qui est recherché")
            reasons = [each for each in reasons if each.code != "segment_exact"]
        yield joined_sentences([*why, *(reason.message for reason in reasons), *_reach_in_words(candidate.reach)])

    def _unknown_trade_line(self, unknown: UnknownSupplier) -> str:
        contact = unknown.supplier.contact
        far = None if unknown.distance_km is None else kilometres(unknown.distance_km, rough=True).fr
        parts = (*self._name_and_place(unknown.supplier), far, contact.email or contact.phone or contact.website)
        verdict = _eligibility_in_words(unknown.eligibility)
        may = f" ; peut répondre : {verdict[:1].lower()}{verdict[1:]}" if verdict else ""
        why = (each.message for each in unknown.reasons if each.code not in ("distance", "presence_local"))
        return " – ".join((", ".join(filter(None, parts)) + may, *why))

    def _competition_facts(self) -> Iterator[tuple[str, Words]]:
        lot, answered = self._lot, self._answered
        yield "Offre repérée", StyledText(answered.tension.message, style=TENSION_STYLES[answered.tension.level])
        for covered in answered.coverage:
            surely = f"{covered.eligible} sûrs ou sur preuve, " if lot.reserved else ""
            found = f"{suppliers_in_words(covered.candidates).fr}, dont {surely}{covered.local} sur le territoire"
            if not covered.candidates and answered.tension.unknown:
                found = f"aucun fournisseur connu, {answered.tension.unknown} à interroger"
            many = "s" if covered.beyond_reach > 1 else ""
            beyond = f", {covered.beyond_reach} trop petit{many} pour ce lot" if covered.beyond_reach else ""
            yield "", f"{self._labels[covered.segment]} : {found}{beyond}"
        options, unknown = answered.alternatives, answered.alternatives.unknown_trade
        # of a prison workshop nothing is known before it is asked
        asked = (
            {} if lot.reserved == ("penitentiary",) else {"penitentiary": (0, options.reserved.get("penitentiary", 0))}
        )
        totals = ", ".join(
            f"{RESERVED[name].to.fr} {known_count(*asked.get(name, (total, unknown.get(name, 0)))).fr}"
            f"{' (non admis ici)' if name in options.forbidden else ''}"
            for name, total in options.reserved.items()
            if name in RESERVED
        )
        everybody = options.reserved["none"]
        unreserved = suppliers_in_words(everybody).fr if everybody else known_count(0, unknown.get("none", 0)).fr
        yield "Autrement", f"Sans réservation, {unreserved} ; réservé {totals}"
        nobody = "aucun connu" if answered.tension.unknown else "0"
        radii = (f"{radius} km au plus : {total or nobody}" for radius, total in options.radius_km.items())
        yield "", f"À {' ; '.join(radii)}"

    def _name_and_place(self, supplier: SupplierSummary) -> tuple[str, ...]:
        return supplier.name, *supplier.kinds, self._commune_name(supplier.commune)

    def _commune_name(self, code: str | None) -> str:
        return self._territories.commune_name(code) or "commune inconnue"


def _reach_in_words(reach: Reach) -> tuple[str, ...]:
    """The sentence on a reach; none where it is not known."""
    return () if reach.level == "unknown" else (reach.message,)


def allotment_parts(need: Need, found: Allotment) -> Iterator[Part]:
    """Proposals of lots as printed parts: a table of figures beside the lots as given, then each with the law on it."""
    yield Headline(f"Besoin : {need.title or 'sans titre'}")
    yield evaluation_in_words(found.stamp)
    names = ("Tel que demandé", *(f"n° {proposal.rank}" for proposal in found.proposals))
    summaries = found.as_given, *(proposal.summary for proposal in found.proposals)
    yield Rows(
        (Col(""), *(Col(name, is_number=True) for name in names)),
        ((each.label.fr, *(printed_count(each.of(one), "fr") for one in summaries)) for each in FIGURES),
    )
    for proposal in found.proposals:
        yield Headline(f"Proposition {proposal.rank} : {count_with_noun(len(proposal.lots), 'lot')}", is_part=True)
        words = Col("Lot"), Col("Objet", 30), Col("Territoire", 18), Col("Réservé", 14)
        numbers = (Col(name, is_number=True) for name in ("Fournisseurs", "Éligibles", "Locaux"))
        rows = list[Sequence[Words]]()
        for lot in proposal.lots:
            value = "" if lot.value_eur is None else f", {printed_euros(lot.value_eur, 'fr')}"
            if lot.estimated_value_eur is not None:
                value = f", environ {printed_euros(lot.estimated_value_eur, 'fr')}"
            reserved = listed([RESERVED[kind].name.fr for kind in lot.reserved], OR).fr
            total = StyledText(known_count(lot.total, lot.unknown).fr, style=TENSION_STYLES[lot.tension.level])
            counts = total, str(lot.eligible), str(lot.local)
            rows.append((lot.id, f"{lot.title}{value}", lot.territory.label, reserved, *counts))
        yield Rows((*words, *numbers), rows)
        said = ((lot.id, reason) for lot in proposal.lots for reason in lot.reasons)
        yield Remarks("", (f"{lot_id} – {one.message}" for lot_id, one in said if one.code == "part_supply"))
        yield Remarks("", map(printed_advice, proposal.advice))
    yield found.left_out or MATCH_WORDS["all_divisions"].fr


def supply_parts(supply: Supply, taxonomy: Taxonomy) -> Iterator[Part]:
    """The supply of a territory as printed parts: its segments with a bar for each, and its totals."""
    yield Headline(f"Offre : {supply.territory.label}")
    yield f"au {long_date(supply.on).fr}"
    numbers = (Col(name, is_number=True) for name in ("Tous", "Ici", "Hand.", "Insert.", "ESS"))
    most, unknown = max((item.suppliers for item in supply.items), default=0), supply.unknown_trade
    rows = list[Sequence[Words]]()
    for item in supply.items:
        # whoever stands there has at least one sign
        whole = max(1, round(BAR * item.suppliers / most)) if item.suppliers else 0
        here = min(whole, max(1, round(whole * item.local / item.suppliers))) if whole and item.local else 0
        counts = [item.suppliers or ("?" if unknown.total else 0), item.local]
        counts += [
            getattr(item.reserved, option) or ("?" if getattr(supply.unknown_reserved, option) else 0)
            for option in ("handicap", "iae", "ess")
        ]
        tension = StyledText(TENSIONS[item.tension].fr, style=TENSION_STYLES[item.tension])
        bar = HERE * here + ELSEWHERE * (whole - here)
        rows.append((taxonomy.label(item.segment), bar, *map(str, counts), tension))
    yield Rows((Col("Activité", 1), Col(" " * BAR), *numbers, Col("Offre repérée")), rows)
    yield f"{HERE} sur le territoire, {ELSEWHERE} d'ailleurs, qui y interviennent ; Hand., Insert., ESS : réservé à"
    if unknown.total:
        yield "? : aucun fournisseur connu ; des structures proches, d'activité non renseignée, sont à interroger"
    totals = supply.totals
    yield Headline(f"Sur le territoire : {count_with_noun(totals.suppliers, 'fournisseur')}")
    if totals.by_family:
        yield f"  {_counts_in_words(totals.by_family, {code: words.fr for code, words in LEGAL_FORMS.items()})}"
        yield f"  {_counts_in_words(totals.by_kind, {})}"
    if totals.employees_known:
        whose = "le seul" if totals.employees_known == 1 else f"les {totals.employees_known}"
        yield f"  {count_with_noun(totals.employees, 'salarié')} chez {whose} dont l'effectif est connu"
    yield f"Activité non renseignée, sur le territoire ou à 50 km : {count_with_noun(unknown.total, 'fournisseur')}"
    yield ""
    yield from _legend_of_kinds((*totals.by_kind, *unknown.by_kind))


def _counts_in_words(counts: Mapping[str, int], labels: Mapping[str, str]) -> str:
    named = {**NOT_KNOWN, **labels}
    return ", ".join(f"{named.get(code, code)} {number}" for code, number in counts.items())


def title_parts(explained: TitleExplanation, trades: Taxonomy, reader: TitleReader, text: str) -> Iterator[Part]:
    """The reading of a title as printed parts; `text`: the titles of need and lot, whose words replace their stems."""
    written = {stem: word for word in re.findall(r"[^\W_]+", text.lower()) for stem in reader.stems(word)}

    def spell_stems(stems: str) -> str:
        return " ".join(written.get(stem, stem) for stem in stems.split())

    def spell_phrases(phrases: Iterable[Sequence[str]]) -> str:
        return " | ".join(spell_stems(" ".join(part)) for part in phrases) or "-"

    title = explained.title
    found = [
        f"« {spell_stems(phrase)} » : {' ; '.join(map(trades.label, segments)) or ANOTHER_TRADE}"
        for phrase, segments in dict(explained.phrases).items()
    ] or ["aucune expression connue"]
    facts = ("Objet", spell_phrases(title.parts)), ("Complément", spell_phrases(title.context))
    known = (("" if place else "Reconnu", each) for place, each in enumerate(found))
    yield Facts((*facts, ("Laissé de côté", ", ".join(title.aside) or "-"), *known))
    yield f"Probabilité d'{ANOTHER_TRADE}, d'après les mots seuls : {_as_percent(explained.other)}"
    floor = f"au moins {_as_percent(TRADE_FLOOR)} pour retenir un segment"
    yield f"Probabilité d'un métier de la taxonomie, d'après tout : {_as_percent(explained.trade)} ({floor})"
    if not explained.given:
        yield "Aucun segment retenu."
    rows = []
    for place, (segment, chance, words) in enumerate(explained.readings[:READINGS_SHOWN]):
        if chance >= LEAST_SHOWN:
            chosen = "retenu" if place < explained.given else ""
            rows.append(
                (segment, trades.label(segment), _as_percent(chance), chosen, ", ".join(map(spell_stems, words)))
            )
    if rows:
        yield Rows([Col(name) for name in ("segment", "intitulé", "confiance", "", "d'après")], rows)


def _as_percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _legend_of_kinds(kinds: Iterable[str]) -> Iterator[str]:
    seen = set(kinds)
    if used := [f"{kind} {meaning.fr}" for kind, meaning in KINDS.items() if kind in seen]:
        yield f"Sigles : {' ; '.join(used)}."


def printed_advice(advice: Advice) -> StyledText:
    """Advice, led by the word for its severity unless that is `info`."""
    lead = "" if advice.severity == "info" else f"{SEVERITIES[advice.severity].fr} : "
    return StyledText(advice_in_words(advice, "fr"), lead, SEVERITY_STYLES.get(advice.severity, ""))


def count_with_noun(number: int, one: str, several: str | None = None) -> str:
    """`number` with the noun `one` or its plural `several`, by default `one` with an s."""
    return f"{printed_count(number, 'fr')} {one if number < 2 else several or one + 's'}"


def evaluation_in_words(stamp: Stamp) -> str:
    """The day of evaluation in words, with the day whose rules were applied where the two differ."""
    words = f"évalué au {long_date(stamp.on).fr}"
    if stamp.law_on is None:
        return words
    return f"{words} · {MATCH_WORDS['law_day'].fr.format(long_date(stamp.law_on).fr)}"


def joined_sentences(sentences: Sequence[str]) -> str:
    """The sentences joined by semicolons into one, such as "Sur place ; à confirmer"."""
    first, *others = sentences or ("",)
    return " ; ".join((first, *(f"{other[:1].lower()}{other[1:]}" for other in others)))


def _eligibility_in_words(verdicts: Sequence[Eligibility]) -> str:
    """The best verdict in words, its reserved types and the proofs to ask for; "" where there is no verdict."""
    found = [verdict for verdict in verdicts if verdict.outcome == best_outcome(verdicts)]
    if not found:
        return ""
    types = listed([RESERVED[verdict.reserved].name.fr for verdict in found]).fr
    asked = f" : demander {listed(found[0].missing).fr}" if found[0].missing else ""
    return f"{ANSWERS[found[0].outcome]}, {types}{asked}"
