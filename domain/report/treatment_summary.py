"""Equal treatment as a report tells it: who lacks what, and never who asked a question."""

from collections.abc import Iterator
from uuid import UUID

from domain.equal_treatment.gaps import GapCode
from domain.equal_treatment.matrix import EqualTreatment
from domain.report.lots import SupplierNamer
from domain.report.model import NotContacted, ReportGap, Treatment
from domain.report.redaction import Redaction
from domain.text.bilingual import Language, Text

UNATTRIBUTED: dict[GapCode, Text] = {
    "question_unanswered": Text("Une question est restée sans réponse", "A question was not answered"),
    "answer_not_shared": Text(
        "Une réponse donnée à un seul fournisseur n'a pas été partagée avec les autres",
        "An answer given to one supplier was not shared with the others",
    ),
}
"""Gaps about questions: who asked stays unknown, be it by who is not named."""


def treatment(found: EqualTreatment, redaction: Redaction, language: Language, name: SupplierNamer) -> Treatment:
    """Those of the shortlist that were not contacted, and each gap once with the suppliers that have it."""
    listed = [each for each in found.suppliers if each.on_shortlist]
    return Treatment(
        statement=found.statement,
        listed=len(listed),
        contacted=sum(bool(each.contacted) for each in listed),
        not_contacted=tuple(
            NotContacted(name(each.supplier_id, each.name, None), redaction.text(each.contact.message))
            for each in listed
            if not each.contacted
        ),
        gaps=tuple(_gaps(found, redaction, language, name)),
    )


def _gaps(found: EqualTreatment, redaction: Redaction, language: Language, name: SupplierNamer) -> Iterator[ReportGap]:
    unattributed: set[tuple[GapCode, UUID | None]] = set()
    for gap in found.gaps:
        if gap.confidential and redaction.redacted:
            continue
        if gap.code not in UNATTRIBUTED:
            suppliers = tuple(name(each.supplier_id, each.name, None) for each in gap.suppliers)
            yield ReportGap(gap.code, redaction.text(gap.message), suppliers)
        elif (gap.code, gap.message_id) not in unattributed:
            unattributed.add((gap.code, gap.message_id))
            yield ReportGap(gap.code, UNATTRIBUTED[gap.code].to(language), ())
