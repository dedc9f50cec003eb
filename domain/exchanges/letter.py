"""The text of a buyer's message to a supplier, whether Vivier sends it by e-mail or the buyer brings it."""

from datetime import date

import msgspec

from domain.needs.need import PlannedNeed
from domain.text.bilingual import Language, Text, long_date
from domain.text.one_line import on_one_line

LONGEST_SUBJECT = 200


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the buyer's. `is_first`: it opened the exchange; `question`: the published question it answers."""

    buyer: str
    need_title: str | None
    subject: str
    body: str
    question: str | None = None
    is_correction: bool = False
    is_first: bool = False


class Link(msgspec.Struct, frozen=True):
    """The URL to read and answer by, and the last day on which it works."""

    url: str
    valid_until: date


class Letter(msgspec.Struct, frozen=True):
    """A text to be sent or printed."""

    subject: str
    """One line"""
    text: str
    """Paragraphs, in plain text"""


def buyer_name(need: PlannedNeed, organisation: str) -> str:
    """The buyer that the need names, else the organisation whose need it is."""
    return (need.buyer.name if need.buyer else None) or organisation


def letter(message: OutgoingMessage, link: Link | None, language: Language, *, by_server: bool) -> Letter:
    """The message as it is sent. Without `link`, it refers to the one that the recipient was given before.

    `by_server`: Vivier sends it, and nobody reads answers to the e-mail itself.
    """
    parts = [
        Text("Bonjour,", "Hello,"),
        _introduction(message),
        _text(message),
        _how_to_answer(link),
        _WHO_READS_ANSWERS,
        *([_DO_NOT_REPLY] if by_server else []),
    ]
    text = "\n\n".join(part.to(language) for part in parts) + "\n"
    colon = {"fr": " : ", "en": ": "}[language]
    subject = on_one_line(f"{message.buyer}{colon}{message.subject}")
    return Letter(subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1] + "…", text)


def _introduction(message: OutgoingMessage) -> Text:
    buyer, about = on_one_line(message.buyer), on_one_line(message.subject)
    if message.is_first:
        object_ = on_one_line(message.need_title or message.subject)
        return Text(
            f"{buyer} prépare un achat, « {object_} », et consulte des fournisseurs avant de publier son marché "
            "(« sourcing », article R2111-1 du code de la commande publique). Vous n'avez rien à payer ni à signer : "
            "il s'agit de dire ce que vous pourriez proposer, et ce qui vous en empêcherait.",
            f"{buyer} is preparing a purchase, “{object_}”, and consults suppliers before publishing the contract "
            "(article R2111-1 of the Code de la commande publique). There is nothing to pay or to sign: the point is "
            "to say what you could offer, and what would keep you from it.",
        )
    if message.question is not None:
        return Text(
            f"Dans l'échange « {about} », {buyer} répond à une question. Tous les fournisseurs consultés reçoivent "
            "la même réponse.",
            f"In the exchange “{about}”, {buyer} answers a question. All suppliers consulted get the same answer.",
        )
    if message.is_correction:
        return Text(
            f"Dans l'échange « {about} », {buyer} rectifie un message précédent.",
            f"In the exchange “{about}”, {buyer} corrects an earlier message.",
        )
    return Text(
        f"Dans l'échange « {about} », {buyer} vous écrit :", f"In the exchange “{about}”, {buyer} writes to you:"
    )


def _text(message: OutgoingMessage) -> Text:
    rule = "-" * 60
    if message.question is None:
        whole = f"{rule}\n{message.body.strip()}\n{rule}"
        return Text(whole, whole)
    question, answer = message.question.strip(), message.body.strip()
    return Text(
        f"{rule}\nQuestion posée par un fournisseur :\n{question}\n\nRéponse de l'acheteur :\n{answer}\n{rule}",
        f"{rule}\nQuestion asked by a supplier:\n{question}\n\nThe buyer's answer:\n{answer}\n{rule}",
    )


def _how_to_answer(link: Link | None) -> Text:
    if link is None:
        return Text(
            "Pour relire tout l'échange et répondre, utilisez le lien qui vous a été donné avec le premier message.",
            "To read the whole exchange and answer, use the link that you were given with the first message.",
        )
    until = long_date(link.valid_until)
    return Text(
        "Pour lire tout l'échange et répondre, sans compte ni mot de passe :\n"
        f"{link.url}\n\n"
        f"Ce lien vaut jusqu'au {until.fr}. Il est personnel : qui l'a peut lire cet échange et répondre à votre "
        "place. Ne le transmettez qu'au sein de votre structure.",
        "To read the whole exchange and answer, without account or password:\n"
        f"{link.url}\n\n"
        f"This link works until {until.en}. It is personal: who has it can read this exchange and answer in your "
        "place. Pass it on within your organisation only.",
    )


_WHO_READS_ANSWERS = Text(
    "Votre réponse va à l'acheteur seul. Si vous posez une question, il peut en partager le texte, avec sa réponse, "
    "avec tous les fournisseurs consultés, sans dire qui l'a posée. Les réponses sont possibles jusqu'à la publication "
    "du marché.",
    "Your answer goes to the buyer alone. If you ask a question, the buyer may share its text, with the answer, with "
    "all suppliers consulted, without saying who asked. Answers are possible until the contract is published.",
)


_DO_NOT_REPLY = Text(
    "Merci de ne pas répondre à ce courriel : cette adresse d'envoi n'est pas lue.",
    "Please do not answer this e-mail: nobody reads this address.",
)
