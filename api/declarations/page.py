"""A supplier's own page: what is known of it and by whom, the form to say what it does, and what follows from that."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from litestar import Response

from api.declarations.link_pages import last_day, render_page
from api.declarations.page_form import (
    AMOUNTS,
    AS_BEFORE,
    FRANCE,
    KILOMETRES,
    DeclarationForm,
    Understood,
    field_of_problem,
    form_of_declaration,
    has_several_areas,
    known_areas,
    understand_form,
)
from domain.declarations.declaration import Declaration, SupplierPage
from domain.errors import Problem
from domain.exchanges.letter import buyer_in_sentence, is_nameless
from domain.reference.territory import Area
from domain.suppliers.supplier import DECLARATIONS, Offer, ServiceArea
from domain.text.bilingual import Language, Text, article_of, listed, place_after_de
from domain.text.labels import AREAS_AROUND, KINDS, KINDS_OF_PLACE, OWN_BASES
from matching.reference import Reference

MOST_NAMED = 6


class Tick(NamedTuple):
    """A trade to be ticked: its segment, its name, and whether it is ticked."""

    segment: str
    label: str
    ticked: bool


class KnownFact(NamedTuple):
    """Something that the directory knows of a supplier, in words; `sources`: of whom it has it."""

    name: str
    value: str
    sources: str = ""


class PageOfSupplier(NamedTuple):
    """All that a supplier's page shows but its form: facts known of it, the trades it likely does, the day.

    `source_names`: the labels of sources by their names. `sources_of_kinds`: who says what it is. `asking`: the
    organisation that asks.
    """

    shown: SupplierPage
    likely: tuple[str, ...]
    reference: Reference
    today: date
    source_names: Mapping[str, str]
    sources_of_kinds: tuple[str, ...]
    asking: str
    language: Language = "fr"

    def say(self, french: str, english: str) -> str:
        """The words in the language of the page."""
        return Text(french, english).to(self.language)


def declaration_page(
    page: PageOfSupplier,
    understood: Understood | None = None,
    *,
    status: int = 200,
    problems: Sequence[Problem] = (),
    searched: bool = False,
    event: str = "",
) -> Response[bytes]:
    """The page of a supplier. `understood`: its form as it was sent, with what it may mean; None: as it is first shown.

    `searched`: the visitor asked to look words up. `event`: what was just done (`envoi`, `retrait`, `silence`).
    """
    shown = page.shown
    declared = shown.declaration
    read = (understood or form_of_page(page)).found
    said = {code for offer in declared.offers for code in offer.segments} if declared else set()
    return render_page(
        "fiche.html",
        status,
        page.language,
        supplier=shown.supplier,
        declared=declared,
        found_by=findable_words(declared, page) if declared else None,
        maybe_too=[page.reference.taxonomy.label(code) for code in read if code not in said],
        withdrawal=shown.withdrawal,
        replaced_at=shown.replaced_at,
        ask_again=shown.ask_again,
        in_brief=known_in_brief(page),
        link_until=last_day(shown.link_expires_at),
        event=event,
        asking=None if is_nameless(page.asking) else buyer_in_sentence(page.asking).to(page.language),
        beside_answer=False,
        searched=searched,
        **form_variables(page, understood, problems),
    )


def form_of_page(page: PageOfSupplier) -> Understood:
    """The form as it is first shown, with what the words declared before may mean."""
    return understand_form(form_of_declaration(page.shown.declaration, page.shown.supplier, page.today), page.reference)


def form_variables(
    page: PageOfSupplier, understood: Understood | None, problems: Sequence[Problem] = ()
) -> dict[str, Any]:
    """The variables of the form's template, by name."""
    supplier, reference, declared = page.shown.supplier, page.reference, page.shown.declaration
    if understood is None:
        understood = form_of_page(page)
    form = understood.form
    offered = tuple(code for offer in supplier.offers for code in offer.segments)
    # those that the words mean stand beside the words
    first = tuple(code for code in dict.fromkeys((*offered, *page.likely)) if code not in understood.found)
    others = tuple(dict.fromkeys((*form.trades, *understood.found)))
    return {
        "declaration": form,
        "ticks": _ticks(first, form, reference),
        "more_ticks": _ticks([code for code in others if code not in first], form, reference),
        "areas": [
            (area.id, place_words(area, reference, page.language)) for area in known_areas(form.territories, reference)
        ],
        "places": [(area.id, place_words(area, reference, page.language)) for area in understood.places],
        "zones": zone_choices(page, form.where),
        "own_areas": findable_words(declared, page).trades if declared and _has_several(page) else [],
        "amounts": AMOUNTS,
        "known_contact": supplier.contact,
        "facts": known_facts(page),
        "searched_place": bool(form.territories or understood.places),
        "mistakes": [(field_of_problem(each), each.detail.to(page.language)) for each in problems],
    }


def _ticks(codes: Iterable[str], form: DeclarationForm, reference: Reference) -> list[Tick]:
    known = (code for code in codes if reference.taxonomy.known(code))
    return [Tick(code, reference.taxonomy.label(code), code in form.trades) for code in known]


def _has_several(page: PageOfSupplier) -> bool:
    return page.shown.declaration is not None and has_several_areas(page.shown.declaration)


def zone_choices(page: PageOfSupplier, chosen: str) -> list[tuple[str, str]]:
    """The areas that can be chosen with one tap, each with its words: around the supplier, where it stands, France."""
    supplier, territories, say = page.shown.supplier, page.reference.territories, page.say
    name = territories.commune_name(supplier.commune)
    if name:
        around = say(f"autour {place_after_de(name)}", f"around {name}")
    else:
        around = say("autour de chez nous", "around us")
    kilometres = list(KILOMETRES) if supplier.location else []
    kind, _, number = chosen.partition(":")
    if kind == "km" and number not in kilometres:
        kilometres = sorted([*kilometres, number], key=lambda text: float(text) if text.isdecimal() else 0)
    choices = [(f"km:{each}", f"{each} km {around}") for each in kilometres]
    if name and supplier.commune:
        parents = territories.parents(territories.area(f"commune:{supplier.commune}"))
        colon = say(" : ", ": ")
        choices += [
            (area.id, f"{AREAS_AROUND[area.kind].to(page.language)}{colon}{area.label}")
            for area in parents
            if area.kind in AREAS_AROUND
        ]
    choices.append((FRANCE, say("Dans toute la France", "In all of France")))
    if _has_several(page):
        several = say("Comme déjà déclaré : une zone pour chaque activité", "As said already: an area for each trade")
        choices.insert(0, (AS_BEFORE, several))
    elif chosen == AS_BEFORE:
        choices.append((AS_BEFORE, say("Dans le contour déjà déclaré", "In the outline said already")))
    return choices


def place_words(area: Area, reference: Reference, language: Language) -> str:
    """A territory as it is told apart from others of its name: “Redon (commune, Ille-et-Vilaine)”."""
    around = [each.label for each in reference.territories.parents(area) if each.kind == "departement"]
    within = around if area.kind in {"commune", "epci"} else []
    return f"{area.label} ({', '.join((KINDS_OF_PLACE[area.kind].to(language), *within[:3]))})"


class FindableWords(NamedTuple):
    """The trades by which buyers find a supplier, the area in which they do, in words; and the last day.

    `area`: empty where it is not the same for all, and told beside each trade.
    """

    trades: list[str]
    area: str
    until: date | None


def findable_words(declared: Declaration, page: PageOfSupplier) -> FindableWords:
    """The findable part of a declaration, in words."""
    taxonomy, areas = page.reference.taxonomy, dict[str, list[str]]()
    for offer in declared.offers:
        for code in filter(taxonomy.known, offer.segments):
            areas.setdefault(taxonomy.label(code), []).append(area_words(offer.service_area, page))
    if has_several_areas(declared):
        trades = [f"{label} ({page.say(' ou ', ' or ').join(dict.fromkeys(some))})" for label, some in areas.items()]
        return FindableWords(trades, "", declared.valid_until)
    return FindableWords([*areas], next((some[0] for some in areas.values()), ""), declared.valid_until)


def area_words(area: ServiceArea | None, page: PageOfSupplier) -> str:
    """A service area in words that follow a verb: “dans le territoire …”."""
    name, say = page.reference.territories.commune_name(page.shown.supplier.commune), page.say
    around = say(place_after_de(name) if name else "de votre adresse", f"from {name or 'your address'}")
    if area is None:
        return say(f"à 50 km {around} au plus", f"at most 50 km {around}")
    if area.national:
        return say("dans toute la France", "in all of France")
    if area.radius_km is not None:
        distance = f"{area.radius_km:g}"
        return say(f"à {distance} km {around} au plus".replace(".", ","), f"at most {distance} km {around}")
    if area.geometry is not None:
        return say("dans le contour que vous avez tracé", "in the outline that you drew")
    names = [each.label for each in known_areas(area.codes or (), page.reference)]
    left = len(names) - MOST_NAMED
    more = [say(f"{left} autres lieux", f"{left} other places")] if left > 0 else []
    ground = say("sur ce territoire" if len(names) == 1 else "sur ces territoires", "in")
    return f"{ground}{say(' : ', ' ')}{listed([*names[:MOST_NAMED], *more]).to(page.language)}"


def known_facts(page: PageOfSupplier) -> list[KnownFact]:
    """The facts that the directory has of a supplier from others, each with its source."""
    one, reference, say = page.shown.supplier, page.reference, page.say
    address = one.address
    place = " ".join(filter(None, (address.street, address.postal_code, address.city))) if address else ""
    place = place or reference.territories.commune_name(one.commune) or ""
    staff, places = one.size.staff, one.size.places
    facts = [
        KnownFact(say("Nom", "Name"), one.name, _source_of("name", page)),
        KnownFact(say("SIRET", "SIRET"), one.siret or "", _source_of("siret", page)),
        KnownFact(
            say("Type", "Kind"),
            ", ".join(KINDS[kind].to(page.language) for kind in one.kinds),
            ", ".join(_label(each, page) for each in page.sources_of_kinds),
        ),
        KnownFact(say("Adresse", "Address"), place, _source_of("address", page)),
        KnownFact(say("Téléphone", "Telephone"), one.contact.phone or "", _source_of("contact.phone", page)),
        KnownFact(say("Courriel", "E-mail"), one.contact.email or "", _source_of("contact.email", page)),
        KnownFact(say("Site", "Website"), one.contact.website or "", _source_of("contact.website", page)),
    ]
    if staff:
        number = (
            str(staff.min)
            if staff.min == staff.max
            else say(f"{staff.min} à {staff.max}", f"{staff.min} to {staff.max}")
            if staff.max
            else say(f"{staff.min} ou plus", f"{staff.min} or more")
        )
        facts.append(KnownFact(say("Effectif", "Staff"), number, _label(staff.source, page)))
    if places:
        facts.append(KnownFact(say("Places", "Places"), str(places.count), _label(places.source, page)))
    facts += [_known_offer(each, page) for each in one.offers if each.declared_by != "supplier"]
    return [each for each in facts if each.value]


def known_in_brief(page: PageOfSupplier) -> str:
    """The kind, the size and the place of a supplier in one line, with the sources; empty where none is known."""
    one = page.shown.supplier
    commune = page.reference.territories.commune_name(one.commune)
    kinds, at = ", ".join(KINDS[kind].to(page.language) for kind in one.kinds), page.say("à", "at")
    parts = [kinds, f"{at} {commune}" if commune else ""]
    if one.size.places:
        parts.append(f"{one.size.places.count} places")
    names = dict.fromkeys(_label(each.source, page) for each in one.sources if each.source != DECLARATIONS)
    said = ", ".join(filter(None, parts))
    if not (said and names):
        return ""
    in_french = listed([source_in_sentence(name) for name in names]).fr
    return page.say(f"Selon {in_french} : {said}.", f"By {listed([*names]).en}: {said}.")


def source_in_sentence(label: str) -> str:
    """The name of a source as it stands in a sentence, with its article where it is a common noun."""
    article = article_of(label)
    return article + label[:1].lower() + label[1:] if article else label


def _known_offer(offer: Offer, page: PageOfSupplier) -> KnownFact:
    names = [page.reference.taxonomy.label(code) for code in offer.segments if page.reference.taxonomy.known(code)]
    return KnownFact(
        page.say("Activité", "Trade"), ", ".join(names) or offer.label or "", OWN_BASES[offer.basis].to(page.language)
    )


def _source_of(field: str, page: PageOfSupplier) -> str:
    """The label of the source that a field is from; empty where it is not known."""
    one = page.shown.supplier
    others = [each.source for each in one.sources]
    return _label((one.provenance or {}).get(field) or (others[0] if len(others) == 1 else None), page)


def _label(source: str | None, page: PageOfSupplier) -> str:
    if source == DECLARATIONS:
        return page.say("votre déclaration", "your declaration")
    return page.source_names.get(source, source) if source else ""
