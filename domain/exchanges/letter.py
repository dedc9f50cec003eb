"""What a supplier reads when a buyer's message reaches it by e-mail, or by the buyer's own hand."""

from datetime import date

import msgspec

from domain.text.bilingual import Language, Text, long_date

LONGEST_SUBJECT = 200


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """What is told: one of the buyer's messages. `is_first`: it opened the exchange; `question`: what it answers."""

    buyer: str
    need_title: str | None
    subject: str
    body: str
    question: str | None = None
    is_correction: bool = False
    is_first: bool = False


class Link(msgspec.Struct, frozen=True):
    """Where to read and answer, and the last day on which that works."""

    url: str
    valid_until: date


class Letter(msgspec.Struct, frozen=True):
    """A subject on one line, and a text of paragraphs."""

    subject: str
    text: str


def letter(telling: Telling, link: Link | None, language: Language, *, by_server: bool) -> Letter:
    """The message as it is sent. Without `link`: the recipient was given one before, and is told to use it.

    `by_server`: nobody reads what is answered to the e-mail itself.
    """
    parts = [
        Text("Bonjour,", "Hello,"),
        _occasion(telling),
        _said(telling),
        _how_to_answer(link),
        _WHAT_BECOMES_OF_IT,
        *([_NOBODY_READS] if by_server else []),
    ]
    text = "\n\n".join(part.to(language) for part in parts) + "\n"
    colon = {"fr": " : ", "en": ": "}[language]
    subject = on_one_line(f"{telling.buyer}{colon}{telling.subject}")
    return Letter(subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1] + "…", text)


def on_one_line(text: str) -> str:
    """The text without line breaks and other control characters: what a header or a title can hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _occasion(telling: Telling) -> Text:
    buyer, about = on_one_line(telling.buyer), on_one_line(telling.subject)
    if telling.is_first:
        object_ = on_one_line(telling.need_title or telling.subject)
        return Text(
            f"{buyer} prépare un achat, « {object_} », et consulte des fournisseurs avant de publier son marché "
            "(« sourcing », article R2111-1 du code de la commande publique). Vous n'avez rien à payer ni à signer : "
            "il s'agit de dire ce que vous pourriez proposer, et ce qui vous en empêcherait.",
            f"{buyer} is preparing a purchase, “{object_}”, and consults suppliers before publishing the contract "
            "(article R2111-1 of the Code de la commande publique). There is nothing to pay or to sign: the point is "
            "to say what you could offer, and what would keep you from it.",
        )
    if telling.question is not None:
        return Text(
            f"Dans l'échange « {about} », {buyer} répond à une question. Tous les fournisseurs consultés reçoivent "
            "la même réponse.",
            f"In the exchange “{about}”, {buyer} answers a question. All suppliers consulted get the same answer.",
        )
    if telling.is_correction:
        return Text(
            f"Dans l'échange « {about} », {buyer} rectifie un message précédent.",
            f"In the exchange “{about}”, {buyer} corrects an earlier message.",
        )
    return Text(
        f"Dans l'échange « {about} », {buyer} vous écrit :", f"In the exchange “{about}”, {buyer} writes to you:"
    )


def _said(telling: Telling) -> Text:
    rule = "-" * 60
    if telling.question is None:
        whole = f"{rule}\n{telling.body.strip()}\n{rule}"
        return Text(whole, whole)
    question, answer = telling.question.strip(), telling.body.strip()
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


_WHAT_BECOMES_OF_IT = Text(
    "Votre réponse va à l'acheteur seul. Si vous posez une question, il peut en partager le texte, avec sa réponse, "
    "avec tous les fournisseurs consultés, sans dire qui l'a posée. Les réponses sont possibles jusqu'à la publication "
    "du marché.",
    "Your answer goes to the buyer alone. If you ask a question, the buyer may share its text, with the answer, with "
    "all suppliers consulted, without saying who asked. Answers are possible until the contract is published.",
)


_NOBODY_READS = Text(
    "Merci de ne pas répondre à ce courriel : cette adresse d'envoi n'est pas lue.",
    "Please do not answer this e-mail: nobody reads this address.",
)
