"""The page on which a need is said in words, and shown as it was understood."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec
from litestar import Response

from api.desk.need_form import MOST_LOTS, NeedForm, changed, form_of_need, read_need_form
from api.desk.page import page
from api.desk.understood_need import Understood, understand
from api.desk.visit import Visit
from domain.needs.need import RESERVED_TYPES, Need
from domain.reference.territory import Area, Territories
from domain.text.bilingual import Text

BUYERS = {
    "": Text("Je ne le dis pas", "I do not say"),
    "state": Text("État ou établissement de l'État", "State or a body of the State"),
    "local": Text("Collectivité, hôpital ou autre acheteur local", "Local authority, hospital or other local buyer"),
    "utility": Text("Entité adjudicatrice (eau, énergie, transports)", "Utility (water, energy, transport)"),
}
KINDS_OF_PLACE = {
    "country": Text("pays", "country"),
    "region": Text("région", "region"),
    "departement": Text("département", "departement"),
    "epci": Text("intercommunalité", "EPCI"),
    "commune": Text("commune", "commune"),
    "nuts": Text("zone NUTS", "NUTS area"),
}


@page("GET", "/besoin", scope="match")
async def show_need_form(visit: Visit) -> Response[bytes]:
    """The form: empty, filled in with the example, or with the fields of the query."""
    if visit.text("exemple"):
        return _shown(visit, understand(_example(), visit.services.reference))
    form = read_need_form(visit.fields)
    if form == NeedForm():
        return need_form_page(visit, form)
    return _shown(visit, understand(form, visit.services.reference))


@page("POST", "/besoin", scope="match")
async def change_need_form(visit: Visit) -> Response[bytes]:
    """The form as it was understood, with a lot more or less where a button asks for that."""
    wish = visit.text("faire")
    form = changed(read_need_form(visit.fields), wish)
    understood = understand(form, visit.services.reference)
    if wish != "comprendre":
        # a lot was added or taken away: what is not filled in yet is no mistake
        understood = understood._replace(mistakes=())
    return _shown(visit, understood)


def _shown(visit: Visit, understood: Understood) -> Response[bytes]:
    return need_form_page(visit, understood.form, understood)


def need_form_page(
    visit: Visit, form: NeedForm, understood: Understood | None = None, status: int = 200
) -> Response[bytes]:
    """The page of the form, beside it what was understood."""
    mistakes = understood.mistakes if understood else ()
    return visit.page(
        "need.html",
        status,
        form=form,
        understood=understood,
        mistakes=mistakes,
        wrong={mistake.field for mistake in mistakes},
        buyers=BUYERS,
        kinds_of_place=KINDS_OF_PLACE,
        parents=departements_around(_places(understood), visit.services.reference.territories),
        reserved_types=RESERVED_TYPES,
        most_lots=MOST_LOTS,
    )


def _places(understood: Understood | None) -> list[Area]:
    """The territories and communes that the form names."""
    if understood is None:
        return []
    chosen = [*understood.areas, *(site for site in understood.sites if site)]
    return [*chosen, *understood.choices, *(area for choices in understood.site_choices for area in choices)]


def departements_around(areas: Iterable[Area], territories: Territories) -> dict[str, str]:
    """The name of the departement around each commune or EPCI, by its id."""
    around = {
        area.id: [each.label for each in territories.parents(area) if each.kind == "departement"] for area in areas
    }
    return {area_id: labels[0] for area_id, labels in around.items() if labels}


@cache
def _example() -> NeedForm:
    return form_of_need(msgspec.json.decode(files("api.sample").joinpath("need.json").read_bytes(), type=Need))


PAGES = (show_need_form, change_need_form)
