"""The command line: the arguments of each command, its exit status and its error messages."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from uuid import UUID

from api.commands.errors import status_of
from api.commands.help_texts import (
    ALLOT,
    AUDIT_KEY,
    AUDIT_VERIFY,
    DEMO,
    DESCRIPTION,
    EPILOGUE,
    IMPORT,
    KEYS_CREATE,
    LAW_DUE,
    MATCH,
    POOL_BUILD,
    POOL_FETCH,
    POOL_SOURCES,
    POOL_UPDATE,
    PRIVACY_ERASE,
    PRIVACY_EXPORT,
    RETENTION_PURGE,
    RETENTION_SHOW,
    SERVE,
    SUPPLY,
    WORDS,
)
from api.settings import read_settings
from domain.organisation import SCOPES

LONGEST_SOURCE = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0, 1 for failure, 2 for a mistake of usage, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a terminal that cannot write an accent gets a question mark, not a crash
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    return status_of(lambda: getattr(import_module(options.module), options.function)(options, read_settings()))


class _ShowVersion(argparse.Action):
    """Prints the version and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - a third of the time that other commands take to start

        sys.stdout.write(f"vivier {version('vivier')}\n")
        parser.exit()


class _Command(argparse.ArgumentParser):
    """The parser of a command; `add_options` adds those that only this command should take the time for."""

    add_options: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        if self.add_options is not None:
            self.add_options(self)
        return super().parse_known_args(*given, **named)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vivier", description=DESCRIPTION, epilog=EPILOGUE)
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Command)

    def add(name: str, summary: str, description: str | None = None, run: str = "") -> _Command:
        """`run`: the function of `api.commands` that runs the command, with its module, where it is not `name.run`."""
        added = commands.add_parser(
            name, help=summary, description=description or summary[:1].upper() + summary[1:] + "."
        )
        module, _, function = (run or f"{name}.run").rpartition(".")
        added.set_defaults(module=f"api.commands.{module}", function=function)
        return added

    serve = add("serve", "serve the API with what the database holds", SERVE, "serving.serve.run")
    _address_options(serve)
    serve.add_argument("--workers", type=_whole(1, 64), help="worker processes (default: VIVIER_WORKERS, else 1)")
    _address_options(
        add("demo", "serve a sample pool and match a sample need (what `make run` runs)", DEMO, "serving.demo.run")
    )
    _match_options(add("match", "match a need (besoin) and show its shortlist", MATCH, "match.match_needs"))
    _supply_options(add("supply", "show which suppliers could answer in a territory", SUPPLY, "match.show_supply"))
    allot = add("allot", "propose lots for a need, as the supply allows", ALLOT, "match.allot_need")
    _need_options(allot, "/allotment")
    words = add("words", "explain how a title is read as segments", WORDS, "reference.explain_title")
    words.add_argument("title", metavar="TITLE", help="the title of a lot")
    words.add_argument("--need", metavar="TITLE", help="the title of the need it belongs to")
    add("import", "import a file of suppliers", IMPORT, "imports.run").add_options = _import_options
    _keys_options(add("keys", "create, list and revoke API keys"))
    _audit_options(add("audit", "verify the hash chain of the journals"))
    _privacy_options(add("privacy", "show the data held about a person, or erase them", run="privacy.erase_or_export"))
    retention = add("retention", "show or remove what is past its retention period", run="privacy.purge_or_show")
    _retention_options(retention)
    _pool_options(add("pool", "build the suppliers of France from the bulk files of the State"))
    _law_options(add("law", "list the rules of law to look at again", run="reference.list_due_rules"))
    add("migrate", "create the tables of the database or bring them up to date", run="database.migrate")
    add("openapi", "print the OpenAPI document of the API", run="reference.print_openapi")
    return parser


def _address_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (default: VIVIER_HOST, else 127.0.0.1)")
    parser.add_argument("--port", type=_whole(0, 65_535), help="port; 0: any (default: VIVIER_PORT, else 8000)")


def _need_options(parser: argparse.ArgumentParser, path: str, metavar: str = "NEED.json") -> None:
    parser.add_argument("need", metavar=metavar, help="the need; - for standard input")
    parser.add_argument("--on", type=_day, metavar="YYYY-MM-DD", help="evaluate for this day (default: the need's)")
    parser.add_argument("--json", action="store_true", help=f"print the answer of POST {path}, as JSON")


def _match_options(parser: argparse.ArgumentParser) -> None:
    _need_options(parser, "/match", "FILE")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="print the trail: the need as read, the suppliers each gate refused, the order",
    )


def _supply_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("territory", metavar="TERRITORY", nargs="+", help="a code such as epci:243500741; their union")
    parser.add_argument("--segments", metavar="A,B", help="segments or families (default: all segments)")
    parser.add_argument("--on", type=_day, metavar="YYYY-MM-DD", help="by the law of this day (default: today)")
    parser.add_argument("--json", action="store_true", help="print the answer of GET /supply, as JSON")


def _import_options(parser: argparse.ArgumentParser) -> None:
    from sources.formats.registry import FORMATS  # noqa: PLC0415 - takes longer to load than most commands need

    parser.add_argument("source", metavar="SOURCE", type=_source, help="name of the source the records belong to")
    parser.add_argument("file", metavar="FILE", help="the file to import")
    parser.add_argument("--format", choices=sorted(FORMATS), default="vivier", help="of the rows (default: vivier)")
    parser.add_argument("--mode", choices=("upsert", "snapshot"), default="upsert", help="snapshot also removes")
    parser.add_argument("--force", action="store_true", help="let a snapshot remove more than a fifth of the source")
    parser.add_argument("--dry-run", action="store_true", help="report what the import would do, and store nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, with all rejects")


def _pool_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    listing = actions.add_parser("sources", help="list the files it is built from", description=POOL_SOURCES)
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    fetch = actions.add_parser("fetch", help="fetch published files", description=POOL_FETCH)
    fetch.add_argument("names", nargs="+", metavar="NAME", help="as vivier pool sources shows them, such as units")
    fetch.add_argument("--into", required=True, type=Path, metavar="DIR", help="the folder that they are fetched into")
    update = actions.add_parser("update", help="import what was built", description=POOL_UPDATE)
    update.add_argument("folder", type=Path, metavar="DIR", help="the folder that was built in")
    update.add_argument("--again", action="store_true", help="import what did not change, too")
    update.add_argument("--force", action="store_true", help="let a source lose more than a fifth of its records")
    update.add_argument("--dry-run", action="store_true", help="report what the imports would do, and store nothing")
    update.add_argument("--json", action="store_true", help="print the reports as JSON, one a line")
    build = actions.add_parser("build", help="build it from given files", description=POOL_BUILD)
    build.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder that the files are made in")
    build.add_argument("--region", action="append", default=[], metavar="CODE", help="only this region; repeatable")
    build.add_argument("--departement", action="append", default=[], metavar="CODE", help="only this one; repeatable")
    staff = build.add_mutually_exclusive_group()
    staff.add_argument("--with-staff", action="store_true", default=True, help="establishments with staff (default)")
    staff.add_argument("--all", dest="with_staff", action="store_false", help="those without, too")
    build.add_argument("--memory", type=_memory, default="1GB", metavar="SIZE", help="the most to use (default: 1GB)")
    build.add_argument("--json", action="store_true", help="print the report as JSON")
    build.add_argument("--fetch", type=Path, metavar="DIR", help="fetch into DIR what can be and is not given")
    files = build.add_argument_group("files, as they are published")
    for name, help_text in (("units", "Sirene, legal units"), ("establishments", "Sirene, establishments")):
        files.add_argument(f"--{name}", nargs=1, type=Path, default=[], metavar="FILE", help=help_text)
    for name, count, help_text in (
        ("ess", 1, "list of the ESS"),
        ("awards", 1, "public contracts awarded (DECP), the consolidated table"),
        ("rna", "+", "register of associations, waldec"),
        ("jobs", "+", "les emplois de l'inclusion, JSON"),
        ("geiq", 1, "labelled groups of employers"),
        ("esat", 1, "ESAT of FINESS"),
        ("market", "+", "le marché de l'inclusion, JSON"),
    ):
        files.add_argument(f"--{name}", nargs=count, type=Path, default=[], metavar="FILE", help=help_text)
    files.add_argument(
        "--directory", nargs=2, type=Path, default=[], metavar=("UNITS", "ESTABLISHMENTS"),
        help="Annuaire des entreprises",
    )  # fmt: skip


def _keys_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    create = actions.add_parser("create", help="create a key", description=KEYS_CREATE)
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument("--organisation", required=True, help="the buyer or network it belongs to")
    create.add_argument("--scope", required=True, action="append", choices=SCOPES, help="what it may do; repeatable")
    create.add_argument("--source", action="append", type=_source, default=[], help="a source it may write; repeatable")
    create.add_argument("--expires", type=_day, metavar="DAY", help="the last day on which it works, in France")
    create.add_argument("--rate", type=int, metavar="N", help="its quota of requests by the minute, of all servers")
    actions.add_parser("list", help="list all keys, the revoked ones too", description="List all keys.")
    revoke = actions.add_parser("revoke", help="revoke a key", description="Revoke a key for good.")
    revoke.add_argument("key", metavar="KEY", help="its id, or the beginning of it that `vivier keys list` shows")


def _audit_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    verify = actions.add_parser("verify", help="verify the chain of every journal", description=AUDIT_VERIFY)
    verify.add_argument("--organisation", metavar="O", help="verify only this organisation's journal, by name or id")
    verify.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="ORGANISATION:NUMBER:HASH",
        help="an entry noted earlier that must still be there; repeatable",
    )
    verify.add_argument(
        "--heads",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="signed heads that were sent out (VIVIER_JOURNAL_TO), a line each: all must still be there; repeatable",
    )
    verify.add_argument(
        "--public-key",
        action="append",
        default=[],
        type=_public_key,
        metavar="KEY",
        help="a key that `vivier audit key` showed elsewhere or earlier, to be trusted besides this one; repeatable",
    )
    verify.add_argument(
        "--signed-since",
        default=datetime.min.replace(tzinfo=UTC),
        type=_first_moment,
        metavar="DAY",
        help="the day since which all entries are signed, where earlier versions wrote some before (default: always)",
    )
    verify.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    actions.add_parser("key", help="print the public key of the journal's signatures", description=AUDIT_KEY)


def _first_moment(day: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day), time.min, UTC)
    except ValueError:
        raise argparse.ArgumentTypeError("a day such as 2026-11-27") from None


def _public_key(text: str) -> str:
    if re.fullmatch("[0-9a-f]{64}", text) is None:
        raise argparse.ArgumentTypeError("the 64 hexadecimal digits that `vivier audit key` prints")
    return text


def _privacy_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    export = actions.add_parser("export", help="print all data held about a person", description=PRIVACY_EXPORT)
    erase = actions.add_parser("erase", help="erase a person", description=PRIVACY_ERASE)
    for action in (export, erase):
        action.add_argument("--email", help="the address of the person")
        action.add_argument("--name", help="the name; with --email, namesakes with another address are left alone")
        action.add_argument("--phone", help="a telephone number, in any spelling")
        action.add_argument(
            "--organisation", metavar="O", help="in its data and the directory alone, by name or id (default: in all)"
        )
        action.add_argument("--json", action="store_true", help="print it as JSON, whole")
    erase.add_argument("--dry-run", action="store_true", help="only show what would be changed")
    erase.add_argument("--yes", action="store_true", help="do not ask")


def _retention_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    show = actions.add_parser("show", help="show what would be removed", description=RETENTION_SHOW)
    purge = actions.add_parser("purge", help="remove it", description=RETENTION_PURGE)
    for action in (show, purge):
        action.add_argument(
            "--spare",
            action="append",
            default=[],
            type=UUID,
            metavar="NEED",
            help="keep this need longer, as where there is a dispute; repeatable",
        )
        action.add_argument("--json", action="store_true", help="print it as JSON")
    purge.add_argument("--yes", action="store_true", help="do not ask")


def _law_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    due = actions.add_parser("due", help="list the rules that change soon or are to be checked", description=LAW_DUE)
    due.add_argument("--within", type=_whole(0, 36_500), default=90, metavar="DAYS", help="days ahead (default: 90)")
    due.add_argument("--on", type=_day, metavar="YYYY-MM-DD", help="count from this day (default: today)")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def _memory(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,5} ?[MG]B", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1GB or 800MB")
    return text


def _source(text: str) -> str:
    """A name as it can stand in the path of the API."""
    if not (0 < len(text.strip()) <= LONGEST_SOURCE and text.isprintable() and "/" not in text):
        raise argparse.ArgumentTypeError(f"{text!r} cannot name a source: 1 to {LONGEST_SOURCE} signs, without /")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-24") from None


if __name__ == "__main__":
    sys.exit(main())
