"""The command line: what it takes, and how it fails."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from api.cli import _build_parser, main
from domain.law.rules import LAW_FILE
from tests.conftest import ROOT, sibling

SHORTEST = (
    *("serve", "demo", "match f", "supply t", "allot f", "words t", "import s f", "keys list", "audit verify"),
    *("privacy export", "retention show", "pool sources", "law due", "migrate", "openapi"),
)
"""Each command with as little as it takes."""


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """And says where things are kept."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in (*(line.split()[0] for line in SHORTEST), "DATABASE_URL", "VIVIER_HOME"):
        assert word in shown


@pytest.mark.parametrize("line", SHORTEST)
def test_every_command_has_its_function(line: str) -> None:
    """Under the name by which it is looked up when it is run."""
    options = _build_parser().parse_args(line.split())
    assert callable(getattr(import_module(options.module), options.function))


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("api.cli", {"importlib.metadata", "litestar", "numpy", "sqlalchemy"}),
        # the embedded database starts before these are loaded
        ("api.commands.serving.serve", {"litestar", "numpy", "sqlalchemy"}),
        ("api.app", {"alembic", "httpx"}),
    ],
)
def test_what_takes_long_to_load_is_loaded_when_it_is_used(module: str, absent: set[str]) -> None:
    """By a command that needs it, or for a request."""
    asked = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert absent.isdisjoint(loaded.stdout.split())


@pytest.mark.parametrize(
    "line",
    [
        *("", "unknown", "serve --port 70000", "serve --workers 0", "match", "match need.json --on tomorrow", "law"),
        *(
            "law due --within -1",
            "import source file.csv --format unknown",
            "import a/b file.csv",
            "pool",
            "pool build",
        ),
        "pool build --out p --units u --establishments e --all --with-staff",
        "pool build --out p --units u --establishments e --memory much",
        "keys create --name n --organisation o --scope everything",
    ],
)
def test_a_slip_of_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, the reason on standard error, nothing on standard output."""
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "error: " in said.err
    assert said.out == ""


def test_a_setting_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Is named, without a traceback, as a slip of usage."""
    monkeypatch.setenv("VIVIER_PORT", "x")
    assert main(["migrate"]) == 2
    assert capsys.readouterr().err.startswith("vivier: VIVIER_PORT 'x' cannot be used")


@pytest.mark.parametrize("command", [["migrate"], ["match", "api/sample/need.json"], ["keys", "list"]])
def test_a_database_out_of_reach(
    command: list[str], server_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the setting to look at, and no password; of one that does not exist what the server says."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://vivier:secret@127.0.0.1:1/vivier")
    monkeypatch.chdir(ROOT)
    assert main(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("vivier: the database cannot be reached; check DATABASE_URL")
    assert said.count("\n") == 1
    assert "secret" not in said
    monkeypatch.setenv("DATABASE_URL", sibling(server_url, "nowhere"))
    assert main(command) == 1
    assert "the database refused the connection" in capsys.readouterr().err


def test_a_file_is_looked_for_before_any_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Migrations that are there change nothing."""
    assert main(["match", "nowhere.json"]) == 1
    assert "No such file" in capsys.readouterr().err
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert main(["migrate"]) == 0
    assert "up to date" in capsys.readouterr().out


def test_openapi_is_json_on_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Nothing else is, so that it can be written to a file."""
    assert main(["openapi"]) == 0
    assert "/match" in json.loads(capfdbinary.readouterr().out)["paths"]


def test_law_that_is_due_is_listed_earliest_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With no database; what is due is no failure. VIVIER_LAW_FILE names the law, as for the server."""
    assert main(["law", "due", "--on", "2026-11-26"]) == 0
    shown = capsys.readouterr().out.splitlines()
    place = next(n for n, line in enumerate(shown) if "rules change or are to be checked" in line)
    lines, total, newer = shown[:place], shown[place], shown[place + 1 :]
    days = [line[:10] for line in lines[::2]]
    assert days == sorted(days)
    assert "2026-01-01  R2191-11: of a chapter that rules cite, and no rule cites it" in newer
    assert (
        newer[-1] == f"{len(newer) - 1} articles that took effect within a year before 2026-11-26 are cited by no rule"
    )
    assert "  eiti_experiment: check by 2026-12-08, on 2026-12-23: yes → unknown" in "\n".join(lines)
    assert total == f"{len(days)} rules change or are to be checked within 90 days of 2026-11-26"
    own = tmp_path / "law.toml"
    law = LAW_FILE.read_text(encoding="utf-8")
    own.write_text(re.sub(r"check_by = 2026-12-\d\d, ", "", law), encoding="utf-8")
    monkeypatch.setenv("VIVIER_LAW_FILE", str(own))
    assert main(["law", "due", "--within", "30", "--on", "2026-11-20"]) == 0
    assert capsys.readouterr().out.startswith("0 rules change or are to be checked within 30 days of 2026-11-20\n")


@pytest.mark.parametrize(
    ("name", "words", "others", "told"),
    [
        ("law_sentences.toml", "Cet acheteur paie dans les {days} jours", "On paie dans les {days} jours", None),
        ("law_sentences.toml", "Cet acheteur paie dans les {days}", "Il paie dans les {jours}",
         "law_sentences.toml: payment_time: {days} stands in English alone"),
        ("law_sentences.toml", "Cet acheteur paie", "{acheteur} paie",
         "payment_time: acheteur: no place of this sentence, no rule and no sentence has this name"),
        ("law_sentences.toml", 'rule = "payment_days"', 'rule = "payment_day"',
         "payment_time: payment_day: no rule of law.toml has this id; payment_days?"),
        ("law.toml", 'theme = "reservation"', 'theme = "reservations"',
         "law.toml: reserved_handicap: theme: one of reservation, suppliers, "),
        ("law.toml", "value = 60000, ", "value = 61000, ",
         "direct_award_supplies_services, 2026-04-01: its quote does not state 61000"),
        ("law.toml", 'id = "spaser"', 'id = "spasers"', "law.toml: spaser: missing, though functions apply them"),
        ("time_limits.toml", 'level = "formal"', 'levl = "formal"', "time_limits.toml: row[0]: Object contains"),
    ],
)  # fmt: skip
def test_a_copy_of_the_files_of_the_law_is_checked(
    name: str, words: str, others: str, told: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A jurist who changes a wording learns of a slip where it stands, and needs no Python."""
    for file in LAW_FILE.parent.glob("*.toml"):
        text = file.read_text(encoding="utf-8")
        assert file.name != name or words in text
        (tmp_path / file.name).write_text(
            text.replace(words, others, 1) if file.name == name else text, encoding="utf-8"
        )
    assert main(["law", "check", str(tmp_path)]) == (told is not None)
    output = capsys.readouterr()
    assert (told or "sentences: nothing is wrong") in output.out + output.err


def test_texts_of_law_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no text of law is a failure that says so."""
    old, new = tmp_path / "old.md", tmp_path / "new.md"
    old.write_text("## Article R2122-9\n\n90 000 euros\n", encoding="utf-8")
    new.write_text("## Article R2122-9\n\n95 000 euros\n", encoding="utf-8")
    assert main(["law", "compare", str(old), str(new), "--on", "2026-11-26"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "Articles that rules cite and that changed: 1"
    assert second.startswith("  R2122-9: ")
    new.write_text("Bonjour", encoding="utf-8")
    assert main(["law", "compare", str(old), str(new)]) == 1
    assert "no article of law" in capsys.readouterr().err
