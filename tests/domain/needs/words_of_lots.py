"""The words of lots as buyers write them: an object among amounts, durations, reservations and doubts."""

from hypothesis import strategies as st

OBJECTS = (
    "Entretien des espaces verts de 12 collèges du Finistère",
    "Collecte des biodéchets 2 fois par semaine",
    "Accueil des enfants de 3 à 6 ans",
    "Fourniture d'énergie renouvelable",
    "Nettoyage de 3 000 m² de bureaux et vitrerie, secteur 12",
)
AMOUNTS = (
    *("300 000 €", "300000€ HT", "25 k€", "0,3 M€", "environ 75 000 euros TTC par an", "75 000 €/an", "max. 40 000 €"),
    *("budget : 300 000", "montant estimé à 300 000 € HT", "entre 250 000 et 300 000 €", "trois cent mille euros"),
)
DURATIONS = (
    *("4 ans", "48 mois fermes", "pour une durée de 4 ans", "durée : deux ans", "un an renouvelable 3 fois"),
    *("1 an reconductible 3 fois 1 an", "24 mois dont 12 mois de reconduction", "4 ans (à confirmer)"),
)
RESERVED = (
    *("réservé aux ESAT", "lot réservé à l'insertion", "réservé EA/ESAT (L2113-12)", "marché réservé aux SIAE"),
    *("réservé aux structures de l'ESS", "réservation ESAT possible", "non réservé aux ESAT", "à réserver ?"),
)
TERMS = (*AMOUNTS, *DURATIONS, *RESERVED)
BETWEEN = (", ", " - ", " – ", " ; ", ". ", " (")


@st.composite
def words_of_lots(draw: st.DrawFn) -> tuple[str, str]:
    """The object of a lot and its words, which say one to four terms more, in any order, before or after it."""
    bought = draw(st.sampled_from(OBJECTS))
    terms = draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=4, unique=True))
    between = draw(st.sampled_from(BETWEEN))
    brackets = between.count("(")
    said = (
        between.join(terms)
        + draw(st.sampled_from(("", " ?", " ?.", "\N{NO-BREAK SPACE}?")))
        + ")" * brackets * (len(terms) - 1)
    )
    return bought, f"{said} : {bought}" if draw(st.booleans()) else f"{bought}{between}{said}{')' * brackets}"
