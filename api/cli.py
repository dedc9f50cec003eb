"""The command line: the arguments and the help of each command, its exit status and its error messages."""

import argparse
import atexit
import gc
import re
import sys
import tomllib
from collections.abc import Callable, Sequence
from datetime import date
from importlib import import_module
from importlib.resources import files
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from uuid import UUID

from api.commands.command import status_of
from api.settings import read_settings
from domain.organisation import RIGHTS_OF_PEOPLE, SCOPES

_DESCRIPTIONS: dict[str, str] = tomllib.loads((files("api.commands") / "descriptions.toml").read_text("utf-8"))
LONGEST_SOURCE = 100
GARBAGE_AFTER = 20_000
"""Objects made before the collector looks at them: a start makes many that stay, a match thousands that end with it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0, 1 for failure, 2 for a mistake of usage, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a terminal that cannot write an accent gets a question mark, not a crash
            stream.reconfigure(errors="replace")
    gc.set_threshold(GARBAGE_AFTER)
    # nothing is collected when the interpreter ends: that took a fifth of the CPU of a short command
    atexit.register(gc.freeze)
    options = _build_parser().parse_args(arguments)
    return status_of(lambda: getattr(import_module(options.module), options.function)(options, read_settings()))


class _ShowVersion(argparse.Action):
    """Prints the version and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - a third of the time that other commands take to start

        sys.stdout.write(f"vivier {version('vivier')}\n")
        parser.exit()


class _Command(argparse.ArgumentParser):
    """The parser of a command; `add_options` adds options that take time to prepare, only when this command is used."""

    add_options: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        if self.add_options is not None:
            self.add_options(self)
        return super().parse_known_args(*given, **named)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vivier", description=_DESCRIPTIONS["vivier"], epilog=_DESCRIPTIONS["epilogue"]
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Command)

    def add_command(name: str, summary: str, run: str = "") -> _Command:
        """Add a command; `run`: its function, as "module.function" in `api.commands`, by default "<name>.run"."""
        added = commands.add_parser(
            name, help=summary, description=_DESCRIPTIONS.get(name) or summary[:1].upper() + summary[1:] + "."
        )
        module, _, function = (run or f"{name}.run").rpartition(".")
        added.set_defaults(module=f"api.commands.{module}", function=function)
        return added

    def add_command_of_actions(name: str, summary: str, run: str = "") -> Callable[..., argparse.ArgumentParser]:
        """Add a command of several actions; returns the function that adds one. `run`: see `add_command`."""
        command = add_command(name, summary, run=run)
        return command.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True).add_parser

    serve = add_command("serve", "serve the API with what the database holds", "serving.serve.run")
    demo = add_command("demo", "serve a sample pool and match a sample need (what `make run` runs)", "serving.demo.run")
    for each in (serve, demo):
        each.add_argument("--host", help="address to listen on (default: VIVIER_HOST, else 127.0.0.1)")
        each.add_argument("--port", type=_int_in(0, 65_535), help="port; 0: any (default: VIVIER_PORT, else 8000)")
    serve.add_argument("--workers", type=_int_in(1, 64), help="worker processes (default: VIVIER_WORKERS, else 1)")
    _add_searches(add_command)
    add_command("import", "import a file of suppliers", "imports.run").add_options = _add_import_options
    _add_key_actions(add_command_of_actions("keys", "create, list and revoke API keys"))
    _add_people_actions(add_command_of_actions("people", "invite people, end their access", "keys.run_people"))
    _add_campaign_actions(add_command_of_actions("campaigns", "draw up and send campaigns, show what became of them"))
    _add_audit_actions(add_command_of_actions("audit", "verify the hash chain of the journals"))
    _add_privacy_actions(
        add_command_of_actions("privacy", "show the data held about a person, or erase them", "privacy.erase_or_export")
    )
    _add_retention_actions(
        add_command_of_actions("retention", "show or remove what is past its retention period", "privacy.purge_or_show")
    )
    _add_pool_actions(add_command_of_actions("pool", "build the suppliers of France from the bulk files of the State"))
    _add_law_actions(add_command_of_actions("law", "list the rules of law to look at again", "law.list_due_rules"))
    summary = "replace the table of networks and facilitators by that of a file"
    networks = add_command("networks", summary, run="imports.replace_networks")
    networks.add_argument("file", type=Path, metavar="FILE", help=".csv, .xlsx or .ods: a network a row")
    add_command("migrate", "create the tables of the database or bring them up to date", run="command.migrate")
    add_command("openapi", "print the OpenAPI document of the API", run="command.print_openapi")
    return parser


def _add_searches(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands that match a need, show the supply, propose lots and explain titles."""
    match = add_command("match", "match a need (besoin) and show its shortlist", "match.match_needs")
    supply = add_command("supply", "show which suppliers could answer in a territory", "match.show_supply")
    spending = add_command("spending", "count payments or contracts", "purchases.count_spending")
    allot = add_command("allot", "propose lots for a need, as the supply allows", "match.allot_need")
    words = add_command("words", "explain how a title is read as segments", "match.explain_title")
    programme = add_command("programme", "answer a table of planned purchases", "purchases.answer_programme")
    programme.add_argument("--territory", metavar="CODE", action="append", default=[], help="of lines without a place")
    programme.add_argument("--siret", help="of the buyer")
    programme.add_argument("--kind", choices=("state", "local", "utility"), help="of the buyer")
    programme.add_argument("--on", type=_parse_date, metavar="YYYY-MM-DD", help="for this day (default: today)")
    for parser, path in ((programme, "/programme"), (spending, "/spending")):
        parser.add_argument("file", metavar="FILE", help=".csv, .xlsx, .ods or .json")
        parser.add_argument("--json", action="store_true", help=f"print the answer of POST {path}, as JSON")
        parser.add_argument("--csv", action="store_true", help=f"print the answer of POST {path}, as CSV")
    for parser, path, metavar in ((match, "/match", "FILE"), (allot, "/allotment", "NEED.json")):
        parser.add_argument("need", metavar=metavar, help="the need; - for standard input")
        parser.add_argument("--on", type=_parse_date, metavar="DAY", help="evaluate for it (default: the need's)")
        parser.add_argument("--json", action="store_true", help=f"print the answer of POST {path}, as JSON")
    trail = "print the trail: the need as read, the suppliers each gate refused, the order"
    for parser in (match, supply, allot):
        parser.add_argument("--organisation", metavar="O", help="with what it noted of suppliers, by name or id")
    match.add_argument("--explain", action="store_true", help=trail)
    supply.add_argument("territory", metavar="TERRITORY", nargs="+", help="a code such as epci:243500741; their union")
    supply.add_argument("--segments", metavar="A,B", help="segments or families (default: all segments)")
    supply.add_argument("--on", type=_parse_date, metavar="YYYY-MM-DD", help="by the law of this day (default: today)")
    supply.add_argument("--json", action="store_true", help="print the answer of GET /supply, as JSON")
    spending.add_argument("--awards", metavar="O", help="of this organisation (default: the one that recorded some)")
    spending.add_argument("--no-awards", action="store_true", help="leave the awards recorded here out")
    words.add_argument("title", metavar="TITLE", help="the title of a lot")
    words.add_argument("--need", metavar="TITLE", help="the title of the need it belongs to")


def _add_import_options(parser: argparse.ArgumentParser) -> None:
    from sources.file_reader import FORMATS  # noqa: PLC0415 - takes longer to load than most commands need

    parser.add_argument("source", metavar="SOURCE", type=_parse_source_name, help="to which the records belong")
    parser.add_argument("file", metavar="FILE", help="the file to import")
    parser.add_argument("--format", choices=sorted(FORMATS), default="vivier", help="of the rows (default: vivier)")
    parser.add_argument("--mode", choices=("upsert", "snapshot"), default="upsert", help="snapshot also removes")
    parser.add_argument("--force", action="store_true", help="let a snapshot remove more than a fifth of the source")
    parser.add_argument("--dry-run", action="store_true", help="report what the import would do, and store nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, with all rejects")


def _add_law_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    due = add("due", help="list the rules that change soon or are to be checked", description=_DESCRIPTIONS["law due"])
    due.add_argument("--within", type=_int_in(0, 36_500), default=90, metavar="DAYS", help="days ahead (default: 90)")
    due.add_argument("--on", type=_parse_date, metavar="YYYY-MM-DD", help="count from this day (default: today)")
    copy = add(
        "check", help="tell what is wrong in a copy of the files of the law", description=_DESCRIPTIONS["law check"]
    )
    copy.set_defaults(function="check_files")
    copy.add_argument("folder", type=Path, metavar="DIR", help="a copy of domain/data, with law.toml and its tables")
    kept = add("kept", help="write the law of a frozen shortlist into a folder", description=_DESCRIPTIONS["law kept"])
    kept.set_defaults(function="write_kept_files")
    kept.add_argument("version", metavar="VERSION", help="stamp.rules of the shortlist")
    kept.add_argument("folder", type=Path, metavar="DIR", help="where to write the files")
    texts = add(
        "compare", help="tell what changed between two texts of the code", description=_DESCRIPTIONS["law compare"]
    )
    texts.set_defaults(function="compare_texts")
    texts.add_argument("old", type=Path, metavar="OLD", help="a Markdown file of articles, or a folder of them")
    texts.add_argument("new", type=Path, metavar="NEW", help="the same of a later day")
    texts.add_argument("--on", type=_parse_date, metavar="YYYY-MM-DD", help="the rules of this day (default: today)")


def _add_pool_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    listing = add("sources", help="list the files it is built from", description=_DESCRIPTIONS["pool sources"])
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    fetch = add("fetch", help="fetch published files", description=_DESCRIPTIONS["pool fetch"])
    fetch.add_argument("names", nargs="+", metavar="NAME", help="as vivier pool sources shows them, such as units")
    fetch.add_argument("--into", required=True, type=Path, metavar="DIR", help="the folder that they are fetched into")
    update = add("update", help="import what was built", description=_DESCRIPTIONS["pool update"])
    update.add_argument("folder", type=Path, metavar="DIR", help="the folder that was built in")
    update.add_argument("--again", action="store_true", help="import what did not change, too")
    update.add_argument("--force", action="store_true", help="let a source lose more than a fifth of its records")
    update.add_argument("--dry-run", action="store_true", help="report what the imports would do, and store nothing")
    update.add_argument("--json", action="store_true", help="print the reports as JSON, one a line")
    build = add("build", help="build it from given files", description=_DESCRIPTIONS["pool build"])
    build.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder that the files are made in")
    build.add_argument("--region", action="append", default=[], metavar="CODE", help="only this region; repeatable")
    build.add_argument("--departement", action="append", default=[], metavar="CODE", help="only this one; repeatable")
    staff = build.add_mutually_exclusive_group()
    staff.add_argument("--with-staff", action="store_true", default=True, help="establishments with staff (default)")
    staff.add_argument("--all", dest="with_staff", action="store_false", help="those without, too")
    memory = _text_matching("[1-9][0-9]{0,5} ?[MG]B", "a size such as 1GB or 800MB")
    build.add_argument("--memory", type=memory, default="1GB", metavar="SIZE", help="the most to use (default: 1GB)")
    build.add_argument("--json", action="store_true", help="print the report as JSON")
    build.add_argument("--fetch", type=Path, metavar="DIR", help="fetch into DIR what can be and is not given")
    published = build.add_argument_group("files, as they are published")
    for name, count, help_text in (
        ("units", 1, "Sirene, legal units"),
        ("establishments", 1, "Sirene, establishments"),
        ("ess", 1, "list of the ESS"),
        ("awards", 1, "public contracts awarded (DECP), the consolidated table"),
        ("rna", "+", "register of associations, waldec"),
        ("jobs", "+", "les emplois de l'inclusion, JSON"),
        ("geiq", 1, "labelled groups of employers"),
        ("esat", 1, "ESAT of FINESS"),
        ("market", "+", "le marché de l'inclusion, JSON"),
    ):
        published.add_argument(f"--{name}", nargs=count, type=Path, default=[], metavar="FILE", help=help_text)
    both = "UNITS", "ESTABLISHMENTS"
    published.add_argument("--directory", nargs=2, type=Path, default=[], metavar=both, help="Annuaire des entreprises")


def _add_campaign_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    shown = add("list", help="list campaigns with their counts", description="List an organisation's campaigns.")
    create = add("create", help="draw one up", description="Draw up a campaign; nothing is sent yet.")
    create.set_defaults(function="create")
    create.add_argument("file", metavar="FILE.json", help="the body of POST /campaigns; - for standard input")
    one = add("recipients", help="write the recipients of one as CSV", description="Write recipients as CSV.")
    send = add("send", help="queue its e-mails", description="Queue the e-mails not queued yet: a server sends them.")
    posted = add("posted", help="note that its letters left", description="Note that the letters left.")
    remind = add("remind", help="remind the silent, once", description="Queue a reminder to those who are silent.")
    links = add("links", help="make links, as CSV", description="Make new links, told this once, for a mail merge.")
    letters = add("letters", help="make letters, as PDF", description="Make letters with new links, told this once.")
    for each in (send, posted, remind):
        each.set_defaults(function="move")
    for each, is_file in ((links, False), (letters, True)):
        each.set_defaults(function="write_links")
        each.add_argument("--all", action="store_true", help="for those with an e-mail address, too")
        each.add_argument("--out", type=Path, metavar="FILE", required=is_file, help="the file that is written")
    for each in (one, send, posted, remind, links, letters):
        each.add_argument("campaign", type=UUID, metavar="ID", help="its id, which `vivier campaigns list` shows")
    for each in (shown, create, one, send, posted, remind, links, letters):
        each.add_argument("--organisation", required=True, help="the name or id of the organisation")


def _add_key_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    create = add("create", help="create a key", description=_DESCRIPTIONS["keys create"])
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument("--organisation", required=True, help="the buyer or network it belongs to")
    create.add_argument("--scope", required=True, action="append", choices=SCOPES, help="what it may do; repeatable")
    source: dict[str, Any] = {"action": "append", "type": _parse_source_name, "default": []}
    create.add_argument("--source", **source, help="a source it may write; repeatable")
    create.add_argument("--expires", type=_parse_date, metavar="DAY", help="the last day on which it works, in France")
    create.add_argument("--rate", type=int, metavar="N", help="its quota of requests by the minute, of all servers")
    add("list", help="list all keys, the revoked ones too", description="List all keys.")
    revoke = add("revoke", help="revoke a key", description="Revoke a key for good.")
    revoke.add_argument("key", metavar="KEY", help="its id, or the beginning of it that `vivier keys list` shows")


def _add_people_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    invite = add("invite", help="invite an address", description="Send an address a link that lets in, by e-mail.")
    invite.add_argument("address", metavar="ADDRESS", help="of one person, to whom codes to sign in go too")
    invite.add_argument("--organisation", required=True, help="the name or id of the organisation")
    invite.add_argument("--name", help="by which the journal calls the person (default: the address)")
    invite.add_argument("--right", required=True, action="append", choices=RIGHTS_OF_PEOPLE, help="given; repeatable")
    add("list", help="list who signs in without a key")
    remove = add("remove", help="end a person's access", description="End the access of an invited person.")
    remove.add_argument("person", type=UUID, metavar="ID", help="their id, which `vivier people list` shows")


def _add_audit_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    verify = add("verify", help="verify the chain of every journal", description=_DESCRIPTIONS["audit verify"])
    verify.add_argument("--organisation", metavar="O", help="verify only this organisation's journal, by name or id")
    noted = "an entry noted earlier that must still be there; repeatable"
    heads = "signed heads that were sent out (VIVIER_JOURNAL_TO), a line each: all must still be there; repeatable"
    trusted = "a key that `vivier audit key` showed elsewhere or earlier, to be trusted besides this one; repeatable"
    since = "the day since which all entries are signed, where earlier versions wrote some before (default: always)"
    key = _text_matching("[0-9a-f]{64}", "the 64 hexadecimal digits that `vivier audit key` prints")
    repeatable: dict[str, Any] = {"action": "append", "default": []}
    verify.add_argument("--anchor", **repeatable, metavar="ORGANISATION:NUMBER:HASH", help=noted)
    verify.add_argument("--heads", **repeatable, type=Path, metavar="FILE", help=heads)
    verify.add_argument("--public-key", **repeatable, type=key, metavar="KEY", help=trusted)
    verify.add_argument("--signed-since", default=date.min, type=_parse_date, metavar="DAY", help=since)
    verify.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    export = add("export", help="write the record of a need as a folder", description="Write a need's record.")
    export.add_argument("need", metavar="NEED", type=UUID, help="its id")
    export.add_argument("folder", metavar="DIR", type=Path, help="a folder that is empty or not there yet")
    add("key", help="print the public key of the journal's signatures", description="Note it outside of Vivier.")


def _add_privacy_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    export = add("export", help="print all data held about a person", description=_DESCRIPTIONS["privacy export"])
    erase = add("erase", help="erase a person", description=_DESCRIPTIONS["privacy erase"])
    whose = "in its data and the directory alone, by name or id (default: in all)"
    for action in (export, erase):
        action.add_argument("--email", help="the address of the person")
        action.add_argument("--name", help="the name; with --email, namesakes with another address are left alone")
        action.add_argument("--phone", help="a telephone number, in any spelling")
        action.add_argument("--organisation", metavar="O", help=whose)
        action.add_argument("--json", action="store_true", help="print it as JSON, whole")
    erase.add_argument("--dry-run", action="store_true", help="only show what would be changed")
    erase.add_argument("--yes", action="store_true", help="do not ask")


def _add_retention_actions(add: Callable[..., argparse.ArgumentParser]) -> None:
    show = add("show", help="show what would be removed", description=_DESCRIPTIONS["retention show"])
    purge = add("purge", help="remove it", description=_DESCRIPTIONS["retention purge"])
    spared = "keep this need longer, as where there is a dispute; repeatable"
    for action in (show, purge):
        action.add_argument("--spare", action="append", default=[], type=UUID, metavar="NEED", help=spared)
        action.add_argument("--json", action="store_true", help="print it as JSON")
    purge.add_argument("--yes", action="store_true", help="do not ask")


def _int_in(low: int, high: int) -> Callable[[str], int]:
    """A parser of a whole number from `low` to `high`. It raises ArgumentTypeError."""

    def read_number(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read_number


def _text_matching(pattern: str, expected: str) -> Callable[[str], str]:
    """A parser of a text that matches `pattern`; `expected`: the words of its ArgumentTypeError."""

    def read_text(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
        return text

    return read_text


def _parse_source_name(text: str) -> str:
    """The text, if it can name a source in a path of the API. Raises ArgumentTypeError."""
    if not (0 < len(text.strip()) <= LONGEST_SOURCE and text.isprintable() and "/" not in text):
        raise argparse.ArgumentTypeError(f"{text!r} cannot name a source: 1 to {LONGEST_SOURCE} signs, without /")
    return text


def _parse_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-24") from None


if __name__ == "__main__":
    sys.exit(main())
