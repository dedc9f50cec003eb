"""The closed sets of words that the API takes and gives, under the names by which clients know them."""

from collections.abc import Mapping
from typing import Literal, get_args

from api.web.address_formats import CsvDialect, MapFormat, PageFormat, TableFormat
from api.web.problems import RequestPart
from domain import audit
from domain.allotment import allotment
from domain.delivery import backoff, webhook
from domain.equal_treatment import disclosures, gaps, matrix
from domain.exchanges import exchange
from domain.law import rules
from domain.meetings import meeting
from domain.needs import need, status
from domain.organisation import Scope
from domain.privacy import holdings, retention
from domain.reference import territory
from domain.report import model, recipients
from domain.shortlists import absence, frozen, shortlist
from domain.suppliers import source, supplier, trades
from domain.text.bilingual import Language
from sources.formats import vivier_columns
from sources.formats.registry import FORMATS

ProcessState = Literal["live", "ready"]
DatabaseState = Literal["answering", "away"]
CLOSED_SETS: Mapping[str, tuple[str, ...]] = {
    "ImportFormat": tuple(FORMATS),
    **{
        name: tuple(word for word in get_args(words) if word is not None)
        for name, words in {
            "AbsenceCode": absence.AbsenceCode,
            "AllotmentAxis": allotment.Axis,
            "ApprovalKind": supplier.Kind,
            "Author": exchange.Author,
            "Barrier": exchange.Barrier,
            "Basis": supplier.Basis,
            "BuyerKind": need.BuyerKind,
            "Channel": exchange.Channel,
            "ColumnType": vivier_columns.ColumnType,
            "Confidence": shortlist.Confidence,
            "ContactCode": matrix.ContactCode,
            "ContractKind": need.ContractKind,
            "CsvDialect": CsvDialect,
            "DatabaseState": DatabaseState,
            "DecisionCode": frozen.DecisionCode,
            "DeliveryStage": exchange.DeliveryState,
            "DeliveryState": exchange.MailState,
            "DeliveryWay": exchange.Way,
            "DeliveryStatus": backoff.DeliveryStatus,
            "ErasureFate": holdings.Fate,
            "EvidenceKind": supplier.EvidenceKind,
            "Fit": shortlist.Fit,
            "FlagCode": supplier.FlagCode,
            "GapCode": gaps.GapCode,
            "Gate": shortlist.Gate,
            "ImportMode": source.ImportMode,
            "ImportStatus": source.ImportStatus,
            "InformationKind": disclosures.InformationKind,
            "Language": Language,
            "LegalForm": supplier.LegalForm,
            "MapFormat": MapFormat,
            "MeasuredTo": shortlist.MeasuredTo,
            "MeetingFormat": meeting.Format,
            "MeetingStatus": meeting.MeetingStatus,
            "Means": audit.Means,
            "Nature": need.Nature,
            "NeedStatus": status.Status,
            "Outcome": shortlist.Outcome,
            "PageFormat": PageFormat,
            "ParticipantRole": meeting.Role,
            "Presence": shortlist.Presence,
            "PrestaType": supplier.PrestaType,
            "Procedure": need.Procedure,
            "ProcessState": ProcessState,
            "ReasonKept": holdings.Why,
            "ReasonWritten": exchange.Why,
            "ReceiptKind": disclosures.ReceiptKind,
            "ReceiptState": disclosures.ReceiptState,
            "ReportPosition": recipients.Position,
            "ReportStanding": model.ReportStanding,
            "ReportVariant": model.Variant,
            "RequestPart": RequestPart,
            "Reserved": need.Reserved,
            "RetainedKind": retention.Kind,
            "RuleDuty": rules.Duty,
            "RuleStatus": rules.Status,
            "RuleTheme": rules.Theme,
            "RuleUnit": rules.Unit,
            "Scope": Scope,
            "SegmentRole": shortlist.Role,
            "Severity": shortlist.Severity,
            "Stance": exchange.Stance,
            "TableFormat": TableFormat,
            "Technique": need.Technique,
            "TensionLevel": shortlist.TensionLevel,
            "TerritoryKind": territory.TerritoryKind,
            "TradeEvidence": trades.TradeEvidence,
            "TradesKind": trades.KindOrNone,
            "Unreached": holdings.Unreached,
            "ValueCovers": need.ValueCovers,
            "WebhookEvent": webhook.Event,
            "WebhookHealth": webhook.Health,
            "WebhookSubscription": webhook.Subscription,
        }.items()
    },
}
