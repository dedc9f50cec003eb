"""What free French text means: a labelled set of what buyers write, and what must stay unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reference import taxonomy
from matching.lot_query import SURE
from matching.words.keywords import LONGEST_KEYWORD
from matching.words.title_reader import TITLE_FLOOR
from tests.factories import reference

TAXONOMY, INTERPRETER = reference().taxonomy, reference().interpreter

# Typed from the point of view of a buyer, not from the synonyms: plurals, slips, other orders, verbs, whole sentences.
MEANT = {
    "alimentation": {"rs-denrees"},
    "lot épicerie": {"rs-denrees"},
    "netoyage de bureau": {"pr-locaux"},
    "nettoyage bureaux": {"pr-locaux"},
    "bureaux à nettoyer": {"pr-locaux"},
    "ménage dans les écoles": {"pr-locaux"},
    "Prestations de nettoyage des locaux de la mairie": {"pr-locaux"},
    "nettoyage de la piscine municipale": {"pr-locaux"},
    "nettoyage de bibliothèques": {"pr-locaux"},
    "netoyage des vitres": {"pr-specialise"},
    "nettoyage des locaux et vitrerie": {"pr-locaux", "pr-specialise"},
    "remise en état après chantier": {"pr-specialise"},
    "ramassage des mégots de cigarettes": {"pr-urbain"},
    "lavage des voitures sans eau": {"pr-vehicules"},
    "espace vert tonte": {"ev-entretien"},
    "tondre les pelouses": {"ev-entretien"},
    "Entretien des espaces verts communaux": {"ev-entretien"},
    "création et entretien d'espaces verts": {"ev-entretien", "ev-creation"},
    "tailler les haies": {"ev-entretien"},
    "plantation d'arbres et d'arbustes": {"ev-creation"},
    "debroussaillement": {"ev-elagage"},
    "débrousaillage et élagage": {"ev-elagage"},
    "entretien des berges et cours d'eau": {"ev-milieux"},
    "renouée du japon, espèces invasives": {"ev-milieux"},
    "paniers de légumes bio": {"ev-vegetal"},
    "décheterie": {"de-encombrants"},
    "dechets verts": {"de-bio"},
    "bio-déchets de la cantine": {"de-bio"},
    "Collecte et traitement des déchets dangereux": {"de-dangereux"},
    "collecte et recyclage des cartons": {"de-5flux"},
    "tri 5 flux": {"de-5flux"},
    "ordinateurs en fin de vie (DEEE)": {"de-deee"},
    "enlevement des encombrants": {"de-encombrants"},
    "vêtements usagés": {"de-textile"},
    "évacuation des gravats": {"de-chantier"},
    "ambassadeurs du tri": {"de-sensib"},
    "mobilier de bureau d'occasion": {"re-mobilier"},
    "meubles reconditionnés": {"re-mobilier"},
    "ordinateur reconditioné": {"re-info"},
    "recyclerie": {"re-ressourcerie"},
    "réemploi de matériaux de construction": {"re-materiaux"},
    "peinture intérieure des logements": {"bt-peinture"},
    "plomberie et électricité": {"bt-elec-plomb"},
    "électricien": {"bt-elec-plomb"},
    "maconerie": {"bt-maconnerie"},
    "étanchéité des toitures terrasses": {"bt-couverture"},
    "entretien des espaces verts par des structures d'insertion": {"ev-entretien"},
    "tonte des pelouses confiée à un chantier d'insertion": {"ev-entretien"},
    "entretien des espaces verts, chantier d'insertion, Rennes": {"ev-entretien"},
    "marché de services d'insertion": {"so-insertion"},
    "démolir un bâtiment": {"bt-curage"},
    "petits travaux d'entretien": {"bt-maintenance"},
    "isolation des combles": {"bt-energie"},
    "laver et repasser le linge": {"lt-blanchisserie"},
    "entretien des vêtements de travail": {"lt-blanchisserie"},
    "vêtements de travail": {"lt-epi"},
    "couturière": {"lt-couture"},
    "traiteur bio": {"rs-traiteur"},
    "cocktail et plateaux repas": {"rs-traiteur"},
    "traiteur pour l'inauguration de la crèche": {"rs-traiteur"},
    "restauration scolaire": {"rs-collective"},
    "portage des repas aux personnes agées": {"rs-portage"},
    "numérisation des archives": {"nu-numerisation"},
    "création d'un site internet accessible": {"nu-dev"},
    "dépannage informatique": {"nu-parc"},
    "mise sous plis": {"te-pli"},
    "acceuil telephonique": {"te-accueil"},
    "gardiennage de sites": {"te-mediation"},
    "fournitures de bureaux": {"te-fournitures"},
    "déménagemet de bureaux": {"lo-demenagement"},
    "livraison à vélo": {"lo-livraison"},
    "transport de personnes à mobilité réduite": {"lo-personnes"},
    "réparation vélos": {"lo-vehicules"},
    "mise en sachets et étiquetage": {"in-conditionnement"},
    "cablage d'armoires électriques": {"in-montage"},
    "soudure et métalerie": {"in-metal"},
    "chaises de bureau": {"mo-bureau"},
    "banque d'accueil en bois": {"mo-agencement"},
    "impression de flyers": {"cc-impression"},
    "graphiste": {"cc-com"},
    "location de gobelets réutilisables": {"cc-event"},
    "spectacle de Noël pour les enfants": {"cc-spectacle"},
    "intérimaires": {"so-mad"},
    "formation des agents d'entretien": {"so-formation"},
    "crêche": {"so-enfance"},
    "concertation avec les habitants": {"so-conseil"},
    "construction d'une crèche": {"bt-tce"},
    "construction d'un groupe scolaire": {"bt-tce"},
    "marquage au sol": {"bt-voirie"},
    "reliure des registres": {"cc-impression"},
    "collecte des huiles alimentaires usagées": {"de-bio"},
    "maintenance des alarmes": {"bt-elec-plomb", "bt-maintenance"},
}

UNKNOWN = (
    "",
    "   ",
    "?!",
    "42",
    "lorem ipsum dolor sit amet",
    "prestations de services",
    "travaux",
    "marché public",
    "achat",
    "le la les des",
    "petit",
    "fourniture d'électricité",
    "gaz naturel",
    "carburant diesel",
    "assurance des véhicules",
    "médicaments",
    "scanner médical",
    "avion de chasse",
    "maintenance d'ascenseurs",
    "maîtrise d'œuvre",
    "géomètre expert",
    "avocat en droit public",
    "munitions",
    "système d'information géographique",
    "chaîne",
    "concession d'eau potable",
    "réactifs de laboratoire",
    "collecte des ordures ménagères",
    "obsèques",
    "1 % artistique",
    "location de bâtiments modulaires",
    "broyage de grumes",
    "diagnostics",
    "alimentation en eau",
    "marché à La Chaussée",
    "a" * LONGEST_KEYWORD,
    " ".join(f"tonte{n}" for n in range(60)),
)


def test_precision_and_recall_on_what_buyers_write() -> None:
    """At least 95 % of the segments read are meant, and of those meant are read."""
    read = {text: {reading.segment for reading in INTERPRETER.read(text)} for text in MEANT}
    right = sum(len(read[text] & meant) for text, meant in MEANT.items())
    precision = right / sum(map(len, read.values()))
    recall = right / sum(map(len, MEANT.values()))
    wrong = {text: sorted(read[text]) for text, meant in MEANT.items() if read[text] != meant}
    assert min(precision, recall) >= 0.95, f"precision {precision:.3f}, recall {recall:.3f}, not as meant: {wrong}"


@pytest.mark.parametrize("text", UNKNOWN, ids=lambda text: text[:30])
def test_what_no_segment_covers_stays_unknown(text: str) -> None:
    assert INTERPRETER.read(text) == ()


@pytest.mark.parametrize("segment", TAXONOMY.segments.values(), ids=lambda segment: segment.id)
def test_the_words_of_the_taxonomy_are_certain(segment: taxonomy.Segment) -> None:
    """Its label and synonyms, in the plural too, mean the segment and, but for one, it alone."""
    for text in (segment.label, *segment.synonyms, *map(plural, segment.synonyms)):
        readings = {reading.segment: reading.confidence for reading in INTERPRETER.read(text)}
        assert readings.get(segment.id) == 1.0, text
        assert len(readings) == 1 or "cartouche" in text.lower()


def plural(synonym: str) -> str:
    final = "" if synonym[-1] in "sxz" or len(synonym.rsplit(maxsplit=1)[-1]) <= 3 else "S"
    return f"LES {synonym.upper()}{final}"


def test_confidence_falls_with_what_is_not_understood() -> None:
    texts = ("nettoyage de bureaux", "nettoyage de bureaux de Xyzzy", "nettoyage de Xyzzy", "netoiage de bureaux")
    whole, part, word, slip = (INTERPRETER.read(text)[0].confidence for text in texts)
    assert 1.0 == whole > part > word
    assert whole > slip


@given(st.text(max_size=LONGEST_KEYWORD + 50))
def test_any_text_is_read_within_bounds(text: str) -> None:
    readings = INTERPRETER.read(text)
    assert all(TITLE_FLOOR <= reading.confidence <= 1 for reading in readings)
    assert [r.confidence for r in readings] == sorted((r.confidence for r in readings), reverse=True)
    assert set(INTERPRETER.suggest(text)) | {r.segment for r in readings} <= set(TAXONOMY.segments)
    assert len(INTERPRETER.search(text, 3)) <= 3


@pytest.mark.parametrize(
    ("text", "suggested"), [("fourniture d'électricité", "bt-elec-plomb"), ("linje", "lt-blanchisserie")]
)
def test_unknown_texts_get_suggestions_where_a_word_is_near(text: str, suggested: str) -> None:
    assert INTERPRETER.read(text) == ()
    assert suggested in INTERPRETER.suggest(text)


def test_nothing_near_suggests_nothing() -> None:
    assert [INTERPRETER.suggest("xyzzy"), INTERPRETER.search("xyzzy", 5), INTERPRETER.search("", 5)] == [()] * 3
    named = ("La Chaussée", "Bourg-des-Comptes", "Saint-Jean-de-la-Forêt")
    assert [INTERPRETER.suggest(f"Fournitures pour {name}") for name in named] == [()] * 3
    assert INTERPRETER.search("tonte", 0) == ()
    assert len(INTERPRETER.suggest("entretien de collecte, transport, travaux", limit=2)) == 2


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("tonte", "ev-entretien"),
        ("tont", "ev-entretien"),
        ("espaces v", "ev-entretien"),
        ("netoy", "pr-locaux"),
        ("déménag", "lo-demenagement"),
        ("mobilier reco", "re-mobilier"),
        ("traitteur", "rs-traiteur"),
        ("Nettoyage de véhi", "pr-vehicules"),
    ],
)
def test_search_follows_the_typing(typed: str, first: str) -> None:
    assert INTERPRETER.search(typed, 5)[0].segment == first


def test_the_same_words_are_read_alike_wherever_they_stand() -> None:
    """As a keyword and a title of a lot, and in a search once they are typed to the end."""
    for text in (*MEANT, "tonte " * 200, "Entretien des espaces verts du collège et de ses abords"):
        readings = INTERPRETER.read(text)
        found = INTERPRETER.search(text, 10)
        assert found[: len(readings)] == readings[:10], text
        assert all(other.confidence < SURE for other in found[len(readings) :]), text


@pytest.mark.parametrize("text", ["école de musique", "petit", "restaurants"])
def test_a_word_that_says_a_place_is_not_sure(text: str) -> None:
    assert all(reading.confidence < SURE or reading.segment == "rs-collective" for reading in INTERPRETER.read(text))
