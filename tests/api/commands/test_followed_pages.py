"""What a newcomer follows: the pages that show commands, one after the other, with the clients', and `vivier demo`."""

import asyncio
import gzip
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen
from zipfile import ZipFile

import duckdb
import pytest

from api.cli import main
from api.commands.command import CommandFailed
from api.commands.serving.demo import load_sample_pool
from api.settings import read_settings
from scripts.build_client import TYPESCRIPT as TYPESCRIPT_CLIENT
from scripts.build_client import compile_typescript, generate
from tests.api.commands.conftest import (
    PATIENCE_SECONDS,
    VIVIER,
    Running,
    Server,
    environment,
    load_once,
    processes,
)
from tests.conftest import ROOT, copied, open_folder
from tests.factories import reference
from tests.faults.postgres import free_port
from tests.sources.pool.published_samples import award, establishment, unit, write
from tests.test_docs import FENCE, differences

PAGES = (
    *("docs/integrators.md", "docs/needs.md", "docs/exchanges.md", "docs/mail.md", "docs/declarations.md"),
    *("docs/meetings.md", "docs/report.md", "docs/insights.md", "docs/campaigns.md", "docs/programme.md"),
    *("docs/spending.md", "docs/webhooks.md", "docs/embedding.md", "clients/python/README.md"),
)
"""Pages in the order in which they are followed."""
GUIDES = ("docs/suppliers.md", "docs/formats.md", "docs/pool.md", "docs/data-rights.md", "docs/privacy.md")
"""Pages of reference, followed likewise."""
LEFT_OUT = {
    "vivier pool fetch": "takes gigabytes from the State's servers; the files are there, as it leaves them",
    "docker ": "there is no engine with images",
    "make setup": "this checkout is set up, and a server goes on for ever",
    "createdb vivier\n": "the same, and the database's host is an example",
    "/mnt/archive": "no head was sent there",
}
"""Words of the commands that are not followed, and why."""
Words = Mapping[str, str]
LANGUAGES = {"sh", "python", "ts", "json"}
PORTAL = "https://portail.example.org"
WRITTEN_FOR = "http://127.0.0.1:8000"
RECEIVER_PORT, MAIL = "8900", "127.0.0.1:8025"
HANDED_OVER = """
trap 'kill $(jobs -p) 2>>jobs.txt || true' EXIT
vivier() {
  local IFS=$'\\t' caller=$BASHPID status
  (echo "$caller$IFS$*" >&"$ASKED")
  read -r -u "$ANSWERS" status
  return "$status"
}
"""
"""The commands of Vivier are those of the process that started the shell, which is told from where they are called."""


@pytest.fixture(scope="module")
async def started(server_url: str, administrator: Any, template: str) -> AsyncIterator[Server]:
    """A server for all pages, which writes e-mails and webhooks to this machine."""
    port, mail = str(free_port()), f"smtp://127.0.0.1:{free_port()}?starttls=never"
    settings = {"VIVIER_SMTP_URL": mail, "VIVIER_MAIL_FROM": "vivier@x.example", "VIVIER_EMBED_ORIGINS": PORTAL}
    settings |= {"VIVIER_PUBLIC_URL": f"http://127.0.0.1:{port}", "VIVIER_WEBHOOK_PRIVATE": "true"}
    with open_folder() as home:
        async with copied(server_url, administrator, template) as url:
            server = Server(home, "--port", port, DATABASE_URL=url, **settings)
            try:
                yield server.ready()
            finally:
                server.close()


class Step(NamedTuple):
    """A shell block of the page, and the answer that is shown after it, if any."""

    command: str
    shown: str | None


def steps(page: str) -> Iterator[Step]:
    """The page's blocks as shell commands in their order; a program is the file that its first line names."""
    blocks = [(language, content) for language, content in FENCE.findall(page) if language in LANGUAGES]
    for position, (language, content) in enumerate(blocks):
        following = blocks[position + 1] if position + 1 < len(blocks) else ("", "")
        if language in {"python", "ts"}:
            if named := re.match(r"(?:#|//) (\w+\.(?:py|mts))\n", content):
                yield Step(f"cat > {named[1]} <<'END OF FILE'\n{content}END OF FILE\n", None)
        elif language == "sh":
            yield Step(content, following[1] if following[0] == "json" else None)


def test_the_pages_do_what_they_say(started: Server, tmp_path: Path) -> None:
    """Every command succeeds, all in one shell, and answers what is shown: an excerpt, word for word.

    They are followed one after the other on a server whose directory is empty at first.
    """
    assert generate(tmp_path / "vivier_client").split() == ["Generating", str(tmp_path / "vivier_client")]
    follow(PAGES, started, tmp_path, (28, 4), {MAIL: urlsplit(started.given["VIVIER_SMTP_URL"]).netloc}, {})


def test_the_pages_of_reference_do_what_they_say(started: Server, tmp_path: Path) -> None:
    """As above, with a source of their own; the files of the State, which would be fetched, are small ones."""
    put_published_files(tmp_path)
    follow(GUIDES, started, tmp_path, (1, 0), {"annuaire": "registre"}, {})


def test_the_typescript_client_does_what_its_page_says(
    started: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled of the document, and used as an installed package by a program that is compiled too."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("the client for TypeScript is made with node and npm, and one of them is not here")
    try:
        compile_typescript()
    except subprocess.CalledProcessError as failure:
        if re.search(rb"ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT", failure.stderr):
            pytest.skip("the packages with which the client for TypeScript is made cannot be had here")
        raise AssertionError((failure.stdout + failure.stderr).decode()) from None
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "vivier-client").symlink_to(TYPESCRIPT_CLIENT)
    monkeypatch.setenv("PATH", f"{TYPESCRIPT_CLIENT}/node_modules/.bin{os.pathsep}{os.environ['PATH']}")
    follow(["clients/typescript/README.md"], started, tmp_path, (1, 1), {}, {})


def put_published_files(folder: Path) -> None:
    """The files that docs/pool.md names, as they are published, of one association in Brittany."""
    given, siren = folder / "given", "100000001"
    given.mkdir()
    place = establishment(f"{siren}00011")
    for file, rows in (("units", [unit(siren)]), ("establishments", [place]), ("awards", [award(place["siret"])])):
        table = write(folder / f"{file}.csv", file, rows)
        duckdb.read_csv(str(table), all_varchar=True).write_parquet(str(given / f"{file}.parquet"))
    for file in ("ess", "esat"):
        write(given / f"{file}.csv", file, [])
    write(folder / "geiq.csv", "geiq", [])
    for file in ("directory_units", "directory_establishments"):
        (given / f"{file}.csv.gz").write_bytes(gzip.compress(write(folder / "table.csv", file, []).read_bytes()))
    with ZipFile(folder / "rna_waldec.zip", "w") as package:
        package.write(write(folder / "rna.csv", "rna", []), "rna_waldec.csv")
    for departement in (22, 29):
        (folder / f"emplois-{departement}.json").write_text('{"results": []}')


def follow(
    pages: Iterable[str], server: Server, folder: Path, counts: tuple[int, int], real: Words, given: Words
) -> None:
    """Do what pages show, in one shell beside the checkout's `openapi`; what they start ends with it.

    `counts`: how many answers, at least, and programs they show. `real`: what stands there for words of the pages.
    `given`: variables of the shell.
    """
    if not all(map(shutil.which, ("bash", "curl", "timeout"))):
        pytest.skip("the pages are run with bash, curl and timeout, and one of them is not here")
    real = {RECEIVER_PORT: str(free_port()), WRITTEN_FOR: f"http://{server.netloc}", **real}
    written = re.compile("|".join(map(re.escape, real)))
    texts = (written.sub(lambda found: real[found[0]], (ROOT / page).read_text(encoding="utf-8")) for page in pages)
    shown = (step for text in texts for step in steps(text))
    done = [step for step in shown if not any(words in step.command for words in LEFT_OUT)]
    assert sum(step.shown is not None for step in done) >= counts[0]
    assert sum("END OF FILE" in step.command for step in done) == counts[1]
    (folder / "openapi").symlink_to(ROOT / "openapi")
    path = f"{VIVIER.parent}{os.pathsep}{given.get('PATH', os.environ['PATH'])}"
    variables = environment(server.home, DATABASE_URL=server.database_url, **given) | {"PATH": path}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name, value in variables.items():
            patched.setenv(name, value)
        load_once(patched)
        script = "".join(f"{{\n{step.command}}} >> {number}.out\n" for number, step in enumerate(done))
        status = run_shell(script, variables | {"PYTHONPATH": str(folder)})
    reached = max((int(each.stem) for each in folder.glob("*.out")), default=0)
    complaints = (folder / "stderr.txt").read_text(encoding="utf-8")
    assert (status, complaints) == (0, ""), f"{done[reached].command}\n{complaints}"
    for number, step in enumerate(done):
        said = (folder / f"{number}.out").read_text(encoding="utf-8")
        if step.shown is not None:
            assert list(differences(json.loads(step.shown), json.loads(said))) == [], step.command
        elif "/problems/" in said:
            pytest.fail(f"{step.command}{said}")


def run_shell(script: str, variables: Mapping[str, str]) -> int:
    """The exit status of a script, whose commands of Vivier run in this process, which spares each its start."""
    (requests, asked), (answers, answer) = os.pipe(), os.pipe()
    Path("agreeing.txt").write_text("oui\n")
    with (
        Path("agreeing.txt").open() as agreeing,
        Path("stderr.txt").open("a") as complaints,
        subprocess.Popen(
            ["timeout", f"{20 * PATIENCE_SECONDS}", "bash", "-euo", "pipefail", "-c", HANDED_OVER + script],
            stdin=agreeing,
            stderr=complaints,
            env={**variables, "ASKED": str(asked), "ANSWERS": str(answers)},
            pass_fds=(asked, answers),
        ) as shell,
        os.fdopen(requests) as lines,
        os.fdopen(answer, "w", buffering=1) as told,
    ):
        os.close(asked)
        os.close(answers)
        for line in lines:
            process, *arguments = line.rstrip("\n").split("\t")
            told.write(f"{run_with_streams_of(process, arguments)}\n")
    return shell.returncode


def run_with_streams_of(process: str, arguments: Sequence[str]) -> int:
    """The exit status of a command of Vivier that reads and writes where a process does."""
    with ExitStack() as held, pytest.MonkeyPatch.context() as patched:
        for number, (name, mode) in enumerate({"stdin": "r", "stdout": "a", "stderr": "a"}.items()):
            stream = held.enter_context(Path(f"/proc/{process}/fd/{number}").open(mode))
            patched.setattr(f"sys.{name}", stream)
        return main(arguments)


def demonstration(home: Path) -> str:
    """What one run shows, and that the request and the address it proposes work as printed."""
    demo = Running(home, "demo", "--port", "0")
    try:
        shown = demo.wait_for("Ctrl-C arrête tout.")
        _, silent, url, *options = shlex.split(re.findall(r"^curl .*$", shown, re.MULTILINE)[0])
        assert (silent, options[0::2]) == ("-s", ["-H", "-H", "-d"])
        headers = dict(option.split(": ", 1) for option in options[1:4:2])
        with urlopen(Request(url, options[5].encode(), headers)) as answer:
            assert b'"candidates":[{"rank":1' in answer.read()
        (link,) = re.findall(r"^http\S+/connexion/\S+$", shown, re.MULTILINE)
        browser = build_opener(HTTPCookieProcessor())
        with browser.open(Request(link, headers={"Accept-Language": "fr"})) as page:
            assert (urlsplit(page.url).path, "Votre besoin" in page.read().decode()) == ("/besoin", True)
        with browser.open(Request(urljoin(link, "/sources/exemple"), headers={"Accept": "text/html"})) as page:
            assert 'name="fichier"' in page.read().decode()
        demo.signal(signal.SIGINT)
        assert demo.ended() == 0
        assert demo.log == ""
    finally:
        demo.close()
    assert processes(home) == {}
    return shown


def test_a_newcomer_sees_a_shortlist_and_what_to_try(home: Path) -> None:
    """From nothing, then again: the same suppliers, the same key."""
    first = demonstration(home)
    assert "1\u00a0000 fournisseurs fictifs" in first
    for words in (
        "Lot 1 · ",
        "Peut répondre ?",
        "À la limite de vos critères :",
        "Offre repérée",
        "Autrement",
        "Droit et conseils",
    ):
        assert words in first
    assert "\x1b" not in first
    shortlist, _, rest = first.partition("À vous")
    assert "Sigles : EI entreprise d'insertion ; " in shortlist
    assert max(map(len, shortlist.splitlines())) <= 100
    key = re.findall(r"viv_[0-9a-f]{56}", rest)[0]
    again = demonstration(home)
    assert key in again
    assert (
        again.partition("Besoin : ")[2].partition("À vous")[0] == first.partition("Besoin : ")[2].partition("À vous")[0]
    )


def test_real_suppliers_are_not_mixed_with_invented_ones(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database given by its address may be somebody's own."""
    file = home / "cress.ndjson"
    file.write_text('{"external_id": "1", "name": "Vrai"}\n')
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr("api.commands.imports.load_reference", reference)
    assert main(["import", "cress", str(file)]) == 0
    settings = read_settings({"DATABASE_URL": database_url, "VIVIER_HOME": str(home)})
    with pytest.raises(CommandFailed, match="holds suppliers of cress"):
        asyncio.run(load_sample_pool(settings, reference(), "", may_mix=False))
