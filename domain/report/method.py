"""How suppliers are found and put in order, in words."""

from domain.text.bilingual import Text

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
    Text(
        "La distance et l'implantation servent à savoir à qui parler avant le marché. Elles ne sont pas des critères "
        "légaux de sélection ni d'attribution, et ce rapport ne classe aucune offre (principes de l'article L3 du code "
        "de la commande publique).",
        "Distance and location serve to know whom to talk to before the contract. They are no lawful criteria of "
        "selection or award, and this report ranks no tender (principles of article L3 of the Code de la commande "
        "publique).",
    ),
)
"""The last paragraph says what the order may not be used for."""
