"""The sourcing report as a document to print, put on file and read aloud: all its sections, in words."""

import re
from collections.abc import Iterator

import msgspec

from domain.report.blocks import (
    Block,
    Cell,
    Column,
    Document,
    Figure,
    Number,
    Numbers,
    Paragraph,
    Section,
    Table,
    Term,
    Terms,
    cell,
    lot_column,
)
from domain.report.boilerplate import ABBREVIATIONS_USED, FULL, LANGUAGE_NOTE, REDACTED
from domain.report.labels import (
    ABBREVIATIONS,
    CHANGED,
    CONTRACTS,
    OPTIONS,
    PROCEDURES,
    STANDINGS,
    STATUSES,
    TECHNIQUES,
    TENSIONS,
)
from domain.report.lot_sections import LotPages
from domain.report.model import Report, ReportLot
from domain.report.process_sections import RecordPages
from domain.report.typography import count, day, euros, listed, typeset
from domain.text.bilingual import Text

LONGEST_HEAD = 60


def document(report: Report) -> Document:
    """The report in words, in its own language."""
    return _Pages(report).document()


class _Pages:
    def __init__(self, report: Report) -> None:
        self._report, self._language = report, report.language
        self._lots = LotPages(report)
        self._record = RecordPages(report, self._lots)

    def _say(self, text: Text) -> str:
        return typeset(text.to(self._language), self._language)

    def document(self) -> Document:
        report, need = self._report, self._report.need
        title = need.title or need.reference or self._say(Text("Besoin sans titre", "Untitled need"))
        kind = Text("Rapport de sourcing", "Sourcing report")
        return Document(
            language=self._language,
            kicker=self._say(kind),
            title=title,
            subtitle=self._say(
                Text(
                    "Préparation d'un marché public, article R2111-1 du code de la commande publique",
                    "Preparation of a public contract, article R2111-1 of the Code de la commande publique",
                )
            ),
            author=need.buyer,
            notice=self._say(REDACTED if report.variant == "redacted" else FULL),
            running=self._say(kind) + (f" – {_shortened(need.reference)}" if need.reference else ""),
            contents=self._say(Text("Sommaire", "Contents")),
            front=Terms(tuple(self._front())),
            sections=tuple(self._sections()),
            colophon=self._colophon(),
        )

    def _front(self) -> Iterator[Term]:
        need, version = self._report.need, self._report.version
        yield self._term(Text("Acheteur", "Buyer"), need.buyer)
        if need.reference:
            yield self._term(Text("Référence", "Reference"), need.reference)
        yield self._term(Text("État", "Status"), STATUSES[need.status].to(self._language))
        numbered = Text(
            f"version {version.number} du {day(version.created_at, 'fr')}",
            f"version {version.number} of {day(version.created_at, 'en')}",
        )
        if version.number < version.latest:
            numbered = Text(
                f"{numbered.fr} (la dernière est la version {version.latest})",
                f"{numbered.en} (the latest is version {version.latest})",
            )
        yield self._term(Text("Sélection de fournisseurs", "Shortlist"), self._say(numbered))
        yield self._term(Text("Document établi le", "Document made on"), day(self._report.generated_at, self._language))

    def _term(self, name: Text, *lines: str) -> Term:
        return Term(self._say(name), cell(*lines))

    def _sections(self) -> Iterator[Section]:
        yield self._section("summary", Text("Synthèse", "Summary"), self._summary())
        yield self._section("need", Text("Le besoin", "The need"), self._need())
        yield self._section("method", Text("Méthode", "Method"), self._method())
        yield self._section(
            "map", Text("Territoire et fournisseurs repérés", "Territory and suppliers found"), self._map()
        )
        yield self._section("coverage", Text("Couverture et concurrence", "Coverage and competition"), self._coverage())
        yield Section(
            "lots",
            self._say(Text("Fournisseurs par lot", "Suppliers by lot")),
            tuple(self._lots_lead()),
            tuple(self._lots.section(lot) for lot in self._report.lots),
        )
        yield from self._record.sections()

    def _section(self, id_: str, title: Text, blocks: Iterator[Block]) -> Section:
        return Section(id_, self._say(title), tuple(blocks))

    def _summary(self) -> Iterator[Block]:
        report = self._report
        found = len(report.placement.suppliers) + report.placement.unplaced
        answered = sum(each.position is not None for each in report.contacted)
        held = sum(each.status == "held" for each in report.meetings)
        figures = (
            (len(report.lots), Text("lot", "lot"), Text("lots", "lots")),
            (
                found,
                Text("fournisseur étudié", "supplier examined"),
                Text("fournisseurs étudiés", "suppliers examined"),
            ),
            (len(report.contacted), Text("contacté", "contacted"), Text("contactés", "contacted")),
            (answered, Text("a répondu", "answered"), Text("ont répondu", "answered")),
            (held, Text("rencontre tenue", "meeting held"), Text("rencontres tenues", "meetings held")),
            (
                len(report.treatment.gaps),
                Text("écart d'égalité de traitement", "gap in equal treatment"),
                Text("écarts d'égalité de traitement", "gaps in equal treatment"),
            ),
        )
        yield Numbers(
            tuple(
                Number(count(number, self._language), self._say(one if number < 2 else several))
                for number, one, several in figures
            )
        )
        weak = [lot for lot in report.lots if lot.tension.level in {"none", "critical"}]
        if weak:
            named = listed([lot.id for lot in weak], self._language)
            yield Paragraph(
                self._say(
                    Text(
                        f"Concurrence fragile (deux candidats au plus) : lot{'s' if len(weak) > 1 else ''} {named}.",
                        f"Weak competition (two candidates at most): lot{'s' if len(weak) > 1 else ''} {named}.",
                    )
                ),
                "alert",
            )
        if report.need.description:
            yield Paragraph(report.need.description)

    def _need(self) -> Iterator[Block]:
        need = self._report.need
        terms = [self._term(Text("Contrat", "Contract"), self._contract())]
        if need.estimated_total_eur is not None:
            amount = euros(need.estimated_total_eur, self._language)
            terms.append(self._term(Text("Valeur totale estimée", "Estimated total"), amount))
        else:
            known = [lot.value_eur for lot in self._report.lots if lot.value_eur is not None]
            if known:
                whole = euros(sum(known), self._language)
                missing = len(self._report.lots) - len(known)
                note = Text(f" (valeur inconnue pour {missing} lot(s))", f" (value unknown for {missing} lot(s))")
                total = whole + (self._say(note) if missing else "")
                terms.append(self._term(Text("Somme des lots", "Sum of the lots"), total))
        places = list(dict.fromkeys(lot.territory for lot in self._report.lots))
        shown = places if len(places) <= 8 else [*places[:8], "…"]
        terms.append(self._term(Text("Territoire", "Territory"), ", ".join(shown)))
        terms += self._dates()
        yield Terms(tuple(terms))
        if need.changed_since:
            named = [self._say(CHANGED[name]) for name in need.changed_since if name in CHANGED]
            yield Paragraph(
                self._say(
                    Text("Le besoin a changé depuis cette sélection : ", "The need has changed since this shortlist: ")
                )
                + f"{listed(named, self._language)}.",
                "note",
            )
        yield self._table_of_lots()

    def _contract(self) -> str:
        need = self._report.need
        parts = [CONTRACTS[need.contract]]
        parts += [TECHNIQUES[need.technique]] if need.technique else []
        procedure = PROCEDURES[need.procedure] if need.procedure else Text("procédure à définir", "procedure to be set")
        first, *others = (self._say(part) for part in (*parts, procedure))
        return ", ".join((first, *(each[:1].lower() + each[1:] for each in others)))

    def _dates(self) -> Iterator[Term]:
        need = self._report.need
        dates = (
            (Text("Besoin enregistré le", "Need recorded on"), need.created_at),
            (Text("Publication prévue le", "Publication planned on"), need.planned_publication_on),
            (Text("Avis publié le", "Notice published on"), need.published_at),
            (Text("Terminé le", "Ended on"), need.ended_at),
        )
        for name, when in dates:
            if when is not None:
                yield self._term(name, day(when, self._language))

    def _table_of_lots(self) -> Table:
        columns = (
            lot_column(lot.id for lot in self._report.lots),
            Column(self._say(Text("Objet", "Object")), 14),
            Column(self._say(Text("Réservation", "Reservation")), 10),
            Column(self._say(Text("Valeur", "Value")), 9, numeric=True),
            Column(self._say(Text("Durée", "Duration")), 11),
            Column(self._say(Text("Candidats", "Candidates")), 7, numeric=True),
        )
        rows = tuple(
            (
                cell(lot.id),
                cell(lot.title or ", ".join(each.label for each in lot.requested) or "–"),
                cell(self._lots.reserved_to(lot.reserved)),
                cell(self._lots.value(lot)),
                cell(self._lots.duration(lot)),
                cell(count(lot.total, self._language)),
            )
            for lot in self._report.lots
        )
        return Table(self._say(Text("Les lots", "The lots")), columns, rows)

    def _method(self) -> Iterator[Block]:
        version = self._report.version
        on = day(version.stamp.on, self._language)
        *explained, warned = (typeset(paragraph, self._language) for paragraph in self._report.method)
        yield from map(Paragraph, explained)
        yield Paragraph(warned, "note")
        if version.language != self._language:
            yield Paragraph(self._say(LANGUAGE_NOTE))
        stamp = version.stamp
        yield Terms(
            (
                self._term(Text("Évalué au", "Evaluated for"), on),
                self._term(Text("Données fournisseurs", "Supplier data"), f"version {stamp.data_version}"),
                self._term(Text("Nomenclature d'activités", "Taxonomy of activities"), f"version {stamp.taxonomy}"),
                self._term(Text("Territoires", "Territories"), f"version {stamp.territories}"),
                self._term(Text("Règles de droit", "Rules of law"), f"version {stamp.rules}"),
            )
        )
        yield Paragraph(self._say(ABBREVIATIONS_USED))
        yield Terms(tuple(self._abbreviations()))

    def _abbreviations(self) -> Iterator[Term]:
        """Those that the report uses."""
        used = set(re.findall(r"[A-Z]{2,6}", msgspec.json.encode(self._report).decode())) | {"HT"}
        for short in sorted(used & ABBREVIATIONS.keys()):
            yield Term(short, cell(self._say(ABBREVIATIONS[short])))

    def _map(self) -> Iterator[Block]:
        placement = self._report.placement
        counts = dict.fromkeys(STANDINGS, 0)
        for each in placement.suppliers:
            counts[each.standing] += 1
        told = [
            f"{self._say(text).lower()}{self._colon}{counts[key]}" for key, text in STANDINGS.items() if counts[key]
        ]
        caption = Text(
            "Fournisseurs repérés, selon ce que chacun peut au mieux sur l'un des lots.",
            "Suppliers found, by the best that each may do on one of the lots.",
        )
        alt = self._say(Text("Carte du territoire et des fournisseurs", "Map of the territory and the suppliers"))
        yield Figure("map", self._say(caption), alt + (f" ({', '.join(told)})" if told else ""))
        if placement.unplaced:
            why = Text(
                "Non placés sur la carte, faute d'adresse ou de nom à communiquer : ",
                "Not placed on the map, for want of an address or a name to be told: ",
            )
            yield Paragraph(f"{self._say(why)}{placement.unplaced}.")

    @property
    def _colon(self) -> str:
        return self._say(Text(" : ", ": "))

    def _coverage(self) -> Iterator[Block]:
        lots = self._report.lots
        if not any(lot.coverage for lot in lots):
            yield Paragraph(self._say(Text("Aucune activité reconnue.", "No activity recognised.")))
            return
        caption = Text(
            "Fournisseurs par activité demandée : candidats, dont ceux qui peuvent répondre et ceux sur place.",
            "Suppliers by activity asked for: candidates, those of them that may answer, and those on the spot.",
        )
        alt = Text(
            "Diagramme en barres ; les chiffres sont dans le tableau suivant", "Bar chart; figures in the next table"
        )
        yield Figure("coverage", self._say(caption), self._say(alt))
        yield self._lots.coverage(lots)
        yield self._tension()
        yield from self._alternatives()

    def _tension(self) -> Table:
        columns = (
            lot_column(lot.id for lot in self._report.lots),
            Column(self._say(Text("Concurrence", "Competition")), 9),
            Column(self._say(Text("Constat", "Finding")), 28),
        )
        rows = tuple(
            (
                cell(lot.id),
                cell(TENSIONS[lot.tension.level].to(self._language)),
                cell(typeset(lot.tension.message, self._language)),
            )
            for lot in self._report.lots
        )
        return Table(self._say(Text("Concurrence attendue", "Competition to be expected")), columns, rows)

    def _alternatives(self) -> Iterator[Block]:
        columns = (
            lot_column(lot.id for lot in self._report.lots),
            *(Column(self._say(text), 5, numeric=True) for text in OPTIONS.values()),
        )
        rows = tuple((cell(lot.id), *self._options(lot)) for lot in self._report.lots)
        caption = Text(
            "Candidats selon la réservation qui serait choisie, tout le reste égal",
            "Candidates by the reservation that would be chosen, all else equal",
        )
        if any(lot.alternatives.forbidden for lot in self._report.lots):
            caption = Text(
                f"{caption.fr} (* : réservation que la loi n'admet pas pour ce lot)",
                f"{caption.en} (*: a reservation that the law does not allow for this lot)",
            )
        yield Table(self._say(caption), columns, rows)

    def _options(self, lot: ReportLot) -> Iterator[Cell]:
        for option in OPTIONS:
            total = lot.alternatives.reserved.get(option)
            mark = "*" if option in lot.alternatives.forbidden else ""
            yield cell("–" if total is None else f"{count(total, self._language)}{mark}")

    def _lots_lead(self) -> Iterator[Block]:
        yield Paragraph(
            self._say(
                Text(
                    "Les fournisseurs d'un lot sont donnés dans l'ordre du rapprochement ; la décision est celle de "
                    "l'acheteur.",
                    "The suppliers of a lot come in the order of the matching; the decision is the buyer's.",
                )
            )
        )

    def _colophon(self) -> str:
        return self._say(
            Text(
                f"Document établi le {day(self._report.generated_at, 'fr')} à partir des données enregistrées par "
                "l'acheteur dans Vivier. Contours : IGN, INSEE (Licence Ouverte 2.0).",
                f"Document made on {day(self._report.generated_at, 'en')} from what the buyer recorded in Vivier. "
                "Outlines: IGN, INSEE (Licence Ouverte 2.0).",
            )
        )


def _shortened(text: str) -> str:
    """What fits the head of a page."""
    return text if len(text) <= LONGEST_HEAD else f"{text[: LONGEST_HEAD - 1]}…"
