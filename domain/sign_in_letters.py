"""The letters that let people in who were invited: an invitation with its link, and a code to sign in."""

from collections.abc import Sequence
from datetime import date

from domain.exchanges.letter import Letter, shown_buyer
from domain.text.bilingual import Language, Text, long_date

_INVITATION_SUBJECT = Text("Votre accès à Vivier", "Your access to Vivier")
_INVITATION = (
    Text("Bonjour {name},", "Dear {name},"),
    Text(
        "{organisation} vous invite à utiliser Vivier. Ce service aide les acheteurs publics à repérer les "
        "fournisseurs de l'économie sociale et solidaire avant de lancer une consultation.",
        "{organisation} invites you to use Vivier, which helps public buyers to find suppliers of the social "
        "economy before they publish a contract.",
    ),
    Text("Ouvrez ce lien pour activer votre accès : {url}", "Open this link to begin: {url}"),
    Text(
        "Ce lien est personnel. Il fonctionne une seule fois, jusqu'au {until}. Vous n'aurez pas de mot de passe à "
        "retenir : vous vous connecterez ensuite avec une clé d'accès de votre appareil, ou avec un code envoyé à "
        "cette adresse.",
        "It is yours alone. It works once, until {until}. There is no password to remember: afterwards you sign in "
        "with a passkey of your device, or with a code sent to this address.",
    ),
    Text(
        "Si vous n'attendiez pas cette invitation, ne faites rien.",
        "If you did not expect this invitation, do nothing.",
    ),
)
_CODE_SUBJECT = Text("Code de connexion à Vivier : {code}", "Code to sign in to Vivier: {code}")
_CODE = (
    Text("Bonjour {name},", "Dear {name},"),
    Text(
        "Votre code de connexion à Vivier, pour {organisation} : {code}",
        "Your code to sign in to Vivier, for {organisation}: {code}",
    ),
    Text(
        "Saisissez-le dans la page où vous l'avez demandé. Il est valable {minutes} minutes et fonctionne une seule "
        "fois.",
        "Type it into the page on which you asked for it. It is valid for {minutes} minutes and works once.",
    ),
    Text(
        "Ne communiquez ce code à personne. Si vous ne l'avez pas demandé, ne faites rien.",
        "Tell it to nobody. If you did not ask for it, do nothing.",
    ),
)


def invitation_letter(organisation: str, name: str, url: str, until: date, language: Language) -> Letter:
    """The letter that invites somebody to an organisation; `until`: the last day of its link."""
    asking = shown_buyer(organisation).capitalised()
    return _letter(
        _INVITATION_SUBJECT, _INVITATION, language, name=name, organisation=asking, url=url, until=long_date(until)
    )


def code_letter(organisation: str, name: str, code: str, minutes: int, language: Language) -> Letter:
    """The letter that brings somebody a code to sign in to an organisation, valid for so many minutes."""
    asking = shown_buyer(organisation)
    return _letter(_CODE_SUBJECT, _CODE, language, name=name, organisation=asking, code=code, minutes=minutes)


def _letter(subject: Text, paragraphs: Sequence[Text], language: Language, **told: Text | str | int) -> Letter:
    text = "\n\n".join(each.filled(**told).to(language) for each in paragraphs)
    return Letter(subject.filled(**told).to(language), f"{text}\n")
