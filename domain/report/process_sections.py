"""What a sourcing report says of what was decided, said, asked and done, and by which rules."""

from collections.abc import Iterator

from domain.report.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Figure,
    Line,
    Paragraph,
    Quotation,
    Section,
    Table,
    Term,
    Terms,
    cell,
    lot_column,
    small,
)
from domain.report.boilerplate import (
    MINUTES_LEFT_OUT,
    NO_AWARD,
    NO_BARRIER,
    NO_MEETING,
    NO_SHARED_ANSWER,
    NOBODY_ANSWERED,
    NOTHING_DECIDED,
    NOTHING_SAID,
    PRINCIPLE,
    QUESTIONS_ARE_NOBODYS,
    RULES_NOTE,
    RULES_REVISED,
)
from domain.report.labels import (
    BARRIERS,
    CHANNELS,
    CONFIDENCES,
    FORMATS,
    MEETING_STATUSES,
    POSITIONS,
    ROLES,
    THEMES,
    VERDICTS,
)
from domain.report.lot_sections import LotPages
from domain.report.model import AppliedRule, Contacted, Lesson, Report, ReportMeeting, ReportParticipant
from domain.report.typography import day, euros, listed, time_of_day, typeset
from domain.text.bilingual import Text


class RecordPages:
    """Writes the sections of a report that follow the lots."""

    def __init__(self, report: Report, lots: LotPages) -> None:
        self._report, self._lots, self._language = report, lots, report.language

    def sections(self) -> Iterator[Section]:
        before = (
            ("decisions", Text("Décisions de l'acheteur", "The buyer's decisions"), self._decisions()),
            ("exchanges", Text("Échanges avec les fournisseurs", "Exchanges with suppliers"), self._exchanges()),
            ("lessons", Text("Ce qui a été appris", "What was learnt"), self._lessons()),
            ("barriers", Text("Freins rencontrés", "Barriers met"), self._barriers()),
            ("questions", Text("Questions et réponses publiées", "Published questions and answers"), self._answers()),
        )
        for id_, title, blocks in before:
            yield Section(id_, self._say(title), tuple(blocks))
        meetings = tuple(self._meeting(number, each) for number, each in enumerate(self._report.meetings, 1))
        nothing = () if meetings else (Paragraph(self._say(NO_MEETING)),)
        yield Section("meetings", self._say(Text("Rencontres", "Meetings")), nothing, meetings)
        after = (
            ("awards", Text("Attributions", "Awards"), self._awards()),
            ("treatment", Text("Égalité de traitement", "Equal treatment"), self._treatment()),
            ("rules", Text("Règles appliquées et conseils", "Rules applied and advice"), self._rules()),
        )
        for id_, title, blocks in after:
            yield Section(id_, self._say(title), tuple(blocks))

    def _say(self, text: Text) -> str:
        return typeset(text.to(self._language), self._language)

    def _column(self, title: Text, weight: int, *, numeric: bool = False) -> Column:
        return Column(self._say(title), weight, numeric)

    def _about(self, lot_ids: tuple[str, ...]) -> str:
        if not lot_ids:
            return self._say(Text("tout le besoin", "the whole need"))
        named = listed(list(lot_ids), self._language)
        return self._say(Text("lot ", "lot ") if len(lot_ids) == 1 else Text("lots ", "lots ")) + named

    def _decisions(self) -> Iterator[Block]:
        rows = tuple(
            (
                cell(lot.id),
                self._lots.supplier(row.supplier),
                cell(VERDICTS[row.decision.decision].to(self._language)),
                cell(row.decision.reason or "–"),
                cell(day(row.decision.decided_at, self._language)),
            )
            for lot in self._report.lots
            for row in lot.listed
            if row.decision is not None
        )
        if not rows:
            yield Paragraph(self._say(NOTHING_DECIDED))
            return
        columns = (
            lot_column(lot.id for lot in self._report.lots),
            self._column(Text("Fournisseur", "Supplier"), 14),
            self._column(Text("Décision", "Decision"), 7),
            self._column(Text("Motif", "Reason"), 18),
            self._column(Text("Date", "Date"), 9),
        )
        yield Table(self._say(Text("Décisions", "Decisions")), columns, rows)

    def _exchanges(self) -> Iterator[Block]:
        report = self._report
        if not report.exchanges:
            yield Paragraph(self._say(NOTHING_SAID))
            return
        for each in report.exchanges:
            channel = CHANNELS[each.channel].to(self._language)
            head = Text(
                f"ouvert le {day(each.opened_at, 'fr')} par {channel}, {self._about(each.lot_ids)}, "
                f"destinataires : {each.recipients}",
                f"opened on {day(each.opened_at, 'en')} by {channel}, {self._about(each.lot_ids)}, "
                f"recipients: {each.recipients}",
            )
            quoted = f"« {each.subject} »" if self._language == "fr" else f"“{each.subject}”"
            source = f"{quoted}, {self._say(head)}"
            yield Quotation("\n\n".join(each.messages), source.replace("« ", "«\N{NO-BREAK SPACE}"))
        columns = (
            self._column(Text("Fournisseur", "Supplier"), 17),
            self._column(Text("Contacté le", "Contacted on"), 11),
            self._column(Text("Par", "By"), 10),
            self._column(Text("Position", "Position"), 10),
            *([self._column(Text("Réponse du", "Answer of"), 11)] if self._shows_dates else []),
        )
        rows = tuple(map(self._contacted, report.contacted))
        yield Table(self._say(Text("Fournisseurs contactés", "Suppliers contacted")), columns, rows)
        yield Paragraph(self._say(QUESTIONS_ARE_NOBODYS))

    def _contacted(self, each: Contacted) -> tuple[Cell, ...]:
        position = POSITIONS[each.position].to(self._language) if each.position else "–"
        secret = self._say(Text("réponse confidentielle", "confidential answer")) if each.confidential else ""
        return (
            self._lots.supplier(each.supplier),
            cell(day(each.first_at, self._language)),
            cell(", ".join(CHANNELS[channel].to(self._language) for channel in each.channels)),
            cell(position, small(secret)),
            *([cell(day(each.answered_at, self._language) if each.answered_at else "–")] if self._shows_dates else []),
        )

    @property
    def _shows_dates(self) -> bool:
        """Whether it is told when a supplier answered: not where answers are nobody's."""
        return self._report.variant == "full"

    def _lessons(self) -> Iterator[Block]:
        report = self._report
        if not report.lessons and not report.withheld:
            yield Paragraph(self._say(NOBODY_ANSWERED))
        if report.withheld:
            left = Text(
                f"Réponses confidentielles qui ne figurent pas dans cette version : {report.withheld}.",
                f"Confidential answers that are not in this version: {report.withheld}.",
            )
            yield Paragraph(self._say(left), "note")
        yield from (self._lesson(each) for each in report.lessons)

    def _lesson(self, each: Lesson) -> Quotation:
        who = each.supplier.name if each.supplier else self._say(Text("Un fournisseur", "A supplier"))
        said = POSITIONS[each.position].to(self._language).lower()
        source = f"{who}, {day(each.said_at, self._language)}, {self._about(each.lot_ids)} ({said})"
        mark = self._say(Text("Confidentiel", "Confidential")) if each.confidential else None
        return Quotation(each.body, source, mark)

    def _barriers(self) -> Iterator[Block]:
        report = self._report
        if not report.barriers:
            yield Paragraph(self._say(NO_BARRIER))
            return
        caption = Text("Nombre de fournisseurs qui ont signalé chaque frein.", "How many suppliers named each barrier.")
        alt = ", ".join(f"{self._say(BARRIERS[each.barrier])} {each.suppliers}" for each in report.barriers)
        yield Figure("barriers", self._say(caption), alt)
        if report.variant == "redacted" and report.withheld:
            yield Paragraph(
                self._say(
                    Text(
                        "Les freins signalés dans des réponses confidentielles ne sont pas comptés dans cette version.",
                        "Barriers named in confidential answers are not counted in this version.",
                    )
                )
            )
        if report.barrier_notes:
            yield Paragraph(self._say(Text("Autres freins, dans les termes des fournisseurs :", "Others, in words:")))
            yield Bullets(report.barrier_notes)

    def _answers(self) -> Iterator[Block]:
        report = self._report
        if not report.shared_answers:
            yield Paragraph(self._say(NO_SHARED_ANSWER))
        for each in report.shared_answers:
            shared = Text(
                f"publiée le {day(each.shared_at, 'fr')} à tous les destinataires ({each.recipients})",
                f"published on {day(each.shared_at, 'en')} to all recipients ({each.recipients})",
            )
            yield Terms(
                (
                    Term(self._say(Text("Question", "Question")), cell(*each.question.splitlines())),
                    Term(
                        self._say(Text("Réponse", "Answer")),
                        (*cell(*each.answer.splitlines()), small(self._say(shared))),
                    ),
                )
            )
        if report.questions_unshared:
            yield Paragraph(
                self._say(
                    Text(
                        f"Questions sans réponse publiée : {report.questions_unshared}.",
                        f"Questions without a published answer: {report.questions_unshared}.",
                    )
                ),
                "note",
            )

    def _meeting(self, number: int, each: ReportMeeting) -> Section:
        title = f"{each.title}, {day(each.starts_at, self._language)}"
        return Section(f"meeting-{number}", title, tuple(self._meeting_blocks(each)))

    def _meeting_blocks(self, each: ReportMeeting) -> Iterator[Block]:
        status = MEETING_STATUSES[each.status]
        form = FORMATS[each.format]
        hours = Text(
            f"de {time_of_day(each.starts_at, 'fr')} à {time_of_day(each.ends_at, 'fr')}",
            f"from {time_of_day(each.starts_at, 'en')} to {time_of_day(each.ends_at, 'en')}",
        )
        terms = [Term("Format", cell(f"{self._say(form)}, {self._say(status)}, {self._say(hours)}"))]
        if each.place:
            terms.append(Term(self._say(Text("Lieu", "Place")), cell(each.place)))
        if each.agenda:
            terms.append(Term(self._say(Text("Ordre du jour", "Agenda")), cell(*each.agenda)))
        yield Terms(tuple(terms))
        if each.participants:
            columns = (
                self._column(Text("Participant", "Participant"), 24),
                self._column(Text("Qualité", "Role"), 10),
                self._column(Text("Présence", "Attendance"), 8),
            )
            rows = tuple(map(self._participant, each.participants))
            yield Table(self._say(Text("Participants", "Participants")), columns, rows)
        if each.minutes:
            yield Quotation(each.minutes, self._say(Text("Compte rendu", "Minutes")))
        elif each.has_minutes:
            yield Paragraph(self._say(MINUTES_LEFT_OUT))
        if each.follow_ups:
            yield Table(
                self._say(Text("Suites à donner", "Follow-ups")),
                (
                    self._column(Text("Action", "Action"), 24),
                    self._column(Text("Pour le", "Due on"), 10),
                    self._column(Text("Fait", "Done"), 6),
                ),
                tuple(
                    (
                        cell(follow.what, small(follow.who or "")),
                        cell(day(follow.due_on, self._language) if follow.due_on else "–"),
                        cell(self._yes_or_no(follow.done)),
                    )
                    for follow in each.follow_ups
                ),
            )

    def _yes_or_no(self, value: bool) -> str:
        return self._say(Text("oui", "yes") if value else Text("non", "no"))

    def _participant(self, each: ReportParticipant) -> tuple[Cell, ...]:
        first = each.organisation or each.name or self._say(Text("Une personne", "A person"))
        second = each.name if each.organisation and each.name else ""
        came = {
            None: Text("non connue", "not known"),
            True: Text("présent", "present"),
            False: Text("absent", "absent"),
        }
        return (
            cell(Line(first), small(second)),
            cell(ROLES[each.role].to(self._language)),
            cell(self._say(came[each.attended])),
        )

    def _awards(self) -> Iterator[Block]:
        if not self._report.awards:
            yield Paragraph(self._say(NO_AWARD))
            return
        columns = (
            lot_column(each.lot_id for each in self._report.awards),
            self._column(Text("Titulaire", "Awarded to"), 16),
            self._column(Text("Date", "Date"), 9),
            self._column(Text("Montant", "Value"), 9, numeric=True),
            self._column(Text("Réservation", "Reservation"), 12),
        )
        rows = tuple(
            (
                cell(each.lot_id),
                self._lots.supplier(each.supplier),
                cell(day(each.awarded_on, self._language)),
                cell("–" if each.value_eur is None else euros(each.value_eur, self._language)),
                cell(self._lots.reserved_to(each.reserved)),
            )
            for each in self._report.awards
        )
        yield Table(self._say(Text("Lots attribués", "Lots awarded")), columns, rows)

    def _treatment(self) -> Iterator[Block]:
        treatment = self._report.treatment
        yield Paragraph(self._say(PRINCIPLE))
        yield Paragraph(typeset(treatment.statement, self._language))
        if treatment.gaps:
            lead = Text(
                f"Écarts relevés, à combler ou à expliquer ({len(treatment.gaps)}) :",
                f"Gaps found, to be closed or explained ({len(treatment.gaps)}):",
            )
            yield Paragraph(self._say(lead), "alert")
            yield self._gaps()
        if treatment.not_contacted:
            columns = (
                self._column(Text("Fournisseur", "Supplier"), 16),
                self._column(Text("Pourquoi", "Why"), 24),
            )
            rows = tuple(
                (self._lots.supplier(each.supplier), cell(typeset(each.reason, self._language)))
                for each in treatment.not_contacted
            )
            caption = Text("Fournisseurs de la sélection non contactés", "Suppliers on the shortlist not contacted")
            yield Table(self._say(caption), columns, rows)

    def _gaps(self) -> Table:
        """What some suppliers lack, in the order in which it was told, asked or held."""
        columns = (self._column(Text("Écart", "Gap"), 30), self._column(Text("Fournisseurs", "Suppliers"), 10))
        rows = tuple(
            (cell(typeset(gap.message, self._language)), cell(str(len(gap.suppliers)) if gap.suppliers else "–"))
            for gap in self._report.treatment.gaps
        )
        return Table(self._say(Text("Écarts relevés", "Gaps found")), columns, rows)

    def _rules(self) -> Iterator[Block]:
        report = self._report
        yield from (self._lots.advice(each) for each in report.advice)
        yield Paragraph(self._say(RULES_NOTE))
        if report.rules.version != report.version.stamp.rules:
            yield Paragraph(self._say(RULES_REVISED), "note")
        columns = (
            self._column(Text("Article", "Article"), 8),
            self._column(Text("Règle", "Rule"), 26),
            self._column(Text("En vigueur", "In force"), 11),
            self._column(Text("Confiance", "Confidence"), 8),
        )
        rows = tuple(map(self._rule, report.rules.items))
        yield Table(self._say(Text("Règles", "Rules")), columns, rows)

    def _rule(self, rule: AppliedRule) -> tuple[Cell, ...]:
        since = rule.valid_from and self._say(Text("depuis le ", "since ")) + day(rule.valid_from, self._language)
        until = rule.valid_until and self._say(Text("jusqu'au ", "until ")) + day(rule.valid_until, self._language)
        return (
            cell(rule.article or self._say(Text("conseil", "counsel"))),
            cell(typeset(rule.message, self._language), small(THEMES[rule.theme].to(self._language))),
            cell(since or None, until or None) or cell("–"),
            cell(CONFIDENCES[rule.confidence].to(self._language)),
        )
