"""Texts to begin a message to suppliers with, to be changed before it is sent.

Greeting, buyer, the law and the way to answer are added to every message (`domain.exchanges.letter`). What the buyer
has to fill in stands in square brackets, which `domain.exchanges.rules` finds.
"""

from typing import NamedTuple

from domain.exchanges.letter import lot_name, purchase_name
from domain.meetings.meeting import HALF_DAY, Meeting
from domain.needs.need import PlannedNeed
from domain.text.bilingual import Language, Text
from domain.text.typography import day, time_of_day


class LetterTemplate(NamedTuple):
    """A text to begin with. `{title}`, `{lots}`, `{day}`, `{hours}`, `{place}`, `{agenda}` are filled in."""

    name: Text
    subject: Text
    body: Text


TEMPLATES = {
    "contact": LetterTemplate(
        Text("Premier contact", "First contact"),
        Text("Votre activité et notre projet d'achat", "Your activity and our planned purchase"),
        Text(
            "Nous préparons l'achat suivant :\n{lots}\n\n"
            "Avant de rédiger la consultation, nous aimerions savoir :\n"
            "- si cette prestation entre dans votre activité, en tout ou en partie ;\n"
            "- dans quel secteur, à partir de quels volumes et dans quels délais vous pourriez intervenir ;\n"
            "- ce qui, dans une consultation publique, vous empêche le plus souvent de répondre : découpage en lots, "
            "garanties demandées, délais, pièces à fournir.\n\n"
            "Quelques lignes suffisent. Si une réponse par téléphone vous est plus simple, dites-le-nous.",
            "We are preparing the following purchase:\n{lots}\n\n"
            "Before we write the call for tenders, we would like to know:\n"
            "- whether this is part of your activity, wholly or in part;\n"
            "- in which area, from which volumes and within which time you could work;\n"
            "- what most often keeps you from answering public calls: division into lots, guarantees, deadlines, "
            "documents required.\n\n"
            "A few lines are enough. If you would rather answer by telephone, tell us so.",
        ),
    ),
    "invitation": LetterTemplate(
        Text("Invitation à une rencontre", "Invitation to a meeting"),
        Text("Invitation : rencontre du {day}", "Invitation: meeting of {day}"),
        Text(
            "Nous vous invitons à une rencontre le {day}, {hours}, {place}.\n\n"
            "Au programme :\n{agenda}\n\n"
            "Elle porte sur l'achat suivant :\n{lots}\n\n"
            "Merci de nous dire si vous serez présent, et combien vous serez. Si vous ne pouvez pas venir, les "
            "informations données ce jour-là vous seront envoyées.",
            "We invite you to a meeting on {day}, {hours}, {place}.\n\n"
            "Programme:\n{agenda}\n\n"
            "It is about the following purchase:\n{lots}\n\n"
            "Please tell us whether you will come, and how many of you. If you cannot come, the information given that "
            "day will be sent to you.",
        ),
    ),
    "tous": LetterTemplate(
        Text("Information ou réponse à tous", "Information or answer to all"),
        Text("Information à tous : {title}", "Information to all: {title}"),
        Text(
            "Plusieurs fournisseurs nous ont interrogés sur [sujet de la question].\n\n"
            "Voici notre réponse, que tous reçoivent dans les mêmes termes :\n[votre réponse]",
            "Several suppliers asked us about [subject of the question].\n\n"
            "This is our answer, which all receive in the same words:\n[your answer]",
        ),
    ),
    "activite": LetterTemplate(
        Text("Question sur l'activité (activité inconnue)", "Question about the trade (unknown trade)"),
        Text("Que proposez-vous ?", "What do you offer?"),
        Text(
            "Nous cherchons des structures de l'économie sociale et solidaire pour l'achat suivant :\n{lots}\n\n"
            "Nous ne savons pas exactement ce que vous proposez. Pourriez-vous nous dire :\n"
            "- quelles prestations ou quels produits vous proposez aujourd'hui ;\n"
            "- si cet achat, ou une partie, vous intéresse ;\n"
            "- jusqu'à quelle distance vous intervenez.",
            "We are looking for suppliers of the social economy for the following purchase:\n{lots}\n\n"
            "We do not know exactly what you offer. Could you tell us:\n"
            "- which services or goods you offer today;\n"
            "- whether this purchase, or a part of it, is of interest to you;\n"
            "- up to what distance you work.",
        ),
    ),
}
_DAY, _HOURS, _PLACE = Text("[date]", "[day]"), Text("[heures]", "[hours]"), Text("[lieu]", "[place]")
_AT, _FROM = Text("à {place}", "at {place}"), Text("de {start} à {end}", "from {start} to {end}")
_LOT = Text("lot {id}", "lot {id}")


def filled_in(
    name: str, need: PlannedNeed, language: Language, meeting: Meeting | None = None, place: str = ""
) -> tuple[str, str]:
    """Subject and text of a template, about a need and the meeting that it invites to, held at that `place`."""
    template = TEMPLATES[name]
    lot = _LOT.to(language)
    lots = [f"- {lot_name(each) or lot.format(id=each.id)}" for each in need.lots]
    title = purchase_name(need) or TEMPLATES["contact"].subject
    values = {"title": title.to(language), "lots": "\n".join(lots)}
    values |= _of_meeting(meeting, place, language)
    return template.subject.to(language).format(**values), template.body.to(language).format(**values)


def _of_meeting(meeting: Meeting | None, place: str, language: Language) -> dict[str, str]:
    agenda = (meeting.agenda or ()) if meeting else HALF_DAY.agenda
    said = {"agenda": "\n".join(f"- {each.title}" for each in agenda)}
    if meeting is None:
        return said | {name: text.to(language) for name, text in (("day", _DAY), ("hours", _HOURS), ("place", _PLACE))}
    start, end = time_of_day(meeting.starts_at, language), time_of_day(meeting.ends_at, language)
    said |= {"day": day(meeting.starts_at, language), "hours": _FROM.to(language).format(start=start, end=end)}
    place = place or meeting.url or ""
    return said | {"place": _AT.to(language).format(place=place) if place else _PLACE.to(language)}
