"""What a report tells of equal treatment: who lacks what, and never who asked a question."""

from collections.abc import Callable, Iterator
from uuid import UUID

from domain.equal_treatment.gaps import GapCode
from domain.equal_treatment.matrix import EqualTreatment
from domain.report.model import NotContacted, ReportGap, ReportSupplier, Treatment
from domain.report.redaction import Redaction
from domain.text.bilingual import Language, Text

Named = Callable[[UUID, str], ReportSupplier]

NOBODYS: dict[GapCode, Text] = {
    "question_unanswered": Text("Une question est restée sans réponse", "A question was not answered"),
    "answer_not_shared": Text(
        "Une réponse donnée à un seul fournisseur n'a pas été partagée avec les autres",
        "An answer given to one supplier was not shared with the others",
    ),
}
"""Gaps about questions: who asked stays unknown."""


def treatment(found: EqualTreatment, redaction: Redaction, language: Language, named: Named) -> Treatment:
    """The matrix as a report tells it; `named`: how the report calls a supplier of that id and name."""
    listed = [each for each in found.suppliers if each.on_shortlist]
    return Treatment(
        statement=found.statement,
        listed=len(listed),
        contacted=sum(each.contacted for each in listed),
        not_contacted=tuple(
            NotContacted(named(each.supplier_id, each.name), redaction.text(each.contact.message))
            for each in listed
            if not each.contacted
        ),
        gaps=tuple(_gaps(found, redaction, language, named)),
    )


def _gaps(found: EqualTreatment, redaction: Redaction, language: Language, named: Named) -> Iterator[ReportGap]:
    """What would tell who asked, be it by who is not named, is told once and of nobody."""
    told: set[tuple[str, UUID | None]] = set()
    for gap in found.gaps:
        if gap.confidential and redaction.redacted:
            continue
        if gap.code not in NOBODYS:
            suppliers = tuple(named(each.supplier_id, each.name) for each in gap.suppliers)
            yield ReportGap(suppliers, gap.code, redaction.text(gap.message))
        elif (gap.code, gap.message_id) not in told:
            told.add((gap.code, gap.message_id))
            yield ReportGap((), gap.code, NOBODYS[gap.code].to(language))
