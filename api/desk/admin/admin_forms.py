"""The forms of the administration's pages, and the requests that they say; wrong fields are named, all at once."""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, TypeVar

import msgspec

from api.admin.keys import KeyRequest
from api.desk.frame.mistakes import Mistake
from api.desk.frame.visit import Visit
from domain.decoding.explain import explain
from domain.errors import InvalidContent, Problem
from domain.organisation import Key, OrganisationSettings
from domain.text.bilingual import Text
from domain.text.typography import PARIS

Request = TypeVar("Request", bound=msgspec.Struct)

FIELDS = {
    "name": "nom",
    "siret": "siret",
    "organisation": "organisation",
    "scopes": "portee",
    "sources": "sources",
    "expires_at": "echeance",
    "rate_per_minute": "quota",
}
NO_NAME = Text("Donnez un nom", "Give a name")
NO_SCOPE = Text("Cochez au moins un droit", "Tick at least one right")
NO_DATE = Text("Une date est attendue : AAAA-MM-JJ", "A date is expected: YYYY-MM-DD")
NO_NUMBER = Text("Un nombre entier est attendu, tel que 600", "A whole number is expected, such as 600")
NO_SIRET = Text("Un SIRET a 14 chiffres", "A SIRET has 14 digits")


def organisation_settings(visit: Visit) -> OrganisationSettings:
    """The name and SIRET of the form; spaces in a SIRET are left out. Raises InvalidContent."""
    siret = "".join(visit.text("siret").split())
    problems = [] if visit.text("nom") else [Problem("/name", "missing", NO_NAME)]
    if siret and not (len(siret) == 14 and siret.isascii() and siret.isdecimal()):
        problems.append(Problem("/siret", "wrong_format", NO_SIRET))
    return _request({"name": visit.text("nom"), "siret": siret or None}, OrganisationSettings, problems)


def key_request(visit: Visit) -> KeyRequest:
    """The key that the form asks for, until the end of the day that it names. Raises InvalidContent."""
    problems: list[Problem] = []
    expires_at, quota = _end_of_day(visit.text("echeance"), problems), _number(visit.text("quota"), problems)
    scopes = tuple(visit.fields.get("portee", ()))
    if not visit.text("nom"):
        problems.append(Problem("/name", "missing", NO_NAME))
    if not scopes:
        problems.append(Problem("/scopes", "missing", NO_SCOPE))
    asked = {
        "name": visit.text("nom"),
        "scopes": scopes,
        "organisation": visit.text("organisation") or None,
        "sources": tuple(dict.fromkeys(filter(None, map(str.strip, visit.text("sources").split(","))))),
        "expires_at": expires_at,
        "rate_per_minute": quota,
    }
    return _request(asked, KeyRequest, problems)


def fields_of_key(key: Key) -> list[tuple[str, str]]:
    """The form of a key like this one, without its end."""
    fields = [("nom", key.name), ("organisation", str(key.organisation_id)), ("sources", ", ".join(key.sources))]
    fields += [("portee", scope) for scope in key.scopes]
    fields += [("quota", "" if key.rate_per_minute is None else str(key.rate_per_minute))]
    return [(name, text) for name, text in fields if text]


def mistakes_of(invalid: InvalidContent) -> Iterator[Mistake]:
    """The problems of a request at the fields of its form."""
    for problem in invalid.problems:
        part = problem.pointer.removeprefix("/").partition("/")[0]
        yield Mistake(FIELDS.get(part, "nom"), problem.detail)


def _request(asked: dict[str, Any], kind: type[Request], problems: list[Problem]) -> Request:
    if problems:
        raise InvalidContent(tuple(problems))
    try:
        return msgspec.convert(asked, kind)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, kind),)) from None


def _end_of_day(text: str, problems: list[Problem]) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), PARIS)
    except ValueError:
        problems.append(Problem("/expires_at", "wrong_format", NO_DATE))
        return None


def _number(text: str, problems: list[Problem]) -> int | None:
    plain = "".join(text.split())
    if not plain:
        return None
    if plain.isascii() and plain.isdecimal() and len(plain) < 10:
        return int(plain)
    problems.append(Problem("/rate_per_minute", "wrong_format", NO_NUMBER))
    return None
