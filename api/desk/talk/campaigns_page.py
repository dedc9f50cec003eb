"""The pages of campaigns: all of them, a new one, and one with its counts, its steps and a map that fills."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Annotated, NamedTuple
from uuid import UUID

from litestar import Response
from msgspec.structs import replace

from api.campaigns.links import PDF, LinksAsked, answer_with_links
from api.campaigns.routes import recipients_as_csv
from api.campaigns.run_campaign import (
    change_campaign,
    lock_own_campaign,
    own_campaign,
    plan_campaign,
    post_campaign,
    remind_silent,
    remove_campaign,
    send_campaign,
)
from api.declarations.page_form import known_areas
from api.desk.directory.territory_page import area_drawing
from api.desk.frame import form as forms
from api.desk.frame.form import Field, Mistake, WrongForm
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import FormOutcome, Visit, acting_at, form_route, id_in, submission_name, write_once
from api.desk.need.territory_field import territories_of_name
from api.desk.talk.new_exchange_page import ContactForm
from api.draw_maps_and_charts import Drawing
from api.runtime.actor import Acting
from api.runtime.idempotency import Sender
from api.runtime.processes.match_work import run_in_thread
from api.web.content_negotiation import CSV
from db.campaigns.campaigns import answers_by_commune, select_campaigns
from db.core.engine import Connection, transaction
from domain.campaigns.campaign import LONGEST_BODY, NO_CAMPAIGN, CampaignRequest, first_reminder, require_draft
from domain.errors import InvalidContent
from domain.reference.territory import Area
from domain.supply import AreaSupply
from domain.text.bilingual import Language, Text, said_by
from matching.geo.map_sheets import area_sheets
from matching.reference import Reference

_SAID = said_by(__name__)
ON_A_PAGE, LONGEST_NAME, MOST_TRADES = 50, 100, 8
NO_PLACE = Text("Un territoire est attendu", "A territory is expected")
LINES = forms.FieldKind(lambda text: tuple(filter(None, map(str.strip, text.splitlines()))), "\n".join)
STEPS = {"envoyer": send_campaign, "partis": post_campaign, "rappeler": remind_silent}
"""The use case of each button."""


class CampaignForm(ContactForm, frozen=True, kw_only=True):
    """The form fields of a campaign; a territory is looked up by its name, a trade by words (`added`).

    `draft`: the id of the draft that they change; empty: a new one.
    """

    draft: Annotated[str, Field("brouillon")] = ""

    title: Annotated[str, Field("titre", "title", forms.required(forms.bounded_text(400), SAID["no_name"]))] = ""
    place: Annotated[str, Field("lieu", at="lieu", also=("territory",))] = ""
    territories: Annotated[tuple[str, ...], Field("territoire")] = ()
    trades: Annotated[tuple[str, ...], Field("metier", "segments", forms.SEVERAL)] = ()
    added: Annotated[str, Field("ajout")] = ""
    kinds: Annotated[tuple[str, ...], Field("genres", "kinds", forms.SEVERAL)] = ()
    known: Annotated[str, Field("connus", "known", forms.TICKED)] = ""
    subject: Annotated[str, Field("objet", "subject", forms.required(forms.bounded_text(400), SAID["no_name"]))] = ""
    sender_address: Annotated[str, Field("retour", "sender_address", LINES)] = ""
    body: Annotated[str, Field("texte", "body", forms.required(forms.bounded_text(LONGEST_BODY), SAID["no_name"]))] = ""


class CampaignMap(NamedTuple):
    """The EPCI of a campaign's recipients on a map, shaded by those that declared; rows of all, the most first."""

    drawing: Drawing
    rows: tuple[tuple[str, str, int, int], ...]


@page("GET", "/campagnes", scope="needs")
async def list_campaigns(visit: Visit) -> Response[bytes]:
    """The organisation's campaigns with what became of them, the newest first."""
    async with transaction(visit.services.database) as connection:
        fetch = partial(select_campaigns, connection, visit.organisation_id)
        found, onwards = await visit.page_of_list("campaigns", UUID, fetch, ON_A_PAGE)
    return visit.page("talk/campaigns.html", campaigns=found, onwards=onwards)


@page("GET", "/campagnes/nouvelle", scope="needs")
async def show_new_campaign(visit: Visit) -> Response[bytes]:
    """The form of a new campaign, for whom the query says, or of a draft (`brouillon`) or as another (`modele`)."""
    usual = {"objet": [_SAID["subject"].to(visit.language)], "texte": [_SAID["body"].to(visit.language)]}
    form = forms.read_form(
        CampaignForm, usual | {name: visit.fields.get(name, []) for name in ("territoire", "genres")}
    )
    draft = visit.text("brouillon")
    if model := draft or visit.text("modele"):
        async with transaction(visit.services.database) as connection:
            campaign = await own_campaign(connection, visit.organisation_id, id_in(model, NO_CAMPAIGN))
        known = "" if campaign.only_unknown_trade else "oui"
        form = forms.form_of_request(CampaignForm, campaign, territories=campaign.territory.codes or (), known=known)
        form = replace(form, draft=draft, reply_by=form.reply_by if draft else "")
    return _form_page(visit, form)


@page("POST", "/campagnes", scope="needs")
async def create_campaign(visit: Visit) -> Response[bytes]:
    """Draw up a campaign, or change a draft, and redirect to it; the form again to look up or correct something."""
    form = forms.read_form(CampaignForm, visit.fields)
    found = territories_of_name(form.place[:LONGEST_NAME], visit.reference) if form.place else ()
    if len(found) == 1:
        form = replace(form, place="", territories=tuple(dict.fromkeys((*form.territories, found[0].id))))
    if visit.text("faire") == "chercher":
        return _form_page(visit, form, (), found)
    try:
        request = _request_of_form(form, found)

        async def plan(connection: Connection, acting: Acting) -> FormOutcome:
            if form.draft:
                before = await lock_own_campaign(connection, acting, id_in(form.draft, NO_CAMPAIGN))
                require_draft(before)
                made = await change_campaign(connection, acting, before, request)
            else:
                made = await plan_campaign(connection, acting, request)
            return FormOutcome(f"/campagnes/{made.id}")

        return await write_once(visit, plan)
    except InvalidContent as wrong:
        return _form_page(visit, form, forms.field_mistakes(wrong, CampaignForm, otherwise="titre"), found)


def _request_of_form(form: CampaignForm, found: tuple[Area, ...]) -> CampaignRequest:
    """The campaign that a form makes. `found`: what its typed place may mean. Raises InvalidContent."""
    mistakes: list[Mistake] = []
    parts = form.parts(mistakes)
    if form.place and not any(each.id in form.territories for each in found):
        mistakes.append(Mistake("lieu", SAID["several_places" if found else "no_such_place"]))
    elif not form.territories:
        mistakes.append(Mistake("lieu", NO_PLACE))
    if mistakes:
        raise WrongForm(mistakes)
    parts["only_unknown_trade"] = not parts.pop("known")
    parts["territory"] = {"codes": form.territories}
    return forms.checked_request(parts, CampaignRequest)


def _form_page(
    visit: Visit, form: CampaignForm, mistakes: tuple[Mistake, ...] = (), found: tuple[Area, ...] = ()
) -> Response[bytes]:
    """The form with the places and trades chosen so far, and those that a typed place and words may mean."""
    reference = visit.reference
    areas = known_areas(form.territories, reference)
    added = [each.segment for each in reference.interpreter.search(form.added, MOST_TRADES)] if form.added else []
    trades = dict.fromkeys(filter(reference.taxonomy.known, (*form.trades, *added)))
    return visit.page(
        "talk/new_campaign.html",
        form=form,
        mistakes=mistakes,
        areas=areas,
        choices=[each for each in found if each not in areas],
        trades=[(each, reference.taxonomy.label(each)) for each in trades],
        most=LONGEST_BODY,
    )


@page("GET", "/campagnes/{id}", scope="needs")
async def show_campaign(visit: Visit, id: str) -> Response[bytes]:
    """A campaign with what became of it, the steps that may follow, and a map of who has answered."""
    campaign_id = id_in(id, NO_CAMPAIGN)
    async with transaction(visit.services.database) as connection:
        campaign = await own_campaign(connection, visit.organisation_id, campaign_id)
        answers = await answers_by_commune(connection, campaign_id)
    mapped = await run_in_thread(None, lambda: draw_answers(visit.reference, answers, visit.language))
    codes, earliest = campaign.territory.codes or (), first_reminder(campaign)
    return visit.page(
        "talk/campaign.html",
        campaign=campaign,
        map=mapped,
        places=[visit.reference.territories.area(each).label for each in codes],
        trades=[visit.reference.taxonomy.label(each) for each in campaign.segments],
        reminder_from=earliest if earliest is not None and earliest > visit.services.now() else None,
        sends=visit.services.settings.smtp is not None,
    )


def draw_answers(
    reference: Reference, answers: Mapping[str | None, tuple[int, int]], language: Language
) -> CampaignMap | None:
    """The map of a campaign's recipients by EPCI, given by commune; None where the place of none is known."""
    territories = reference.territories
    asked, declared = Counter[str](), Counter[str]()
    for commune, (number, answered) in answers.items():
        ordinal = territories.commune_ordinal(commune) if commune else None
        if ordinal is not None:
            known = territories.communes[ordinal]
            area_id = f"epci:{known.epci}" if known.epci else f"commune:{known.code}"
            asked[area_id] += number
            declared[area_id] += answered
    if not asked:
        return None
    areas = [AreaSupply(each, territories.area(each).label, asked[each], 0, 0, {}) for each in sorted(asked)]
    numbers = [declared[each.id] for each in areas]
    sheets = area_sheets(reference.geography, [each.id for each in areas])
    drawing = area_drawing(areas, numbers, sheets, language, "../territoires/")
    rows = ((each.id, each.label, each.suppliers, number) for each, number in zip(areas, numbers, strict=True))
    return CampaignMap(drawing, tuple(sorted(rows, key=lambda row: (-row[3], -row[2], row[1]))))


@page("POST", "/campagnes/{id}", scope="needs")
async def move_campaign(visit: Visit, id: str) -> Response[bytes]:
    """Send, note as posted, remind or delete a campaign, by the button that was pressed, and redirect."""
    campaign_id, step = id_in(id, NO_CAMPAIGN), STEPS.get(visit.text("faire"))

    async def take_step(connection: Connection, acting: Acting) -> FormOutcome:
        if step is not None:
            await step(connection, acting, campaign_id)
            return FormOutcome(f"/campagnes/{campaign_id}")
        await remove_campaign(connection, acting, campaign_id)
        return FormOutcome("/campagnes")

    return await write_once(visit, take_step)


@page("POST", "/campagnes/{id}/liens", scope="needs")
async def make_links(visit: Visit, id: str) -> Response[bytes]:
    """Make links of a campaign, and answer them as letters or as a table to be merged, this once."""
    campaign_id = id_in(id, NO_CAMPAIGN)
    sender = Sender(visit.organisation_id, form_route(visit.call.scope["path"]), submission_name(visit))
    media = PDF if visit.text("sous") == "lettres" else CSV
    every = visit.text("tous") == "oui"
    asked = LinksAsked(campaign_id, media, all_ways=every, dialect="excel", sender=sender)
    return await answer_with_links(visit.call, acting_at(visit), asked)


@page("GET", "/campagnes/{id}/destinataires", scope="needs")
async def get_recipients(visit: Visit, id: str) -> Response[bytes]:
    """The recipients of a campaign with their states, as CSV that a French spreadsheet opens."""
    campaign_id = id_in(id, NO_CAMPAIGN)
    async with transaction(visit.services.database) as connection:
        await own_campaign(connection, visit.organisation_id, campaign_id)
        table = await recipients_as_csv(connection, campaign_id, "excel")
    headers = {"content-disposition": 'attachment; filename="vivier-destinataires.csv"'}
    return Response(table, media_type=f"{CSV}; charset=utf-8", headers=headers)
