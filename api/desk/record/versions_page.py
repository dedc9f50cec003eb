"""The pages of a need's shortlist: versions frozen and compared, reports, awards."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame import form as forms
from api.desk.frame.form import Field, Mistake
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import FormOutcome, Visit, acting_at, id_in, match_and_write_once, write_once
from api.desk.need.need_form import lots_on_page
from api.desk.need.need_in_words import changed_lines
from api.desk.record.stored_need import (
    LotEntryForm,
    own_need_of,
    read_lot_form,
    stored_need_page,
)
from api.needs.awards import NO_AWARD, award_lot, withdraw_award
from api.needs.awards import NO_SUPPLIER as NO_WINNER
from api.needs.freeze_shortlist import MatchedNeed, compare_versions, freeze_shortlist, input_of_own_need, version_of
from api.needs.routes import edit_need
from api.needs.shortlists import acts_with_suppliers
from api.reference import kept_rules
from api.reports.routes import PDF, make_report
from api.runtime.actor import Acting
from api.web.content_negotiation import HTML
from db.core.engine import Connection, transaction
from db.needs.needs import select_award, select_awards
from db.needs.shortlists import select_shortlists
from db.suppliers.read import Filters, page_of_suppliers
from domain.equal_treatment.acts import SupplierActs, decision_in_words
from domain.errors import InvalidContent, NotFound, require_found
from domain.needs.need import RESERVED_TYPES, AwardRequest
from domain.needs.status import MOVES, NO_NEED, OPEN, StoredNeed, changed_criteria
from domain.report.lots import best_outcome, decisive_and_general, points_of_law, reminders_in_words
from domain.shortlists.shortlist import LotShortlist
from domain.shortlists.version import FrozenShortlist, IdAndName


async def version_details(version: FrozenShortlist, acts: Iterable[SupplierActs], lot_number: str) -> dict[str, Any]:
    """The values that templates of a version read, such as its decisions and the page of lots with this lot number.

    `acts`: what happened with its suppliers.
    """
    shortlist = await asyncio.to_thread(lambda: version.shortlist)

    def count_listed_suppliers(lot: LotShortlist) -> int:
        return len(lot.candidates) + len(lot.near_misses) + len(lot.unknown_trade.nearest)

    return {
        "version": version,
        "shortlist": shortlist,
        "shown": lots_on_page(shortlist.lots, lot_number, count_listed_suppliers),
        "decisions": {(each.lot_id, each.supplier_id): each for each in version.decisions},
        "asked_of": {lot.id: lot for lot in version.need.lots},
        "best_outcome": best_outcome,
        "decision_in_words": decision_in_words,
        "acts": {each.supplier_id: each for each in acts},
    }


MOST_VERSIONS = 200
CHOSEN = "choix"
"""The field with a lot's number and a supplier's id, such as `1:0190…`, as the answer to a need names selected ones."""
SHOWN_BY_LOT = ("20", "50", "100")
"""The numbers of candidates that a version may list for each lot."""


@page("GET", "/besoins/{need_id}/versions", scope="needs")
async def list_versions(visit: Visit, need_id: str) -> Response[bytes]:
    """The versions of a need's shortlist, the latest first; two of them compared where the query names them."""
    organisation, earlier, later = visit.organisation_id, visit.text("de"), visit.text("a")
    need = await own_need_of(visit, need_id)
    difference, lines = None, []
    if earlier and later:
        difference = await compare_versions(acting_at(visit), need.id, earlier, later)
    async with transaction(visit.services.database) as connection:
        versions = await select_shortlists(connection, organisation, need.id, None, MOST_VERSIONS)
        latest = await version_of(connection, organisation, need.id, "latest")
        if difference:
            numbers = (str(difference.before.number), str(difference.after.number))
            was, now = [await version_of(connection, organisation, need.id, number) for number in numbers]
            lines = list(changed_lines(was.need, now.need, visit.reference))
    return stored_need_page(
        visit,
        "record/versions.html",
        need,
        versions=versions,
        changed=changed_criteria(latest.need, need.content),
        can_be_frozen=bool(MOVES[need.status]),
        numbers=tuple(sorted({*map(int, SHOWN_BY_LOT), need.content.limit})) if need.status in OPEN else (),
        totals=latest.totals,
        difference=difference,
        lines=lines,
    )


@page("POST", "/besoins/{need_id}/versions", scope="needs")
async def freeze_next_version(visit: Visit, need_id: str) -> Response[bytes]:
    """Freeze the next version with the suppliers as they are, and redirect to it."""
    own = id_in(need_id, NO_NEED)
    if visit.text("montrer") in SHOWN_BY_LOT:
        shown = partial(msgspec.structs.replace, limit=int(visit.text("montrer")))
        await edit_need(acting_at(visit), own, None, shown)

    async def freeze_version(connection: Connection, acting: Acting, matched: MatchedNeed | None) -> FormOutcome:
        number, _ = await freeze_shortlist(connection, acting, own, matched)
        return FormOutcome(f"/besoins/{own}/versions/{number}?fait=fige")

    return await match_and_write_once(visit, partial(input_of_own_need, need_id=own), freeze_version)


@page("GET", "/besoins/{need_id}/versions/{number}", scope="needs")
async def show_version(visit: Visit, need_id: str, number: str) -> Response[bytes]:
    """A version with the suppliers as they were, and what was decided on them; first those that the query selects.

    Its address is a link for colleagues, who sign in.
    """
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        version = await version_of(connection, visit.organisation_id, need.id, number)
        acts = await acts_with_suppliers(connection, acting_at(visit), need.id)
    parts = await version_details(version, acts, visit.text("lots"))
    chosen = visit.fields.get(CHOSEN, ())
    path = f"/besoins/{need.id}/versions/{version.number}"
    link = f"{acting_at(visit).base_url}{path}?{urlencode([(CHOSEN, each) for each in chosen])}" if chosen else ""
    of_need, general = decisive_and_general(parts["shortlist"].advice)
    parts |= {"of_need": of_need, "general": general, "points_of_law": points_of_law}
    parts["reminders"] = reminders_in_words(general, version.need.contract)
    parts["law_kept"] = await kept_rules(visit.services, version.stamp.rules)
    return stored_need_page(visit, "record/version.html", need, chosen=chosen, link=link, **parts)


VARIANTS_IN_PATHS = {"integral": False, "expurge": True}
MEDIA_TYPES = {"html": HTML, "pdf": PDF}


@page("GET", "/besoins/{need_id}/rapport", scope="needs")
async def show_report_page(visit: Visit, need_id: str) -> Response[bytes]:
    """The page that offers the report by version and variant, and shows the one that the query names."""
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        organisation = visit.organisation_id
        versions = await select_shortlists(connection, organisation, need.id, None, MOST_VERSIONS)
    numbers = [str(each.number) for each in versions]
    number = visit.text("version") if visit.text("version") in numbers else numbers[0]
    variant = visit.text("lire") if visit.text("lire") in VARIANTS_IN_PATHS else None
    return stored_need_page(visit, "record/report.html", need, versions=versions, number=number, variant=variant)


@page("GET", "/besoins/{need_id}/rapport/{number}/{name}", scope="needs")
async def get_report_file(visit: Visit, need_id: str, number: str, name: str) -> Response[bytes]:
    """The report on a version, as `integral.html`, `integral.pdf`, `expurge.html` or `expurge.pdf`."""
    variant, _, format_ = name.partition(".")
    if variant not in VARIANTS_IN_PATHS or format_ not in MEDIA_TYPES:
        raise NotFound(SAID["no_report_file"])
    redacted, media_type = VARIANTS_IN_PATHS[variant], MEDIA_TYPES[format_]
    answer = await make_report(acting_at(visit), id_in(need_id, NO_NEED), number, media_type, redacted=redacted)
    headers = answer.headers
    if "content-security-policy" in headers:
        own = headers["content-security-policy"]
        headers["content-security-policy"] = own.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    if visit.text("telecharger") and "content-disposition" in headers:
        headers["content-disposition"] = headers["content-disposition"].replace("inline", "attachment", 1)
    return answer


MOST_AWARDS = 500
MOST_EUROS, MOST_MONTHS = 1e12, 1_200
OTHER = "autre"
EUROS = forms.bounded_number(SAID["no_number"], most=MOST_EUROS)
MONTHS = forms.whole_number(SAID["no_award_months"], 1, MOST_MONTHS)


class AwardForm(LotEntryForm, frozen=True, kw_only=True):
    """The form fields of an award. `winner`: a supplier's id, or `OTHER` where `siret` says who it is."""

    winner: Annotated[str, Field("titulaire")] = ""
    siret: Annotated[str, Field("siret")] = ""
    on: Annotated[str, Field("date", "awarded_on", forms.required(forms.DAY, SAID["no_day"]))] = ""
    value: Annotated[str, Field("montant", "value_eur", EUROS)] = ""
    months: Annotated[str, Field("duree", "duration_months", MONTHS)] = ""
    reserved: Annotated[tuple[str, ...], Field("reserve", "reserved", forms.choices_among(RESERVED_TYPES))] = ()


@page("GET", "/besoins/{need_id}/attributions", scope="needs")
async def show_awards(visit: Visit, need_id: str) -> Response[bytes]:
    """The awards of a need, lot by lot, with a form that enters one."""
    return await _awards_page(visit, await own_need_of(visit, need_id), AwardForm())


@page("POST", "/besoins/{need_id}/attributions", scope="needs")
async def enter_award(visit: Visit, need_id: str) -> Response[bytes]:
    """Store an award and redirect to the need's awards; the form again where something in it is wrong."""
    need, form, mistakes = await own_need_of(visit, need_id), read_lot_form(AwardForm, visit), list[Mistake]()
    async with transaction(visit.services.database) as connection:
        winner = await _read_winner(connection, form, mistakes)
    said = forms.request_parts(form, mistakes, form.pattern)
    if winner is None or mistakes:
        return await _awards_page(visit, need, form, mistakes)
    request = AwardRequest(form.lot, winner, **said)

    async def store_award(connection: Connection, acting: Acting) -> FormOutcome:
        await award_lot(connection, acting, need.id, request)
        return FormOutcome(f"/besoins/{need.id}/attributions?fait=note&lots={form.number}#lot-{form.number}")

    try:
        return await write_once(visit, store_award)
    except InvalidContent as invalid:
        return await _awards_page(
            visit, need, form, [form.mistake("titulaire", each.detail) for each in invalid.problems]
        )


@page("GET", "/besoins/{need_id}/attributions/{award_id}", scope="needs")
async def ask_for_withdrawal(visit: Visit, need_id: str, award_id: str) -> Response[bytes]:
    """The page that asks to confirm the withdrawal of an award that was entered by mistake."""
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        found = await select_award(connection, visit.organisation_id, need.id, id_in(award_id, NO_AWARD))
    award = require_found(found, NO_AWARD)
    return stored_need_page(visit, "record/award_withdrawal.html", need, award=award)


@page("POST", "/besoins/{need_id}/attributions/{award_id}", scope="needs")
async def withdraw_entered_award(visit: Visit, need_id: str, award_id: str) -> Response[bytes]:
    """Withdraw an award that was entered by mistake, and redirect to the need's awards."""
    need = await own_need_of(visit, need_id)

    async def withdraw_stored_award(connection: Connection, acting: Acting) -> FormOutcome:
        await withdraw_award(connection, acting, need.id, id_in(award_id, NO_AWARD))
        return FormOutcome(f"/besoins/{need.id}/attributions?fait=retire")

    return await write_once(visit, withdraw_stored_award)


async def _awards_page(
    visit: Visit, need: StoredNeed, form: AwardForm, mistakes: Sequence[Mistake] = ()
) -> Response[bytes]:
    organisation = visit.organisation_id
    async with transaction(visit.services.database) as connection:
        awards = await select_awards(connection, organisation, need.id, None, MOST_AWARDS)
        version = await version_of(connection, organisation, need.id, "latest")
    shown = lots_on_page(need.content.lots, form.number or visit.text("lots"))
    return stored_need_page(
        visit,
        "record/awards.html",
        need,
        mistakes=mistakes,
        form=form,
        shown=shown,
        awards={lot.id: [each for each in awards if each.lot_id == lot.id] for lot in shown.lots},
        of_former_lots=[each for each in awards if each.lot_id not in {lot.id for lot in need.content.lots}],
        winners=await asyncio.to_thread(_possible_winners, version),
        reserved_types=RESERVED_TYPES,
        other=OTHER,
        today=visit.services.today().isoformat(),
    )


def _possible_winners(version: FrozenShortlist) -> dict[str, dict[str, list[IdAndName]]]:
    """The suppliers that a version lists, by lot id, then by "kept", "candidates" (not kept) and "others"."""
    kept = {(each.lot_id, each.supplier_id) for each in version.decisions if each.decision == "kept"}
    found: dict[str, dict[str, list[IdAndName]]] = {}
    for lot in version.shown_lots:
        candidates = {row.supplier.id for row in lot.candidates}
        found[lot.id] = {"kept": [], "candidates": [], "others": []}
        for each in {each.id: each for each in lot.listed}.values():
            is_kept = (lot.id, each.id) in kept
            found[lot.id]["kept" if is_kept else "candidates" if each.id in candidates else "others"].append(each)
    return found


async def _read_winner(connection: Connection, form: AwardForm, mistakes: list[Mistake]) -> UUID | None:
    """The id of the supplier that the form names as winner; None, with a mistake, where it names none."""
    if form.winner and form.winner != OTHER:
        return id_in(form.winner, NO_WINNER)
    if not form.winner:
        mistakes.append(form.mistake("titulaire", SAID["no_winner"]))
    elif (siret := forms.siret_in(form.siret)) is None:
        mistakes.append(form.mistake("siret", SAID["no_award_siret"]))
    else:
        found = await page_of_suppliers(connection, Filters(siret=siret), None, 1)
        if found:
            return found[0].supplier.id
        mistakes.append(form.mistake("siret", SAID["unknown_siret"]))
    return None
