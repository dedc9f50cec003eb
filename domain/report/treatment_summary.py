"""Equal treatment as a report tells it: who lacks what, and never who asked a question."""

from domain.equal_treatment.gaps import GapCode
from domain.equal_treatment.matrix import EqualTreatment
from domain.report.model import NotContacted, ReportGap, ReportSupplier, SupplierNamer, Treatment
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
        contacted=sum(each.contacted for each in listed),
        not_contacted=tuple(
            NotContacted(name(each.supplier_id, each.name, None), redaction.text(each.contact.message))
            for each in listed
            if not each.contacted
        ),
        gaps=_gaps(found, redaction, language, name),
    )


def _gaps(
    found: EqualTreatment, redaction: Redaction, language: Language, name: SupplierNamer
) -> tuple[ReportGap, ...]:
    names = {each.supplier_id: each.name for each in found.suppliers}
    grouped: dict[tuple[object, ...], ReportGap] = {}
    for gap in found.gaps:
        if gap.confidential and redaction.redacted:
            continue
        suppliers: tuple[ReportSupplier, ...] = ()
        if gap.code in UNATTRIBUTED:
            message = UNATTRIBUTED[gap.code].to(language)
        else:
            called = names.get(gap.supplier_id, "")
            message = redaction.text(gap.message.removeprefix(called).lstrip(" :"))
            suppliers = (name(gap.supplier_id, called, None),)
        key = (gap.code, message, gap.exchange_id, gap.message_id, gap.meeting_id)
        known = grouped[key].suppliers if key in grouped else ()
        grouped[key] = ReportGap(gap.code, message[:1].upper() + message[1:], known + suppliers)
    return tuple(grouped.values())
