"""The notice of a preliminary market consultation in words: sentences about a lot, and the text for a buyer profile."""

from collections.abc import Iterator

from domain.needs.need import Reserved
from domain.notices.consultation import Consultation, NoticeLot
from domain.reference.cpv import Cpv
from domain.text.bilingual import AND, Language, Text, euros, join_texts, long_date, time_of_day, typeset
from domain.text.labels import CONTRACTS, NATURES, PROCEDURES, RESERVED, TECHNIQUES

Line = tuple[Text, Text]
"""The name of a fact, and the fact."""

NAME = Text("Avis de consultation préalable du marché", "Notice of a preliminary market consultation")
BASIS = Text(
    "Code de la commande publique, articles R2111-1 et R2111-2",
    "French public procurement code, articles R2111-1 and R2111-2",
)
NO_COMPETITION = Text(
    "Cette consultation prépare un achat ; elle n'est ni une mise en concurrence ni un appel à candidatures. Ce qui y"
    " sera dit d'utile sera communiqué à tous les candidats.",
    "This consultation prepares a purchase; it is no call for competition or for candidates. What is said there that is"
    " of use will be told to all candidates.",
)
_PROPOSED_END = Text(
    "Date limite de réponse proposée, non décidée par l'acheteur",
    "The last day for answers is proposed, not decided by the buyer",
)
_TO_BUYER = Text("Les réponses sont adressées à l'acheteur", "Answers are sent to the buyer")
_RESERVED_TO = Text(
    "Lot réservé {to} (article {articles} du code de la commande publique)",
    "Lot reserved to {to} (article {articles} of the French public procurement code)",
)
_ARTICLES: dict[Reserved, str] = {
    "handicap": "L2113-12",
    "iae": "L2113-13",
    "penitentiary": "L2113-13-1",
    "ess": "L2113-15",
}
_EITHER = ("handicap", "iae")


def reservation_in_words(reserved: tuple[Reserved, ...]) -> Text | None:
    """The sentence on to whom a lot is reserved, with the articles; None for a lot that is not."""
    if not reserved:
        return None
    if set(reserved) == set(_EITHER):
        return _RESERVED_TO.filled(to=RESERVED["handicap_iae"].to, articles="L2113-14")
    to = join_texts([RESERVED[each].to for each in reserved], _spaced(AND))
    articles = join_texts([Text(_ARTICLES[each], _ARTICLES[each]) for each in reserved], _spaced(AND))
    return _RESERVED_TO.filled(to=to, articles=articles)


def _spaced(word: Text) -> Text:
    return Text(f" {word.fr} ", f" {word.en} ")


def lot_remarks(lot: NoticeLot) -> list[Text]:
    """The facts of a lot that such a notice has no field for: renewals, reservation, a CPV code that is proposed."""
    asked, said = lot.lot, []
    firm, renewals = asked.duration_months, asked.renewal_months
    if firm and renewals:
        most = firm + renewals
        said.append(
            Text(
                f"Durée totale maximale, reconductions comprises : {most} mois",
                f"Total duration at most, renewals (reconductions) included: {most} months",
            )
        )
    elif renewals:
        said.append(Text(f"Reconductions : {renewals} mois", f"Renewals: {renewals} months"))
    if reservation := reservation_in_words(asked.reserved or ()):
        said.append(reservation)
    if lot.supposed_cpv:
        trades = ", ".join(lot.object.trades)
        said.append(
            Text(f"Code CPV proposé d'après le métier : {trades}", f"CPV code proposed from the trade: {trades}")
        )
    return said


def need_remarks(notice: Consultation) -> list[Text]:
    """The facts of the whole notice that it has no field for: procedure, technique, and what is proposed."""
    need = notice.need
    said = [NO_COMPETITION]
    if need.procedure:
        words = PROCEDURES[need.procedure]
        said.append(Text(f"Procédure envisagée : {words.fr}", f"Planned procedure: {words.en}"))
    if need.technique:
        words = TECHNIQUES[need.technique]
        said.append(Text(f"Technique d'achat envisagée : {words.fr}", f"Planned purchasing technique: {words.en}"))
    if notice.supposed_end:
        said.append(_PROPOSED_END)
    if need.answers_url is None:
        said.append(_TO_BUYER)
    return said


def sentences(said: list[Text]) -> Text:
    """The remarks as sentences, one a line."""
    return join_texts([Text(f"{each.fr.rstrip('.')}.", f"{each.en.rstrip('.')}.") for each in said], Text("\n", "\n"))


def profile_text(notice: Consultation, cpv: Cpv, language: Language) -> str:
    """The notice as plain text for a buyer profile."""
    parts = [f"{NAME.to(language)}\n{BASIS.to(language)}", _lines(_whole_lines(notice), language), notice.description]
    for number, lot in enumerate(notice.lots, 1):
        heading = Text(f"Lot {number} : {lot.title}", f"Lot {number}: {lot.title}")
        remarks = sentences(lot_remarks(lot)).to(language)
        body = "\n".join(filter(None, (heading.to(language), _lines(_lot_lines(lot, cpv), language), remarks)))
        parts.append(typeset(body, language))
    parts += [_lines(_answer_lines(notice, language), language), sentences(need_remarks(notice)).to(language)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _lines(lines: Iterator[Line], language: Language) -> str:
    colon = {"fr": " : ", "en": ": "}[language]
    return "\n".join(typeset(f"{name.to(language)}{colon}{fact.to(language)}", language) for name, fact in lines)


def _whole_lines(notice: Consultation) -> Iterator[Line]:
    need, buyer = notice.need, notice.buyer
    yield Text("Acheteur", "Buyer"), _same(buyer.name or "")
    if buyer.siret:
        yield Text("SIRET", "SIRET"), _same(buyer.siret)
    yield Text("Objet", "Object"), _same(notice.title)
    if need.reference:
        yield Text("Référence", "Reference"), _same(need.reference)
    yield Text("Contrat", "Contract"), CONTRACTS[need.contract]
    if need.planned_publication_on:
        yield Text("Publication prévue", "Planned publication"), long_date(need.planned_publication_on)


def _lot_lines(lot: NoticeLot, cpv: Cpv) -> Iterator[Line]:
    asked = lot.lot
    yield Text("Nature", "Nature"), NATURES[lot.nature]
    yield Text("Codes CPV", "CPV codes"), _same(", ".join(f"{code} ({cpv.label(code)})" for code in lot.cpv))
    places = ", ".join(f"{area.label} ({area.code})" for area in lot.object.places)
    france = Text("toute la France", "all of France")
    yield Text("Lieu d'exécution", "Place of performance"), france if lot.object.everywhere else _same(places)
    if lot.object.site:
        yield Text("Commune", "Commune"), _same(lot.object.site)
    if lot.cents is not None:
        amount = euros(lot.cents)
        yield Text("Valeur estimée", "Estimated value"), Text(f"{amount.fr} HT", f"{amount.en} excl. tax")
    if asked.duration_months:
        months = asked.duration_months
        yield Text("Durée", "Duration"), Text(f"{months} mois", f"{months} months")


def _answer_lines(notice: Consultation, language: Language) -> Iterator[Line]:
    need, until = notice.need, long_date(notice.ends_at.date())
    hour = time_of_day(notice.ends_at, language)
    yield Text("Répondre au plus tard le", "Answer by"), Text(f"{until.fr}, {hour}", f"{until.en}, {hour}")
    if need.answers_url:
        yield Text("Répondre sur", "Answer at"), _same(need.answers_url)
    if need.answers_email:
        yield Text("Renseignements", "Information"), _same(need.answers_email)


def _same(words: str) -> Text:
    return Text(words, words)
