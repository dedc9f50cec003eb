"""The standing sentences of a sourcing report."""

from domain.text.bilingual import Text

FULL = Text(
    "Version intégrale, réservée à l'acheteur : elle contient les réponses confidentielles et les noms des personnes. "
    "Elle ne se communique pas en l'état.",
    "Full version, for the buyer alone: it has the confidential answers and the names of persons. It is not to be "
    "passed on as it is.",
)
REDACTED = Text(
    "Version expurgée : sans les réponses confidentielles ni données personnelles (noms, adresses électroniques, "
    "numéros de téléphone, comptes rendus de réunion). Une coupure dans un texte est signalée par […].",
    "Redacted version: without the confidential answers and without personal data (names, e-mail addresses, telephone "
    "numbers, minutes of meetings). What was taken out of a text is marked […].",
)
METHOD = (
    Text(
        "Les fournisseurs ont été recherchés lot par lot parmi ceux de l'annuaire, à la date du {on}. Un fournisseur "
        "est candidat s'il passe, dans cet ordre, cinq contrôles : il propose une activité demandée ; il intervient "
        "sur le territoire du lot ; il ne dépasse pas la distance maximale, s'il y en a une ; sur un lot réservé, il "
        "n'est pas exclu par toutes les réservations ouvertes ; il est en activité. Le premier contrôle manqué dit "
        "pourquoi un fournisseur est écarté.",
        "Suppliers were looked for lot by lot among those of the directory, as of {on}. A supplier is a candidate if "
        "it passes five checks in this order: it offers an activity asked for; it serves the territory of the lot; it "
        "is within the distance cap, where there is one; on a reserved lot, it is not excluded under all of the "
        "reserved types; it is active. The first check that is failed says why a supplier is excluded.",
    ),
    Text(
        "Les candidats sont ensuite donnés dans un ordre qui peut se lire à voix haute, sans note ni pondération : la "
        "capacité à répondre au lot réservé ; le nombre d'activités demandées ; la précision de l'offre ; l'offre "
        "déclarée avant l'offre déduite ; l'implantation ou l'intervention déclarée sur le territoire ; la proximité "
        "; enfin un tirage au sort, toujours le même pour le même besoin. Ce qui n'est pas connu reste inconnu et ne "
        "vaut jamais refus.",
        "Candidates then come in an order that can be read aloud, without scores or weights: whether they may answer "
        "a reserved lot; how many of the activities they offer; how precisely; declared offers before inferred ones; "
        "being in, or declaring to serve, the territory; being near; and last a draw, always the same for the same "
        "need. What is not known stays unknown and is never a refusal.",
    ),
)
RIGHT_OF_USE = Text(
    "La distance et l'implantation servent à savoir à qui parler avant le marché. Elles ne sont pas des critères "
    "légaux de sélection ni d'attribution, et ce rapport ne classe aucune offre (principes de l'article L3 du code de "
    "la commande publique).",
    "Distance and location serve to know whom to talk to before the contract. They are no lawful criteria of "
    "selection or award, and this report ranks no tender (principles of article L3 of the Code de la commande "
    "publique).",
)
LANGUAGE_NOTE = Text(
    "Les motifs sont cités dans la langue dans laquelle la sélection a été établie.",
    "Reasons are quoted in the language in which the shortlist was made; names of activities are French.",
)
ABBREVIATIONS_USED = Text(
    "Sigles employés :",
    "Abbreviations used:",
)
NOTHING_SAID = Text(
    "Aucun échange à ce jour.",
    "No exchange to date.",
)
NOBODY_ANSWERED = Text(
    "Aucune réponse à ce jour.",
    "No answer to date.",
)
QUESTIONS_ARE_NOBODYS = Text(
    "Les questions des fournisseurs ne sont attribuées à personne : elles ne figurent ni dans ce tableau ni parmi les "
    "réponses.",
    "Suppliers' questions are nobody's: they are neither in this table nor among the answers.",
)
NOTHING_DECIDED = Text(
    "Aucune décision enregistrée à ce jour sur les fournisseurs de cette sélection.",
    "No decision recorded to date on the suppliers of this shortlist.",
)
NO_BARRIER = Text(
    "Aucun frein signalé à ce jour.",
    "No barrier named to date.",
)
NO_SHARED_ANSWER = Text(
    "Aucune question publiée à ce jour.",
    "No question published to date.",
)
NO_MEETING = Text(
    "Aucune rencontre à ce jour.",
    "No meeting to date.",
)
NO_AWARD = Text(
    "Aucune attribution à ce jour.",
    "No award to date.",
)
MINUTES_LEFT_OUT = Text(
    "Le compte rendu n'est pas reproduit dans cette version.",
    "The minutes are not part of this version.",
)
PRINCIPLE = Text(
    "L'acheteur peut consulter des opérateurs pour préparer un marché, sans fausser la concurrence ni rompre "
    "l'égalité de traitement (articles L3, R2111-1 et R2111-2). Ce rapport compare ce que chacun des fournisseurs de "
    "la sélection a reçu ; ce qui manque à l'un est nommé ci-dessous.",
    "A buyer may consult operators to prepare a contract, without distorting competition or breaking equal treatment "
    "(articles L3, R2111-1 and R2111-2). This report compares what each supplier of the shortlist got; what one lacks "
    "is named below.",
)
RULES_NOTE = Text(
    "Règles de droit et conseils appliqués au besoin à la date d'évaluation, avec la confiance accordée à leur "
    "lecture. Ce n'est pas un conseil juridique.",
    "Rules of law and counsel applied to the need on the evaluation date, with how sure their reading is. This is not "
    "legal advice.",
)
RULES_REVISED = Text(
    "Les règles ont été révisées depuis cette sélection : les énoncés ci-dessous sont ceux d'aujourd'hui, pour la "
    "date d'évaluation.",
    "The rules were revised since this shortlist: the wording below is that of today, for the evaluation date.",
)
