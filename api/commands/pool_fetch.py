"""`vivier pool fetch`: published files, fetched by name where the operator allows it."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from api.commands.console import console, step_bars
from api.commands.errors import USAGE, CommandFailed
from api.settings import Settings
from sources.pool.download import Fetched, NotFetched, fetch
from sources.pool.published_files import PublishedFile, published_files

NOT_ALLOWED = "files are not fetched unless the operator allows it: set VIVIER_POOL_FETCH=true"


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Fetch the files named, and say what each is given to `vivier pool build` as."""
    wanted = [_published(name) for name in dict.fromkeys(options.names)]
    for file in fetch_all(wanted, options.into, settings):
        option = next(published.option for published in wanted if published.id == file.id)
        console().print(f"{option} {file.path}  ({_outcome(file)})", soft_wrap=True)
    return 0


def fetch_all(wanted: Iterable[PublishedFile], into: Path, settings: Settings) -> Iterator[Fetched]:
    """Fetch files one after the other. Raises CommandFailed for one that cannot be, and where none may be."""
    if not settings.pool_fetch:
        raise CommandFailed(NOT_ALLOWED, USAGE)
    for published in wanted:
        try:
            with step_bars() as observe:
                fetched = fetch(published, into, observe)
        except NotFetched as failure:
            raise CommandFailed(str(failure)) from None
        yield fetched


def _published(name: str) -> PublishedFile:
    """The file of that name. Raises CommandFailed for one that is not fetched."""
    by_id = {file.id: file for file in published_files()}
    if name not in by_id:
        raise CommandFailed(f"there is no file {name}; those that can be fetched: {_fetchable()}", USAGE)
    if by_id[name].catalogue is None:
        raise CommandFailed(f"{name} is not fetched: see {by_id[name].address}; those that are: {_fetchable()}", USAGE)
    return by_id[name]


def _fetchable() -> str:
    return ", ".join(file.id for file in published_files() if file.catalogue)


def _outcome(fetched: Fetched) -> str:
    news = "fetched" if fetched.is_new else "did not change"
    checks = {"checksum": "its checksum is right", "size": "of the right size", "nothing": "nothing to check it by"}
    return f"{fetched.bytes / 1e6:,.1f} MB, {news}, {checks[fetched.checked]}"
