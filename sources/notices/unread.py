"""The unread parts of a notice: what was noted while reading, then the parts that a need has no place for."""

import re

from domain.text.bilingual import Text
from sources.notices.notice import Notice, Unread

MOST_PARTS, MOST_PLACED = 300, 5_000
"""The parts that are named, at most, and those whose places are found to tell which are alike; the rest is counted."""
_POSITION = re.compile(r"\[\d+\]")
NO_PLACE = Text("Sans place dans un besoin", "A need has no place for it")
_NAMED: dict[str, Text] = {
    "AwardingTerms": Text("critères d'attribution", "award criteria"),
    "AC": Text("critères d'attribution", "award criteria"),
    "TenderSubmissionDeadlinePeriod": Text("date limite des offres", "deadline for tenders"),
    "DATE_RECEIPT_TENDERS": Text("date limite des offres", "deadline for tenders"),
    "Contact": Text("coordonnées", "contact details"),
    "NoticeResult": Text("résultats : offres et attributions", "results: tenders and awards"),
    "AWARD_CONTRACT": Text("résultats : offres et attributions", "results: tenders and awards"),
    "Note": Text("informations complémentaires", "further information"),
    "COMPLEMENTARY_INFO": Text("informations complémentaires", "further information"),
    "LEFTI": Text("conditions de participation", "conditions of participation"),
    "TRANSLATION_SECTION": Text("traductions", "translations"),
    "CODED_DATA_SECTION": Text("données codées de TED, qui reprennent le formulaire", "TED's codes, the form again"),
    "gestion": Text("données de gestion du BOAMP, qui reprennent l'avis", "BOAMP's own data, the notice again"),
}


def all_unread(notice: Notice) -> tuple[Unread, ...]:
    """The notes, then the uppermost elements of which nothing was read; what is alike in all lots is said once."""
    noted, unread = {each.path for each in notice.unread}, notice.root.unread()
    others = [
        Unread(path, _no_place(element.name), expected=True)
        for element in unread[:MOST_PLACED]
        if (path := element.path) not in noted
    ]
    alike: dict[tuple[str, Text], list[Unread]] = {}
    for each in (*notice.unread, *others):
        alike.setdefault((_POSITION.sub("", each.path), each.detail), []).append(each)
    parts = [_counted(group) for group in alike.values()]
    left = len(parts[MOST_PARTS:]) + len(unread[MOST_PLACED:])
    if not left:
        return tuple(parts)
    more = Text(f"Et {left} autres parties de l'avis", f"And {left} other parts of the notice")
    return (*parts[:MOST_PARTS], Unread(notice.root.path, more, expected=True))


def _no_place(name: str) -> Text:
    """The reason why an element is not in the need, with its name in words where it has one."""
    named = _NAMED.get(name)
    if named is None:
        return NO_PLACE
    fr, en = named.capitalised()
    return Text(f"{fr} : sans place dans un besoin", f"{en}: a need has no place for it")


def _counted(group: list[Unread]) -> Unread:
    first, count = group[0], len(group)
    if count == 1:
        return first
    detail = Text(f"{first.detail.fr} ({count} fois)", f"{first.detail.en} ({count} times)")
    return first._replace(detail=detail)
