"""Content checks of a supplier's record, beyond what its types already refuse.

Its gaps and expired approvals are found for whoever looks after its source. The service areas that records draw are
counted, by the vertices that all those of a source may have together.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain, repeat

from domain.errors import Conflict, Problem, pointer
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories, UnknownTerritory, vertices
from domain.suppliers.supplier import Approval, Flag, Kind, Offer, Placement, ServiceArea, SupplierRecord
from domain.text.bilingual import Text, said_by

_SAID = said_by(__name__)

MOST_SUGGESTIONS = 10
"""Unknown codes of a record for which what may be meant is looked for, which takes up to a millisecond each."""
_SIRET = re.compile(r"[0-9]{14}")


def check_record(
    record: SupplierRecord, territories: Territories, taxonomy: Taxonomy, cpv: Cpv, commune_meant: str | None = None
) -> Iterator[Problem]:
    """Every problem of the record, each with its JSON pointer; none if it can be taken.

    Retired codes of communes and territories are taken as they are. Not looked at: the SIRET's check digit and the
    place (doubtful, not wrong), and whether a geometry is a valid shape.
    """
    suggest = chain(repeat(True, MOST_SUGGESTIONS), repeat(False))
    if not record.name.strip():
        yield Problem(pointer("name"), "blank", _SAID["blank_name"])
    if record.siret is not None and not _SIRET.fullmatch(record.siret):
        yield Problem(pointer("siret"), "invalid_siret", _SAID["bad_siret"])
    for position, approval in enumerate(record.approvals or ()):
        start, end = approval.valid_from, approval.valid_until
        if start is not None and end is not None and end < start:
            yield Problem(pointer("approvals", position, "valid_until"), "invalid_period", _SAID["ends_early"])
    staff = record.size and record.size.staff
    if staff and staff.max is not None and staff.max < staff.min:
        yield Problem(pointer("size", "staff", "max"), "invalid_range", _SAID["fewer_at_most"])
    code = record.address.commune if record.address else None
    if code is not None and territories.commune_ordinal(code) is None:
        unknown = _territory_fault(f"commune:{code}", territories, suggest=True)
        kind, _, near = ((unknown and unknown.suggestion) or "").partition(":")
        detail = Text(f"« {code} » n'est le code INSEE d'aucune commune", f"“{code}” is the INSEE code of no commune")
        near = commune_meant or (near if kind == "commune" else "")
        yield Problem(pointer("address", "commune"), "unknown_code", _with_hint(detail, near or None))
    for position, offer in enumerate(record.offers):
        yield from _check_offer(offer, position, territories, taxonomy, cpv, suggest)


def unknown_segment(segment: str, taxonomy: Taxonomy, *, suggest: bool = True) -> Text:
    """The message about an unknown segment id; with `suggest`, it proposes the nearest known one, if any is near."""
    detail = Text(f"Segment inconnu : « {segment[:80]} »", f"Unknown segment: “{segment[:80]}”")
    return _with_hint(detail, taxonomy.nearest(segment[:80]) if suggest else None)


def _check_offer(
    offer: Offer, position: int, territories: Territories, taxonomy: Taxonomy, cpv: Cpv, suggest: Iterator[bool]
) -> Iterator[Problem]:
    """The problems of an offer. `suggest` says for each unknown code in turn whether to look for a near one."""
    at = ("offers", position)
    if not offer.segments and not offer.cpv:
        yield Problem(pointer(*at), "no_object", _SAID["no_object"])
    for number, segment in enumerate(offer.segments):
        if not taxonomy.known(segment):
            detail = unknown_segment(segment, taxonomy, suggest=next(suggest))
            yield Problem(pointer(*at, "segments", number), "unknown_code", detail)
    for number, code in enumerate(offer.cpv):
        if not cpv.exists(code):
            detail = Text(f"Code CPV inconnu : « {code} »", f"Unknown CPV code: “{code}”")
            detail = _with_hint(detail, cpv.nearest(code) if next(suggest) else None)
            yield Problem(pointer(*at, "cpv", number), "unknown_code", detail)
    if offer.service_area is not None:
        yield from _check_service_area(offer.service_area, position, territories, suggest)


def _check_service_area(
    area: ServiceArea, position: int, territories: Territories, suggest: Iterator[bool]
) -> Iterator[Problem]:
    """The problems of the service area of an offer."""
    at = ("offers", position, "service_area")
    forms = [form for form in (area.radius_km, area.codes, area.geometry, area.national) if form is not None]
    if len(forms) != 1:
        yield Problem(pointer(*at), "one_form", _SAID["one_form"])
    if area.national is False:
        yield Problem(pointer(*at, "national"), "must_be_true", _SAID["national"])
    for number, code in enumerate(area.codes or ()):
        unknown = _territory_fault(code, territories, suggest=False)
        if unknown is not None:
            unknown = (_territory_fault(code, territories, suggest=True) if next(suggest) else None) or unknown
            yield Problem(pointer(*at, "codes", number), unknown.code, unknown.detail)


def _territory_fault(code: str, territories: Territories, *, suggest: bool) -> UnknownTerritory | None:
    """The fault of a code that names no territory; None for the code of a territory."""
    try:
        territories.area(code, suggest=suggest)
    except UnknownTerritory as unknown:
        return unknown
    return None


def _with_hint(detail: Text, near: str | None) -> Text:
    return detail if near is None else Text(f"{detail.fr} ; peut-être {near}", f"{detail.en}; perhaps {near}")


NO_SIRET, NO_EMAIL = "no_siret", "no_email"
NO_FLAGS = frozenset((NO_SIRET, NO_EMAIL))
"""Gaps that are no flags: many records have none of these for good reasons."""


def shortcomings(record: SupplierRecord, placement: Placement) -> list[str]:
    """The codes of the record's gaps (`no_siret`, `no_email`) and of its flags, each once and sorted."""
    found = {flag.code for flag in placement.flags}
    expected = ((NO_SIRET, record.siret), (NO_EMAIL, record.contact.email if record.contact else None))
    return sorted(found | {code for code, known in expected if not (known and known.strip())})


def approved_until(approvals: Iterable[Approval] | None) -> date | None:
    """The last day on which no kind of approval has expired yet; None without approvals, or where none expires."""
    return min(_last_days(approvals).values(), default=None) if approvals else None


def expiry_flags(approvals: Iterable[Approval] | None, on: date) -> tuple[Flag, ...]:
    """A flag `approval_expired` for each kind whose approvals all ended before `on`, with the last day of validity.

    An older period that a later one follows has not expired, nor has one that is still to begin.
    """
    ended = ((kind, last) for kind, last in _last_days(approvals).items() if last < on)
    return tuple(Flag("approval_expired", f"{kind} {last.isoformat()}") for kind, last in ended)


def _last_days(approvals: Iterable[Approval] | None) -> dict[Kind, date]:
    """The last day of validity of each kind of approval; kinds that never end are left out."""
    last: dict[Kind, date] = {}
    for approval in approvals or ():
        last[approval.kind] = max(approval.valid_until or date.max, last.get(approval.kind, date.min))
    return {kind: day for kind, day in last.items() if day != date.max}


MOST_VERTICES = 1_000_000
"""The usual budget of a source: 120 MB in the memory of each process once all of them were held against needs."""
LEAST_COUNTED = 32
"""Vertices that an area counts for at least: in memory, the smallest takes as much as so many."""


def drawn_vertices(record: SupplierRecord) -> int:
    """The number of vertices of the distinct areas that a record draws, at least `LEAST_COUNTED` for each area."""
    areas = {area.geometry for offer in record.offers if (area := offer.service_area) is not None}
    return sum(max(LEAST_COUNTED, vertices(area)) for area in areas if area is not None)


def require_vertices_left(before: int, after: int, most: int) -> None:
    """Raises Conflict (`too_many_vertices`) where a source would have more than `most` vertices, and more than before.

    One that already has more, such as after the budget was lowered, may still be made smaller.
    """
    if after > max(most, before):
        over = after - most
        detail = _SAID["too_many_vertices"].filled(after=after, least_counted=LEAST_COUNTED, over=over, most=most)
        raise Conflict("too_many_vertices", detail)
