"""The field of a territory ("lieu"): a name looked up, or a point or outline drawn on the map, read as a territory."""

import re
from typing import NamedTuple, TypeVar

import msgspec

from api.desk.frame.form import NUMBER, FieldKind, Mistake, Unreadable, read_text
from api.desk.frame.layout import CODE_WORDS, SAID
from api.desk.need.need_form import TerritoryForm
from domain.needs.need import Place, TerritoryRequest
from domain.reference.territory import Area, Geometry, Polygon, TerritoryKind, UnknownTerritory
from domain.text.bilingual import Text, kilometres, place_after_de
from domain.text.normalise import fold
from matching.reference import Reference

Form = TypeVar("Form", bound=TerritoryForm)

MOST_CHOICES, MOST_SUGGESTIONS = 8, 10
"""The places that are shown for a name, and the mistakes for which a code that may be meant is looked for."""
_POINT = re.compile(r"\s*(-?\d{1,2}(?:\.\d{1,15})?)\s*[,;]\s*(-?\d{1,3}(?:\.\d{1,15})?)\s*", re.ASCII)


def _read_outline(text: str) -> Geometry | None:
    try:
        drawn: Geometry | None = msgspec.json.decode(text, type=Geometry) if text else None
    except (msgspec.DecodeError, RecursionError):
        raise Unreadable(SAID["no_outline"]) from None
    return drawn


DRAWN = FieldKind(_read_outline, str)


class UnderstoodTerritory(NamedTuple):
    """The meaning of the form fields of a territory.

    `areas`: those chosen; `choices`: what the typed name may mean; `drawn`: a point or outline of the map in words;
    `circle`: the territory in words where it is a circle. `request`: None where nothing is filled in, or it is wrong.
    """

    areas: tuple[Area, ...] = ()
    choices: tuple[Area, ...] = ()
    drawn: Text | None = None
    circle: Text | None = None
    request: TerritoryRequest | None = None


def territories_of_name(name: str, reference: Reference, kind: TerritoryKind | None = None) -> tuple[Area, ...]:
    """The territories that a name may mean; only the one with exactly that name or code, where there is one."""
    found = reference.gazetteer.search(name, kind, MOST_CHOICES)
    exact = [area for area in found if fold(name) in {fold(area.label), fold(area.code), area.id}]
    return (exact[0],) if len(exact) == 1 else found


def understand_territory(
    form: Form, prefix: str, reference: Reference, mistakes: list[Mistake]
) -> tuple[Form, UnderstoodTerritory]:
    """The form with an unambiguous typed name replaced by its code, and the meaning of its territory fields.

    `prefix`: that the field names begin with. Adds what is wrong to the mistakes.
    """
    found_before = len(mistakes)
    by_code: dict[str, Area] = {}
    for code in form.territories:
        try:
            area = reference.territories.area(code, suggest=len(mistakes) < MOST_SUGGESTIONS)
            by_code[area.id] = area
        except UnknownTerritory as unknown:
            mistakes.append(Mistake(f"{prefix}lieu", unknown.detail))
    choices: tuple[Area, ...] = ()
    found = territories_of_name(form.place, reference, "commune" if form.radius else None) if form.place else ()
    if len(found) == 1 or any(area.id in form.territories for area in found):
        # the only one, or one that was chosen among those that were shown
        by_code |= {area.id: area for area in found if len(found) == 1}
        form = msgspec.structs.replace(form, place="")
    elif form.place:
        choices = found
        mistakes.append(Mistake(f"{prefix}lieu", SAID["several_places" if found else "no_such_place"]))
    form, areas = msgspec.structs.replace(form, territories=tuple(by_code)), tuple(by_code.values())
    point, outline = point_in(form.centre), read_text(DRAWN, form.drawn, f"{prefix}lieu", mistakes)
    known = UnderstoodTerritory(areas, choices, _drawing_in_words(point, outline, reference))
    if len(mistakes) > found_before:
        return form, known
    radius_km = read_text(NUMBER, form.radius, f"{prefix}rayon", mistakes)
    if outline is not None and (areas or point or radius_km is not None):
        mistakes.append(Mistake(f"{prefix}lieu", SAID["drawn_alone"]))
    elif outline is not None:
        known = known._replace(request=TerritoryRequest(geometry=outline))
    elif radius_km is not None or point is not None:
        known = _add_circle(known, point, radius_km, prefix, mistakes)
    elif areas and len(mistakes) == found_before:
        known = known._replace(request=TerritoryRequest(codes=form.territories))
    return form, known


def territory_choices(form: TerritoryForm, reference: Reference) -> tuple[Area, ...]:
    """The territories that a half-typed name may mean, without the ones already chosen."""
    kind: TerritoryKind | None = "commune" if form.radius else None
    found = reference.gazetteer.search(form.place, kind, MOST_CHOICES) if form.place else ()
    return tuple(area for area in found if area.id not in form.territories)


def point_in(text: str) -> Place | None:
    """The point in a text such as “48.07,-2.96” (latitude, longitude); None where the text is no point."""
    found = _POINT.fullmatch(text)
    if found is None:
        return None
    lat, lon = float(found[1]), float(found[2])
    return Place(lat=lat, lon=lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _add_circle(
    understood: UnderstoodTerritory, point: Place | None, radius_km: float | None, prefix: str, mistakes: list[Mistake]
) -> UnderstoodTerritory:
    """The territory as a circle around its one commune or drawn point; a mistake where centre or radius is missing."""
    communes = [area for area in understood.areas if area.kind == "commune"]
    if radius_km is None or radius_km <= 0:
        mistakes.append(Mistake(f"{prefix}rayon", SAID["no_radius"]))
        return understood
    if len(understood.areas) + bool(point) != 1 or not (communes or point):
        mistakes.append(Mistake(f"{prefix}rayon", SAID["one_centre" if understood.areas or point else "no_centre"]))
        return understood
    near = point or Place(commune=communes[0].code)
    distance = kilometres(radius_km, rough=radius_km.is_integer())
    if understood.drawn is not None:
        circle = CODE_WORDS["on_map"]["around_point"].filled(distance=distance, point=understood.drawn)
    else:
        circle = CODE_WORDS["on_map"]["around_commune"].filled(distance=distance, commune=_genitive(communes[0].label))
    return understood._replace(circle=circle, request=TerritoryRequest(near=near, radius_km=radius_km))


def _drawing_in_words(point: Place | None, outline: Geometry | None, reference: Reference) -> Text | None:
    """The drawn point or outline in words, by the commune in which the point, or the outline's middle, lies."""
    if outline is not None:
        polygons = (outline.coordinates,) if isinstance(outline, Polygon) else outline.coordinates
        ring = polygons[0][0]
        lon, lat = (sum(position[axis] for position in ring) / len(ring) for axis in (0, 1))
        corners = sum(len(each) - 1 for rings in polygons for each in rings)
        around = _genitive(_commune_name_at(lat, lon, reference))
        return CODE_WORDS["on_map"]["outline"].filled(corners=Text(str(corners), str(corners)), around=around)
    if point is not None and point.lat is not None and point.lon is not None:
        name = _commune_name_at(point.lat, point.lon, reference)
        return CODE_WORDS["on_map"]["point"].filled(around=Text(name, name))
    return None


def _commune_name_at(lat: float, lon: float, reference: Reference) -> str:
    """The name of the commune at a position; the coordinates where there is none."""
    commune = reference.geography.commune_of(lat, lon)
    return commune.name if commune else f"{lat:.3f}, {lon:.3f}"


def _genitive(name: str) -> Text:
    """The name of a commune as it stands after a noun: “de Vannes”, “du Mans” in French, alone in English."""
    return Text(place_after_de(name), name)
