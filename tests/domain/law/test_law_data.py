"""What a jurist changes in the files of the law is said at once, and what is wrong in them is told where it stands."""

from pathlib import Path

import pytest

from domain.law.buyers import BuyerClass
from domain.law.findings import statements_of
from domain.law.law_files import LAW_DATA, LAW_FILES, BrokenLaw, decode_law, read_law_files
from domain.law.rules import Rules, load, parse
from domain.needs.need import Lot
from tests.domain.law.samples import need, review, services, the


def changed(words: str, others: str, name: str = "law_sentences.toml") -> Rules:
    """The law with some words of one of its files changed."""
    text = (LAW_DATA / name).read_text(encoding="utf-8")
    assert text.count(words) == 1
    return Rules(read_law_files() | {name: text.replace(words, others).encode()})


def test_a_wording_is_changed_without_python() -> None:
    """A sentence of a finding, and one of advice with a value in it."""
    words = "Ces prestations s'exécutent d'ordinaire sur place, et le lieu d'exécution n'est pas indiqué"
    rules = changed(words, "Rien de ceci ne se fait en prison depuis le décret {reserved_penitentiary.article}")
    asked = need(Lot(id="1", segments=("ev-entretien",), reserved=("penitentiary",)))
    (found,) = review(asked, rules=rules).lots["1"].reservation
    said = "Rien de ceci ne se fait en prison depuis le décret L2113-13-1 : hors d'un établissement pénitentiaire"
    assert found.message.fr.startswith(said)
    assert the("MAPA", review(services(90_000), rules=rules).advice).message.fr.startswith("90 000 €")


def test_a_table_is_changed_without_python() -> None:
    """The buyers of a kind get another rule on payment; those of the law delivered do not."""
    table = 'firms = "local"\nquota = true\nspaser_before = true\npayment = "payment_days"\n'
    rules = changed(table, table.replace("payment_days", "payment_days_undertaking"), "buyer_classes.toml")
    days = [the("PAYMENT_DAYS", review(services(90_000), rules=law).advice).rule for law in (rules, load())]
    assert days == ["payment_days_undertaking", "payment_days"]


def test_the_stamp_is_of_all_files_and_they_are_read_again_by_it(tmp_path: Path) -> None:
    """An edit of any file changes it; a folder and a file of its name take the place of those delivered."""
    assert (
        len({Rules(read_law_files() | {name: (LAW_DATA / name).read_bytes() + b"\n"}).version for name in LAW_FILES})
        == 6
    )
    own = changed("Cet acheteur paie", "Il paie")
    again = parse(own.content)
    assert (again.version, again.files) == (own.version, own.files)
    assert own.version != load().version
    (tmp_path / "law_sentences.toml").write_bytes(own.files["law_sentences.toml"])
    for place in (tmp_path, tmp_path / "law_sentences.toml"):
        assert Rules(read_law_files(place)).version == own.version
    with pytest.raises(BrokenLaw, match="none of law"):
        read_law_files(tmp_path.parent)


def test_rules_that_an_older_program_kept_stay_under_their_stamp() -> None:
    """It kept law.toml alone."""
    old = parse(load().files["law.toml"], "2026-11-26-0123456789ab")
    assert (old.version, old.ids) == ("2026-11-26-0123456789ab", load().ids)


@pytest.mark.parametrize(
    ("words", "others", "told"),
    [
        ('code = "PAYMENT_DAYS", general = true', 'code = "PAYMENT_DAYS", generl = true', "payment_time.*generl"),
        ('rule = "penitentiary_doubtful_segments", outcome = "REVIEW"', 'rule = "a", outcome = "NO"',
         r"services_partly_on_premises.outcome: one of ELIGIBLE, .* is expected: Invalid enum value 'NO'"),
        ('payment_time = {code', 'payment_time = code', "law_sentences.toml: .*line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(words: str, others: str, told: str) -> None:
    with pytest.raises(BrokenLaw, match=told) as found:
        statements_of(changed(words, others))
    assert str(found.value).startswith("law_sentences.toml: ")


def test_a_table_of_the_law_is_told_by_its_entry() -> None:
    with pytest.raises(BrokenLaw, match=r"buyer_classes.toml: class\[1\]: quota: Expected `bool \| null`"):
        decode_law(b'[[class]]\n[[class]]\nquota = "yes"\n', dict[str, tuple[BuyerClass, ...]], "buyer_classes.toml")
