"""The report in words, as page and paper share them, and what paper can draw, held against the typefaces themselves."""

import re

import msgspec
import pytest
import typst

from api.reports.html_and_pdf import is_drawable, lot_column_width, markup, printable_text
from api.reports.typst_process import STANDARDS, library_fonts
from domain.report.model import Report
from domain.suppliers.supplier import SizeInEuros, SupplierSize
from domain.text.bilingual import Language
from matching.engine import match
from matching.geo.map_sheets import MapSheets
from tests.domain.equal_treatment.samples import frozen, set_aside
from tests.domain.exchanges.samples import exchange, message
from tests.domain.report.samples import MET, facts, made
from tests.factories import ON, approved, live, lot, need, offer, offerless, reference, supplier

NO_MAP = MapSheets((), 0)
SAID = exchange(
    message(1, "buyer"), message(2, "supplier", "A", "Oui", stance="interested", barriers=("volume", "guarantees"))
)


def page(report: Report) -> str:
    return markup(report, NO_MAP, printed=False)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_section_is_empty_and_codes_are_put_into_words(language: Language) -> None:
    text = page(made(facts(), language=language))
    assert len(re.findall(r"<h2 id=\"\w+\"><span", text)) == 15
    assert re.findall(r"</h[23]>\s*</section>", text) == []
    known = facts(frozen({"1": "AB"}, (set_aside("B"),)), exchanges=(SAID,), meetings=(MET,))
    text = re.sub(r"<[^>]*>", "", page(made(known, language=language)))
    codes = ("set_aside", "half_day", "missed_information", "near_miss", "ELIGIBLE", "in_person", "guarantees")
    assert [code for code in codes if code in text] == []


def test_suppliers_of_unknown_trade_are_told_with_the_nearest_of_them() -> None:
    """On a lot whose supply is then unknown, which the summary says too."""
    pool = [offerless(f"Esat {number}", approvals=approved("ESAT"), kinds=("ESAT",)) for number in range(4)]
    asked = need(lot(reserved=("handicap",)), near_misses=2)
    answer = match(asked, live(*pool), reference(), ON, "fr")
    version = msgspec.structs.replace(frozen({"1": ""}, ()), body=msgspec.json.encode(answer))
    text = page(made(facts(version)))
    assert "4 fournisseurs proches à contacter\xa0: leur activité n’est pas renseignée, et 4 peuvent répondre" in text
    shown = text.partition("Fournisseurs proches dont l’activité n’est pas renseignée</caption>")[2].partition(
        "</table>"
    )[0]
    assert len(re.findall(r"<strong>Esat \d</strong>", shown)) == 2
    assert re.search(r"Leurs agréments\W+ESAT 4\.", text)
    assert "Aucune structure connue de ce genre (ESAT) ne propose" in shown
    assert "Offre à vérifier" in text
    assert "Offre repérée très limitée (" not in text


def test_of_prison_workshops_no_number_is_told_before_they_are_asked() -> None:
    answer = match(need(lot()), live(supplier("Inconnue")), reference(), ON, "fr")
    text = page(made(facts(msgspec.structs.replace(frozen({"1": ""}, ()), body=msgspec.json.encode(answer)))))
    assert re.search(r'<td class="number">inconnu \(1\sà interroger\)\*?</td>', text)


def test_a_supposed_place_is_told_as_supposed() -> None:
    answer = match(need(lot(title="Ménage à Redon")), live(supplier()), reference(), ON, "fr")
    version = msgspec.structs.replace(frozen({"1": ""}, ()), body=msgspec.json.encode(answer))
    text = page(made(facts(version)))
    assert "Ille-et-Vilaine\u202f; lieu supposé\u00a0: Redon, d’après l’intitulé" in text


def test_a_need_without_a_title_is_named_by_its_lot_without_its_terms() -> None:
    known = frozen({"1": "A"}, ())
    titled = msgspec.structs.replace(known.need.lots[0], title="Reliure des registres, 20 000 €")
    named = msgspec.structs.replace(known, need=msgspec.structs.replace(known.need, lots=(titled,)))
    text = page(made(facts(named)))
    assert "<h1>Reliure des registres</h1>" in text
    assert "Reliure des registres, 20" not in text


def test_what_every_contract_is_told_is_told_together_at_the_end_also_of_an_old_list() -> None:
    """Lists that were frozen before it was said of each advice whether it is general are told alike."""
    answer = match(need(lot("de-bio", value_eur=300_000.0)), live(), reference(), ON, "fr")
    version, body = frozen({"1": ""}, ()), msgspec.json.encode(answer)
    bodies = body, body.replace(b',"general":true', b"")
    told, old = (page(made(facts(msgspec.structs.replace(version, body=each)))) for each in bodies)
    before, _, after = told.partition("rappels communs à tout marché")
    assert old == told
    assert ["spécifications techniques" in part for part in (before, after.partition("</ul>")[0])] == [False, True]


def test_groupings_are_a_table_with_what_each_does() -> None:
    pool = [supplier("Bio", offer("de-bio")), supplier("Tri", offer("de-5flux"))]
    answer = match(need(lot("de-bio", "de-5flux"), groupings=1), live(*pool), reference(), ON, "fr")
    version = msgspec.structs.replace(frozen({"1": ""}, ()), body=msgspec.json.encode(answer))
    text = page(made(facts(version)))
    shown = text.partition("Groupements possibles")[2].partition("</table>")[0]
    assert len(re.findall(r"<strong>(?:Bio|Tri)</strong>", shown)) == 2
    assert all(reference().taxonomy.label(code) in shown for code in ("de-bio", "de-5flux"))


def test_the_reach_of_candidates_and_groupings_is_told_where_it_is_known() -> None:
    small = SupplierSize(turnover_eur=SizeInEuros(80_000.0, source="annuaire"))
    pool = [supplier("Bio", offer("de-bio"), size=small), supplier("Tri", offer("de-5flux"), size=small)]
    asked = need(lot("de-bio", "de-5flux", value_eur=100_000.0), groupings=2)
    answer = match(asked, live(*pool, supplier("Sans taille", offer("de-bio"))), reference(), ON, "fr")
    version = msgspec.structs.replace(frozen({"1": ""}, ()), body=msgspec.json.encode(answer))
    text = page(made(facts(version))).replace("\u202f", " ").replace("\xa0", " ")
    assert text.count("Trop grand pour lui seul : ce lot vaut au plus 100 000 € par an") == 2
    assert re.search(r"Groupement \d : à la limite de leur portée", text)
    assert "Le montant est trop grand pour 1 autre" in text
    assert "Sa taille n’est pas connue" not in text


def test_a_gap_is_shown_once_with_all_who_have_it() -> None:
    said = exchange(message(1, "buyer"), to="AB")
    text = page(made(facts(frozen({"1": "ABCD"}, ()), exchanges=(said,))))
    assert re.findall(r"n’ont pas été contactés[^<]*: (C, D)</th>\s*<td>([^<]*)</td>", text) == [("C, D", "2")]


def test_what_somebody_wrote_stays_as_it_was_written() -> None:
    """Our sentences are set in the French way; quotations and titles are not touched, but for their escaping."""
    answer = message(2, "supplier", "A", "Oui", confidential=True)
    said = exchange(message(1, "buyer", body="l'objet : {on} <b>"), answer, subject="l'essai")
    text = page(made(facts(exchanges=(said,))))
    assert "<p>l&#39;objet : {on} &lt;b&gt;</p>" in text
    assert "«\xa0l&#39;essai\xa0», ouvert le" in text
    assert "L’acheteur peut" in text
    assert "<strong>Confidentiel</strong> A, 3\xa0mars 2026" in text


def test_what_is_set_on_paper_has_only_what_can_be_drawn() -> None:
    """And drawings stand apart, as texts of attributes."""
    said = exchange(message(1, "buyer", body="漢 \x0b " + "W" * 30))
    printed = markup(made(facts(exchanges=(said,))), NO_MAP, printed=True)
    assert "<p>□   WWWWWWWWWWWW\u200bWWWWWWWWWWWW\u200bWWWWWW</p>" in printed
    assert "<svg" not in printed


@pytest.mark.parametrize(("ids", "width"), [((), 3), (("1", "12"), 3), (("bio", "mobilier"), 6), (("x" * 80,), 8)])
def test_the_column_of_lots_is_as_wide_as_their_ids_within_bounds(ids: tuple[str, ...], width: int) -> None:
    assert lot_column_width(ids) == width


PAGE = b"""#set document(title: "x")
#set text(font: ("Libertinus Serif", "DejaVu Sans Mono"), lang: "fr")
#sys.inputs.text"""


def compiled(text: str) -> None:
    typst.compile(
        PAGE,
        format="pdf",
        font_paths=library_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"text": text},
        pdf_standards=STANDARDS,
    )


def test_everything_said_to_be_drawable_is_and_the_standard_of_the_pdf_refuses_what_is_not() -> None:
    compiled(" ".join(chr(code) for code in range(0x20, 0x30000) if is_drawable(chr(code))))
    assert not is_drawable("漢")
    with pytest.raises(typst.TypstError):
        compiled("漢")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Bâti « œuvre » 15 m³ – 20 €…", "Bâti « œuvre » 15 m³ – 20 €…"),
        ("e\u0301te\u0301", "été"),
        ("ESAT 😀 漢", "ESAT □ □"),
        ("a\x0bb\u200ec", "a bc"),
    ],
)
def test_the_rest_is_shown_as_missing(text: str, printed: str) -> None:
    assert printable_text(text) == printed
    compiled(printed)
