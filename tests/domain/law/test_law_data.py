"""What a jurist changes in the files of the law is said at once, and what is wrong in them is told where it stands."""

from pathlib import Path

import pytest

from domain.law import findings
from domain.law.buyers import BuyerClass
from domain.law.findings import read_sentences
from domain.law.law_files import LAW_DATA, BrokenLaw, decode_law
from domain.needs.need import Lot
from tests.domain.law.samples import law, need, review, services, the

SENTENCES = LAW_DATA / "law_sentences.toml"


def copy(tmp_path: Path, words: str, others: str) -> Path:
    """A copy of the sentences with some words changed."""
    text, file = SENTENCES.read_text(encoding="utf-8"), tmp_path / SENTENCES.name
    assert text.count(words) == 1
    file.write_text(text.replace(words, others), encoding="utf-8")
    return file


def test_a_wording_is_changed_without_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence of a finding, and one of advice with a value in it."""
    words = "Ces prestations s'exécutent sur place, et non dans un établissement pénitentiaire"
    file = copy(tmp_path, words, "Rien de ceci ne se fait en prison depuis le décret {reserved_penitentiary.article}")
    statements, sentences = read_sentences(file)
    monkeypatch.setattr(findings, "STATEMENTS", statements)
    monkeypatch.setattr(findings, "SENTENCES", sentences)
    rules = law(("spaser", "article = ", "article = "))  # of its own: what was said before is kept by the rules
    asked = need(Lot(id="1", segments=("ev-entretien",), reserved=("penitentiary",)))
    (found,) = review(asked, rules=rules).lots["1"].reservation
    said = "Rien de ceci ne se fait en prison depuis le décret L2113-13-1 ; choisir un autre type (L2113-13-1)"
    assert found.message.fr == said
    assert the("MAPA", review(services(90_000), rules=rules).advice).message.fr.startswith("90 000 €")


@pytest.mark.parametrize(
    ("words", "others", "told"),
    [
        ('code = "PAYMENT_DAYS", general = true', 'code = "PAYMENT_DAYS", generl = true', "payment_time.*generl"),
        ('rule = "penitentiary_site_segments", outcome = "INELIGIBLE"', 'rule = "a", outcome = "NO"',
         r"services_on_premises.outcome: one of ELIGIBLE, .* is expected: Invalid enum value 'NO'"),
        ('payment_time = {code', 'payment_time = code', "law_sentences.toml: .*line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(tmp_path: Path, words: str, others: str, told: str) -> None:
    with pytest.raises(BrokenLaw, match=told) as found:
        read_sentences(copy(tmp_path, words, others))
    assert str(found.value).startswith("law_sentences.toml: ")


def test_a_table_of_the_law_is_told_by_its_entry() -> None:
    with pytest.raises(BrokenLaw, match=r"buyer_classes.toml: class\[1\]: quota: Expected `bool \| null`"):
        decode_law(b'[[class]]\n[[class]]\nquota = "yes"\n', dict[str, tuple[BuyerClass, ...]], "buyer_classes.toml")
